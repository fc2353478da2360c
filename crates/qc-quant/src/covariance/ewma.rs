//! Covariance with weights that fade into the past.

use nalgebra::DMatrix;

use crate::error::{Error, Result};
use crate::linalg::gram;
use crate::panel::Panel;

/// Covariance matrix in which a row counts half as much as one that is `half_life` rows younger.
///
/// # Definition
/// Weights proportional to 0.5^(age / half_life), means by the same weights, divided by 1 - Σw² so that
/// equal weights give the sample covariance.
///
/// # When not to use it
/// A short half-life uses few rows: about 2.9 half-lives of them, and below N of those the matrix is nearly singular.
///
/// # Errors
/// [`Error::OutOfRange`] unless the half-life is positive and finite, [`Error::TooFewRows`] below two.
///
/// # Source
/// J.P. Morgan and Reuters (1996), RiskMetrics technical document, section 5.2; bias as in pandas.
/// Family `ewma_covariance`.
///
/// ```
/// use qc_quant::{Index, Panel, covariance::{ewma, sample}, testing::noise};
/// let returns = Panel::new(vec!["A".into(), "B".into()], Index::Rows(60), vec![noise(1, 60), noise(2, 60)])?;
/// let slow = ewma::covariance(&returns, 1e9)?; // nearly equal weights
/// assert!((slow - sample(&returns)?).amax() < 1e-6);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn covariance(returns: &Panel, half_life: f64) -> Result<DMatrix<f64>> {
    if !(0.0 < half_life && half_life.is_finite()) {
        return Err(Error::out_of_range("half-life in rows", f64::MIN_POSITIVE, f64::MAX, half_life));
    }
    super::limit(returns)?;
    let (t, n) = (returns.n_rows(), returns.n_symbols());
    if t < 2 {
        return Err(Error::too_few_rows("a covariance matrix", 2, t));
    }
    let mut weights: Vec<f64> = (0..t).map(|row| 0.5_f64.powf((t - 1 - row) as f64 / half_life)).collect();
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    let rest = 1.0 - weights.iter().map(|w| w * w).sum::<f64>();
    if rest <= 1e-12 {
        return Err(Error::degenerate("fading covariance", format!("a half-life of {half_life} leaves one row")));
    }
    let mut z = vec![0.0; t * n];
    for (column, out) in returns.columns().zip(z.chunks_exact_mut(t)) {
        let mean: f64 = column.iter().zip(&weights).map(|(r, w)| w * r).sum();
        for ((to, r), w) in out.iter_mut().zip(column).zip(&weights) {
            *to = w.sqrt() * (r - mean);
        }
    }
    super::squarable(gram(&z, t, n, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    fn panel(rows: usize) -> Panel {
        let columns = vec![noise(1, rows), noise(2, rows)];
        Panel::new(vec!["A".into(), "B".into()], Index::Rows(rows), columns).unwrap()
    }

    #[test]
    fn recent_rows_decide() {
        // calm, then wild: the fading variance follows, the sample's does not
        let column = [[0.001, -0.001].repeat(100), [0.1, -0.1].repeat(10)].concat();
        let returns = Panel::new(vec!["A".into()], Index::Rows(220), vec![column]).unwrap();
        let fading = covariance(&returns, 5.0).unwrap()[(0, 0)];
        assert!(0.008 < fading && fading < 0.012, "{fading}");
    }

    #[test]
    fn bad_half_lives_are_refused() {
        for half_life in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(matches!(covariance(&panel(50), half_life), Err(Error::OutOfRange { .. })));
        }
        assert!(matches!(covariance(&panel(50), 0.01), Err(Error::Degenerate { .. })));
    }
}
