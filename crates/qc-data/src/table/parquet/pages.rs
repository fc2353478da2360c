//! The pages of a Parquet column: their heads, their packing, and the cells in them.

use super::thrift::{self, Value, varint};
use super::{Meaning, Physical};
use crate::error::{Error, Result};
use std::io::Read;

/// What all pages of a file may unpack to, in bytes.
const MAX_UNPACKED: u64 = 1 << 30;
/// A file beyond 16 megabytes unpacked may not hold more than this many times its size.
const MAX_RATIO: u64 = 100;
/// What all cells of a file may take, in bytes: a dictionary or a run says a cell once and means it a million times.
const MAX_ROOM: u64 = 1 << 30;
/// Cells beyond 64 megabytes may not take more than this many times the size of the file. A price that changes takes a byte
/// in the best packing and eight in memory.
const MAX_ROOM_RATIO: u64 = 200;
/// What a text takes beside its bytes and its place in the column.
const TEXT_OVERHEAD: usize = 16;
/// Longest head of a page. Statistics in it may hold two cells.
const MAX_HEAD: usize = 64 << 10;
/// Stands for a time that is missing, as in pandas.
pub(super) const MISSING_TIME: i64 = i64::MIN;
/// Longest text of one cell.
const MAX_CELL: usize = 4_096;
/// The day 1970-01-01 in the count of Julian days.
const JULIAN_1970: i64 = 2_440_588;

/// What may still be unpacked, and how much room cells may still take.
#[derive(Debug)]
pub(super) struct Room {
    limit: u64,
    taken: u64,
    cell_limit: u64,
    cells: u64,
}

impl Room {
    pub(super) fn new(file_bytes: usize) -> Room {
        let times = |ratio: u64| (file_bytes as u64).saturating_mul(ratio);
        let limit = MAX_UNPACKED.min(times(MAX_RATIO).max(16 << 20));
        let cell_limit = MAX_ROOM.min(times(MAX_ROOM_RATIO).max(64 << 20));
        Room { limit, taken: 0, cell_limit, cells: 0 }
    }

    fn take(&mut self, name: &str, bytes: usize) -> Result<()> {
        self.taken = self.taken.saturating_add(bytes as u64);
        if self.limit < self.taken {
            return Err(Error::TooLarge { file: name.to_owned(), limit: self.limit, found: self.taken });
        }
        Ok(())
    }

    /// Takes the room of so many cells without their texts.
    fn take_cells(&mut self, name: &str, count: usize, each: usize) -> Result<()> {
        self.cells = self.cells.saturating_add((count as u64).saturating_mul(each as u64));
        if self.cell_limit < self.cells {
            let file = format!("{name} (its cells)");
            return Err(Error::TooLarge { file, limit: self.cell_limit, found: self.cells });
        }
        Ok(())
    }

    /// Takes the room of a text.
    fn take_text(&mut self, name: &str, bytes: usize) -> Result<()> {
        if bytes == 0 { Ok(()) } else { self.take_cells(name, 1, bytes + TEXT_OVERHEAD) }
    }
}

/// The cells of a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cells {
    Numbers(Vec<f64>),
    /// As the file counts them; [`MISSING_TIME`] where there is none.
    Times(Vec<i64>),
    Texts(Vec<String>),
}

impl Cells {
    /// No cells yet: room is made when they come, the number of rows is only what the file says.
    pub(super) fn new(meaning: Meaning) -> Cells {
        match meaning {
            Meaning::Text => Cells::Texts(Vec::new()),
            Meaning::Day | Meaning::Moment { .. } => Cells::Times(Vec::new()),
            Meaning::Number | Meaning::OfDay => Cells::Numbers(Vec::new()),
        }
    }

    fn len(&self) -> usize {
        match self {
            Cells::Numbers(cells) => cells.len(),
            Cells::Times(cells) => cells.len(),
            Cells::Texts(cells) => cells.len(),
        }
    }

    /// What one cell takes in memory, texts without their bytes.
    fn each(&self) -> usize {
        match self {
            Cells::Numbers(_) | Cells::Times(_) => 8,
            Cells::Texts(_) => size_of::<String>(),
        }
    }

    fn reserve(&mut self, count: usize) {
        match self {
            Cells::Numbers(cells) => cells.reserve(count),
            Cells::Times(cells) => cells.reserve(count),
            Cells::Texts(cells) => cells.reserve(count),
        }
    }

