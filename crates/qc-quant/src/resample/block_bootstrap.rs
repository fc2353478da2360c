//! The stationary bootstrap: blocks of random length, wrapped around the end of the sample.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::progress::{Counter, Progress};

/// Replicates between two reports of progress.
const REPORT_EVERY: usize = 100;

/// Lengths of blocks: after every row a block goes on with probability 1 - 1/L, so that lengths are geometric.
pub(crate) struct Lengths {
    /// ln(1 - 1/L), -∞ for blocks of one row.
    per_row: f64,
    /// (1 - 1/L)^k for k = 1, 2, ... down to nothing, for blocks that are short on average; falling.
    survival: Vec<f64>,
    /// How many of those lie at or above the upper end of each of 256 equal parts of (0, 1].
    guide: Vec<usize>,
}

/// Mean length up to which lengths are looked up: longer blocks are few, and a logarithm each costs little.
const LOOKED_UP: f64 = 64.0;
const PARTS: usize = 256;

impl Lengths {
    pub(crate) fn new(mean_block: f64) -> Self {
        let per_row = (-1.0 / mean_block).ln_1p();
        let mut survival = Vec::new();
        if mean_block <= LOOKED_UP {
            let stays = 1.0 - 1.0 / mean_block;
            let mut left = stays;
            while f64::EPSILON / 4.0 < left {
                survival.push(left);
                left *= stays;
            }
        }
        let above = |part: usize| {
            let end = (part + 1) as f64 / PARTS as f64;
            survival.partition_point(|s| end <= *s)
        };
        let guide = if mean_block <= LOOKED_UP { (0..=PARTS).map(above).collect() } else { Vec::new() };
        Self { per_row, survival, guide }
    }

    /// A length of at least 1 and at most `most`.
    fn draw(&self, most: usize, random: &mut Xoshiro256PlusPlus) -> usize {
        let u = 1.0 - uniform(random); // above 0
        let Some(&known) = self.guide.get((u * PARTS as f64) as usize) else {
            let more = u.ln() / self.per_row;
            return if more < most as f64 { (1 + more as usize).min(most) } else { most };
        };
        let more = known + self.survival[known..].iter().take_while(|s| u <= **s).count();
        (1 + more).min(most)
    }
}

/// Blocks of one resample of `n` rows: first row and length, wrapped around the end.
pub(crate) fn stationary_blocks(
    n: usize,
    lengths: &Lengths,
    random: &mut Xoshiro256PlusPlus,
    mut visit: impl FnMut(usize, usize),
) {
    let mut left = n;
    while 0 < left {
        let start = below(random, n);
        let length = lengths.draw(left, random);
        visit(start, length);
        left -= length;
    }
}

/// The generator of one replicate: its own stream, so that threads do not change the answer.
pub(crate) fn stream(seed: u64, replicate: usize) -> Xoshiro256PlusPlus {
    // seeding runs SplitMix64 over the number, which spreads neighbours apart
    Xoshiro256PlusPlus::seed_from_u64(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(replicate as u64))
}

pub(crate) fn uniform(random: &mut Xoshiro256PlusPlus) -> f64 {
    (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
}

/// A standard normal number (Box and Muller 1958, one of the pair).
pub(crate) fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(random)).ln()).sqrt();
    radius * (2.0 * std::f64::consts::PI * uniform(random)).cos()
}

/// A number below `n` by multiplication; its bias is below n / 2^64.
fn below(random: &mut Xoshiro256PlusPlus, n: usize) -> usize {
    ((u128::from(random.next_u64()) * n as u128) >> 64) as usize
}

