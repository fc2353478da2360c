//! Reads a LEAN data folder as QuantBook would: bars of two shares, what was done to them, what is missing.
//!
//! Uses a small synthetic market written to a temporary folder; give a path to read a folder of your own:
//! `cargo run -p qc-examples --example read_lean_folder -- /path/to/data SPY IWM`

use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let market = tempfile::tempdir()?;
    let (path, symbols) = match arguments.next() {
        Some(path) => (path.into(), arguments.collect()),
        None => {
            qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
            (market.path().to_path_buf(), vec!["AAPL".to_owned(), "META".to_owned()])
        }
    };

    let folder = DataFolder::open(&path)?;
    println!("{}", if folder.is_synthetic() { "a synthetic market: no real prices" } else { "a LEAN data folder" });

    // Both days included; prices adjusted for splits and dividends; no row is invented for a missing bar.
    let window = Window::dates("2019-01-02".parse()?, "2024-12-31".parse()?);
    let request = HistoryRequest::new(&symbols, window, Resolution::Daily);
    let history = history::load(&folder, &request)?;
    history.require_rows()?;

    for series in &history.series {
        let first = series.times.first().ok_or("no row")?;
        let last = series.times.last().ok_or("no row")?;
        println!("\n{} ({}): {} bars, {first} to {last}", series.security, series.security.sid, series.n_rows());
        println!("  adjustment: {}", series.adjustment);
        for run in &series.tickers {
            println!("  from row {} on it traded as {}", run.row, run.ticker);
        }
        for gap in &series.gaps {
            println!("  no bar on {} open days, {} to {}", gap.n_days, gap.first, gap.last);
        }
        let closes = series.columns.get(Field::Close).ok_or("no close")?;
        for (at, close) in series.times.iter().zip(closes).rev().take(3).rev() {
            println!("  {at}  close {close:.2}");
        }
    }

    let aligned = history.align(Field::Close);
    println!("\naligned: {} rows x {} symbols on one index", aligned.n_rows(), aligned.symbols.len());
    Ok(())
}
