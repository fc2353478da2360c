//! Means, variances, skewness, kurtosis, quantiles, and standardised columns.

use crate::error::{Error, Result};
use crate::lanes::{deviations, dot, extremes, sum};

/// Arithmetic mean; 0 for no values.
pub fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { sum(values) / values.len() as f64 }
}

/// Sample variance (divides by n - 1); 0 for fewer than two values.
pub fn variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let (residue, squares) = deviations(values, mean(values));
    // the second term removes what the rounding of the mean left over
    ((squares - residue * residue / values.len() as f64) / (values.len() - 1) as f64).max(0.0)
}

/// Sample standard deviation (divides by n - 1).
pub fn std_dev(values: &[f64]) -> f64 {
    variance(values).sqrt()
}

/// Sample covariance (divides by n - 1) of two columns of the same length; 0 for fewer than two rows.
pub fn covariance(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len().min(y.len());
    if n < 2 {
        return 0.0;
    }
    let (mx, my) = (mean(&x[..n]), mean(&y[..n]));
    x.iter().zip(y).map(|(a, b)| (a - mx) * (b - my)).sum::<f64>() / (n - 1) as f64
}

/// Central moments of order 2, 3 and 4, each divided by n (population).
pub(crate) fn central(values: &[f64]) -> [f64; 3] {
    let (n, m) = (values.len() as f64, mean(values));
    let mut sums = [0.0; 3];
    for value in values {
        let d = value - m;
        let square = d * d;
        sums[0] += square;
        sums[1] += square * d;
        sums[2] += square * square;
    }
    sums.map(|total| total / n)
}

/// How a column spreads around its mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spread {
    /// By no more than rounding noise.
    None,
    /// So that its powers up to the fourth are numbers, and not zero.
    Ordinary,
    /// By so little or so much that they are not.
    Unsquarable,
}

/// How a column spreads around its mean.
pub(crate) fn spread(values: &[f64]) -> Spread {
    const SQUARABLE: std::ops::RangeInclusive<f64> = 1e-70..=1e70;
    let (low, high) = extremes(values);
    let (range, mean) = (high - low, mean(values));
    if range <= 0.0 || (mean.is_finite() && range <= 1e-12 * mean.abs()) {
        Spread::None
    } else if SQUARABLE.contains(&range) {
        Spread::Ordinary
    } else {
        Spread::Unsquarable
    }
}

/// Whether a column varies by more than rounding noise around its mean, and its squares are numbers above zero.
pub(crate) fn varies(values: &[f64]) -> bool {
    spread(values) == Spread::Ordinary
}

/// Skewness corrected for bias, sqrt(n (n-1)) / (n-2) m3 / m2^1.5; `None` below three values or without variation.
pub fn skewness(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if values.len() < 3 || !varies(values) {
        return None;
    }
    let [m2, m3, _] = central(values);
    Some((n * (n - 1.0)).sqrt() / (n - 2.0) * m3 / m2.powf(1.5)).filter(|s| s.is_finite())
}

/// Excess kurtosis corrected for bias; `None` below four values or without variation.
///
/// `(n-1) / ((n-2)(n-3)) ((n+1) m4/m2² - 3 (n-1))`.
pub fn excess_kurtosis(values: &[f64]) -> Option<f64> {
    let n = values.len() as f64;
    if values.len() < 4 || !varies(values) {
        return None;
    }
    let [m2, _, m4] = central(values);
    let corrected = (n - 1.0) / ((n - 2.0) * (n - 3.0)) * ((n + 1.0) * m4 / (m2 * m2) - 3.0 * (n - 1.0));
    Some(corrected).filter(|k| k.is_finite())
}

/// Quantile by linear interpolation between order statistics (Hyndman and Fan's type 7, as numpy).
///
/// # Errors
/// [`Error::OutOfRange`] for `level` outside 0..=1, [`Error::TooFewRows`] without values.
///
/// ```
/// # use qc_quant::stats::moments::quantile;
/// assert_eq!(quantile(&[4.0, 1.0, 3.0, 2.0], 0.25)?, 1.75);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn quantile(values: &[f64], level: f64) -> Result<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    quantile_sorted(&sorted, level)
}

pub(crate) fn quantile_sorted(sorted: &[f64], level: f64) -> Result<f64> {
    if !(0.0..=1.0).contains(&level) {
        return Err(Error::out_of_range("quantile level", 0.0, 1.0, level));
    }
    let Some(last) = sorted.len().checked_sub(1) else {
        return Err(Error::too_few_rows("a quantile", 1, 0));
    };
    let position = level * last as f64;
    let below = position.floor();
    let low = sorted[below as usize];
    let high = sorted[(below as usize + 1).min(last)];
    Ok(low + (position - below) * (high - low))
}

