//! Families `performance` and `performance_edge`: point figures; `sharpe_hac` and `alpha_hac` (statsmodels): robust errors.

use qc_quant::performance::{Performance, PerformanceOptions, RiskFree, robust, summary};
use qc_quant::portfolio::{self, Policy};
use qc_quant::returns;
use serde_json::{Value, json};

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let panel = returns::simple(&case.panel(golden))?;
    let weights = case.numbers("weights");
    let risk_free = RiskFree::Constant(case.number("rf_per_period"));
    // the cases leave what is not invested without interest
    let own = portfolio::returns(&panel, &weights, Policy::ConstantWeights, 0.0)?;
    let benchmark = match case.inputs["benchmark"].as_str() {
        Some(name) => Some(returns::simple(&golden.panel(name, None))?.column(0).to_vec()),
        None => None,
    };
    let options = PerformanceOptions {
        periods_per_year: case.number("periods_per_year"),
        risk_free,
        mar: case.number("mar"),
        confidence: case.number("var_level"),
    };
    let found = summary(own.values(), benchmark.as_deref(), &options)?;
    let mut all = figures(&found);
    if let (Value::Object(all), Some(b)) = (&mut all, &found.benchmark) {
        all.insert("beta".into(), json!(b.beta));
        all.insert("alpha_annual".into(), json!(b.alpha_annual));
        all.insert("tracking_error".into(), json!(b.tracking_error));
        all.insert("information_ratio".into(), json!(b.information_ratio));
        all.insert("correlation".into(), json!(b.correlation));
        all.insert("up_capture_arith".into(), json!(b.up_capture));
        all.insert("down_capture_arith".into(), json!(b.down_capture));
    }
    Ok(all)
}

pub fn edge(case: &Case, _: &Golden) -> Answer {
    let options = PerformanceOptions { periods_per_year: case.number("periods_per_year"), ..Default::default() };
    Ok(figures(&summary(&case.numbers("returns"), None, &options)?))
}

fn figures(found: &Performance) -> Value {
    json!({
        "n": found.n_obs,
        "total_return": found.total_return,
        "cagr": found.cagr,
        "mean_annual_arith": found.mean_annual,
        "volatility": found.volatility,
        "sharpe": found.sharpe,
        "downside_deviation": found.downside_deviation,
        "sortino": found.sortino,
        "max_drawdown": found.max_drawdown.depth,
        "max_dd_peak_index": found.max_drawdown.peak,
        "max_dd_trough_index": found.max_drawdown.trough,
        "max_dd_recovery_index": found.max_drawdown.recovery,
        "calmar": found.calmar,
        "hit_rate": found.hit_rate,
        "skew": found.skewness,
        "excess_kurtosis": found.excess_kurtosis,
        "var_hist": found.value_at_risk,
        "cvar_hist": found.conditional_value_at_risk,
        "best": found.best,
        "worst": found.worst,
        "profit_factor": found.profit_factor,
        "ulcer_index": found.ulcer_index,
        "omega_0": found.omega,
        "psr_vs_0": found.sharpe_probability_positive,
        "sharpe_se_annual": found.sharpe_standard_error,
    })
}

pub fn sharpe_hac(case: &Case, golden: &Golden) -> Answer {
    let returns = golden.column(case.text("dataset"), case.text("series"));
    Ok(json!({ "standard_error": robust::sharpe_standard_error(returns, Some(case.count("lags"))) }))
}

pub fn alpha_hac(case: &Case, golden: &Golden) -> Answer {
    let column = |key: &str| golden.column(case.text("dataset"), case.text(key));
    let found = robust::alpha(column("y"), column("x"), Some(case.count("lags")))?;
    Ok(json!({
        "alpha": found.alpha,
        "beta": found.beta,
        "standard_error": found.standard_error,
        "t": found.t,
        "p_value": found.p_value,
        "beta_standard_error": found.beta_standard_error,
    }))
}
