//! Joins trades and quotes of one instant to a row, as QuantBook's data frame does.
//!
//! Open, high, low and close come from the trade bar; where there is none, from the middle of bid and ask.
//! Source: LEAN, `Common/Python/PandasData.cs`.

use super::columns::{Columns, Field};
use super::result::TickerRun;
use super::stream::Stream;
use crate::time::LocalTime;

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
        (Some(trades), Some(quotes)) => both(&trades, &quotes),
    }
}

/// Ticks of trades and quotes in the order of time, of one moment the trades first.
pub(super) fn join_ticks(trades: Option<Stream>, quotes: Option<Stream>) -> Joined {
    let trades = trades.unwrap_or_default();
    let quotes = quotes.unwrap_or_default();
    let order = by_time(&trades.ends, &quotes.ends);
    let cell = |stream: &Stream, column: usize, row: usize| {
        stream.columns.get(column).and_then(|cells| cells.get(row)).copied().unwrap_or(f64::NAN)
    };
    let pick = |of_trade: Option<usize>, of_quote: Option<usize>| -> Vec<f64> {
        let value = |(_, is_quote, row): &(LocalTime, bool, usize)| match (is_quote, of_trade, of_quote) {
            (false, Some(column), _) => cell(&trades, column, *row),
            (true, _, Some(column)) => cell(&quotes, column, *row),
            _ => f64::NAN,
        };
        order.iter().map(value).collect()
    };
    let middle = |row: usize| middle_of(cell(&quotes, 0, row), cell(&quotes, 2, row));
    let last_price = |(_, is_quote, row): &(LocalTime, bool, usize)| match is_quote {
        false => cell(&trades, 0, *row),
        true => Some(middle(*row)).filter(|middle| !middle.is_nan()).unwrap_or(0.0),
    };
    let quantity = |(_, is_quote, row): &(LocalTime, bool, usize)| if *is_quote { 0.0 } else { cell(&trades, 1, *row) };
    let mut list = vec![
        (Field::LastPrice, order.iter().map(last_price).collect()),
        (Field::Quantity, order.iter().map(quantity).collect()),
        (Field::Suspicious, pick(Some(2), Some(4))),
    ];
    if 0 < quotes.n_rows() {
        list.push((Field::BidPrice, pick(None, Some(0))));
        list.push((Field::BidSize, pick(None, Some(1))));
        list.push((Field::AskPrice, pick(None, Some(2))));
        list.push((Field::AskSize, pick(None, Some(3))));
    }
    let rows = |quotes: bool| -> Vec<Option<usize>> {
        order.iter().map(|(_, is_quote, row)| (*is_quote == quotes).then_some(*row)).collect()
    };
    let tickers = merge_tickers(&trades, &quotes, &rows(false), &rows(true));
    Joined {
        times: order.iter().map(|(at, ..)| *at).collect(),
        columns: Columns::new(list),
        filled: vec![false; order.len()],
        tickers,
    }
}

/// Rows of trades and quotes by time, as (time, whether a quote, row); of one moment the trades first.
fn by_time(trades: &[LocalTime], quotes: &[LocalTime]) -> Vec<(LocalTime, bool, usize)> {
    let mut order = Vec::with_capacity(trades.len() + quotes.len());
    if !trades.is_sorted() || !quotes.is_sorted() {
        order.extend(trades.iter().enumerate().map(|(row, at)| (*at, false, row)));
        order.extend(quotes.iter().enumerate().map(|(row, at)| (*at, true, row)));
        order.sort();
        return order;
    }
    let mut left = quotes.iter().enumerate().peekable();
    for (row, at) in trades.iter().enumerate() {
        while let Some((row, earlier)) = left.next_if(|(_, quote)| *quote < at) {
            order.push((*earlier, true, row));
        }
        order.push((*at, false, row));
    }
    order.extend(left.map(|(row, at)| (*at, true, row)));
    order
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
    let spread = |column: &[f64], rows: &[Option<usize>]| -> Vec<f64> {
        rows.iter().map(|row| row.and_then(|row| column.get(row)).copied().unwrap_or(f64::NAN)).collect()
    };
    let mut list: Vec<(Field, Vec<f64>)> =
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
    let middles: Vec<(Field, Vec<f64>)> =
        TRADE.iter().take(4).enumerate().map(|(at, field)| (*field, middle(&quotes, at))).collect();
    let Joined { times, columns, filled, tickers } = single(quotes, &QUOTE);
    let mut list: Vec<(Field, Vec<f64>)> = columns.into_list();
    list.extend(middles);
    Joined { times, columns: Columns::new(list), filled, tickers }
}

