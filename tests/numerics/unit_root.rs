//! Families `kpss` and `variance_ratio`: arch.

use qc_quant::unit_root::kpss::{self, Bandwidth};
use qc_quant::unit_root::variance_ratio;
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
