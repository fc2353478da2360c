//! Families `correlation`, `correlation_pair`, `correlation_missing` and `rolling_dcor`.

use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::distance_correlation;
use qc_quant::{MissingPolicy, Panel, returns};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden, rows};

pub fn matrix(case: &Case, golden: &Golden) -> Answer {
    let method = match case.text("method") {
        "pearson" => Method::Pearson,
        "spearman" => Method::Spearman,
        "kendall" => Method::Kendall,
        other => return Err(format!("unknown method {other}").into()),
    };
    let found = correlation::matrix(&returns::simple(&case.panel(golden))?, method)?;
    Ok(json!({ "matrix": rows(&found.values), "order": found.symbols }))
}

pub fn pair(case: &Case, golden: &Golden) -> Answer {
    let column = |key: &str| golden.column(case.text("dataset"), case.text(key));
    let (x, y) = (column("x"), column("y"));
    let pearson = correlation::pair(x, y, Method::Pearson)?;
    let spearman = correlation::pair(x, y, Method::Spearman)?;
    let distance = distance_correlation::test(x, y)?;
    Ok(json!({
        "pearson": pearson.value,
        "pearson_p": pearson.p_value,
        "spearman": spearman.value,
        "spearman_p": spearman.p_value,
        "kendall": correlation::pair(x, y, Method::Kendall)?.value,
        "dcor": distance.correlation,
        "dcov2": distance.covariance_squared,
        "u_dcor2": distance.bias_corrected_squared,
    }))
}

pub fn missing(case: &Case, golden: &Golden) -> Answer {
    let full = returns::simple(&case.panel(golden))?;
    let mut columns: Vec<Vec<f64>> = full.columns().map(<[f64]>::to_vec).collect();
    for hole in case.inputs["set_nan_return_rows_cols"].as_array().unwrap() {
        let at = |part: usize| hole[part].as_u64().unwrap() as usize;
        columns[at(1)][at(0)] = f64::NAN;
    }
    let symbols = full.symbols().to_vec();
    let (panel, _) = Panel::with_missing(symbols, full.index().clone(), columns, MissingPolicy::DropRows)?;
    let found = correlation::matrix(&panel, Method::Pearson)?;
    Ok(json!({ "matrix": rows(&found.values), "n_obs": found.n_obs }))
}

pub fn rolling_distance(case: &Case, golden: &Golden) -> Answer {
    let panel = returns::simple(&case.panel(golden))?;
    let ends = case.numbers("window_ends_exclusive");
    let step = (ends[1] - ends[0]) as usize;
    let (x, y, window) = (case.text("x"), case.text("y"), case.count("window"));
    let found = correlation::rolling(&panel, x, y, Method::Distance, window, step)?;
    Ok(json!({ "values": found.values }))
}
