//! Fuzz target: lists, maps and objects in all their forms.
#![no_main]

#[allow(dead_code, reason = "each target runs one body of many")]
#[path = "../../support/wire.rs"]
mod wire;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| wire::collections(bytes));
