//! Families `half_life`, `hurst_ghe`, `hurst_rs` and `zscore_last`.

use qc_quant::cointegration::engle_granger;
use qc_quant::mean_reversion::{half_life, hurst, zscore};
use serde_json::{Map, json};

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn half_life(case: &Case, golden: &Golden) -> Answer {
    let series = if case.inputs.get("spread_y").is_some() {
        let (y, x) = (case.text("spread_y"), case.text("spread_x"));
        engle_granger::test(&case.panel(golden), y, &[x], &Default::default())?.residual
    } else {
        golden.column(case.text("dataset"), case.text("series")).to_vec()
    };
    let found = half_life::estimate(&series)?;
    Ok(json!({
        "lambda_": found.lambda,
        "phi": found.phi,
        "intercept": found.intercept,
        "se_lambda": found.lambda_standard_error,
        "t_lambda": found.lambda_t,
        "half_life": found.half_life,
        "half_life_se_delta": found.half_life_standard_error,
        "phi_kendall": found.phi_corrected,
        "half_life_kendall": found.half_life_corrected,
        "nobs": found.n_obs,
    }))
}

pub fn structure(case: &Case, golden: &Golden) -> Answer {
    let column = golden.column(case.text("dataset"), case.text("series"));
    let levels: Vec<f64> = match case.text("transform") {
        "log" => column.iter().map(|price| price.ln()).collect(),
        "cumsum" => cumulated(column),
        other => return Err(format!("unknown transform {other}").into()),
    };
    let lags = case.numbers("lags");
    let found = hurst::structure(&levels, case.number("q"), lags[0] as usize, lags[1] as usize)?;
    Ok(json!({
        "hurst": found.hurst,
        "intercept": found.intercept,
        "r2": found.r_squared,
        "log_moments": found.log_moments,
    }))
}

pub fn rescaled_range(case: &Case, golden: &Golden) -> Answer {
    let column = golden.column(case.text("dataset"), case.text("series"));
    let increments: Vec<f64> = match case.text("increments") {
        "log returns" => column.windows(2).map(|pair| pair[1].ln() - pair[0].ln()).collect(),
        _ => column.to_vec(),
    };
    assert_eq!(case.count("min_window"), 10);
    let found = hurst::rescaled_range(&increments)?;
    Ok(json!({
        "windows": found.windows,
        "rs": found.ranges,
        "hurst_rs": found.raw,
        "c": found.constant,
        "hurst_rs_anis_lloyd": found.corrected,
    }))
}

pub fn zscore(case: &Case, golden: &Golden) -> Answer {
    let panel = case.panel(golden);
    let mut all = Map::new();
    for (symbol, column) in panel.symbols().iter().zip(panel.columns()) {
        let found = zscore::last(column, case.count("lookback"))?;
        all.insert(symbol.clone(), json!({ "mean": found.mean, "std": found.std_dev, "z": found.z }));
    }
    Ok(all.into())
}

fn cumulated(values: &[f64]) -> Vec<f64> {
    let add = |sum: &mut f64, value: &f64| {
        *sum += value;
        Some(*sum)
    };
    values.iter().scan(0.0, add).collect()
}
