//! Applies factors to prices and volumes.
//!
//! Source: LEAN, `Common/Extensions.cs` (`Normalize`, `Scale`, `GetUpdatePriceScaleFrontier`),
//! `Engine/DataFeeds/Enumerators/PriceScaleFactorEnumerator.cs`, `DividendEventProvider.cs`.

use super::stream::{MANY_ROWS, Stream};
use crate::bars::Kind;
use crate::decimal::scale_volumes;
use crate::factors::{Factor, FactorFile, RollFile};
use crate::hours::ExchangeHours;
use crate::maps::MapFile;
use crate::pool::Column;
use crate::symbol::Normalization;
use crate::time::DAY;
use rayon::prelude::*;

/// How to scale the rows of one security.
#[derive(Debug)]
pub(super) struct Scaling<'a> {
    /// `None` when there is no file: the factor is 1.
    pub(super) factors: Option<&'a FactorFile>,
    pub(super) mode: Normalization,
    /// ScaledRaw divides by the factor of this day.
    pub(super) end_day: i32,
    /// TotalReturn: cash per share, and the day from which it counts.
    pub(super) paid: Vec<(i32, f64)>,
}

impl<'a> Scaling<'a> {
    /// Collects what TotalReturn adds: dividends whose last day before is met in the window.
    pub(super) fn new(
        factors: Option<&'a FactorFile>,
        mode: Normalization,
        hours: &ExchangeHours,
        map: &MapFile,
        first_day: Option<i32>,
        end_day: i32,
    ) -> Scaling<'a> {
        let mut paid = Vec::new();
        if let (Normalization::TotalReturn, Some(factors), Some(first_day)) = (mode, factors, first_day) {
            let mut sum = 0.0;
            let listed = map.listed_days();
            for dividend in factors.dividends() {
                let met = first_day <= dividend.before
                    && dividend.before <= end_day
                    && (hours.is_date_open(dividend.before, false) || dividend.before == first_day)
                    && listed.contains(&dividend.before);
                if !met {
                    continue;
                }
                let paid_on = (dividend.before + 1..dividend.before + 15).find(|day| hours.is_date_open(*day, false));
                if let Some(day) = paid_on.filter(|day| listed.contains(day)) {
                    sum += dividend.amount;
                    paid.push((day, sum));
                }
            }
        }
        Scaling { factors, mode, end_day, paid }
    }

    /// Scales all rows in place.
    pub(super) fn apply(&self, stream: &mut Stream, kind: Kind) {
        if kind == Kind::OpenInterest {
            return;
        }
        let at_end = match (self.mode, self.factors) {
            (Normalization::ScaledRaw, Some(file)) => file.factor(file.row_on(self.end_day), self.mode).value,
            _ => 1.0,
        };
        let mut row = 0;
        while row < stream.n_rows() {
            // All rows up to `until` share a factor and a sum of dividends.
            let day = frontier_day(stream, row);
            let (index, mut until) = match self.factors {
                Some(file) => {
                    let index = file.row_on(day);
                    (index, file.holds_until(index))
                }
                None => (0, i32::MAX),
            };
            let mut factor = self.factors.map_or(Factor::ONE, |file| file.factor(index, self.mode));
            if self.mode == Normalization::ScaledRaw && at_end != 1.0 {
                factor = Factor { value: factor.value / at_end, exact: None };
            }
            let already = self.paid.partition_point(|(from, _)| *from <= day);
            let sum = already.checked_sub(1).and_then(|at| self.paid.get(at)).map_or(0.0, |(_, sum)| *sum);
            if let Some((from, _)) = self.paid.get(already) {
                until = until.min(from - 1);
            }
            // Rows ascend, so the end of the stretch is found by halving.
            let (mut last, mut beyond) = (row + 1, stream.n_rows());
            while last < beyond {
                let middle = last + (beyond - last) / 2;
                if frontier_day(stream, middle) <= until { last = middle + 1 } else { beyond = middle }
            }
            scale_rows(stream, kind, row..last, factor, sum);
            row = last;
        }
    }
}

