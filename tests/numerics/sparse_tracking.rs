//! Family `sparse_tracking`: cvxpy. Without penalty the problem is convex and the loss is held; with one the case
//! bounds the objective from above, and the weights must keep their conditions.

use qc_quant::portfolio::sparse_tracking::{self, Measure, Penalty, TrackingOptions};
use qc_quant::{Silent, returns};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

/// With a penalty only the bound on the objective is held.
pub fn remarks(case: &Case) -> &'static [&'static str] {
    if case.number("lam") == 0.0 { &[] } else { &["loss", "nonzeros"] }
}

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let panel = returns::simple(&golden.panel(case.text("dataset"), None))?;
    let index = returns::simple(&golden.panel(case.text("benchmark"), None))?;
    let from = panel.n_rows() - case.count("last_rows");
    let panel = panel.slice(from..panel.n_rows())?;
    let index = index.slice(from..index.n_rows())?;
    let index = index.series(&index.symbols()[0])?;
    let huber = case.inputs["huber"].as_f64().unwrap_or(0.0);
    let measure = match case.text("measure") {
        "ete" => Measure::Ete,
        "dr" => Measure::Dr,
        "hete" => Measure::Hete { huber },
        "hdr" => Measure::Hdr { huber },
        other => return Err(format!("unknown measure {other}").into()),
    };
    let (lambda, cap) = (case.number("lam"), case.number("u"));
    let options = TrackingOptions {
        measure,
        max_weight: cap,
        penalty: Penalty::Lambda(lambda),
        p: case.number("p"),
        hold_out: 0.0,
        periods_per_year: 252.0,
    };
    let found = sparse_tracking::fit(&panel, &index, &options, &Silent)?;
    let sum: f64 = found.weights.iter().sum();
    if 1e-9 < (sum - 1.0).abs() || found.weights.iter().any(|w| !(0.0..=cap + 1e-12).contains(w)) {
        return Err(format!("weights {:?} sum to {sum}, cap {cap}", found.weights).into());
    }
    let objective = found.loss + found.penalty;
    Ok(json!({ "loss": found.loss, "objective_upper_bound": objective, "nonzeros": found.assets }))
}
