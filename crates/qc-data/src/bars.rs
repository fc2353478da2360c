//! Lines of price files to columns: trade bars, quote bars, ticks, open interest.
//!
//! The parser knows plain decimals only, as LEAN's does, and turns them into the nearest binary number.
//! Source: LEAN, `Common/Data/Market/TradeBar.cs`, `QuoteBar.cs`, `OpenInterest.cs`, `Tick.cs` (`Reader`).

mod cells;
mod digits;
mod unpacking;

pub(crate) use cells::Cells;

use crate::time::{DAY, HOUR, MINUTE, days_from_civil};

/// What the lines of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// `time,open,high,low,close,volume`
    Trade,
    /// `time,bid open,high,low,close,size,ask open,high,low,close,size`; a side may be empty.
    Quote,
    /// `time,value`
    OpenInterest,
    /// `time,price,quantity`, then `skip` cells that are not read, then perhaps the mark of a suspicious tick.
    TickTrade {
        /// Cells between the quantity and the mark.
        skip: u8,
    },
    /// `time,bid,bid size,ask,ask size` (or `time,bid,ask`), then as for trades.
    TickQuote {
        /// Whether sizes are stored.
        sizes: bool,
        /// Cells between the last size and the mark.
        skip: u8,
    },
}

impl Kind {
    /// The part of the file name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Trade | Kind::TickTrade { .. } => "trade",
            Kind::Quote | Kind::TickQuote { .. } => "quote",
            Kind::OpenInterest => "openinterest",
        }
    }

    fn n_columns(self) -> usize {
        match self {
            Kind::Trade => 5,
            Kind::Quote => 10,
            Kind::OpenInterest => 1,
            Kind::TickTrade { .. } => 3,
            Kind::TickQuote { .. } => 5,
        }
    }
}

/// How to read a file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) kind: Kind,
    /// Prices are integers in ten-thousandths.
    pub(crate) scaled: bool,
    /// Times are milliseconds of this day (days since 1970); otherwise they are `YYYYMMDD HH:mm`.
    pub(crate) day: Option<i32>,
    /// Whether a long file may be read by several threads.
    pub(crate) shared: bool,
}

/// A cell that is not what belongs there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadCell {
    /// Line, counted from 1.
    pub(crate) line: usize,
    /// Cell, counted from 1.
    pub(crate) column: usize,
    /// What was expected there.
    pub(crate) expected: &'static str,
}

/// A parsed price file.
///
/// Columns of trades: open, high, low, close, volume. Of quotes: bid open, high, low, close, size, then ask. Prices
/// of an absent side are NaN and its size is 0. Of ticks: price, quantity, mark; or bid, size, ask, size, mark, where an
/// absent side is 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BarFile {
    /// Beginning of each bar on the data's clock, in nanoseconds since 1970.
    pub(crate) times: Vec<i64>,
    pub(crate) columns: Vec<Vec<f64>>,
    /// Whether every bar begins later than the one before it, as nearly always.
    pub(crate) ascending: bool,
}

impl BarFile {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.times.len() * 8 * (1 + self.columns.len()) + 256
    }

    /// Whether the first line has the ten numbers of a quote bar.
    pub(crate) fn looks_like_quotes(text: &[u8]) -> bool {
        let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
        10 <= first.iter().filter(|byte| **byte == b',').count()
    }

    /// Reads all lines of a text.
    ///
    /// # Errors
    /// The first cell that is not what belongs there.
    pub(crate) fn parse(bytes: &[u8], format: Format) -> Result<BarFile, BadCell> {
        BarFile::parse_lines(Cells::new(bytes), format, most_rows(bytes, n_lines(bytes), format))
    }

    fn parse_lines(mut cells: Cells<'_>, format: Format, n_lines: usize) -> Result<BarFile, BadCell> {
        let mut times = Vec::with_capacity(n_lines);
        let mut columns: Vec<Vec<f64>> = (0..format.kind.n_columns()).map(|_| Vec::with_capacity(n_lines)).collect();
        let scale = if format.scaled { 4 } else { 0 };
        loop {
            while plain_row(&mut cells, format, scale, &mut times, &mut columns) {}
            if !cells.next_line() {
                break;
            }
            any_row(&mut cells, format, scale, &mut times, &mut columns).map_err(|expected| BadCell {
                line: cells.line(),
                column: cells.column(),
                expected,
            })?;
        }
        let ascending = times.is_sorted_by(|a, b| a < b);
        Ok(BarFile { times, columns, ascending })
    }
}

