//! Every public method on every kind of bad input: a typed error with its figures, or finite numbers; never NaN or infinity.
//!
//! The table of methods is held against the sources: a public function that takes data and stands in no line fails.

use std::collections::BTreeSet;
use std::fmt::Debug;

use nalgebra::DMatrix;
use qc_quant::cointegration::{all_pairs, engle_granger, johansen};
use qc_quant::dynamics::{break_test, kalman_hedge, markov_switching};
use qc_quant::mean_reversion::{half_life, hurst, zscore};
use qc_quant::pairs_backtest::{self, PairsOptions, account};
use qc_quant::performance::{
    self, PerformanceOptions, RiskFree, deflated_sharpe, drawdown, robust, sharpe, sweep, tails,
};
use qc_quant::portfolio::constraints::Constraints;
use qc_quant::portfolio::mean_variance::{self, Bounds};
use qc_quant::portfolio::sparse_tracking::{self, Measure, Penalty, TrackingOptions};
use qc_quant::portfolio::{
    self, Policy, beta_neutral, hrp, min_cvar, rebalance, risk_parity, screen, select_uncorrelated, target_volatility,
    terciles, turnover,
};
use qc_quant::resample::{block_bootstrap, block_length};
use qc_quant::stats::correlation::{self, Aggregate, Method};
use qc_quant::stats::ols::{self, Errors};
use qc_quant::stats::{distance_correlation, moments};
use qc_quant::testing::{noise, random_walk};
use qc_quant::unit_root::{Trend, adf, kpss, phillips_perron, variance_ratio, verdict};
use qc_quant::{Error, Index, Panel, Series, Silent, covariance, pca, returns};

/// Columns of equal length, oldest row first: y, x and three more.
type Columns = Vec<Vec<f64>>;
/// What a method answers, printed in full, so that no figure hides.
type Printed = Result<String, Error>;

fn printed<T: Debug>(answer: T) -> Printed {
    Ok(format!("{answer:?}"))
}

/// A figure that may be undefined.
fn maybe<T: Debug>(answer: Option<T>) -> Printed {
    printed(answer)
}

fn panel(columns: &Columns) -> Result<Panel, Error> {
    let names = (0..columns.len()).map(|i| format!("S{i}")).collect();
    Panel::new(names, Index::Rows(columns.first().map_or(0, Vec::len)), columns.clone())
}

fn series(name: &str, values: &[f64]) -> Result<Series, Error> {
    Series::new(name, Index::Rows(values.len()), values.to_vec())
}

fn slices(columns: &Columns) -> Vec<&[f64]> {
    columns[1..].iter().map(Vec::as_slice).collect()
}

fn sample(columns: &Columns) -> Result<DMatrix<f64>, Error> {
    covariance::sample(&panel(columns)?)
}

/// Means of the columns as expected returns.
fn means(columns: &Columns) -> Vec<f64> {
    columns.iter().map(|c| moments::mean(c)).collect()
}

fn fifths(columns: &Columns) -> Vec<f64> {
    vec![1.0 / columns.len() as f64; columns.len()]
}

fn tracking(penalty: Penalty) -> TrackingOptions {
    TrackingOptions { penalty, measure: Measure::Hdr { huber: 0.001 }, ..Default::default() }
}

fn pair_rule(hedge: account::Hedge) -> account::PairRule {
    account::PairRule {
        y: "S0".into(),
        x: "S1".into(),
        hedge,
        entry: 1.5,
        exit: 0.2,
        stop: 3.0,
        lookback: 10,
        confirm_bars: 1,
        max_holding: None,
    }
}

const AT_CLOSE: account::AccountOptions = account::AccountOptions {
    fill: account::Fill::SameClose,
    cost_bps: 5.0,
    max_pair_nav: 0.5,
    max_gross: 1.0,
    first_row: 0,
};

struct Row {
    /// The function, as in the sources: file below `src` and name.
    name: &'static str,
    run: fn(&Columns) -> Printed,
    /// What the columns are taken for.
    takes: Takes,
    /// Whether a column that does not vary has no answer.
    varies: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// Prices: zero and negative ones are refused.
    Prices,
    /// Anything finite.
    Numbers,
}

const fn numbers(name: &'static str, varies: bool, run: fn(&Columns) -> Printed) -> Row {
    Row { name, run, takes: Takes::Numbers, varies }
}

const fn prices(name: &'static str, run: fn(&Columns) -> Printed) -> Row {
    Row { name, run, takes: Takes::Prices, varies: false }
}

