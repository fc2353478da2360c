//! Fuzz target: forms with PHP's brackets.
#![no_main]

#[allow(dead_code, reason = "each target runs one body of many")]
#[path = "../../support/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire::forms(bytes));
