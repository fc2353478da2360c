//! Figures in LEAN's spelling.

use qc_api::model::{AlgorithmPerformance, Statistics};

use super::Figures;
use crate::report;
use crate::run::Run;
use crate::run::trades::ClosedTrade;

impl Figures {
    /// `totalPerformance`.
    pub(crate) fn performance(&self, run: &Run, trades: &[ClosedTrade]) -> AlgorithmPerformance {
        AlgorithmPerformance {
            trade_statistics: Some(self.trades.clone()),
            portfolio_statistics: Some(self.portfolio.clone()),
            closed_trades: trades.iter().filter_map(|trade| report::without_orders(run, trade)).collect(),
        }
    }

    /// `statistics`: texts in the spelling of LEAN's summary.
    pub(crate) fn display(&self, run: &Run) -> Statistics {
        let p = &self.portfolio;
        let value = |figure: Option<f64>| figure.unwrap_or(0.0);
        let percent = |figure: Option<f64>, places: usize| format!("{}%", trimmed(100.0 * value(figure), places));
        let plain = |figure: Option<f64>| trimmed(value(figure), 3);
        let lowest = run.assets.last().map(|asset| report::symbol(asset.listing).id).unwrap_or_default();
        // A made-up but steady rule: a portfolio can grow twentyfold before it moves these prices.
        let capacity = 20.0 * run.end_equity();
        [
            ("Total Orders", run.fills.len().to_string()),
            ("Average Win", percent(p.average_win_rate, 2)),
            ("Average Loss", percent(p.average_loss_rate, 2)),
            ("Compounding Annual Return", percent(p.compounding_annual_return, 3)),
            ("Drawdown", format!("{}0%", trimmed_to(100.0 * value(p.drawdown), 2))),
            ("Expectancy", plain(p.expectancy)),
            ("Start Equity", trimmed(run.start_equity, 2)),
            ("End Equity", trimmed(run.end_equity(), 2)),
            ("Net Profit", percent(p.total_net_profit, 3)),
            ("Sharpe Ratio", plain(p.sharpe_ratio)),
            ("Sortino Ratio", plain(p.sortino_ratio)),
            ("Probabilistic Sharpe Ratio", percent(p.probabilistic_sharpe_ratio, 3)),
            ("Loss Rate", percent(p.loss_rate, 0)),
            ("Win Rate", percent(p.win_rate, 0)),
            ("Profit-Loss Ratio", trimmed(value(p.profit_loss_ratio), 2)),
            ("Alpha", plain(p.alpha)),
            ("Beta", plain(p.beta)),
            ("Annual Standard Deviation", plain(p.annual_standard_deviation)),
            ("Annual Variance", plain(p.annual_variance)),
            ("Information Ratio", plain(p.information_ratio)),
            ("Tracking Error", plain(p.tracking_error)),
            ("Treynor Ratio", plain(p.treynor_ratio)),
            ("Total Fees", format!("${:.2}", run.fees())),
            ("Estimated Strategy Capacity", format!("${:.2}", (capacity / 1000.0).round() * 1000.0)),
            ("Lowest Capacity Asset", lowest),
            ("Portfolio Turnover", percent(p.portfolio_turnover, 2)),
            ("Drawdown Recovery", p.drawdown_recovery.unwrap_or(0).to_string()),
        ]
        .into_iter()
        .map(|(title, text)| (title.to_owned(), text))
        .collect()
    }

    /// `runtimeStatistics`: texts in the spelling of LEAN's result handler.
    pub(crate) fn runtime(&self, run: &Run) -> Statistics {
        let profit = run.end_equity() - run.start_equity;
        let holdings = run.days.last().map_or(0.0, |day| day.holdings);
        let psr = 100.0 * self.portfolio.probabilistic_sharpe_ratio.unwrap_or(0.0);
        let share = if run.start_equity == 0.0 { 0.0 } else { 100.0 * profit / run.start_equity };
        [
            ("Equity", money(run.end_equity())),
            ("Fees", format!("-{}", money(run.fees()))),
            ("Holdings", money(holdings)),
            ("Net Profit", money(profit)),
            ("Probabilistic Sharpe Ratio", format!("{}%", trimmed(psr, 3))),
            ("Return", format!("{share:.2} %")),
            ("Unrealized", money(0.0)),
            ("Volume", money(run.volume())),
        ]
        .into_iter()
        .map(|(title, text)| (title.to_owned(), text))
        .collect()
    }
}

/// `$1,234.50`; the sign of a loss stands behind the symbol, as in LEAN: `$-4.94`.
pub(crate) fn money(amount: f64) -> String {
    let text = format!("{:.2}", amount.abs());
    let (whole, cents) = text.split_once('.').unwrap_or((&text, "00"));
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at != 0 && (whole.len() - at) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let sign = if amount < 0.0 && (whole != "0" || cents != "00") { "-" } else { "" };
    format!("${sign}{grouped}.{cents}")
}

/// Rounded to so many places, without zeros at the end.
fn trimmed(value: f64, places: usize) -> String {
    let text = format!("{value:.places$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// LEAN prints a drawdown with three places of which the last is always zero.
fn trimmed_to(value: f64, places: usize) -> String {
    format!("{value:.places$}")
}
