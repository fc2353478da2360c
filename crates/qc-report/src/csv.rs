//! Tables as CSV that spreadsheets open without surprises.
//!
//! Comma separated, one header line, lines end with `\n`, fields quoted as RFC 4180 says. Numbers stay numbers: the
//! shortest decimal form that reads back as the same `f64`, never an apostrophe before a minus sign. Text that came
//! from elsewhere (a symbol in a user's file, a tag, a column name) may look like a formula; if its first character
//! is `=`, `+`, `-`, `@`, a tab or a carriage return, a leading apostrophe keeps spreadsheets from running it.
//!
//! Formatting for people (rounding, percent signs) is left to others: this file is for programs and spreadsheets.

use std::{fmt, io};

use crate::{Error, Result};

/// One field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell<'a> {
    /// A number; an infinite one or NaN is written as an empty field.
    Number(f64),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Flag(bool),
    /// Text made by this program (a date, a column name of ours): quoted if needed, otherwise as it is.
    Text(&'a str),
    /// Text made by somebody else: as [`Cell::Text`], but never a formula.
    Foreign(&'a str),
    /// No value: an empty field.
    Missing,
}

/// A table being written, kept as its finished text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    n_columns: usize,
    n_rows: usize,
    text: String,
}

impl Table {
    /// A table with these column names and no rows. Column names count as foreign text: many come from files.
    pub fn new<'a>(columns: impl IntoIterator<Item = &'a str>) -> Self {
        let mut table = Table { n_columns: 0, n_rows: 0, text: String::new() };
        for name in columns {
            if 0 < table.n_columns {
                table.text.push(',');
            }
            write_cell(&mut table.text, Cell::Foreign(name));
            table.n_columns += 1;
        }
        table.text.push('\n');
        table
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`Error::Width`] if the number of cells differs from the number of columns; the table is unchanged then.
    pub fn row<'a>(&mut self, cells: impl IntoIterator<Item = Cell<'a>>) -> Result<()> {
        let start = self.text.len();
        let mut found = 0;
        for cell in cells {
            if 0 < found {
                self.text.push(',');
            }
            write_cell(&mut self.text, cell);
            found += 1;
        }
        if found != self.n_columns {
            self.text.truncate(start);
            return Err(Error::Width { row: self.n_rows, found, needed: self.n_columns });
        }
        self.text.push('\n');
        self.n_rows += 1;
        Ok(())
    }

    /// Rows so far, the header not counted.
    pub fn n_rows(&self) -> usize {
        self.n_rows
    }

    /// Columns of the table.
    pub fn n_columns(&self) -> usize {
        self.n_columns
    }

    /// The whole file as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole file as text, without a copy.
    pub fn into_string(self) -> String {
        self.text
    }

    /// Writes the whole file.
    ///
    /// # Errors
    /// [`Error::Io`] if `out` fails.
    pub fn write_to(&self, out: &mut impl io::Write) -> Result<()> {
        out.write_all(self.text.as_bytes())?;
        out.flush()?;
        Ok(())
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn write_cell(out: &mut String, cell: Cell<'_>) {
    use fmt::Write as _;
    // Writing to a String cannot fail.
    let _ = match cell {
        Cell::Number(x) if !x.is_finite() => Ok(()),
        Cell::Number(x) => write_number(out, x),
        Cell::Integer(x) => write!(out, "{x}"),
        Cell::Flag(x) => write!(out, "{x}"),
        Cell::Text(text) => {
            write_text(out, text, false);
            Ok(())
        }
        Cell::Foreign(text) => {
            write_text(out, text, text.starts_with(['=', '+', '-', '@', '\t', '\r']));
            Ok(())
        }
        Cell::Missing => Ok(()),
    };
}

/// Shortest digits that read back as `x`; an exponent only where plain digits would be long.
fn write_number(out: &mut String, x: f64) -> fmt::Result {
    use fmt::Write as _;
    const SMALL: f64 = 1e-5;
    const LARGE: f64 = 1e15;
    let size = x.abs();
    if x == 0.0 || (SMALL..LARGE).contains(&size) { write!(out, "{x}") } else { write!(out, "{x:e}") }
}

fn write_text(out: &mut String, text: &str, guard: bool) {
    let quoted = text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ');
    if quoted {
        out.push('"');
    }
    if guard {
        out.push('\'');
    }
    for c in text.chars() {
        if c == '"' {
            out.push('"');
        }
        out.push(c);
    }
    if quoted {
        out.push('"');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(cell: Cell<'_>) -> String {
        let mut out = String::new();
        write_cell(&mut out, cell);
        out
    }

    #[test]
    fn foreign_text_never_becomes_a_formula() {
        for (text, written) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@sum", "'@sum"),
            ("\tx", "'\tx"),
            ("\rx", "\"'\rx\""),
            ("=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""),
            ("BRK.B", "BRK.B"),
        ] {
            assert_eq!(cell(Cell::Foreign(text)), written);
        }
    }

    #[test]
    fn column_names_are_foreign_too() {
        assert_eq!(Table::new(["date", "=cmd()"]).to_string(), "date,'=cmd()\n");
    }

    #[test]
    fn numbers_stay_numbers_and_read_back_exactly() {
        assert_eq!(cell(Cell::Number(-0.25)), "-0.25");
        assert_eq!(cell(Cell::Number(0.0)), "0");
        for x in [1.0, -1.5, 0.1, 1.0 / 3.0, 1e-300, 1.7976931348623157e308, 123_456_789.123_456_78, 5e-324] {
            let text = cell(Cell::Number(x));
            assert_eq!(text.parse::<f64>().unwrap().to_bits(), x.to_bits(), "{text}");
            assert!(text.len() < 30, "{text}");
        }
        assert_eq!(cell(Cell::Integer(-7)), "-7");
    }

    #[test]
    fn what_is_not_a_number_is_an_empty_field() {
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(cell(Cell::Number(x)), "");
        }
        assert_eq!(cell(Cell::Missing), "");
    }

    #[test]
    fn commas_quotes_and_line_breaks_are_quoted() {
        assert_eq!(cell(Cell::Text("a,b")), "\"a,b\"");
        assert_eq!(cell(Cell::Text("say \"x\"")), "\"say \"\"x\"\"\"");
        assert_eq!(cell(Cell::Foreign("two\nlines")), "\"two\nlines\"");
    }

    #[test]
    fn a_row_of_another_width_is_refused_and_leaves_no_trace() {
        let mut table = Table::new(["a", "b"]);
        let error = table.row([Cell::Integer(1)]).unwrap_err();
        assert_eq!(error.to_string(), "row 0 has 1 cells, the table has 2 columns");
        table.row([Cell::Integer(1), Cell::Flag(true)]).unwrap();
        assert_eq!((table.as_str(), table.n_rows(), table.n_columns()), ("a,b\n1,true\n", 1, 2));
    }
}
