//! A cursor over comma-separated lines that reads numbers without copying text, in one pass.

use super::digits::{leading, number};

/// Powers of ten that are exact in binary floating point.
pub(super) const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// Integers below this are exact in binary floating point.
const EXACT: u64 = 1 << 53;

/// What a number must be.
const NUMBER: &str = "a decimal number";

/// Walks over the cells of a text, line by line.
#[derive(Debug)]
pub(crate) struct Cells<'a> {
    /// What is left of the text.
    rest: &'a [u8],
    /// Whether a cell of the current line is left.
    open: bool,
    line_number: usize,
    column: usize,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Cells<'a> {
        Cells::behind(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
    }

    /// As [`Cells::new`] for lines from the middle of a text, where no mark of the byte order belongs.
    pub(crate) fn behind(lines: &'a [u8]) -> Cells<'a> {
        Cells { rest: lines, open: false, line_number: 0, column: 0 }
    }

    /// Goes to the next line that is not empty.
    #[inline]
    pub(crate) fn next_line(&mut self) -> bool {
        if self.open {
            // What nobody read of the line before.
            let end = self.rest.iter().position(|byte| *byte == b'\n').map_or(self.rest.len(), |end| end + 1);
            self.rest = self.rest.get(end..).unwrap_or_default();
            self.open = false;
        }
        loop {
            match self.rest {
                [] => return false,
                [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => self.rest = rest,
                [b'\r'] => self.rest = &[],
                _ => {
                    (self.open, self.column) = (true, 0);
                    self.line_number += 1;
                    return true;
                }
            }
            self.line_number += 1;
        }
    }

    /// The current line, counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line_number
    }

    /// The cell read last, counted from 1.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// Reads the next line if it is a time and plain numbers and nothing else; `None`, and nothing is read, for any other
    /// line, empty ones included. Numbers for which `scaled` says so are divided by ten to the power of `scale`.
    #[inline]
    pub(crate) fn plain_line<const N: usize>(
        &mut self,
        time: impl FnOnce(&'a [u8]) -> Option<(i64, usize)>,
        scale: u32,
        scaled: impl Fn(usize) -> bool,
    ) -> Option<(i64, [f64; N])> {
        let (at, length) = time(self.rest)?;
        let (numbers, rest) = plain_numbers(self.rest.get(length..)?, scale, scaled)?;
        self.rest = match rest {
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => rest,
            _ => return None,
        };
        (self.open, self.column) = (false, N + 1);
        self.line_number += 1;
        Some((at, numbers))
    }

    /// As [`Cells::plain_line`] for lines with other cells behind the numbers: says too whether the cell behind `skip` of
    /// them is `1`.
    #[inline]
    pub(crate) fn plain_tick<const N: usize>(
        &mut self,
        time: impl FnOnce(&'a [u8]) -> Option<(i64, usize)>,
        scale: u32,
        scaled: impl Fn(usize) -> bool,
        skip: u8,
    ) -> Option<(i64, [f64; N], bool)> {
        let (at, length) = time(self.rest)?;
        let (numbers, rest) = plain_numbers(self.rest.get(length..)?, scale, scaled)?;
        let (tail, behind) = rest.split_at_checked(rest.iter().position(|byte| *byte == b'\n')?)?;
        let tail = tail.strip_suffix(b"\r").unwrap_or(tail);
        if !tail.is_empty() && !tail.starts_with(b",") {
            return None;
        }
        let marked = tail.split(|byte| *byte == b',').nth(usize::from(skip) + 1) == Some(b"1");
        self.rest = behind.get(1..)?;
        (self.open, self.column) = (false, N + 1);
        self.line_number += 1;
        Some((at, numbers, marked))
    }

    /// Whether the line read last has no cell left.
    #[inline]
    pub(crate) fn at_line_start(&self) -> bool {
        !self.open
    }

    /// The next cell as it is; empty behind the last one.
    #[inline]
    pub(crate) fn raw(&mut self) -> &'a [u8] {
        self.column += 1;
        if !self.open {
            return &[];
        }
        let end = self.rest.iter().position(|byte| *byte == b',' || *byte == b'\n').unwrap_or(self.rest.len());
        let (cell, behind) = self.rest.split_at_checked(end).unwrap_or((self.rest, &[]));
        self.rest = behind.get(1..).unwrap_or_default();
        if behind.first() == Some(&b',') {
            return cell;
        }
        self.open = false;
        cell.strip_suffix(b"\r").unwrap_or(cell)
    }

    /// Steps over a cell of this length; false, and nothing is read, if the cell does not end there.
    #[inline]
    fn step(&mut self, length: usize) -> bool {
        let behind = self.rest.get(length..).unwrap_or_default();
        (self.rest, self.open) = match behind {
            [b',', rest @ ..] => (rest, true),
            [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => (rest, false),
            [] | [b'\r'] => (&[][..], false),
            _ => return false,
        };
        true
    }

    /// The next cell as a number divided by ten to the power of `scale`.
    #[inline]
    pub(crate) fn number(&mut self, scale: u32) -> Result<f64, &'static str> {
        self.optional(scale)?.ok_or(NUMBER)
    }

    /// As [`Cells::number`]; `None` for an empty or absent cell.
    #[inline]
    pub(crate) fn optional(&mut self, scale: u32) -> Result<Option<f64>, &'static str> {
        self.column += 1;
        if !self.open {
            return Ok(None);
        }
        if let Some((value, length)) = number(self.rest, scale)
            && self.step(length)
        {
            return Ok(Some(value));
        }
        self.byte_by_byte(scale)
    }

    /// Empty cells, cells near the end of the text, and up to 19 digits.
    fn byte_by_byte(&mut self, scale: u32) -> Result<Option<f64>, &'static str> {
        let (mut mantissa, mut length, mut digits, mut decimals, mut point) = (0_u64, 0_usize, 0_u32, 0_u32, false);
        for byte in self.rest {
            let digit = byte.wrapping_sub(b'0');
            if digit < 10 {
                mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
                digits += 1;
                decimals += u32::from(point);
            } else if *byte == b'.' && !point {
                point = true;
            } else {
                break;
            }
            length += 1;
        }
        let divisor = POWERS.get((decimals.saturating_add(scale)) as usize);
        let plain = divisor.filter(|_| 0 < digits && digits <= 19 && mantissa < EXACT);
        match (length, plain) {
            (0, _) if self.step(0) => Ok(None),
            (_, Some(divisor)) if self.step(length) => Ok(Some(mantissa as f64 / divisor)),
            _ => self.slow(scale).map(Some),
        }
    }

    /// Signs, spaces and very long numbers.
    #[cold]
    fn slow(&mut self, scale: u32) -> Result<f64, &'static str> {
        self.column -= 1;
        let cell = self.raw().trim_ascii();
        let plain = !cell.is_empty() && cell.iter().all(|byte| byte.is_ascii_digit() || b"-.".contains(byte));
        let text = std::str::from_utf8(cell).ok().filter(|_| plain && cell.len() <= 64).ok_or(NUMBER)?;
        let value: f64 = format!("{text}e-{scale}").parse().map_err(|_| NUMBER)?;
        if value.is_finite() { Ok(value) } else { Err(NUMBER) }
    }
}

