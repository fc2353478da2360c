//! Alternative data as tables: known kinds by name, any other CSV file by its header or by a declared layout.
//!
//! | Kind | Symbol | Columns |
//! |---|---|---|
//! | `interest_rate` | none | `rate`, a fraction a year, at its change points |
//! | `shortable` | share, `brokerage` as layout | `quantity`, `rebate_rate`, `fee_rate` (fractions a year) |
//! | `coarse` | share | `price`, `volume`, `dollar_volume`, `price_factor`, `split_factor` |
//! | `etf_weights` | fund | the weight of each member, a fraction |
//! | `margins` | future | `initial`, `maintenance`, in its currency |
//! | `funding` | perpetual future | `rate`, a fraction of the position |
//!
//! Every other kind is a path below `alternative/`: a CSV file, or a folder with a file for each symbol
//! (`vendor/kind/spy.csv`). Rows are stamped as the source stamps them; kinds that are known the day after their date
//! (`coarse`, `etf_weights`) are stamped with the midnight from which they were known.

use crate::error::{Error, Result, shown};
use crate::folder::DataFolder;
use crate::history::Window;
use crate::reference;
use crate::symbol::{SecurityType, SymbolQuery, check_name};
use crate::table::{DateFormat, Found, MAX_FILE_BYTES, Shape, Table, TableColumn, TableOptions};
use crate::time::{DAY, LocalTime};
use crate::universe;
use jiff::civil::Date;
use std::collections::HashMap;

/// The kinds that are known by name, with what they are.
pub const KINDS: [(&str, &str); 6] = [
    ("interest_rate", "short-term US interest rate, a fraction a year, at its change points"),
    ("shortable", "shares a brokerage offers to lend, with rebate and fee as fractions a year"),
    ("coarse", "price, volume and factors of a share from the daily coarse files"),
    ("etf_weights", "weight of each member of a fund, a fraction"),
    ("margins", "margin of one contract of a future"),
    ("funding", "funding rate of a perpetual future"),
];

/// What a caller declares about a file that has no header, or about one of the known kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Layout {
    /// Names of the columns, in order, for a file without header; one of them holds the dates.
    pub columns: Vec<String>,
    /// How dates are written, where that is not clear.
    pub date_format: Option<DateFormat>,
    /// Whose shares are lent (`shortable`).
    pub brokerage: Option<String>,
}

/// Rows of a kind of data from `first` to `last`, both included; `None` when the folder has no such file.
///
/// # Errors
/// Those of [`Table::read`] and of the known kinds; [`Error::BadName`] for a kind that leaves the folder or a symbol that
/// is needed and missing.
pub fn read(
    folder: &DataFolder,
    kind: &str,
    symbol: Option<&SymbolQuery>,
    layout: &Layout,
    days: (Date, Date),
) -> Result<Option<Table>> {
    read_while(folder, kind, symbol, layout, days, &|| true)
}

