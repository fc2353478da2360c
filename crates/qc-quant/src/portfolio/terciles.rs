//! Buckets by rank of a score, and the long-short portfolio of the outer ones.

use crate::error::{Error, Result};

/// Answer of [`sort`].
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    /// Bucket of each score in the caller's order, 0 the lowest; `None` where there is no score.
    pub bucket: Vec<Option<usize>>,
    /// Number of buckets.
    pub n_buckets: usize,
    /// Equal weights summing to 1 over the highest bucket and to -1 over the lowest, 0 elsewhere.
    pub long_short: Vec<f64>,
}

/// Sorts scores into `n_buckets` of nearly equal size: rank r (0-based, ties by input order) goes to floor(q r / n).
///
/// Scores that are missing or not finite are left out, not treated as zero.
///
/// # Errors
/// [`Error::OutOfRange`] below two buckets, [`Error::TooFewSymbols`] with fewer scores than buckets.
///
/// ```
/// use qc_quant::portfolio::terciles::sort;
/// let found = sort(&[Some(0.3), None, Some(-0.1), Some(0.1)], 3)?;
/// assert_eq!(found.bucket, [Some(2), None, Some(0), Some(1)]);
/// assert_eq!(found.long_short, [1.0, 0.0, -1.0, 0.0]);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn sort(scores: &[Option<f64>], n_buckets: usize) -> Result<Buckets> {
    if n_buckets < 2 {
        return Err(Error::out_of_range("buckets", 2.0, scores.len() as f64, n_buckets as f64));
    }
    let mut known: Vec<(usize, f64)> =
        scores.iter().enumerate().filter_map(|(i, score)| Some((i, score.filter(|s| s.is_finite())?))).collect();
    if known.len() < n_buckets {
        return Err(Error::TooFewSymbols {
            what: format!("{n_buckets} buckets"),
            needed: n_buckets,
            found: known.len(),
        });
    }
    known.sort_by(|a, b| (a.1 + 0.0).total_cmp(&(b.1 + 0.0)));
    let mut bucket = vec![None; scores.len()];
    let mut sizes = vec![0usize; n_buckets];
    for (rank, (at, _)) in known.iter().enumerate() {
        let which = n_buckets * rank / known.len();
        bucket[*at] = Some(which);
        sizes[which] += 1;
    }
    let weight = |which: &Option<usize>| match which {
        Some(0) => -1.0 / sizes[0] as f64,
        Some(which) if which + 1 == n_buckets => 1.0 / sizes[n_buckets - 1] as f64,
        _ => 0.0,
    };
    let long_short = bucket.iter().map(weight).collect();
    Ok(Buckets { bucket, n_buckets, long_short })
}