    /// Adds a cell that another column has at this place, or a missing one.
    fn push_from(&mut self, other: &Cells, at: Option<usize>) -> Option<()> {
        match (self, other) {
            (Cells::Numbers(cells), Cells::Numbers(from)) => {
                cells.push(at.map_or(Some(f64::NAN), |at| from.get(at).copied())?);
            }
            (Cells::Times(cells), Cells::Times(from)) => {
                cells.push(at.map_or(Some(MISSING_TIME), |at| from.get(at).copied())?);
            }
            (Cells::Texts(cells), Cells::Texts(from)) => {
                cells.push(at.map_or(Some(String::new()), |at| from.get(at).cloned())?);
            }
            _ => return None,
        }
        Some(())
    }
}

/// A column of one part of a file.
pub(super) struct Chunk {
    physical: Physical,
    meaning: Meaning,
    optional: bool,
    n_rows: usize,
    codec: i64,
    start: usize,
    end: usize,
}

impl Chunk {
    /// Reads where the column lies; `None` where that makes no sense.
    pub(super) fn new(
        meta: &Value<'_>,
        (physical, meaning): (Physical, Meaning),
        optional: bool,
        n_rows: usize,
    ) -> Option<Chunk> {
        let data = meta.int(9)?;
        let start = meta.int(11).filter(|dictionary| 0 < *dictionary && *dictionary < data).unwrap_or(data);
        let start = usize::try_from(start).ok()?;
        let end = start.checked_add(usize::try_from(meta.int(7)?).ok()?)?;
        Some(Chunk { physical, meaning, optional, n_rows, codec: meta.int(4)?, start, end })
    }

