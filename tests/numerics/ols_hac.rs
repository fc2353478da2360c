//! Family `ols_hac`: statsmodels' OLS and robust covariances.

use qc_quant::stats::hac;
use qc_quant::stats::ols::{self, Errors};
use qc_quant::{Panel, Series, returns};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let simple = case.text("returns") == "simple";
    let change = |panel: Panel| if simple { returns::simple(&panel) } else { Ok(panel) };
    let y: Series = change(golden.panel(case.text("dataset"), Some(&[case.text("y")])))?.series(case.text("y"))?;
    let columns = case.inputs.get("x").map(|_| case.texts("x"));
    let x = change(golden.panel(case.text("x_dataset"), columns.as_deref()))?;
    let fit = ols::fit(&y, &x)?;
    let errors = |kind| fit.inference(kind).map(|found| found.standard_errors);
    let mut all = json!({
        "names": fit.names,
        "params": fit.coefficients,
        "r2": fit.r_squared,
        "adj_r2": fit.adjusted_r_squared,
        "se_nonrobust": errors(Errors::Classical)?,
        "nobs": fit.n_obs,
        "f_stat": fit.f_statistic,
        "durbin_watson": fit.durbin_watson,
        "condition_number": fit.condition_number,
        "se_hc0": errors(Errors::Hc0)?,
        "se_hc1": errors(Errors::Hc1)?,
        "se_hc3": errors(Errors::Hc3)?,
        "nw_auto_lag": hac::automatic_lags(fit.n_obs),
    });
    for lags in case.numbers("hac_lags") {
        for (corrected, name) in [(false, "raw"), (true, "corr")] {
            let found = fit.inference(Errors::HacLags { lags: lags as usize, corrected })?;
            all[format!("hac_{lags}_{name}")] =
                json!({ "se": found.standard_errors, "t": found.t, "p_t": found.p_values });
        }
    }
    Ok(all)
}
