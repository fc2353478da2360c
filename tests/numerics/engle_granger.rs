//! Families `engle_granger` and `engle_granger_all_pairs`: arch, and MacKinnon's 1994 p-values from statsmodels.

use qc_quant::Silent;
use qc_quant::cointegration::all_pairs;
use qc_quant::cointegration::engle_granger::{self, Options};
use qc_quant::unit_root::Trend;
use serde_json::{Value, json};

use crate::Answer;
use crate::adf::{critical_values, lag_rule, trend};
use crate::compare::Tolerance;
use crate::golden::{Case, Golden};

/// For the coefficients of the first step under a quadratic trend, about whose tolerance the cases are silent; all other
/// trends are held to the general rule.
///
/// The reference regresses on 1, t and t² as they stand, whose condition number is near 1e7; its
/// coefficients are off by up to 2e-8 of themselves. [`coefficients_equal_exact_arithmetic`] holds ours to 1e-11.
const VECTOR: Tolerance = Tolerance { rel: 5e-8, abs: 1e-12 };

/// What holds for an entry about whose tolerance the case is silent.
pub fn where_silent(case: &Case) -> &'static [(&'static str, Tolerance)] {
    match trend(case) {
        Trend::Quadratic => &[("cointegrating_vector", VECTOR)],
        _ => &[],
    }
}

fn options(case: &Case) -> Options {
    Options { trend: trend(case), lags: lag_rule(case), ..Default::default() }
}

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let found = engle_granger::test(&case.panel(golden), case.text("y"), &case.texts("x"), &options(case))?;
    Ok(json!({
        "stat": found.statistic,
        "pvalue": found.p_value,
        "lags": found.lags,
        "critical_values": critical_values(&found.critical_values),
        "cointegrating_vector": found.cointegrating_vector(),
        "pvalue_mackinnon1994": found.p_value_mackinnon_1994,
        "rho": found.rho,
        "resid_std_ddof1": found.residual_std,
    }))
}

pub fn all_pairs(case: &Case, golden: &Golden) -> Answer {
    let scan = all_pairs::scan(&case.panel(golden), &options(case), &Silent)?;
    let symbols = case.texts("columns");
    let p = |y: &str, x: &str| -> Value {
        let forward = scan.pairs.iter().find(|pair| pair.a == y && pair.b == x).map(|pair| pair.forward.p_value);
        let reverse = scan.pairs.iter().find(|pair| pair.a == x && pair.b == y).map(|pair| pair.reverse.p_value);
        json!(forward.or(reverse))
    };
    let rows: Vec<Vec<Value>> = symbols.iter().map(|y| symbols.iter().map(|x| p(y, x)).collect()).collect();
    Ok(json!({ "pvalue_matrix_row_y_col_x": rows }))
}

#[test]
fn coefficients_equal_exact_arithmetic() {
    let golden = Golden::read(&crate::public());
    let log = |column| golden.series(&format!("log:{column}"));
    let options = Options { trend: Trend::Quadratic, ..Default::default() };
    let found = engle_granger::test_values(&log("FIG"), &[&log("BAY")], &options).unwrap().cointegrating_vector();
    // normal equations of the golden series in 60 digits (mpmath)
    let exact =
        [1.0, -0.016_186_081_291_605_01, -4.868_879_982_994_07, 4.651_649_962_815_699e-4, -5.351_493_846_153_093e-7];
    for (found, exact) in found.iter().zip(exact) {
        assert!((found / exact - 1.0).abs() < 1e-11, "{found} {exact}");
    }
}
