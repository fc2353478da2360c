//! Two regimes with their own mean and variance, one following the other at random.

mod filter;

use std::cell::RefCell;

use rayon::prelude::*;

use self::filter::Filter;
use crate::error::{Error, Result};
use crate::panel::{require_finite, require_variation};
use crate::progress::{Counter, Progress};
use crate::resample::block_bootstrap::{normal, stream};
use crate::solve::minimise::smooth;
use crate::stats::moments::{central, mean};

/// Parameters of two regimes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regimes {
    /// Mean in each regime, per period.
    pub mean: [f64; 2],
    /// Standard deviation in each regime.
    pub std_dev: [f64; 2],
    /// Probability of staying in each regime for another period.
    pub stay: [f64; 2],
}

impl Regimes {
    /// Mean length of a stay in each regime, in periods; `None` for a regime that is never left.
    pub fn expected_duration(&self) -> [Option<f64>; 2] {
        self.stay.map(|stay| (stay < 1.0).then(|| 1.0 / (1.0 - stay)))
    }

    /// Share of time spent in each regime in the long run; `None` when neither is ever left, so that the start decides.
    pub fn long_run_share(&self) -> Option<[f64; 2]> {
        let (leave, enter) = (1.0 - self.stay[0], 1.0 - self.stay[1]);
        (0.0 < leave + enter).then(|| [enter / (leave + enter), leave / (leave + enter)])
    }
}

/// Probabilities of the first and second regime, row by row.
#[derive(Debug, Clone, PartialEq)]
pub struct RegimePath {
    /// Log likelihood of the series.
    pub log_likelihood: f64,
    /// Given the rows up to and including this one: what could be known at the time.
    pub filtered: Vec<[f64; 2]>,
    /// Given all rows: knows the future, for description only.
    pub smoothed: Vec<[f64; 2]>,
}

/// Options of [`fit`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkovOptions {
    /// Resamples for the p-value of two regimes against one; 0 leaves it out, else at least 199.
    pub replicates: usize,
    /// Seed of the generator (Xoshiro256++).
    pub seed: u64,
}

impl Default for MarkovOptions {
    fn default() -> Self {
        Self { replicates: 199, seed: 0 }
    }
}

/// Answer of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct MarkovSwitching {
    /// The regimes; the calmer one (smaller standard deviation) first.
    pub regimes: Regimes,
    /// Probabilities row by row, and the likelihood reached.
    pub path: RegimePath,
    /// Log likelihood of one normal law for all rows.
    pub log_likelihood_one_regime: f64,
    /// Twice the difference of the log likelihoods.
    pub likelihood_ratio: f64,
    /// p-value of one regime by parametric bootstrap, (1 + # LR* >= LR) / (B + 1). The ratio has no χ² law: under
    /// one regime the probabilities of staying mean nothing.
    pub p_value: Option<f64>,
    /// Resamples behind it.
    pub replicates: usize,
}

/// Smallest standard deviation of a regime, as a share of the sample's: without it the likelihood has no maximum.
const FLOOR: f64 = 0.03;
/// Steps of expectation and maximisation that every start gets.
const EM_STEPS: usize = 12;
/// Starts that are followed to their maximum.
const FOLLOWED: usize = 3;
/// Passes over the data that a fit may take, for the statement of work.
const PASSES: usize = 10 * EM_STEPS + FOLLOWED * 60;
/// Most rows times passes times resamples that are taken on.
pub const MOST_STEPS: u64 = 5_000_000_000;

