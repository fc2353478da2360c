//! Text inside zips, read with caps: on packed size, on unpacked size and on the ratio of the two.
//!
//! Reads the central directory (LEAN's own writer makes zip64 ones) and inflates one entry in one go. Stored and
//! deflated entries only, no encryption. Any bytes give an [`Error`], never a panic and never a large allocation.

use crate::error::{Error, Result};
use flate2::{Crc, Decompress, FlushDecompress, Status};

/// Largest zip that is read, in bytes.
pub(crate) const MAX_ZIP_BYTES: u64 = 256 << 20;
/// Largest entry that is unpacked, in bytes.
const MAX_ENTRY_BYTES: u64 = 512 << 20;
/// Entries beyond one megabyte may not unpack to more than this many times their size; market data reaches 20.
const MAX_RATIO: u64 = 100;
/// What all entries of a zip may hold together where the whole zip is unpacked, in bytes.
const MAX_WHOLE_BYTES: u64 = 1 << 30;
/// Most entries a zip may list (a year of option contracts has some ten thousand).
const MAX_ENTRIES: usize = 200_000;

const END_SIGNATURE: [u8; 4] = *b"PK\x05\x06";
const CENTRAL_SIGNATURE: [u8; 4] = *b"PK\x01\x02";
const LOCAL_SIGNATURE: [u8; 4] = *b"PK\x03\x04";
const END64_SIGNATURE: [u8; 4] = *b"PK\x06\x06";
const LOCATOR64_SIGNATURE: [u8; 4] = *b"PK\x06\x07";
/// A field with this value stands in the zip64 part.
const IN_ZIP64: u64 = 0xffff_ffff;

/// One entry of the central directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Name as written.
    pub(crate) name: String,
    method: u16,
    crc: u32,
    packed: u64,
    /// Unpacked, as the directory says.
    pub(crate) size: u64,
    offset: u64,
}

/// Lists the entries of a zip.
pub(crate) fn entries(file: &str, bytes: &[u8]) -> Result<Vec<Entry>> {
    let damaged = |problem| Error::Damaged { file: file.to_owned(), problem };
    let end = bytes.len().checked_sub(22).ok_or_else(|| damaged("it is too short for a zip"))?;
    // The end record is the last thing in the file but for a comment of at most 65535 bytes.
    let lowest = end.saturating_sub(65_535);
    let at = (lowest..=end)
        .rev()
        .find(|at| bytes.get(*at..).is_some_and(|tail| tail.starts_with(&END_SIGNATURE)))
        .ok_or_else(|| damaged("it has no zip directory"))?;
    let cut = || damaged("its directory is cut off");
    let mut count = u64::from(u16_at(bytes, at + 10).ok_or_else(cut)?);
    let mut start = u64::from(u32_at(bytes, at + 16).ok_or_else(cut)?);
    if let Some((count64, start64)) = zip64_end(bytes, at) {
        (count, start) = (count64, start64);
    }
    let (count, mut at) = (count as usize, usize::try_from(start).map_err(|_| cut())?);
    if MAX_ENTRIES < count {
        return Err(damaged("it lists too many entries"));
    }
    let mut entries = Vec::with_capacity(count.min(1_024));
    for _ in 0..count {
        let head = bytes.get(at..).and_then(|b| b.get(..46)).ok_or_else(cut)?;
        if !head.starts_with(&CENTRAL_SIGNATURE) {
            return Err(damaged("its directory holds something else"));
        }
        let field16 = |offset| u16_at(head, offset).ok_or_else(cut);
        let field32 = |offset| u32_at(head, offset).ok_or_else(cut);
        if field16(8)? & 1 != 0 {
            return Err(damaged("it is encrypted"));
        }
        let (name, extra, comment) = (usize::from(field16(28)?), usize::from(field16(30)?), usize::from(field16(32)?));
        let name_bytes = bytes.get(at + 46..at + 46 + name).ok_or_else(cut)?;
        let extra_bytes = bytes.get(at + 46 + name..at + 46 + name + extra).ok_or_else(cut)?;
        let mut sizes = [u64::from(field32(24)?), u64::from(field32(20)?), u64::from(field32(42)?)];
        read_zip64(extra_bytes, &mut sizes).ok_or_else(cut)?;
        let [size, packed, offset] = sizes;
        entries.push(Entry {
            name: String::from_utf8_lossy(name_bytes).into_owned(),
            method: field16(10)?,
            crc: field32(16)?,
            packed,
            size,
            offset,
        });
        at += 46 + name + extra + comment;
    }
    Ok(entries)
}