/// At most so many rows are there: empty lines take no room, and a row has a time and mostly all of its cells.
fn most_rows(bytes: &[u8], n_lines: usize, format: Format) -> usize {
    (n_lines + 1).min(bytes.len() / (format.kind.n_columns() + 1) + 1)
}

fn n_lines(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| **byte == b'\n').count()
}

/// Reads a bar whose cells are all there and plain, as nearly all are; false, and nothing is read, for other lines.
#[inline]
fn plain_row(
    cells: &mut Cells<'_>,
    format: Format,
    scale: u32,
    times: &mut Vec<i64>,
    columns: &mut [Vec<f64>],
) -> bool {
    if !cells.at_line_start() {
        return false;
    }
    let time = |text: &[u8]| match format.day {
        Some(day) => cells::plain_millis(text, i64::from(day) * DAY),
        None => Some((stamp(text.first_chunk::<14>()?)?, 14)),
    };
    match (format.kind, columns) {
        (Kind::Trade, [open, high, low, close, volume]) => {
            let Some((at, [o, h, l, c, v])) = cells.plain_line::<5>(time, scale, |cell| cell != 4) else {
                return false;
            };
            times.push(at);
            open.push(o);
            high.push(h);
            low.push(l);
            close.push(c);
            volume.push(v);
        }
        (Kind::Quote, columns) => {
            let Some((at, numbers)) = cells.plain_line::<10>(time, scale, |cell| cell % 5 != 4) else { return false };
            times.push(at);
            for (side, numbers) in columns.chunks_mut(5).zip(numbers.chunks(5)) {
                let absent = numbers.iter().take(4).all(|price| *price == 0.0);
                for (index, (column, number)) in side.iter_mut().zip(numbers).enumerate() {
                    column.push(match (absent, index) {
                        (false, _) => *number,
                        (true, 4) => 0.0,
                        (true, _) => f64::NAN,
                    });
                }
            }
        }
        (Kind::TickTrade { skip }, [price, quantity, mark]) => {
            let Some((at, [p, q], marked)) = cells.plain_tick::<2>(time, scale, |cell| cell == 0, skip) else {
                return false;
            };
            times.push(at);
            price.push(p);
            quantity.push(q);
            mark.push(f64::from(u8::from(marked)));
        }
        (Kind::TickQuote { sizes: true, skip }, [bid, bid_size, ask, ask_size, mark]) => {
            let tick = cells.plain_tick::<4>(time, scale, |cell| cell % 2 == 0, skip);
            let Some((at, [b, b_size, a, a_size], marked)) = tick else { return false };
            times.push(at);
            bid.push(b);
            bid_size.push(b_size);
            ask.push(a);
            ask_size.push(a_size);
            mark.push(f64::from(u8::from(marked)));
        }
        _ => return false,
    }
    true
}

/// Reads the current line, whatever it holds.
fn any_row(
    cells: &mut Cells<'_>,
    format: Format,
    scale: u32,
    times: &mut Vec<i64>,
    columns: &mut [Vec<f64>],
) -> Result<(), &'static str> {
    times.push(time(cells, format.day)?);
    match (format.kind, columns) {
        (Kind::Trade, [prices @ .., volume]) => {
            for column in prices {
                column.push(cells.number(scale)?);
            }
            // A bar of an index may end after its prices.
            volume.push(cells.optional(0)?.unwrap_or(0.0));
            Ok(())
        }
        (Kind::OpenInterest, [value]) => {
            value.push(cells.number(0)?);
            Ok(())
        }
        (Kind::TickTrade { skip }, [price, quantity, mark]) => {
            price.push(cells.number(scale)?);
            quantity.push(cells.optional(0)?.unwrap_or(0.0));
            mark.push(suspicious(cells, skip));
            Ok(())
        }
        (Kind::TickQuote { sizes, skip }, [bid, bid_size, ask, ask_size, mark]) => {
            for (price, size) in [(bid, bid_size), (ask, ask_size)] {
                price.push(cells.optional(scale)?.unwrap_or(0.0));
                size.push(if sizes { cells.optional(0)?.unwrap_or(0.0) } else { 0.0 });
            }
            mark.push(suspicious(cells, skip));
            Ok(())
        }
        (_, columns) => columns.chunks_mut(5).try_for_each(|side| quote_side(cells, side, scale)),
    }
}

