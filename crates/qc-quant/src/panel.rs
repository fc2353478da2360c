//! The one gate for data: labelled, finite columns on one strictly increasing index, checked once.
//!
//! Every method takes a [`Panel`] (or a [`Series`] cut from one) and trusts it. Labels travel with
//! their columns; no function takes labels and a matrix separately.

mod index;
mod missing;
mod series;

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

pub use self::index::{Index, Label};
pub use self::missing::{Dropped, MissingPolicy};
pub use self::series::Series;
use crate::error::{Error, Result};
use crate::lanes::all_finite;
use crate::stats::moments::{Spread, spread};

/// T rows by N symbols of finite numbers on a strictly increasing index.
///
/// What the numbers are (prices, log prices, returns) is the caller's knowledge; methods say in
/// their documentation what they expect. At least two rows and one symbol; symbols are unique when
/// compared without case and surrounding space, and keep the caller's order and spelling.
#[derive(Debug, Clone, PartialEq)]
pub struct Panel {
    symbols: Vec<String>,
    index: Arc<Index>,
    values: Vec<f64>, // column-major: all rows of the first symbol, then of the second, ...
    gaps: Vec<usize>, // rows r such that rows were dropped between r - 1 and r; increasing
}

impl Panel {
    /// Checks and takes the columns, one per symbol, oldest row first.
    ///
    /// # Errors
    /// [`Error::TooFewRows`] below two rows, [`Error::TooFewSymbols`] without columns,
    /// [`Error::ShapeMismatch`] when a column is shorter or longer than the index,
    /// [`Error::DuplicateSymbol`], [`Error::NotIncreasing`], [`Error::NotFinite`].
    ///
    /// ```
    /// use qc_quant::{Error, Index, Panel};
    /// let twice = Panel::new(vec!["KO".into(), " ko".into()], Index::Rows(2), vec![vec![1.0, 2.0], vec![1.0, 2.0]]);
    /// assert!(matches!(twice, Err(Error::DuplicateSymbol { .. })));
    /// ```
    pub fn new(symbols: Vec<String>, index: Index, columns: Vec<Vec<f64>>) -> Result<Self> {
        let symbols = check_labels(symbols, &index, &columns)?;
        for (symbol, column) in symbols.iter().zip(&columns) {
            if !all_finite(column) {
                let row = column.iter().position(|value| !value.is_finite()).unwrap_or_default();
                return Err(Error::NotFinite { symbol: symbol.clone(), row, at: index.label(row) });
            }
        }
        Ok(Self { symbols, index: Arc::new(index), values: columns.concat(), gaps: Vec::new() })
    }

    /// Like [`Panel::new`] for columns in which NaN or infinity stands for "no value".
    ///
    /// # Errors
    /// As [`Panel::new`]; with [`MissingPolicy::Error`] the first missing value is
    /// [`Error::NotFinite`]; when dropping leaves fewer than two rows, [`Error::TooFewRows`].
    pub fn with_missing(
        symbols: Vec<String>,
        index: Index,
        columns: Vec<Vec<f64>>,
        policy: MissingPolicy,
    ) -> Result<(Self, Dropped)> {
        if policy == MissingPolicy::Error {
            let panel = Self::new(symbols, index, columns)?;
            let by_symbol = panel.symbols.iter().map(|symbol| (symbol.clone(), 0)).collect();
            return Ok((panel, Dropped { rows: 0, first: None, by_symbol, fraction: 0.0 }));
        }
        let symbols = check_labels(symbols, &index, &columns)?;
        let n_rows = index.len();
        let mut complete = vec![true; n_rows];
        let mut by_symbol = Vec::with_capacity(symbols.len());
        for (symbol, column) in symbols.iter().zip(&columns) {
            let mut missing = 0;
            for (keep, value) in complete.iter_mut().zip(column) {
                if !value.is_finite() {
                    missing += 1;
                    *keep = false;
                }
            }
            by_symbol.push((symbol.clone(), missing));
        }
        let kept: Vec<usize> = (0..n_rows).filter(|&row| complete[row]).collect();
        let rows = n_rows - kept.len();
        let first = complete.iter().position(|keep| !keep).map(|row| index.label(row));
        let dropped = Dropped { rows, first, by_symbol, fraction: rows as f64 / n_rows as f64 };
        if kept.len() < 2 {
            let what = match dropped.worst() {
                Some((symbol, missing)) => {
                    format!("complete rows after dropping missing values ({symbol} lacks {missing} of {n_rows})")
                }
                None => "a panel".to_owned(),
            };
            return Err(Error::too_few_rows(what, 2, kept.len()));
        }
        let gaps = match policy {
            MissingPolicy::DropRows => (1..kept.len()).filter(|&row| kept[row] != kept[row - 1] + 1).collect(),
            _ => Vec::new(),
        };
        let values = columns.iter().flat_map(|column| kept.iter().map(|&row| column[row])).collect();
        Ok((Self { symbols, index: Arc::new(index.pick(&kept)), values, gaps }, dropped))
    }

