//! Are the statistics equal to the reference within the stated tolerance?
//!
//! A golden file holds data sets and cases; every case names a family (`algo`), inputs, expected values and its own
//! tolerance. Each family has a file here of the same name, which computes the values; this file compares them.
//! Files: `golden-public.json` and `golden-more.json` in `tests/golden/quant` always, the one in `QC_GOLDEN` if set, and
//! `data/golden/golden-dev.json` below `QC_TEST_SHARED` if set.

mod adf;
mod bad_input;
mod break_test;
mod calibration;
mod compare;
mod correlation;
mod covariance;
mod defects;
mod deflated_sharpe;
mod dynamics;
mod engle_granger;
mod golden;
mod johansen;
mod long_work;
mod mean_reversion;
mod memory;
mod min_cvar;
mod ols_hac;
mod pages;
mod pairs_backtest;
mod pca;
mod performance;
mod portfolio;
mod published;
mod resample;
mod sparse_tracking;
mod unit_root;
mod validation;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use compare::{Bound, Tolerance, Tolerances, complaints};
use golden::{Case, Golden};

/// One family of cases and the function that computes its values.
struct Family {
    algo: &'static str,
    /// Values by the names under which the case expects them.
    answer: fn(&Case, &Golden) -> Answer,
    /// Expected entries that are remarks for people and no values.
    remarks: &'static [&'static str],
    /// Expected entries whose tolerance stands in the case under another name.
    tolerance_of: &'static [(&'static str, &'static str)],
    /// What holds for an entry about whose tolerance the case is silent, where the general rule does not.
    where_silent: fn(&Case) -> &'static [(&'static str, Tolerance)],
    /// Expected entries that bound the computed value from one side.
    bounds: &'static [(&'static str, Bound)],
    /// Further remarks, which depend on the case.
    remarks_of: fn(&Case) -> &'static [&'static str],
}

impl Family {
    /// A family whose cases say all there is to say.
    const fn new(algo: &'static str, answer: fn(&Case, &Golden) -> Answer) -> Self {
        let remarks_of: fn(&Case) -> &'static [&'static str] = |_| &[];
        Self { algo, answer, remarks: &[], tolerance_of: &[], where_silent: |_| &[], bounds: &[], remarks_of }
    }

    fn tolerances(&self, case: &Case) -> Tolerances {
        Tolerances::of(case, self.tolerance_of, (self.where_silent)(case), self.bounds)
    }

    fn all_remarks(&self, case: &Case) -> Vec<&'static str> {
        [self.remarks, (self.remarks_of)(case)].concat()
    }
}

/// Computed values, or why they could not be computed.
type Answer = Result<Value, Box<dyn std::error::Error>>;

const FAMILIES: &[Family] = &[
    Family::new("pca", pca::answer),
    Family::new("correlation", correlation::matrix),
    Family::new("correlation_pair", correlation::pair),
    Family::new("correlation_missing", correlation::missing),
    Family::new("rolling_dcor", correlation::rolling_distance),
    // remark: the number of lags that another library would have chosen; ours is held to arch's, `lags`
    Family { remarks: &["statsmodels_lags"], ..Family::new("adf", adf::answer) },
    Family {
        tolerance_of: &[("pvalue_mackinnon1994", "pvalue")],
        where_silent: engle_granger::where_silent,
        ..Family::new("engle_granger", engle_granger::answer)
    },
    Family {
        // remark: a sentence on how to adjust, without numbers; the adjustment has its own tests in `stats::multiple`
        remarks: &["holm_adjusted_min_over_direction"],
        ..Family::new("engle_granger_all_pairs", engle_granger::all_pairs)
    },
    Family::new("performance", performance::answer),
    Family::new("performance_edge", performance::edge),
    Family::new("kpss", unit_root::kpss),
    Family::new("variance_ratio", unit_root::variance_ratio),
    Family::new("half_life", mean_reversion::half_life),
    Family::new("hurst_ghe", mean_reversion::structure),
    Family::new("hurst_rs", mean_reversion::rescaled_range),
    Family::new("zscore_last", mean_reversion::zscore),
    Family {
        // remarks: the published 10/5/1 percent tables that statsmodels carries; p-values are held instead
        remarks: &["warning", "trace_crit_90_95_99", "max_eig_crit_90_95_99"],
        tolerance_of: &[("trace_p", "p"), ("max_eig_p", "p")],
        where_silent: |_| &[("beta_normalised_first_row", johansen::VECTOR)],
        ..Family::new("johansen", johansen::answer)
    },
    Family::new("shrinkage", covariance::shrinkage),
    Family::new("ols_hac", ols_hac::answer),
    Family::new("terciles", portfolio::terciles),
    Family::new("select_uncorrelated", portfolio::select_uncorrelated),
    Family::new("deflated_sharpe", deflated_sharpe::answer),
    Family::new("optimal_block_length", resample::block_length),
    Family::new("kalman_hedge", dynamics::kalman_hedge),
    Family {
        // the reference's optimiser stops where it stops: its likelihood is a floor, its parameters are a remark
        bounds: &[("mle_loglik", Bound::AtLeast { less: 1e-4 }), ("lr", Bound::AtLeast { less: 2e-4 })],
        remarks: &["mle_params_p00_p10_mu_var"],
        ..Family::new("markov_switching", dynamics::markov_switching)
    },
    Family::new("hrp", portfolio::hrp),
    Family::new("min_variance", portfolio::min_variance),
    Family::new("max_sharpe", portfolio::max_sharpe),
    Family::new("risk_parity", portfolio::risk_parity),
    Family::new("beta_neutral", portfolio::beta_neutral),
    Family::new("rebalance", portfolio::rebalance),
    Family::new("pairs_backtest", pairs_backtest::answer),
    Family::new("break_test", break_test::answer),
    Family::new("bootstrap_alpha", resample::alpha),
    Family::new("validation", validation::answer),
    // remarks: they follow from the weights, which are not unique in the last digits; the shortfall is held
    Family { remarks: &["var_threshold", "vol", "mean"], ..Family::new("min_cvar", min_cvar::answer) },
    Family {
        // a penalty makes the problem non-convex: then the case bounds the objective, two percent allowed, and the
        // reference's own point is a remark; the tracking error and the weights follow from the loss
        bounds: &[("objective_upper_bound", Bound::AtMost { factor: 1.02 })],
        remarks: &["weights", "te_annual"],
        remarks_of: sparse_tracking::remarks,
        ..Family::new("sparse_tracking", sparse_tracking::answer)
    },
    Family::new("phillips_perron", unit_root::phillips_perron),
    Family::new("ewma_covariance", covariance::ewma),
    Family::new("sharpe_hac", performance::sharpe_hac),
    Family::new("alpha_hac", performance::alpha_hac),
    Family::new("min_cvar_rows", min_cvar::rows),
    Family::new("min_variance_rows", portfolio::min_variance_rows),
    Family::new("target_volatility", portfolio::target_volatility),
    Family::new("drift_turnover", portfolio::drift_turnover),
];

