//! Whether a regression's coefficients changed: Chow at a known row, Quandt and Andrews over all rows.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF, FisherSnedecor};
use statrs::function::gamma::ln_gamma;

use crate::error::{Error, Result};
use crate::panel::require_finite;

/// Answer of [`chow`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chow {
    /// Wald statistic, k times F.
    pub wald: f64,
    /// F statistic with k and n - 2k degrees of freedom.
    pub f: f64,
    /// Its p-value; supposes one variance on both sides, and rejects far too often where the shorter side is the wilder.
    pub f_p_value: f64,
    /// Wald statistic of the difference of both sides' coefficients, each with its own variance (White's, n/(n-k)).
    pub robust_wald: f64,
    /// Its p-value: of F, robust_wald over k, with as many degrees of freedom as the shorter side leaves.
    pub robust_p_value: f64,
    /// Likelihood ratio for a change of the coefficients.
    pub lr_mean: f64,
    /// Its chi-squared p-value, k degrees of freedom.
    pub lr_mean_p_value: f64,
    /// Likelihood ratio for a change of coefficients and variance; supposes normal, independent errors: fat tails and
    /// volatility that clusters make it reject most series whose law never changed.
    pub lr_mean_variance: f64,
    /// Its chi-squared p-value, k + 1 degrees of freedom.
    pub lr_mean_variance_p_value: f64,
}

/// Answer of [`sup_wald`].
#[derive(Debug, Clone, PartialEq)]
pub struct SupWald {
    /// Largest Wald statistic over the candidate rows.
    pub statistic: f64,
    /// First row after the break at which it stands.
    pub break_row: usize,
    /// p-value by Estrella's formula; good to .005 below .1, .02 below .3; beyond it says no more than that nothing
    /// broke: 1 where the formula, made for the tail, no longer holds, and never below the law of one known row.
    pub p_value: f64,
    /// Mean of the statistics.
    pub average: f64,
    /// ln of the mean of exp(statistic / 2).
    pub exponential: f64,
    /// First and last candidate row.
    pub candidates: (usize, usize),
    /// The same search with a variance of its own on each side; `None` above [`MOST_ROBUST`].
    pub robust: Option<RobustSup>,
}

/// The largest Wald statistic when the variance may differ on both sides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RobustSup {
    /// Largest statistic, as [`Chow::robust_wald`].
    pub statistic: f64,
    /// First row after the break at which it stands.
    pub break_row: usize,
    /// p-value by Estrella's formula.
    pub p_value: f64,
}

/// Tests for a change of coefficients between the rows before `break_row` and those from it on.
///
/// `columns` are all regressors; give a column of ones for a constant.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::NotFinite`], [`Error::TooFewRows`] unless both sides have more rows
/// than regressors, [`Error::Degenerate`] for collinear regressors or an exact fit.
///
/// # Source
/// Chow (1960), Econometrica 28(3), 591-605. Family `break_test`.
///
/// ```
/// use qc_quant::{dynamics::break_test::chow, testing::noise};
/// let mut y = noise(1, 200);
/// y[100..].iter_mut().for_each(|v| *v += 1.0);
/// assert!(chow(&y, &[&[1.0; 200]], 100)?.f_p_value < 1e-6);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn chow(y: &[f64], columns: &[&[f64]], break_row: usize) -> Result<Chow> {
    let design = check(y, columns)?;
    let (n, k) = (y.len(), columns.len());
    if break_row <= k || n <= break_row + k {
        let what = format!("each side of a break at row {break_row}");
        return Err(Error::too_few_rows(what, k + 1, break_row.min(n.saturating_sub(break_row))));
    }
    let whole = rss(&design, y, 0..n)?;
    let (before, after) = (rss(&design, y, 0..break_row)?, rss(&design, y, break_row..n)?);
    let split = before + after;
    let (size, df) = (n as f64, (n - 2 * k) as f64);
    if fits_exactly(whole, y) || split <= 1e-20 * whole || before <= 0.0 || after <= 0.0 {
        return Err(Error::degenerate("break test", "the regressions fit exactly"));
    }
    let wald = (whole - split) / (split / df);
    let f = wald / k as f64;
    let lr_mean = size * (whole / split).ln();
    let (n1, n2) = (break_row as f64, size - break_row as f64);
    let lr_mean_variance = size * (whole / size).ln() - n1 * (before / n1).ln() - n2 * (after / n2).ln();
    let sides = (side(&design, y, 0..break_row), side(&design, y, break_row..n));
    let robust = sides.0.zip(sides.1).and_then(|(before, after)| difference(&before, &after));
    let robust_wald = robust.ok_or_else(|| Error::degenerate("break test", "a side has no variance"))?;
    let shorter = (break_row.min(n - break_row) - k) as f64;
    let chi = |statistic: f64, df: usize| law(ChiSquared::new(df as f64).map(|law| law.sf(statistic.max(0.0))));
    Ok(Chow {
        wald,
        f,
        f_p_value: law(FisherSnedecor::new(k as f64, df).map(|law| law.sf(f.max(0.0))))?,
        robust_wald,
        robust_p_value: law(FisherSnedecor::new(k as f64, shorter).map(|law| law.sf(robust_wald / k as f64)))?,
        lr_mean,
        lr_mean_p_value: chi(lr_mean, k)?,
        lr_mean_variance,
        lr_mean_variance_p_value: chi(lr_mean_variance, k + 1)?,
    })
}

