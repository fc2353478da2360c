//! Family `pca`: scikit-learn on the same returns.

use qc_quant::pca::{self, Mode, PcaOptions};
use qc_quant::returns;
use serde_json::{Value, json};

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let rows = case.numbers("rows_of_returns");
    let panel = returns::simple(&case.panel(golden))?.slice(rows[0] as usize..rows[1] as usize)?;
    let mode = if case.text("mode") == "correlation" { Mode::Correlation } else { Mode::Covariance };
    let n_components = case.inputs["n_components"].as_u64().map(|k| k as usize);
    let found = pca::fit(&panel, &PcaOptions { mode, n_components })?;
    let component = |k: usize| found.component(k).map(|(_, loading)| loading).collect::<Vec<_>>();
    let components: Vec<Value> = (0..found.n_components()).map(|k| json!(component(k))).collect();
    Ok(json!({
        "eigenvalues": found.eigenvalues,
        "ratio": found.ratio,
        "components": components,
        "rank": found.rank,
        "n_obs": found.n_obs,
        "total_variance": found.total_variance,
    }))
}
