//! Families `min_cvar` (cvxpy with Clarabel; a cone for the volatility cap) and `min_cvar_rows` (HiGHS: books, neutrality,
//! groups, a cap on trading), both Rockafellar and Uryasev's linear program.

use qc_quant::portfolio::constraints::{Constraints, Row, Turnover};
use qc_quant::portfolio::mean_variance::Bounds;
use qc_quant::portfolio::min_cvar;
use qc_quant::stats::moments::mean;
use qc_quant::{Error, returns};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let panel = returns::simple(&golden.panel(case.text("dataset"), None))?;
    let panel = panel.slice(panel.n_rows() - case.count("last_rows")..panel.n_rows())?;
    let bounds = Bounds { lower: case.number("lb"), upper: case.number("ub") };
    let constraints = || -> Result<Constraints, Error> {
        let mut constraints = Constraints::invested(panel.n_symbols(), bounds)?;
        if let Some(least) = case.inputs["min_mean_per_period"].as_f64() {
            let mu: Vec<f64> = panel.columns().map(mean).collect();
            constraints = constraints.at_least("mean return", &mu, least)?;
        }
        constraints.max_volatility = case.inputs["max_vol_per_period"].as_f64();
        Ok(constraints)
    };
    match constraints().and_then(|constraints| min_cvar::fit(&panel, case.number("beta"), &constraints)) {
        Err(Error::Infeasible { .. }) => Ok(json!({ "status": "infeasible" })),
        Err(error) => Err(error.into()),
        // the threshold is one end of an interval when the tail holds whole rows, and follows from the weights
        Ok(found) => Ok(json!({ "cvar": found.cvar, "weights": found.weights })),
    }
}

/// Bounds, rows and cap on trading as a case states them.
pub fn conditions(case: &Case) -> Constraints {
    let rows = |key: &str| {
        let list = case.inputs[key].as_array().unwrap();
        let number = |value: &serde_json::Value| value.as_f64().unwrap();
        let row = |entry: &serde_json::Value| Row {
            name: key.to_owned(),
            coefficients: entry["coefficients"].as_array().unwrap().iter().map(number).collect(),
            value: number(&entry["value"]),
        };
        list.iter().map(row).collect()
    };
    let turnover = case.inputs.get("turnover").filter(|turnover| !turnover.is_null()).map(|turnover| Turnover {
        from: turnover["held"].as_array().unwrap().iter().map(|w| w.as_f64().unwrap()).collect(),
        at_most: turnover["at_most"].as_f64().unwrap(),
    });
    Constraints {
        covariance: None,
        lower: case.numbers("lower"),
        upper: case.numbers("upper"),
        equal: rows("equal"),
        at_most: rows("at_most"),
        max_volatility: case.inputs.get("max_volatility").and_then(serde_json::Value::as_f64),
        turnover,
    }
}

pub fn rows(case: &Case, golden: &Golden) -> Answer {
    match min_cvar::fit(&case.panel(golden), case.number("confidence"), &conditions(case)) {
        Err(Error::Infeasible { .. }) => Ok(json!({ "status": "infeasible" })),
        Err(error) => Err(error.into()),
        Ok(found) => Ok(json!({ "cvar": found.cvar })),
    }
}
