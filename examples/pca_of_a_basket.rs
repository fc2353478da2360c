//! Principal components of a basket of shares: from a data folder to loadings in a few lines.
//!
//! Offline, on a synthetic market: the figures are of invented prices.

use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{Index, MissingPolicy, Panel, pca, returns};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let market = tempfile::tempdir()?;
    qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
    let folder = DataFolder::open(market.path())?;

    let window = Window::dates("2023-01-01".parse()?, "2023-12-31".parse()?);
    let request = HistoryRequest::new(["GOOGL", "AMZN", "MSFT", "KO", "PEP"], window, Resolution::Daily);
    let history = history::load(&folder, &request)?;
    history.require_rows()?;
    let closes = history.align(Field::Close);

    // The panel is the one gate for data: labels stay with their columns, rows with a hole are dropped and counted.
    let (prices, dropped) =
        Panel::with_missing(closes.symbols, Index::Dates(closes.dates), closes.columns, MissingPolicy::DropRows)?;
    println!("{} rows of prices, {} dropped", prices.n_rows(), dropped.rows);

    let returns = returns::simple(&prices)?;
    for mode in [pca::Mode::Correlation, pca::Mode::Covariance] {
        let fitted = pca::fit(&returns, &pca::PcaOptions { mode, n_components: Some(2) })?;
        println!("\n{mode:?}: {:.1} effective bets", fitted.effective_bets);
        for component in 0..fitted.n_components() {
            print!("  PC{} explains {:4.1} %:", component + 1, 100.0 * fitted.ratio[component]);
            for (symbol, loading) in fitted.component(component) {
                print!("  {symbol} {loading:+.2}");
            }
            println!();
        }
    }
    Ok(())
}
