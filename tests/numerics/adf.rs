//! Family `adf`: arch's ADF.

use qc_quant::unit_root::adf::{self, AdfOptions};
use qc_quant::unit_root::{CriticalValues, LagRule, Trend};
use serde_json::{Value, json};

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let options = AdfOptions { trend: trend(case), lags: lag_rule(case), max_lags: None };
    let found = adf::test(&golden.series(case.text("series")), &options)?;
    Ok(json!({
        "stat": found.statistic,
        "pvalue": found.p_value,
        "lags": found.lags,
        "nobs": found.n_obs,
        "critical_values": critical_values(&found.critical_values),
    }))
}

pub fn trend(case: &Case) -> Trend {
    Trend::from_code(case.text("trend")).unwrap()
}

pub fn lag_rule(case: &Case) -> LagRule {
    match &case.inputs["lags"] {
        Value::Number(lags) => LagRule::Fixed(lags.as_u64().unwrap() as usize),
        Value::String(name) if name == "aic" => LagRule::Aic,
        Value::String(name) if name == "bic" => LagRule::Bic,
        Value::String(name) if name == "t-stat" => LagRule::TStat,
        other => panic!("{}: no lag rule {other}", case.id),
    }
}

pub fn critical_values(values: &CriticalValues) -> Value {
    values
        .named()
        .into_iter()
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
