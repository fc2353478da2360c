//! A tear sheet: what an account did, on a page or two that can be sent to somebody.
//!
//! The same content as HTML (one file, no script, nothing loaded from anywhere, light and dark, for screens and print), as
//! PDF, as PNG of its first page and as CSV. Pages of the PDF are SVG, made of the same pictures that answers show.
//!
//! ```
//! use qc_report::tear_sheet::{Figure, TearSheet, Value};
//!
//! let sheet = TearSheet {
//!     title: "Sixty forty".into(),
//!     figures: vec![Figure::new("Sharpe ratio", Value::Ratio(0.84))],
//!     ..TearSheet::default()
//! };
//! assert!(sheet.html()?.contains("<td>0.84</td>"));
//! assert!(sheet.pdf()?.starts_with(b"%PDF"));
//! assert_eq!(sheet.csv()?.to_string(), "section,row,column,value\nfigures,Sharpe ratio,value,0.84\n");
//! # Ok::<(), qc_report::Error>(())
//! ```

mod html;
mod pages;
mod pdf;

use crate::{
    chart::{Chart, Picture},
    csv::{Cell, Table},
    error::Result,
};

/// One figure as it is written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A fraction, shown as percent.
    Percent(f64),
    /// A plain number with two decimals.
    Ratio(f64),
    /// An amount of the account's currency.
    Money(f64),
    /// A whole number.
    Count(u64),
    /// A word or a date.
    Text(String),
    /// Not defined for this account.
    Missing,
}

impl Value {
    /// As people read it, with a real minus sign.
    pub fn shown(&self) -> String {
        let text = match self {
            Value::Percent(value) if value.is_finite() => format!("{:.2} %", 100.0 * value),
            Value::Ratio(value) if value.is_finite() => format!("{value:.2}"),
            Value::Money(value) if value.is_finite() => crate::chart::grouped(&format!("{value:.2}")),
            Value::Count(value) => crate::chart::grouped(&value.to_string()),
            Value::Text(text) => return text.clone(),
            _ => return "–".to_owned(),
        };
        let is_zero = text.starts_with('-') && text.chars().all(|c| !c.is_ascii_digit() || c == '0');
        if is_zero { text.replace('-', "") } else { text.replace('-', "−") }
    }

    /// As a program reads it.
    fn cell(&self) -> Cell<'_> {
        match self {
            Value::Percent(value) | Value::Ratio(value) | Value::Money(value) => Cell::Number(*value),
            Value::Count(value) => i64::try_from(*value).map_or(Cell::Missing, Cell::Integer),
            Value::Text(text) => Cell::Foreign(text),
            Value::Missing => Cell::Missing,
        }
    }
}

/// A named figure, and the same of the benchmark.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// What it is called.
    pub name: String,
    /// Of the account.
    pub value: Value,
    /// Of the benchmark, if there is one.
    pub beside: Option<Value>,
}

impl Figure {
    /// A figure without a benchmark's.
    pub fn new(name: impl Into<String>, value: Value) -> Self {
        Figure { name: name.into(), value, beside: None }
    }
}

/// A table of the sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Listing {
    /// What it lists.
    pub title: String,
    /// Names of its columns; the first names the rows.
    pub columns: Vec<String>,
    /// Its rows, each as long as the columns.
    pub rows: Vec<Vec<Value>>,
}

/// Everything a tear sheet says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TearSheet {
    /// First line.
    pub title: String,
    /// Second line: dates, data, currency.
    pub subtitle: String,
    /// What a reader must know before anything else: in-sample, synthetic, still running.
    pub notices: Vec<String>,
    /// Name of the benchmark, if there is one.
    pub benchmark: Option<String>,
    /// Figures; the first six stand large at the top.
    pub figures: Vec<Figure>,
    /// Pictures in their order.
    pub pictures: Vec<Picture>,
    /// Tables below them.
    pub tables: Vec<Listing>,
    /// Last lines: how figures are defined, where the data comes from, what made the sheet.
    pub footer: Vec<String>,
}

impl TearSheet {
    /// One HTML file.
    ///
    /// # Errors
    /// Those of a picture.
    pub fn html(&self) -> Result<String> {
        html::render(self)
    }

    /// The pages as pictures, 960 wide, in the proportions of A4.
    ///
    /// # Errors
    /// Those of a picture.
    pub fn pages(&self) -> Result<Vec<Chart>> {
        pages::layout(self)
    }

    /// A4 pages with text that can be searched.
    ///
    /// # Errors
    /// Those of a picture; [`Error::Picture`](crate::Error::Picture) if the writer refuses a page.
    pub fn pdf(&self) -> Result<Vec<u8>> {
        pdf::render(&self.title, &self.pages()?)
    }

    /// Every figure, table and curve as rows of `section,row,column,value`.
    ///
    /// # Errors
    /// None in practice; those of a table.
    pub fn csv(&self) -> Result<Table> {
        let mut table = Table::new(["section", "row", "column", "value"]);
        for figure in &self.figures {
            table.row([
                Cell::Text("figures"),
                Cell::Foreign(&figure.name),
                Cell::Text("value"),
                figure.value.cell(),
            ])?;
            if let (Some(name), Some(beside)) = (&self.benchmark, &figure.beside) {
                table.row([Cell::Text("figures"), Cell::Foreign(&figure.name), Cell::Foreign(name), beside.cell()])?;
            }
        }
        for listing in &self.tables {
            for (n, row) in listing.rows.iter().enumerate() {
                let name = match row.first() {
                    Some(first) => first.shown(),
                    None => (n + 1).to_string(),
                };
                for (column, value) in listing.columns.iter().zip(row).skip(1) {
                    table.row([
                        Cell::Foreign(&listing.title),
                        Cell::Foreign(&name),
                        Cell::Foreign(column),
                        value.cell(),
                    ])?;
                }
            }
        }
        for picture in &self.pictures {
            match picture {
                Picture::Line(line) => {
                    for (pane, trace) in
                        line.panes.iter().flat_map(|pane| pane.traces.iter().map(move |trace| (pane, trace)))
                    {
                        let column = format!("{}: {}", pane.y_label, trace.name);
                        for (label, value) in line.labels.iter().zip(&trace.values) {
                            let value = value.map_or(Cell::Missing, Cell::Number);
                            table.row([
                                Cell::Foreign(&line.title),
                                Cell::Text(label),
                                Cell::Foreign(&column),
                                value,
                            ])?;
                        }
                    }
                }
                Picture::Months(months) => {
                    for year in &months.years {
                        for (month, value) in (1..).zip(&year.months) {
                            let Some(value) = value else { continue };
                            let row = format!("{}-{month:02}", year.year);
                            table.row([
                                Cell::Foreign(&months.title),
                                Cell::Text(&row),
                                Cell::Text("return"),
                                Cell::Number(*value),
                            ])?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(table)
    }
}
