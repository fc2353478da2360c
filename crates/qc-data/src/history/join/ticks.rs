//! Ticks: trades and quotes in one order, each with the cells of its own kind.

use super::{Joined, TICK_QUOTE, TICK_TRADE, merge_tickers, middle_of};
use crate::history::columns::{Columns, Field};
use crate::history::stream::Stream;
use crate::pool::Column;
use crate::time::{LocalTime, SECOND};
use rayon::prelude::*;

/// Nanoseconds of a microsecond.
const MICROSECOND: i64 = 1_000;

/// Ticks of trades and quotes in the order of time, of one moment the trades first.
pub(in crate::history) fn join_ticks(trades: Option<Stream>, quotes: Option<Stream>) -> Joined {
    let trades = trades.unwrap_or_default();
    let quotes = quotes.unwrap_or_default();
    let (times, order) = by_time(&trades.ends, &quotes.ends);
    let (n_rows, n_trades) = (times.len(), trades.n_rows());
    let of_trades = |column: usize| Part::of(trades.columns.get(column));
    let of_quotes = |column: usize| Part::of(quotes.columns.get(column));
    let pick = |trade: Part<'_>, quote: Part<'_>| -> Column {
        let any = trades.columns.first().or(quotes.columns.first());
        let mut out = any.map_or_else(|| Column::with_capacity(n_rows), |any| any.beside(n_rows));
        // Trades and quotes alternate every few rows: what is asked of each row has to be the same for both.
        let (trade, quote) = (trade.from(0), quote.from(n_trades));
        match (trade.cells, quote.cells) {
            ([], []) => out.extend(order.iter().map(|at| if *at < n_trades { trade.other } else { quote.other })),
            (_, []) => out.extend(order.iter().map(|at| trade.at(*at, quote.other))),
            ([], _) => out.extend(order.iter().map(|at| quote.at(*at, trade.other))),
            _ => out.extend(order.iter().map(|at| quote.at(*at, trade.at(*at, trade.other)))),
        }
        out
    };
    let mut fields = TICK_TRADE.to_vec();
    if 0 < quotes.n_rows() {
        fields.extend(TICK_QUOTE.iter().filter(|field| **field != Field::Suspicious));
    }
    let column = |field: Field| match field {
        Field::LastPrice => {
            let middle =
                |(bid, ask): (&f64, &f64)| Some(middle_of(*bid, *ask)).filter(|at| !at.is_nan()).unwrap_or(0.0);
            let middles: Column = match (quotes.columns.first(), quotes.columns.get(2)) {
                (Some(bids), Some(asks)) => bids.made_beside(bids.iter().zip(asks.iter()).map(middle)),
                _ => Column::default(),
            };
            pick(of_trades(0), Part::of(Some(&middles)))
        }
        Field::Quantity => pick(of_trades(1), Part::Always(0.0)),
        Field::Suspicious => pick(of_trades(2), of_quotes(4)),
        Field::BidPrice => pick(Part::Always(f64::NAN), of_quotes(0)),
        Field::BidSize => pick(Part::Always(f64::NAN), of_quotes(1)),
        Field::AskPrice => pick(Part::Always(f64::NAN), of_quotes(2)),
        _ => pick(Part::Always(f64::NAN), of_quotes(3)),
    };
    let is_made = |field: &Field| {
        let at = |fields: &[Field], stream: &Stream| {
            let at = fields.iter().position(|known| known == field);
            at.is_some_and(|at| stream.wanted.get(at).copied().unwrap_or(false))
        };
        at(&TICK_TRADE, &trades) || at(&TICK_QUOTE, &quotes) || (*field == Field::LastPrice && at_price(&quotes))
    };
    fields.retain(is_made);
    let list = fields.into_par_iter().with_max_len(1).map(|field| (field, column(field))).collect();
    let rows = || {
        let split = |at: &usize| match at.checked_sub(n_trades) {
            None => (Some(*at), None),
            quote => (None, quote),
        };
        order.iter().map(split).unzip()
    };
    let tickers = merge_tickers(&trades, &quotes, rows);
    Joined { times, columns: Columns::new(list), filled: vec![false; n_rows], tickers }
}

/// Times as QuantBook's index has them: files go down to tenths of a microsecond, Python's clock to microseconds.
///
/// Source: QuantConnect's pythonnet, `Converter.cs` (`ToPython` of a `DateTime`): the fraction of the seconds since midnight,
/// as a double, rounded to microseconds with halves to the even one, and never up to a whole second.
pub(in crate::history) fn ticks_as_shown(mut joined: Joined) -> Joined {
    for at in joined.times.iter_mut().filter(|at| at.0 % MICROSECOND != 0) {
        let of_day = at.of_day();
        let seconds = (of_day / 100) as f64 / 1e7;
        let micros = (seconds.fract() * 1e6).round_ties_even().min(999_999.0) as i64;
        *at = LocalTime(at.0 - of_day % SECOND + micros * MICROSECOND);
    }
    joined
}

