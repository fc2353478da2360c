//! Alternative data as tables: one row for each symbol and time.

use jiff::civil::{Date, date};
use qc_data::{
    SymbolQuery, Table,
    alternative::{self, KINDS, Layout},
    reference,
};
use serde_json::{Map, Value, json};

use crate::{
    args::quote,
    compute::Stop,
    error::{Kind, ToolError, Topic},
    quantbook::{OpenSource, Subscription},
    reply,
    sheet::{Sheet, number},
    symbols::Symbols,
};

/// Type under which a workbook keeps alternative data; no type of LEAN.
pub(crate) const ALTERNATIVE: &str = "alternative";

/// Cells (rows times columns) one answer is made of.
const MAX_CELLS: usize = 4_000_000;

/// Files of a day that are looked through for symbols: symbols times days of a kind with a file for every day.
const MAX_LOOKS: i64 = 500_000;

/// Files named when a kind is unknown.
const MAX_NAMED: usize = 20;

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    /// A kind that is known by name, or a path below `alternative/`.
    pub(crate) kind: String,
    /// Symbols; none for kinds that belong to none.
    pub(crate) symbols: Symbols,
    /// Columns, form of dates, brokerage.
    pub(crate) layout: Layout,
    /// First and last day, both included.
    pub(crate) days: (Date, Date),
    /// Rows to show, the newest.
    pub(crate) limit: usize,
}

/// All days a file can have.
pub(crate) fn all_days() -> (Date, Date) {
    (date(1800, 1, 1), date(2199, 12, 31))
}

/// Reads the rows.
///
/// # Errors
/// A kind of which there is no file (with the kinds there are), damaged files, a window without rows.
pub(crate) fn read(source: &OpenSource, question: &Question, stop: &Stop) -> Result<Sheet, ToolError> {
    let found = load(source, question, stop)?;
    let fields = fields(&found);
    let has_symbols = found.iter().any(|(_, table)| table.columns.iter().any(|column| !column.symbol.is_empty()));
    let mut columns = vec![json!("time")];
    if has_symbols {
        columns.insert(0, json!("symbol"));
    }
    columns.extend(fields.iter().map(|field| reply::ticker(field)));
    let mut rows: Vec<Vec<Value>> = Vec::new();
    for (_, table) in &found {
        rows.extend(rows_of(table, &fields, has_symbols));
    }
    let time = usize::from(has_symbols);
    fn at(row: &[Value], time: usize) -> &str {
        row.get(time).and_then(Value::as_str).unwrap_or_default()
    }
    rows.sort_by(|a, b| at(a, time).cmp(at(b, time)));
    let (first, last) = question.days;
    let mut facts = Map::new();
    facts.insert("data_type".into(), reply::ticker(question.kind.trim()));
    if let Some((_, about)) = KINDS.iter().find(|(name, _)| *name == question.kind.trim()) {
        facts.insert("about".into(), json!(about));
    }
    facts.insert("n_rows".into(), json!(rows.len()));
    let mut said = String::new();
    if is_interest_rate(&question.kind) {
        let rate = reference::interest_rate(&source.folder)?;
        let (at_first, mean) = (rate.on(first), rate.mean(first, last));
        facts.insert("rate_on_first_day".into(), number(at_first));
        facts.insert("mean_rate".into(), number(mean));
        said = format!(" The rate was {at_first} on {first} and {mean:.6} on average (fractions a year).");
    } else if rows.is_empty() {
        let message = format!("no rows of this kind from {first} to {last}{}", range(source, question, stop)?);
        return Err(ToolError::new(Kind::NotFound, Topic::Dates, message));
    }
    let mut notes: Vec<String> = found.iter().flat_map(|(_, table)| table.found.notes.iter().cloned()).collect();
    notes.extend(question.symbols.warnings.iter().cloned());
    notes.extend(question.symbols.notes.iter().cloned());
    notes.dedup();
    let forms: Vec<&str> = found.iter().map(|(_, table)| table.found.date_format.as_str()).collect();
    let synthetic = if source.folder.is_synthetic() { " SYNTHETIC data, not real." } else { "" };
    let what = if reply::is_ticker(question.kind.trim()) { question.kind.trim() } else { "alternative data" };
    let n_symbols = question.symbols.names.len();
    let of = if n_symbols == 0 { String::new() } else { format!(" for {n_symbols} symbols") };
    Ok(Sheet {
        summary: format!("{what}{of}: {} rows from {first} to {last}.{said}{synthetic}", rows.len()),
        facts: Value::Object(facts),
        name: "table",
        columns,
        rows,
        limit: question.limit,
        shows_last: true,
        warnings: notes,
        provenance: json!({"source": source.label, "synthetic": source.folder.is_synthetic(), "date_format": forms.first(), "times": "as the file has them; constituents and coarse rows from the midnight at which they were known"}),
        next: None,
    })
}

