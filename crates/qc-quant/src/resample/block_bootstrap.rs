//! The stationary bootstrap: blocks of random length, wrapped around the end of the sample.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::progress::{Counter, Progress};

/// Replicates between two reports of progress.
const REPORT_EVERY: usize = 100;

/// Row numbers of one resample of `n` rows with mean block length `mean_block`.
///
/// Each row continues the block with probability 1 - 1/L, else starts at a random row.
pub(crate) fn stationary_rows(n: usize, mean_block: f64, random: &mut Xoshiro256PlusPlus, rows: &mut Vec<u32>) {
    rows.clear();
    let mut at = 0;
    for position in 0..n {
        if position == 0 || uniform(random) < 1.0 / mean_block {
            at = below(random, n);
        } else {
            at += 1;
            if at == n {
                at = 0;
            }
        }
        rows.push(at as u32);
    }
}

/// The generator of one replicate: its own stream, so that threads do not change the answer.
pub(crate) fn stream(seed: u64, replicate: usize) -> Xoshiro256PlusPlus {
    // seeding runs SplitMix64 over the number, which spreads neighbours apart
    Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(replicate as u64))
}

fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A number below `n` by multiplication; its bias is below n / 2^64.
fn below(random: &mut Xoshiro256PlusPlus, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}

/// Options of [`alpha`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AlphaOptions {
    /// Mean block length, at least 1; see [`super::block_length`].
    pub mean_block: f64,
    /// Resamples.
    pub replicates: usize,
    /// Seed of the generator (Xoshiro256++).
    pub seed: u64,
}

/// Answer of [`alpha`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BootstrapAlpha {
    /// Intercept of the regression on the factor, per period.
    pub alpha: f64,
    /// Slope.
    pub beta: f64,
    /// White's (HC0) standard error of the intercept.
    pub standard_error: f64,
    /// Intercept over standard error.
    pub t: f64,
    /// Two-sided bootstrap p-value, (1 + #|t*| >= |t|) / (B + 1).
    pub p_two_sided: f64,
    /// One-sided p-value of "alpha is not positive", (1 + # t* >= t) / (B + 1).
    pub p_one_sided: f64,
    /// Resamples that counted; one whose factor did not vary is left out.
    pub replicates: usize,
}

/// Tests the intercept of a regression on one factor by resampling pairs of rows in blocks.
///
/// Keeps the dependence of neighbouring rows and makes no assumption about the law of the errors.
///
/// # Definition
/// Studentised: t* = (a* - a) / se*, standard errors HC0 in sample and resamples.
///
/// # Errors
/// [`Error::ShapeMismatch`], [`Error::TooFewRows`] below 20, [`Error::Constant`], [`Error::OutOfRange`] for a
/// block length outside [1, T] or replicates outside [99, 1 000 000], [`Error::Degenerate`] for an
/// exact fit, [`Error::Cancelled`].
///
/// # Source
/// Politis and Romano (1994), JASA 89, 1303-1313. Family `bootstrap_alpha`.
///
/// ```
/// use qc_quant::{Silent, resample::block_bootstrap::{AlphaOptions, alpha}, testing::noise};
/// let (f, e) = (noise(1, 200), noise(2, 200));
/// let r: Vec<f64> = f.iter().zip(&e).map(|(f, e)| 0.5 + f + e).collect();
/// let options = AlphaOptions { mean_block: 4.0, replicates: 999, seed: 1 };
/// assert!(alpha(&r, &f, &options, &Silent)?.p_two_sided < 0.01); // .5 a period is seven standard errors
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn alpha(
    returns: &[f64],
    factor: &[f64],
    options: &AlphaOptions,
    progress: &dyn Progress,
) -> Result<BootstrapAlpha> {
    let n = returns.len();
    if factor.len() != n {
        return Err(Error::ShapeMismatch {
            what: "rows of returns and factor".into(),
            expected: n,
            found: factor.len(),
        });
    }
    if n < 20 {
        return Err(Error::too_few_rows("a bootstrap of alpha", 20, n));
    }
    require_finite("returns", returns)?;
    require_finite("factor", factor)?;
    require_variation("factor", factor)?;
    if !(1.0 <= options.mean_block && options.mean_block <= n as f64) {
        return Err(Error::out_of_range("mean block length", 1.0, n as f64, options.mean_block));
    }
    if !(99..=1_000_000).contains(&options.replicates) {
        return Err(Error::out_of_range("replicates", 99.0, 1e6, options.replicates as f64));
    }
    let rows: Vec<[f64; 2]> = returns.iter().zip(factor).map(|(r, f)| [*r, *f]).collect();
    let exact = || Error::degenerate("bootstrap of alpha", "the factor explains the returns exactly");
    let Fit { alpha, beta, standard_error } = regress(&rows).ok_or_else(exact)?;
    let t = alpha / standard_error;
    let counter = Counter::new(progress, options.replicates)?;
    let found: Vec<Option<f64>> = (0..options.replicates)
        .into_par_iter()
        .map_init(
            || (Vec::with_capacity(n), Vec::with_capacity(n)),
            |(numbers, sample), replicate| {
                stationary_rows(n, options.mean_block, &mut stream(options.seed, replicate), numbers);
                sample.clear();
                sample.extend(numbers.iter().map(|&row| rows[row as usize]));
                if replicate % REPORT_EVERY == REPORT_EVERY - 1 {
                    counter.advance(REPORT_EVERY)?;
                }
                Ok(regress(sample).map(|fit| (fit.alpha - alpha) / fit.standard_error))
            },
        )
        .collect::<Result<_>>()?;
    let counted: Vec<f64> = found.into_iter().flatten().collect();
    let share = |hits: usize| (1 + hits) as f64 / (counted.len() + 1) as f64;
    Ok(BootstrapAlpha {
        alpha,
        beta,
        standard_error,
        t,
        p_two_sided: share(counted.iter().filter(|draw| t.abs() <= draw.abs()).count()),
        p_one_sided: share(counted.iter().filter(|draw| t <= **draw).count()),
        replicates: counted.len(),
    })
}

