//! What two tests with opposite nulls say together.

use super::adf::{self, Adf, AdfOptions};
use super::kpss::{self, Bandwidth, Kpss};
use crate::error::{Error, Result};

/// The four answers of a unit-root test and a stationarity test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// ADF rejects a unit root, KPSS does not reject stationarity.
    Stationary,
    /// ADF does not reject, KPSS does.
    UnitRoot,
    /// Both reject: a break in the mean, or long memory.
    BreakOrLongMemory,
    /// Neither rejects: the sample does not say.
    Uninformative,
}

/// Answer of [`judge`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judged {
    /// The test whose null is a unit root.
    pub adf: Adf,
    /// The test whose null is stationarity.
    pub kpss: Kpss,
    /// Both at the level asked for.
    pub verdict: Verdict,
}

/// Runs ADF and KPSS with the same deterministic terms and reads them together at level `alpha`.
///
/// # Errors
/// [`Error::OutOfRange`] for a level outside (0, 1); as [`adf::test()`] and [`kpss::test()`].
///
/// ```
/// use qc_quant::{testing::{noise, random_walk}, unit_root::verdict::{Verdict, judge}};
/// assert_eq!(judge(&noise(1, 400), &Default::default(), 0.05)?.verdict, Verdict::Stationary);
/// assert_eq!(judge(&random_walk(2, 400), &Default::default(), 0.05)?.verdict, Verdict::UnitRoot);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn judge(values: &[f64], options: &AdfOptions, alpha: f64) -> Result<Judged> {
    if !(0.0 < alpha && alpha < 1.0) {
        return Err(Error::out_of_range("significance level", 0.0, 1.0, alpha));
    }
    let adf = adf::test(values, options)?;
    let kpss = kpss::test(values, options.trend, Bandwidth::Auto)?;
    let verdict = match (adf.p_value < alpha, kpss.p_value < alpha) {
        (true, false) => Verdict::Stationary,
        (false, true) => Verdict::UnitRoot,
        (true, true) => Verdict::BreakOrLongMemory,
        (false, false) => Verdict::Uninformative,
    };
    Ok(Judged { adf, kpss, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn a_break_is_rejected_by_both_and_a_level_is_checked() {
        let broken: Vec<f64> =
            noise(3, 600).iter().enumerate().map(|(t, e)| e + if t < 300 { 0.0 } else { 0.6 }).collect();
        assert_eq!(judge(&broken, &AdfOptions::default(), 0.05).unwrap().verdict, Verdict::BreakOrLongMemory);
        assert!(matches!(judge(&broken, &AdfOptions::default(), 1.0), Err(Error::OutOfRange { .. })));
    }
}
