//! Where common tools go wrong, with figures: what their formula answers on an example, and what is right.
//!
//! Each row works out the formula of the Python server of the same purpose (version 0.1.7) by hand and then asks this crate.
//! The table stands in `docs/numerics.md`; `UPDATE=1` writes it anew.

use jiff::civil::date;
use nalgebra::DMatrix;
use qc_quant::cointegration::engle_granger;
use qc_quant::pca::{self, Mode, PcaOptions};
use qc_quant::performance::{self, PerformanceOptions};
use qc_quant::portfolio::rebalance::{self, Rule};
use qc_quant::portfolio::screen::{self, Criteria};
use qc_quant::portfolio::select_uncorrelated;
use qc_quant::portfolio::sparse_tracking::{self, Penalty, TrackingOptions};
use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::moments::{mean, std_dev};
use qc_quant::testing::{noise, random_walk};
use qc_quant::unit_root::{LagRule, adf};
use qc_quant::{Index, MissingPolicy, Panel, Series, Silent};

/// What was asked, what is answered there, what is right.
type Row = (&'static str, String, String);

fn panel(names: &[&str], columns: Vec<Vec<f64>>) -> Panel {
    Panel::new(names.iter().map(ToString::to_string).collect(), Index::Rows(columns[0].len()), columns).unwrap()
}

/// Daily returns with a common factor; `own` grows from asset to asset.
fn returns(seed: u64, rows: usize, n: u64) -> Vec<Vec<f64>> {
    let market = noise(seed, rows);
    let column = |i: u64| {
        let own = noise(seed + 50 + i, rows);
        market.iter().zip(own).map(|(m, e)| 0.01 * ((0.4 + 0.5 * i as f64) * m + (1.0 + i as f64) * e)).collect()
    };
    (0..n).map(column).collect()
}

/// Loadings of the first component are zipped with the caller's names, columns are in alphabetical order.
fn loadings() -> Row {
    let asked = ["MSFT", "AMZN", "GOOGL"];
    let columns = returns(1, 250, 3);
    let right =
        pca::fit(&panel(&asked, columns.clone()), &PcaOptions { mode: Mode::Covariance, n_components: None }).unwrap();
    let own = right.component(0).find(|(name, _)| *name == "MSFT").unwrap().1;
    // alphabetically AMZN, GOOGL, MSFT: the first loading is AMZN's and is called MSFT's
    let theirs = right.component(0).find(|(name, _)| *name == "AMZN").unwrap().1;
    ("loading of MSFT when asked for MSFT, AMZN, GOOGL", format!("{theirs:.3} (AMZN's)"), format!("{own:.3}"))
}

fn young_asset() -> Row {
    let mut columns = returns(2, 1258, 3);
    columns[2][..1239].fill(f64::NAN);
    let complete = (0..1258).filter(|&t| columns.iter().all(|c| c[t].is_finite())).count();
    let names = ["A", "B", "YOUNG"].map(str::to_owned).to_vec();
    let error = Panel::new(names.clone(), Index::Rows(1258), columns.clone()).unwrap_err();
    let (_, dropped) = Panel::with_missing(names, Index::Rows(1258), columns, MissingPolicy::DropRows).unwrap();
    let (who, lacks) = dropped.worst().unwrap();
    (
        "components of three assets, one with 19 of 1258 rows",
        format!("fitted on {complete} rows, unsaid"),
        format!("\"{error}\", or on request {} rows dropped, named: {who} lacks {lacks}", dropped.rows),
    )
}

/// Share of independent walks called cointegrated at 5 percent.
fn false_finds() -> Row {
    let (mut plain, mut surface) = (0, 0);
    let trials = 400;
    for seed in 0..trials {
        let (y, x) = (random_walk(1000 + 2 * seed, 500), random_walk(1001 + 2 * seed, 500));
        let found = engle_granger::test_values(&y, &[&x], &Default::default()).unwrap();
        let options = adf::AdfOptions { lags: LagRule::Fixed(found.lags), ..Default::default() };
        plain += usize::from(adf::test(&found.residual, &options).unwrap().p_value < 0.05);
        surface += usize::from(found.p_value < 0.05);
    }
    let share = |hits: usize| format!("{:.1} %", 100.0 * hits as f64 / trials as f64);
    ("independent random walks called stationary spreads at 5 % (400 pairs)", share(plain), share(surface))
}

/// The same for walks whose changes have a moving average of -.5 (bid-ask bounce), with lags fixed at 0.
fn without_lags() -> Row {
    let bounce = |seed: u64| {
        let e = noise(seed, 501);
        let mut level = 0.0;
        let step = |t: usize| {
            level += e[t + 1] - 0.5 * e[t];
            level
        };
        (0..500).map(step).collect::<Vec<f64>>()
    };
    let (mut none, mut aic) = (0, 0);
    let trials = 200;
    for seed in 0..trials {
        let (y, x) = (bounce(5000 + 2 * seed), bounce(5001 + 2 * seed));
        let test = |lags| {
            let options = engle_granger::Options { lags, ..Default::default() };
            engle_granger::test_values(&y, &[&x], &options).unwrap().p_value < 0.05
        };
        none += usize::from(test(LagRule::Fixed(0)));
        aic += usize::from(test(engle_granger::Options::default().lags));
    }
    let share = |hits: usize| format!("{:.1} %", 100.0 * hits as f64 / trials as f64);
    ("the same with a bid-ask bounce, lags by default (200 pairs)", share(none), share(aic))
}

fn itself() -> Row {
    let walk = random_walk(3, 300);
    let error = engle_granger::test(&panel(&["A", "B"], vec![walk.clone(), walk]), "A", &["B"], &Default::default());
    let said = error.unwrap_err().to_string();
    let said = said.split(": 1 -").next().unwrap(); // what follows is rounding
    ("a series against itself", "\"success\", p = .81".into(), format!("\"{said}\""))
}

/// z of a day in the middle by moments of the whole sample, the future included.
fn look_ahead() -> Row {
    let e = noise(4, 400);
    let price: Vec<f64> = (0..400).map(|t| if t < 220 { 50.0 } else { 60.0 } + e[t]).collect();
    let theirs = (price[200] - mean(&price)) / std_dev(&price);
    let ours = qc_quant::mean_reversion::zscore::last(&price[..=200], 20).unwrap().z;
    ("z-score of day 200, the price rises for good on day 220", format!("{theirs:.2}"), format!("{ours:.2}"))
}

/// A symbol that stopped trading: its last price is missing, a comparison with NaN is false.
fn stopped() -> Row {
    let mut columns = vec![random_walk(5, 60), random_walk(6, 60)];
    columns[1][50..].fill(f64::NAN);
    let names = ["A", "GONE"].map(str::to_owned).to_vec();
    let error = Panel::new(names, Index::Rows(60), columns).unwrap_err();
    ("signal of a share that stopped trading", "mean NaN, z 0, \"no signal\"".into(), format!("\"{error}\""))
}

/// Correlations from different rows for each pair.
fn pair_by_pair() -> Row {
    let (a, e) = (noise(7, 90), noise(8, 90));
    let mut columns = vec![a.clone(), a.clone(), e.clone()];
    // B follows A, C follows A in the middle and runs against B at the end
    for t in 0..90 {
        columns[1][t] = if t < 30 { a[t] + 0.1 * e[t] } else { e[t] };
        columns[2][t] = if t < 60 { a[t] + 0.1 * e[89 - t] } else { -columns[1][t] + 0.1 * a[t] };
    }
    (60..90).for_each(|t| columns[0][t] = f64::NAN);
    (30..60).for_each(|t| columns[1][t] = f64::NAN);
    (0..30).for_each(|t| columns[2][t] = f64::NAN);
    let pairwise = |i: usize, j: usize| {
        let both: Vec<usize> = (0..90).filter(|&t| columns[i][t].is_finite() && columns[j][t].is_finite()).collect();
        let of = |k: usize| both.iter().map(|&t| columns[k][t]).collect::<Vec<f64>>();
        correlation::pair(&of(i), &of(j), Method::Pearson).unwrap().value
    };
    let matrix = DMatrix::from_fn(3, 3, |i, j| if i == j { 1.0 } else { pairwise(i, j) });
    let least = matrix.symmetric_eigenvalues().min();
    let names = ["A", "B", "C"].map(str::to_owned).to_vec();
    let error = Panel::with_missing(names, Index::Rows(90), columns, MissingPolicy::DropRows).unwrap_err();
    (
        "smallest eigenvalue of a correlation matrix with gaps",
        format!("{least:.3}: no correlation matrix"),
        format!("\"{error}\""),
    )
}

/// (Σ|ρ| - 1)/(n - 1) with NaN left out of the sum.
fn constant_price() -> Row {
    let columns = vec![noise(9, 60), noise(10, 60), vec![0.0; 60]];
    let theirs = (0.0 - 1.0) / 2.0;
    let error = correlation::matrix(&panel(&["A", "B", "FLAT"], columns), Method::Pearson).unwrap_err();
    ("mean absolute correlation of a price that does not move", format!("{theirs}"), format!("\"{error}\""))
}

fn lowest() -> Row {
    let (a, e, f) = (noise(11, 200), noise(12, 200), noise(13, 200));
    let against = a.iter().zip(&e).map(|(a, e)| -0.9 * a + 0.43 * e).collect();
    let found = correlation::matrix(&panel(&["A", "AGAINST", "APART"], vec![a, against, f]), Method::Pearson).unwrap();
    let by_sign = found.pairs();
    let lowest = by_sign.iter().min_by(|x, y| x.value.total_cmp(&y.value)).unwrap();
    let by_size = found.pairs_by_strength();
    let theirs = by_size.iter().min_by(|x, y| x.value.abs().total_cmp(&y.value.abs())).unwrap();
    (
        "pair with the lowest correlation",
        format!("{} and {}, {:.2}", theirs.a, theirs.b, theirs.value),
        format!("{} and {}, {:.2}", lowest.a, lowest.b, lowest.value),
    )
}

/// Weights clipped to a cap and divided by their sum.
fn caps() -> Row {
    let (cap, n) = (0.1, 8);
    let clipped = vec![cap; n];
    let theirs = clipped[0] / clipped.iter().sum::<f64>();
    let columns = returns(14, 100, n as u64);
    let names: Vec<String> = (0..n).map(|i| format!("S{i}")).collect();
    let index = Series::new("index", Index::Rows(100), columns[0].clone()).unwrap();
    let assets = Panel::new(names, Index::Rows(100), columns).unwrap();
    let options = TrackingOptions { max_weight: cap, penalty: Penalty::Lambda(1e-6), ..Default::default() };
    let error = sparse_tracking::fit(&assets, &index, &options, &Silent).unwrap_err();
    (
        "tracking with 8 assets, at most 10 % in each",
        format!("\"success\" with {:.1} % and more", 100.0 * theirs),
        format!("\"{error}\""),
    )
}

/// How much more the penalty charges for ten equal weights than for one asset.
fn penalty() -> Row {
    let charge = |p: f64| 10.0 * (1.0 + 0.1 / p).ln() / (1.0 + 1.0 / p).ln();
    (
        "what ten assets cost against one (a count says 10)",
        format!("{:.2} (p = .5)", charge(0.5)),
        format!("{:.2} (p = 1e-7)", charge(1e-7)),
    )
}

/// Log returns weighted across assets and compounded as if they were simple.
fn log_returns() -> Row {
    let (up, down) = (0.5_f64, -0.5_f64);
    let theirs = 1.0 + 0.5 * up.ln_1p() + 0.5 * down.ln_1p();
    let simple = panel(&["UP", "DOWN"], vec![vec![up, 0.0], vec![down, 0.0]]);
    let held = qc_quant::portfolio::returns(&simple, &[0.5, 0.5], Default::default(), 0.0).unwrap();
    ("value of half in +50 % and half in -50 %", format!("{theirs:.3}"), format!("{:.3}", 1.0 + held.values()[0]))
}

fn annual_return() -> Row {
    let r: Vec<f64> = noise(15, 1258).iter().map(|e| 0.0018 + 0.036 * e).collect();
    let theirs = (1.0 + mean(&r)).powi(252) - 1.0;
    let found = performance::summary(&r, None, &PerformanceOptions::default()).unwrap();
    (
        "annual return of a volatile share over five years",
        format!("{:.1} %", 100.0 * theirs),
        format!("{:.1} %", 100.0 * found.cagr.unwrap()),
    )
}

/// The curve begins after the first return.
fn first_day() -> Row {
    let r = [-0.5, 0.01, 0.02, 0.01];
    let mut curve = Vec::new();
    r.iter().fold(1.0, |value, r| {
        curve.push(value * (1.0 + r));
        value * (1.0 + r)
    });
    let mut peak = f64::MIN;
    let theirs = curve.iter().fold(0.0_f64, |worst, v| {
        peak = peak.max(*v);
        worst.min(v / peak - 1.0)
    });
    let found = performance::summary(&r, None, &PerformanceOptions::default()).unwrap();
    (
        "largest drawdown after a first day of -50 %",
        format!("{:.0} %", 100.0 * theirs),
        format!("{:.0} %", 100.0 * found.max_drawdown.depth),
    )
}

/// Standard deviation of the losses about their own mean.
fn downside() -> Row {
    let r: Vec<f64> = noise(16, 500).iter().map(|e| 0.0005 + 0.02 * e).collect();
    let losses: Vec<f64> = r.iter().copied().filter(|r| *r < 0.0).collect();
    let theirs = std_dev(&losses) * 252.0_f64.sqrt();
    let found = performance::summary(&r, None, &PerformanceOptions::default()).unwrap();
    ("downside deviation per year", format!("{theirs:.4}"), format!("{:.4}", found.downside_deviation))
}

/// Weights over the sum of their sizes.
fn invested() -> Row {
    let simple = panel(&["A", "B"], vec![vec![0.10, 0.0], vec![0.05, 0.0]]);
    let weights = [0.5, 0.3];
    let gross: f64 = weights.iter().sum();
    let theirs = weights[0] / gross * 0.10 + weights[1] / gross * 0.05;
    let own = qc_quant::portfolio::returns(&simple, &weights, Default::default(), 0.0).unwrap().values()[0];
    ("return of a book that is 80 % invested", format!("{:.3} %", 100.0 * theirs), format!("{:.3} %", 100.0 * own))
}

/// Mean of daily returns of equal weights, whatever the rule.
fn equal_weight() -> Row {
    let days: Vec<_> = (0..500).map(|i| date(2022, 1, 3).checked_add(jiff::ToSpan::days(i)).unwrap()).collect();
    let columns = returns(17, 500, 3);
    let prices: Vec<Vec<f64>> = columns
        .iter()
        .map(|c| {
            let mut value = 100.0;
            let step = |r: &f64| {
                value *= 1.0 + r;
                value
            };
            c.iter().map(step).collect()
        })
        .collect();
    let names = ["A", "B", "C"].map(str::to_owned).to_vec();
    let panel = Panel::new(names, Index::Dates(days), prices.clone()).unwrap();
    let daily =
        (1..500).fold(1.0, |v, t| v * (1.0 + prices.iter().map(|p| p[t] / p[t - 1] - 1.0).sum::<f64>() / 3.0)) - 1.0;
    let at = |rule| {
        let found = rebalance::simulate(&panel, &[1.0 / 3.0; 3], rule, 0.0).unwrap();
        100.0 * (found.values.last().unwrap() / found.values[0] - 1.0)
    };
    (
        "equal weights, traded back daily, monthly, never",
        format!("{0:.1} %, {0:.1} %, {0:.1} %", 100.0 * daily),
        format!("{:.1} %, {:.1} %, {:.1} %", at(Rule::Daily), at(Rule::Monthly), at(Rule::None)),
    )
}

/// Ranked by the sum of |ρ| to the whole universe.
fn selection() -> Row {
    let (a, b) = (noise(18, 300), noise(19, 300));
    let mixed = |own: u64, wa: f64, wb: f64| {
        let e = noise(own, 300);
        (0..300).map(|t| wa * a[t] + wb * b[t] + 0.6 * e[t]).collect::<Vec<f64>>()
    };
    let columns = vec![
        mixed(30, 1.0, 0.0),
        mixed(31, 1.0, 0.0),
        mixed(32, 1.0, 0.0),
        mixed(33, 1.0, 0.1),
        mixed(34, 0.0, 0.8),
        mixed(35, 0.1, 0.8),
        mixed(36, 0.5, 0.0),
    ];
    let names: Vec<String> = (0..7).map(|i| format!("S{i}")).collect();
    let matrix =
        correlation::matrix(&Panel::new(names, Index::Rows(300), columns).unwrap(), Method::Pearson).unwrap().values;
    let universe = select_uncorrelated::mean_to_universe(&matrix, true);
    let mut order: Vec<usize> = (0..7).collect();
    order.sort_by(|&i, &j| universe[i].total_cmp(&universe[j]));
    let chosen = &order[..3];
    let within = |set: &[usize]| {
        let pairs = [(0, 1), (0, 2), (1, 2)].map(|(i, j)| matrix[(set[i], set[j])].abs());
        pairs.iter().sum::<f64>() / 3.0
    };
    let best = select_uncorrelated::within_set(&matrix, 3, true).unwrap();
    (
        "mean absolute correlation within three assets chosen from seven",
        format!("{:.3}", within(chosen)),
        format!("{:.3}", best.mean_correlation),
    )
}

/// `nan > limit` is false, and so nothing is filtered.
fn screening() -> Row {
    let simple = panel(&["GOOD", "FLAT"], vec![noise(20, 100).iter().map(|e| 0.01 * e).collect(), vec![0.0; 100]]);
    let benchmark = Series::new("index", Index::Rows(100), noise(21, 100)).unwrap();
    let limits = Criteria { max_correlation: Some(0.5), ..Default::default() };
    let found = screen::assets(&simple, Some(&benchmark), &limits, 252.0).unwrap();
    let figure: f64 = "NaN".parse().unwrap(); // 0/0, as the correlation of a constant is there
    let theirs = if 0.5 < figure { "fails" } else { "passes" };
    ("a price that does not move, correlation at most .5", theirs.into(), format!("fails: \"{}\"", found[1].failed[0]))
}

const BEGIN: &str =
    "<!-- worked figures: UPDATE=1 cargo test --locked --workspace --test numerics worked_figures -->\n";
const END: &str = "<!-- end of the worked figures -->\n";

#[test]
fn worked_figures_are_those_of_the_page() {
    let rows = [
        loadings(),
        young_asset(),
        false_finds(),
        without_lags(),
        itself(),
        look_ahead(),
        stopped(),
        pair_by_pair(),
        constant_price(),
        lowest(),
        caps(),
        penalty(),
        log_returns(),
        annual_return(),
        first_day(),
        downside(),
        invested(),
        equal_weight(),
        selection(),
        screening(),
    ];
    let lines: String = rows.iter().map(|(what, theirs, ours)| format!("| {what} | {theirs} | {ours} |\n")).collect();
    let table = format!("{BEGIN}\n| Example | Answered there | Right |\n|---|---|---|\n{lines}\n{END}");
    let path = support::paths::workspace_root().join("docs/numerics.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(BEGIN).expect("the page has a place for the figures");
    let (_, after) = rest.split_once(END).expect("the page ends the figures");
    let wanted = format!("{before}{table}{after}");
    if support::snapshot::Mode::from_env() == support::snapshot::Mode::Accept {
        std::fs::write(&path, wanted).unwrap();
    } else {
        assert!(page == wanted, "docs/numerics.md shows other figures; wanted:\n{table}");
    }
    for (what, theirs, ours) in &rows {
        assert_ne!(theirs, ours, "{what}: the defect does not show");
    }
}
