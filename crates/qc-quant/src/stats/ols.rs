//! Linear regression with robust standard errors.

use nalgebra::{DMatrix, DVector};
use statrs::distribution::{ContinuousCDF, FisherSnedecor};

use super::distribution::student_two_sided;
use super::hac::automatic_lags;
use super::moments::mean;
use crate::error::{Error, Result};
use crate::panel::{Panel, Series};

/// How the covariance of the coefficients is estimated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Errors {
    /// Independent errors of equal variance.
    Classical,
    /// White's, heteroskedasticity allowed, no correction.
    Hc0,
    /// White's times n/(n - k).
    Hc1,
    /// Residuals divided by 1 - leverage: the best of these in small samples.
    Hc3,
    /// Newey and West's with Bartlett weights; `None` lags take floor(4 (T/100)^(2/9)); corrected by n/(n - k).
    #[default]
    Hac,
    /// Newey and West's with this many lags, corrected by n/(n - k) or not.
    HacLags {
        /// Autocovariances counted.
        lags: usize,
        /// Whether the covariance is multiplied by n/(n - k).
        corrected: bool,
    },
}

/// Coefficients with their uncertainty under one kind of standard error.
#[derive(Debug, Clone, PartialEq)]
pub struct Inference {
    /// Standard error of each coefficient.
    pub standard_errors: Vec<f64>,
    /// Coefficient over standard error.
    pub t: Vec<f64>,
    /// Two-sided p-value, Student with n - k degrees of freedom.
    pub p_values: Vec<f64>,
}

/// A fitted regression; coefficients in the order of `names`.
#[derive(Debug, Clone, PartialEq)]
pub struct Ols {
    /// "const", then the regressors' symbols.
    pub names: Vec<String>,
    /// Coefficients.
    pub coefficients: Vec<f64>,
    /// Share of variance explained.
    pub r_squared: f64,
    /// R² corrected for the number of regressors.
    pub adjusted_r_squared: f64,
    /// F statistic of all slopes being zero; `None` without slopes or for an exact fit.
    pub f_statistic: Option<f64>,
    /// Its p-value (classical errors).
    pub f_p_value: Option<f64>,
    /// Durbin and Watson's statistic: 2 without autocorrelation of the residuals.
    pub durbin_watson: f64,
    /// Largest over smallest singular value of the regressors with constant, as they stand; at most 4.5e15, beyond
    /// which rounding hides the smallest.
    pub condition_number: f64,
    /// Variance inflation of each slope: 1 when its regressor is uncorrelated with the others.
    pub variance_inflation: Vec<f64>,
    /// y minus fit.
    pub residuals: Vec<f64>,
    /// Rows.
    pub n_obs: usize,
    design: DMatrix<f64>,
    inverse: DMatrix<f64>,
}

/// A regressor whose orthogonal part is below this share of its length counts as a combination of the others.
const COLLINEAR: f64 = 1e-10;

/// Most rows times the square of the columns that are taken on.
pub const MOST_STEPS: u64 = 10_000_000_000;

/// Regresses a series on a constant and the columns of a panel on the same rows.
///
/// # Shapes and units
/// `y`: excess returns (or anything linear in the regressors); coefficients in units of y per unit
/// of the regressor.
///
/// # Errors
/// [`Error::ShapeMismatch`] and [`Error::IndexMismatch`] for different rows, [`Error::TooFewRows`]
/// unless T exceeds the number of coefficients, [`Error::Constant`] for a regressor that does not
/// vary, [`Error::Degenerate`] naming a regressor that is a combination of the others.
///
/// # Source
/// White (1980); MacKinnon and White (1985); Newey and West (1987). Checked against statsmodels and R's
/// sandwich: family `ols_hac`.
///
/// ```
/// use qc_quant::{Index, Panel, Series, stats::ols::{self, Errors}, testing::noise};
/// let (x, e) = (noise(1, 400), noise(2, 400));
/// let y: Vec<f64> = x.iter().zip(&e).map(|(x, e)| 0.2 + 1.5 * x + e).collect();
/// let factors = Panel::new(vec!["MKT".into()], Index::Rows(400), vec![x])?;
/// let fit = ols::fit(&Series::new("y", Index::Rows(400), y)?, &factors)?;
/// let beta = fit.inference(Errors::Hac)?;
/// assert!((fit.coefficients[1] - 1.5).abs() < 3.0 * beta.standard_errors[1] && beta.p_values[1] < 1e-9);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(y: &Series, regressors: &Panel) -> Result<Ols> {
    let names: Vec<String> = regressors.symbols().to_vec();
    let first = regressors.series(&names[0])?;
    y.require_same_rows(&first)?;
    regressors.require_variation()?;
    crate::panel::require_squarable(y.name(), y.values())?;
    let columns: Vec<&[f64]> = regressors.columns().collect();
    fit_columns(y.values(), &names, &columns)
}

