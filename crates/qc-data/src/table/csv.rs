//! CSV as people have it: quotes after RFC 4180, comma, semicolon, tab or bar as separator, with or without BOM.

use super::{MAX_CELLS, MAX_COLUMNS, RawCells, RawColumn, RawTable};
use crate::error::{Error, Result};

/// Separators that are looked for, the likeliest first.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Longest text of one cell.
const MAX_CELL_BYTES: usize = 4_096;

/// Reads all cells as text. The first line that is not empty is the header, unless one is declared.
pub(crate) fn read(name: &str, bytes: &[u8], declared: &[String]) -> Result<RawTable> {
    let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not UTF-8 text"))?;
    let mut lines = Lines { text, at: 0, line: 1 };
    let separator = separator(text).ok_or_else(|| damaged("its first line has no separator"))?;
    let header = match declared {
        [] => lines.next(name, separator)?.ok_or_else(|| damaged("it has no header"))?.1,
        declared => declared.to_vec(),
    };
    if MAX_COLUMNS < header.len() {
        let found = header.len() as u64;
        return Err(Error::TooMany { what: "columns of a table", limit: MAX_COLUMNS as u64, found });
    }
    let n_columns = header.len();
    let mut starts: Vec<u32> = Vec::new();
    let mut columns: Vec<Vec<String>> = vec![Vec::new(); n_columns];
    let mut n_cells = 0_u64;
    while let Some((line, cells)) = lines.next(name, separator)? {
        if cells.len() != n_columns {
            // A separator at the end of every line is common; a row of another length is damage.
            let trailing = cells.len() == n_columns + 1 && cells.last().is_some_and(String::is_empty);
            if !trailing {
                let column = cells.len().min(n_columns) + 1;
                let expected =
                    if cells.len() < n_columns { "as many cells as the header has" } else { "the end of the line" };
                return Err(Error::Cell { file: name.to_owned(), line, column, expected });
            }
        }
        starts.push(u32::try_from(line).unwrap_or(u32::MAX));
        n_cells += n_columns as u64;
        if MAX_CELLS < n_cells {
            return Err(Error::TooMany { what: "cells of a table", limit: MAX_CELLS, found: n_cells });
        }
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.push(cell);
        }
    }
    let columns = header.into_iter().zip(columns);
    let columns = columns.map(|(name, cells)| RawColumn { name, cells: RawCells::Text(cells) }).collect();
    Ok(RawTable { columns, lines: starts, separator: Some(char::from(separator)) })
}

/// The separator that the header has most of.
fn separator(text: &str) -> Option<u8> {
    let header = text.lines().find(|line| !line.trim().is_empty())?;
    let count = |separator: u8| header.bytes().filter(|byte| *byte == separator).count();
    let best = SEPARATORS.into_iter().rev().max_by_key(|separator| count(*separator))?;
    (0 < count(best)).then_some(best)
}

/// A cursor over lines that knows quotes.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    /// The cells of the next line that is not empty, with its number.
    fn next(&mut self, name: &str, separator: u8) -> Result<Option<(usize, Vec<String>)>> {
        loop {
            if self.text.len() <= self.at {
                return Ok(None);
            }
            let line = self.line;
            let cells = self.cells(name, separator)?;
            let blank = cells.len() < 2 && cells.iter().all(|cell| cell.trim().is_empty());
            if !blank {
                return Ok(Some((line, cells)));
            }
        }
    }

    fn cells(&mut self, name: &str, separator: u8) -> Result<Vec<String>> {
        let bytes = self.text.as_bytes();
        let (mut cells, line) = (Vec::new(), self.line);
        let error = |column, expected| Err(Error::Cell { file: name.to_owned(), line, column, expected });
        loop {
            let column = cells.len() + 1;
            let mut cell = String::new();
            if bytes.get(self.at) == Some(&b'"') {
                self.at += 1;
                loop {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let Some(quote) = rest.find('"') else { return error(column, "a closing quote") };
                    let part = rest.get(..quote).unwrap_or_default();
                    self.line += part.matches('\n').count();
                    cell.push_str(part);
                    self.at += quote + 1;
                    if MAX_CELL_BYTES < cell.len() {
                        return error(column, "a cell of at most 4096 bytes");
                    }
                    if bytes.get(self.at) != Some(&b'"') {
                        break;
                    }
                    cell.push('"');
                    self.at += 1;
                }
                if bytes.get(self.at).is_some_and(|byte| *byte != separator && *byte != b'\n' && *byte != b'\r') {
                    return error(column, "a separator after the closing quote");
                }
            } else {
                let rest = bytes.get(self.at..).unwrap_or_default();
                let end = rest.iter().position(|byte| *byte == separator || *byte == b'\n').unwrap_or(rest.len());
                if MAX_CELL_BYTES < end {
                    return error(column, "a cell of at most 4096 bytes");
                }
                cell.push_str(self.text.get(self.at..self.at + end).unwrap_or_default().trim());
                self.at += end;
            }
            cells.push(cell);
            if bytes.get(self.at) == Some(&b'\r') {
                self.at += 1;
            }
            match bytes.get(self.at) {
                Some(byte) if *byte == separator => self.at += 1,
                Some(b'\n') => {
                    (self.at, self.line) = (self.at + 1, self.line + 1);
                    return Ok(cells);
                }
                None => return Ok(cells),
                // A carriage return alone within a line.
                Some(_) => return error(column, "a separator"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str) -> Vec<Vec<String>> {
        let table = read("t.csv", text.as_bytes(), &[]).unwrap();
        table
            .columns
            .into_iter()
            .map(|column| match column.cells {
                RawCells::Text(cells) => [vec![column.name], cells].concat(),
                _ => Vec::new(),
            })
            .collect()
    }

    #[test]
    fn quotes_separators_and_line_ends() {
        assert_eq!(cells("a,b\r\n1,\"x, \"\"y\"\"\"\r\n"), [["a", "1"], ["b", "x, \"y\""]]);
        assert_eq!(cells("\u{feff}a;b\n1,5;2\n\n"), [["a", "1,5"], ["b", "2"]]);
        assert_eq!(cells("a\tb\n1\t2"), [["a", "1"], ["b", "2"]]);
    }

    #[test]
    fn ragged_and_open_ended_rows_are_named() {
        let error = |text: &str| read("t.csv", text.as_bytes(), &[]).unwrap_err();
        assert!(matches!(error("a,b\n1,2\n3\n"), Error::Cell { line: 3, column: 2, .. }));
        assert!(matches!(error("a,b\n1,2,3\n"), Error::Cell { line: 2, column: 3, .. }));
        assert!(matches!(error("a,b\n1,\"2\n"), Error::Cell { line: 2, column: 2, .. }));
        assert!(matches!(error(""), Error::Damaged { .. }));
        assert!(matches!(read("t.csv", &[0xff, 0xfe], &[]).unwrap_err(), Error::Damaged { .. }));
    }
}
