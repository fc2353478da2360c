//! Factor files: how earlier prices are scaled for splits and dividends.
//!
//! A row `YYYYMMDD,price_factor,split_factor,reference_price` holds for all days up to and including its date, which
//! is the last trading day *before* the event. LEAN ignores a whole file for one line that it cannot read (even an
//! empty one); so do we, and say so.
//! Source: LEAN, `Common/Data/Auxiliary/CorporateFactorRow.cs`, `CorporateFactorProvider.cs`, `PriceScalingExtensions.cs`.

mod rolls;

pub(crate) use rolls::RollFile;

use crate::decimal::Decimal;
use crate::symbol::Normalization;
use crate::time::{DAY, days_since_epoch};
use jiff::civil::Date;

/// One row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct FactorRow {
    /// Last day for which the row holds, in days since 1970.
    pub(crate) day: i32,
    /// Dividends.
    pub(crate) price: Decimal,
    /// Splits.
    pub(crate) split: Decimal,
    /// Close of the day, as traded.
    pub(crate) reference: f64,
}

/// A factor and the decimal number it stands for, where that is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Factor {
    pub(crate) value: f64,
    pub(crate) exact: Option<Decimal>,
}

impl Factor {
    pub(crate) const ONE: Factor = Factor { value: 1.0, exact: None };
}

/// All factors of a company.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FactorFile {
    /// Rows by day, each day once.
    rows: Vec<FactorRow>,
    /// Why LEAN would ignore the file: the number of the line that cannot be read.
    pub(crate) broken_at_line: Option<usize>,
}

/// A dividend that a factor file implies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Dividend {
    /// Last trading day before the dividend, in days since 1970.
    pub(crate) before: i32,
    /// Cash per share, not adjusted for splits.
    pub(crate) amount: f64,
}

impl FactorFile {
    /// Reads a factor file as LEAN does.
    pub(crate) fn parse(text: &str) -> FactorFile {
        let mut rows: Vec<FactorRow> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (index, line) in text.lines().enumerate() {
            if !seen.insert(line) || line.contains("inf") || line.contains("e+") {
                continue;
            }
            let Some(row) = parse_row(line) else {
                return FactorFile { rows: Vec::new(), broken_at_line: Some(index + 1) };
            };
            if 0.0 < row.price.to_f64() * row.split.to_f64() {
                rows.push(row);
            }
        }
        rows.sort_by_key(|row| row.day); // stable, so of one day the first row stays first
        rows.dedup_by_key(|row| row.day);
        FactorFile { rows, broken_at_line: None }
    }

    /// All rows by day.
    #[cfg(test)]
    pub(crate) fn rows(&self) -> &[FactorRow] {
        &self.rows
    }

    /// The first day for which LEAN gives prices: the day before the first row.
    pub(crate) fn first_day(&self) -> Option<i32> {
        self.rows.first().map(|row| row.day - 1)
    }

    /// Index of the row that holds on a day.
    pub(crate) fn row_on(&self, day: i32) -> usize {
        self.rows.partition_point(|row| row.day < day)
    }

    /// The last day for which the row with this index holds.
    pub(crate) fn holds_until(&self, index: usize) -> i32 {
        self.rows.get(index).map_or(i32::MAX, |row| row.day)
    }

    /// The factor of the row with this index; 1 behind the last row.
    pub(crate) fn factor(&self, index: usize, mode: Normalization) -> Factor {
        let Some(row) = self.rows.get(index) else { return Factor::ONE };
        let exact = match mode {
            Normalization::Adjusted | Normalization::ScaledRaw => row.price.times(row.split),
            Normalization::SplitAdjusted | Normalization::TotalReturn => Some(row.split),
            _ => return Factor::ONE,
        };
        let value = exact.map_or_else(|| row.price.to_f64() * row.split.to_f64(), Decimal::to_f64);
        Factor { value, exact }
    }

