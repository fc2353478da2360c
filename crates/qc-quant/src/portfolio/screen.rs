//! Which assets of a universe meet given limits, and why the others do not.

use crate::error::{Error, Result};
use crate::panel::{Panel, Series};
use crate::returns::{annualise, compound, require_periods_per_year};
use crate::stats::correlation::{Method, pair};
use crate::stats::moments::{mean, std_dev, varies};

/// Limits on annual figures; `None` does not ask.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Criteria {
    /// Smallest geometric annual return.
    pub min_return: Option<f64>,
    /// Largest annual volatility.
    pub max_volatility: Option<f64>,
    /// Smallest annual Sharpe ratio over `risk_free`.
    pub min_sharpe: Option<f64>,
    /// Largest correlation with the benchmark, signed.
    pub max_correlation: Option<f64>,
    /// Largest size of the correlation with the benchmark.
    pub max_absolute_correlation: Option<f64>,
    /// Riskless rate per period.
    pub risk_free: f64,
}

/// Figures of one asset and the limits it fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Screened {
    /// The asset.
    pub symbol: String,
    /// Geometric annual return; `None` when beyond any number.
    pub annual_return: Option<f64>,
    /// Annual volatility, sample standard deviation.
    pub volatility: f64,
    /// Annual Sharpe ratio; `None` without variation.
    pub sharpe: Option<f64>,
    /// Pearson correlation with the benchmark; `None` without benchmark or variation.
    pub correlation: Option<f64>,
    /// One sentence for each limit it fails; empty: the asset passes.
    pub failed: Vec<String>,
}

/// Measures every asset over the same rows and compares with the limits, in the caller's order.
///
/// A limit on a figure that cannot be computed fails the asset and says so: a constant price does not
/// pass for being uncorrelated.
///
/// # Errors
/// [`Error::Degenerate`] for a correlation limit without benchmark, [`Error::ShapeMismatch`] and
/// [`Error::IndexMismatch`] for a benchmark on other rows, [`Error::OutOfRange`], [`Error::NotFinite`].
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::screen::{Criteria, assets}, testing::noise};
/// let quiet = noise(1, 100).iter().map(|e| 0.001 * e).collect();
/// let wild = noise(2, 100).iter().map(|e| 0.1 * e).collect();
/// let r = Panel::new(vec!["Q".into(), "W".into(), "FLAT".into()], Index::Rows(100), vec![quiet, wild, vec![0.0; 100]])?;
/// let limits = Criteria { max_volatility: Some(0.5), min_sharpe: Some(-50.0), ..Default::default() };
/// let found = assets(&r, None, &limits, 252.0)?;
/// assert!(found[0].failed.is_empty());
/// assert!(found[1].failed[0].starts_with("volatility"));
/// assert!(found[2].failed[0].contains("do not vary")); // no Sharpe ratio, no pass
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn assets(
    simple: &Panel,
    benchmark: Option<&Series>,
    criteria: &Criteria,
    periods_per_year: f64,
) -> Result<Vec<Screened>> {
    require_periods_per_year(periods_per_year)?;
    let Criteria { min_return, max_volatility, min_sharpe, max_correlation, max_absolute_correlation, risk_free } =
        *criteria;
    let limits = [min_return, max_volatility, min_sharpe, max_correlation, max_absolute_correlation, Some(risk_free)];
    if let Some(bad) = limits.into_iter().flatten().find(|limit| !limit.is_finite()) {
        return Err(Error::out_of_range("a limit", f64::MIN, f64::MAX, bad));
    }
    let asks_correlation = max_correlation.is_some() || max_absolute_correlation.is_some();
    if asks_correlation && benchmark.is_none() {
        return Err(Error::degenerate("limit on correlation", "there is no benchmark to correlate with"));
    }
    if let Some(other) = benchmark {
        simple.series(&simple.symbols()[0])?.require_same_rows(other)?;
        crate::panel::require_variation(other.name(), other.values())?;
    }
    let screened = simple.symbols().iter().zip(simple.columns()).map(|(symbol, r)| {
        let moves = varies(r);
        let annual_return = annualise(compound(r), r.len(), periods_per_year).ok();
        let volatility = if moves { std_dev(r) * periods_per_year.sqrt() } else { 0.0 };
        let sharpe = moves.then(|| (mean(r) - risk_free) / std_dev(r) * periods_per_year.sqrt());
        let correlation = benchmark
            .filter(|_| moves)
            .and_then(|other| pair(r, other.values(), Method::Pearson).ok())
            .map(|found| found.value);
        let mut failed = Vec::new();
        let mut judge = |name: &str, value: Option<f64>, limit: Option<f64>, at_most: bool, missing: &str| {
            let Some(limit) = limit else { return };
            match value {
                None => failed.push(format!("{name}: {missing}")),
                Some(value) if at_most && limit < value => failed.push(format!("{name} {value:.6} is above {limit}")),
                Some(value) if !at_most && value < limit => failed.push(format!("{name} {value:.6} is below {limit}")),
                Some(_) => {}
            }
        };
        let flat = "its returns do not vary";
        judge("annual return", annual_return, min_return, false, "it has no finite annual equivalent");
        judge("volatility", Some(volatility), max_volatility, true, flat);
        judge("sharpe ratio", sharpe, min_sharpe, false, flat);
        judge("correlation", correlation, max_correlation, true, flat);
        judge("size of correlation", correlation.map(f64::abs), max_absolute_correlation, true, flat);
        Screened { symbol: symbol.clone(), annual_return, volatility, sharpe, correlation, failed }
    });
    Ok(screened.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    fn universe() -> (Panel, Series) {
        let m = noise(1, 300);
        let with = |c: f64, seed| m.iter().zip(noise(seed, 300)).map(|(m, e)| 0.01 * (c * m + e)).collect::<Vec<_>>();
        let panel = Panel::new(
            vec!["UP".into(), "DOWN".into(), "FLAT".into()],
            Index::Rows(300),
            vec![with(2.0, 2), with(-2.0, 3), vec![0.0; 300]],
        );
        (panel.unwrap(), Series::new("M", Index::Rows(300), m.iter().map(|m| 0.01 * m).collect()).unwrap())
    }

    #[test]
    fn signed_and_absolute_limits_differ_and_the_flat_one_passes_neither() {
        let (r, m) = universe();
        let passes = |criteria: &Criteria| -> Vec<String> {
            let found = assets(&r, Some(&m), criteria, 252.0).unwrap();
            found.into_iter().filter(|asset| asset.failed.is_empty()).map(|asset| asset.symbol).collect()
        };
        assert_eq!(passes(&Criteria { max_correlation: Some(0.3), ..Default::default() }), ["DOWN"]);
        assert!(passes(&Criteria { max_absolute_correlation: Some(0.3), ..Default::default() }).is_empty());
        assert_eq!(passes(&Criteria::default()).len(), 3);
    }

    #[test]
    fn a_correlation_limit_without_benchmark_is_an_error() {
        let (r, m) = universe();
        let limit = Criteria { max_correlation: Some(0.3), ..Default::default() };
        assert!(matches!(assets(&r, None, &limit, 252.0), Err(Error::Degenerate { .. })));
        let nan = Criteria { min_sharpe: Some(f64::NAN), ..Default::default() };
        assert!(matches!(assets(&r, Some(&m), &nan, 252.0), Err(Error::OutOfRange { .. })));
        let short = Series::new("M", Index::Rows(299), m.values()[..299].to_vec()).unwrap();
        assert!(assets(&r, Some(&short), &limit, 252.0).is_err());
    }
}
