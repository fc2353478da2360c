//! Bars as a caller reads them: chosen columns of one or many symbols, as a short table, in full, and as CSV.
//!
//! The other reader of history, `prices.rs`, makes panels for statistics and never sees a filled row; this one
//! answers what QuantBook's `history` answers, filled rows marked.

use jiff::civil::Date;
use qc_data::{
    BarSize, Field, History, HistoryRequest, LocalTime, MappingMode, Normalization, Resolution, Security, SecurityType,
    SymbolHistory, Window, history,
};
use qc_report::{
    chart::{Form, Line, Pane, Picture, Trace},
    csv::{Cell, Table},
};
use serde_json::{Map, Value, json};

use crate::{
    analysis::pictures,
    catalogue,
    error::{Kind, ToolError, Topic},
    prices::{self, adjustment_of, in_source},
    quantbook::{OpenSource, Subscription},
    reply,
    symbols::Symbols,
};

/// Cells (rows times columns) up to which the full history is kept as a resource.
const MAX_KEPT_CELLS: usize = 1_000_000;

/// Warnings listed in one answer; the rest is counted.
const MAX_NOTES: usize = 10;

/// What `get_history` asks.
#[derive(Debug, Clone)]
pub(crate) struct HistoryQuestion {
    /// What is read.
    pub(crate) symbols: Symbols,
    /// Days or moments.
    pub(crate) window: Window,
    /// Bars.
    pub(crate) bars: BarSize,
    /// Adjustment asked for; none for the usual one of each type of security.
    pub(crate) normalization: Option<Normalization>,
    /// Repeat the last bar where bars are missing.
    pub(crate) fill_forward: bool,
    /// Include hours before and after the session.
    pub(crate) extended_market_hours: bool,
    /// Which contract a continuous future follows; none for the market's usual way.
    pub(crate) mapping: Option<MappingMode>,
    /// How many contracts behind the front one a continuous future is; none for what the workbook says, else none behind.
    pub(crate) contract_depth: Option<usize>,
    /// Columns wanted, in this order; empty for all that hold anything.
    pub(crate) fields: Vec<Field>,
    /// Rows to show.
    pub(crate) limit: usize,
}

/// The bars of all symbols and what to say about them.
#[derive(Debug, Clone)]
pub(crate) struct Bars {
    history: History,
    fields: Vec<Field>,
    limit: usize,
    source: String,
    notes: Vec<String>,
}

/// Reads bars. Blocking and parallel inside: call it on the pool of `compute.rs`.
///
/// # Errors
/// A symbol of which the folder holds nothing in the window, a column no symbol has, damaged files.
pub(crate) fn read(source: &OpenSource, question: &HistoryQuestion) -> Result<Bars, ToolError> {
    let mut request = HistoryRequest::new(question.symbols.queries(), question.window, question.bars)
        .filled_forward(question.fill_forward);
    request.normalization = question.normalization;
    request.mapping = question.mapping;
    request.contract_depth = question.contract_depth.unwrap_or(0);
    request.open_interest = question.fields.contains(&Field::OpenInterest);
    request.extended_market_hours = question.extended_market_hours;
    source.follow(&mut request, question.contract_depth.is_some());
    let mut history = history::load(&source.folder, &request)?;
    let is_asked = question.mapping.is_some() || question.contract_depth.is_some_and(|depth| 0 < depth);
    if is_asked && !history.series.iter().any(|series| is_continuous(&series.security)) {
        let message =
            "data_mapping_mode and contract_depth_offset are for continuous futures; none of the symbols is one";
        return Err(ToolError::argument(message));
    }
    let left_out = prices::leave_out(&mut history, &question.symbols.grouped);
    require_rows(source, &history)?;
    let fields = choose_fields(&history, &question.fields)?;
    let limit = question.limit;
    let mut notes = question.symbols.warnings.clone();
    notes.extend(question.symbols.notes.iter().cloned());
    notes.extend(left_out);
    Ok(Bars { history, fields, limit, source: source.label.clone(), notes })
}

/// Whether a security is a future that goes from one contract to the next.
fn is_continuous(security: &Security) -> bool {
    security.security_type == SecurityType::Future && security.sid.date() <= qc_data::sid::DEFAULT_DATE
}

