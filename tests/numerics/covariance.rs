//! Families `shrinkage` (scikit-learn) and `ewma_covariance` (pandas).

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

pub fn ewma(case: &Case, golden: &Golden) -> Answer {
    let found = covariance::ewma::covariance(&case.panel(golden), case.number("half_life"))?;
    Ok(json!({ "covariance": rows(&found) }))
}