/// Log likelihood and regime probabilities of a series under given parameters (Hamilton's filter, Kim's smoother).
///
/// The first row starts from the long-run shares.
///
/// # Errors
/// [`Error::OutOfRange`] for a standard deviation that is not positive or a probability outside (0, 1),
/// [`Error::TooFewRows`] below two, [`Error::NotFinite`].
///
/// ```
/// use qc_quant::dynamics::markov_switching::{Regimes, path};
/// let regimes = Regimes { mean: [0.0, 0.0], std_dev: [0.5, 3.0], stay: [0.9, 0.9] };
/// let found = path(&[0.1, -0.2, 0.1, 5.0, -6.0, 4.0], &regimes)?;
/// assert!(0.9 < found.smoothed[0][0] && found.smoothed[4][0] < 0.1);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn path(values: &[f64], regimes: &Regimes) -> Result<RegimePath> {
    if values.len() < 2 {
        return Err(Error::too_few_rows("regime probabilities", 2, values.len()));
    }
    require_finite("series", values)?;
    require_finite("regime means", &regimes.mean)?;
    for std_dev in regimes.std_dev {
        if !(0.0 < std_dev && std_dev.is_finite()) {
            return Err(Error::out_of_range("standard deviation of a regime", f64::MIN_POSITIVE, f64::MAX, std_dev));
        }
    }
    for stay in regimes.stay {
        if !(0.0 < stay && stay < 1.0) {
            return Err(Error::out_of_range("probability of staying in a regime", 0.0, 1.0, stay));
        }
    }
    let mut filter = Filter::default();
    let log_likelihood = filter.run(values, regimes);
    filter.smooth(regimes);
    if !log_likelihood.is_finite() {
        return Err(Error::degenerate("regime probabilities", "the series is impossible under the parameters"));
    }
    Ok(RegimePath { log_likelihood, filtered: filter.filtered, smoothed: filter.smoothed })
}

/// Fits two regimes by maximum likelihood and tests them against one.
///
/// # Shapes and units
/// `values`: T returns (or changes), oldest first. A mean or deviation is per period.
///
/// # Definition
/// y(t) is normal with the mean and variance of its regime, which follows a Markov chain. Ten starts by
/// expectation and maximisation, the best three to their maximum by L-BFGS with the exact gradient
/// (Fisher's identity). No regime's deviation falls below three percent of the sample's.
///
/// # When not to use it
/// Fat tails alone make two regimes look better than one normal law; the p-value tests exactly that null.
/// Smoothed probabilities know the future: trade on filtered ones.
///
/// # Errors
/// [`Error::TooFewRows`] below 50, [`Error::Constant`], [`Error::NotFinite`], [`Error::OutOfRange`] for
/// replicates, [`Error::TooMuchWork`], [`Error::Cancelled`].
///
/// # Source
/// Hamilton (1989), Econometrica 57(2), 357-384; Kim (1994), Journal of Econometrics 60, 1-22. Checked
/// against statsmodels: family `markov_switching`.
///
/// ```
/// use qc_quant::{Silent, dynamics::markov_switching::{MarkovOptions, fit}, testing::noise};
/// let e = noise(1, 400);
/// let y: Vec<f64> = (0..400).map(|t| if (t / 100) % 2 == 0 { 0.5 * e[t] } else { 3.0 * e[t] }).collect();
/// let found = fit(&y, &MarkovOptions { replicates: 0, seed: 0 }, &Silent)?;
/// assert!((found.regimes.std_dev[0] - 0.5).abs() < 0.1 && (found.regimes.std_dev[1] - 3.0).abs() < 0.4);
/// assert!(0.95 < found.regimes.stay[0] && 50.0 < found.likelihood_ratio);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(values: &[f64], options: &MarkovOptions, progress: &dyn Progress) -> Result<MarkovSwitching> {
    let (n, replicates) = (values.len(), options.replicates);
    if n < 50 {
        return Err(Error::too_few_rows("two regimes", 50, n));
    }
    require_finite("series", values)?;
    require_variation("series", values)?;
    if 0 < replicates && !(199..=100_000).contains(&replicates) {
        return Err(Error::out_of_range("replicates", 199.0, 1e5, replicates as f64));
    }
    Error::limit_work(
        "Markov switching (rows times passes times resamples)",
        MOST_STEPS,
        &[n, PASSES, replicates + 1],
    )?;
    let counter = Counter::new(progress, replicates + 1)?;
    let (average, spread) = (mean(values), central(values)[0].sqrt());
    // all work is done on standardised values: steps and floors then mean the same for any unit
    let standard: Vec<f64> = values.iter().map(|v| (v - average) / spread).collect();
    let (found, ratio) = maximise(&standard, &counter)?;
    counter.advance(1)?;
    let exceeded: Vec<bool> = (0..replicates)
        .into_par_iter()
        .map(|replicate| {
            let mut random = stream(options.seed, replicate);
            let mut draw: Vec<f64> = (0..n).map(|_| normal(&mut random)).collect();
            let (m, s) = (mean(&draw), central(&draw)[0].sqrt());
            draw.iter_mut().for_each(|v| *v = (*v - m) / s);
            let (_, other) = maximise(&draw, &counter)?;
            counter.advance(1)?;
            Ok(ratio <= other)
        })
        .collect::<Result<_>>()?;
    let hits = exceeded.iter().filter(|hit| **hit).count();
    let mut regimes = Regimes {
        mean: found.mean.map(|m| average + spread * m),
        std_dev: found.std_dev.map(|s| spread * s),
        stay: found.stay,
    };
    if regimes.std_dev[1] < regimes.std_dev[0] {
        regimes.mean.reverse();
        regimes.std_dev.reverse();
        regimes.stay.reverse();
    }
    let path = path(values, &regimes)?;
    let log_likelihood_one_regime = one_regime(n, spread);
    Ok(MarkovSwitching {
        regimes,
        likelihood_ratio: 2.0 * (path.log_likelihood - log_likelihood_one_regime),
        path,
        log_likelihood_one_regime,
        p_value: (0 < replicates).then(|| (1 + hits) as f64 / (replicates + 1) as f64),
        replicates,
    })
}