/// Copies a column less its mean; returns the mean.
pub(crate) fn centre_into(column: &[f64], out: &mut [f64]) -> f64 {
    let m = mean(column);
    out.iter_mut().zip(column).for_each(|(to, value)| *to = value - m);
    let rest = mean(out); // the rounding of the mean
    out.iter_mut().for_each(|value| *value -= rest);
    m + rest
}

/// Divides every value, by one multiplication each.
pub(crate) fn divide(values: &mut [f64], divisor: f64) {
    let inverse = 1.0 / divisor;
    if inverse.is_normal() {
        values.iter_mut().for_each(|value| *value *= inverse);
    } else {
        values.iter_mut().for_each(|value| *value /= divisor);
    }
}

/// Copies a column less its mean and divided by its Euclidean norm; returns mean and norm.
pub(crate) fn standardise_into(column: &[f64], out: &mut [f64]) -> (f64, f64) {
    let m = centre_into(column, out);
    let norm = dot(out, out).sqrt();
    if 0.0 < norm {
        divide(out, norm);
    }
    (m, norm)
}

/// Mean of a column and the sum of squares of its deviations.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ColumnMoments {
    pub(crate) mean: f64,
    pub(crate) squares: f64,
}

impl ColumnMoments {
    pub(crate) fn of(column: &[f64]) -> Self {
        let n = column.len() as f64;
        let about = |centre: f64| {
            let (first, second) = deviations(column, centre);
            ColumnMoments { mean: centre + first / n, squares: second - first * first / n }
        };
        // One pass will do where the mean is small; elsewhere squares about zero would drown the spread.
        let raw = about(0.0);
        if raw.is_as_good_as_centred(column.len()) { raw } else { about(sum(column) / n) }
    }

    /// Whether the column varies for certain: no range is smaller than twice the standard deviation.
    pub(crate) fn surely_varies(&self, n_rows: usize) -> bool {
        const SURELY: f64 = 1e-9;
        SURELY * self.mean.abs() < (self.squares / n_rows as f64).sqrt() && (1e-100..1e100).contains(&self.squares)
    }

    /// Whether products of the raw column are as good as products of its deviations: its mean is no larger than its
    /// spread, as with returns, so that at most one bit is lost, and squares stay far from the ends of the range of numbers.
    pub(crate) fn is_as_good_as_centred(&self, n_rows: usize) -> bool {
        const SMALL: f64 = 1.0;
        n_rows as f64 * self.mean * self.mean <= SMALL * self.squares && (1e-200..1e200).contains(&self.squares)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variance_survives_a_large_mean() {
        let values: Vec<f64> = [4.0, 7.0, 13.0, 16.0].iter().map(|v| v + 1e9).collect();
        assert!((variance(&values) - 30.0).abs() < 1e-9); // NIST: the textbook formula gives nonsense here
    }

    #[test]
    fn higher_moments_equal_scipy() {
        // scipy.stats.skew / kurtosis(bias=False) of [1, 2, 4, 8, 16]
        let values = [1.0, 2.0, 4.0, 8.0, 16.0];
        assert!((skewness(&values).unwrap() - 1.325_314_709_813_404_6).abs() < 1e-12);
        assert!((excess_kurtosis(&values).unwrap() - 1.303_763_440_860_210_6).abs() < 1e-12);
    }

    #[test]
    fn a_column_whose_squares_are_no_numbers_does_not_vary() {
        let column = |size: f64| [1.0, 2.0, 4.0, 8.0, 16.0].map(|v| v * size);
        for size in [1e-320, 1e-170, 1e-100, 1e100, 1e200, 1e307] {
            assert_eq!(spread(&column(size)), Spread::Unsquarable, "{size}");
            assert_eq!((skewness(&column(size)), excess_kurtosis(&column(size))), (None, None), "{size}");
        }
        assert_eq!(spread(&[f64::MAX, -f64::MAX, f64::MAX]), Spread::Unsquarable);
        for size in [1e-60, 1e-10, 1.0, 1e10, 1e60] {
            assert!((skewness(&column(size)).unwrap() - 1.325_314_709_813_404_6).abs() < 1e-9, "{size}");
            assert!((excess_kurtosis(&column(size)).unwrap() - 1.303_763_440_860_210_6).abs() < 1e-9, "{size}");
        }
        assert_eq!(spread(&[f64::MAX; 3]), Spread::None);
        assert_eq!(spread(&[0.1; 9]), Spread::None);
    }

    #[test]
    fn undefined_shapes_are_none() {
        assert_eq!(skewness(&[1.0, 2.0]), None);
        assert_eq!(skewness(&[0.001; 6]), None);
        assert_eq!(excess_kurtosis(&[1.0, 2.0, 3.0]), None);
    }
}
