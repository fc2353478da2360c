//! Family `johansen`: R's urca and statsmodels, p-values by Doornik's approximation.

use qc_quant::cointegration::johansen::{self, Case as Terms, JohansenOptions};
use serde_json::json;

use crate::Answer;
use crate::compare::Tolerance;
use crate::golden::{Case, Golden};

/// For the relation, about whose tolerance the cases are silent: the error of an eigenvector is that of its eigenvalue
/// times the largest over the gap to the next, so it cannot be held to the tolerance of the eigenvalues.
pub const VECTOR: Tolerance = Tolerance { rel: 1e-6, abs: 1e-8 };

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let terms = match case.text("case") {
        "none" => Terms::None,
        "restricted_constant" => Terms::RestrictedConstant,
        "unrestricted_constant" => Terms::UnrestrictedConstant,
        "restricted_trend" => Terms::RestrictedTrend,
        "unrestricted_trend" => Terms::UnrestrictedTrend,
        other => return Err(format!("unknown case {other}").into()),
    };
    let lagged_differences = case.count("lagged_differences");
    let found = johansen::test(
        &case.panel(golden),
        &JohansenOptions { case: terms, lagged_differences, ..Default::default() },
    )?;
    let of = |f: fn(&johansen::RankTest) -> f64| found.tests.iter().map(f).collect::<Vec<_>>();
    Ok(json!({
        "eigenvalues": found.eigenvalues,
        "trace": of(|test| test.trace),
        "max_eig": of(|test| test.max_eigenvalue),
        "nobs": found.n_obs,
        "trace_p": of(|test| test.trace_p),
        "max_eig_p": of(|test| test.max_eigenvalue_p),
        "beta_normalised_first_row": found.beta.column(0).iter().collect::<Vec<_>>(),
    }))
}