/// Greatest log likelihood of one normal law, from the population standard deviation.
fn one_regime(n: usize, spread: f64) -> f64 {
    -0.5 * n as f64 * ((2.0 * std::f64::consts::PI).ln() + 2.0 * spread.ln() + 1.0)
}

/// Parameters of greatest likelihood for standardised values, and twice the gain over one regime.
fn maximise(values: &[f64], counter: &Counter<'_>) -> Result<(Regimes, f64)> {
    let mut filter = Filter::default();
    let mut starts: Vec<(f64, Regimes)> =
        starts().map(|start| counter.advance(0).map(|()| filter.improve(values, start))).collect::<Result<_>>()?;
    starts.sort_by(|a, b| b.0.total_cmp(&a.0));
    let stopped = RefCell::new(None);
    let objective = |at: &[f64]| {
        if let Err(error) = counter.advance(0) {
            *stopped.borrow_mut() = Some(error);
        }
        if stopped.borrow().is_some() {
            return (f64::NAN, vec![0.0; at.len()]); // nothing is found any more, and the search ends
        }
        let mut filter = Filter::default();
        let regimes = decode(at);
        let value = filter.run(values, &regimes);
        filter.smooth(&regimes);
        let slope = filter.gradient(values, &regimes);
        // chain rule of `decode`
        let s = |i: usize| {
            let grown = (2.0 * at[2 + i]).exp();
            slope[2 + i] * 2.0 * grown
        };
        let p = |i: usize| slope[4 + i] * regimes.stay[i] * (1.0 - regimes.stay[i]);
        (-value, [slope[0], slope[1], s(0), s(1), p(0), p(1)].map(|g| -g).to_vec())
    };
    let maxima = starts.into_iter().take(FOLLOWED).filter_map(|(_, start)| smooth(objective, encode(&start), 100));
    let best = maxima.reduce(|a, b| if b.value < a.value { b } else { a });
    if let Some(error) = stopped.take() {
        return Err(error);
    }
    let best = best.ok_or_else(|| Error::degenerate("two regimes", "the likelihood has no finite value"))?;
    Ok((decode(&best.at), 2.0 * (-best.value - one_regime(values.len(), 1.0))))
}