/// Refuses a symbol without rows; one that is stored as something else is told so.
fn require_rows(source: &OpenSource, history: &History) -> Result<(), ToolError> {
    let Err(error) = history.require_rows() else { return Ok(()) };
    let mut error = in_source(ToolError::from(error), source);
    if let Some(empty) = history.series.iter().find(|series| series.times.is_empty())
        && let Some(other) = catalogue::stored_as(&source.folder, &empty.security)?
    {
        error.message.push_str(&other);
    }
    Err(error)
}

/// The columns to show: those asked for, else all that hold anything in any symbol.
fn choose_fields(history: &History, wanted: &[Field]) -> Result<Vec<Field>, ToolError> {
    let mut there: Vec<Field> = history.series.iter().flat_map(|series| series.columns.visible_fields()).collect();
    there.sort_unstable();
    there.dedup();
    if wanted.is_empty() {
        // The order people read bars in; the rest as QuantBook sorts it.
        let first = [Field::Open, Field::High, Field::Low, Field::Close, Field::Volume];
        let mut fields: Vec<Field> = first.into_iter().filter(|field| there.contains(field)).collect();
        fields.extend(there.iter().filter(|field| !first.contains(field)));
        return Ok(fields);
    }
    match wanted.iter().find(|field| !history.series.iter().any(|series| series.columns.get(**field).is_some())) {
        None => Ok(wanted.to_vec()),
        Some(missing) => {
            let names: Vec<&str> = there.iter().map(|field| field.name()).collect();
            let message =
                format!("no symbol has the column {missing} at this resolution; there are {}", names.join(", "));
            Err(ToolError::new(Kind::InvalidArgument, Topic::Argument, message))
        }
    }
}

impl Bars {
    /// Rows of all symbols together.
    pub(crate) fn n_rows(&self) -> usize {
        self.history.series.iter().map(SymbolHistory::n_rows).sum()
    }

    /// The securities read, as a workbook keeps them.
    pub(crate) fn subscriptions(&self) -> Vec<Subscription> {
        prices::subscriptions(&self.history)
    }

    /// Two lines: what was read.
    pub(crate) fn summary(&self) -> String {
        let rows = self.n_rows();
        let filled: usize = self.history.series.iter().map(SymbolHistory::n_filled).sum();
        let first = self.history.series.iter().filter_map(|series| series.times.first()).min();
        let last = self.history.series.iter().filter_map(|series| series.times.last()).max();
        let symbols: Vec<&str> =
            self.history.series.iter().map(|series| series.security.ticker.as_str()).take(10).collect();
        let more = self.history.series.len().saturating_sub(symbols.len());
        let names = if more == 0 { symbols.join(", ") } else { format!("{} and {more} more", symbols.join(", ")) };
        let span = match (first, last) {
            (Some(first), Some(last)) => format!(", {} to {}", show_day(*first), show_day(*last)),
            _ => String::new(),
        };
        let filled = if filled == 0 { String::new() } else { format!(", {filled} of them filled forward") };
        let synthetic = if self.history.synthetic { " SYNTHETIC data, not real prices." } else { "" };
        let what = match self.history.bars {
            BarSize::Stored(Resolution::Tick) => "ticks".to_owned(),
            bars => format!("{bars} bars"),
        };
        format!("{names}: {rows} {what}{span}{filled}.{synthetic}")
    }

    /// The last rows of every symbol as one table, newest last.
    pub(crate) fn table(&self) -> Value {
        let per_symbol = (self.limit / self.history.series.len().max(1)).max(1);
        let any_filled = self.history.series.iter().any(|series| 0 < series.n_filled());
        let any_short = self.history.series.iter().any(|series| series.is_short.contains(&true));
        let mut columns = vec!["symbol", "time"];
        columns.extend(self.fields.iter().map(|field| field.name()));
        if any_filled {
            columns.push("is_filled");
        }
        if any_short {
            columns.push("is_short");
        }
        let mut rows: Vec<Value> = Vec::new();
        for series in &self.history.series {
            let start = series.n_rows().saturating_sub(per_symbol);
            for row in start..series.n_rows() {
                let mut cells = vec![json!(series.security.ticker), json!(time_at(series, row))];
                cells.extend(self.fields.iter().map(|field| number(readable(value_at(series, *field, row)))));
                if any_filled {
                    cells.push(json!(series.is_filled.get(row).copied().unwrap_or(false)));
                }
                if any_short {
                    cells.push(json!(series.is_short.get(row).copied().unwrap_or(false)));
                }
                rows.push(Value::Array(cells));
            }
        }
        json!({"columns": columns, "rows": rows})
    }