    /// Number of rows, T.
    pub fn n_rows(&self) -> usize {
        self.index.len()
    }

    /// Number of symbols, N.
    pub fn n_symbols(&self) -> usize {
        self.symbols.len()
    }

    /// Symbols in the caller's order.
    pub fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// The rows' labels.
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// Label of the first row.
    pub fn first_label(&self) -> Label {
        self.index.label(0)
    }

    /// Label of the last row.
    pub fn last_label(&self) -> Label {
        self.index.label(self.n_rows() - 1)
    }

    /// All values, column after column.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Values of the symbol at `position` (0-based); empty when there is no such symbol.
    pub fn column(&self, position: usize) -> &[f64] {
        let n_rows = self.n_rows();
        self.values.get(position * n_rows..(position + 1) * n_rows).unwrap_or(&[])
    }

    /// The columns in order.
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.values.chunks_exact(self.n_rows())
    }

    /// Position of a symbol (compared without case and surrounding space).
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`].
    pub fn position(&self, symbol: &str) -> Result<usize> {
        let wanted = key(symbol);
        self.symbols
            .iter()
            .position(|known| key(known) == wanted)
            .ok_or_else(|| Error::UnknownSymbol { symbol: symbol.to_owned(), known: self.symbols.len() })
    }

    /// Values of a symbol.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`].
    pub fn column_of(&self, symbol: &str) -> Result<&[f64]> {
        self.position(symbol).map(|position| self.column(position))
    }

    /// One symbol as a series on the same index.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`].
    pub fn series(&self, symbol: &str) -> Result<Series> {
        let position = self.position(symbol)?;
        let name = self.symbols[position].clone();
        Ok(Series::of_panel(name, Arc::clone(&self.index), self.column(position).to_vec()))
    }

    /// The symbols named, in that order.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`], [`Error::DuplicateSymbol`], [`Error::TooFewSymbols`] for none.
    pub fn select<S: AsRef<str>>(&self, symbols: &[S]) -> Result<Self> {
        let mut names = Vec::with_capacity(symbols.len());
        let mut values = Vec::with_capacity(symbols.len() * self.n_rows());
        for symbol in symbols {
            let position = self.position(symbol.as_ref())?;
            names.push(self.symbols[position].clone());
            values.extend_from_slice(self.column(position));
        }
        let names = unique(names)?;
        if names.is_empty() {
            return Err(Error::TooFewSymbols { what: "a selection".into(), needed: 1, found: 0 });
        }
        Ok(Self { symbols: names, index: Arc::clone(&self.index), values, gaps: self.gaps.clone() })
    }

    /// Rows `rows.start` to `rows.end` (the end left out).
    ///
    /// # Errors
    /// [`Error::OutOfRange`] past the end, [`Error::TooFewRows`] below two rows.
    pub fn slice(&self, rows: Range<usize>) -> Result<Self> {
        let n_rows = self.n_rows();
        if n_rows < rows.end {
            return Err(Error::out_of_range("end of the slice", 0.0, n_rows as f64, rows.end as f64));
        }
        let length = rows.end.saturating_sub(rows.start);
        if length < 2 {
            return Err(Error::too_few_rows("a slice", 2, length));
        }
        let kept: Vec<usize> = rows.clone().collect();
        let values = self.columns().flat_map(|column| &column[rows.clone()]).copied().collect();
        let inside = self.gaps.iter().filter(|&&row| rows.start < row && row < rows.end);
        let gaps = inside.map(|row| row - rows.start).collect();
        Ok(Self { symbols: self.symbols.clone(), index: Arc::new(self.index.pick(&kept)), values, gaps })
    }

    /// Rows before which rows were dropped ([`MissingPolicy::DropRows`]); returns skip them.
    pub fn gaps(&self) -> &[usize] {
        &self.gaps
    }

    /// Refuses columns that do not vary (max - min at most 1e-12 |mean|).
    ///
    /// # Errors
    /// [`Error::Constant`] naming the first such symbol.
    pub fn require_variation(&self) -> Result<()> {
        for (symbol, column) in self.symbols.iter().zip(self.columns()) {
            require_variation(symbol, column)?;
        }
        Ok(())
    }

    /// Refuses values at or below zero.
    ///
    /// # Errors
    /// [`Error::NotPositive`] naming symbol, row and value.
    pub fn require_positive(&self) -> Result<()> {
        for (symbol, column) in self.symbols.iter().zip(self.columns()) {
            if let Some(row) = column.iter().position(|&value| value <= 0.0) {
                let at = self.index.label(row);
                return Err(Error::NotPositive { symbol: symbol.clone(), row, at, value: column[row] });
            }
        }
        Ok(())
    }

    /// The same labels over other values: one function of each value.
    pub(crate) fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { values: self.values.iter().map(|&value| f(value)).collect(), ..self.clone() }
    }

    /// One value per row after the first, from each pair of neighbours; pairs that span a dropped row are left out.
    pub(crate) fn map_steps(&self, what: &str, f: impl Fn(f64, f64) -> f64) -> Result<Self> {
        let rows: Vec<usize> = (1..self.n_rows()).filter(|row| self.gaps.binary_search(row).is_err()).collect();
        if rows.len() < 2 {
            return Err(Error::too_few_rows(format!("{what} without a missing row between them"), 3, rows.len() + 1));
        }
        let values =
            self.columns().flat_map(|column| rows.iter().map(|&row| f(column[row - 1], column[row]))).collect();
        Ok(Self { symbols: self.symbols.clone(), index: Arc::new(self.index.pick(&rows)), values, gaps: Vec::new() })
    }
}