struct Fit {
    alpha: f64,
    beta: f64,
    standard_error: f64,
}

/// Regression of the first entry on a constant and the second, with White's error of the intercept.
fn regress(rows: &[[f64; 2]]) -> Option<Fit> {
    let n = rows.len() as f64;
    let (mut sr, mut sf) = (0.0, 0.0);
    for [r, f] in rows {
        sr += r;
        sf += f;
    }
    let (mr, mf) = (sr / n, sf / n);
    let (mut sff, mut srf) = (0.0, 0.0);
    for [r, f] in rows {
        let d = f - mf;
        sff += d * d;
        srf += d * (r - mr);
    }
    let beta = srf / sff;
    let alpha = mr - beta * mf;
    // the intercept is Σ h r with h = 1/n - mf (f - mf) / sff; its White variance Σ h² e²
    let mut variance = 0.0;
    for [r, f] in rows {
        let h = 1.0 / n - mf * (f - mf) / sff;
        let e = r - alpha - beta * f;
        variance += h * h * e * e;
    }
    let standard_error = variance.sqrt();
    (alpha.is_finite() && 0.0 < standard_error && standard_error.is_finite()).then_some(Fit {
        alpha,
        beta,
        standard_error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::testing::noise;

    #[test]
    fn blocks_have_the_mean_length_asked_for() {
        let mut rows = Vec::new();
        stationary_rows(100_000, 8.0, &mut stream(1, 0), &mut rows);
        let breaks = rows.windows(2).filter(|pair| (pair[0] + 1) % 100_000 != pair[1]).count();
        let mean = 100_000.0 / (breaks + 1) as f64;
        assert!((mean - 8.0).abs() < 0.3, "{mean}"); // standard error about .07
    }

    #[test]
    fn threads_change_no_bit_and_seeds_do() {
        let (r, f) = (noise(1, 80), noise(2, 80));
        let on = |threads, seed| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            let options = AlphaOptions { mean_block: 3.0, replicates: 400, seed };
            pool.install(|| alpha(&r, &f, &options, &Silent).unwrap())
        };
        assert_eq!(on(1, 5), on(3, 5));
        assert_ne!(on(1, 5).p_two_sided, on(1, 6).p_two_sided);
    }

    #[test]
    fn refuses_blocks_longer_than_the_sample_and_few_replicates() {
        let (r, f) = (noise(1, 30), noise(2, 30));
        for options in [
            AlphaOptions { mean_block: 31.0, replicates: 999, seed: 0 },
            AlphaOptions { mean_block: 3.0, replicates: 9, seed: 0 },
        ] {
            assert!(matches!(alpha(&r, &f, &options, &Silent), Err(Error::OutOfRange { .. })));
        }
    }
}