    /// The closes through time, for a few symbols.
    pub(crate) fn picture(&self) -> Option<Picture> {
        /// Lines that colours tell apart.
        const MOST: usize = 7;
        let shown: Vec<(&SymbolHistory, &[f64])> =
            self.history.series.iter().filter_map(|series| Some((series, series.closes()?))).take(MOST).collect();
        let mut times: Vec<LocalTime> = shown.iter().flat_map(|(series, _)| series.times.iter().copied()).collect();
        times.sort_unstable();
        times.dedup();
        if times.is_empty() {
            return None;
        }
        let trace = |(series, closes): &(&SymbolHistory, &[f64])| {
            let mut values = vec![None; times.len()];
            for (at, close) in series.times.iter().zip(*closes) {
                if let Some(slot) = times.binary_search(at).ok().and_then(|row| values.get_mut(row)) {
                    *slot = Some(readable(*close)).filter(|close| close.is_finite());
                }
            }
            Trace { name: series.security.ticker.clone(), values, form: Form::Line }
        };
        let traces: Vec<Trace> = shown.iter().map(trace).collect();
        let names: Vec<&str> = traces.iter().map(|trace| trace.name.as_str()).collect();
        let daily =
            matches!(self.history.bars, BarSize::Stored(Resolution::Daily) | BarSize::Weekly | BarSize::Monthly);
        let label = |at: &LocalTime| if daily { show_day(*at) } else { at.to_string().chars().take(16).collect() };
        Some(Picture::Line(Line {
            title: format!("Closes of {}", names.join(", ")),
            subtitle: pictures::below(&self.summary()),
            labels: times.iter().map(label).collect(),
            panes: vec![Pane { y_label: "price".to_owned(), traces, ..Pane::default() }],
            marks: Vec::new(),
        }))
    }

    /// Whether the caller named a number of rows, and so takes an answer as long as that.
    pub(crate) fn is_limit_asked(&self) -> bool {
        self.limit != crate::sheet::DEFAULT_LIMIT
    }

    /// Whether the table leaves rows out.
    pub(crate) fn is_cut(&self) -> bool {
        let per_symbol = (self.limit / self.history.series.len().max(1)).max(1);
        self.history.series.iter().any(|series| per_symbol < series.n_rows())
    }

    /// Rows, range, adjustment and clock of each symbol.
    pub(crate) fn symbols(&self) -> Value {
        let of = |series: &SymbolHistory| {
            let mut facts = json!({
                "symbol": series.security.ticker,
                "rows": series.n_rows(),
                "first": series.times.first().map(|at| at.to_string()),
                "last": series.times.last().map(|at| at.to_string()),
                "adjustment": adjustment_of(series),
            });
            if let Some(facts) = facts.as_object_mut() {
                if series.security.security_type != SecurityType::Equity {
                    facts.insert("security_type".into(), json!(series.security.security_type));
                    facts.insert("market".into(), reply::ticker(series.security.market.as_str()));
                }
                if 0 < series.n_filled() {
                    facts.insert("rows_filled".into(), json!(series.n_filled()));
                    facts.insert("last_real_bar".into(), json!(series.last_real.map(|at| at.to_string())));
                }
                if 1 < series.tickers.len() {
                    facts.insert("tickers".into(), json!(series.tickers));
                }
            }
            facts
        };
        Value::Array(self.history.series.iter().map(of).collect())
    }