/// One line about data added to a workbook, and how the workbook keeps it.
///
/// # Errors
/// As [`read`].
pub(crate) fn look_up(
    source: &OpenSource,
    question: &Question,
    stop: &Stop,
) -> Result<(Value, Vec<Subscription>), ToolError> {
    let found = load(source, question, stop)?;
    let mut facts = Vec::new();
    let mut subscriptions = Vec::new();
    for (name, table) in &found {
        let fields: Vec<Value> = fields(std::slice::from_ref(&(name.clone(), table.clone())))
            .iter()
            .map(|field| reply::ticker(field))
            .collect();
        facts.push(json!({
            "symbol": name,
            "rows": table.n_rows(),
            "first": table.times.first().map(ToString::to_string),
            "last": table.times.last().map(ToString::to_string),
            "columns": fields,
        }));
        subscriptions.push(Subscription {
            ticker: name.clone().unwrap_or_default(),
            security_type: ALTERNATIVE.to_owned(),
            market: question.kind.trim().to_ascii_lowercase(),
            resolution: ALTERNATIVE.to_owned(),
            sid: format!("{} {}", question.kind.trim(), name.as_deref().unwrap_or_default()).trim().to_owned(),
            added: jiff::Timestamp::now(),
            future: None,
        });
    }
    Ok((Value::Array(facts), subscriptions))
}

/// A table for each symbol, or one for a kind without. Ends early when nobody waits any more.
fn load(source: &OpenSource, question: &Question, stop: &Stop) -> Result<Vec<(Option<String>, Table)>, ToolError> {
    let folder = &source.folder;
    let go_on = || !stop.is_requested();
    let one = |query: Option<&SymbolQuery>| -> Result<Table, ToolError> {
        let read =
            alternative::read_while(folder, question.kind.trim(), query, &question.layout, question.days, &go_on);
        match read.map_err(|error| about_kind(error, question))? {
            Some(table) => Ok(table),
            None => Err(unknown(source, question, query)?),
        }
    };
    if question.symbols.names.is_empty() {
        let table = one(None)?;
        check_cells(cells(&table))?;
        return Ok(vec![(None, table)]);
    }
    if is_weights(&question.kind) && 1 < question.symbols.names.len() {
        return Err(ToolError::argument("etf_weights takes one fund a call: rows of several could not be told apart"));
    }
    let n = question.symbols.names.len();
    let (first, last) = question.days;
    let looks = i64::from(days_between(first, last)).saturating_mul(n as i64);
    if is_daily(question) && 1 < n && MAX_LOOKS < looks {
        let message = format!(
            "{n} symbols over {} days are {looks} looks into daily files, at most {MAX_LOOKS} are taken",
            days_between(first, last)
        );
        return Err(ToolError::new(Kind::TooLarge, Topic::General, message));
    }
    let mut found = Vec::with_capacity(n);
    let mut total = 0usize;
    for (name, query) in question.symbols.names.iter().zip(question.symbols.queries()) {
        if stop.is_requested() {
            return Err(ToolError::new(Kind::Cancelled, Topic::General, "the computation was cancelled"));
        }
        let table = one(Some(&query))?;
        total = total.saturating_add(cells(&table));
        check_cells(total)?;
        found.push((Some(name.clone()), table));
    }
    Ok(found)
}

/// Whether a kind is the members of a fund, by either of its names: their columns are named by the members alone.
fn is_weights(kind: &str) -> bool {
    matches!(kind.trim().to_ascii_lowercase().as_str(), "etf_weights" | "etf_constituents")
}

/// Whether a kind has a file for every day, with all symbols in it.
fn is_daily(question: &Question) -> bool {
    question.kind.trim().eq_ignore_ascii_case("coarse")
}

fn days_between(first: Date, last: Date) -> i32 {
    last.since((jiff::Unit::Day, first)).map_or(i32::MAX, |span| span.get_days().saturating_add(1))
}

fn cells(table: &Table) -> usize {
    table.n_rows().saturating_mul(table.columns.len())
}

