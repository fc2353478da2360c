//! Distance correlation: zero exactly when two variables are independent, whatever the form of dependence.

mod rolling_pairs;

pub use self::rolling_pairs::{MOST_STEPS, RollingPairs, rolling_pairs};
use super::distribution::student_upper;
use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};

/// Up to this many rows the plain double loop beats sorting (measured).
const DOUBLE_LOOP_ROWS: usize = 160;

/// Fewest rows for which the bias-corrected statistic and its test exist.
const LEAST_ROWS: usize = 5;

/// Distance correlation of two columns, and its relatives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DistanceCorrelation {
    /// V-statistic, between 0 and 1: sqrt(dCov² / sqrt(dVar²(x) dVar²(y))). Biased upwards in small samples.
    pub correlation: f64,
    /// Squared distance covariance (V-statistic), in units of x times y.
    pub covariance_squared: f64,
    /// Bias-corrected squared distance correlation (U-statistic); around 0, possibly below, under independence.
    pub bias_corrected_squared: f64,
    /// p-value of independence, Székely and Rizzo's t-test on the bias-corrected statistic.
    pub p_value: f64,
    /// Rows.
    pub n_obs: usize,
}

/// Measures dependence of any form between two columns.
///
/// # Shapes and units
/// `x`, `y`: T values each, returns rather than levels: serial dependence makes both the size and
/// the p-value meaningless.
///
/// # Definition
/// With a(i,j) = |x(i) - x(j)|, row sums a(i,.) and total a(.,.), likewise b for y:
/// dCov² = Σab/n² - 2 Σ a(i,.)b(i,.)/n³ + a(.,.)b(.,.)/n⁴. The U-statistic has the divisors
/// n(n-3), n(n-2)(n-3), n(n-1)(n-2)(n-3). Test: t = sqrt(v-1) R/sqrt(1-R²), v = n(n-3)/2, v-1
/// degrees of freedom, upper tail. O(T log T) above a few hundred rows.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::TooFewRows`] below five rows, [`Error::Constant`], [`Error::NotFinite`].
///
/// # Source
/// Székely, Rizzo and Bakirov (2007), Annals of Statistics 35(6), 2769-2794; Székely and Rizzo (2013),
/// JMVA 117, 193-213; fast sums after Huo and Székely (2016), Technometrics 58(4), 435-447. Checked
/// against dcor 0.7: families `correlation_pair` and `rolling_dcor`.
///
/// # Example: it sees what Pearson does not
/// ```
/// use qc_quant::stats::{correlation, distance_correlation};
/// let x: Vec<f64> = (-20..=20).map(f64::from).collect();
/// let y: Vec<f64> = x.iter().map(|v| v * v).collect();
/// let pearson = correlation::pair(&x, &y, correlation::Method::Pearson)?;
/// let distance = distance_correlation::test(&x, &y)?;
/// assert!(pearson.value.abs() < 1e-12 && 0.4 < distance.correlation && distance.p_value < 1e-6);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn test(x: &[f64], y: &[f64]) -> Result<DistanceCorrelation> {
    if x.len() != y.len() {
        return Err(Error::ShapeMismatch { what: "rows of x and y".into(), expected: x.len(), found: y.len() });
    }
    for (name, column) in [("x", x), ("y", y)] {
        require_finite(name, column)?;
    }
    require_rows(x.len())?;
    for (name, column) in [("x", x), ("y", y)] {
        require_variation(name, column)?;
    }
    let mut scratch = Scratch::default();
    Ok(between(&Column::new(x), &Column::new(y), &mut scratch))
}

pub(crate) fn require_rows(n_rows: usize) -> Result<()> {
    if n_rows < LEAST_ROWS {
        return Err(Error::too_few_rows("distance correlation", LEAST_ROWS, n_rows));
    }
    Ok(())
}

