//! Families `kpss`, `variance_ratio` and `phillips_perron`: arch.

use qc_quant::unit_root::kpss::{self, Bandwidth};
use qc_quant::unit_root::{CriticalValues, phillips_perron, variance_ratio};
use serde_json::json;

use crate::Answer;
use crate::adf::{critical_values, trend};
use crate::golden::{Case, Golden};

pub fn kpss(case: &Case, golden: &Golden) -> Answer {
    let bandwidth = match case.inputs["lags"].as_u64() {
        Some(lags) => Bandwidth::Fixed(lags as usize),
        None => Bandwidth::Auto,
    };
    let found = kpss::test(&golden.series(case.text("series")), trend(case), bandwidth)?;
    Ok(json!({
        "stat": found.statistic,
        "lags": found.lags,
        "pvalue": found.p_value,
        "critical_values": critical_values(&found.critical_values),
    }))
}

pub fn variance_ratio(case: &Case, golden: &Golden) -> Answer {
    let found = variance_ratio::test(&golden.series(case.text("series")), case.count("lags"))?;
    Ok(json!({ "vr": found.ratio, "stat": found.statistic, "pvalue": found.p_value }))
}

pub fn phillips_perron(case: &Case, golden: &Golden) -> Answer {
    let lags = case.inputs["lags"].as_u64().map(|lags| lags as usize);
    let found = phillips_perron::test(golden.column(case.text("dataset"), case.text("series")), trend(case), lags)?;
    let critical = |values: CriticalValues| values.named().map(|(_, value)| value);
    Ok(json!({
        "tau": found.tau,
        "tau_p": found.tau_p_value,
        "tau_critical": critical(found.tau_critical_values),
        "rho": found.rho,
        "rho_p": found.rho_p_value,
        "rho_critical": critical(found.rho_critical_values),
        "lags": found.lags,
        "nobs": found.n_obs,
    }))
}
