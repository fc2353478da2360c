//! Do client and simulator agree, resource by resource?