/// Most rows times resamples that are taken on.
pub const MOST_STEPS: u64 = 20_000_000_000;

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
/// exact fit, [`Error::TooMuchWork`], [`Error::Cancelled`].
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
    Error::limit_work("a bootstrap of alpha (rows times resamples)", MOST_STEPS, &[n, options.replicates])?;
    let rows: Vec<[f64; 2]> = returns.iter().zip(factor).map(|(r, f)| [*r, *f]).collect();
    let exact = || Error::degenerate("bootstrap of alpha", "the factor explains the returns exactly");
    let Fit { alpha, beta, standard_error } = regress(&rows).ok_or_else(exact)?;
    let t = alpha / standard_error;
    let sums = RunningSums::new(&rows, alpha, beta).ok_or_else(exact)?;
    let lengths = Lengths::new(options.mean_block);
    let counter = Counter::new(progress, options.replicates)?;
    let found: Vec<Option<f64>> = (0..options.replicates)
        .into_par_iter()
        .map(|replicate| {
            if replicate % REPORT_EVERY == REPORT_EVERY - 1 {
                counter.advance(REPORT_EVERY)?;
            }
            Ok(sums.draw(&lengths, &mut stream(options.seed, replicate)))
        })
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

/// Powers f^i e^j whose sums over a resample give its intercept and White's error of it.
const POWERS: usize = 11;

/// Sums of those powers over the first rows: a block's sum is a difference of two, whatever its length.
struct RunningSums {
    /// Row by row; the first entry is zero, the last the whole sample.
    upto: Vec<[f64; POWERS]>,
    /// Mean of the factor over its deviation.
    origin: f64,
}

impl RunningSums {
    /// Of residuals e and the centred factor f, both of unit deviation: no t ratio depends on the scale of either.
    fn new(rows: &[[f64; 2]], alpha: f64, beta: f64) -> Option<Self> {
        let n = rows.len() as f64;
        let mean = rows.iter().map(|[_, f]| f).sum::<f64>() / n;
        let residual = |[r, f]: &[f64; 2]| r - alpha - beta * f;
        let wide = (rows.iter().map(|[_, f]| (f - mean) * (f - mean)).sum::<f64>() / n).sqrt();
        let high = (rows.iter().map(|row| residual(row) * residual(row)).sum::<f64>() / n).sqrt();
        if !(0.0 < wide && 0.0 < high) {
            return None;
        }
        let mut upto = Vec::with_capacity(rows.len() + 1);
        let mut total = [0.0; POWERS];
        upto.push(total);
        for row in rows {
            let (f, e) = ((row[1] - mean) / wide, residual(row) / high);
            let (ff, ee) = (f * f, e * e);
            let powers = [f, ff, ff * f, ff * ff, e, f * e, ff * e, ff * f * e, ee, f * ee, ff * ee];
            total.iter_mut().zip(powers).for_each(|(sum, power)| *sum += power);
            upto.push(total);
        }
        Some(Self { upto, origin: mean / wide })
    }

    /// (a* - a) / se* of one resample; `None` when its factor does not vary.
    fn draw(&self, lengths: &Lengths, random: &mut Xoshiro256PlusPlus) -> Option<f64> {
        let n = self.upto.len() - 1;
        let mut sums = [0.0; POWERS];
        stationary_blocks(n, lengths, random, |start, length| {
            let end = start + length;
            let (first, last) = (&self.upto[start], &self.upto[end.min(n)]);
            for power in 0..POWERS {
                sums[power] += last[power] - first[power];
            }
            if n < end {
                let wrapped = &self.upto[end - n];
                for power in 0..POWERS {
                    sums[power] += wrapped[power];
                }
            }
        });
        self.ratio(&sums)
    }

