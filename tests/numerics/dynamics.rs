//! Family `kalman_hedge`: pykalman.

use qc_quant::dynamics::kalman_hedge::{self, KalmanOptions};
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