    /// Where the rows come from.
    pub(crate) fn provenance(&self) -> Value {
        let zones: Vec<&str> = self.history.series.iter().filter_map(|series| series.time_zone.iana_name()).collect();
        let mut zones = zones;
        zones.sort_unstable();
        zones.dedup();
        json!({
            "source": self.source,
            "synthetic": self.history.synthetic,
            "resolution": self.history.bars.to_string(),
            "times": "end of each bar on the exchange's clock",
            "time_zone": zones.join(", "),
            "rows_used": self.n_rows(),
        })
    }

    /// What the reader of the answer should not overlook.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = Vec::new();
        if self.history.synthetic {
            warnings.push("SYNTHETIC data: a generated market, not real prices".to_owned());
        }
        for series in &self.history.series {
            let tail = series.gaps.iter().find(|gap| gap.is_tail);
            if let Some(gap) = tail {
                warnings.push(format!(
                    "{}: the last real bar is of {}, {} open days before the end asked for",
                    series.security.ticker,
                    series.last_real.map_or_else(|| "none".to_owned(), show_day),
                    gap.n_days
                ));
            }
        }
        warnings.extend(self.notes.iter().cloned());
        for note in &self.history.notes {
            warnings.push(match &note.symbol {
                Some(symbol) => format!("{symbol}: {}", note.text),
                None => note.text.clone(),
            });
        }
        let n = warnings.len();
        warnings.truncate(MAX_NOTES);
        if MAX_NOTES < n {
            warnings.push(format!("and {} more", n - MAX_NOTES));
        }
        warnings
    }

    /// Whether the full history is small enough to be kept as a resource.
    pub(crate) fn can_be_kept(&self) -> bool {
        self.n_rows().saturating_mul(self.fields.len() + 1) <= MAX_KEPT_CELLS
    }

    /// All rows: per symbol one list per column.
    pub(crate) fn full(&self) -> Value {
        let mut symbols = Map::new();
        for series in &self.history.series {
            let mut columns = Map::new();
            let times: Vec<String> = (0..series.n_rows()).map(|row| time_at(series, row)).collect();
            columns.insert("time".into(), json!(times));
            for field in &self.fields {
                let values: Vec<Value> =
                    (0..series.n_rows()).map(|row| number(value_at(series, *field, row))).collect();
                columns.insert(field.name().into(), Value::Array(values));
            }
            if 0 < series.n_filled() {
                columns.insert("is_filled".into(), json!(series.is_filled));
            }
            if series.is_short.contains(&true) {
                columns.insert("is_short".into(), json!(series.is_short));
            }
            symbols.insert(series.security.ticker.clone(), Value::Object(columns));
        }
        Value::Object(symbols)
    }

    /// All rows as CSV: symbol, time, columns, is_filled.
    ///
    /// # Errors
    /// Never in practice: every row has every column.
    pub(crate) fn csv(&self) -> Result<Table, ToolError> {
        let names = self.fields.iter().map(|field| field.name());
        let mut table = Table::new(["symbol", "time"].into_iter().chain(names).chain(["is_filled"]));
        for series in &self.history.series {
            for row in 0..series.n_rows() {
                let time = time_at(series, row);
                let mut cells = vec![Cell::Foreign(&series.security.ticker), Cell::Text(&time)];
                cells.extend(self.fields.iter().map(|field| Cell::Number(value_at(series, *field, row))));
                cells.push(Cell::Flag(series.is_filled.get(row).copied().unwrap_or(false)));
                table.row(cells).map_err(|error| ToolError::new(Kind::Internal, Topic::General, error.to_string()))?;
            }
        }
        Ok(table)
    }
}

fn value_at(series: &SymbolHistory, field: Field, row: usize) -> f64 {
    series.columns.get(field).and_then(|values| values.get(row)).copied().unwrap_or(f64::NAN)
}

fn time_at(series: &SymbolHistory, row: usize) -> String {
    series.times.get(row).map(ToString::to_string).unwrap_or_default()
}

/// Twelve digits, as people read prices; the kept rows have all of them.
fn readable(value: f64) -> f64 {
    if value.is_finite() { format!("{value:.11e}").parse().unwrap_or(value) } else { value }
}

/// JSON has no NaN: a missing cell is null.
fn number(value: f64) -> Value {
    serde_json::Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn show_day(at: LocalTime) -> String {
    let day: Date = at.trading_date();
    day.to_string()
}