    fn ratio(&self, sums: &[f64; POWERS]) -> Option<f64> {
        let n = (self.upto.len() - 1) as f64;
        let [f1, f2, f3, f4, e1, fe, ffe, fffe, ee, fee, ffee] = *sums;
        let (mf, me) = (f1 / n, e1 / n);
        let spread = f2 - n * mf * mf;
        if spread <= 1e-12 * n {
            return None;
        }
        let slope = (fe - n * mf * me) / spread;
        let from_zero = mf + self.origin; // mean of the factor itself
        let intercept = me - slope * from_zero;
        // the residual is e - a - b f, its weight in the intercept h + k f: expand Σ (h + k f)² (e - a - b f)²
        let (a, b) = (me - slope * mf, slope);
        let (h, k) = (1.0 / n + from_zero * mf / spread, -from_zero / spread);
        let square = |f0e2: f64, f0: f64, f2: f64, f0e: f64, f1e: f64, f1: f64| {
            f0e2 + a * a * f0 + b * b * f2 - 2.0 * a * f0e - 2.0 * b * f1e + 2.0 * a * b * f1
        };
        let variance = h * h * square(ee, n, f2, e1, fe, f1)
            + 2.0 * h * k * square(fee, f1, f3, fe, ffe, f2)
            + k * k * square(ffee, f2, f4, ffe, fffe, f3);
        let ratio = intercept / variance.sqrt();
        (0.0 < variance && ratio.is_finite()).then_some(ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::testing::noise;

    #[test]
    fn blocks_have_the_mean_length_asked_for_and_fill_the_sample() {
        for mean_block in [1.0, 8.0, 63.0, 90.0] {
            let (mut blocks, mut rows) = (0, 0);
            stationary_blocks(100_000, &Lengths::new(mean_block), &mut stream(1, 0), |_, length| {
                blocks += 1;
                rows += length;
            });
            let mean = rows as f64 / f64::from(blocks);
            assert_eq!(rows, 100_000);
            let error = (mean_block - 1.0) / f64::from(blocks).sqrt();
            assert!((mean - mean_block).abs() <= 4.0 * error + 1e-12, "{mean}");
        }
    }

    /// The table answers what the logarithm does.
    #[test]
    fn lengths_looked_up_are_geometric() {
        for mean_block in [1.0, 1.5, 8.0, 64.0] {
            let lengths = Lengths::new(mean_block);
            let (mut by_table, mut by_logarithm) = (stream(5, 1), stream(5, 1));
            let mut differ = 0;
            for _ in 0..20_000 {
                let own = lengths.draw(1000, &mut by_table);
                let more = (1.0 - uniform(&mut by_logarithm)).ln() / lengths.per_row;
                differ += usize::from(own != if more < 1000.0 { 1 + more as usize } else { 1000 });
            }
            assert!(differ <= 1, "{mean_block}: {differ} of 20,000"); // rounding at a step
        }
    }

    #[test]
    fn running_sums_give_the_regression_of_the_rows_drawn() {
        let (f, e) = (noise(1, 90), noise(2, 90));
        let rows: Vec<[f64; 2]> = f.iter().zip(&e).map(|(f, e)| [0.3 + 1.7 * f + 0.2 * e * f, 5.0 + 2.0 * f]).collect();
        let all = regress(&rows).unwrap();
        let sums = RunningSums::new(&rows, all.alpha, all.beta).unwrap();
        for replicate in 0..50 {
            let mut drawn = Vec::new();
            stationary_blocks(90, &Lengths::new(6.0), &mut stream(3, replicate), |start, length| {
                drawn.extend((start..start + length).map(|row| rows[row % 90]));
            });
            let explicit = regress(&drawn).unwrap();
            let expected = (explicit.alpha - all.alpha) / explicit.standard_error;
            let own = sums.draw(&Lengths::new(6.0), &mut stream(3, replicate)).unwrap();
            assert!((own - expected).abs() < 1e-9 * (1.0 + expected.abs()), "{own} {expected}");
        }
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
        let (r, f) = (noise(1, 30_000), noise(2, 30_000));
        let options = AlphaOptions { mean_block: 3.0, replicates: 1_000_000, seed: 0 };
        assert!(matches!(alpha(&r, &f, &options, &Silent), Err(Error::TooMuchWork { .. })));
    }
}
