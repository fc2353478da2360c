//! Long files are read while they are unpacked: one thread unpacks, the others read what is there already.

use super::{BadCell, BarFile, Cells, Format, most_rows, n_lines};
use crate::error::Result;
use crate::folder::Packed;
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// What is read at a time, in bytes: it stays near the processor from unpacking to reading.
const PART: usize = 256 << 10;

/// Lines of a file that were read together.
struct Part {
    index: usize,
    n_lines: usize,
    read: Result<BarFile, BadCell>,
}

impl BarFile {
    /// Unpacks a file and reads all of its lines.
    ///
    /// # Errors
    /// A damaged zip; inside, the first cell that is not what belongs there.
    pub(crate) fn unpack(packed: Packed<'_>, format: Format) -> Result<Result<BarFile, BadCell>> {
        let is_long = 2 * PART as u64 <= packed.size();
        if !is_long || !format.shared || rayon::current_num_threads() < 2 {
            return packed.text().map(|text| BarFile::parse(text, format));
        }
        let (parts, idle) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
        let unpacked = rayon::scope(|scope| {
            let mut indices = 0..;
            let mut take = |text: Vec<u8>| {
                let (index, parts, idle) = (indices.next().unwrap_or(usize::MAX), &parts, &idle);
                scope.spawn(move |_| {
                    push(parts, part(index, &text, format));
                    push(idle, text);
                });
                idle.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default()
            };
            packed.in_parts(PART, &mut take)
        });
        unpacked.map(|()| joined(parts.into_inner().unwrap_or_else(PoisonError::into_inner), format))
    }
}

fn push<T>(list: &Mutex<Vec<T>>, one: T) {
    list.lock().unwrap_or_else(PoisonError::into_inner).push(one);
}

fn part(index: usize, text: &[u8], format: Format) -> Part {
    let n_lines = n_lines(text);
    let cells = if index == 0 { Cells::new(text) } else { Cells::behind(text) };
    Part { index, n_lines, read: BarFile::parse_lines(cells, format, most_rows(text, n_lines, format)) }
}

/// The parts in their order as one file; of several bad cells the first.
fn joined(mut parts: Vec<Part>, format: Format) -> Result<BarFile, BadCell> {
    parts.sort_unstable_by_key(|part| part.index);
    let mut files = Vec::with_capacity(parts.len());
    let mut n_before = 0;
    for part in parts {
        files.push(part.read.map_err(|bad| BadCell { line: n_before + bad.line, ..bad })?);
        n_before += part.n_lines;
    }
    let n_rows = files.iter().map(|file| file.times.len()).sum();
    let times = || {
        let mut times = Vec::with_capacity(n_rows);
        files.iter().for_each(|file| times.extend_from_slice(&file.times));
        let ascending = files.iter().all(|file| file.ascending) && times.is_sorted_by(|a, b| a < b);
        (times, ascending)
    };
    let column = |index: usize| {
        let mut column = Vec::with_capacity(n_rows);
        files.iter().filter_map(|file| file.columns.get(index)).for_each(|cells| column.extend_from_slice(cells));
        column
    };
    let columns = || (0..format.kind.n_columns()).into_par_iter().with_max_len(1).map(column).collect();
    let ((times, ascending), columns) = rayon::join(times, columns);
    Ok(BarFile { times, columns, ascending })
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;

    const FORMAT: Format = Format { kind: Kind::Trade, scaled: true, day: None, shared: true };

    /// As `BarFile::unpack`, from text cut behind every `n`th line.
    fn in_parts(text: &str, n: usize) -> Result<BarFile, BadCell> {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut parts: Vec<Part> =
            lines.chunks(n).enumerate().map(|(index, lines)| part(index, lines.concat().as_bytes(), FORMAT)).collect();
        parts.reverse();
        joined(parts, FORMAT)
    }

    #[test]
    fn long_files_are_read_in_parts_as_in_one() {
        let line = |n: usize| format!("20140602 {:02}:{:02},{n},2,3,4,{n}\r\n", n / 60 % 24, n % 60);
        let text: String = (0..6_000).map(|n| if n % 1_000 == 7 { "\n".to_owned() } else { line(n) }).collect();
        let whole = BarFile::parse(text.as_bytes(), FORMAT).unwrap();
        assert_eq!((whole.times.len(), whole.ascending), (5_994, false), "days repeat");
        for n in [1, 7, 1_000, 5_999, 10_000] {
            assert_eq!(in_parts(&text, n).unwrap(), whole, "{n} lines at a time");
        }
        let first_day: String = text.split_inclusive('\n').take(1_440).collect();
        assert!(in_parts(&first_day, 100).unwrap().ascending);
        // Of two bad cells the first one is told, with its line in the whole file.
        let at = text.match_indices('\n').nth(4_998).unwrap().0 + 1;
        let bad = format!("{}x{}x", &text[..at], &text[at..]);
        for n in [1, 777, 10_000] {
            let error = in_parts(&bad, n).unwrap_err();
            assert_eq!((error.line, error.column), (5_000, 1), "{n} lines at a time");
        }
        // A mark of the byte order belongs to the beginning of a file only.
        let marked = format!("\u{feff}{text}");
        assert_eq!(in_parts(&marked, 100).unwrap(), whole);
        let misplaced = format!("{}\u{feff}{}", &text[..at], &text[at..]);
        assert_eq!(in_parts(&misplaced, 100).unwrap_err(), BarFile::parse(misplaced.as_bytes(), FORMAT).unwrap_err());
    }
}
