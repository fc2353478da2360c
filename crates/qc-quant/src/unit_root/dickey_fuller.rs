//! The Dickey-Fuller regression behind ADF and Engle-Granger, on moments instead of design matrices.
//!
//! Model: Δu(t) = γ u(t-1) + Σ φ(i) Δu(t-i) + deterministic terms + e(t). The cross products of the
//! lagged differences obey c(i+1, j+1) = c(i, j) + head - tail, so that P lags need P + 1 inner
//! products of length T and O(P²) more; one Cholesky factor of the largest model then gives the
//! residual sum of squares of every smaller one.

use super::{LagRule, Trend};
use crate::error::{Error, Result};
use crate::lanes::{add_scaled, dot};

/// Two-sided 10 percent point of the normal distribution: the least |t| at which the t-stat rule keeps a lag.
const T_STAT_STOP: f64 = 1.644_853_626_951_472_2;

/// A pivot below this fraction of its diagonal means that a regressor is a combination of those before it.
const PIVOT_FLOOR: f64 = 1e-13;

/// What the regression answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fit {
    pub(crate) lags: usize,
    pub(crate) n_obs: usize,
    /// γ
    pub(crate) gamma: f64,
    /// t ratio of γ
    pub(crate) statistic: f64,
}

/// Scratch space, reused from one regression to the next.
#[derive(Debug, Default)]
pub(crate) struct Workspace {
    differences: Vec<f64>,
    trend: Vec<f64>,
    moments: Vec<f64>,
    products: Vec<f64>,
}

/// Runs the regression on `u`; the rows were counted by [`super::resolve_max_lags`].
///
/// With deterministic terms `u` should be detrended by the same terms beforehand: that changes
/// nothing but the rounding, which it keeps small.
pub(crate) fn regress(
    u: &[f64],
    trend: Trend,
    rule: LagRule,
    max_lags: usize,
    workspace: &mut Workspace,
) -> Result<Fit> {
    let Workspace { differences, trend: basis, moments, products } = workspace;
    differences.clear();
    differences.extend(u.windows(2).map(|pair| pair[1] - pair[0]));
    let mut design = Design { u, d: differences, terms: trend.terms(), basis, moments, products };
    let lags = match rule {
        LagRule::Fixed(lags) => lags,
        _ => {
            design.fill(max_lags, Place::First);
            design.choose(max_lags, rule)?
        }
    };
    design.fill(lags, Place::Last);
    design.final_fit(lags)
}

/// Where the level stands among the regressors: first when lags are chosen, last when its t ratio is wanted.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    First,
    Last,
}

struct Design<'a> {
    u: &'a [f64],
    d: &'a [f64],
    terms: usize,
    basis: &'a mut Vec<f64>,
    moments: &'a mut Vec<f64>, // (k + 1) x (k + 1), lower triangle, the response in the last row
    products: &'a mut Vec<f64>,
}

