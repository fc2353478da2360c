//! Families `terciles` and `select_uncorrelated`.

use qc_quant::portfolio::{select_uncorrelated, terciles};
use qc_quant::returns;
use qc_quant::stats::correlation::{self, Method};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn terciles(case: &Case, golden: &Golden) -> Answer {
    let panel = case.panel(golden);
    let t = panel.n_rows();
    let score: Vec<f64> = panel.columns().map(|price| price[t - 22] / price[t - 252] - 1.0).collect();
    let found = terciles::sort(&score.iter().copied().map(Some).collect::<Vec<_>>(), 3)?;
    Ok(json!({ "score": score, "tercile_0_low": found.bucket, "long_short_weights": found.long_short }))
}

pub fn select_uncorrelated(case: &Case, golden: &Golden) -> Answer {
    let found = correlation::matrix(&returns::simple(&case.panel(golden))?, Method::Pearson)?;
    let k = case.count("k");
    let best = select_uncorrelated::within_set(&found.values, k, true)?;
    let universe = select_uncorrelated::mean_to_universe(&found.values, true);
    let sorted_names = |positions: &[usize]| {
        let mut names: Vec<&str> = positions.iter().map(|&i| found.symbols[i].as_str()).collect();
        names.sort_unstable();
        names.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut ranked: Vec<usize> = (0..universe.len()).collect();
    ranked.sort_by(|&a, &b| universe[a].total_cmp(&universe[b]));
    Ok(json!({
        "best_set": sorted_names(&best.chosen),
        "best_mean_abs_corr": best.mean_correlation,
        "peer_rank_set": sorted_names(&ranked[..k]),
        "mean_abs_corr_to_universe": universe,
    }))
}
