//! The bodies of the fuzz targets of `qc-data`: any bytes in any file of a data folder must give an answer.
//!
//! A folder is made whose one file of interest holds the bytes; then it is asked. What may come back is rows or an
//! [`qc_data::Error`]; a panic, a hang or an allocation beyond the caps is a find.

use jiff::civil::date;
use qc_data::alternative::{self, Layout};
use qc_data::chain::{self, ChainFilter};
use qc_data::table::{Table, TableOptions};
use qc_data::write::{HoursEntry, LeanWriter, zip_of};
use qc_data::{
    BarSize, DataFolder, HistoryRequest, Normalization, Resolution, SecurityType, SymbolQuery, Window, history,
    reference, universe,
};
use std::path::Path;

/// Feeds any bytes to one reader.
pub type FuzzBody = fn(&[u8]);

/// Every fuzz body by name.
pub const FUZZ_BODIES: &[(&str, FuzzBody)] = &[
    ("zip", zip),
    ("daily_trades", daily_trades),
    ("minute_quotes", minute_quotes),
    ("ticks", ticks),
    ("map_file", map_file),
    ("factor_file", factor_file),
    ("security_master", security_master),
    ("roll_factors", roll_factors),
    ("future_map", future_map),
    ("market_hours", market_hours),
    ("etf", etf),
    ("coarse", coarse),
    ("option_chain", option_chain),
    ("future_chain", future_chain),
    ("reference_files", reference_files),
    ("csv_table", csv_table),
    ("parquet_table", parquet_table),
    ("alternative_file", alternative_file),
    ("identifier", identifier),
];

/// Feeds bytes to the reader of this name, for targets that have one body each.
pub fn run(name: &str, bytes: &[u8]) {
    let body = FUZZ_BODIES.iter().find(|(known, _)| *known == name).expect("a body of this name");
    (body.1)(bytes);
}

/// A folder with market hours and these files.
fn folder(files: &[(&str, &[u8])]) -> (tempfile::TempDir, DataFolder) {
    let dir = tempfile::tempdir().expect("a temporary folder can be made");
    let mut hours = vec![HoursEntry::us_equity(2019, 2019)];
    for (kind, market) in [(SecurityType::Future, "cme"), (SecurityType::CryptoFuture, "binance")] {
        hours.push(HoursEntry { market: market.into(), security_type: kind, ..HoursEntry::us_equity(2019, 2019) });
    }
    hours.push(HoursEntry { security_type: SecurityType::Option, ..HoursEntry::us_equity(2019, 2019) });
    LeanWriter::create(dir.path()).and_then(|writer| writer.market_hours(&hours)).expect("hours can be written");
    for (path, bytes) in files {
        write(dir.path(), path, bytes);
    }
    let folder = DataFolder::open(dir.path()).expect("the folder can be opened");
    (dir, folder)
}

fn write(dir: &Path, path: &str, bytes: &[u8]) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folders can be made");
    std::fs::write(path, bytes).expect("files can be written");
}

fn zipped(bytes: &[u8]) -> Vec<u8> {
    zip_of([("x.csv", bytes)]).expect("a zip can be made")
}

fn window() -> Window {
    Window::dates(date(2019, 1, 2), date(2019, 1, 10))
}

fn ask(folder: &DataFolder, query: SymbolQuery, bars: impl Into<BarSize>, mode: Option<Normalization>) {
    let mut request = HistoryRequest::new([query], window(), bars).filled_forward(true).with_open_interest();
    request.normalization = mode;
    if let Ok(history) = history::load(folder, &request) {
        for series in &history.series {
            assert!(series.columns.iter().all(|(_, column)| column.len() == series.n_rows()));
            assert!(series.times.is_sorted() && series.is_filled.len() == series.n_rows());
            assert!(series.columns.iter().all(|(_, column)| column.iter().all(|cell| !cell.is_infinite())));
        }
    }
}

fn zip(bytes: &[u8]) {
    let (_dir, folder) =
        folder(&[("equity/usa/daily/x.zip", bytes), ("equity/usa/minute/x/20190103_trade.zip", bytes)]);
    ask(&folder, "X".into(), Resolution::Daily, None);
    ask(&folder, "X".into(), Resolution::Minute, None);
}

fn daily_trades(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("equity/usa/daily/x.zip", &zipped(bytes))]);
    ask(&folder, "X".into(), Resolution::Daily, None);
    ask(&folder, "X".into(), BarSize::Weekly, None);
    drop(folder.inventory());
}

fn minute_quotes(bytes: &[u8]) {
    let zip = zipped(bytes);
    let files =
        [("equity/usa/minute/x/20190103_quote.zip", zip.as_slice()), ("equity/usa/minute/x/20190103_trade.zip", &zip)];
    let (_dir, folder) = folder(&files);
    ask(&folder, "X".into(), Resolution::Minute, None);
    ask(&folder, "X".into(), BarSize::Minutes(15), None);
}

fn ticks(bytes: &[u8]) {
    let zip = zipped(bytes);
    let files =
        [("equity/usa/tick/x/20190103_quote.zip", zip.as_slice()), ("equity/usa/tick/x/20190103_trade.zip", &zip)];
    let (_dir, folder) = folder(&files);
    ask(&folder, "X".into(), Resolution::Tick, None);
}

const BARS: &[u8] = b"20190102 00:00,10000,10000,10000,10000,7\n20190103 00:00,10000,10000,10000,10000,7\n";

fn map_file(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("equity/usa/map_files/x.csv", bytes), ("equity/usa/daily/x.zip", &zipped(BARS))]);
    ask(&folder, "X".into(), Resolution::Daily, None);
}