/// Ten ways in which two regimes may differ: in variance, in mean, in both; lasting and brief.
fn starts() -> impl Iterator<Item = Regimes> {
    [
        ([0.0, 0.0], [0.6, 1.6], [0.98, 0.95]),
        ([0.0, 0.0], [0.7, 1.3], [0.95, 0.95]),
        ([0.0, 0.0], [0.5, 2.0], [0.95, 0.8]),
        ([0.0, 0.0], [0.8, 2.5], [0.97, 0.6]),
        ([0.2, -0.4], [0.7, 1.5], [0.97, 0.93]),
        ([-0.2, 0.4], [0.7, 1.5], [0.97, 0.93]),
        ([-0.7, 0.7], [0.7, 0.7], [0.95, 0.95]),
        ([-0.7, 0.7], [0.7, 0.7], [0.6, 0.6]),
        ([0.3, -1.5], [0.8, 0.8], [0.97, 0.8]),
        ([-0.3, 1.5], [0.8, 0.8], [0.97, 0.8]),
    ]
    .into_iter()
    .map(|(mean, std_dev, stay)| Regimes { mean, std_dev, stay })
}

/// Six free numbers: means, half the logs of the variances above their floor, logits of staying.
fn encode(regimes: &Regimes) -> Vec<f64> {
    let [a, b] = regimes.std_dev.map(|s| 0.5 * (s * s - FLOOR * FLOOR).max(1e-8).ln());
    let [c, d] = regimes.stay.map(|p| (p / (1.0 - p)).ln());
    vec![regimes.mean[0], regimes.mean[1], a, b, c, d]
}

