//! Fuzz target: the reader `minute_quotes` of data folders.
#![no_main]

#[allow(dead_code, reason = "each target runs one body of many")]
#[path = "../../support/data.rs"]
mod data;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| data::run("minute_quotes", bytes));