/// Tests for a change of coefficients at an unknown row, `trim` of the sample left out at each end.
///
/// # Errors
/// As [`chow`], and [`Error::OutOfRange`] for a trim outside [0.01, 0.49].
///
/// # Source
/// Andrews (1993), Econometrica 61(4), 821-856; Estrella (2003), Econometric Theory 19, 1128-1143.
pub fn sup_wald(y: &[f64], columns: &[&[f64]], trim: f64) -> Result<SupWald> {
    if !(0.01..=0.49).contains(&trim) {
        return Err(Error::out_of_range("trim", 0.01, 0.49, trim));
    }
    let design = check(y, columns)?;
    let (n, k) = (y.len(), columns.len());
    let first = (n as f64 * trim).floor() as usize;
    let last = n - first;
    if first <= k {
        return Err(Error::too_few_rows("each end of the sample", k + 1, first));
    }
    // residual sums of squares of rows 0..b and b..n for all b, one row added at a time
    let forward = growing(&design, y, first)?;
    let turned = DMatrix::from_fn(n, k, |row, col| design[(n - 1 - row, col)]);
    let backwards: Vec<f64> = y.iter().rev().copied().collect();
    let backward = growing(&turned, &backwards, first)?;
    let whole = rss(&design, y, 0..n)?;
    let df = (n - 2 * k) as f64;
    let split = |b: usize| forward[b] + backward[n - b];
    let exact = || Error::degenerate("break test", "the regressions fit exactly");
    if fits_exactly(whole, y) || (first..=last).any(|b| split(b) <= 1e-20 * whole) {
        return Err(exact());
    }
    let wald = |b: usize| {
        let split = split(b);
        (whole - split) / (split / df)
    };
    let statistics: Vec<f64> = (first..=last).map(wald).collect();
    if statistics.iter().any(|w| !w.is_finite()) {
        return Err(exact());
    }
    let at = (0..statistics.len()).fold(0, |best, i| if statistics[best] < statistics[i] { i } else { best });
    let count = statistics.len() as f64;
    let largest = statistics[at];
    let exponential =
        largest / 2.0 + (statistics.iter().map(|w| ((w - largest) / 2.0).exp()).sum::<f64>() / count).ln();
    Ok(SupWald {
        statistic: largest,
        break_row: first + at,
        p_value: estrella(largest, k as f64, trim)?,
        average: statistics.iter().sum::<f64>() / count,
        exponential,
        candidates: (first, last),
        robust: robust_sup(&design, y, first, last, trim)?,
    })
}

/// Most rows squared times columns squared for which the robust search is made: about a second.
pub const MOST_ROBUST: u64 = 1_000_000_000;