/// Every public function that takes data, on small options.
const METHODS: &[Row] = &[
    numbers("pca::fit", true, |c| printed(pca::fit(&panel(c)?, &Default::default())?)),
    numbers("stats/correlation::matrix", true, |c| {
        for method in [Method::Pearson, Method::Spearman, Method::Kendall] {
            correlation::matrix(&panel(c)?, method)?;
        }
        let found = correlation::matrix(&panel(c)?, Method::Distance)?;
        printed((found.summaries(), found.pairs_by_strength(), found.p_value(0, 1), found))
    }),
    numbers("stats/correlation::pair", true, |c| {
        let methods = [Method::Pearson, Method::Spearman, Method::Kendall, Method::Distance];
        printed(
            methods.map(|method| correlation::pair(&c[0], &c[1], method)).into_iter().collect::<Result<Vec<_>, _>>()?,
        )
    }),
    numbers("stats/correlation/rolling::rolling", false, |c| {
        let found = correlation::rolling(&panel(c)?, "S0", "S1", Method::Distance, 12, 7)?;
        printed((found.last(), found.median(), found.min(), found.share_above(0.5), found))
    }),
    numbers("stats/distance_correlation::test", true, |c| printed(distance_correlation::test(&c[0], &c[1])?)),
    numbers("stats/ols::fit", true, |c| {
        let fit = ols::fit(&series("y", &c[0])?, &panel(&c[1..].to_vec())?)?;
        let kinds = [Errors::Classical, Errors::Hc0, Errors::Hc1, Errors::Hc3, Errors::Hac];
        let errors = kinds.map(|kind| fit.inference(kind)).into_iter().collect::<Result<Vec<_>, _>>()?;
        printed((errors, fit))
    }),
    numbers("stats/moments::quantile", false, |c| {
        panel(c)?;
        printed(moments::quantile(&c[0], 0.3)?)
    }),
    numbers("stats/moments::skewness", false, |c| {
        panel(c)?;
        maybe(moments::skewness(&c[0]))
    }),
    numbers("stats/moments::excess_kurtosis", false, |c| {
        panel(c)?;
        maybe(moments::excess_kurtosis(&c[0]))
    }),
    numbers("unit_root/adf::test", true, |c| printed(adf::test(&c[0], &Default::default())?)),
    numbers("unit_root/kpss::test", true, |c| printed(kpss::test(&c[0], Trend::Constant, kpss::Bandwidth::Auto)?)),
    numbers("unit_root/phillips_perron::test", true, |c| printed(phillips_perron::test(&c[0], Trend::Constant, None)?)),
    numbers("unit_root/variance_ratio::test", true, |c| printed(variance_ratio::test(&c[0], 3)?)),
    numbers("unit_root/variance_ratio::test_several", true, |c| printed(variance_ratio::test_several(&c[0], &[2, 3])?)),
    numbers("unit_root/verdict::judge", true, |c| printed(verdict::judge(&c[0], &Default::default(), 0.05)?)),
    numbers("cointegration/engle_granger::test", true, |c| {
        printed(engle_granger::test(&panel(c)?, "S0", &["S1", "S2"], &Default::default())?)
    }),
    numbers("cointegration/engle_granger::test_values", true, |c| {
        printed(engle_granger::test_values(&c[0], &[&c[1]], &Default::default())?)
    }),
    numbers("cointegration/engle_granger::pair", true, |c| {
        printed(engle_granger::pair(&panel(c)?, "S0", "S1", &Default::default())?)
    }),
    numbers("stats/distance_correlation/rolling_pairs::rolling_pairs", false, |c| {
        printed(distance_correlation::rolling_pairs(&panel(c)?, 12, 7, Aggregate::Median, &Silent)?)
    }),
    numbers("cointegration/engle_granger::rolling", false, |c| {
        printed(engle_granger::rolling(&panel(c)?, "S0", "S1", &Default::default(), 40, 5)?)
    }),
    numbers("cointegration/all_pairs::scan", true, |c| {
        printed(all_pairs::scan(&panel(c)?, &Default::default(), &Silent)?)
    }),
    numbers("cointegration/johansen::test", true, |c| {
        printed(johansen::test(&panel(&c[..3].to_vec())?, &Default::default())?)
    }),
    numbers("mean_reversion/half_life::estimate", true, |c| printed(half_life::estimate(&c[0])?)),
    numbers("mean_reversion/hurst::structure", true, |c| printed(hurst::structure(&c[0], 2.0, 1, 10)?)),
    numbers("mean_reversion/hurst::rescaled_range", true, |c| printed(hurst::rescaled_range(&c[0])?)),
    numbers("mean_reversion/zscore::last", true, |c| printed(zscore::last(&c[0], 10)?)),
    numbers("mean_reversion/zscore::bands", false, |c| printed(zscore::bands(&c[0], 10)?)),
    numbers("mean_reversion/zscore::rolling", false, |c| printed(zscore::rolling(&c[0], 10)?)),
    numbers("covariance::sample", false, |c| printed(sample(c)?)),
    numbers("covariance::ledoit_wolf", false, |c| printed(covariance::ledoit_wolf(&panel(c)?)?)),
    numbers("covariance::oas", false, |c| printed(covariance::oas(&panel(c)?)?)),
    numbers("covariance::rank", false, |c| printed(covariance::rank(&panel(c)?)?)),
    numbers("covariance/ewma::covariance", false, |c| printed(covariance::ewma::covariance(&panel(c)?, 10.0)?)),
    numbers("portfolio/mean_variance::min_variance", true, |c| {
        mean_variance::min_variance(&sample(c)?, Some(Bounds { lower: 0.0, upper: 0.6 }))?;
        printed(mean_variance::min_variance(&sample(c)?, None)?)
    }),
    numbers("portfolio/mean_variance::max_sharpe", true, |c| {
        printed(mean_variance::max_sharpe(&means(c), &sample(c)?, 0.0, Bounds::LONG_ONLY)?)
    }),
    numbers("portfolio/risk_parity::weights", true, |c| printed(risk_parity::weights(&sample(c)?, &fifths(c))?)),
    numbers("portfolio/risk_parity::contributions", false, |c| {
        printed(risk_parity::contributions(&sample(c)?, &fifths(c))?)
    }),
    numbers("portfolio/target_volatility::min_variance", true, |c| {
        printed(target_volatility::min_variance(&sample(c)?, &Constraints::invested(c.len(), Bounds::LONG_ONLY)?)?)
    }),
    numbers("portfolio/target_volatility::max_return", true, |c| {
        let conditions = Constraints::invested(c.len(), Bounds::LONG_ONLY)?;
        let conditions = Constraints { max_volatility: Some(2.0), ..conditions };
        printed(target_volatility::max_return(&means(c), &sample(c)?, &conditions)?)
    }),
    numbers("portfolio/hrp::fit", true, |c| printed(hrp::fit(&panel(c)?, hrp::Linkage::Single)?)),
    numbers("portfolio/hrp::fit_ordered", true, |c| {
        printed(hrp::fit_ordered(&panel(c)?, hrp::Linkage::Ward, hrp::LeafOrder::Optimal)?)
    }),
    numbers("portfolio/min_cvar::fit", false, |c| {
        printed(min_cvar::fit(&panel(c)?, 0.8, &Constraints::invested(c.len(), Bounds::LONG_ONLY)?)?)
    }),
    numbers("portfolio/sparse_tracking::fit", false, |c| {
        let (assets, index) = (panel(&c[1..].to_vec())?, series("index", &c[0])?);
        sparse_tracking::fit(&assets, &index, &tracking(Penalty::HoldOut), &Silent)?;
        printed(sparse_tracking::fit(&assets, &index, &tracking(Penalty::Lambda(1e-4)), &Silent)?)
    }),
    numbers("portfolio/beta_neutral::weights", true, |c| {
        let betas: Vec<f64> = (0..c.len()).map(|i| 0.5 + 0.3 * i as f64).collect();
        printed(beta_neutral::weights(&means(c), &betas, &sample(c)?, 2.0)?)
    }),
    numbers("portfolio/select_uncorrelated::within_set", true, |c| {
        let found = correlation::matrix(&panel(c)?, Method::Pearson)?.values;
        select_uncorrelated::within_set(&found, 2, false)?;
        printed(select_uncorrelated::within_set(&found, 2, true)?)
    }),
    numbers("portfolio/screen::assets", false, |c| {
        let limits = screen::Criteria { max_volatility: Some(1.0), max_correlation: Some(0.5), ..Default::default() };
        printed(screen::assets(&panel(&c[1..].to_vec())?, Some(&series("index", &c[0])?), &limits, 252.0)?)
    }),
    numbers("portfolio/terciles::sort", false, |c| {
        panel(c)?;
        printed(terciles::sort(&c[0].iter().copied().map(Some).collect::<Vec<_>>(), 3)?)
    }),
    numbers("portfolio/turnover::drift", false, |c| {
        let simple = panel(c)?;
        printed(turnover::drift(&simple, &vec![fifths(c); simple.n_rows()], 0.0, 252.0)?)
    }),
    prices("portfolio/rebalance::simulate", |c| {
        printed(rebalance::simulate(&panel(c)?, &fifths(c), rebalance::Rule::Daily, 5.0)?)
    }),
    numbers("portfolio::returns", false, |c| {
        let held = portfolio::returns(&panel(c)?, &fifths(c), Policy::BuyAndHold, 0.0)?;
        printed((held, portfolio::returns(&panel(c)?, &fifths(c), Policy::ConstantWeights, 0.0)?))
    }),
    numbers("portfolio::diversification_ratio", true, |c| {
        printed(portfolio::diversification_ratio(&sample(c)?, &fifths(c))?)
    }),
    numbers("portfolio::volatility", false, |c| printed(portfolio::volatility(&sample(c)?, &fifths(c))?)),
    prices("returns::simple", |c| printed(returns::simple(&panel(c)?)?)),
    prices("returns::log", |c| printed(returns::log(&panel(c)?)?)),
    prices("returns::log_prices", |c| printed(returns::log_prices(&panel(c)?)?)),
    numbers("returns::differences", false, |c| printed(returns::differences(&panel(c)?)?)),
    numbers("performance/summary::summary", false, |c| {
        printed(performance::summary(&c[0], Some(&c[1]), &PerformanceOptions::default())?)
    }),
    numbers("performance/benchmark::against", false, |c| {
        printed(performance::against(&c[0], &c[1], &RiskFree::default(), 252.0)?)
    }),
    numbers("performance/robust::alpha", false, |c| printed(robust::alpha(&c[0], &c[1], None)?)),
    numbers("performance/robust::sharpe_standard_error", false, |c| {
        panel(c)?;
        maybe(robust::sharpe_standard_error(&c[0], None))
    }),
    numbers("performance/sharpe::estimate", false, |c| {
        panel(c)?;
        maybe(sharpe::estimate(&c[0]))
    }),
    numbers("performance/deflated_sharpe::deflate", true, |c| {
        printed(deflated_sharpe::deflate(&c.iter().map(Vec::as_slice).collect::<Vec<_>>(), None)?)
    }),
    numbers("performance/sweep::rank", true, |c| {
        let trial = |(i, r): (usize, &Vec<f64>)| sweep::Trial { parameters: vec![i as f64], returns: r.clone() };
        printed(sweep::rank(&c.iter().enumerate().map(trial).collect::<Vec<_>>())?)
    }),
    numbers("performance/tails::value_at_risk", false, |c| {
        panel(c)?;
        printed(tails::value_at_risk(&c[0], 0.9)?)
    }),
    numbers("performance/tails::conditional_value_at_risk", false, |c| {
        panel(c)?;
        printed(tails::conditional_value_at_risk(&c[0], 0.9)?)
    }),
    numbers("performance/drawdown::table", false, |c| {
        panel(c)?;
        let curve = performance::equity_curve(&c[0].iter().map(|r| r.clamp(-0.9, 0.9)).collect::<Vec<_>>());
        printed((drawdown::underwater(&curve), drawdown::deepest(&curve), drawdown::table(&curve, 5)))
    }),
    numbers("performance/rolling::sharpe", false, |c| {
        panel(c)?;
        printed(performance::rolling::sharpe(&c[0], 10, 252.0, &performance::RiskFree::default())?)
    }),
    numbers("resample/block_bootstrap::alpha", false, |c| {
        let options = block_bootstrap::AlphaOptions { mean_block: 3.0, replicates: 199, seed: 1 };
        printed(block_bootstrap::alpha(&c[0], &c[1], &options, &Silent)?)
    }),
    numbers("resample/block_length::optimal", true, |c| printed(block_length::optimal(&c[0])?)),
    numbers("dynamics/kalman_hedge::filter", false, |c| {
        printed(kalman_hedge::filter(&series("y", &c[0])?, &series("x", &c[1])?, &Default::default())?)
    }),
    numbers("dynamics/kalman_hedge::estimate", true, |c| {
        printed(kalman_hedge::estimate(&series("y", &c[0])?, &series("x", &c[1])?, &Default::default())?)
    }),
    numbers("dynamics/markov_switching::fit", true, |c| {
        let options = markov_switching::MarkovOptions { replicates: 0, seed: 0 };
        printed(markov_switching::fit(&c[0], &options, &Silent)?)
    }),
    numbers("dynamics/markov_switching::path", false, |c| {
        let regimes = markov_switching::Regimes { mean: [0.0, 0.1], std_dev: [1.0, 2.0], stay: [0.9, 0.8] };
        printed(markov_switching::path(&c[0], &regimes)?)
    }),
    numbers("dynamics/break_test::chow", false, |c| printed(break_test::chow(&c[0], &slices(c), c[0].len() / 2)?)),
    numbers("dynamics/break_test::sup_wald", false, |c| printed(break_test::sup_wald(&c[0], &slices(c), 0.2)?)),
    prices("pairs_backtest::run", |c| {
        let rule =
            PairsOptions { beta: 1.0, alpha: 0.0, entry: 1.5, exit: 0.2, stop: 3.0, lookback: 10, cost_bps: 5.0 };
        printed(pairs_backtest::run(&series("y", &c[0])?, &series("x", &c[1])?, &rule)?)
    }),
    prices("pairs_backtest/account::run", |c| {
        let close = panel(c)?;
        for hedge in [account::Hedge::Fixed { beta: 1.0, alpha: 0.0 }, account::Hedge::Kalman(Default::default())] {
            account::run(&close, None, &[pair_rule(hedge)], &AT_CLOSE, &Silent)?;
        }
        let rule = pair_rule(account::Hedge::Refit { window: 25, every: 10 });
        printed(account::run(&close, None, &[rule], &AT_CLOSE, &Silent)?)
    }),
];