/// Refuses what would fill the memory as an answer.
fn check_cells(found: usize) -> Result<(), ToolError> {
    if found <= MAX_CELLS {
        return Ok(());
    }
    let message = format!("the rows asked for have {found} cells, at most {MAX_CELLS} are taken");
    Err(ToolError::new(Kind::TooLarge, Topic::General, message))
}

/// A kind that wants a symbol or a brokerage says so by the name of the argument.
fn about_kind(error: qc_data::Error, question: &Question) -> ToolError {
    match &error {
        qc_data::Error::BadName { reason, .. } if reason.contains("brokerage") => ToolError::argument(
            "data_type shortable needs `brokerage`, the name of a folder below equity/usa/shortable",
        ),
        qc_data::Error::BadName { reason, .. } if reason.contains("needs a symbol") => {
            ToolError::argument(format!("data_type {} needs `symbols`", quote(&question.kind)))
        }
        _ => error.into(),
    }
}

fn unknown(source: &OpenSource, question: &Question, query: Option<&SymbolQuery>) -> Result<ToolError, ToolError> {
    let of = query.map(|query| format!(" for {}", query.name())).unwrap_or_default();
    let kinds: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
    let files = alternative::kinds(&source.folder)?;
    let files: Vec<&str> =
        files.iter().map(String::as_str).filter(|name| reply::is_ticker(name)).take(MAX_NAMED).collect();
    let there = if files.is_empty() { "nothing".to_owned() } else { files.join(", ") };
    let message = format!(
        "source `{}` has no data of kind `{}`{of}; kinds known by name: {}; below alternative/ there is {there}",
        source.label,
        quote(&question.kind),
        kinds.join(", ")
    );
    Ok(ToolError::new(Kind::NotFound, Topic::DataKind, message))
}

/// What dates there are instead, as the end of a sentence.
fn range(source: &OpenSource, question: &Question, stop: &Stop) -> Result<String, ToolError> {
    // Every file of every day is too much to read for a hint.
    if is_daily(question) {
        return Ok(String::new());
    }
    let all = Question { days: all_days(), ..question.clone() };
    let found = load(source, &all, stop)?;
    let first = found.iter().filter_map(|(_, table)| table.times.first()).min();
    let last = found.iter().filter_map(|(_, table)| table.times.last()).max();
    Ok(match (first, last) {
        (Some(first), Some(last)) => format!("; there are rows from {first} to {last}"),
        _ => "; the file holds no rows".to_owned(),
    })
}

fn is_interest_rate(kind: &str) -> bool {
    matches!(kind.trim().to_ascii_lowercase().as_str(), "interest_rate" | "interest-rate")
}

/// Fields of all tables, in the order of their first column.
fn fields(tables: &[(Option<String>, Table)]) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for column in tables.iter().flat_map(|(_, table)| &table.columns) {
        if !fields.contains(&column.field) {
            fields.push(column.field.clone());
        }
    }
    fields
}

/// One row for each symbol and time at which it has any number.
fn rows_of(table: &Table, fields: &[String], with_symbol: bool) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    for symbol in table.symbols() {
        let columns: Vec<Option<&[f64]>> = fields.iter().map(|field| table.column(symbol, field)).collect();
        for (row, time) in table.times.iter().enumerate() {
            let cell = |column: &Option<&[f64]>| column.and_then(|values| values.get(row)).copied().unwrap_or(f64::NAN);
            let cells: Vec<f64> = columns.iter().map(cell).collect();
            if cells.iter().all(|value| value.is_nan()) {
                continue;
            }
            let mut out = Vec::with_capacity(cells.len() + 2);
            if with_symbol {
                out.push(reply::ticker(symbol));
            }
            out.push(json!(time.to_string()));
            out.extend(cells.into_iter().map(number));
            rows.push(out);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_a_fund_are_known_by_every_name_of_theirs() {
        for kind in ["etf_weights", "ETF_WEIGHTS", " etf_constituents ", "Etf_Constituents"] {
            assert!(is_weights(kind), "{kind}");
        }
        assert!(!is_weights("margins"));
    }

    #[test]
    fn a_table_that_would_fill_the_memory_is_refused_with_its_size() {
        assert!(check_cells(MAX_CELLS).is_ok());
        let error = check_cells(MAX_CELLS + 1).unwrap_err();
        assert_eq!(error.kind, Kind::TooLarge);
        assert!(error.message.contains("4000001 cells"), "{error}");
        assert_eq!(days_between(date(2024, 1, 1), date(2024, 12, 31)), 366);
    }
}
