//! A cursor over comma-separated lines that reads numbers without copying text.

/// Powers of ten that are exact in binary floating point.
const POWERS: [f64; 23] = [
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
    /// What is left of the text, behind the current line.
    rest: &'a [u8],
    /// What is left of the current line; `None` behind its last cell.
    line: Option<&'a [u8]>,
    line_number: usize,
    column: usize,
}

impl<'a> Cells<'a> {
    pub(crate) fn new(text: &'a [u8]) -> Cells<'a> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        Cells { rest: text, line: None, line_number: 0, column: 0 }
    }

    /// Goes to the next line that is not empty.
    #[inline]
    pub(crate) fn next_line(&mut self) -> bool {
        while !self.rest.is_empty() {
            let end = self.rest.iter().position(|byte| *byte == b'\n');
            let (line, rest) = match end.and_then(|end| self.rest.split_at_checked(end)) {
                Some((line, rest)) => (line, rest.get(1..).unwrap_or_default()),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            self.line_number += 1;
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                self.line = Some(line);
                self.column = 0;
                return true;
            }
        }
        false
    }

    /// The current line, counted from 1.
    pub(crate) fn line(&self) -> usize {
        self.line_number
    }

    /// The cell read last, counted from 1.
    pub(crate) fn column(&self) -> usize {
        self.column
    }

    /// The next cell as it is; empty behind the last one.
    #[inline]
    pub(crate) fn raw(&mut self) -> &'a [u8] {
        self.column += 1;
        let Some(line) = self.line else { return &[] };
        match line.iter().position(|byte| *byte == b',') {
            Some(end) => {
                self.line = line.get(end + 1..);
                line.get(..end).unwrap_or_default()
            }
            None => {
                self.line = None;
                line
            }
        }
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
        let Some(line) = self.line else { return Ok(None) };
        // The common case in one pass: at most 19 digits, perhaps a point.
        let (mut mantissa, mut length, mut digits, mut decimals, mut point) = (0_u64, 0_usize, 0_u32, 0_u32, false);
        for byte in line {
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
        let at_end = match line.get(length) {
            None => true,
            Some(b',') => false,
            Some(_) => return self.slow(scale).map(Some),
        };
        if length == 0 {
            self.line = if at_end { None } else { line.get(1..) };
            return Ok(None);
        }
        let divisor = POWERS.get((decimals + scale) as usize);
        match divisor {
            Some(divisor) if digits <= 19 && mantissa < EXACT && 0 < digits => {
                self.line = if at_end { None } else { line.get(length + 1..) };
                Ok(Some(mantissa as f64 / divisor))
            }
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