/// Public functions that take no data, or are another one with a callback; each with its reason.
const ELSEWHERE: &[(&str, &str)] = &[
    ("cointegration/engle_granger::pair_p_value", "two probabilities"),
    ("cointegration/engle_granger::rolling_watched", "`rolling` with a callback"),
    ("covariance::reciprocal_condition", "for messages about matrices that were checked"),
    ("dynamics/kalman_hedge::estimate_watched", "`estimate` with a callback"),
    ("interop::to_dataset", "moves checked columns"),
    ("interop::to_dataset_with_target", "moves checked columns"),
    ("interop::to_panel", "the gate of `Panel::new`"),
    ("performance/drawdown::deepest", "called by `drawdown::table` of this table"),
    ("performance/drawdown::equity_curve", "called by `drawdown::table` of this table"),
    ("performance/drawdown::underwater", "called by `drawdown::table` of this table"),
    ("performance/calendar::months", "dates beside returns, checked in its unit tests"),
    ("performance/calendar::years", "dates beside returns, checked in its unit tests"),
    ("portfolio/scheduled::capped", "weights and a cap, checked in its unit tests"),
    ("portfolio/scheduled::simulate", "prices and targets, checked in its unit tests"),
    ("trades::analyze", "round trips, checked in its unit tests"),
    ("trades/fifo::fifo", "fills, checked in its unit tests"),
    ("portfolio/min_cvar::fit_watched", "`fit` with a callback"),
    ("portfolio/select_uncorrelated::mean_to_universe", "means of a correlation matrix"),
    ("returns::annualise", "three numbers, checked in its unit tests"),
    ("returns::compound", "the product of returns that were checked"),
    ("returns::over", "prices and pairs of rows, checked in its unit tests"),
    ("stats/correlation/rolling::rolling_watched", "`rolling` with a callback"),
    ("portfolio/target_volatility::max_return_watched", "`max_return` with a callback"),
    ("portfolio/target_volatility::min_variance_watched", "`min_variance` with a callback"),
    ("stats/correlation::average_ranks", "positions in an order"),
    ("stats/correlation::matrix_watched", "`matrix` with a callback"),
    ("stats/hac::automatic_lags", "a count of rows"),
    ("stats/moments::covariance", "the plain sums, for callers that have checked"),
    ("stats/moments::mean", "the plain sums, for callers that have checked"),
    ("stats/moments::std_dev", "the plain sums, for callers that have checked"),
    ("stats/moments::variance", "the plain sums, for callers that have checked"),
    ("stats/multiple::benjamini_hochberg", "probabilities of other tests"),
    ("stats/multiple::holm", "probabilities of other tests"),
    ("testing::noise", "makes data"),
    ("testing::pair", "makes data"),
    ("testing::random_walk", "makes data"),
    ("unit_root/mackinnon::critical_values_2010", "a table"),
    ("unit_root/mackinnon::engle_granger_critical_values", "a table"),
    ("unit_root/mackinnon::engle_granger_p_value", "a table"),
    ("unit_root/mackinnon::p_value_1994", "a table"),
    ("unit_root/mackinnon::z_critical_values", "a table"),
    ("unit_root/mackinnon::z_p_value", "a table"),
    ("unit_root::default_max_lags", "a count of rows"),
    ("unit_root::lag_limit", "a count of rows"),
];