pub(crate) fn fit_columns(y: &[f64], names: &[String], columns: &[&[f64]]) -> Result<Ols> {
    let (n, k) = (y.len(), columns.len() + 1);
    if n <= k {
        return Err(Error::too_few_rows(format!("a regression with {k} coefficients"), k + 1, n));
    }
    Error::limit_work("a regression (rows times columns squared)", MOST_STEPS, &[n, k, k])?;
    let design = DMatrix::from_fn(n, k, |row, col| if col == 0 { 1.0 } else { columns[col - 1][row] });
    // QR of columns of unit length; the constant stands first, so slopes see centred regressors
    let norms: Vec<f64> = design.column_iter().map(|column| column.norm()).collect();
    let mut scaled = design.clone();
    scaled.column_iter_mut().zip(&norms).for_each(|(mut column, norm)| column.unscale_mut(*norm));
    let qr = scaled.qr();
    let (q, r) = (qr.q(), qr.r());
    for col in 1..k {
        let m = mean(columns[col - 1]);
        let spread = columns[col - 1].iter().map(|x| (x - m).powi(2)).sum::<f64>().sqrt() / norms[col];
        if r[(col, col)].abs() <= COLLINEAR.max(1e-8 * spread) {
            let reason = format!("{} is a combination of the other regressors", names[col - 1]);
            return Err(Error::degenerate("regression", reason));
        }
    }
    let target = DVector::from_column_slice(y);
    let singular = || Error::degenerate("regression", "singular regressors");
    let r_inverse = r.clone().try_inverse().ok_or_else(singular)?;
    let mut b = &r_inverse * (q.transpose() * &target);
    let rest = &target - &q * (&r * &b);
    b += &r_inverse * (q.transpose() * &rest); // one step of refinement
    let mut inverse = &r_inverse * r_inverse.transpose();
    for i in 0..k {
        b[i] /= norms[i];
        for j in 0..k {
            inverse[(i, j)] /= norms[i] * norms[j];
        }
    }
    if inverse.iter().chain(b.iter()).any(|value| !value.is_finite()) {
        let (least, most) = norms.iter().fold((f64::MAX, 0.0_f64), |(l, m), norm| (l.min(*norm), m.max(*norm)));
        let reason = format!("regressors of length {least:.1e} to {most:.1e} are too small or too large to be squared");
        return Err(Error::degenerate("regression", reason));
    }
    let residuals: Vec<f64> = (&target - &design * &b).iter().copied().collect();
    let rss: f64 = residuals.iter().map(|e| e * e).sum();
    let centre = mean(y);
    let total: f64 = y.iter().map(|value| (value - centre).powi(2)).sum();
    if total <= 0.0 {
        return Err(Error::Constant { symbol: "y".into(), value: centre, rows: n });
    }
    let (df, slopes) = ((n - k) as f64, (k - 1) as f64);
    let r_squared = 1.0 - rss / total;
    let f_statistic = (1 < k && 0.0 < rss).then(|| (total - rss) / slopes / (rss / df)).filter(|f| f.is_finite());
    let f_p_value = f_statistic.and_then(|f| FisherSnedecor::new(slopes, df).ok().map(|law| law.sf(f)));
    let moves: f64 = residuals.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
    let values = design.singular_values();
    let variance_inflation = (1..k)
        .map(|col| {
            let m = mean(columns[col - 1]);
            let spread: f64 = columns[col - 1].iter().map(|x| (x - m).powi(2)).sum();
            inverse[(col, col)] * spread
        })
        .collect();
    Ok(Ols {
        names: std::iter::once("const".to_owned()).chain(names.iter().cloned()).collect(),
        coefficients: b.iter().copied().collect(),
        r_squared,
        adjusted_r_squared: 1.0 - (1.0 - r_squared) * (n as f64 - 1.0) / df,
        f_statistic,
        f_p_value,
        durbin_watson: if 0.0 < rss { moves / rss } else { 2.0 },
        condition_number: values.max() / values.min().max(f64::EPSILON * values.max()),
        variance_inflation,
        residuals,
        n_obs: n,
        design,
        inverse,
    })
}

