//! Bars that were made from finer ones, kept on disk so that the next program need not make them again.
//!
//! A file holds the answer for one security and one request. Its name is a hash of the request, and its head a hash of
//! the request with size and time of every file the answer was made from: any change there makes it worthless. Whatever
//! is odd about a file (cut off, another version, a wrong hash) counts as not there; it is made again.

use crate::history::{Columns, Field, Gap, SymbolHistory, TickerRun};
use crate::pool::Column;
use crate::time::LocalTime;
use cap_std::fs::Dir;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::io::{Read, Write};

/// First bytes of a file; the number changes with the format.
const MAGIC: &[u8; 8] = b"qcbars1\n";
/// Larger answers are not kept.
const MAX_FILE_BYTES: u64 = 512 << 20;
/// All files together; the oldest go first.
const MAX_TOTAL_BYTES: u64 = 2 << 30;

/// What is kept beside the numbers.
#[derive(Debug, Serialize, Deserialize)]
struct Head {
    n_rows: usize,
    fields: Vec<Field>,
    tickers: Vec<TickerRun>,
    gaps: Vec<(Date, Date, usize, bool)>,
    first_real: Option<i64>,
    last_real: Option<i64>,
    absence: Option<String>,
}

/// The names under which an answer is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Key {
    /// Name of the file.
    file: String,
    /// What the head of the file must say.
    state: [u8; 32],
}

impl Key {
    /// `request` says what was asked for, `sources` every file it is answered from and its state.
    pub(crate) fn new(request: &str, sources: &str) -> Key {
        let name = Sha256::digest(request.as_bytes());
        let state = Sha256::digest(format!("{request}\n{sources}").as_bytes());
        let file: String = name.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Key { file: format!("{file}.bars"), state: state.into() }
    }
}

/// The numbers of an answer, without what is cheap to find again.
pub(crate) fn load(dir: &Dir, key: &Key, empty: impl FnOnce() -> SymbolHistory) -> Option<SymbolHistory> {
    let (head, times, columns, marks) = read(dir, key)?;
    let gap = |(first, last, n_days, is_tail)| Gap { first, last, n_days, is_tail };
    Some(SymbolHistory {
        times,
        columns: Columns::new(head.fields.into_iter().zip(columns.into_iter().map(Column::from)).collect()),
        is_filled: marks.iter().map(|mark| mark & 1 != 0).collect(),
        is_short: marks.iter().map(|mark| mark & 2 != 0).collect(),
        tickers: head.tickers,
        gaps: head.gaps.into_iter().map(gap).collect(),
        first_real: head.first_real.map(LocalTime),
        last_real: head.last_real.map(LocalTime),
        absence: head.absence,
        ..empty()
    })
}

/// Head, times, columns, and a byte a row with its marks.
type Parts = (Head, Vec<LocalTime>, Vec<Vec<f64>>, Vec<u8>);

fn read(dir: &Dir, key: &Key) -> Option<Parts> {
    let file = dir.open(&key.file).ok()?;
    let size = file.metadata().ok().filter(|meta| meta.is_file())?.len();
    if MAX_FILE_BYTES < size {
        return None;
    }
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(MAX_FILE_BYTES).read_to_end(&mut bytes).ok()?;
    let rest = bytes.strip_prefix(MAGIC)?.strip_prefix(&key.state)?;
    let (length, rest) = rest.split_at_checked(8)?;
    let length = usize::try_from(u64::from_le_bytes(length.try_into().ok()?)).ok()?;
    let (head, rest) = rest.split_at_checked(length)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let width = head.n_rows.checked_mul(8)?;
    let whole = head.fields.len().checked_add(1)?.checked_mul(width)?.checked_add(head.n_rows)?;
    if rest.len() != whole.checked_add(4)? {
        return None;
    }
    let (body, sum) = rest.split_at_checked(whole)?;
    let summed = bytes.get(..bytes.len() - sum.len())?;
    if crc(summed) != u32::from_le_bytes(sum.try_into().ok()?) {
        return None;
    }
    let mut columns = body.chunks_exact(width.max(1)).take(if width == 0 { 0 } else { head.fields.len() + 1 });
    let eight = |bytes: &[u8]| -> [u8; 8] { bytes.try_into().unwrap_or_default() };
    let times = columns.next().unwrap_or_default().chunks_exact(8);
    let times = times.map(|cell| LocalTime(i64::from_le_bytes(eight(cell)))).collect();
    let mut numbers: Vec<Vec<f64>> =
        columns.map(|column| column.chunks_exact(8).map(|cell| f64::from_le_bytes(eight(cell))).collect()).collect();
    numbers.resize(head.fields.len(), Vec::new());
    let marks = body.get(whole - head.n_rows..)?.to_vec();
    Some((head, times, numbers, marks))
}

/// Keeps an answer. A disk that is full or refuses is no reason to fail: the answer is just not kept.
pub(crate) fn store(dir: &Dir, key: &Key, history: &SymbolHistory) {
    let head = Head {
        n_rows: history.times.len(),
        fields: history.columns.fields(),
        tickers: history.tickers.clone(),
        gaps: history.gaps.iter().map(|gap| (gap.first, gap.last, gap.n_days, gap.is_tail)).collect(),
        first_real: history.first_real.map(|at| at.0),
        last_real: history.last_real.map(|at| at.0),
        absence: history.absence.clone(),
    };
    let Ok(head) = serde_json::to_vec(&head) else { return };
    let mut body = Vec::with_capacity(history.times.len() * (9 + 8 * history.columns.fields().len()));
    history.times.iter().for_each(|at| body.extend_from_slice(&at.0.to_le_bytes()));
    for (_, column) in history.columns.iter() {
        column.iter().for_each(|cell| body.extend_from_slice(&cell.to_le_bytes()));
    }
    let short = |row: usize| history.is_short.get(row).copied().unwrap_or(false);
    body.extend(
        history.is_filled.iter().enumerate().map(|(row, filled)| u8::from(*filled) | u8::from(short(row)) << 1),
    );
    let mut bytes = Vec::with_capacity(body.len() + head.len() + 64);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&key.state);
    bytes.extend_from_slice(&(head.len() as u64).to_le_bytes());
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&body);
    let sum = crc(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    if MAX_FILE_BYTES < bytes.len() as u64 {
        return;
    }
    make_room(dir, bytes.len() as u64);
    // Written beside and then renamed, so that nobody ever reads half a file.
    let beside = format!("{}.{}.new", key.file, std::process::id());
    let written = dir.create(&beside).and_then(|mut file| file.write_all(&bytes));
    if written.and_then(|()| dir.rename(&beside, dir, &key.file)).is_err() {
        drop(dir.remove_file(&beside));
    }
}

/// Removes the oldest answers until `bytes` more fit.
fn make_room(dir: &Dir, bytes: u64) {
    let Ok(entries) = dir.entries() else { return };
    let mut files: Vec<(std::time::SystemTime, u64, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok().filter(|name| name.ends_with(".bars"))?;
            let meta = entry.metadata().ok()?;
            Some((meta.modified().ok()?.into_std(), meta.len(), name))
        })
        .collect();
    let mut total: u64 = files.iter().map(|(_, size, _)| size).sum::<u64>() + bytes;
    if total <= MAX_TOTAL_BYTES {
        return;
    }
    files.sort();
    for (_, size, name) in files {
        if total <= MAX_TOTAL_BYTES {
            return;
        }
        if dir.remove_file(&name).is_ok() {
            total -= size;
        }
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}
