//! Tables as answers: a summary, some facts, the rows asked for, and all rows behind a link or in a file.
//!
//! Names that come from files are cells made by `reply::ticker`, so they are foreign wherever they stand.

use qc_report::csv::{Cell, Table};
use serde_json::{Map, Value, json};

use crate::{
    error::{Kind, ToolError, Topic},
    reply,
};

/// Rows an answer shows unless the caller asked for another number.
pub(crate) const DEFAULT_LIMIT: usize = 20;

/// Most rows one answer shows; the rest is in the resource or the file.
pub(crate) const MAX_LIMIT: usize = 2000;

/// Cells (rows times columns) up to which a whole table is kept as a resource.
const MAX_KEPT_CELLS: usize = 1_000_000;

/// A table and what is said about it.
#[derive(Debug, Clone)]
pub(crate) struct Sheet {
    /// Two lines at most: our own words and numbers.
    pub(crate) summary: String,
    /// Members of the answer that stand before the table.
    pub(crate) facts: Value,
    /// What the table is called.
    pub(crate) name: &'static str,
    /// Names of its columns.
    pub(crate) columns: Vec<Value>,
    /// Its rows, each as wide as `columns`.
    pub(crate) rows: Vec<Vec<Value>>,
    /// Rows to show.
    pub(crate) limit: usize,
    /// Whether the last rows are shown, not the first ones.
    pub(crate) shows_last: bool,
    /// What the reader should not overlook.
    pub(crate) warnings: Vec<String>,
    /// Where the rows come from.
    pub(crate) provenance: Value,
    /// What to call next.
    pub(crate) next: Option<&'static str>,
}

impl Sheet {
    /// The rows that the answer shows.
    pub(crate) fn shown(&self) -> Value {
        let n = self.rows.len();
        let from = if self.shows_last { n.saturating_sub(self.limit) } else { 0 };
        let to = (from + self.limit).min(n);
        json!({"columns": self.columns, "rows": self.rows.get(from..to).unwrap_or_default()})
    }

    /// Whether rows are left out of the answer.
    pub(crate) fn is_cut(&self) -> bool {
        self.limit < self.rows.len()
    }

    /// Whether the whole table is small enough to be kept as a resource.
    pub(crate) fn can_be_kept(&self) -> bool {
        self.rows.len().saturating_mul(self.columns.len()) <= MAX_KEPT_CELLS
    }

    /// Everything, for the kept result.
    pub(crate) fn full(&self) -> Value {
        let mut all = match &self.facts {
            Value::Object(facts) => facts.clone(),
            _ => Map::new(),
        };
        all.insert(self.name.to_owned(), json!({"columns": self.columns, "rows": self.rows}));
        Value::Object(all)
    }

    /// All rows as CSV.
    ///
    /// # Errors
    /// Never in practice: every row has every column.
    pub(crate) fn csv(&self) -> Result<Table, ToolError> {
        let names: Vec<String> = self.columns.iter().map(reply::plain_text).collect();
        let mut table = Table::new(names.iter().map(String::as_str));
        for row in &self.rows {
            let texts: Vec<String> = row.iter().map(reply::plain_text).collect();
            let cells = row.iter().zip(&texts).map(|(value, text)| match value {
                Value::Null => Cell::Missing,
                Value::Bool(flag) => Cell::Flag(*flag),
                Value::Number(number) => match number.as_i64() {
                    Some(whole) => Cell::Integer(whole),
                    None => Cell::Number(number.as_f64().unwrap_or(f64::NAN)),
                },
                _ => Cell::Foreign(text),
            });
            table.row(cells).map_err(|error| ToolError::new(Kind::Internal, Topic::General, error.to_string()))?;
        }
        Ok(table)
    }
}

/// Rows to show: the caller's number, else the usual one.
///
/// # Errors
/// [`Kind::InvalidArgument`] for none at all or too many.
pub(crate) fn limit(given: Option<i64>) -> Result<usize, ToolError> {
    match given {
        None => Ok(DEFAULT_LIMIT),
        Some(limit) if (1..=MAX_LIMIT as i64).contains(&limit) => Ok(limit as usize),
        Some(limit) => Err(ToolError::argument(format!("limit must lie between 1 and {MAX_LIMIT}, found {limit}"))),
    }
}

/// A finite number, else null: JSON has no NaN.
pub(crate) fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}