/// Plain numbers, each behind a comma, and the text behind them.
#[inline(always)]
fn plain_numbers<const N: usize>(
    mut rest: &[u8],
    scale: u32,
    scaled: impl Fn(usize) -> bool,
) -> Option<([f64; N], &[u8])> {
    let mut numbers = [0.0; N];
    for (index, cell) in numbers.iter_mut().enumerate() {
        let [b',', behind @ ..] = rest else { return None };
        let (value, length) = number(behind, if scaled(index) { scale } else { 0 })?;
        *cell = value;
        rest = behind.get(length..)?;
    }
    Some((numbers, rest))
}

/// Milliseconds since midnight of a day at the front of a text, as nanoseconds since 1970.
#[inline]
pub(super) fn plain_millis(text: &[u8], day: i64) -> Option<(i64, usize)> {
    let (millis, length) = leading(text)?;
    (0 < length && millis <= 172_800_000).then_some((day + millis as i64 * 1_000_000, length as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str, scale: u32) -> Result<Option<f64>, &'static str> {
        let mut cells = Cells::new(text.as_bytes());
        assert!(cells.next_line());
        cells.optional(scale)
    }

    #[test]
    fn numbers_are_the_nearest_binary_number() {
        for (text, scale, value) in [
            ("6286500", 4, 628.65),
            ("0.000012345", 0, 0.000012345),
            ("-1.5", 0, -1.5),
            (" 7 ", 0, 7.0),
            ("123456789012345678901.5", 0, 123456789012345678901.5),
            ("9007199254740993", 4, 900719925474.0993),
            ("5.", 0, 5.0),
        ] {
            assert_eq!(one(text, scale), Ok(Some(value)), "{text}");
        }
    }

    #[test]
    fn other_cells_are_refused_and_empty_ones_are_none() {
        for text in ["1e5", "abc", "1.2.3", "0x1", "inf", "--1", "1-", "."] {
            assert_eq!(one(text, 0), Err(NUMBER), "{text}");
        }
        let mut cells = Cells::new(b",5");
        assert!(cells.next_line());
        assert_eq!((cells.optional(0), cells.optional(0), cells.optional(0)), (Ok(None), Ok(Some(5.0)), Ok(None)));
    }
}
