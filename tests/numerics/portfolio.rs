//! Families of portfolios: `terciles`, `select_uncorrelated`, `min_variance`, `max_sharpe`, `risk_parity`,
//! `beta_neutral`, `hrp`, `rebalance`, `min_variance_rows`, `target_volatility` and `drift_turnover`.

use nalgebra::{DMatrix, DVector};
use qc_quant::portfolio::hrp::{self, LeafOrder, Linkage};
use qc_quant::portfolio::mean_variance::{self, Bounds};
use qc_quant::portfolio::rebalance::{self, Rule};
use qc_quant::portfolio::{beta_neutral, risk_parity, select_uncorrelated, target_volatility, terciles, turnover};
use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::moments::{self, mean};
use qc_quant::{Panel, covariance, returns};
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

fn sample(case: &Case, golden: &Golden) -> Result<(Panel, DMatrix<f64>), qc_quant::Error> {
    let panel = returns::simple(&case.panel(golden))?;
    let covariance = covariance::sample(&panel)?;
    Ok((panel, covariance))
}

pub fn min_variance(case: &Case, golden: &Golden) -> Answer {
    let (_, c) = sample(case, golden)?;
    let bounds = match (case.inputs["lb"].as_f64(), case.inputs["ub"].as_f64()) {
        (Some(lower), Some(upper)) => Some(Bounds { lower, upper }),
        _ => None,
    };
    let w = mean_variance::min_variance(&c, bounds)?;
    let v = DVector::from_column_slice(&w);
    Ok(json!({ "weights": w, "variance": v.dot(&(&c * &v)) }))
}

pub fn max_sharpe(case: &Case, golden: &Golden) -> Answer {
    let (panel, c) = sample(case, golden)?;
    let mu: Vec<f64> = panel.columns().map(mean).collect();
    let bounds = Bounds { lower: case.number("lb"), upper: case.number("ub") };
    let rf = case.number("rf_per_period");
    let w = mean_variance::max_sharpe(&mu, &c, rf, bounds)?;
    let v = DVector::from_column_slice(&w);
    let excess = v.dot(&DVector::from_column_slice(&mu)) - rf;
    Ok(json!({ "weights": w, "sharpe_per_period": excess / v.dot(&(&c * &v)).sqrt() }))
}

pub fn risk_parity(case: &Case, golden: &Golden) -> Answer {
    let (_, c) = sample(case, golden)?;
    let w = risk_parity::weights(&c, &case.numbers("budgets"))?;
    Ok(json!({ "weights": w, "risk_contributions": risk_parity::contributions(&c, &w)? }))
}

pub fn beta_neutral(case: &Case, golden: &Golden) -> Answer {
    let (panel, c) = sample(case, golden)?;
    let benchmark = returns::simple(&golden.panel(case.text("benchmark"), None))?;
    let market = benchmark.column(0);
    let betas: Vec<f64> = panel.columns().map(|r| moments::covariance(r, market) / moments::variance(market)).collect();
    let scores: Vec<f64> = panel.columns().map(|r| mean(r) / moments::std_dev(r)).collect();
    let w = beta_neutral::weights(&scores, &betas, &c, 1.0)?;
    let gross: f64 = w.iter().map(|w| w.abs()).sum();
    let beta: f64 = w.iter().zip(&betas).map(|(w, b)| w * b).sum();
    Ok(json!({ "betas": betas, "weights": w, "gross": gross, "net": w.iter().sum::<f64>(), "beta": beta }))
}

pub fn hrp(case: &Case, golden: &Golden) -> Answer {
    let linkage = match case.text("linkage") {
        "single" => Linkage::Single,
        "average" => Linkage::Average,
        "complete" => Linkage::Complete,
        "ward" => Linkage::Ward,
        other => return Err(format!("unknown linkage {other}").into()),
    };
    let panel = returns::simple(&case.panel(golden))?;
    let found = hrp::fit(&panel, linkage)?;
    let turned = hrp::fit_ordered(&panel, linkage, LeafOrder::ByBranch)?;
    Ok(json!({
        "weights": found.weights,
        "leaf_order": found.leaf_order,
        "linkage_heights": found.heights,
        "weights_optimal_leaf_order": turned.weights,
    }))
}

pub fn rebalance(case: &Case, golden: &Golden) -> Answer {
    let rule = match case.text("rule") {
        "none" => Rule::None,
        "daily" => Rule::Daily,
        "weekly" => Rule::Weekly,
        "monthly" => Rule::Monthly,
        "quarterly" => Rule::Quarterly,
        "yearly" => Rule::Yearly,
        other => return Err(format!("unknown rule {other}").into()),
    };
    let found = rebalance::simulate(&case.panel(golden), &case.numbers("weights"), rule, 0.0)?;
    let moves: f64 = found.values.windows(2).map(|pair| (pair[1].ln() - pair[0].ln()).powi(2)).sum();
    Ok(json!({
        "final_value": found.values.last(),
        "rebalances": found.rebalanced_at.len(),
        "turnover_one_way_total": found.turnover,
        "returns_checksum": moves,
        "max_drawdown": found.max_drawdown.depth,
        "values_every_50": found.values.iter().step_by(50).collect::<Vec<_>>(),
    }))
}

pub fn min_variance_rows(case: &Case, golden: &Golden) -> Answer {
    let c = covariance::sample(&case.panel(golden))?;
    let w = DVector::from_vec(target_volatility::min_variance(&c, &crate::min_cvar::conditions(case))?);
    Ok(json!({ "variance": w.dot(&(&c * &w)) }))
}

pub fn target_volatility(case: &Case, golden: &Golden) -> Answer {
    let panel = case.panel(golden);
    let mu: Vec<f64> = panel.columns().map(mean).collect();
    let conditions = crate::min_cvar::conditions(case);
    let found = target_volatility::max_return(&mu, &covariance::sample(&panel)?, &conditions)?;
    Ok(json!({
        "expected": found.expected,
        "volatility": found.volatility,
        "least_volatility": found.least_volatility,
    }))
}

pub fn drift_turnover(case: &Case, golden: &Golden) -> Answer {
    let weights = [case.numbers("weights")];
    let ppy = case.number("periods_per_year");
    let found = turnover::drift(&case.panel(golden), &weights, case.number("cash_rate"), ppy)?;
    Ok(json!({
        "per_period": found.per_period,
        "annual": found.annual,
        "every_50": found.by_period.iter().step_by(50).collect::<Vec<_>>(),
    }))
}