fn family(algo: &str) -> Option<&'static Family> {
    FAMILIES.iter().find(|family| family.algo == algo)
}

/// Runs every case of a file; complaints by case.
fn run(path: &Path) -> Vec<String> {
    let golden = Golden::read(path);
    let mut wrong = Vec::new();
    let mut passed = BTreeMap::<&str, usize>::new();
    for case in &golden.cases {
        let Some(family) = family(&case.algo) else {
            wrong.push(format!("{}: unknown family {}", case.id, case.algo));
            continue;
        };
        let found = check(case, family, &golden);
        if found.is_empty() {
            *passed.entry(family.algo).or_default() += 1;
        }
        wrong.extend(found.iter().map(|what| format!("{} {}: {what}", case.id, case.inputs)));
    }
    let mut out = std::io::stderr();
    let _ = writeln!(out, "{}: passed {passed:?}", path.display());
    wrong
}

fn check(case: &Case, family: &Family, golden: &Golden) -> Vec<String> {
    match (family.answer)(case, golden) {
        Ok(actual) => complaints(&case.expected, &actual, &family.tolerances(case), &family.all_remarks(case)),
        Err(error) => vec![error.to_string()],
    }
}

fn passes(path: &Path) {
    let wrong = run(path);
    assert!(wrong.is_empty(), "{} complaints\n{}", wrong.len(), wrong.join("\n"));
}

fn public() -> std::path::PathBuf {
    support::paths::workspace_root().join("tests/golden/quant/golden-public.json")
}

fn more() -> std::path::PathBuf {
    support::paths::workspace_root().join("tests/golden/quant/golden-more.json")
}

#[test]
fn every_case_of_the_public_file() {
    passes(&public());
}

#[test]
fn every_case_of_the_second_file() {
    passes(&more());
}

#[test]
fn every_family_has_cases() {
    let cases = [Golden::read(&public()).cases, Golden::read(&more()).cases].concat();
    for family in FAMILIES {
        assert!(cases.iter().any(|case| case.algo == family.algo), "{} is in no golden file", family.algo);
    }
}

#[test]
fn every_case_of_the_file_in_qc_golden() {
    match support::paths::path_from_env("QC_GOLDEN") {
        Some(path) => passes(&path),
        None => support::paths::skipping("QC_GOLDEN is not set; the public file is tested anyway"),
    }
}

#[test]
fn every_case_of_the_shared_file() {
    if let Some(path) = support::paths::shared("data/golden/golden-dev.json") {
        passes(&path);
    }
}

/// Changes expected values one by one, by ten times their tolerance, and wants to be told each time.
#[test]
fn a_case_changed_by_hand_fails() {
    let mut changed = 0;
    let files = [Golden::read(&public()), Golden::read(&more())];
    for (golden, case) in files.iter().flat_map(|golden| golden.cases.iter().map(move |case| (golden, case))) {
        let Some(family) = family(&case.algo) else { continue };
        let (tolerances, remarks) = (family.tolerances(case), family.all_remarks(case));
        let actual = (family.answer)(case, golden).unwrap_or_else(|error| panic!("{}: {error}", case.id));
        let leaves = compare::leaves(&case.expected, &remarks);
        let step = leaves.len().div_ceil(30).max(1);
        for leaf in leaves.iter().step_by(step) {
            let mut expected = case.expected.clone();
            compare::disturb(&mut expected, leaf, &tolerances);
            let found = complaints(&expected, &actual, &tolerances, &remarks);
            assert!(!found.is_empty(), "{}: {leaf} was changed and nobody noticed", case.id);
            changed += 1;
        }
    }
    assert!(1000 < changed, "only {changed} values were changed");
}

#[test]
fn an_unknown_family_fails() {
    let text = r#"{"datasets": {}, "cases": [{"id": "x-1", "algo": "x", "inputs": {}, "expected": {}, "tol": {}}]}"#;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    assert_eq!(run(file.path()), ["x-1: unknown family x"]);
}
