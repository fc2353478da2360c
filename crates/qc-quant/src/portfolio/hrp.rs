//! Hierarchical risk parity: weights from a tree of correlations, without inverting a matrix.

mod leaf_order;

use kodama::{Method, linkage};
use nalgebra::DMatrix;

use crate::covariance;
use crate::error::{Error, Result};
use crate::panel::Panel;

/// How the distance between two clusters is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Linkage {
    /// Between their nearest members.
    #[default]
    Single,
    /// Mean over pairs of members.
    Average,
    /// Between their farthest members.
    Complete,
    /// Growth of the variance within (Ward).
    Ward,
}

/// How the leaves of the tree are laid out before they are halved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LeafOrder {
    /// As the tree was built, the cluster with the smaller number on the left (López de Prado, PyPortfolioOpt).
    #[default]
    Tree,
    /// Branches turned one by one, each for its parent's best: scipy's `optimal_ordering`, hence skfolio and riskfolio.
    /// The name there promises more than it holds.
    ByBranch,
    /// Branches turned so that the sum of distances between neighbours is truly least (Bar-Joseph).
    Optimal,
}

/// Most symbols for which branches are turned: the work grows with their third power.
pub const MOST_TURNED: usize = 1000;

/// Answer of [`fit`].
#[derive(Debug, Clone, PartialEq)]
pub struct Hrp {
    /// Symbols in the caller's order.
    pub symbols: Vec<String>,
    /// Weights in that order; positive, summing to 1.
    pub weights: Vec<f64>,
    /// Positions of the symbols along the leaves of the tree.
    pub leaf_order: Vec<usize>,
    /// Distance at which each pair of clusters was joined, rising.
    pub heights: Vec<f64>,
}

/// Allocates by halving the leaves of a correlation tree, each half in inverse proportion to its variance.
///
/// # Definition
/// d(i,j) = sqrt((1 - ρ)/2), used directly; leaves in pre-order, the cluster with the smaller number
/// on the left; halves split at floor(len/2); variance of a half under inverse-variance weights.
///
/// # When not to use it
/// With two or three assets there is no hierarchy; the split in halves ignores the tree's own branches.
///
/// # Errors
/// [`Error::TooFewSymbols`] below two, [`Error::TooFewRows`], [`Error::Constant`] naming the symbol.
///
/// # Source
/// López de Prado (2016), Journal of Portfolio Management 42(4), 59-69. Checked against PyPortfolioOpt:
/// family `hrp`.
///
/// ```
/// use qc_quant::{Index, Panel, portfolio::hrp, testing::noise};
/// let columns = (1..=4).map(|i| noise(i, 200).iter().map(|r| r * i as f64).collect()).collect();
/// let returns = Panel::new((1..=4).map(|i| format!("S{i}")).collect(), Index::Rows(200), columns)?;
/// let found = hrp::fit(&returns, Default::default())?;
/// assert!((found.weights.iter().sum::<f64>() - 1.0).abs() < 1e-12);
/// assert!(found.weights[3] < found.weights[0]); // four times as volatile
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn fit(returns: &Panel, method: Linkage) -> Result<Hrp> {
    fit_ordered(returns, method, LeafOrder::Tree)
}

/// The same with a choice of how the leaves are laid out.
///
/// # Errors
/// As [`fit`]; [`Error::TooMuchWork`] for an optimal order of more than [`MOST_TURNED`] symbols.
pub fn fit_ordered(returns: &Panel, method: Linkage, order: LeafOrder) -> Result<Hrp> {
    let n = returns.n_symbols();
    if order != LeafOrder::Tree {
        let most = (MOST_TURNED as u64).pow(3);
        Error::limit_work("an optimal leaf order (symbols cubed)", most, &[n, n, n])?;
    }
    if n < 2 {
        return Err(Error::TooFewSymbols { what: "hierarchical risk parity".into(), needed: 2, found: n });
    }
    returns.require_variation()?;
    let cov = covariance::sample(returns)?;
    let deviations: Vec<f64> = cov.diagonal().iter().map(|variance| variance.sqrt()).collect();
    if deviations.iter().any(|deviation| *deviation <= 0.0) {
        return Err(Error::degenerate("hierarchical risk parity", "variances are too small to divide by"));
    }
    let correlation = |i: usize, j: usize| (cov[(i, j)] / (deviations[i] * deviations[j])).clamp(-1.0, 1.0);
    let rho = DMatrix::from_fn(n, n, |i, j| if i == j { 1.0 } else { correlation(i, j) });
    let mut distances = Vec::with_capacity(n * (n - 1) / 2);
    for i in 0..n {
        for j in i + 1..n {
            distances.push(((1.0 - rho[(i, j)]) / 2.0).clamp(0.0, 1.0).sqrt());
        }
    }
    let method = match method {
        Linkage::Single => Method::Single,
        Linkage::Average => Method::Average,
        Linkage::Complete => Method::Complete,
        Linkage::Ward => Method::Ward,
    };
    let tree = linkage(&mut distances, n, method);
    let steps: Vec<(usize, usize)> = tree.steps().iter().map(|step| (step.cluster1, step.cluster2)).collect();
    let leaf_order = match order {
        LeafOrder::Tree => leaves(&steps, n),
        LeafOrder::ByBranch => leaf_order::by_branch(&steps, &apart(&rho)),
        LeafOrder::Optimal => leaf_order::optimal(&steps, &apart(&rho)),
    };
    let mut weights = vec![1.0; n];
    let mut parts: Vec<Vec<usize>> = vec![leaf_order.clone()];
    while let Some(part) = parts.pop() {
        if part.len() < 2 {
            continue;
        }
        let (left, right) = part.split_at(part.len() / 2);
        let (v_left, v_right) = (variance(&cov, left), variance(&cov, right));
        let share = 1.0 - v_left / (v_left + v_right);
        left.iter().for_each(|&i| weights[i] *= share);
        right.iter().for_each(|&i| weights[i] *= 1.0 - share);
        parts.push(left.to_vec());
        parts.push(right.to_vec());
    }
    if weights.iter().any(|w| !w.is_finite()) {
        return Err(Error::degenerate("hierarchical risk parity", "a half of the tree has no variance"));
    }
    let heights = tree.steps().iter().map(|step| step.dissimilarity).collect();
    Ok(Hrp { symbols: returns.symbols().to_vec(), weights, leaf_order, heights })
}

fn apart(rho: &DMatrix<f64>) -> DMatrix<f64> {
    rho.map(|rho| ((1.0 - rho) / 2.0).clamp(0.0, 1.0).sqrt())
}

/// Leaves from left to right; clusters n, n + 1, ... are the steps.
fn leaves(steps: &[(usize, usize)], n: usize) -> Vec<usize> {
    let mut order = Vec::with_capacity(n);
    let mut open = vec![n + steps.len() - 1];
    while let Some(cluster) = open.pop() {
        match cluster.checked_sub(n).and_then(|step| steps.get(step)) {
            Some(&(left, right)) => open.extend([right, left]),
            None => order.push(cluster),
        }
    }
    order
}

/// Variance of a cluster under weights in inverse proportion to its members' variances.
fn variance(cov: &DMatrix<f64>, members: &[usize]) -> f64 {
    let total: f64 = members.iter().map(|&i| 1.0 / cov[(i, i)]).sum();
    let weights: Vec<f64> = members.iter().map(|&i| 1.0 / cov[(i, i)] / total).collect();
    let row = |i: usize| members.iter().zip(&weights).map(|(&j, w)| cov[(j, i)] * w).sum::<f64>();
    members.iter().zip(&weights).map(|(&i, w)| w * row(i)).sum()
}