/// 150 rows on which every method has an answer.
fn good(takes: Takes) -> Columns {
    let n = 150;
    let market = noise(1, n);
    match takes {
        Takes::Prices => {
            (0..5).map(|i| random_walk(10 + i, n).iter().map(|p| 50.0 * (0.01 * p).exp()).collect()).collect()
        }
        Takes::Numbers => (0..5u64)
            .map(|i| market.iter().zip(noise(20 + i, n)).map(|(m, e)| 0.02 + 0.05 * (0.5 * m + e)).collect())
            .collect(),
    }
}

/// Words of a printed answer that stand for no number.
fn no_number(text: &str) -> Option<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').find(|word| ["NaN", "inf", "nan"].contains(word))
}

/// Runs all methods on columns changed by `spoil`; `wanted` says what is wrong with an answer.
fn complaints(spoil: impl Fn(Columns) -> Columns, wanted: impl Fn(&Row, &Printed) -> Option<String>) -> Vec<String> {
    let mut wrong = Vec::new();
    for row in METHODS {
        let answer = (row.run)(&spoil(good(row.takes)));
        let text = answer.as_ref().map_or_else(ToString::to_string, Clone::clone);
        if let Some(word) = no_number(&text) {
            wrong.push(format!("{}: {word} in {}", row.name, text.chars().take(300).collect::<String>()));
        } else if let Some(complaint) = wanted(row, &answer) {
            wrong.push(format!("{}: {complaint}", row.name));
        }
    }
    wrong
}