/// As [`read`], asking between two files of a long row of them whether anybody still waits; if not, reading ends and the
/// rows so far are the answer.
///
/// # Errors
/// As [`read`].
pub fn read_while(
    folder: &DataFolder,
    kind: &str,
    symbol: Option<&SymbolQuery>,
    layout: &Layout,
    (first, last): (Date, Date),
    go_on: &dyn Fn() -> bool,
) -> Result<Option<Table>> {
    let needed = || {
        let reason = "it needs a symbol";
        symbol.ok_or_else(|| Error::BadName { what: "kind of data", name: shown(kind), reason })
    };
    let typed = |wanted: SecurityType| -> Result<_> {
        let query = match needed()? {
            SymbolQuery::Ticker { ticker, market, date, .. } => SymbolQuery::Ticker {
                ticker: ticker.clone(),
                security_type: wanted,
                market: market.clone(),
                date: *date,
            },
            security => security.clone(),
        };
        folder.resolve(&query)
    };
    let (from, to) = (LocalTime::midnight(first), LocalTime(LocalTime::midnight(last).0.saturating_add(DAY - 1)));
    let name = symbol.map(SymbolQuery::name).unwrap_or_default();
    let table = match kind.trim().to_ascii_lowercase().as_str() {
        "interest_rate" | "interest-rate" => {
            let rate = reference::interest_rate(folder)?;
            if !rate.from_file {
                return Ok(None);
            }
            let rows = rate.points.iter().map(|(day, rate)| (LocalTime::midnight(*day), vec![*rate]));
            table(kind, "", &["rate"], rows)
        }
        "shortable" => {
            let brokerage = layout.brokerage.as_deref().ok_or(Error::BadName {
                what: "kind of data",
                name: "shortable".to_owned(),
                reason: "it needs the name of a brokerage",
            })?;
            let rows = reference::shortable(folder, brokerage, &typed(SecurityType::Equity)?)?;
            let cells =
                |row: &reference::Shortable| vec![row.quantity.unwrap_or(f64::NAN), row.rebate_rate, row.fee_rate];
            let rows = rows.iter().map(|row| (LocalTime::midnight(row.date), cells(row)));
            table(kind, &name, &["quantity", "rebate_rate", "fee_rate"], rows)
        }
        "coarse" => {
            let security = typed(SecurityType::Equity)?;
            let days = universe::coarse_of(folder, &security.sid, Window::dates(first, last), go_on)?;
            let rows = days.into_iter().map(|(time, row)| {
                (time, vec![row.price, row.volume, row.dollar_volume, row.price_factor, row.split_factor])
            });
            let fields = ["price", "volume", "dollar_volume", "price_factor", "split_factor"];
            table(kind, &name, &fields, rows)
        }
        "etf_weights" | "etf_constituents" => {
            let days = universe::etf_history(folder, &typed(SecurityType::Equity)?, Window::dates(first, last))?;
            weights(kind, days.iter().filter(|day| !day.is_filled))
        }
        "margins" => {
            let rows = reference::margins(folder, &typed(SecurityType::Future)?)?;
            let rows = rows.iter().map(|row| (LocalTime::midnight(row.from), vec![row.initial, row.maintenance]));
            table(kind, &name, &["initial", "maintenance"], rows)
        }
        "funding" | "margin_interest" => {
            let rows = reference::funding(folder, &typed(SecurityType::CryptoFuture)?)?;
            table(kind, &name, &["rate"], rows.iter().map(|row| (row.time, vec![row.rate])))
        }
        _ => match file(folder, kind, symbol, layout)? {
            Some(table) => table,
            None => return Ok(None),
        },
    };
    Ok(Some(within(table, from, to)))
}

/// What lies below `alternative/`, as paths that name kinds: folders two levels deep (`vendor/kind`) and CSV files,
/// sorted.
///
/// # Errors
/// [`Error::Io`] when a folder cannot be listed.
pub fn kinds(folder: &DataFolder) -> Result<Vec<String>> {
    let is_file = |name: &str| name.ends_with(".csv") || name.ends_with(".zip");
    let mut found = Vec::new();
    for vendor in folder.list("alternative")?.into_iter().filter(|name| !name.starts_with('.')) {
        if is_file(&vendor) {
            found.push(vendor);
            continue;
        }
        let inside = folder.list(&format!("alternative/{vendor}"))?;
        found.extend(inside.iter().filter(|name| !name.starts_with('.')).map(|name| format!("{vendor}/{name}")));
    }
    Ok(found)
}

