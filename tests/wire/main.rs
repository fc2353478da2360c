//! Do odd payloads decode, and do any bytes ever panic?
//!
//! The corpus in `tests/golden/wire/` is written from the documented oddities of the service, one file per oddity,
//! each case with its expected reading. See `support/wire.rs` for the bodies that any bytes must survive.

mod any_bytes;
mod corpus;