/// 1 where the cell behind `skip` others is `1`.
fn suspicious(cells: &mut Cells<'_>, skip: u8) -> f64 {
    for _ in 0..skip {
        cells.raw();
    }
    f64::from(u8::from(cells.raw() == b"1"))
}

/// Four prices and a size; a side whose prices are all empty or zero is absent.
fn quote_side(cells: &mut Cells<'_>, side: &mut [Vec<f64>], scale: u32) -> Result<(), &'static str> {
    let mut prices = [0.0; 4];
    for price in &mut prices {
        *price = cells.optional(scale)?.unwrap_or(0.0);
    }
    let size = cells.optional(0)?.unwrap_or(0.0);
    let absent = prices.iter().all(|price| *price == 0.0);
    let [open, high, low, close, sizes] = side else { return Err("five cells a side") };
    for (column, price) in [open, high, low, close].into_iter().zip(prices) {
        column.push(if absent { f64::NAN } else { price });
    }
    sizes.push(if absent { 0.0 } else { size });
    Ok(())
}

/// The time cell.
#[inline]
fn time(cells: &mut Cells<'_>, day: Option<i32>) -> Result<i64, &'static str> {
    match day {
        Some(day) => {
            let millis = cells.number(0)?;
            if !(0.0..=172_800_000.0).contains(&millis) {
                return Err("milliseconds since midnight");
            }
            // Ticks may carry microseconds after the point.
            Ok(i64::from(day) * DAY + (millis * 1e6 + 0.5) as i64)
        }
        None => stamp(cells.raw()).ok_or("a time YYYYMMDD HH:mm"),
    }
}

/// `YYYYMMDD HH:mm` to nanoseconds since 1970.
#[inline]
pub(crate) fn stamp(cell: &[u8]) -> Option<i64> {
    let [y1, y2, y3, y4, m1, m2, d1, d2, rest @ ..] = cell else { return None };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| i64::from(byte - b'0'));
    let two = |a: &u8, b: &u8| Some(digit(a)? * 10 + digit(b)?);
    let (year, month, day) = (two(y1, y2)? * 100 + two(y3, y4)?, two(m1, m2)?, two(d1, d2)?);
    let of_day = match rest {
        [] => 0,
        [b' ', h1, h2, b':', n1, n2, ..] => {
            let (hour, minute) = (two(h1, h2)?, two(n1, n2)?);
            if 23 < hour || 59 < minute {
                return None;
            }
            hour * HOUR + minute * MINUTE
        }
        _ => return None,
    };
    let fits = (1700..=2200).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    fits.then(|| days_from_civil(year, month, day) * DAY + of_day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trades(text: &str) -> Result<BarFile, BadCell> {
        BarFile::parse(text.as_bytes(), Format { kind: Kind::Trade, scaled: true, day: None, shared: true })
    }

    #[test]
    fn prices_are_ten_thousandths_and_line_ends_do_not_matter() {
        let expected = trades("20140602 00:00,6340000,6348300,6225000,6286500,12991558").unwrap();
        assert_eq!(expected.columns, [[634.0], [634.83], [622.5], [628.65], [12_991_558.0]]);
        assert_eq!(trades("\r\n20140602 00:00,6340000,6348300,6225000,6286500,12991558\r\n\r\n").unwrap(), expected);
        assert_eq!(expected.times, [16_223 * DAY]);
    }

    #[test]
    fn an_absent_side_is_missing_and_its_size_zero() {
        let format = Format { kind: Kind::Quote, scaled: false, day: Some(0), shared: true };
        let file = BarFile::parse(b"60000,,,,,7,1.5,2,1,1.25,3\n", format).unwrap();
        assert_eq!(file.times, [MINUTE]);
        assert!(file.columns[..4].iter().all(|column| column[0].is_nan()));
        assert_eq!(file.columns[4..].concat(), [0.0, 1.5, 2.0, 1.0, 1.25, 3.0]);
    }

    #[test]
    fn ticks_keep_microseconds_and_marks() {
        let quotes =
            Format { kind: Kind::TickQuote { sizes: true, skip: 2 }, scaled: true, day: Some(0), shared: true };
        let file = BarFile::parse(b"43.142,0,0,1836300,100,Q,1,1\n", quotes).unwrap();
        assert_eq!(file.times, [43_142_000]);
        assert_eq!(file.columns.concat(), [0.0, 0.0, 183.63, 100.0, 1.0]);
        let plain =
            Format { kind: Kind::TickQuote { sizes: false, skip: 0 }, scaled: false, day: Some(0), shared: true };
        let file = BarFile::parse(b"1,1.38817,1.38884", plain).unwrap();
        assert_eq!(file.columns.concat(), [1.38817, 0.0, 1.38884, 0.0, 0.0]);
    }

    #[test]
    fn plain_lines_and_others_are_read_alike() {
        // The same bars once as programs write them, once with signs, spaces and shorter lines between them.
        let plain = trades("20140602 00:00,1,2,3,4,5\n20140603 00:00,10,20,30,40,50\n20140604 00:00,1,2,3,4,0\n20140605 00:00,7,7,7,7,7").unwrap();
        let mixed = "20140602 00:00, 1,2,3,4,5\r\n\n20140603 00:00,10,20,30,40,50,extra,cells\n20140604 00:00,1,2,3,4\r\n20140605 00:00,7,7,7,+7,7";
        assert_eq!(trades(&mixed.replace('+', "")).unwrap(), plain);
        let error = trades(mixed).unwrap_err();
        assert_eq!((error.line, error.column), (5, 5));
    }

    #[test]
    fn plain_ticks_and_others_are_read_alike() {
        let quotes =
            Format { kind: Kind::TickQuote { sizes: true, skip: 2 }, scaled: true, day: Some(0), shared: true };
        let trades = Format { kind: Kind::TickTrade { skip: 2 }, scaled: true, day: Some(0), shared: true };
        let lines = [
            "43200000,1836300,100,1836400,200,Q,1,1",
            "43200001,1836300,100,1836400,200,Q,1,0",
            "43200002,0,0,1836400,200,Q,1",
        ];
        let short = ["43200000,1836300,100,Q,1,1", "43200001,1836300,100,Q,11", "43200002,1836300,100"];
        for (format, lines) in [(quotes, lines), (trades, short)] {
            for end in ["\n", "\r\n"] {
                let plain = lines.join(end) + end;
                // A space in front of a number is read the slow way.
                let slow = plain.replace(",18363", ", 18363").replace(",0,0,18364", ", 0,0,18364");
                let (plain, slow) = (BarFile::parse(plain.as_bytes(), format), BarFile::parse(slow.as_bytes(), format));
                let plain = plain.unwrap();
                assert_eq!(plain.columns.last().unwrap(), &[1.0, 0.0, 0.0], "{end:?}");
                assert_eq!(plain, slow.unwrap(), "{end:?}");
            }
        }
        let error = BarFile::parse(b"43200000,1836300,100x,Q,1,1\n", trades).unwrap_err();
        assert_eq!((error.line, error.column), (1, 3));
    }

    #[test]
    fn damaged_cells_are_named() {
        let good = "20140602 00:00,1,2,3,4,5\n";
        for (line, column, expected) in [
            ("20140602 24:00,1,2,3,4,5", 1, "a time YYYYMMDD HH:mm"),
            ("2014060 00:00,1,2,3,4,5", 1, "a time YYYYMMDD HH:mm"),
            ("20140602 00:00,1,2x,3,4,5", 3, "a decimal number"),
            ("20140602 00:00,1,2,3", 5, "a decimal number"),
            ("20140602 00:00,1,2,3,1e5,5", 5, "a decimal number"),
        ] {
            let error = trades(&format!("{good}{good}{line}\n{good}")).unwrap_err();
            assert_eq!(error, BadCell { line: 3, column, expected });
        }
    }
}