impl Design<'_> {
    /// Number of rows of the regression with `lags` lags.
    fn rows(&self, lags: usize) -> usize {
        self.d.len() - lags
    }

    /// Number of regressors.
    fn width(&self, lags: usize) -> usize {
        self.terms + 1 + lags
    }

    /// Cross products of [deterministic, level, lags 1..] or [deterministic, lags 1.., level], response last.
    fn fill(&mut self, lags: usize, level: Place) {
        let (d, u) = (self.d, self.u);
        let (n, terms, size) = (self.rows(lags), self.terms, self.width(lags) + 1);
        let (first_lag, level_at) = if level == Place::First { (terms + 1, terms) } else { (terms, terms + lags) };
        let response = size - 1;
        // position of the difference lagged `lag` times; lag 0 is the response
        let at = |lag: usize| if lag == 0 { response } else { first_lag + lag - 1 };
        let lagged = |lag: usize| &d[lags - lag..lags - lag + n];
        let levels = &u[lags..lags + n];
        self.moments.clear();
        self.moments.resize(size * size, 0.0);
        let moments = &mut *self.moments;
        let mut put = |i: usize, j: usize, value: f64| moments[i.max(j) * size + i.min(j)] = value;

        // differences with differences
        self.products.clear();
        self.products.extend((0..=lags).map(|lag| dot(lagged(0), lagged(lag))));
        for shift in 0..=lags {
            let mut c = self.products[shift];
            put(at(0), at(shift), c);
            for i in 0..lags - shift {
                let j = i + shift;
                c += step(d, lags, n, i, j);
                put(at(i + 1), at(j + 1), c);
            }
        }
        // level with differences: u(t-1) Δu(t-j), by u(t-1) = u(t-2) + Δu(t-1) from one lag to the next
        let mut cross = dot(levels, lagged(0));
        put(level_at, at(0), cross);
        for lag in 0..lags {
            let once = self.products[lag] + step(d, lags, n, 0, lag); // Σ Δu(t-1) Δu(t-1-lag)
            cross += u[lags - 1] * d[lags - 1 - lag] - u[lags + n - 1] * d[lags + n - 1 - lag] + once;
            put(level_at, at(lag + 1), cross);
        }
        put(level_at, level_at, dot(levels, levels));
        // deterministic terms with everything
        orthonormal_trend(n, terms, self.basis);
        for term in 0..terms {
            let column = &self.basis[term * n..(term + 1) * n];
            put(term, term, 1.0);
            put(term, level_at, dot(column, levels));
            for lag in 0..=lags {
                put(term, at(lag), dot(column, lagged(lag)));
            }
        }
    }

    /// The lag that the rule prefers; the level must stand first.
    fn choose(&mut self, max_lags: usize, rule: LagRule) -> Result<usize> {
        let (n, size) = (self.rows(max_lags) as f64, self.width(max_lags) + 1);
        let total = self.moments[size * size - 1];
        self.factor(size, max_lags)?;
        let projected = &self.moments[(size - 1) * size..];
        let first = self.terms + 1; // regressors of the model without lags
        let mut rss = total - projected[..first].iter().map(|q| q * q).sum::<f64>();
        let mut best = (f64::INFINITY, 0);
        let mut largest = 0;
        for lag in 0..=max_lags {
            if 0 < lag {
                rss -= projected[first + lag - 1].powi(2);
            }
            if rss <= PIVOT_FLOOR * total {
                return Err(exact_fit(lag));
            }
            let penalty = match rule {
                LagRule::Bic => n.ln() * lag as f64,
                _ => 2.0 * lag as f64,
            };
            let criterion = n * (rss / n).ln() + penalty;
            if criterion < best.0 {
                best = (criterion, lag);
            }
            if 0 < lag && T_STAT_STOP <= projected[first + lag - 1].abs() / (rss / n).sqrt() {
                largest = lag;
            }
        }
        Ok(if rule == LagRule::TStat { largest } else { best.1 })
    }

    /// γ and its t ratio; the level must stand last.
    fn final_fit(&mut self, lags: usize) -> Result<Fit> {
        let (n_obs, width) = (self.rows(lags), self.width(lags));
        let size = width + 1;
        let total = self.moments[size * size - 1];
        self.factor(size, lags)?;
        let projected = &self.moments[(size - 1) * size..];
        let rss = total - projected[..width].iter().map(|q| q * q).sum::<f64>();
        if rss <= PIVOT_FLOOR * total {
            return Err(exact_fit(lags));
        }
        let q = projected[width - 1];
        let pivot = self.moments[(width - 1) * size + width - 1];
        let variance = rss / (n_obs - width) as f64;
        Ok(Fit { lags, n_obs, gamma: q / pivot, statistic: q / variance.sqrt() })
    }

    /// Cholesky factor of the regressors' moments in place; the response's row becomes its projections.
    fn factor(&mut self, size: usize, lags: usize) -> Result<()> {
        let m = &mut *self.moments;
        for row in 0..size {
            let (done, rest) = m.split_at_mut(row * size);
            let current = &mut rest[..size];
            let diagonal = current[row];
            let last = row.min(size - 1);
            for col in 0..last {
                let above = &done[col * size..col * size + col + 1];
                let sum = dot(&current[..col], &above[..col]);
                current[col] = (current[col] - sum) / above[col];
            }
            if row + 1 < size {
                let pivot = diagonal - dot(&current[..row], &current[..row]);
                if pivot <= PIVOT_FLOOR * diagonal {
                    let reason = format!("its regressors are collinear with {lags} lags");
                    return Err(Error::degenerate("Dickey-Fuller regression", reason));
                }
                current[row] = pivot.sqrt();
            }
        }
        Ok(())
    }
}

/// What c(i + 1, j + 1) has more than c(i, j): its rows start and end one earlier.
fn step(d: &[f64], lags: usize, n: usize, i: usize, j: usize) -> f64 {
    d[lags - 1 - i] * d[lags - 1 - j] - d[lags + n - 1 - i] * d[lags + n - 1 - j]
}

