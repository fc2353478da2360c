//! Families `kalman_hedge` (pykalman) and `markov_switching` (statsmodels).

use qc_quant::Silent;
use qc_quant::dynamics::kalman_hedge::{self, KalmanOptions};
use qc_quant::dynamics::markov_switching::{self, MarkovOptions, Regimes};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn kalman_hedge(case: &Case, golden: &Golden) -> Answer {
    let panel = case.panel(golden);
    let s0 = case.numbers("s0");
    let p0 = |i: usize, j: usize| case.inputs["P0"][i][j].as_f64().unwrap();
    let options = KalmanOptions {
        delta: case.number("delta"),
        observation_variance: case.number("obs_var"),
        initial_state: [s0[0], s0[1]],
        initial_covariance: [[p0(0, 0), p0(0, 1)], [p0(1, 0), p0(1, 1)]],
    };
    let found = kalman_hedge::filter(&panel.series(case.text("y"))?, &panel.series(case.text("x"))?, &options)?;
    let every_50 = |values: &[f64]| values.iter().step_by(50).copied().collect::<Vec<_>>();
    Ok(json!({
        "beta_every_50": every_50(&found.beta),
        "alpha_every_50": every_50(&found.alpha),
        "last_state": [found.beta.last(), found.alpha.last()],
        "last_cov": found.covariance,
        "loglik": found.log_likelihood,
        "innovation_every_50": every_50(&found.innovation),
        "innovation_var_every_50": every_50(&found.innovation_variance),
    }))
}

pub fn markov_switching(case: &Case, golden: &Golden) -> Answer {
    let y: Vec<f64> = golden.column("synthetic", "regime").iter().map(|value| 100.0 * value).collect();
    let params = &case.inputs["params"];
    let number = |pointer: &str| params.pointer(pointer).and_then(serde_json::Value::as_f64).unwrap();
    let given = Regimes {
        mean: [number("/mu/0"), number("/mu/1")],
        std_dev: [number("/sigma/0"), number("/sigma/1")],
        stay: [number("/P_to_from/0/0"), number("/P_to_from/1/1")],
    };
    let path = markov_switching::path(&y, &given)?;
    let found = markov_switching::fit(&y, &MarkovOptions { replicates: 0, seed: 0 }, &Silent)?;
    let every_50 = |rows: &[[f64; 2]]| rows.iter().step_by(50).map(|row| row[0]).collect::<Vec<_>>();
    Ok(json!({
        "loglik": path.log_likelihood,
        "filtered_every_50": every_50(&path.filtered),
        "smoothed_every_50": every_50(&path.smoothed),
        "loglik_one_regime": found.log_likelihood_one_regime,
        "mle_loglik": found.path.log_likelihood,
        "lr": found.likelihood_ratio,
    }))
}
