//! Do two shares belong together? Cointegration of a pair in both directions, its spread and its half-life.
//!
//! Offline, on a synthetic market in which KO and PEP are bound to each other and KO and MSFT are not.

use qc_data::{DataFolder, Field, HistoryRequest, Resolution, Window, history};
use qc_quant::{Index, MissingPolicy, Panel, cointegration::engle_granger, returns};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let market = tempfile::tempdir()?;
    qc_sim::market::write(market.path(), qc_sim::market::DEMO_SEED)?;
    let folder = DataFolder::open(market.path())?;

    let window = Window::dates("2019-01-01".parse()?, "2024-12-31".parse()?);
    let request = HistoryRequest::new(["KO", "PEP", "MSFT"], window, Resolution::Daily);
    let history = history::load(&folder, &request)?;
    history.require_rows()?;
    let closes = history.align(Field::Close);
    let (prices, _) =
        Panel::with_missing(closes.symbols, Index::Dates(closes.dates), closes.columns, MissingPolicy::DropRows)?;

    // Cointegration is about levels: the test takes log prices, not returns.
    let logs = returns::log_prices(&prices)?;
    for (a, b) in [("KO", "PEP"), ("KO", "MSFT")] {
        let pair = engle_granger::pair(&logs, a, b, &Default::default())?;
        let test = &pair.forward;
        println!("{a} on {b}: statistic {:.2}, p {:.4}, pair p {:.4}", test.statistic, test.p_value, pair.pair_p_value);
        println!("  {}", if pair.is_cointegrated { "cointegrated at 5 %" } else { "not shown to be cointegrated" });
        if pair.direction_sensitive {
            println!("  the verdict depends on which one stands on the left");
        }
        if pair.is_cointegrated {
            println!("  spread = ln {a} - {:.3} ln {b}, standard deviation {:.4}", test.slopes[0], test.residual_std);
            if let Some(half_life) = test.half_life {
                println!("  half of a deviation is given back in {half_life:.0} days");
            }
        }
    }
    Ok(())
}
