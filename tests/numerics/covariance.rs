//! Family `shrinkage`: scikit-learn.

use qc_quant::{covariance, returns};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden, rows};

pub fn shrinkage(case: &Case, golden: &Golden) -> Answer {
    let panel = returns::simple(&case.panel(golden))?;
    let wolf = covariance::ledoit_wolf(&panel)?;
    Ok(json!({
        "ledoit_wolf_shrinkage": wolf.shrinkage,
        "ledoit_wolf_cov": rows(&wolf.covariance),
        "oas_shrinkage": covariance::oas(&panel)?.shrinkage,
    }))
}