fn robust_sup(design: &DMatrix<f64>, y: &[f64], first: usize, last: usize, trim: f64) -> Result<Option<RobustSup>> {
    let (n, k) = (y.len(), design.ncols());
    if Error::limit_work("a robust break test", MOST_ROBUST, &[n, n, k, k]).is_err() {
        return Ok(None);
    }
    let statistics: Vec<Option<f64>> = (first..=last)
        .into_par_iter()
        .map(|b| side(design, y, 0..b).zip(side(design, y, b..n)).and_then(|(x, y)| difference(&x, &y)))
        .collect();
    let best = statistics.iter().enumerate().filter_map(|(at, statistic)| Some((at, (*statistic)?))).fold(
        None,
        |best: Option<(usize, f64)>, now| if best.is_some_and(|best| now.1 <= best.1) { best } else { Some(now) },
    );
    let Some((at, statistic)) = best else { return Ok(None) };
    Ok(Some(RobustSup { statistic, break_row: first + at, p_value: estrella(statistic, k as f64, trim)? }))
}

/// Coefficients of some rows and White's covariance of them, n/(n-k); `None` where regressors are collinear there.
fn side(design: &DMatrix<f64>, y: &[f64], rows: std::ops::Range<usize>) -> Option<(DVector<f64>, DMatrix<f64>)> {
    let k = design.ncols();
    let mut moments = DMatrix::<f64>::zeros(k, k);
    let mut with_y = DVector::<f64>::zeros(k);
    for row in rows.clone() {
        for i in 0..k {
            with_y[i] += design[(row, i)] * y[row];
            for j in 0..k {
                moments[(i, j)] += design[(row, i)] * design[(row, j)];
            }
        }
    }
    let inverse = moments.try_inverse()?;
    let b: DVector<f64> = &inverse * with_y;
    let mut middle = DMatrix::<f64>::zeros(k, k);
    for row in rows.clone() {
        let error = y[row] - (0..k).map(|i| design[(row, i)] * b[i]).sum::<f64>();
        for i in 0..k {
            for j in 0..k {
                middle[(i, j)] += error * error * design[(row, i)] * design[(row, j)];
            }
        }
    }
    let n = rows.len() as f64;
    Some((b, &inverse * middle * &inverse * (n / (n - k as f64))))
}

/// The Wald statistic of two independent estimates; `None` where neither varies.
fn difference(a: &(DVector<f64>, DMatrix<f64>), b: &(DVector<f64>, DMatrix<f64>)) -> Option<f64> {
    let apart = &a.0 - &b.0;
    let wald = apart.dot(&((&a.1 + &b.1).try_inverse()? * &apart));
    (wald.is_finite() && 0.0 <= wald).then_some(wald)
}

/// Whether what a regression leaves is the rounding of its target.
fn fits_exactly(rss: f64, y: &[f64]) -> bool {
    const ROUNDING: f64 = 1e-14;
    rss <= ROUNDING * ROUNDING * y.iter().map(|v| v * v).sum::<f64>()
}

/// Estrella's tail, where it is one: it falls back to zero and below towards a statistic of zero.
fn estrella(c: f64, k: f64, trim: f64) -> Result<f64> {
    if c <= 0.0 {
        return Ok(1.0);
    }
    let tau = 2.0 * ((1.0 - trim) / trim).ln();
    let rest = 2.0 - k * tau;
    let bracket = tau + rest / c;
    let tail = (k / 2.0 * (c / 2.0).ln() - c / 2.0 - ln_gamma(k / 2.0)).exp() * bracket;
    // the sign of the derivative of its logarithm: a tail does not rise
    let rises = bracket <= 0.0 || 0.0 < k / (2.0 * c) - 0.5 - rest / c / (tau * c + rest);
    if rises && tail < 0.5 {
        return Ok(1.0);
    }
    let one_row = law(ChiSquared::new(k).map(|law| law.sf(c)))?;
    Ok(tail.max(one_row).clamp(0.0, 1.0))
}