fn factor_file(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("equity/usa/factor_files/x.csv", bytes), ("equity/usa/daily/x.zip", &zipped(BARS))]);
    for mode in [Normalization::Adjusted, Normalization::TotalReturn, Normalization::ScaledRaw] {
        ask(&folder, "X".into(), Resolution::Daily, Some(mode));
    }
}

fn security_master(bytes: &[u8]) {
    let (_dir, folder) = folder(&[
        ("equity/usa/map_files/map_files_20190101.zip", bytes),
        ("equity/usa/factor_files/factor_files_20190101.zip", bytes),
        ("equity/usa/daily/x.zip", &zipped(BARS)),
    ]);
    ask(&folder, "X".into(), Resolution::Daily, None);
}

const FUTURE_MAP: &[u8] = b"18991230,es,CME\n20501231,es vmklfzih2mtd,CME,2\n";

fn es() -> SymbolQuery {
    SymbolQuery::Ticker {
        ticker: "ES".into(),
        security_type: SecurityType::Future,
        market: Some("cme".into()),
        date: None,
    }
}

fn future(map: &[u8], factors: &[u8]) {
    let zip = zip_of([("es_trade_201312.csv", BARS)]).expect("a zip can be made");
    let (_dir, folder) = folder(&[
        ("future/cme/map_files/es.csv", map),
        ("future/cme/factor_files/es.csv", factors),
        ("future/cme/daily/es_trade.zip", &zip),
    ]);
    for mode in [Normalization::BackwardsRatio, Normalization::ForwardPanamaCanal] {
        ask(&folder, es(), Resolution::Daily, Some(mode));
    }
}

fn roll_factors(bytes: &[u8]) {
    future(FUTURE_MAP, bytes);
}

fn future_map(bytes: &[u8]) {
    future(bytes, b"");
}

fn market_hours(bytes: &[u8]) {
    let (dir, _) = folder(&[("equity/usa/daily/x.zip", &zipped(BARS))]);
    write(dir.path(), "market-hours/market-hours-database.json", bytes);
    let folder = DataFolder::open(dir.path()).expect("the folder can be opened");
    ask(&folder, "X".into(), Resolution::Daily, None);
}

fn etf(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("equity/usa/universes/etf/x/20190103.csv", bytes)]);
    if let Ok(x) = folder.resolve(&"X".into()) {
        drop(universe::etf_history(&folder, &x, window()));
        drop(universe::etf_on(&folder, &x, date(2019, 1, 5)));
    }
}

fn coarse(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("equity/usa/fundamental/coarse/20190103.csv", bytes)]);
    drop(universe::coarse_history(&folder, window()));
}

fn option_chain(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("option/usa/universes/x/20190103.csv", bytes)]);
    let query = SymbolQuery::new("X", SecurityType::Option);
    drop(chain::on(&folder, &query, date(2019, 1, 5), &ChainFilter::default()));
}

fn future_chain(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("future/cme/universes/es/20190103.csv", bytes)]);
    drop(chain::on(&folder, &es(), date(2019, 1, 5), &ChainFilter::default()));
}

fn reference_files(bytes: &[u8]) {
    let (_dir, folder) = folder(&[
        ("alternative/interest-rate/usa/interest-rate.csv", bytes),
        ("symbol-properties/symbol-properties-database.csv", bytes),
        ("symbol-properties/security-database.csv", bytes),
        ("future/cme/margins/ES.csv", bytes),
        ("cryptofuture/binance/margin_interest/x.csv", bytes),
        ("equity/usa/shortable/b/symbols/x.csv", bytes),
        ("equity/usa/shortable/b/dates/20190103.csv", bytes),
    ]);
    drop(reference::interest_rate(&folder));
    if let Ok(x) = folder.resolve(&"X".into()) {
        drop(reference::properties(&folder, &x));
        drop(reference::security_ids(&folder, &x.sid));
        drop(reference::shortable(&folder, "b", &x));
    }
    drop(reference::shortable_on(&folder, "usa", "b", date(2019, 1, 3)));
    drop(folder.resolve(&es()).and_then(|es| reference::margins(&folder, &es)));
    let perpetual = SymbolQuery::new("X", SecurityType::CryptoFuture);
    drop(folder.resolve(&perpetual).and_then(|x| reference::funding(&folder, &x)));
}

fn checked(table: &Table) {
    assert!(table.times.is_sorted_by(|a, b| a < b));
    assert!(table.columns.iter().all(|column| column.values.len() == table.n_rows()));
}

fn csv_table(bytes: &[u8]) {
    if let Ok(table) = Table::read("x.csv", bytes, &TableOptions::default()) {
        checked(&table);
    }
}

/// The bytes as they are, and as what stands between a Parquet file's marks.
fn parquet_table(bytes: &[u8]) {
    for marked in [bytes.to_vec(), [b"PAR1", bytes, b"PAR1"].concat()] {
        if let Ok(table) = Table::read("x.parquet", &marked, &TableOptions::default()) {
            checked(&table);
        }
    }
}

fn alternative_file(bytes: &[u8]) {
    let (_dir, folder) = folder(&[("alternative/vendor/kind/x.csv", bytes)]);
    let days = (date(2019, 1, 1), date(2019, 12, 31));
    let declared = Layout { columns: vec!["date".into(), "value".into()], ..Layout::default() };
    for layout in [Layout::default(), declared] {
        drop(alternative::read(&folder, "vendor/kind", Some(&"X".into()), &layout, days));
    }
}

fn identifier(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(sid) = text.parse::<qc_data::Sid>() {
        assert_eq!(sid.to_string().parse::<qc_data::Sid>().as_ref(), Ok(&sid));
    }
    drop(text.parse::<BarSize>());
    drop(text.parse::<qc_data::LocalTime>());
}
