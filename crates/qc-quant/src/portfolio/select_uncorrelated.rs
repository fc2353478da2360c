//! Chooses the assets that go least with one another.

use nalgebra::DMatrix;

use crate::error::{Error, Result};

/// Most sets that are tried one by one.
pub const MOST_SETS: u64 = 2_000_000;

/// Most assets times the square of those selected that exchanges take on: some seconds.
pub const MOST_STEPS: u64 = 2_000_000_000;

/// How the choice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// All sets were compared: this is the best one.
    Exhaustive,
    /// Greedy from the best pair, then exchanges until none helps: a local optimum.
    Exchange,
}

/// Answer of [`within_set`].
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Positions chosen, rising.
    pub chosen: Vec<usize>,
    /// Mean correlation (absolute or signed, as asked) over the pairs chosen.
    pub mean_correlation: f64,
    /// How it was found.
    pub search: Search,
}

/// Chooses `k` of the columns of a correlation matrix so that the mean pairwise correlation *within* the set is least.
///
/// # Errors
/// [`Error::OutOfRange`] unless 2 <= k <= n, [`Error::ShapeMismatch`] for a matrix that is not square.
///
/// ```
/// use nalgebra::DMatrix;
/// use qc_quant::portfolio::select_uncorrelated::within_set;
/// let c = DMatrix::from_row_slice(3, 3, &[1.0, 0.9, 0.2, 0.9, 1.0, -0.3, 0.2, -0.3, 1.0]);
/// assert_eq!(within_set(&c, 2, true)?.chosen, [0, 2]); // |.2| is least
/// assert_eq!(within_set(&c, 2, false)?.chosen, [1, 2]); // -.3 is least
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn within_set(correlation: &DMatrix<f64>, k: usize, absolute: bool) -> Result<Selection> {
    let n = correlation.nrows();
    if n != correlation.ncols() {
        return Err(Error::ShapeMismatch {
            what: "correlation matrix".into(),
            expected: n,
            found: correlation.ncols(),
        });
    }
    if !(2..=n).contains(&k) {
        return Err(Error::out_of_range("number of assets to select", 2.0, n as f64, k as f64));
    }
    if MOST_SETS < sets(n, k) {
        Error::limit_work("exchanges of assets (assets times those selected, squared)", MOST_STEPS, &[n, k, k])?;
    }
    let cost = correlation.map(|value| if absolute { value.abs() } else { value });
    let (chosen, search) = if sets(n, k) <= MOST_SETS {
        (exhaustive(&cost, k), Search::Exhaustive)
    } else {
        (exchange(&cost, k), Search::Exchange)
    };
    let mean_correlation = total(&cost, &chosen) / (k * (k - 1) / 2) as f64;
    Ok(Selection { chosen, mean_correlation, search })
}

/// Mean correlation of each column with all others: ranks assets against the universe, not within a set.
pub fn mean_to_universe(correlation: &DMatrix<f64>, absolute: bool) -> Vec<f64> {
    let n = correlation.nrows();
    let value = |v: f64| if absolute { v.abs() } else { v };
    let others = |i: usize| (0..n).filter(|&j| j != i).map(|j| value(correlation[(i, j)])).sum::<f64>();
    (0..n).map(|i| if n < 2 { 0.0 } else { others(i) / (n - 1) as f64 }).collect()
}

/// n choose k, saturating.
fn sets(n: usize, k: usize) -> u64 {
    let k = k.min(n - k);
    (1..=k as u64).try_fold(1u64, |count, i| Some(count.checked_mul(n as u64 - k as u64 + i)? / i)).unwrap_or(u64::MAX)
}

fn total(cost: &DMatrix<f64>, chosen: &[usize]) -> f64 {
    let with_later = |(at, &i): (usize, &usize)| chosen[at + 1..].iter().map(|&j| cost[(i, j)]).sum::<f64>();
    chosen.iter().enumerate().map(with_later).sum()
}

/// Walks through all sets in order of their positions, keeping running sums.
fn exhaustive(cost: &DMatrix<f64>, k: usize) -> Vec<usize> {
    let n = cost.nrows();
    let mut best = (f64::INFINITY, Vec::new());
    let mut set: Vec<usize> = (0..k).collect();
    let mut sums = vec![0.0; k + 1]; // sums[i]: pairs among the first i of the set
    let mut from = 0;
    loop {
        for i in from..k {
            sums[i + 1] = sums[i] + set[..i].iter().map(|&j| cost[(set[i], j)]).sum::<f64>();
        }
        if sums[k] < best.0 {
            best = (sums[k], set.clone());
        }
        let Some(at) = (0..k).rev().find(|&i| set[i] < n - k + i) else { return best.1 };
        set[at] += 1;
        for i in at + 1..k {
            set[i] = set[i - 1] + 1;
        }
        from = at;
    }
}

fn exchange(cost: &DMatrix<f64>, k: usize) -> Vec<usize> {
    let n = cost.nrows();
    let mut chosen = exhaustive(cost, 2);
    let towards = |chosen: &[usize], i: usize| chosen.iter().filter(|&&j| j != i).map(|&j| cost[(i, j)]).sum::<f64>();
    let outside = |chosen: &[usize]| {
        let mut outside = vec![true; n];
        chosen.iter().for_each(|&i| outside[i] = false);
        (0..n).filter(move |&i| outside[i])
    };
    while chosen.len() < k {
        let mut best = (f64::INFINITY, 0);
        for i in outside(&chosen) {
            let more = towards(&chosen, i);
            if more < best.0 {
                best = (more, i);
            }
        }
        chosen.push(best.1);
    }
    loop {
        let mut best = (-1e-12, 0, 0);
        let sums: Vec<f64> = (0..n).map(|i| towards(&chosen, i)).collect();
        for at in 0..k {
            let leaving = sums[chosen[at]];
            for i in outside(&chosen) {
                let change = sums[i] - cost[(i, chosen[at])] - leaving;
                if change < best.0 {
                    best = (change, at, i);
                }
            }
        }
        if best.0 == -1e-12 {
            chosen.sort_unstable();
            return chosen;
        }
        chosen[best.1] = best.2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    fn random(n: usize) -> DMatrix<f64> {
        let values = noise(8, n * n);
        DMatrix::from_fn(
            n,
            n,
            |i, j| if i == j { 1.0 } else { (values[i.min(j) * n + i.max(j)] / 6.0).clamp(-1.0, 1.0) },
        )
    }

    #[test]
    fn exchange_is_close_to_the_best_of_all() {
        let cost = random(14).map(f64::abs);
        let (best, local) = (total(&cost, &exhaustive(&cost, 5)), total(&cost, &exchange(&cost, 5)));
        assert!(best <= local && local <= 1.25 * best, "{best} {local}");
    }

    #[test]
    fn counts_sets() {
        assert_eq!(sets(12, 4), 495);
        assert_eq!(sets(500, 250), u64::MAX);
    }

    #[test]
    fn refuses_one_and_too_many() {
        assert!(within_set(&random(4), 1, true).is_err());
        assert!(within_set(&random(4), 5, true).is_err());
    }
}