    /// Adds the cells of all pages.
    pub(super) fn read(&self, name: &str, bytes: &[u8], room: &mut Room, cells: &mut Cells) -> Result<()> {
        let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
        let mut rest = bytes.get(self.start..self.end).ok_or_else(|| damaged("a column lies outside of it"))?;
        let first = cells.len();
        let mut dictionary: Option<Cells> = None;
        while cells.len() - first < self.n_rows {
            let head = thrift::read(rest.get(..MAX_HEAD).unwrap_or(rest));
            let (head, length) = head.ok_or_else(|| damaged("the head of a page cannot be read"))?;
            let size = |id| head.int(id).and_then(|size| usize::try_from(size).ok());
            let (Some(unpacked), Some(packed)) = (size(2), size(3)) else {
                return Err(damaged("the head of a page says no size"));
            };
            let page = rest.get(length..).and_then(|rest| rest.split_at_checked(packed));
            let (page, behind) = page.ok_or_else(|| damaged("a page is cut off"))?;
            rest = behind;
            room.take(name, unpacked)?;
            match head.int(1) {
                Some(2) => {
                    let plain = self.unpack(name, page, unpacked, true)?;
                    let count = head.field(7).and_then(|head| head.int(1)).and_then(|n| usize::try_from(n).ok());
                    let count = count.ok_or_else(|| damaged("a dictionary counts no cells"))?;
                    let mut cells = Cells::new(self.meaning);
                    if let Cells::Texts(_) = cells {
                        // Texts of nothing take four bytes of the page each.
                        room.take_cells(name, count.min(plain.len()), cells.each())?;
                    }
                    self.plain(name, &plain, count, room, &mut cells)?;
                    dictionary = Some(cells);
                }
                Some(0 | 3) => {
                    let left = self.n_rows - (cells.len() - first);
                    self.data(name, &head, page, unpacked, left, (dictionary.as_ref(), room), cells)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Adds the cells of a page of data, at most `left`.
    #[allow(clippy::too_many_arguments, reason = "one page has many sides")]
    fn data(
        &self,
        name: &str,
        head: &Value<'_>,
        page: &[u8],
        unpacked: usize,
        left: usize,
        (dictionary, room): (Option<&Cells>, &mut Room),
        cells: &mut Cells,
    ) -> Result<()> {
        let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
        let second = head.int(1) == Some(3);
        let about = head.field(if second { 8 } else { 5 }).ok_or_else(|| damaged("a page has no head of its own"))?;
        let count = about.int(1).and_then(|n| usize::try_from(n).ok()).filter(|n| *n <= left && 0 < *n);
        let count = count.ok_or_else(|| damaged("a page holds another number of cells"))?;
        let encoding = about.int(if second { 4 } else { 2 });
        // A few bytes may stand for all of them.
        room.take_cells(name, count, cells.each())?;
        cells.reserve(count);
        let whole;
        // The marks of missing cells stand in front: of pages of the second kind unpacked and with their length beside.
        let (marks, body) = if second {
            let length = |id| about.int(id).and_then(|n| usize::try_from(n).ok());
            let (Some(marks), Some(0)) = (length(5), length(6)) else {
                return Err(damaged("the marks of a page cannot be read"));
            };
            let (marks, body) = page.split_at_checked(marks).ok_or_else(|| damaged("a page is cut off"))?;
            let size = unpacked.checked_sub(marks.len()).ok_or_else(|| damaged("a page is smaller than its marks"))?;
            whole = self.unpack(name, body, size, about.flag(7).unwrap_or(true))?;
            (marks, whole.as_slice())
        } else {
            whole = self.unpack(name, page, unpacked, true)?;
            if self.optional {
                let parts = whole.split_first_chunk::<4>();
                let (length, rest) = parts.ok_or_else(|| damaged("a page is cut off"))?;
                let marks = rest.split_at_checked(u32::from_le_bytes(*length) as usize);
                marks.ok_or_else(|| damaged("a page is cut off"))?
            } else {
                (&[][..], whole.as_slice())
            }
        };
        let there: Option<Vec<u32>> = match self.optional {
            true => Some(runs(marks, 1, count).ok_or_else(|| damaged("the marks of a page cannot be read"))?),
            false => None,
        };
        let n_values = there.as_ref().map_or(count, |there| there.iter().filter(|mark| **mark == 1).count());
        if n_values == count {
            // Nothing is missing, as nearly always.
            return self.values(name, encoding, body, count, (dictionary, room), cells);
        }
        let mut values = Cells::new(self.meaning);
        self.values(name, encoding, body, n_values, (dictionary, room), &mut values)?;
        let mut next = 0;
        for row in 0..count {
            let is_there = there.as_ref().is_none_or(|there| there.get(row) == Some(&1));
            let pushed = cells.push_from(&values, is_there.then_some(next));
            pushed.ok_or_else(|| damaged("a page holds fewer cells than it says"))?;
            next += usize::from(is_there);
        }
        Ok(())
    }

    /// Adds the cells of a page that are there.
    fn values(
        &self,
        name: &str,
        encoding: Option<i64>,
        body: &[u8],
        count: usize,
        (dictionary, room): (Option<&Cells>, &mut Room),
        cells: &mut Cells,
    ) -> Result<()> {
        let damaged = |problem| Error::Damaged { file: name.to_owned(), problem };
        match (encoding, dictionary) {
            (Some(0), _) => self.plain(name, body, count, room, cells),
            (Some(2 | 8), Some(dictionary)) => {
                let (width, body) = body.split_first().ok_or_else(|| damaged("a page is cut off"))?;
                let places = runs(body, u32::from(*width), count);
                for place in places.ok_or_else(|| damaged("the places of a page cannot be read"))? {
                    if let Cells::Texts(texts) = dictionary {
                        room.take_text(name, texts.get(place as usize).map_or(0, String::len))?;
                    }
                    let place = cells.push_from(dictionary, Some(place as usize));
                    place.ok_or_else(|| damaged("a page names a cell that its dictionary does not have"))?;
                }
                Ok(())
            }
            (Some(2 | 8), None) => Err(damaged("a page needs a dictionary that is not there")),
            (other, _) => Err(unsupported(&format!("encoding {}", encoding_name(other)))),
        }
    }

    /// Unpacks a page to exactly the size that its head says.
    fn unpack(&self, name: &str, page: &[u8], size: usize, is_packed: bool) -> Result<Vec<u8>> {
        let damaged = || Error::Damaged { file: name.to_owned(), problem: "a page cannot be unpacked" };
        let out = match (self.codec, is_packed) {
            (0, _) | (_, false) => page.to_vec(),
            (1, _) => {
                // The size in front of the packed bytes must be the one that room was taken for.
                if snap::raw::decompress_len(page).ok() != Some(size) {
                    return Err(damaged());
                }
                snap::raw::Decoder::new().decompress_vec(page).map_err(|_| damaged())?
            }
            (2, _) => {
                let mut out = Vec::new();
                let mut gzip = flate2::read::GzDecoder::new(page).take(size as u64 + 1);
                gzip.read_to_end(&mut out).map_err(|_| damaged())?;
                out
            }
            (other, _) => return Err(unsupported(&format!("{} compression; use Snappy", codec_name(other)))),
        };
        if out.len() == size { Ok(out) } else { Err(damaged()) }
    }

    /// Cells one behind the other.
    fn plain(&self, name: &str, mut rest: &[u8], count: usize, room: &mut Room, cells: &mut Cells) -> Result<()> {
        let cut = || Error::Damaged { file: name.to_owned(), problem: "a page holds fewer cells than it says" };
        for _ in 0..count {
            match cells {
                Cells::Numbers(cells) => cells.push(match self.physical {
                    Physical::Float => f64::from(f32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?)),
                    Physical::Int32 => f64::from(i32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?)),
                    Physical::Unsigned32 => f64::from(u32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?)),
                    Physical::Int64 => i64::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?) as f64,
                    Physical::Unsigned64 => u64::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?) as f64,
                    _ => f64::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?),
                }),
                Cells::Times(cells) => cells.push(match self.physical {
                    Physical::Int32 => i64::from(i32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?)),
                    Physical::Int96 => {
                        let nanos = i64::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?);
                        let day = i64::from(i32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?)) - JULIAN_1970;
                        let midnight = day.checked_mul(crate::time::DAY);
                        midnight.and_then(|midnight| midnight.checked_add(nanos)).unwrap_or(MISSING_TIME)
                    }
                    _ => i64::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?),
                }),
                Cells::Texts(cells) => {
                    let length = u32::from_le_bytes(chunk(&mut rest).ok_or_else(cut)?) as usize;
                    let (text, behind) = rest.split_at_checked(length).ok_or_else(cut)?;
                    rest = behind;
                    let text = std::str::from_utf8(text).ok().filter(|text| text.len() <= MAX_CELL);
                    let problem = "a text is longer than 4096 bytes or not UTF-8";
                    let text = text.ok_or_else(|| Error::Damaged { file: name.to_owned(), problem })?;
                    room.take_text(name, text.len())?;
                    cells.push(text.to_owned());
                }
            }
        }
        Ok(())
    }
}