fn refused(_: &Row, answer: &Printed) -> Option<String> {
    answer.is_ok().then(|| "answered".to_owned())
}

fn anything(_: &Row, _: &Printed) -> Option<String> {
    None
}

fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} complaints\n{}", wrong.len(), wrong.join("\n"));
}

fn with(column: usize, row: usize, value: f64) -> impl Fn(Columns) -> Columns {
    move |mut columns| {
        columns[column][row] = value;
        columns
    }
}

#[test]
fn good_columns_have_answers() {
    none(complaints(|c| c, |_, answer| answer.as_ref().err().map(ToString::to_string)));
}

#[test]
fn missing_and_infinite_values_are_refused_by_place() {
    for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        none(complaints(with(0, 70, value), |_, answer| match answer {
            Err(Error::NotFinite { row: 70, .. }) => None,
            other => Some(format!("{value}: {:?}", other.as_ref().map(|_| "answered"))),
        }));
    }
}

#[test]
fn columns_without_or_with_one_row_are_refused_with_their_number() {
    for rows in [0, 1] {
        let short = move |c: Columns| c.into_iter().map(|column| column[..rows].to_vec()).collect();
        none(complaints(short, |_, answer| match answer {
            Err(error) if error.to_string().chars().any(|c| c.is_ascii_digit()) => None,
            other => Some(format!("{other:?}")),
        }));
    }
}

