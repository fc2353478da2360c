//! One labelled column.

use std::sync::Arc;

use super::{Index, Panel};
use crate::error::{Error, Result};

/// One labelled column.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    name: String,
    index: Arc<Index>,
    values: Vec<f64>,
}

impl Series {
    /// Checks and takes one column.
    ///
    /// # Errors
    /// As [`Panel::new`].
    pub fn new(name: impl Into<String>, index: Index, values: Vec<f64>) -> Result<Self> {
        let panel = Panel::new(vec![name.into()], index, vec![values])?;
        let Panel { mut symbols, index, values, .. } = panel;
        Ok(Self { name: symbols.pop().unwrap_or_default(), index, values })
    }

    /// A column that a panel has checked.
    pub(super) fn of_panel(name: String, index: Arc<Index>, values: Vec<f64>) -> Self {
        Self { name, index, values }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rows' labels.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Values, oldest first.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Number of rows.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// A checked series has at least two rows; this is false.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The same series in another unit.
    pub fn scaled(&self, factor: f64) -> Self {
        Self { values: self.values.iter().map(|value| value * factor).collect(), ..self.clone() }
    }

    /// Refuses two series that do not stand on the same rows.
    ///
    /// # Errors
    /// [`Error::ShapeMismatch`], [`Error::IndexMismatch`].
    pub fn require_same_rows(&self, other: &Self) -> Result<()> {
        if self.len() != other.len() {
            let what = format!("rows of {} and {}", self.name, other.name);
            return Err(Error::ShapeMismatch { what, expected: self.len(), found: other.len() });
        }
        if Arc::ptr_eq(&self.index, &other.index) || self.index == other.index {
            return Ok(());
        }
        let differs = |row: &usize| self.index.label(*row) != other.index.label(*row);
        let row = (0..self.len()).find(differs).unwrap_or(0);
        Err(Error::IndexMismatch {
            left: self.name.clone(),
            right: other.name.clone(),
            row,
            left_at: self.index.label(row),
            right_at: other.index.label(row),
        })
    }
}

impl AsRef<[f64]> for Series {
    fn as_ref(&self) -> &[f64] {
        &self.values
    }
}
