//! Small text files of rows, read with a place for every error and kept until they change.

use crate::bars::Cells;
use crate::error::{Error, Result};
use crate::folder::DataFolder;
use std::sync::Arc;

/// Reads a file of rows, from memory if it was read before; `None` when there is no such file.
pub(crate) fn read<T: Send + Sync + 'static>(
    folder: &DataFolder,
    path: &str,
    parse: fn(&str, &str) -> Result<Vec<T>>,
) -> Result<Option<Arc<Vec<T>>>> {
    let Some(stamp) = folder.stamp(path)? else { return Ok(None) };
    if let Some(known) = folder.cache().get::<Vec<T>>(path, stamp) {
        return Ok(Some(known));
    }
    let Some(text) = folder.read_text(path)? else { return Ok(None) };
    let rows = Arc::new(parse(path, &text)?);
    let bytes = rows.len() * (size_of::<T>() + 64);
    folder.cache().put(path.to_owned(), stamp, rows.clone(), bytes);
    Ok(Some(rows))
}

/// The next cell as text of printable ASCII; `None` if it is empty or something else.
pub(crate) fn word(cells: &mut Cells<'_>) -> Option<String> {
    let cell = cells.raw().trim_ascii();
    let fits =
        !cell.is_empty() && cell.len() <= 400 && cell.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ');
    fits.then(|| String::from_utf8_lossy(cell).into_owned())
}

/// The next cell as a number in any notation (`5e-05`), `None` if it is empty: for files that are not prices.
pub(crate) fn figure(cells: &mut Cells<'_>) -> Result<Option<f64>, &'static str> {
    let cell = std::str::from_utf8(cells.raw().trim_ascii()).map_err(|_| "a number")?;
    if cell.is_empty() {
        return Ok(None);
    }
    cell.parse::<f64>().ok().filter(|value| value.is_finite()).map(Some).ok_or("a number")
}

/// Reads every line with `row`; an error says line and column.
pub(crate) fn parse_lines<T>(
    path: &str,
    text: &str,
    mut row: impl FnMut(&mut Cells<'_>) -> Result<T, &'static str>,
) -> Result<Vec<T>> {
    let mut cells = Cells::new(text.as_bytes());
    let mut rows = Vec::new();
    while cells.next_line() {
        let parsed = row(&mut cells);
        let (line, column) = (cells.line(), cells.column());
        rows.push(parsed.map_err(|expected| Error::Cell { file: path.to_owned(), line, column, expected })?);
    }
    Ok(rows)
}

/// The text without the lines that `is_comment` names, each left empty so that line numbers stay.
pub(crate) fn without(text: &str, mut is_comment: impl FnMut(usize, &str) -> bool) -> String {
    let lines: Vec<&str> =
        text.lines().enumerate().map(|(index, line)| if is_comment(index, line) { "" } else { line }).collect();
    lines.join("\n")
}
