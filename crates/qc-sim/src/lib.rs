//! QuantConnect in memory: a simulator of the REST API and a small synthetic market.