/// 2 to 12 rows of five columns: mostly fewer rows than a method needs, and fewer than columns.
#[test]
fn few_rows_are_refused_with_their_number_or_answered() {
    for rows in 2..=12 {
        let short = move |c: Columns| c.into_iter().map(|column| column[..rows].to_vec()).collect();
        none(complaints(short, |_, answer| match answer {
            Err(Error::TooFewRows { found, .. }) if *found <= rows => None,
            Err(Error::TooFewRows { found, .. }) => Some(format!("found {found} of {rows} rows")),
            Err(error) if !error.to_string().chars().any(|c| c.is_ascii_digit()) => Some(error.to_string()),
            _ => None,
        }));
    }
}

#[test]
fn constant_columns_are_refused_where_a_variance_divides() {
    let flat = |mut c: Columns| {
        let value = c[0][0];
        c[0].fill(value);
        c
    };
    none(complaints(flat, |row, answer| match answer {
        Ok(_) if row.varies => Some("answered for a column that does not vary".into()),
        _ => None,
    }));
    // and everywhere, and all zero
    let all = |c: Columns| c.into_iter().map(|column| vec![column[3]; column.len()]).collect();
    none(complaints(all, anything));
    none(complaints(
        |c: Columns| c.into_iter().map(|column| vec![0.0; column.len()]).collect(),
        |row, answer| (row.varies && answer.is_ok()).then(|| "answered for zeros".to_owned()),
    ));
}

#[test]
fn collinear_and_repeated_columns_give_numbers_or_errors() {
    let twice = |mut c: Columns| {
        c[1] = c[0].clone();
        c
    };
    none(complaints(twice, |row, answer| {
        let names = ["cointegration/engle_granger::test", "cointegration/engle_granger::pair"];
        (names.contains(&row.name) && answer.is_ok()).then(|| "a series with itself is answered".to_owned())
    }));
    let scaled = |mut c: Columns| {
        c[1] = c[0].iter().map(|v| 3.0 * v).collect();
        c
    };
    none(complaints(scaled, anything));
    let regressors = |mut c: Columns| {
        c[2] = c[1].iter().map(|v| 2.0 * v).collect();
        c
    };
    none(complaints(regressors, |row, answer| {
        let names = ["stats/ols::fit", "cointegration/engle_granger::test", "dynamics/break_test::chow"];
        (names.contains(&row.name) && answer.is_ok()).then(|| "collinear regressors are answered".to_owned())
    }));
}

#[test]
fn prices_at_or_below_zero_are_refused_where_a_ratio_is_taken() {
    for value in [0.0, -1.0, -0.0] {
        none(complaints(with(1, 30, value), |row, answer| match (row.takes, answer) {
            (Takes::Prices, Err(Error::NotPositive { row: 30, .. })) | (Takes::Numbers, _) => None,
            (Takes::Prices, other) => Some(format!("{value}: {:?}", other.as_ref().map(|_| "answered"))),
        }));
    }
}

#[test]
fn huge_and_tiny_values_never_overflow_into_an_answer() {
    let mut wrong = Vec::new();
    for factor in [1e-300, 1e-160, 1e-20, 1e20, 1e150, 1e300] {
        let scaled = |c: Columns| c.into_iter().map(|v| v.iter().map(|v| v * factor).collect()).collect();
        wrong.extend(complaints(scaled, anything));
        wrong.extend(complaints(with(0, 40, factor), anything));
        wrong.extend(complaints(with(1, 149, -factor), anything));
    }
    none(wrong);
}

