//! How long the blocks of a block bootstrap should be.

use crate::error::{Error, Result};
use crate::lanes::dot;
use crate::panel::{require_finite, require_variation};
use crate::stats::moments::centre_into;

/// Answer of [`optimal`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BlockLength {
    /// Mean block length of the stationary bootstrap.
    pub stationary: f64,
    /// Block length of the circular bootstrap.
    pub circular: f64,
}

/// Block lengths of least asymptotic mean squared error for the variance of a mean.
///
/// # Errors
/// [`Error::TooFewRows`] below 20, [`Error::Constant`], [`Error::NotFinite`], [`Error::Degenerate`]
/// when the long-run variance is zero.
///
/// # Source
/// Politis and White (2004), Econometric Reviews 23(1), 53-70; Patton, Politis and White (2009), 28(4),
/// 372-375. Checked against arch: family `optimal_block_length`.
///
/// ```
/// use qc_quant::{resample::block_length::optimal, testing::noise};
/// let mut x = 0.0;
/// let smooth: Vec<f64> = noise(1, 1000).iter().map(|e| { x = 0.8 * x + e; x }).collect();
/// assert!(optimal(&noise(1, 1000))?.stationary < optimal(&smooth)?.stationary);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn optimal(values: &[f64]) -> Result<BlockLength> {
    require_finite("series", values)?;
    let t = values.len();
    if t < 20 {
        return Err(Error::too_few_rows("a block length", 20, t));
    }
    require_variation("series", values)?;
    let mut eps = vec![0.0; t];
    centre_into(values, &mut eps);
    let n = t as f64;
    let longest = (3.0 * n.sqrt()).min(n / 3.0).ceil();
    let run = 5.max(n.log10() as usize); // autocorrelations in a row that must be small
    let most = (n.sqrt().ceil() as usize + run).min(t - 2);
    let small = 2.0 * (n.log10() / n).sqrt();
    let (mut covariance, mut correlation) = (Vec::new(), Vec::new());
    let mut settled = None;
    for lag in 0..=most {
        let product = dot(&eps[lag..], &eps[..t - lag]);
        let (late, early) = (&eps[lag + 1..], &eps[..t - lag - 1]);
        covariance.push(product / n);
        correlation.push(product.abs() / (dot(late, late) * dot(early, early)).sqrt());
        if run <= lag && settled.is_none() && correlation[lag - run..lag].iter().all(|value| *value < small) {
            settled = Some(lag - run);
        }
    }
    let m = settled.map_or(most, |lag| (2 * lag.max(1)).min(most));
    let (mut g, mut long_run) = (0.0, covariance[0]);
    for (lag, value) in covariance.iter().enumerate().take(m + 1).skip(1) {
        let share = lag as f64 / m as f64;
        let weight = if share <= 0.5 { 1.0 } else { 2.0 * (1.0 - share) };
        g += 2.0 * weight * lag as f64 * value;
        long_run += 2.0 * weight * value;
    }
    if long_run == 0.0 {
        return Err(Error::degenerate("block length", "the long-run variance is zero"));
    }
    let length = |factor: f64| ((2.0 * g * g / (factor * long_run * long_run)).cbrt() * n.cbrt()).min(longest);
    Ok(BlockLength { stationary: length(2.0), circular: length(4.0 / 3.0) })
}