fn exact_fit(lags: usize) -> Error {
    Error::degenerate("Dickey-Fuller regression", format!("{lags} lags leave no residual variance"))
}

/// Orthonormal polynomials of degree 0 to `terms - 1` on `n` equally spaced rows, column after column.
pub(crate) fn orthonormal_trend(n: usize, terms: usize, basis: &mut Vec<f64>) {
    basis.clear();
    if terms == 0 {
        return;
    }
    let t = n as f64;
    basis.resize(n, 1.0 / t.sqrt());
    if terms == 1 {
        return;
    }
    let centre = (t - 1.0) / 2.0;
    // sum of squares of the centred row numbers, and the norm of their squares less their mean
    let second = t * (t * t - 1.0) / 12.0;
    basis.extend((0..n).map(|row| (row as f64 - centre) / second.sqrt()));
    if terms == 2 {
        return;
    }
    let mean_square = (t * t - 1.0) / 12.0;
    let fourth = t * (t * t - 1.0) * (t * t - 4.0) / 180.0;
    basis.extend((0..n).map(|row| ((row as f64 - centre).powi(2) - mean_square) / fourth.sqrt()));
}

/// Subtracts from `values` their projection on the deterministic terms.
pub(crate) fn detrend(values: &mut [f64], trend: Trend, basis: &mut Vec<f64>) {
    let n = values.len();
    orthonormal_trend(n, trend.terms(), basis);
    for column in basis.chunks_exact(n) {
        let q = dot(column, values);
        add_scaled(values, -q, column);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{noise, random_walk};

    /// The same regression by least squares on the design matrix.
    fn by_design_matrix(u: &[f64], trend: Trend, lags: usize) -> (f64, f64) {
        let n = u.len() - 1 - lags;
        let width = trend.terms() + 1 + lags;
        let difference = |t: usize| u[t] - u[t - 1];
        let x = nalgebra::DMatrix::from_fn(n, width, |row, col| {
            let t = row + lags + 1;
            match col {
                0 => u[t - 1],
                lag if lag <= lags => difference(t - lag),
                term => (row as f64 / n as f64).powi((term - lags - 1) as i32),
            }
        });
        let y = nalgebra::DVector::from_fn(n, |row, _| difference(row + lags + 1));
        let qr = x.clone().qr();
        let b = qr.r().solve_upper_triangular(&(qr.q().transpose() * &y)).unwrap();
        let rss = (&y - &x * &b).norm_squared();
        let inverse = qr.r().try_inverse().unwrap().row(0).norm_squared();
        (b[0], b[0] / (rss / (n - width) as f64 * inverse).sqrt())
    }

    #[test]
    fn equals_least_squares_on_the_design_matrix() {
        let walk = random_walk(3, 400);
        for trend in [Trend::None, Trend::Constant, Trend::Linear, Trend::Quadratic] {
            for lags in [0, 1, 7] {
                let mut u = walk.clone();
                detrend(&mut u, trend, &mut Vec::new());
                let fit = regress(&u, trend, LagRule::Fixed(lags), lags, &mut Workspace::default()).unwrap();
                let (gamma, t) = by_design_matrix(&walk, trend, lags);
                assert!((fit.gamma - gamma).abs() < 1e-12, "{trend} {lags}: {} {gamma}", fit.gamma);
                assert!((fit.statistic - t).abs() < 1e-9, "{trend} {lags}: {} {t}", fit.statistic);
            }
        }
    }

    #[test]
    fn trend_terms_are_orthonormal() {
        let mut basis = Vec::new();
        orthonormal_trend(50, 3, &mut basis);
        for i in 0..3 {
            for j in 0..3 {
                let product = dot(&basis[i * 50..(i + 1) * 50], &basis[j * 50..(j + 1) * 50]);
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn an_exact_fit_is_an_error_and_not_infinity() {
        let alternating: Vec<f64> = (0..40).map(|t| if t % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let fit = regress(&alternating, Trend::None, LagRule::Fixed(0), 0, &mut Workspace::default());
        assert!(matches!(fit, Err(Error::Degenerate { .. })), "{fit:?}");
    }

    #[test]
    fn white_noise_needs_no_lags_by_bic() {
        let u = noise(11, 800);
        let fit = regress(&u, Trend::None, LagRule::Bic, 12, &mut Workspace::default()).unwrap();
        assert_eq!(fit.lags, 0);
        assert!((fit.gamma + 1.0).abs() < 0.15); // Δu = -u(t-1) + e for white noise
    }
}