    /// All dividends, by day.
    pub(crate) fn dividends(&self) -> Vec<Dividend> {
        let pairs = self.rows.windows(2).filter_map(|pair| match pair {
            [row, next] if row.price != next.price => {
                let ratio = row.price.to_f64() / next.price.to_f64();
                let cash = row.reference - row.reference * ratio;
                Some(Dividend { before: row.day, amount: (cash * 100.0).round_ties_even() / 100.0 })
            }
            _ => None,
        });
        pairs.collect()
    }

    /// All splits as (last trading day before, new shares per old share).
    pub(crate) fn splits(&self) -> Vec<(i32, f64)> {
        let pairs = self.rows.windows(2).filter_map(|pair| match pair {
            [row, next] if row.split != next.split => Some((row.day, next.split.to_f64() / row.split.to_f64())),
            _ => None,
        });
        pairs.collect()
    }
}

fn parse_row(line: &str) -> Option<FactorRow> {
    let mut cells = line.trim_end_matches('\r').split(',');
    let day = days_since_epoch(crate::maps::parse_day(cells.next()?)?) as i32;
    let price: Decimal = Decimal::parse(cells.next()?)?;
    let split: Decimal = Decimal::parse(cells.next()?)?;
    let reference = match cells.next() {
        Some(cell) => Decimal::parse(cell)?.to_f64(),
        None => 0.0,
    };
    Some(FactorRow { day, price, split, reference })
}

/// The day a nanosecond time stamp lies in.
pub(crate) fn day_of(nanos: i64) -> i32 {
    nanos.div_euclid(DAY) as i32
}

/// Days since 1970 of a date.
pub(crate) fn day_number(date: Date) -> i32 {
    days_since_epoch(date) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    const SPLIT: &str = "20000103,0.9,0.25,1\n20050630,0.9,0.25,50\n20100614,0.95,0.5,40\n20501231,1,1,0";

    fn factor(text: &str, day: Date, mode: Normalization) -> f64 {
        let file = FactorFile::parse(text);
        file.factor(file.row_on(day_number(day)), mode).value
    }

    #[test]
    fn a_row_holds_until_the_day_before_the_event() {
        assert_eq!(factor(SPLIT, date(2005, 6, 30), Normalization::SplitAdjusted), 0.25);
        assert_eq!(factor(SPLIT, date(2005, 7, 1), Normalization::SplitAdjusted), 0.5);
        assert_eq!(factor(SPLIT, date(2005, 7, 1), Normalization::Adjusted), 0.475);
        assert_eq!(factor(SPLIT, date(2010, 6, 15), Normalization::Adjusted), 1.0);
        assert_eq!(factor(SPLIT, date(2060, 1, 1), Normalization::Adjusted), 1.0, "behind the last row");
    }

    #[test]
    fn one_unreadable_line_makes_lean_ignore_the_file() {
        let broken = FactorFile::parse(&SPLIT.replace("\n2010", "\n\n2010"));
        assert_eq!((broken.rows().len(), broken.broken_at_line), (0, Some(3)));
        assert_eq!(FactorFile::parse("20000103,0.9").broken_at_line, Some(1), "cut off");
    }

    #[test]
    fn rows_that_cannot_be_right_are_skipped() {
        let text = "19990101,1,1.6e+6,1\n19990201,inf,1,1\n19990301,0,1,1\n".to_owned() + SPLIT + "\n20100614,7,7,7";
        let file = FactorFile::parse(&text);
        assert_eq!(file.rows().len(), 4);
        assert_eq!(file.factor(file.row_on(day_number(date(2010, 6, 14))), Normalization::SplitAdjusted).value, 0.5);
    }

    #[test]
    fn dividends_and_splits_follow_from_neighbouring_rows() {
        let file = FactorFile::parse(SPLIT);
        assert_eq!(file.splits(), [(day_number(date(2005, 6, 30)), 2.0), (day_number(date(2010, 6, 14)), 2.0)]);
        // 50 - 50 * 0.9 / 0.95 = 2.63 and 40 - 40 * 0.95 = 2
        let amounts: Vec<f64> = file.dividends().iter().map(|d| d.amount).collect();
        assert_eq!(amounts, [2.63, 2.0]);
    }
}