#[test]
fn dates_out_of_order_and_repeated_symbols_stop_at_the_gate() {
    let day = |d| jiff::civil::date(2024, 5, d);
    for dates in [[day(2), day(1), day(3)], [day(1), day(2), day(2)]] {
        let error = Panel::new(vec!["A".into()], Index::Dates(dates.to_vec()), vec![vec![1.0, 2.0, 3.0]]).unwrap_err();
        assert!(matches!(error, Error::NotIncreasing { .. }), "{error}");
    }
    let names = vec!["KO".to_owned(), " ko".to_owned()];
    let error = Panel::new(names, Index::Rows(2), vec![vec![1.0, 2.0], vec![2.0, 1.0]]).unwrap_err();
    assert!(matches!(error, Error::DuplicateSymbol { .. }), "{error}");
    let uneven =
        Panel::new(vec!["A".into(), "B".into()], Index::Rows(3), vec![vec![1.0; 3], vec![1.0; 2]]).unwrap_err();
    assert!(matches!(uneven, Error::ShapeMismatch { expected: 3, found: 2, .. }), "{uneven}");
}

#[test]
fn columns_of_other_lengths_are_refused() {
    let cut = |mut c: Columns| {
        c[0].pop();
        c
    };
    let of_one: BTreeSet<&str> =
        ["adf", "kpss", "phillips", "variance_ratio", "verdict", "half_life", "hurst", "zscore"]
            .into_iter()
            .chain(["block_length", "markov", "deflated_sharpe"]) // trials may have lived for different times
            .collect();
    none(complaints(cut, |row, answer| {
        let alone = of_one.iter().any(|name| row.name.contains(name));
        if alone { None } else { refused(row, answer) }
    }));
}

#[test]
fn bounds_and_weights_that_cannot_be_met_name_their_figures() {
    let c = good(Takes::Numbers);
    let cov = sample(&c).unwrap();
    for bounds in [Bounds { lower: 0.0, upper: 0.19 }, Bounds { lower: 0.21, upper: 1.0 }] {
        let refusals = [
            mean_variance::min_variance(&cov, Some(bounds)).unwrap_err(),
            mean_variance::max_sharpe(&means(&c), &cov, 0.0, bounds).unwrap_err(),
            Constraints::invested(5, bounds).unwrap_err(),
        ];
        for refusal in refusals {
            assert!(matches!(refusal, Error::Infeasible { .. }), "{refusal}");
            let figure = if bounds.upper < 1.0 { "0.19" } else { "0.21" };
            assert!(refusal.to_string().contains(figure), "{refusal}");
        }
    }
    let options = TrackingOptions { max_weight: 0.2, ..tracking(Penalty::Lambda(1e-4)) };
    let found =
        sparse_tracking::fit(&panel(&c[1..].to_vec()).unwrap(), &series("i", &c[0]).unwrap(), &options, &Silent);
    assert!(matches!(found, Err(Error::Infeasible { .. })), "{found:?}");
    // weights of zero, none, too many, or not finite
    let simple = panel(&c).unwrap();
    let zero = vec![0.0; 5];
    assert!(portfolio::diversification_ratio(&cov, &zero).is_err());
    assert!(risk_parity::contributions(&cov, &zero).is_err());
    assert!(risk_parity::weights(&cov, &zero).is_err());
    for weights in [vec![], vec![0.5; 4], vec![0.2, 0.2, 0.2, 0.2, f64::NAN]] {
        assert!(portfolio::returns(&simple, &weights, Policy::BuyAndHold, 0.0).is_err());
        assert!(portfolio::volatility(&cov, &weights).is_err());
        assert!(risk_parity::weights(&cov, &weights).is_err());
        assert!(risk_parity::contributions(&cov, &weights).is_err());
    }
    let walks = panel(&good(Takes::Prices)).unwrap();
    assert!(rebalance::simulate(&walks, &zero, rebalance::Rule::Daily, 0.0).is_err());
}