/// Number of entries and start of the directory, where a zip64 end record says so.
fn zip64_end(bytes: &[u8], end: usize) -> Option<(u64, u64)> {
    let locator = bytes.get(end.checked_sub(20)?..end)?;
    if !locator.starts_with(&LOCATOR64_SIGNATURE) {
        return None;
    }
    let record = bytes.get(usize::try_from(u64_at(locator, 8)?).ok()?..)?;
    record.starts_with(&END64_SIGNATURE).then_some(())?;
    Some((u64_at(record, 32)?, u64_at(record, 48)?))
}

/// Replaces those of size, packed size and offset that stand in the zip64 part of the extra field.
fn read_zip64(mut extra: &[u8], sizes: &mut [u64; 3]) -> Option<()> {
    while sizes.contains(&IN_ZIP64) && !extra.is_empty() {
        let (id, length) = (u16_at(extra, 0)?, usize::from(u16_at(extra, 2)?));
        let body = extra.get(4..4 + length)?;
        if id == 1 {
            for (index, size) in sizes.iter_mut().filter(|size| **size == IN_ZIP64).enumerate() {
                *size = u64_at(body, index * 8)?;
            }
            return Some(());
        }
        extra = extra.get(4 + length..)?;
    }
    Some(())
}

/// Refuses a zip whose entries hold too much together; entries may share packed bytes, so each alone says nothing.
pub(crate) fn check_whole(file: &str, zip_bytes: u64, entries: &[Entry]) -> Result<()> {
    let limit = MAX_WHOLE_BYTES.min(zip_bytes.saturating_mul(MAX_RATIO).max(1 << 20));
    let found = entries.iter().fold(0_u64, |sum, entry| sum.saturating_add(entry.size));
    if limit < found {
        return Err(Error::TooLarge { file: file.to_owned(), limit, found });
    }
    Ok(())
}

/// Unpacks one entry and checks its sum.
pub(crate) fn unpack(file: &str, bytes: &[u8], entry: &Entry) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    unpack_into(file, bytes, entry, &mut Inflater::default(), &mut out)?;
    Ok(out)
}

/// As [`unpack`], into room that is there already; what it held is gone.
pub(crate) fn unpack_into(
    file: &str,
    bytes: &[u8],
    entry: &Entry,
    inflater: &mut Inflater,
    out: &mut Vec<u8>,
) -> Result<()> {
    let data = packed(file, bytes, entry)?;
    out.clear();
    match entry.method {
        STORED => out.extend_from_slice(data),
        _ => inflater.inflate(data, entry.size as usize, out).ok_or_else(|| cannot_be_unpacked(file))?,
    };
    let mut crc = Crc::new();
    crc.update(out);
    check(file, entry, out.len() as u64, &crc)
}

/// Unpacks an entry part by part: `take` is given about `length` bytes each time, to the end of a line, and gives room for
/// the next part back. What it was given counts only if all went well: the sum is known at the end.
pub(crate) fn unpack_in_parts(
    file: &str,
    bytes: &[u8],
    entry: &Entry,
    inflater: &mut Inflater,
    length: usize,
    take: &mut dyn FnMut(Vec<u8>) -> Vec<u8>,
) -> Result<()> {
    let data = packed(file, bytes, entry)?;
    let mut crc = Crc::new();
    let mut n_bytes = 0_u64;
    let mut part = Vec::new();
    let mut stored = data;
    let state = inflater.fresh();
    loop {
        part.reserve(length);
        let known = part.len();
        let is_last = match entry.method {
            STORED => {
                let (now, later) = stored.split_at_checked(length).unwrap_or((stored, &[]));
                part.extend_from_slice(now);
                stored = later;
                later.is_empty()
            }
            _ => inflate_some(state, data, &mut part).ok_or_else(|| cannot_be_unpacked(file))?,
        };
        let fresh = part.get(known..).unwrap_or_default();
        crc.update(fresh);
        n_bytes += fresh.len() as u64;
        if is_last || entry.size < n_bytes {
            take(part);
            return check(file, entry, n_bytes, &crc);
        }
        // What was there before is the beginning of one line.
        let Some(end) = fresh.iter().rposition(|byte| *byte == b'\n') else { continue };
        let begun = part.split_off(known + end + 1);
        part = take(part);
        part.clear();
        part.extend_from_slice(&begun);
    }
}

