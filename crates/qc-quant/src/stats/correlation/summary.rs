//! What a correlation matrix says: pairs by sign and strength, and a summary for each symbol.

use super::{CorrelationMatrix, p_from_t};
use crate::error::{Error, Result};

/// One pair of symbols.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// First symbol (the one that comes first in the panel).
    pub a: String,
    /// Second symbol.
    pub b: String,
    /// Correlation.
    pub value: f64,
    /// Two-sided p-value of no dependence.
    pub p_value: f64,
}

/// How one symbol goes with all others.
#[derive(Debug, Clone, PartialEq)]
pub struct Summary {
    /// The symbol.
    pub symbol: String,
    /// Mean correlation with the others, signed.
    pub mean: f64,
    /// Mean absolute correlation with the others.
    pub mean_abs: f64,
    /// Partner with the largest signed correlation, and that correlation.
    pub highest: (String, f64),
    /// Partner with the smallest signed correlation, and that correlation.
    pub lowest: (String, f64),
}

impl CorrelationMatrix {
    /// Correlation of two symbols.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`].
    pub fn get(&self, a: &str, b: &str) -> Result<f64> {
        Ok(self.values[(self.position(a)?, self.position(b)?)])
    }

    /// p-value of no dependence between the symbols at two positions; 0 on the diagonal.
    pub fn p_value(&self, i: usize, j: usize) -> f64 {
        match &self.stored_p {
            Some(p) => p[(i, j)],
            None => p_from_t(self.values[(i, j)], self.n_obs),
        }
    }

    /// All pairs, strongest positive correlation first.
    pub fn pairs(&self) -> Vec<Pair> {
        let n = self.symbols.len();
        let mut pairs = Vec::with_capacity(n * (n - 1) / 2);
        for i in 0..n {
            for j in i + 1..n {
                let (a, b) = (self.symbols[i].clone(), self.symbols[j].clone());
                pairs.push(Pair { a, b, value: self.values[(i, j)], p_value: self.p_value(i, j) });
            }
        }
        pairs.sort_by(|left, right| right.value.total_cmp(&left.value));
        pairs
    }

    /// All pairs, strongest correlation of either sign first.
    pub fn pairs_by_strength(&self) -> Vec<Pair> {
        let mut pairs = self.pairs();
        pairs.sort_by(|left, right| right.value.abs().total_cmp(&left.value.abs()));
        pairs
    }

    /// How each symbol goes with the others, in the panel's order.
    pub fn summaries(&self) -> Vec<Summary> {
        let n = self.symbols.len();
        let summary = |i: usize| {
            let others: Vec<(usize, f64)> = (0..n).filter(|&j| j != i).map(|j| (j, self.values[(i, j)])).collect();
            let count = others.len() as f64;
            let (mut high, mut low) = (others[0], others[0]);
            for &(j, value) in &others {
                if high.1 < value {
                    high = (j, value);
                }
                if value < low.1 {
                    low = (j, value);
                }
            }
            Summary {
                symbol: self.symbols[i].clone(),
                mean: others.iter().map(|(_, value)| value).sum::<f64>() / count,
                mean_abs: others.iter().map(|(_, value)| value.abs()).sum::<f64>() / count,
                highest: (self.symbols[high.0].clone(), high.1),
                lowest: (self.symbols[low.0].clone(), low.1),
            }
        };
        (0..n).map(summary).collect()
    }

    fn position(&self, symbol: &str) -> Result<usize> {
        let same = |known: &String| known.eq_ignore_ascii_case(symbol.trim());
        let unknown = || Error::UnknownSymbol { symbol: symbol.to_owned(), known: self.symbols.len() };
        self.symbols.iter().position(same).ok_or_else(unknown)
    }
}