/// Residual sum of squares of the first b rows for every b from `start` on, by recursive residuals.
fn growing(design: &DMatrix<f64>, y: &[f64], start: usize) -> Result<Vec<f64>> {
    let (n, k) = (design.nrows(), design.ncols());
    let head = design.rows(0, start).into_owned();
    let singular = || Error::degenerate("break test", format!("regressors are collinear in {start} rows"));
    let mut inverse = (head.transpose() * &head).try_inverse().ok_or_else(singular)?;
    let mut b = &inverse * (head.transpose() * DVector::from_column_slice(&y[..start]));
    let mut sums = vec![0.0; n + 1];
    sums[start] = rss(design, y, 0..start)?;
    for row in start..n {
        let x = DVector::from_fn(k, |i, _| design[(row, i)]);
        let px = &inverse * &x;
        let scale = 1.0 + x.dot(&px);
        let error = y[row] - x.dot(&b);
        sums[row + 1] = sums[row] + error * error / scale;
        b += &px * (error / scale);
        inverse -= &px * px.transpose() / scale;
    }
    Ok(sums)
}

fn rss(design: &DMatrix<f64>, y: &[f64], rows: std::ops::Range<usize>) -> Result<f64> {
    let x = design.rows(rows.start, rows.len()).into_owned();
    let target = DVector::from_column_slice(&y[rows]);
    let qr = x.qr();
    let r = qr.r();
    if (0..r.nrows()).any(|i| r[(i, i)].abs() <= 1e-10 * r.column(i).norm()) {
        return Err(Error::degenerate("break test", "regressors are collinear"));
    }
    let q = qr.q();
    let rest = &target - &q * (q.transpose() * &target);
    Ok(rest.norm_squared())
}

/// Most rows times columns squared that a test takes on.
pub const MOST_STEPS: u64 = 10_000_000_000;

fn check(y: &[f64], columns: &[&[f64]]) -> Result<DMatrix<f64>> {
    require_finite("y", y)?;
    if columns.is_empty() {
        return Err(Error::TooFewSymbols { what: "a break test".into(), needed: 1, found: 0 });
    }
    for (number, column) in columns.iter().enumerate() {
        require_finite(&format!("x{}", number + 1), column)?;
        if column.len() != y.len() {
            let what = format!("rows of x{}", number + 1);
            return Err(Error::ShapeMismatch { what, expected: y.len(), found: column.len() });
        }
    }
    Error::limit_work(
        "a break test (rows times columns squared)",
        MOST_STEPS,
        &[y.len(), columns.len(), columns.len()],
    )?;
    Ok(DMatrix::from_fn(y.len(), columns.len(), |row, col| columns[col][row]))
}