/// Refuses a column whose range is at most 1e-12 of its mean, whose variance would be rounding noise, and one whose
/// deviations are too small or too large to be squared.
pub(crate) fn require_variation(symbol: &str, column: &[f64]) -> Result<()> {
    match spread(column) {
        Spread::Ordinary => Ok(()),
        Spread::None => {
            let value = column.first().copied().unwrap_or(0.0);
            Err(Error::Constant { symbol: symbol.to_owned(), value, rows: column.len() })
        }
        Spread::Unsquarable => {
            let (low, high) = crate::lanes::extremes(column);
            Err(Error::degenerate(symbol, format!("values from {low:.3e} to {high:.3e} cannot be squared")))
        }
    }
}

/// Refuses a column whose deviations are too small or too large to be squared; a constant one passes.
pub(crate) fn require_squarable(symbol: &str, column: &[f64]) -> Result<()> {
    require_variation(symbol, column).or_else(|error| match error {
        Error::Constant { .. } => Ok(()),
        other => Err(other),
    })
}

/// Refuses NaN and infinity in a bare slice; its rows are labelled by number.
pub(crate) fn require_finite(name: &str, values: &[f64]) -> Result<()> {
    if all_finite(values) {
        return Ok(());
    }
    let row = values.iter().position(|value| !value.is_finite()).unwrap_or_default();
    Err(Error::NotFinite { symbol: name.to_owned(), row, at: Label::Row(row) })
}

fn check_labels(symbols: Vec<String>, index: &Index, columns: &[Vec<f64>]) -> Result<Vec<String>> {
    if symbols.is_empty() {
        return Err(Error::TooFewSymbols { what: "a panel".into(), needed: 1, found: 0 });
    }
    if symbols.len() != columns.len() {
        let what = "columns, one per symbol".into();
        return Err(Error::ShapeMismatch { what, expected: symbols.len(), found: columns.len() });
    }
    let symbols = unique(symbols)?;
    if index.len() < 2 {
        return Err(Error::too_few_rows("a panel", 2, index.len()));
    }
    for (symbol, column) in symbols.iter().zip(columns) {
        if column.len() != index.len() {
            let what = format!("rows of {symbol}");
            return Err(Error::ShapeMismatch { what, expected: index.len(), found: column.len() });
        }
    }
    index.check()?;
    Ok(symbols)
}