fn decode(at: &[f64]) -> Regimes {
    let std_dev = |i: usize| (FLOOR * FLOOR + (2.0 * at[2 + i]).exp()).sqrt();
    // the clamp keeps a probability of exactly one out of the logarithms
    let stay = |i: usize| (1.0 / (1.0 + (-at[4 + i]).exp())).clamp(1e-9, 1.0 - 1e-9);
    Regimes { mean: [at[0], at[1]], std_dev: [std_dev(0), std_dev(1)], stay: [stay(0), stay(1)] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;
    use crate::testing::noise;
    use std::ops::ControlFlow;

    fn switching(seed: u64, n: usize) -> Vec<f64> {
        noise(seed, n)
            .iter()
            .enumerate()
            .map(|(t, e)| if (t / 80) % 2 == 0 { 0.1 + 0.6 * e } else { -0.2 + 2.0 * e })
            .collect()
    }

    const ANY: Regimes = Regimes { mean: [0.2, -0.3], std_dev: [0.7, 1.8], stay: [0.9, 0.8] };

    #[test]
    fn regimes_that_are_never_left_have_no_long_run() {
        let stuck = Regimes { stay: [1.0, 1.0], ..ANY };
        assert_eq!((stuck.long_run_share(), stuck.expected_duration()), (None, [None, None]));
        let once = Regimes { stay: [1.0, 0.5], ..ANY };
        assert_eq!((once.long_run_share(), once.expected_duration()), (Some([1.0, 0.0]), [None, Some(2.0)]));
    }

    #[test]
    fn the_likelihood_is_the_sum_over_all_paths_of_regimes() {
        let y = switching(3, 10);
        let share = ANY.long_run_share().unwrap();
        let density = |k: usize, v: f64| {
            let z = (v - ANY.mean[k]) / ANY.std_dev[k];
            (-0.5 * z * z).exp() / (ANY.std_dev[k] * (2.0 * std::f64::consts::PI).sqrt())
        };
        let step = |from: usize, to: usize| if from == to { ANY.stay[from] } else { 1.0 - ANY.stay[from] };
        let (mut total, mut first) = (0.0, 0.0);
        for regimes in 0..1usize << y.len() {
            let at = |t: usize| regimes >> t & 1;
            let mut p = share[at(0)] * density(at(0), y[0]);
            for (t, value) in y.iter().enumerate().skip(1) {
                p *= step(at(t - 1), at(t)) * density(at(t), *value);
            }
            total += p;
            first += if at(4) == 0 { p } else { 0.0 };
        }
        let found = path(&y, &ANY).unwrap();
        assert!((found.log_likelihood - total.ln()).abs() < 1e-11);
        assert!((found.smoothed[4][0] - first / total).abs() < 1e-12);
    }

    #[test]
    fn the_gradient_equals_finite_differences() {
        let y = switching(5, 200);
        let mut filter = Filter::default();
        filter.run(&y, &ANY);
        filter.smooth(&ANY);
        let exact = filter.gradient(&y, &ANY);
        let value = |at: [f64; 6]| {
            let regimes = Regimes { mean: [at[0], at[1]], std_dev: [at[2].sqrt(), at[3].sqrt()], stay: [at[4], at[5]] };
            Filter::default().run(&y, &regimes)
        };
        let at = [ANY.mean[0], ANY.mean[1], 0.49, 3.24, ANY.stay[0], ANY.stay[1]];
        for i in 0..6 {
            let (mut up, mut down) = (at, at);
            up[i] += 1e-6;
            down[i] -= 1e-6;
            let difference = (value(up) - value(down)) / 2e-6;
            assert!((difference - exact[i]).abs() < 1e-5 * (1.0 + exact[i].abs()), "{i}: {difference} {}", exact[i]);
        }
    }

    #[test]
    fn regimes_do_not_depend_on_units_and_calm_comes_first() {
        let y = switching(1, 400);
        let scaled: Vec<f64> = y.iter().map(|v| 5.0 - 0.01 * v).collect();
        let options = MarkovOptions { replicates: 0, seed: 0 };
        let (a, b) = (fit(&y, &options, &Silent).unwrap(), fit(&scaled, &options, &Silent).unwrap());
        assert!((a.likelihood_ratio - b.likelihood_ratio).abs() < 1e-6);
        assert!(a.regimes.std_dev[0] < a.regimes.std_dev[1] && b.regimes.std_dev[0] < b.regimes.std_dev[1]);
        assert!((a.regimes.stay[0] - b.regimes.stay[0]).abs() < 1e-4);
    }

    #[test]
    fn a_bootstrap_tells_regimes_from_noise_on_any_number_of_threads() {
        let options = MarkovOptions { replicates: 199, seed: 7 };
        let on = |threads, y: &[f64]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| fit(y, &options, &Silent).unwrap().p_value.unwrap())
        };
        let (calm, switched) = (noise(4, 100), switching(2, 200));
        assert_eq!(on(1, &calm), on(3, &calm));
        assert!(0.05 < on(2, &calm));
        assert!((on(2, &switched) - 0.005).abs() < 1e-12); // none of 199 reaches it
    }

    #[test]
    fn bad_input_is_refused_and_a_stop_heard() {
        let y = switching(1, 100);
        let with = |replicates| fit(&y, &MarkovOptions { replicates, seed: 0 }, &Silent);
        assert!(matches!(with(50), Err(Error::OutOfRange { .. })));
        let none = MarkovOptions { replicates: 0, seed: 0 };
        assert!(matches!(fit(&y[..49], &none, &Silent), Err(Error::TooFewRows { needed: 50, found: 49, .. })));
        assert!(matches!(fit(&[1.0; 60], &none, &Silent), Err(Error::Constant { .. })));
        let many = [0.0, 1.0].repeat(100_000);
        let work = fit(&many, &MarkovOptions { replicates: 1000, seed: 0 }, &Silent);
        assert!(matches!(work, Err(Error::TooMuchWork { .. })));
        let stop = |_: usize, _: usize| ControlFlow::Break(());
        assert!(matches!(fit(&y, &none, &stop), Err(Error::Cancelled { .. })));
        assert!(matches!(path(&y, &Regimes { stay: [1.0, 0.5], ..ANY }), Err(Error::OutOfRange { .. })));
        assert!(matches!(path(&y, &Regimes { std_dev: [0.0, 1.0], ..ANY }), Err(Error::OutOfRange { .. })));
    }
}