impl Ols {
    /// Standard errors, t ratios and p-values of one kind.
    ///
    /// # Errors
    /// [`Error::OutOfRange`] for more lags than rows, [`Error::Degenerate`] when the residuals are zero.
    pub fn inference(&self, errors: Errors) -> Result<Inference> {
        let (n, k) = (self.n_obs, self.coefficients.len());
        let (size, df) = (n as f64, (n - k) as f64);
        let e = &self.residuals;
        let covariance = match errors {
            Errors::Classical => &self.inverse * (e.iter().map(|e| e * e).sum::<f64>() / df),
            Errors::Hc0 => self.sandwich(|row| e[row], 0)?,
            Errors::Hc1 => self.sandwich(|row| e[row], 0)? * (size / df),
            Errors::Hc3 => {
                let half = &self.design * &self.inverse;
                let leverage = |row: usize| half.row(row).dot(&self.design.row(row));
                self.sandwich(|row| e[row] / (1.0 - leverage(row)), 0)?
            }
            Errors::Hac => self.sandwich(|row| e[row], automatic_lags(n))? * (size / df),
            Errors::HacLags { lags, corrected } => {
                self.sandwich(|row| e[row], lags)? * if corrected { size / df } else { 1.0 }
            }
        };
        let standard_errors: Vec<f64> = (0..k).map(|i| covariance[(i, i)].max(0.0).sqrt()).collect();
        if standard_errors.iter().any(|se| !(0.0 < *se && se.is_finite())) {
            return Err(Error::degenerate("regression", "the residuals leave no standard error"));
        }
        let t: Vec<f64> = self.coefficients.iter().zip(&standard_errors).map(|(b, se)| b / se).collect();
        let p_values = t.iter().map(|t| student_two_sided(*t, df)).collect();
        Ok(Inference { standard_errors, t, p_values })
    }

    /// (X'X)⁻¹ M (X'X)⁻¹ with M the Bartlett-weighted long-run covariance of the scores (not divided by n).
    fn sandwich(&self, residual: impl Fn(usize) -> f64, lags: usize) -> Result<DMatrix<f64>> {
        let (n, k) = (self.n_obs, self.coefficients.len());
        if n <= lags {
            return Err(Error::out_of_range("lags of the standard errors", 0.0, (n - 1) as f64, lags as f64));
        }
        Error::limit_work("robust errors (rows times lags times columns squared)", MOST_STEPS, &[n, lags + 1, k, k])?;
        let residuals: Vec<f64> = (0..n).map(residual).collect();
        let scores = DMatrix::from_fn(n, k, |row, col| self.design[(row, col)] * residuals[row]);
        let mut middle = scores.transpose() * &scores;
        for lag in 1..=lags {
            let weight = 1.0 - lag as f64 / (lags + 1) as f64;
            let cross = scores.rows(lag, n - lag).transpose() * scores.rows(0, n - lag);
            middle += (&cross + cross.transpose()) * weight;
        }
        Ok(&self.inverse * middle * &self.inverse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::testing::noise;

    fn on(y: Vec<f64>, columns: Vec<Vec<f64>>) -> Result<Ols> {
        let rows = y.len();
        let symbols = (0..columns.len()).map(|i| format!("F{i}")).collect();
        fit(&Series::new("y", Index::Rows(rows), y)?, &Panel::new(symbols, Index::Rows(rows), columns)?)
    }

    #[test]
    fn a_target_that_cannot_be_squared_is_refused() {
        let factors =
            Panel::new(vec!["F".into()], crate::panel::Index::Rows(40), vec![crate::testing::noise(1, 40)]).unwrap();
        for size in [1e-170, 1e200] {
            let y = crate::testing::noise(2, 40).iter().map(|e| size * e).collect();
            let y = Series::new("y", crate::panel::Index::Rows(40), y).unwrap();
            assert!(matches!(fit(&y, &factors), Err(Error::Degenerate { .. })));
        }
    }

    #[test]
    fn names_the_collinear_regressor() {
        let (a, b) = (noise(1, 50), noise(2, 50));
        let sum = a.iter().zip(&b).map(|(a, b)| a + b).collect();
        let error = on(noise(3, 50), vec![a, b, sum]).unwrap_err();
        assert!(error.to_string().contains("F2 is a combination"), "{error}");
    }

    #[test]
    fn residuals_are_orthogonal_to_regressors() {
        let x = noise(1, 80);
        let fit = on(noise(3, 80), vec![x.clone()]).unwrap();
        assert!(fit.residuals.iter().zip(&x).map(|(e, x)| e * x).sum::<f64>().abs() < 1e-11);
        assert!(fit.residuals.iter().sum::<f64>().abs() < 1e-11);
        assert!((fit.variance_inflation[0] - 1.0).abs() < 1e-12);
    }

    #[test]
    fn too_few_rows_says_how_many() {
        assert!(matches!(on(noise(1, 3), vec![noise(2, 3), noise(4, 3)]), Err(Error::TooFewRows { needed: 4, .. })));
    }

    #[test]
    fn without_lags_newey_west_is_white() {
        let fit = on(noise(3, 80), vec![noise(1, 80)]).unwrap();
        let hac = fit.inference(Errors::HacLags { lags: 0, corrected: false }).unwrap();
        assert_eq!(hac, fit.inference(Errors::Hc0).unwrap());
    }
}
