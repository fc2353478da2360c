//! The figures of a run, under LEAN's names and in LEAN's spelling.
//!
//! Returns, risk and benchmark figures are those of `qc_quant::performance`; what LEAN counts on trades is counted here.

mod on_trades;
mod texts;

use jiff::civil::Date;
use qc_api::model::{AlgorithmPerformance, PortfolioStatistics, TradeStatistics};
use qc_api::wire::Map;

use self::on_trades::{mean, on_trades};
pub(crate) use self::texts::money;
use super::trades::ClosedTrade;
use super::{Day, Run, risk};

/// The figures of a run or of a window of it.
#[derive(Debug, Clone)]
pub(crate) struct Figures {
    portfolio: PortfolioStatistics,
    trades: TradeStatistics,
}

/// The figures of the whole run.
pub(crate) fn of(run: &Run, trades: &[ClosedTrade]) -> Figures {
    let trades: Vec<&ClosedTrade> = trades.iter().collect();
    figures(run.start_equity, &run.days, &run.returns(), &run.benchmark_returns(), &trades)
}

/// The figures of 1, 3, 6 and 12 months up to the end of each month, under LEAN's names (`M3_20240331`).
pub(crate) fn rolling(run: &Run) -> Map<AlgorithmPerformance> {
    let (returns, benchmark) = (run.returns(), run.benchmark_returns());
    let trades = super::trades::closed(run);
    let month_ends: Vec<usize> = run
        .days
        .windows(2)
        .enumerate()
        .filter(|(_, pair)| matches!(pair, [a, b] if a.date.month() != b.date.month()))
        .map(|(at, _)| at)
        .chain(run.days.len().checked_sub(1))
        .collect();
    let mut windows = Map::new();
    for months in [1, 3, 6, 12] {
        for end in &month_ends {
            let Some(last) = run.days.get(*end).map(|day| day.date) else { continue };
            let Some(first) = months_before(last, months) else { continue };
            let start = run.days.partition_point(|day| day.date < first);
            let before =
                start.checked_sub(1).and_then(|at| run.days.get(at)).map_or(run.start_equity, |day| day.equity);
            let range = start..end + 1;
            let slice = (run.days.get(range.clone()), returns.get(range.clone()), benchmark.get(range));
            let (Some(days), Some(returns), Some(benchmark)) = slice else { continue };
            let inside: Vec<&ClosedTrade> = trades
                .iter()
                .filter(|trade| {
                    days.first().is_some_and(|day| day.opened <= trade.exited)
                        && days.last().is_some_and(|day| trade.exited <= day.at)
                })
                .collect();
            let figures = figures(before, days, returns, benchmark, &inside);
            windows.insert(
                format!("M{months}_{}", last.last_of_month().strftime("%Y%m%d")),
                AlgorithmPerformance {
                    trade_statistics: Some(figures.trades),
                    portfolio_statistics: Some(figures.portfolio),
                    closed_trades: Vec::new(),
                },
            );
        }
    }
    windows
}

/// The first day of the month that begins a window of so many months ending in the month of `last`.
fn months_before(last: Date, months: i64) -> Option<Date> {
    last.first_of_month().checked_sub(jiff::Span::new().months(months - 1)).ok()
}

fn figures(start: f64, days: &[Day], returns: &[f64], benchmark: &[f64], trades: &[&ClosedTrade]) -> Figures {
    let end = days.last().map_or(start, |day| day.equity);
    let risk = risk::of(returns, benchmark);
    let mut wins = Vec::new();
    let mut losses = Vec::new();
    let mut capital = start;
    for trade in trades {
        let profit = trade.profit - trade.fees;
        let share = if capital == 0.0 { 0.0 } else { profit / capital };
        if trade.is_win() {
            wins.push(share)
        } else {
            losses.push(share)
        }
        capital += profit;
    }
    let (average_win, average_loss) = (mean(&wins), mean(&losses));
    let ratio = if average_loss == 0.0 { 0.0 } else { average_win / average_loss.abs() };
    let n = trades.len() as f64;
    let (win_rate, loss_rate) =
        if trades.is_empty() { (0.0, 0.0) } else { (wins.len() as f64 / n, losses.len() as f64 / n) };
    let turnover: Vec<f64> =
        days.iter().map(|day| if day.equity == 0.0 { 0.0 } else { day.turnover / day.equity }).collect();
    let portfolio = PortfolioStatistics {
        average_win_rate: Some(average_win),
        average_loss_rate: Some(average_loss),
        profit_loss_ratio: Some(ratio),
        win_rate: Some(win_rate),
        loss_rate: Some(loss_rate),
        expectancy: Some(win_rate * ratio - loss_rate),
        start_equity: Some(start),
        end_equity: Some(end),
        compounding_annual_return: Some(growth(start, end, days)),
        drawdown: Some(risk.drawdown),
        total_net_profit: Some(if start == 0.0 { 0.0 } else { end / start - 1.0 }),
        sharpe_ratio: Some(risk.sharpe),
        probabilistic_sharpe_ratio: Some(risk.probabilistic_sharpe),
        sortino_ratio: Some(risk.sortino),
        alpha: Some(risk.alpha),
        beta: Some(risk.beta),
        annual_standard_deviation: Some(risk.deviation),
        annual_variance: Some(risk.deviation * risk.deviation),
        information_ratio: Some(risk.information_ratio),
        tracking_error: Some(risk.tracking_error),
        treynor_ratio: Some(risk.treynor),
        portfolio_turnover: Some(mean(&turnover)),
        value_at_risk_99: Some(risk.value_at_risk_99),
        value_at_risk_95: Some(risk.value_at_risk_95),
        drawdown_recovery: Some(recovery(start, days)),
    };
    Figures { portfolio, trades: on_trades(trades) }
}

