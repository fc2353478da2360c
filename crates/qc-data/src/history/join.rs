//! Joins trades and quotes of one instant to a row, as QuantBook's data frame does.
//!
//! Open, high, low and close come from the trade bar; where there is none, from the middle of bid and ask.
//! Source: LEAN, `Common/Python/PandasData.cs`.

mod ticks;

pub(super) use ticks::{join_ticks, ticks_as_shown};

use super::columns::{Columns, Field};
use super::result::TickerRun;
use super::stream::Stream;
use crate::bars::Kind;
use crate::pool::Column;
use crate::time::LocalTime;
use rayon::prelude::*;

const TRADE: [Field; 5] = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];
const QUOTE: [Field; 10] = [
    Field::BidOpen,
    Field::BidHigh,
    Field::BidLow,
    Field::BidClose,
    Field::BidSize,
    Field::AskOpen,
    Field::AskHigh,
    Field::AskLow,
    Field::AskClose,
    Field::AskSize,
];

const TICK_TRADE: [Field; 3] = [Field::LastPrice, Field::Quantity, Field::Suspicious];
const TICK_QUOTE: [Field; 5] = [Field::BidPrice, Field::BidSize, Field::AskPrice, Field::AskSize, Field::Suspicious];

/// Rows of one security, joined.
#[derive(Debug, Default)]
pub(super) struct Joined {
    pub(super) times: Vec<LocalTime>,
    pub(super) columns: Columns,
    pub(super) filled: Vec<bool>,
    pub(super) tickers: Vec<TickerRun>,
}

/// Joins the streams that there are.
pub(super) fn join(trades: Option<Stream>, quotes: Option<Stream>) -> Joined {
    let trades = trades.filter(|stream| 0 < stream.n_rows());
    let quotes = quotes.filter(|stream| 0 < stream.n_rows());
    match (trades, quotes) {
        (None, None) => Joined::default(),
        (Some(trades), None) => single(trades, &TRADE),
        (None, Some(quotes)) => only_quotes(quotes),
        (Some(trades), Some(quotes)) => both(trades, quotes),
    }
}

/// Which columns of a kind of bar are read for these fields of the answer; none named means all.
pub(super) fn wanted(kind: Kind, fields: &[Field]) -> Vec<bool> {
    let is_asked = |field: &Field| fields.is_empty() || fields.contains(field);
    // A price of the answer may be the middle of bid and ask.
    let either = |field: &Field, price: Option<&Field>| is_asked(field) || price.is_some_and(is_asked);
    match kind {
        Kind::Trade => TRADE.iter().map(is_asked).collect(),
        Kind::Quote => {
            let prices = TRADE.iter().take(4).map(Some).chain([None]).cycle();
            QUOTE.iter().zip(prices).map(|(field, price)| either(field, price)).collect()
        }
        Kind::OpenInterest => vec![true],
        Kind::TickTrade { .. } => TICK_TRADE.iter().map(is_asked).collect(),
        Kind::TickQuote { .. } => {
            let of_price = |field: &Field| matches!(field, Field::BidPrice | Field::AskPrice);
            let price = |field: &Field| of_price(field).then_some(&Field::LastPrice);
            TICK_QUOTE.iter().map(|field| either(field, price(field))).collect()
        }
    }
}