/// Makes the contracts of a continuous future meet: prices are multiplied or shifted, volumes stay.
pub(super) fn roll(stream: &mut Stream, kind: Kind, file: &RollFile, mode: Normalization, mapping: u8, depth: usize) {
    if kind == Kind::OpenInterest {
        return;
    }
    let ticks = matches!(kind, Kind::TickTrade { .. } | Kind::TickQuote { .. });
    let is_price = |column: usize| match kind {
        Kind::TickTrade { .. } => column == 0,
        Kind::TickQuote { .. } => column == 0 || column == 2,
        _ => column % 5 != 4,
    };
    let mut row = 0;
    while row < stream.n_rows() {
        let roll = file.on(frontier_day(stream, row), mode, mapping, depth);
        let end = (row + 1..stream.n_rows()).find(|at| roll.until < frontier_day(stream, *at));
        let end = end.unwrap_or(stream.n_rows());
        let columns = stream.columns.iter_mut().enumerate().filter(|(index, _)| is_price(*index));
        for cell in columns.flat_map(|(_, column)| column.get_mut(row..end).unwrap_or_default()) {
            // An absent side of a tick is zero and stays so.
            if !ticks || *cell != 0.0 {
                *cell = *cell * roll.ratio + roll.shift;
            }
        }
        row = end;
    }
}

/// The day whose factor counts: of a bar that runs past midnight the day it ends, else the day it begins.
fn frontier_day(stream: &Stream, row: usize) -> i32 {
    let start = stream.start(row);
    let end = stream.ends.get(row).copied().unwrap_or_default();
    let (first, last) = (start.day(), end.day());
    if first != last && 0 < end.0.rem_euclid(DAY) { last } else { first }
}

fn scale_rows(stream: &mut Stream, kind: Kind, rows: std::ops::Range<usize>, factor: Factor, sum: f64) {
    if matches!(kind, Kind::TickTrade { .. } | Kind::TickQuote { .. }) {
        return scale_ticks(stream, rows, factor, sum);
    }
    let is_size = |column: usize| match kind {
        Kind::Trade => column == 4,
        _ => column % 5 == 4,
    };
    let of_column = |(index, column): (usize, &mut Column)| {
        let Some(cells) = column.get_mut(rows.clone()) else { return };
        if is_size(index) {
            scale_volumes(cells, factor.value, factor.exact);
        } else if factor.value != 1.0 || sum != 0.0 {
            for cell in cells {
                *cell = *cell * factor.value + sum;
            }
        }
    };
    each_column(&mut stream.columns, rows.len(), of_column);
}

/// Ticks: price and quantity by turns, the mark last. A side that is absent stays zero.
fn scale_ticks(stream: &mut Stream, rows: std::ops::Range<usize>, factor: Factor, sum: f64) {
    let n_numbers = stream.columns.len().saturating_sub(1);
    let of_column = |(index, column): (usize, &mut Column)| {
        let cells = column.get_mut(rows.clone()).unwrap_or_default();
        if index % 2 == 1 {
            scale_volumes(cells, factor.value, factor.exact);
            return;
        }
        for cell in cells {
            *cell = if *cell == 0.0 { *cell } else { *cell * factor.value + sum };
        }
    };
    each_column(stream.columns.get_mut(..n_numbers).unwrap_or_default(), rows.len(), of_column);
}

/// Does something to each column with its number, of many rows at the same time.
fn each_column(columns: &mut [Column], n_rows: usize, of_column: impl Fn((usize, &mut Column)) + Sync + Send) {
    if n_rows < MANY_ROWS {
        columns.iter_mut().enumerate().for_each(of_column);
    } else {
        columns.par_iter_mut().enumerate().with_max_len(1).for_each(of_column);
    }
}