/// Unpacked as it lies in the zip.
const STORED: u16 = 0;
const DEFLATED: u16 = 8;

fn cannot_be_unpacked(file: &str) -> Error {
    Error::Damaged { file: file.to_owned(), problem: "an entry cannot be unpacked" }
}

/// The packed bytes of an entry that may be unpacked: of a kind that is known, and no larger than allowed.
fn packed<'a>(file: &str, bytes: &'a [u8], entry: &Entry) -> Result<&'a [u8]> {
    let damaged = |problem| Error::Damaged { file: file.to_owned(), problem };
    let (packed, size) = (entry.packed, entry.size);
    let limit = MAX_ENTRY_BYTES.min(packed.saturating_mul(MAX_RATIO).max(1 << 20));
    if limit < size {
        return Err(Error::TooLarge { file: file.to_owned(), limit, found: size });
    }
    let outside = || damaged("an entry lies outside of it");
    let at = usize::try_from(entry.offset).map_err(|_| outside())?;
    let head = bytes.get(at..).and_then(|b| b.get(..30)).ok_or_else(outside)?;
    if !head.starts_with(&LOCAL_SIGNATURE) {
        return Err(damaged("an entry does not begin where the directory says"));
    }
    if ![STORED, DEFLATED].contains(&entry.method) {
        return Err(damaged("an entry is packed in a way that is neither stored nor deflated"));
    }
    let name = usize::from(u16_at(head, 26).unwrap_or(0));
    let extra = usize::from(u16_at(head, 28).unwrap_or(0));
    let data = bytes.get(at + 30 + name + extra..).and_then(|b| b.get(..usize::try_from(packed).ok()?));
    data.ok_or_else(|| damaged("an entry is cut off"))
}

/// Whether an entry has the length and the sum that the directory says.
fn check(file: &str, entry: &Entry, n_bytes: u64, crc: &Crc) -> Result<()> {
    if n_bytes != entry.size || crc.sum() != entry.crc {
        return Err(Error::Damaged { file: file.to_owned(), problem: "an entry does not match its check sum" });
    }
    Ok(())
}

/// The tables of the decompressor, made at the first use and used again.
#[derive(Debug, Default)]
pub(crate) struct Inflater {
    state: Option<Decompress>,
}

impl Inflater {
    /// Inflates to exactly `size` bytes; `None` when the data is damaged or holds another number of bytes.
    fn inflate(&mut self, data: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
        inflate_with(self.fresh(), data, size, out)
    }

    fn fresh(&mut self) -> &mut Decompress {
        match &mut self.state {
            Some(known) => {
                known.reset(false);
                known
            }
            none => none.insert(Decompress::new(false)),
        }
    }
}