fn chunk<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (first, behind) = rest.split_first_chunk::<N>()?;
    *rest = behind;
    Some(*first)
}

/// Numbers of so many bits, as runs of one number and as stretches of packed ones.
fn runs(mut rest: &[u8], width: u32, count: usize) -> Option<Vec<u32>> {
    if 32 < width {
        return None;
    }
    let mut out = Vec::with_capacity(count.min(1 << 16));
    while out.len() < count {
        let head = varint(&mut rest)?;
        let n = usize::try_from(head >> 1).ok()?;
        if head & 1 == 0 {
            // One number, so many times.
            let mut bytes = [0; 4];
            let (number, behind) = rest.split_at_checked(width.div_ceil(8) as usize)?;
            bytes.iter_mut().zip(number).for_each(|(byte, from)| *byte = *from);
            rest = behind;
            if n == 0 {
                return None;
            }
            out.extend(std::iter::repeat_n(u32::from_le_bytes(bytes), n.min(count - out.len())));
            continue;
        }
        // Groups of eight numbers; the last group may be cut where no more numbers are needed.
        let length = n.checked_mul(width as usize)?;
        let (packed, behind) = rest.split_at_checked(length.min(rest.len()))?;
        rest = behind;
        let (mut bits, mut held) = (0_u64, 0);
        let mut bytes = packed.iter();
        for _ in 0..n.checked_mul(8)?.min(count - out.len()) {
            while held < width {
                bits |= u64::from(*bytes.next()?) << held;
                held += 8;
            }
            out.push((bits & ((1_u64 << width) - 1)) as u32);
            bits >>= width;
            held -= width;
        }
        if n == 0 {
            return None;
        }
    }
    Some(out)
}

fn unsupported(what: &str) -> Error {
    Error::Unsupported { what: format!("a Parquet file with {what}"), by: "tables".into() }
}

fn codec_name(codec: i64) -> &'static str {
    match codec {
        3 => "LZO",
        4 => "Brotli",
        5 | 7 => "LZ4",
        6 => "Zstandard",
        _ => "unknown",
    }
}

fn encoding_name(encoding: Option<i64>) -> &'static str {
    match encoding {
        Some(3) => "RLE",
        Some(4) => "BIT_PACKED",
        Some(5) => "DELTA_BINARY_PACKED",
        Some(6) => "DELTA_LENGTH_BYTE_ARRAY",
        Some(7) => "DELTA_BYTE_ARRAY",
        Some(9) => "BYTE_STREAM_SPLIT",
        _ => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_packed_stretches_are_read() {
        // Five times 3, then eight numbers of three bits: 0 to 7 (the example of Encodings.md).
        let bytes = [0x0a, 0x03, 0x03, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        assert_eq!(runs(&bytes, 3, 13).unwrap(), [3, 3, 3, 3, 3, 0, 1, 2, 3, 4, 5, 6, 7]);
        assert_eq!(runs(&bytes, 3, 4).unwrap(), [3; 4], "only as many as are asked for");
        assert_eq!(runs(&bytes, 3, 14), None, "fewer than are asked for");
        assert_eq!(runs(&[0x0a], 0, 5).unwrap(), [0; 5], "numbers without bits are zero");
        for bytes in [&[0x00, 1][..], &[0x01], &[0xff; 12], &[0x03, 1]] {
            assert_eq!(runs(bytes, 3, 9), None, "{bytes:?}");
        }
    }
}
