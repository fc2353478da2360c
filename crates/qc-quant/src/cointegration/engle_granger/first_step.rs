//! The regression of the first step: least squares of detrended columns by QR, its residual and what is collinear.

use super::COLLINEAR;
use crate::error::{Error, Result};
use crate::lanes::{add_scaled, deviations, dot};
use crate::stats::moments::{divide, mean};
use crate::unit_root::{Trend, dickey_fuller};

pub(super) struct FirstStep {
    pub(super) slopes: Vec<f64>,
    pub(super) deterministic: [Option<f64>; 3],
    pub(super) residual: Vec<f64>,
    pub(super) r_squared: f64,
}

/// Least squares of the first column on the others and the deterministic terms, by orthogonalisation.
pub(super) fn first_step(names: &[String], columns: &[&[f64]], trend: Trend) -> Result<FirstStep> {
    let n_rows = columns[0].len();
    let mut basis = Vec::new();
    let detrended: Vec<Vec<f64>> = columns
        .iter()
        .map(|column| {
            let mut own = column.to_vec();
            dickey_fuller::detrend(&mut own, trend, &mut basis);
            dickey_fuller::detrend(&mut own, trend, &mut basis); // removes what rounding left over
            own
        })
        .collect();
    let (y, x) = (&detrended[0], &detrended[1..]);

    // Gram-Schmidt, each vector twice; r is upper triangular with x = q r
    let width = x.len();
    let mut q: Vec<Vec<f64>> = Vec::with_capacity(width);
    let mut r = nalgebra::DMatrix::<f64>::zeros(width, width);
    for (col, column) in x.iter().enumerate() {
        let mut rest = column.clone();
        for _ in 0..2 {
            for (row, direction) in q.iter().enumerate() {
                let along = dot(direction, &rest);
                r[(row, col)] += along;
                add_scaled(&mut rest, -along, direction);
            }
        }
        let (norm, whole) = (dot(&rest, &rest), variation(column, trend));
        if norm <= COLLINEAR * whole {
            return Err(collinear(&names[col + 1], &names[1..=col], norm / whole, trend));
        }
        r[(col, col)] = norm.sqrt();
        divide(&mut rest, norm.sqrt());
        q.push(rest);
    }
    let mut residual = y.clone();
    let mut along = vec![0.0; width];
    for _ in 0..2 {
        for (sum, direction) in along.iter_mut().zip(&q) {
            let more = dot(direction, &residual);
            *sum += more;
            add_scaled(&mut residual, -more, direction);
        }
    }
    let unexplained = dot(&residual, &residual) / variation(y, trend);
    if unexplained <= COLLINEAR {
        return Err(collinear(&names[0], &names[1..], unexplained, trend));
    }
    let mut slopes = vec![0.0; width];
    for row in (0..width).rev() {
        let known: f64 = (row + 1..width).map(|col| r[(row, col)] * slopes[col]).sum();
        slopes[row] = (along[row] - known) / r[(row, row)];
    }
    let deterministic = deterministic_terms(columns, &slopes, trend, n_rows, &mut basis);
    Ok(FirstStep { slopes, deterministic, residual, r_squared: 1.0 - unexplained })
}

/// Sum of squares of a detrended column; without any trend, around its mean.
fn variation(column: &[f64], trend: Trend) -> f64 {
    let whole = dot(column, column);
    if trend != Trend::None {
        return whole;
    }
    deviations(column, mean(column)).1
}

/// Coefficients of 1, t, t² (t = 1..T) in what the slopes leave of the first column.
fn deterministic_terms(
    columns: &[&[f64]],
    slopes: &[f64],
    trend: Trend,
    n_rows: usize,
    basis: &mut Vec<f64>,
) -> [Option<f64>; 3] {
    let terms = trend.terms();
    if terms == 0 {
        return [None; 3];
    }
    let mut left = columns[0].to_vec();
    for (column, slope) in columns[1..].iter().zip(slopes) {
        add_scaled(&mut left, -slope, column);
    }
    dickey_fuller::orthonormal_trend(n_rows, terms, basis);
    let q: Vec<f64> = basis.chunks_exact(n_rows).map(|column| dot(column, &left)).collect();
    // from the orthonormal polynomials in s = t - (T + 1)/2 back to powers of t
    let t = n_rows as f64;
    let centre = (t + 1.0) / 2.0;
    let mut constant = q[0] / t.sqrt();
    let (mut linear, mut quadratic) = (None, None);
    if let Some(q1) = q.get(1) {
        let slope = q1 / (t * (t * t - 1.0) / 12.0).sqrt();
        constant -= slope * centre;
        linear = Some(slope);
    }
    if let Some(q2) = q.get(2) {
        let curve = q2 / (t * (t * t - 1.0) * (t * t - 4.0) / 180.0).sqrt();
        constant += curve * (centre * centre - (t * t - 1.0) / 12.0);
        linear = linear.map(|slope| slope - 2.0 * curve * centre);
        quadratic = Some(curve);
    }
    [Some(constant), linear, quadratic]
}

fn collinear(name: &str, others: &[String], unexplained: f64, trend: Trend) -> Error {
    let others = if others.is_empty() { format!("its trend ({trend})") } else { others.join(", ") };
    Error::degenerate(
        "Engle-Granger regression",
        format!("{name} is collinear with {others}: 1 - R² is {unexplained:.1e}, at least {COLLINEAR:.1e} is needed"),
    )
}
