//! The two heavy kernels (Gram matrix, symmetric eigenproblem) on faer.
//!
//! Everything else that needs small dense algebra uses nalgebra.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, SelfAdjointEvdParams, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::{matmul as general, triangular};
use faer::{Accum, Auto, Mat, MatMut, MatRef, Par, Spec};
use nalgebra::DMatrix;

use crate::error::{Error, Result};

/// Flops below which a second thread costs more than it saves (about a millisecond of work).
const PARALLEL_FLOPS: usize = 20_000_000;

/// Order below which the eigenproblem is solved by QR steps and not divided further; measured at 50 and 500.
const QR_BELOW: usize = 64;

/// X'X / divisor for column-major X (`n_rows` by `n_cols`); full and exactly symmetric.
pub(crate) fn gram(x: &[f64], n_rows: usize, n_cols: usize, divisor: f64) -> DMatrix<f64> {
    let x = MatRef::from_column_major_slice(x, n_rows, n_cols);
    syrk(x.transpose(), x, 1.0 / divisor, parallelism(n_cols * n_cols * n_rows / 2), |_, _, product| product)
}

/// X'X for column-major X (`n_rows` by `n_cols`), every element passed through `f(row, column, product)`, which must not
/// care which of the two is which.
pub(crate) fn gram_with(x: &[f64], n_rows: usize, n_cols: usize, f: impl Fn(usize, usize, f64) -> f64) -> DMatrix<f64> {
    let x = MatRef::from_column_major_slice(x, n_rows, n_cols);
    syrk(x.transpose(), x, 1.0, parallelism(n_cols * n_cols * n_rows / 2), f)
}

/// [`gram`] on one thread: before an eigenproblem, which the spinning helpers of a product would slow by more than
/// they saved.
pub(crate) fn gram_alone(x: &[f64], n_rows: usize, n_cols: usize, divisor: f64) -> DMatrix<f64> {
    let x = MatRef::from_column_major_slice(x, n_rows, n_cols);
    syrk(x.transpose(), x, 1.0 / divisor, Par::Seq, |_, _, product| product)
}

/// [`gram_with`] on one thread.
pub(crate) fn gram_alone_with(
    x: &[f64],
    n_rows: usize,
    n_cols: usize,
    f: impl Fn(usize, usize, f64) -> f64,
) -> DMatrix<f64> {
    let x = MatRef::from_column_major_slice(x, n_rows, n_cols);
    syrk(x.transpose(), x, 1.0, Par::Seq, f)
}

/// XX' / divisor for column-major X (`n_rows` by `n_cols`), on one thread; full and exactly symmetric.
pub(crate) fn outer_gram(x: &[f64], n_rows: usize, n_cols: usize, divisor: f64) -> DMatrix<f64> {
    let x = MatRef::from_column_major_slice(x, n_rows, n_cols);
    syrk(x, x.transpose(), 1.0 / divisor, Par::Seq, |_, _, product| product)
}

/// Product A B of column-major A (`n` by `k`) and B (`k` by `m`).
pub(crate) fn product(a: &[f64], b: &[f64], n: usize, k: usize, m: usize) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(n, m);
    let (a, b) = (MatRef::from_column_major_slice(a, n, k), MatRef::from_column_major_slice(b, k, m));
    let view = MatMut::from_column_major_slice_mut(out.as_mut_slice(), n, m);
    general(view, Accum::Replace, a, b, 1.0, parallelism(n * k * m));
    out
}

/// X'Y for column-major X (`n_rows` by `n_x`) and Y (`n_rows` by `n_y`).
pub(crate) fn transposed_product(x: &[f64], y: &[f64], n_rows: usize, n_x: usize, n_y: usize) -> DMatrix<f64> {
    let mut out = DMatrix::zeros(n_x, n_y);
    let x = MatRef::from_column_major_slice(x, n_rows, n_x);
    let y = MatRef::from_column_major_slice(y, n_rows, n_y);
    let view = MatMut::from_column_major_slice_mut(out.as_mut_slice(), n_x, n_y);
    general(view, Accum::Replace, x.transpose(), y, 1.0, parallelism(n_rows * n_x * n_y));
    out
}

