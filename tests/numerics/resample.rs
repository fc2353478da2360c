//! Family `optimal_block_length`: arch.

use qc_quant::resample::block_length;
use qc_quant::returns;
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn block_length(case: &Case, golden: &Golden) -> Answer {
    let panel = golden.panel(case.text("dataset"), Some(&[case.text("series")]));
    let mut values = returns::simple(&panel)?.column(0).to_vec();
    if case.text("returns").starts_with("squared") {
        values.iter_mut().for_each(|r| *r *= *r);
    }
    let found = block_length::optimal(&values)?;
    Ok(json!({ "stationary": found.stationary, "circular": found.circular }))
}
