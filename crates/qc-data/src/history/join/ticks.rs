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
    let (times, runs) = by_time(&trades.ends, &quotes.ends);
    let n_rows = times.len();
    let of_trades = |column: usize| Part::of(trades.columns.get(column));
    let of_quotes = |column: usize| Part::of(quotes.columns.get(column));
    let pick = |trade: Part<'_>, quote: Part<'_>| -> Column {
        let any = trades.columns.first().or(quotes.columns.first());
        let mut out = any.map_or_else(|| Column::with_capacity(n_rows), |any| any.beside(n_rows));
        for run in &runs {
            let part = if run.is_trade { &trade } else { &quote };
            match part {
                Part::Cells(cells) => {
                    out.extend_from_slice(cells.get(run.from..run.from + run.n_rows).unwrap_or_default())
                }
                Part::Always(value) => {
                    let n_rows = out.len() + run.n_rows;
                    out.resize(n_rows, *value);
                }
            }
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
        let each = |run: &Run| (run.from..run.from + run.n_rows).map(|row| (run.is_trade, row)).collect::<Vec<_>>();
        let split = |(is_trade, row): (bool, usize)| (is_trade.then_some(row), (!is_trade).then_some(row));
        runs.iter().flat_map(each).map(split).unzip()
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

/// Ticks of one source that follow each other in the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Run {
    is_trade: bool,
    /// First row in the source.
    from: usize,
    n_rows: usize,
}

/// Trades and quotes by time; of one moment the trades first.
fn by_time(trades: &[LocalTime], quotes: &[LocalTime]) -> (Vec<LocalTime>, Vec<Run>) {
    let n_rows = trades.len() + quotes.len();
    let (mut times, mut runs) = (Vec::with_capacity(n_rows), Vec::<Run>::with_capacity(n_rows / 4));
    let mut push = |is_trade: bool, from: usize, all: &[LocalTime]| {
        if all.is_empty() {
            return;
        }
        times.extend_from_slice(all);
        match runs.last_mut() {
            Some(last) if last.is_trade == is_trade && last.from + last.n_rows == from => last.n_rows += all.len(),
            _ => runs.push(Run { is_trade, from, n_rows: all.len() }),
        }
    };
    if !trades.is_sorted() || !quotes.is_sorted() {
        let of_trades = trades.iter().enumerate().map(|(row, at)| (*at, false, row));
        let of_quotes = quotes.iter().enumerate().map(|(row, at)| (*at, true, row));
        let mut all: Vec<(LocalTime, bool, usize)> = of_trades.chain(of_quotes).collect();
        all.sort();
        for (at, is_quote, row) in all {
            push(!is_quote, row, &[at]);
        }
        return (times, runs);
    }
    let (mut trade, mut quote) = (0, 0);
    while let Some(at) = trades.get(trade) {
        let rest = quotes.get(quote..).unwrap_or_default();
        let earlier = rest.iter().take_while(|quote| *quote < at).count();
        push(false, quote, rest.get(..earlier).unwrap_or_default());
        quote += earlier;
        let rest = trades.get(trade..).unwrap_or_default();
        let n = quotes.get(quote).map_or(rest.len(), |next| rest.iter().take_while(|trade| *trade <= next).count());
        push(true, trade, rest.get(..n).unwrap_or_default());
        trade += n;
    }
    push(false, quote, quotes.get(quote..).unwrap_or_default());
    (times, runs)
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
        let run = |is_trade, from, n_rows| Run { is_trade, from, n_rows };
        let (times, runs) = by_time(&at(&[2, 3, 3, 9]), &at(&[1, 3, 3, 4]));
        assert_eq!(times, at(&[1, 2, 3, 3, 3, 3, 4, 9]));
        assert_eq!(runs, [run(false, 0, 1), run(true, 0, 3), run(false, 1, 3), run(true, 3, 1)]);
        // Times that go back are sorted, not taken as they come.
        let (times, runs) = by_time(&at(&[5, 2]), &at(&[5]));
        assert_eq!(times, at(&[2, 5, 5]));
        assert_eq!(runs, [run(true, 1, 1), run(true, 0, 1), run(false, 0, 1)]);
        assert_eq!(by_time(&[], &at(&[7])), (at(&[7]), vec![run(false, 0, 1)]));
    }
}
