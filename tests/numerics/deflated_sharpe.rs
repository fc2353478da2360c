//! Family `deflated_sharpe`: a momentum rule over many parameters.

use qc_quant::performance::deflated_sharpe::deflate;
use qc_quant::returns;
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let panel = golden.panel(case.text("dataset"), Some(&[case.text("series")]));
    let (price, simple) = (panel.column(0), returns::simple(&panel)?);
    let mut trials = Vec::new();
    for lookback in case.numbers("lookbacks").into_iter().map(|v| v as usize) {
        for hold in case.numbers("holds").into_iter().map(|v| v as usize) {
            let trial = simple.column(0).iter().enumerate().map(|(t, r)| {
                let decided = t / hold * hold;
                let long = lookback <= t && price[decided.saturating_sub(lookback)] < price[decided];
                if long { *r } else { 0.0 }
            });
            trials.push(trial.collect::<Vec<f64>>());
        }
    }
    let found = deflate(&trials.iter().map(Vec::as_slice).collect::<Vec<_>>(), None)?;
    Ok(json!({
        "sharpe_per_period": found.sharpe,
        "best": found.best,
        "sr0": found.expected_maximum,
        "dsr": found.deflated,
    }))
}
