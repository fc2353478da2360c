//! Typed client of the QuantConnect REST API v2.