/// Growth per year between the first and the last day.
fn growth(start: f64, end: f64, days: &[Day]) -> f64 {
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return 0.0 };
    let years = last.at.duration_since(first.opened).as_secs_f64() / (365.0 * 86_400.0);
    if years <= 0.0 || start <= 0.0 || end <= 0.0 { 0.0 } else { (end / start).powf(1.0 / years) - 1.0 }
}

/// The longest time, in days, from a peak to the day it was reached again.
fn recovery(start: f64, days: &[Day]) -> i64 {
    let mut peak = (start, days.first().map(|day| day.date));
    let mut longest = 0;
    let mut under_water = false;
    for day in days {
        if peak.0 <= day.equity {
            if let (true, Some(since)) = (under_water, peak.1) {
                longest = longest.max(i64::from((day.date - since).get_days()));
            }
            peak = (day.equity, Some(day.date));
            under_water = false;
        } else {
            under_water = true;
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::market::Market;
    use crate::run::{Plan, trades};

    #[test]
    fn money_is_written_as_lean_writes_it() {
        assert_eq!(money(1_234_567.5), "$1,234,567.50");
        assert_eq!(money(-4.94), "$-4.94");
        assert_eq!(money(-0.001), "$0.00");
        assert_eq!(money(999.999), "$1,000.00");
    }

    #[test]
    fn figures_agree_with_the_equity_curve() {
        let plan = Plan {
            tickers: vec!["KO".into(), "MSFT".into()],
            first: date(2020, 1, 2),
            last: date(2022, 12, 30),
            cash: 100_000.0,
            rebalances_monthly: true,
            emits_insights: false,
            invested: 1.0,
        };
        let run = Run::of(plan, &Market::new(7));
        let closed = trades::closed(&run);
        let figures = of(&run, &closed);
        let p = &figures.portfolio;
        assert_eq!(p.total_net_profit, Some(run.end_equity() / 100_000.0 - 1.0));
        let fees = figures.trades.total_fees.unwrap();
        assert!((figures.trades.total_profit_loss.unwrap() - fees - (run.end_equity() - 100_000.0)).abs() < 1e-6);
        let mut peak = 100_000.0_f64;
        let worst = run.days.iter().fold(0.0_f64, |worst, day| {
            peak = peak.max(day.equity);
            worst.max(1.0 - day.equity / peak)
        });
        assert!((p.drawdown.unwrap() - worst).abs() < 1e-12);
        assert!(0.0 < p.beta.unwrap() && 0.0 < p.annual_standard_deviation.unwrap());
        let display = figures.display(&run);
        assert_eq!(display.text("Total Orders"), Some(run.fills.len().to_string().as_str()));
        assert_eq!(display.figure("End Equity").unwrap().value, (run.end_equity() * 100.0).round() / 100.0);
    }

    #[test]
    fn a_run_without_trades_has_figures_that_are_zero() {
        let plan = Plan {
            tickers: Vec::new(),
            first: date(2020, 1, 2),
            last: date(2020, 3, 2),
            cash: 100_000.0,
            rebalances_monthly: false,
            emits_insights: false,
            invested: 1.0,
        };
        let run = Run::of(plan, &Market::new(7));
        let figures = of(&run, &[]);
        assert_eq!((figures.portfolio.sharpe_ratio, figures.portfolio.drawdown), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn rolling_windows_end_with_each_month() {
        let plan = Plan {
            tickers: vec!["SPY".into()],
            first: date(2023, 1, 3),
            last: date(2023, 4, 28),
            cash: 100_000.0,
            rebalances_monthly: false,
            emits_insights: false,
            invested: 1.0,
        };
        let windows = rolling(&Run::of(plan, &Market::new(7)));
        for key in ["M1_20230131", "M1_20230430", "M3_20230331", "M12_20230430"] {
            assert!(windows.contains_key(key), "{key}");
        }
    }
}