/// The middle of bid and ask of one of open, high, low, close; the side that is there if one is missing.
fn middle(quotes: &Stream, at: usize) -> Vec<f64> {
    let (Some(bids), Some(asks)) = (quotes.columns.get(at), quotes.columns.get(at + 5)) else { return Vec::new() };
    bids.iter().zip(asks).map(|(bid, ask)| middle_of(*bid, *ask)).collect()
}

fn middle_of(bid: f64, ask: f64) -> f64 {
    match (bid.is_nan() || bid == 0.0, ask.is_nan() || ask == 0.0) {
        (false, false) => (bid + ask) / 2.0,
        (true, false) => ask,
        (false, true) => bid,
        (true, true) => f64::NAN,
    }
}

fn both(trades: &Stream, quotes: &Stream) -> Joined {
    let mut out = Joined::default();
    let mut trade_rows: Vec<Option<usize>> = Vec::new();
    let mut quote_rows: Vec<Option<usize>> = Vec::new();
    let (mut trade, mut quote) = (0, 0);
    loop {
        let (t, q) = (trades.ends.get(trade), quotes.ends.get(quote));
        let (take_trade, take_quote, at) = match (t, q) {
            (Some(t), Some(q)) => (t <= q, q <= t, *t.min(q)),
            (Some(t), None) => (true, false, *t),
            (None, Some(q)) => (false, true, *q),
            (None, None) => break,
        };
        out.times.push(at);
        trade_rows.push(take_trade.then_some(trade));
        quote_rows.push(take_quote.then_some(quote));
        let marked = |stream: &Stream, row: usize| stream.filled.get(row).copied().unwrap_or(false);
        // The bar that gives the row its prices decides.
        out.filled.push(if take_trade { marked(trades, trade) } else { marked(quotes, quote) });
        trade += usize::from(take_trade);
        quote += usize::from(take_quote);
    }
    let spread = |column: &[f64], rows: &[Option<usize>]| -> Vec<f64> {
        rows.iter().map(|row| row.and_then(|row| column.get(row)).copied().unwrap_or(f64::NAN)).collect()
    };
    let mut list = Vec::new();
    for (at, (field, column)) in TRADE.iter().zip(&trades.columns).enumerate() {
        let mut cells = spread(column, &trade_rows);
        if *field != Field::Volume {
            let middles = middle(quotes, at);
            for ((cell, trade), quote) in cells.iter_mut().zip(&trade_rows).zip(&quote_rows) {
                if let (None, Some(quote)) = (trade, quote) {
                    *cell = middles.get(*quote).copied().unwrap_or(f64::NAN);
                }
            }
        }
        list.push((*field, cells));
    }
    list.extend(QUOTE.iter().zip(&quotes.columns).map(|(field, column)| (*field, spread(column, &quote_rows))));
    out.columns = Columns::new(list);
    out.tickers = merge_tickers(trades, quotes, &trade_rows, &quote_rows);
    out
}

fn merge_tickers(
    trades: &Stream,
    quotes: &Stream,
    trade_rows: &[Option<usize>],
    quote_rows: &[Option<usize>],
) -> Vec<TickerRun> {
    let ticker = |stream: &Stream, row: usize| {
        stream.tickers.iter().take_while(|run| run.row <= row).last().map(|run| run.ticker.clone())
    };
    if trades.tickers.len() == 1 && quotes.tickers == trades.tickers {
        return trades.tickers.clone();
    }
    let mut runs: Vec<TickerRun> = Vec::new();
    for (row, (trade, quote)) in trade_rows.iter().zip(quote_rows).enumerate() {
        let name = trade.and_then(|row| ticker(trades, row)).or_else(|| quote.and_then(|row| ticker(quotes, row)));
        if let Some(name) = name
            && runs.last().is_none_or(|run| run.ticker != name)
        {
            runs.push(TickerRun { row, ticker: name });
        }
    }
    runs
}