fn law<E: std::fmt::Display>(p: std::result::Result<f64, E>) -> Result<f64> {
    p.map_err(|error| Error::degenerate("break test", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    /// Andrews (2003), Econometrica 71(1), 395-397 (corrected table), trim .15: 10, 5 and 1 percent for one and two
    /// parameters.
    #[test]
    fn the_published_critical_values_have_their_p_values() {
        for (k, printed) in [(1.0, [7.12, 8.68, 12.16]), (2.0, [10.00, 11.72, 15.56])] {
            for (statistic, p) in printed.into_iter().zip([0.1, 0.05, 0.01]) {
                let own = estrella(statistic, k, 0.15).unwrap();
                assert!((own - p).abs() < 0.005, "{k} {statistic}: {own} {p}");
            }
        }
    }

    #[test]
    fn the_sup_is_the_largest_chow() {
        let (y, x) = (noise(1, 120), noise(2, 120));
        let ones = vec![1.0; 120];
        let columns: [&[f64]; 2] = [&ones, &x];
        let sup = sup_wald(&y, &columns, 0.15).unwrap();
        let each: Vec<f64> = (18..=102).map(|b| chow(&y, &columns, b).unwrap().wald).collect();
        let largest = each.iter().copied().fold(f64::MIN, f64::max);
        assert!((sup.statistic - largest).abs() < 1e-9);
        assert!((sup.average - each.iter().sum::<f64>() / each.len() as f64).abs() < 1e-9);
    }

    /// For a mean alone it is Welch's statistic: the squared difference over the sum of both variances of a mean.
    #[test]
    fn with_variances_of_their_own_two_means_are_compared_as_welch_does() {
        let y: Vec<f64> =
            noise(1, 200).iter().enumerate().map(|(t, e)| e * if t < 180 { 1.0 } else { 4.0 } + 0.01).collect();
        let found = chow(&y, &[&[1.0; 200]], 180).unwrap();
        let (m, v) = (crate::stats::moments::mean, crate::stats::moments::variance);
        let welch = (m(&y[..180]) - m(&y[180..])).powi(2) / (v(&y[..180]) / 180.0 + v(&y[180..]) / 20.0);
        assert!((found.robust_wald / welch - 1.0).abs() < 1e-10, "{} {welch}", found.robust_wald);
        let sup = sup_wald(&y, &[&[1.0; 200]], 0.15).unwrap();
        let each = (30..=170).map(|b| chow(&y, &[&[1.0; 200]], b).unwrap().robust_wald);
        let largest = each.fold(f64::MIN, f64::max);
        assert!((sup.robust.unwrap().statistic - largest).abs() < 1e-9);
    }

    /// 400 draws of which the last tenth is three times as wild and nothing else changed: F rejects far too often, the
    /// robust statistic as often as it says, within three standard errors.
    #[test]
    fn a_change_of_variance_alone_is_no_change_of_the_mean() {
        let (mut plain, mut robust) = (0, 0);
        for seed in 0..400 {
            let y: Vec<f64> =
                noise(seed, 500).iter().enumerate().map(|(t, e)| e * if t < 450 { 1.0 } else { 3.0 }).collect();
            let found = chow(&y, &[&[1.0; 500]], 450).unwrap();
            plain += usize::from(found.f_p_value < 0.05);
            robust += usize::from(found.robust_p_value < 0.05);
        }
        assert!(100 < plain, "{plain}");
        assert!((7..=33).contains(&robust), "{robust}"); // 20 of 400, standard error 4.4
    }

    #[test]
    fn where_nothing_breaks_the_p_value_is_large() {
        for k in [1.0, 2.0, 3.0, 5.0, 10.0] {
            for trim in [0.01, 0.05, 0.15, 0.3, 0.49] {
                // a statistic as large as the mean of one row's is no sign of a break, and less of it is less
                for share in [0.0, 1e-300, 1e-12, 0.01, 0.1, 0.3, 0.5, 0.8, 1.0] {
                    let p = estrella(share * k, k, trim).unwrap();
                    assert!((0.3..=1.0).contains(&p), "{p} at {share} of {k}, trim {trim}");
                }
                // the tail is left as published
                assert!(estrella(30.0 + 3.0 * k, k, trim).unwrap() < 1e-3);
            }
        }
        let alternating: Vec<f64> = (0..200).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let found = sup_wald(&alternating, &[&[1.0; 200]], 0.15).unwrap();
        assert!(found.statistic < 0.1 && 0.99 < found.p_value, "{found:?}");
    }

    #[test]
    fn an_exact_fit_is_refused() {
        let x: Vec<f64> = noise(5, 200);
        let y: Vec<f64> = x.iter().map(|x| 0.3 + 1.7 * x).collect();
        let columns: [&[f64]; 2] = [&[1.0; 200], &x];
        assert!(matches!(sup_wald(&y, &columns, 0.15), Err(Error::Degenerate { .. })));
        assert!(matches!(chow(&y, &columns, 100), Err(Error::Degenerate { .. })));
        assert!(matches!(sup_wald(&[0.1; 200], &[&[1.0; 200]], 0.15), Err(Error::Degenerate { .. })));
    }

    #[test]
    fn refuses_a_break_at_the_edge() {
        assert!(matches!(chow(&noise(1, 20), &[&[1.0; 20]], 1), Err(Error::TooFewRows { .. })));
        assert!(matches!(sup_wald(&noise(1, 20), &[&[1.0; 20]], 0.6), Err(Error::OutOfRange { .. })));
    }
}