/// Stated work above a limit is refused before it starts: these would run for hours.
#[test]
fn too_much_work_is_refused_with_both_figures() {
    let long = random_walk(1, 60_000);
    let wide = |rows: usize, n: usize| {
        Panel::new((0..n).map(|i| format!("S{i}")).collect(), Index::Rows(rows), vec![random_walk(1, rows); n]).unwrap()
    };
    let two = Panel::new(vec!["A".into(), "B".into()], Index::Rows(60_000), vec![long.clone(), random_walk(2, 60_000)]);
    let two = two.unwrap();
    let (y, x) = (two.series("A").unwrap(), two.series("B").unwrap());
    let eg = engle_granger::Options::default();
    let lags = adf::AdfOptions { max_lags: Some(20_000), ..Default::default() };
    let fits = block_bootstrap::AlphaOptions { mean_block: 2.0, replicates: 1_000_000, seed: 0 };
    let regimes = markov_switching::MarkovOptions { replicates: 10_000, seed: 0 };
    let many = wide(30, 12_000);
    let trials: Vec<sweep::Trial> =
        (0..3000).map(|i| sweep::Trial { parameters: vec![f64::from(i)], returns: noise(1, 600) }).collect();
    let every = account::PairRule {
        y: "A".into(),
        x: "B".into(),
        ..pair_rule(account::Hedge::Refit { window: 40_000, every: 1 })
    };
    let positive =
        Panel::new(vec!["A".into(), "B".into()], Index::Rows(60_000), vec![vec![1.0; 60_000], vec![2.0; 60_000]])
            .unwrap();
    let wide_matrix = DMatrix::identity(3000, 3000);
    let refusals: Vec<(&str, Option<Error>)> = vec![
        ("adf", adf::test(&long, &lags).err()),
        ("kpss", kpss::test(&random_walk(1, 400_000), Trend::Constant, kpss::Bandwidth::Fixed(100_000)).err()),
        ("phillips-perron", phillips_perron::test(&random_walk(1, 400_000), Trend::Constant, Some(100_000)).err()),
        ("variance ratio", variance_ratio::test(&random_walk(1, 400_000), 100_000).err()),
        ("hurst", hurst::structure(&random_walk(1, 400_000), 2.0, 1, 100_000).err()),
        ("rolling engle-granger", engle_granger::rolling(&wide(400_000, 2), "S0", "S1", &eg, 200_000, 1).err()),
        ("rolling correlation", correlation::rolling(&wide(150_000, 2), "S0", "S1", Method::Distance, 50_000, 1).err()),
        ("distance correlations", correlation::matrix(&many, Method::Distance).err()),
        ("pairs", all_pairs::scan(&wide(40, 16_000), &eg, &Silent).err()),
        ("correlations", correlation::matrix(&wide(1000, 12_000), Method::Pearson).err()),
        ("covariance", covariance::sample(&wide(1000, 12_000)).err()),
        ("shrinkage", covariance::ledoit_wolf(&wide(1000, 12_000)).err()),
        ("pca", pca::fit(&wide(3000, 6_000), &Default::default()).err()),
        ("weights", mean_variance::min_variance(&wide_matrix, None).err()),
        ("risk parity", risk_parity::weights(&wide_matrix, &vec![1.0; 3000]).err()),
        ("leaf order", hrp::fit_ordered(&wide(5, 3000), hrp::Linkage::Single, hrp::LeafOrder::Optimal).err()),
        ("exchanges", select_uncorrelated::within_set(&wide_matrix, 1500, true).err()),
        ("bootstrap", block_bootstrap::alpha(y.values(), x.values(), &fits, &Silent).err()),
        ("regimes", markov_switching::fit(y.values(), &regimes, &Silent).err()),
        ("sweep", sweep::rank(&trials).err()),
        ("account", account::run(&positive, None, &[every], &AT_CLOSE, &Silent).err()),
        (
            "expected shortfall",
            min_cvar::fit(&wide(2000, 2000), 0.9, &Constraints::invested(2000, Bounds::LONG_ONLY).unwrap()).err(),
        ),
        (
            "tracking",
            sparse_tracking::fit(
                &wide(2000, 12_000),
                &series("i", &noise(1, 2000)).unwrap(),
                &tracking(Penalty::Lambda(1e-4)),
                &Silent,
            )
            .err(),
        ),
    ];
    for (what, refusal) in refusals {
        match refusal {
            Some(Error::TooMuchWork { limit, found, .. }) => assert!(limit < found, "{what}"),
            other => panic!("{what}: {other:?}"),
        }
    }
}

/// Public functions by file: `pub fn` at the margin below `crates/qc-quant/src`, private rooms left out.
pub fn public_functions() -> BTreeSet<String> {
    let root = support::paths::workspace_root().join("crates/qc-quant/src");
    let mut found = BTreeSet::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(&root).unwrap().with_extension("").to_str().unwrap().replace('\\', "/");
            if name.starts_with("solve") || ["linalg", "lanes"].contains(&name.as_str()) {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let functions = text.lines().filter_map(|line| line.strip_prefix("pub fn "));
            found.extend(functions.map(|rest| format!("{name}::{}", rest.split(['(', '<']).next().unwrap())));
        }
    }
    found
}

#[test]
fn every_public_function_stands_in_the_table() {
    let functions = public_functions();
    let known: BTreeSet<&str> =
        METHODS.iter().map(|row| row.name).chain(ELSEWHERE.iter().map(|(name, _)| *name)).collect();
    let missing: Vec<_> = functions.iter().filter(|name| !known.contains(name.as_str())).collect();
    assert!(missing.is_empty(), "functions in no line of the table: {missing:?}");
    let optional = "dynamics/kalman_hedge::estimate_watched";
    let gone: Vec<_> = known.iter().filter(|name| !functions.contains(**name) && **name != optional).collect();
    assert!(gone.is_empty(), "lines without a function: {gone:?}");
}
