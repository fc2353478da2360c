//! Does qc-data read the same rows as the reference reader?
//!
//! The reference cases come from outside (`QC_HISTORY_CASES`, else `$QC_TEST_SHARED/data/lean-history-cases.json`) and
//! need the sample folder beside them; without them this suite says so and runs the rest: folders that the tests
//! write themselves, and damaged ones.

mod any_bytes;
mod bad_input;
mod cases;
mod chains;
mod consolidation;
mod extended_hours;
mod identity;
mod limits;
mod market;
mod naive;
mod options;
mod parquet;
mod reference;
mod shared_tickers;
mod synthetic;
mod tables;
mod traps;
mod universes;
mod witnessed;