/// A file below `alternative/`: itself, or the one of the symbol in the folder of the kind.
fn file(folder: &DataFolder, kind: &str, symbol: Option<&SymbolQuery>, layout: &Layout) -> Result<Option<Table>> {
    let kind = kind.trim().trim_matches('/').to_ascii_lowercase();
    let kind = kind.strip_prefix("alternative/").unwrap_or(&kind);
    for part in kind.split('/') {
        check_name("kind of data", part)?;
    }
    let base = format!("alternative/{kind}");
    let mut candidates = Vec::new();
    if kind.ends_with(".csv") {
        candidates.push(base.clone());
    }
    if let Some(symbol) = symbol {
        let name = symbol.name().to_ascii_lowercase();
        check_name("symbol", &name)?;
        candidates.extend(["csv", "zip"].map(|ending| format!("{base}/{name}.{ending}")));
    }
    candidates.push(format!("{base}.csv"));
    for path in candidates {
        let bytes = if path.ends_with(".zip") {
            folder.read_zip(&path, None)?.map(|(_, bytes)| bytes)
        } else {
            folder.read(&path, MAX_FILE_BYTES)?
        };
        let Some(bytes) = bytes else { continue };
        let options = TableOptions {
            header: layout.columns.clone(),
            date_format: layout.date_format,
            symbol: symbol.map(SymbolQuery::name),
            ..TableOptions::default()
        };
        // The table of one symbol: its columns are fields, whatever they are called.
        let mut table = Table::read(&path, &bytes, &options)?;
        if let (Shape::Wide, Some(symbol)) = (table.found.shape, symbol) {
            table.found.shape = Shape::Fields;
            for column in &mut table.columns {
                column.field = std::mem::replace(&mut column.symbol, symbol.name()).to_ascii_lowercase();
            }
        }
        return Ok(Some(table));
    }
    Ok(None)
}

/// A table of one symbol.
fn table(origin: &str, symbol: &str, fields: &[&str], rows: impl IntoIterator<Item = (LocalTime, Vec<f64>)>) -> Table {
    let mut times = Vec::new();
    let mut columns: Vec<TableColumn> = fields
        .iter()
        .map(|field| TableColumn { symbol: symbol.to_owned(), field: (*field).to_owned(), values: Vec::new() })
        .collect();
    for (time, cells) in rows {
        times.push(time);
        for (column, cell) in columns.iter_mut().zip(cells) {
            column.values.push(cell);
        }
    }
    let found = Found {
        shape: Shape::Fields,
        date_format: "LEAN".to_owned(),
        date_column: "date".to_owned(),
        separator: Some(','),
        n_rows: times.len(),
        notes: Vec::new(),
    };
    Table { origin: origin.to_owned(), times, time_zone: None, columns, found }
}

/// The weights of all members over time, NaN where one was no member. A member is a company: its column has the last
/// of its tickers, and where two companies had that ticker the identifier behind it.
fn weights<'a>(origin: &str, days: impl Iterator<Item = &'a universe::Collection<crate::write::Constituent>>) -> Table {
    let days: Vec<_> = days.collect();
    let mut out = table(origin, "", &[], days.iter().map(|day| (day.time, Vec::new())));
    let mut index: HashMap<&str, usize> = HashMap::new();
    for (row, day) in days.iter().enumerate() {
        for member in day.members.iter() {
            let at = *index.entry(member.sid.as_str()).or_insert_with(|| {
                let values = vec![f64::NAN; days.len()];
                out.columns.push(TableColumn { symbol: String::new(), field: "weight".to_owned(), values });
                out.columns.len() - 1
            });
            if let Some(column) = out.columns.get_mut(at) {
                column.symbol.clone_from(&member.ticker);
                if let Some(cell) = column.values.get_mut(row) {
                    *cell = member.weight.unwrap_or(f64::NAN);
                }
            }
        }
    }
    let mut uses: HashMap<String, usize> = HashMap::new();
    for column in &out.columns {
        *uses.entry(column.symbol.clone()).or_default() += 1;
    }
    for (sid, at) in index {
        if let Some(column) = out.columns.get_mut(at).filter(|column| uses.get(&column.symbol).is_some_and(|n| 1 < *n))
        {
            column.symbol = format!("{} ({sid})", column.symbol);
        }
    }
    out
}

/// The rows from one time to another.
fn within(mut table: Table, from: LocalTime, to: LocalTime) -> Table {
    let first = table.times.partition_point(|at| *at < from);
    let last = table.times.partition_point(|at| *at <= to);
    let cut = |values: &Vec<f64>| values.get(first..last).unwrap_or_default().to_vec();
    for column in &mut table.columns {
        column.values = cut(&column.values);
    }
    table.times = table.times.get(first..last).unwrap_or_default().to_vec();
    table
}