/// Eigenvalues (largest first) and unit eigenvectors (columns, same order) of a symmetric matrix.
///
/// One thread: faer's divide and conquer sums in another order with more.
pub(crate) fn symmetric_eigen(matrix: &DMatrix<f64>) -> Result<(Vec<f64>, DMatrix<f64>)> {
    let n = matrix.nrows();
    let a = MatRef::from_column_major_slice(matrix.as_slice(), n, n);
    let (mut values, mut vectors) = (Diag::<f64>::zeros(n), Mat::<f64>::zeros(n, n));
    let tuned = SelfAdjointEvdParams { recursion_threshold: QR_BELOW, ..<SelfAdjointEvdParams as Auto<f64>>::auto() };
    let tuned: Spec<SelfAdjointEvdParams, f64> = Spec::new(tuned);
    let scratch = self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, tuned);
    let mut memory = MemBuffer::new(scratch);
    self_adjoint_evd(a, values.as_mut(), Some(vectors.as_mut()), Par::Seq, MemStack::new(&mut memory), tuned)
        .map_err(|_| Error::degenerate("symmetric eigenproblem", format!("no convergence for order {n}")))?;
    let ascending = values.column_vector();
    let descending: Vec<f64> = (0..n).rev().map(|i| ascending[i]).collect();
    let mut out = DMatrix::zeros(n, n);
    for (target, source) in (0..n).rev().enumerate() {
        out.as_mut_slice()[target * n..(target + 1) * n].copy_from_slice(vectors.col_as_slice(source));
    }
    Ok((descending, out))
}

fn syrk(
    lhs: MatRef<'_, f64>,
    rhs: MatRef<'_, f64>,
    scale: f64,
    threads: Par,
    f: impl Fn(usize, usize, f64) -> f64,
) -> DMatrix<f64> {
    let n = lhs.nrows();
    let mut out = DMatrix::zeros(n, n);
    let view = MatMut::from_column_major_slice_mut(out.as_mut_slice(), n, n);
    triangular::matmul(
        view,
        triangular::BlockStructure::TriangularLower,
        Accum::Replace,
        lhs,
        triangular::BlockStructure::Rectangular,
        rhs,
        triangular::BlockStructure::Rectangular,
        scale,
        threads,
    );
    mirror(out.as_mut_slice(), n, f);
    out
}

/// Passes the lower triangle of a column-major square through `f(row, column, value)` and copies it into the upper one,
/// in blocks that fit the cache.
fn mirror(values: &mut [f64], n: usize, f: impl Fn(usize, usize, f64) -> f64) {
    const BLOCK: usize = 32;
    for col_block in (0..n).step_by(BLOCK) {
        for row_block in (col_block..n).step_by(BLOCK) {
            for col in col_block..(col_block + BLOCK).min(n) {
                for row in row_block.max(col)..(row_block + BLOCK).min(n) {
                    let value = f(row, col, values[col * n + row]);
                    values[col * n + row] = value;
                    values[row * n + col] = value;
                }
            }
        }
    }
}

/// Threads split the output of a product into tiles; every element is summed in the same order whatever their number.
fn parallelism(flops: usize) -> Par {
    if flops < PARALLEL_FLOPS { Par::Seq } else { Par::rayon(0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn eigenpairs_rebuild_the_matrix() {
        let x = noise(1, 60 * 40);
        let c = gram(&x, 60, 40, 59.0);
        let (values, vectors) = symmetric_eigen(&c).unwrap();
        let rebuilt = &vectors * DMatrix::from_diagonal(&values.clone().into()) * vectors.transpose();
        assert!((rebuilt - &c).amax() < 1e-12);
        assert!(values.windows(2).all(|pair| pair[1] <= pair[0]));
    }

    #[test]
    fn products_equal_nalgebra_and_are_symmetric() {
        let x = noise(2, 70 * 33);
        let m = DMatrix::from_column_slice(70, 33, &x);
        assert!((gram(&x, 70, 33, 2.0) - m.transpose() * &m / 2.0).amax() < 1e-12);
        let outer = outer_gram(&x, 70, 33, 1.0);
        assert!((&outer - &m * m.transpose()).amax() < 1e-12);
        assert_eq!(outer, outer.transpose());
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let x = noise(3, 600 * 300);
        let on = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| gram(&x, 600, 300, 1.0))
        };
        assert_eq!(on(1), on(2));
        assert_eq!(on(1), on(3));
    }
}
