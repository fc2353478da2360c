//! A notebook session without QuantConnect's runtime: what a folder holds, bars of several sizes, a table of one's own.
//!
//! Uses a small synthetic market written to a temporary folder; give a path to read a folder of your own:
//! `cargo run -p qc-examples --example quantbook -- /path/to/data SPY`

use jiff::civil::Date;
use qc_data::import::ImportOptions;
use qc_data::table::{Table, TableOptions};
use qc_data::{BarSize, Field, QuantBook, Resolution};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let market = tempfile::tempdir()?;
    let (path, ticker) = match arguments.next() {
        Some(path) => (path.into(), arguments.next().unwrap_or("SPY".to_owned())),
        None => {
            qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
            (market.path().to_path_buf(), "SPY".to_owned())
        }
    };
    let mut qb = QuantBook::open(&path)?;

    // First and last bar, splits, dividends and gaps of everything, in one call.
    let all = qb.describe()?;
    println!("{} symbols, {} that cannot be read", all.symbols.len(), all.damaged.len());
    for symbol in all.symbols.iter().filter(|symbol| !symbol.splits.is_empty()) {
        println!("  {}: {} splits, {} dividends", symbol.security, symbol.splits.len(), symbol.dividends.len());
    }

    // The book's present decides what is known, as in Python.
    qb.set_start_date("2024-07-01".parse()?);
    let security = qb.add_equity(&ticker, Resolution::Daily)?;
    let days = qb.history([&security], 5, None)?;
    let june: (Date, Date) = ("2024-05-27".parse()?, "2024-07-01".parse()?);
    let weeks = qb.history([&security], june, BarSize::Weekly)?;
    for (name, history) in [("the last five days", &days), ("weeks of June", &weeks)] {
        println!("\n{ticker}, {name}:");
        for series in &history.series {
            let closes = series.columns.get(Field::Close).unwrap_or_default();
            for (row, (at, close)) in series.times.iter().zip(closes).enumerate() {
                let short = series.is_short.get(row).copied().unwrap_or(false);
                println!("  {at}  close {close:.2}{}", if short { "  (cut off by the window)" } else { "" });
            }
        }
    }

    // A table of one's own becomes part of a folder in one call.
    let own = tempfile::tempdir()?;
    let book = QuantBook::open(own.path())?;
    let text = "date,MINE\n2024-06-26,10.5\n2024-06-27,10.75\n2024-06-28,11\n";
    let table = Table::read("mine.csv", text.as_bytes(), &TableOptions::default())?;
    let told = book.folder().import(&table, &ImportOptions::default())?;
    println!(
        "\nimported {} bars of {}; dates were {}",
        told.symbols[0].rows, told.symbols[0].ticker, table.found.date_format
    );
    Ok(())
}