fn unique(symbols: Vec<String>) -> Result<Vec<String>> {
    let mut seen = HashSet::with_capacity(symbols.len());
    for symbol in &symbols {
        if !seen.insert(key(symbol)) {
            return Err(Error::DuplicateSymbol { symbol: symbol.trim().to_owned() });
        }
    }
    Ok(symbols.into_iter().map(|symbol| symbol.trim().to_owned()).collect())
}

fn key(symbol: &str) -> String {
    symbol.trim().to_uppercase()
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn days(days: &[i8]) -> Index {
        Index::Dates(days.iter().map(|&day| date(2024, 3, day)).collect())
    }

    #[test]
    fn names_symbol_and_date_of_the_first_missing_value() {
        let columns = vec![vec![1.0, 2.0, 3.0], vec![1.0, f64::NAN, f64::NAN]];
        let error = Panel::new(vec!["A".into(), "B".into()], days(&[1, 4, 5]), columns).unwrap_err();
        assert_eq!(error, Error::NotFinite { symbol: "B".into(), row: 1, at: Label::Date(date(2024, 3, 4)) });
        assert_eq!(error.to_string(), "B has no finite value at 2024-03-04 (row 1)");
    }

    #[test]
    fn refuses_dates_that_stand_still() {
        let error = Panel::new(vec!["A".into()], days(&[1, 4, 4]), vec![vec![1.0, 2.0, 3.0]]).unwrap_err();
        assert!(matches!(error, Error::NotIncreasing { row: 2, .. }), "{error}");
    }

    #[test]
    fn returns_never_span_a_dropped_row() {
        let columns = vec![vec![1.0, 2.0, f64::NAN, 8.0, 16.0, 32.0]];
        let (panel, dropped) =
            Panel::with_missing(vec!["A".into()], days(&[1, 4, 5, 6, 7, 8]), columns, MissingPolicy::DropRows).unwrap();
        assert_eq!((dropped.rows, dropped.worst()), (1, Some(("A", 1))));
        assert_eq!(panel.gaps(), [2]);
        let returns = crate::returns::simple(&panel).unwrap();
        assert_eq!(returns.column(0), [1.0, 1.0, 1.0]);
        assert_eq!(returns.index(), &days(&[4, 7, 8]));
    }

    #[test]
    fn a_gap_stays_where_it_is_after_slicing() {
        let columns = vec![vec![1.0, 2.0, f64::NAN, 8.0, 16.0, 32.0]];
        let (panel, _) =
            Panel::with_missing(vec!["A".into()], Index::Rows(6), columns, MissingPolicy::DropRows).unwrap();
        assert_eq!(panel.slice(1..5).unwrap().gaps(), [1]);
        assert!(panel.slice(2..5).unwrap().gaps().is_empty());
    }

    #[test]
    fn selecting_keeps_values_with_their_symbol() {
        let panel =
            Panel::new(vec!["B".into(), "A".into()], Index::Rows(2), vec![vec![1.0, 2.0], vec![3.0, 4.0]]).unwrap();
        let turned = panel.select(&["a", "B"]).unwrap();
        assert_eq!(turned.symbols(), ["A", "B"]);
        assert_eq!(turned.column_of("B").unwrap(), [1.0, 2.0]);
    }

    #[test]
    fn dropping_everything_says_who_is_missing() {
        let columns = vec![vec![1.0, 2.0, 3.0], vec![f64::NAN, f64::NAN, 1.0]];
        let error = Panel::with_missing(vec!["A".into(), "B".into()], Index::Rows(3), columns, MissingPolicy::DropRows)
            .unwrap_err();
        assert!(error.to_string().contains("B lacks 2 of 3"), "{error}");
    }

    #[test]
    fn series_on_other_dates_are_not_compared() {
        let a = Series::new("A", days(&[1, 4]), vec![1.0, 2.0]).unwrap();
        let b = Series::new("B", days(&[1, 5]), vec![1.0, 2.0]).unwrap();
        assert!(matches!(a.require_same_rows(&b), Err(Error::IndexMismatch { row: 1, .. })));
    }
}