/// Adds the number of open contracts as a column, on the union of times.
pub(super) fn add_interest(joined: Joined, interest: Stream) -> Joined {
    if interest.n_rows() == 0 {
        return joined;
    }
    let Some(values) = interest.columns.first() else { return joined };
    let mut times: Vec<LocalTime> = Vec::with_capacity(joined.times.len() + interest.n_rows());
    let mut old_rows: Vec<Option<usize>> = Vec::new();
    let mut new_rows: Vec<Option<usize>> = Vec::new();
    let (mut old, mut new) = (0, 0);
    loop {
        let (a, b) = (joined.times.get(old), interest.ends.get(new));
        let (take_old, take_new, at) = match (a, b) {
            (Some(a), Some(b)) => (a <= b, b <= a, *a.min(b)),
            (Some(a), None) => (true, false, *a),
            (None, Some(b)) => (false, true, *b),
            (None, None) => break,
        };
        times.push(at);
        old_rows.push(take_old.then_some(old));
        new_rows.push(take_new.then_some(new));
        (old, new) = (old + usize::from(take_old), new + usize::from(take_new));
    }
    let spread = |column: &[f64], rows: &[Option<usize>]| -> Column {
        rows.iter().map(|row| row.and_then(|row| column.get(row)).copied().unwrap_or(f64::NAN)).collect()
    };
    let mut list: Vec<(Field, Column)> =
        joined.columns.iter().map(|(field, column)| (field, spread(column, &old_rows))).collect();
    list.push((Field::OpenInterest, spread(values, &new_rows)));
    let filled = old_rows.iter().map(|row| row.and_then(|row| joined.filled.get(row)).copied().unwrap_or(false));
    // A run begins where its first row went.
    let moved = |run: &TickerRun| old_rows.iter().position(|row| row.is_some_and(|row| run.row <= row));
    let mut tickers: Vec<TickerRun> = joined
        .tickers
        .iter()
        .filter_map(|run| Some(TickerRun { row: moved(run)?, ticker: run.ticker.clone() }))
        .collect();
    match tickers.first_mut() {
        Some(first) => first.row = 0,
        None => tickers.clone_from(&interest.tickers),
    }
    Joined { filled: filled.collect(), columns: Columns::new(list), times, tickers }
}

fn single(stream: Stream, fields: &[Field]) -> Joined {
    let n_rows = stream.n_rows();
    let filled = if stream.filled.is_empty() { vec![false; n_rows] } else { stream.filled };
    Joined {
        times: stream.ends,
        columns: Columns::new(fields.iter().copied().zip(stream.columns).collect()),
        filled,
        tickers: stream.tickers,
    }
}

fn only_quotes(quotes: Stream) -> Joined {
    let middles: Vec<(Field, Column)> =
        (0..4).into_par_iter().zip(&TRADE).map(|(at, field)| (*field, middle(&quotes, at))).collect();
    let Joined { times, columns, filled, tickers } = single(quotes, &QUOTE);
    let mut list: Vec<(Field, Column)> = columns.into_list();
    list.extend(middles);
    Joined { times, columns: Columns::new(list), filled, tickers }
}

/// The middle of bid and ask of one of open, high, low, close; the side that is there if one is missing.
fn middle(quotes: &Stream, at: usize) -> Column {
    let (Some(bids), Some(asks)) = (quotes.columns.get(at), quotes.columns.get(at + 5)) else {
        return Column::default();
    };
    bids.made_beside(bids.iter().zip(asks.iter()).map(|(bid, ask)| middle_of(*bid, *ask)))
}

fn middle_of(bid: f64, ask: f64) -> f64 {
    match (bid.is_nan() || bid == 0.0, ask.is_nan() || ask == 0.0) {
        (false, false) => (bid + ask) / 2.0,
        (true, false) => ask,
        (false, true) => bid,
        (true, true) => f64::NAN,
    }
}

/// Rows that follow each other in a stream and in the answer.
#[derive(Debug, Clone, Copy)]
struct Stretch {
    /// First row in the stream.
    from: usize,
    /// First row in the answer.
    to: usize,
    n_rows: usize,
}

/// Which rows of the answer a stream fills.
#[derive(Debug, Default)]
struct Layout {
    stretches: Vec<Stretch>,
}

impl Layout {
    fn push(&mut self, from: usize, to: usize) {
        match self.stretches.last_mut() {
            Some(last) if last.from + last.n_rows == from && last.to + last.n_rows == to => last.n_rows += 1,
            _ => self.stretches.push(Stretch { from, to, n_rows: 1 }),
        }
    }

    /// The column with a missing cell where the stream has no row.
    fn spread(&self, column: Column, n_rows: usize) -> Column {
        if column.is_empty() {
            return column;
        }
        if let [all] = self.stretches.as_slice()
            && all.n_rows == n_rows
            && column.len() == n_rows
        {
            return column;
        }
        let mut out = column.beside(n_rows);
        for stretch in &self.stretches {
            out.resize(stretch.to, f64::NAN);
            out.extend_from_slice(column.get(stretch.from..stretch.from + stretch.n_rows).unwrap_or_default());
        }
        out.resize(n_rows, f64::NAN);
        out
    }