/// What one column brings to every pair it is in.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    centred: Vec<f64>,
    /// rows in increasing order of value
    order: Vec<u32>,
    /// position of each row in that order, counted from 1; equal values share the last position
    rank: Vec<u32>,
    /// a(i,.)
    row_sums: Vec<f64>,
    /// a(.,.)
    total: f64,
    /// Σ a(i,j)²
    squares: f64,
    /// Σ a(i,.)²
    row_squares: f64,
}

impl Column {
    pub(crate) fn new(values: &[f64]) -> Self {
        let n = values.len();
        let mut centred = vec![0.0; n];
        super::moments::centre_into(values, &mut centred);
        let mut keyed: Vec<(f64, u32)> = centred.iter().copied().zip(0u32..).collect();
        keyed.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut rank = vec![0; n];
        let mut row_sums = vec![0.0; n];
        let sum: f64 = keyed.iter().map(|(value, _)| value).sum();
        let mut before = 0.0;
        for (position, &(value, row)) in keyed.iter().enumerate() {
            // Σ|x(i) - x(j)| = values below: x(i) - x(j), values above: x(j) - x(i)
            row_sums[row as usize] =
                position as f64 * value - before + (sum - before - value) - (n - 1 - position) as f64 * value;
            before += value;
        }
        let mut shared = n as u32;
        for position in (0..n).rev() {
            if position + 1 < n && keyed[position].0 != keyed[position + 1].0 {
                shared = position as u32 + 1;
            }
            rank[keyed[position].1 as usize] = shared;
        }
        let total = row_sums.iter().sum();
        let squares = 2.0 * n as f64 * centred.iter().map(|v| v * v).sum::<f64>() - 2.0 * sum * sum;
        let row_squares = row_sums.iter().map(|v| v * v).sum();
        let order = keyed.iter().map(|&(_, row)| row).collect();
        Self { centred, order, rank, row_sums, total, squares, row_squares }
    }
}

/// Scratch of the fast sum.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    tree: Vec<[f64; 4]>,
}

/// All statistics of one pair; both columns vary and have the same length.
pub(crate) fn between(x: &Column, y: &Column, scratch: &mut Scratch) -> DistanceCorrelation {
    let n = x.centred.len();
    let product = if n <= DOUBLE_LOOP_ROWS { double_loop(x, y) } else { fast(x, y, scratch) };
    let rows: f64 = x.row_sums.iter().zip(&y.row_sums).map(|(a, b)| a * b).sum();
    let biased = |product: f64, rows: f64, totals: f64| {
        let n = n as f64;
        ((product - 2.0 * rows / n + totals / (n * n)) / (n * n)).max(0.0)
    };
    let unbiased = |product: f64, rows: f64, totals: f64| {
        let n = n as f64;
        (product - 2.0 * rows / (n - 2.0) + totals / ((n - 1.0) * (n - 2.0))) / (n * (n - 3.0))
    };
    let covariance_squared = biased(product, rows, x.total * y.total);
    let scale = biased(x.squares, x.row_squares, x.total * x.total).sqrt()
        * biased(y.squares, y.row_squares, y.total * y.total).sqrt();
    let correlation = if 0.0 < scale { (covariance_squared / scale).sqrt().min(1.0) } else { 0.0 };
    let u_scale = (unbiased(x.squares, x.row_squares, x.total * x.total)
        * unbiased(y.squares, y.row_squares, y.total * y.total))
    .max(0.0)
    .sqrt();
    let u = if 0.0 < u_scale { unbiased(product, rows, x.total * y.total) / u_scale } else { 0.0 };
    let u = u.clamp(-1.0, 1.0);
    let v = n as f64 * (n as f64 - 3.0) / 2.0;
    let p_value = if 1.0 <= u.abs() {
        if 0.0 < u { 0.0 } else { 1.0 }
    } else {
        student_upper((v - 1.0).sqrt() * u / (1.0 - u * u).sqrt(), v - 1.0)
    };
    DistanceCorrelation { correlation, covariance_squared, bias_corrected_squared: u, p_value, n_obs: n }
}

