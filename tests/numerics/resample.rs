//! Families `optimal_block_length` (arch) and `bootstrap_alpha` (the generator's own reference).

use qc_quant::resample::block_bootstrap::{self, AlphaOptions};
use qc_quant::resample::block_length;
use qc_quant::{Silent, returns};
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

pub fn alpha(case: &Case, golden: &Golden) -> Answer {
    let own = returns::simple(&golden.panel(case.text("dataset"), Some(&[case.text("y")])))?;
    let factor = returns::simple(&golden.panel(case.text("x"), None))?;
    let options =
        AlphaOptions { mean_block: case.number("mean_block"), replicates: case.count("B_at_least").max(8000), seed: 0 };
    let found = block_bootstrap::alpha(own.column(0), factor.column(0), &options, &Silent)?;
    Ok(json!({
        "alpha_daily": found.alpha,
        "se_hc0": found.standard_error,
        "t": found.t,
        "p_two_sided": found.p_two_sided,
        "p_one_sided": found.p_one_sided,
    }))
}