fn inflate_with(state: &mut Decompress, data: &[u8], size: usize, out: &mut Vec<u8>) -> Option<()> {
    out.reserve(size + 1);
    loop {
        let (read, written) = (state.total_in(), state.total_out());
        let rest = data.get(read as usize..)?;
        match state.decompress_vec(rest, out, FlushDecompress::Finish) {
            Ok(Status::StreamEnd) => return (out.len() == size).then_some(()),
            Ok(_) if state.total_in() == read && state.total_out() == written => return None,
            Ok(_) if out.len() > size => return None,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// Fills the room that `out` has; whether that was all. `None` when the data is damaged.
fn inflate_some(state: &mut Decompress, data: &[u8], out: &mut Vec<u8>) -> Option<bool> {
    while out.len() < out.capacity() {
        let (read, written) = (state.total_in(), state.total_out());
        match state.decompress_vec(data.get(read as usize..)?, out, FlushDecompress::None) {
            Ok(Status::StreamEnd) => return Some(true),
            Ok(_) if state.total_in() == read && state.total_out() == written => return None,
            Ok(_) => {}
            Err(_) => return None,
        }
    }
    Some(false)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_le_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn zipped(text: &[u8]) -> Vec<u8> {
        zipped_as(text, false)
    }

    fn zipped_as(text: &[u8], zip64: bool) -> Vec<u8> {
        let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        zip.start_file("a.csv", zip::write::SimpleFileOptions::default().large_file(zip64)).unwrap();
        zip.write_all(text).unwrap();
        zip.finish().unwrap().into_inner()
    }

    fn read(bytes: &[u8]) -> Result<Vec<u8>> {
        let entry = entries("x.zip", bytes)?.into_iter().next().unwrap();
        unpack("x.zip", bytes, &entry)
    }

    #[test]
    fn text_comes_back() {
        let text = b"20140602 00:00,1,2,3,4,5\n".repeat(500);
        assert_eq!(read(&zipped(&text)).unwrap(), text);
        assert_eq!(read(&zipped_as(&text, true)).unwrap(), text);
    }

    /// The parts of about `length` bytes that an entry is given out in.
    fn parts(bytes: &[u8], length: usize) -> Result<Vec<Vec<u8>>> {
        let entry = entries("x.zip", bytes)?.into_iter().next().unwrap();
        let mut parts = Vec::new();
        let mut take = |part: Vec<u8>| {
            parts.push(part);
            b"used before".to_vec()
        };
        unpack_in_parts("x.zip", bytes, &entry, &mut Inflater::default(), length, &mut take).map(|()| parts)
    }

    #[test]
    fn parts_end_with_lines_and_are_the_whole_together() {
        let text = (0..4_000).map(|n| format!("{}\n", "7".repeat(n % 41))).collect::<String>() + "no end";
        let mut stored = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let method = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        stored.start_file("a.csv", method).unwrap();
        stored.write_all(text.as_bytes()).unwrap();
        for zip in [zipped(text.as_bytes()), stored.finish().unwrap().into_inner()] {
            for length in [1, 17, 1_000, 40_000, 1 << 20] {
                let parts = parts(&zip, length).unwrap();
                assert_eq!(parts.concat(), text.as_bytes(), "{length}");
                assert_eq!(parts.len() == 1, length == 1 << 20, "{length}");
                let (last, others) = parts.split_last().unwrap();
                assert!(last.ends_with(b"no end") && others.iter().all(|part| part.ends_with(b"\n")), "{length}");
            }
        }
        assert_eq!(parts(&zipped(b""), 10).unwrap().concat(), b"");
        assert_eq!(parts(&zipped(&[b'x'; 5_000]), 10).unwrap(), [[b'x'; 5_000]], "one line is one part");
    }

    #[test]
    fn sizes_in_the_zip64_part_are_found_there() {
        let mut extra = vec![9, 9, 2, 0, 1, 1, 1, 0, 16, 0];
        extra.extend(77_u64.to_le_bytes());
        extra.extend(5_u64.to_le_bytes());
        let mut sizes = [IN_ZIP64, 3, IN_ZIP64];
        assert_eq!(read_zip64(&extra, &mut sizes), Some(()));
        assert_eq!(sizes, [77, 3, 5]);
        assert_eq!(read_zip64(&extra[..20], &mut [IN_ZIP64, 3, IN_ZIP64]), None);
    }

    #[test]
    fn a_bomb_is_refused_before_it_is_unpacked() {
        let bomb = zipped(&vec![b'0'; 64 << 20]);
        assert!(bomb.len() < 1 << 17);
        assert!(matches!(read(&bomb), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn entries_that_share_packed_bytes_are_counted_each() {
        // Each entry alone keeps to the ratio; a directory that lists one of them four hundred times does not.
        let good = zipped(&b"20140602 00:00,1,2,3,4,5\n".repeat(2_000));
        let one = entries("x.zip", &good).unwrap().remove(0);
        assert_eq!(check_whole("x.zip", good.len() as u64, std::slice::from_ref(&one)), Ok(()));
        let many = vec![one; 400];
        assert!(matches!(check_whole("x.zip", good.len() as u64, &many), Err(Error::TooLarge { .. })));
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_an_answer() {
        let good = zipped(&b"20140602 00:00,1,2,3,4,5\n".repeat(20));
        for cut in 0..good.len() {
            assert!(entries("x.zip", &good[..cut]).and_then(|_| read(&good[..cut])).is_err(), "cut at {cut}");
        }
        for at in 0..good.len() {
            for bit in [1, 16, 128] {
                let mut bad = good.clone();
                bad[at] ^= bit;
                for entry in entries("x.zip", &bad).unwrap_or_default() {
                    let whole = unpack("x.zip", &bad, &entry);
                    let in_parts = parts(&bad, 50).map(|parts| parts.concat());
                    assert_eq!(in_parts.ok(), whole.ok(), "byte {at}");
                }
            }
        }
    }
}