/// Whether bids of ticks were read, which the price of a tick without trade is made of.
fn at_price(quotes: &Stream) -> bool {
    quotes.wanted.first().copied().unwrap_or(false)
}

/// What a column of ticks shows in rows of one source.
enum Part<'a> {
    Cells(&'a [f64]),
    Always(f64),
}

impl Part<'_> {
    fn of(column: Option<&Column>) -> Part<'_> {
        column.filter(|cells| !cells.is_empty()).map_or(Part::Always(f64::NAN), |cells| Part::Cells(cells))
    }
}

/// The cells of a source, whose rows stand in the order from `first` on, and what rows of another source show.
struct Source<'a> {
    cells: &'a [f64],
    first: usize,
    other: f64,
}

impl<'a> Part<'a> {
    fn from(self, first: usize) -> Source<'a> {
        match self {
            Part::Cells(cells) => Source { cells, first, other: f64::NAN },
            Part::Always(other) => Source { cells: &[], first, other },
        }
    }
}

impl Source<'_> {
    /// The cell of a row, or `other` where the row is not of this source. Looks at a cell either way: a branch would be
    /// guessed wrong every few rows.
    #[inline(always)]
    fn at(&self, row: usize, other: f64) -> f64 {
        let own = row.wrapping_sub(self.first);
        let last = self.cells.len().saturating_sub(1);
        let cell = self.cells.get(own.min(last)).copied().unwrap_or(other);
        if own <= last { cell } else { other }
    }
}

/// Trades and quotes by time, of one moment the trades first: the times, and which row each is. Rows of quotes are counted
/// from the number of trades on.
fn by_time(trades: &[LocalTime], quotes: &[LocalTime]) -> (Vec<LocalTime>, Vec<usize>) {
    let n_rows = trades.len() + quotes.len();
    if !trades.is_sorted() || !quotes.is_sorted() {
        let mut all: Vec<(LocalTime, usize)> = trades.iter().chain(quotes).copied().zip(0..).collect();
        all.sort();
        return all.into_iter().unzip();
    }
    let (mut times, mut order) = (Vec::with_capacity(n_rows), Vec::with_capacity(n_rows));
    let (mut trade, mut quote) = (0, 0);
    while let (Some(traded), Some(quoted)) = (trades.get(trade), quotes.get(quote)) {
        let is_trade = traded <= quoted;
        times.push(*traded.min(quoted));
        order.push(if is_trade { trade } else { trades.len() + quote });
        trade += usize::from(is_trade);
        quote += usize::from(!is_trade);
    }
    times.extend_from_slice(trades.get(trade..).unwrap_or_default());
    times.extend_from_slice(quotes.get(quote..).unwrap_or_default());
    order.extend(trade..trades.len());
    order.extend(trades.len() + quote..n_rows);
    (times, order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_microseconds() {
        let morning = LocalTime::of_day_number(16_194).0 + 34_200 * SECOND;
        let times = [5_314_200, 7_000, 5_314_700, 999_999_800].map(|nanos| LocalTime(morning + nanos)).to_vec();
        let shown = ticks_as_shown(Joined { times, ..Joined::default() }).times;
        assert_eq!(shown, [5_314_000, 7_000, 5_315_000, 999_999_000].map(|nanos| LocalTime(morning + nanos)));
    }

    #[test]
    fn ticks_stand_in_the_order_of_time_and_trades_before_quotes_of_their_moment() {
        let at = |moments: &[i64]| moments.iter().copied().map(LocalTime).collect::<Vec<_>>();
        // Four trades are rows 0 to 3, the quotes stand from 4 on.
        let (times, order) = by_time(&at(&[2, 3, 3, 9]), &at(&[1, 3, 3, 4]));
        assert_eq!(times, at(&[1, 2, 3, 3, 3, 3, 4, 9]));
        assert_eq!(order, [4, 0, 1, 2, 5, 6, 7, 3]);
        // Times that go back are sorted, not taken as they come.
        assert_eq!(by_time(&at(&[5, 2]), &at(&[5])), (at(&[2, 5, 5]), vec![1, 0, 2]));
        assert_eq!(by_time(&[], &at(&[7])), (at(&[7]), vec![0]));
        assert_eq!(by_time(&at(&[7]), &[]), (at(&[7]), vec![0]));
    }

    #[test]
    fn a_row_shows_the_cell_of_its_source() {
        let (trades, quotes) = ([1.0, 2.0], [3.0, 4.0, 5.0]);
        let (trade, quote) = (Part::Cells(&trades).from(0), Part::Cells(&quotes).from(2));
        let of = |row| quote.at(row, trade.at(row, -1.0));
        assert_eq!((0..6).map(of).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 5.0, -1.0]);
        assert_eq!(Part::Always(7.0).from(0).at(0, 8.0), 8.0, "no cells");
    }
}