/// Σ |x(i) - x(j)| |y(i) - y(j)| over all i, j.
fn double_loop(x: &Column, y: &Column) -> f64 {
    let mut total = 0.0;
    for row in 1..x.centred.len() {
        let (xi, yi) = (x.centred[row], y.centred[row]);
        let pairs = x.centred[..row].iter().zip(&y.centred[..row]);
        total += pairs.map(|(xj, yj)| (xi - xj).abs() * (yi - yj).abs()).sum::<f64>();
    }
    2.0 * total
}

/// The same sum in O(n log n): walk up in x, keep sums of what was passed in a tree ordered by y.
fn fast(x: &Column, y: &Column, scratch: &mut Scratch) -> f64 {
    let n = x.centred.len();
    let tree = &mut scratch.tree;
    tree.clear();
    tree.resize(n + 1, [0.0; 4]);
    // Σ over passed rows with y(j) <= y(i) of (x(i) - x(j)) (y(i) - y(j))
    let mut rising = 0.0;
    for &row in &x.order {
        let (xi, yi) = (x.centred[row as usize], y.centred[row as usize]);
        let rank = y.rank[row as usize] as usize;
        let [mut count, mut sum_x, mut sum_y, mut sum_xy] = [0.0; 4];
        let mut node = rank;
        while 0 < node {
            let [c, sx, sy, sxy] = tree[node];
            count += c;
            sum_x += sx;
            sum_y += sy;
            sum_xy += sxy;
            node &= node - 1;
        }
        rising += count * xi * yi - xi * sum_y - yi * sum_x + sum_xy;
        let mut node = rank;
        while node <= n {
            let entry = &mut tree[node];
            entry[0] += 1.0;
            entry[1] += xi;
            entry[2] += yi;
            entry[3] += xi * yi;
            node += node & node.wrapping_neg();
        }
    }
    // pairs with falling y count with the other sign: rising - (all - rising), each pair twice
    let all: f64 = n as f64 * x.centred.iter().zip(&y.centred).map(|(a, b)| a * b).sum::<f64>()
        - x.centred.iter().sum::<f64>() * y.centred.iter().sum::<f64>();
    2.0 * (2.0 * rising - all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn fast_sum_equals_double_loop_with_and_without_ties() {
        for round in [1e9, 1.0] {
            let column =
                |seed| Column::new(&noise(seed, 500).iter().map(|v| (v * round).round() / round).collect::<Vec<_>>());
            let (x, y) = (column(5), column(6));
            let (slow, quick) = (double_loop(&x, &y), fast(&x, &y, &mut Scratch::default()));
            assert!((slow / quick - 1.0).abs() < 1e-12, "{slow} {quick}");
        }
    }

    #[test]
    fn a_line_is_fully_dependent() {
        let x = noise(1, 300);
        let y: Vec<f64> = x.iter().map(|v| 2.0 - 3.0 * v).collect();
        let d = test(&x, &y).unwrap();
        assert!((d.correlation - 1.0).abs() < 1e-10 && (d.bias_corrected_squared - 1.0).abs() < 1e-10);
        assert!(d.p_value < 1e-12);
    }

    #[test]
    fn independent_noise_is_centred_at_zero() {
        let mean: f64 = (0..60)
            .map(|seed| test(&noise(seed, 80), &noise(seed + 999, 80)).unwrap().bias_corrected_squared)
            .sum::<f64>()
            / 60.0;
        assert!(mean.abs() < 0.01, "{mean}"); // standard error about .003
    }

    #[test]
    fn refuses_constant_and_short_columns() {
        assert!(matches!(test(&[1.0; 10], &noise(1, 10)), Err(Error::Constant { .. })));
        assert!(matches!(test(&[1.0, 2.0], &[1.0, 3.0]), Err(Error::TooFewRows { needed: 5, .. })));
    }
}