    /// The stream's row for each row of the answer.
    fn rows(&self, n_rows: usize) -> Vec<Option<usize>> {
        let mut rows = vec![None; n_rows];
        for stretch in &self.stretches {
            for at in 0..stretch.n_rows {
                if let Some(row) = rows.get_mut(stretch.to + at) {
                    *row = Some(stretch.from + at);
                }
            }
        }
        rows
    }
}

fn both(trades: Stream, quotes: Stream) -> Joined {
    let room = trades.n_rows().max(quotes.n_rows());
    let mut times: Vec<LocalTime> = Vec::with_capacity(room);
    let mut filled: Vec<bool> = Vec::with_capacity(room);
    let (mut of_trades, mut of_quotes) = (Layout::default(), Layout::default());
    let mut only_quotes: Vec<(usize, usize)> = Vec::new();
    let (mut trade, mut quote) = (0, 0);
    loop {
        let (t, q) = (trades.ends.get(trade), quotes.ends.get(quote));
        let (take_trade, take_quote, at) = match (t, q) {
            (Some(t), Some(q)) => (t <= q, q <= t, *t.min(q)),
            (Some(t), None) => (true, false, *t),
            (None, Some(q)) => (false, true, *q),
            (None, None) => break,
        };
        let row = times.len();
        times.push(at);
        let marked = |stream: &Stream, row: usize| stream.filled.get(row).copied().unwrap_or(false);
        // The bar that gives the row its prices decides.
        filled.push(if take_trade { marked(&trades, trade) } else { marked(&quotes, quote) });
        if take_trade {
            of_trades.push(trade, row);
        } else {
            only_quotes.push((row, quote));
        }
        if take_quote {
            of_quotes.push(quote, row);
        }
        trade += usize::from(take_trade);
        quote += usize::from(take_quote);
    }
    let n_rows = times.len();
    let tickers = merge_tickers(&trades, &quotes, || (of_trades.rows(n_rows), of_quotes.rows(n_rows)));
    let side = |at: usize, quote: usize| quotes.columns.get(at).and_then(|column| column.get(quote)).copied();
    let with_middles = |(at, (field, column)): (usize, (&Field, Column))| {
        let mut cells = of_trades.spread(column, n_rows);
        if *field != Field::Volume {
            for (row, quote) in &only_quotes {
                if let (Some(cell), Some(bid), Some(ask)) =
                    (cells.get_mut(*row), side(at, *quote), side(at + 5, *quote))
                {
                    *cell = middle_of(bid, ask);
                }
            }
        }
        (*field, cells)
    };
    let mut list: Vec<(Field, Column)> =
        TRADE.par_iter().zip(trades.columns).enumerate().map(|(at, of)| with_middles((at, of))).collect();
    let spread = |(field, column): (&Field, Column)| (*field, of_quotes.spread(column, n_rows));
    list.extend(QUOTE.par_iter().zip(quotes.columns).map(spread).collect::<Vec<_>>());
    Joined { times, columns: Columns::new(list), filled, tickers }
}

/// Which ticker a row shows; `rows` says which rows of both streams each row of the answer is made of.
fn merge_tickers(
    trades: &Stream,
    quotes: &Stream,
    rows: impl FnOnce() -> (Vec<Option<usize>>, Vec<Option<usize>>),
) -> Vec<TickerRun> {
    let ticker = |stream: &Stream, row: usize| {
        stream.tickers.iter().take_while(|run| run.row <= row).last().map(|run| run.ticker.clone())
    };
    if trades.tickers.len() == 1 && quotes.tickers == trades.tickers {
        return trades.tickers.clone();
    }
    let (trade_rows, quote_rows) = rows();
    let mut runs: Vec<TickerRun> = Vec::new();
    for (row, (trade, quote)) in trade_rows.iter().zip(&quote_rows).enumerate() {
        let name = trade.and_then(|row| ticker(trades, row)).or_else(|| quote.and_then(|row| ticker(quotes, row)));
        if let Some(name) = name
            && runs.last().is_none_or(|run| run.ticker != name)
        {
            runs.push(TickerRun { row, ticker: name });
        }
    }
    runs
}
