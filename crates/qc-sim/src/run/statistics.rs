//! The figures of a run, under LEAN's names and in LEAN's spelling.
//!
//! Returns, risk and benchmark figures are those of `qc_quant::performance`; what LEAN counts on trades is counted here.

use jiff::SignedDuration;
use jiff::civil::Date;
use qc_api::model::{AlgorithmPerformance, PortfolioStatistics, Statistics, TradeStatistics};
use qc_api::wire::Map;

use super::trades::ClosedTrade;
use super::{Day, Run, risk};
use crate::report;

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

fn on_trades(trades: &[&ClosedTrade]) -> TradeStatistics {
    let profits: Vec<f64> = trades.iter().map(|trade| trade.profit).collect();
    let wins: Vec<f64> = trades.iter().filter(|trade| trade.is_win()).map(|trade| trade.profit).collect();
    let losses: Vec<f64> = trades.iter().filter(|trade| !trade.is_win()).map(|trade| trade.profit).collect();
    let (profit, loss) = (sum(&wins), sum(&losses));
    let n = trades.len();
    let rate = |part: usize| if n == 0 { 0.0 } else { part as f64 / n as f64 };
    let deviation = sample_deviation(&profits);
    let below: Vec<f64> = profits.iter().map(|profit| profit.min(0.0)).collect();
    let downside = (below.iter().map(|x| x * x).sum::<f64>() / below.len().max(1) as f64).sqrt();
    let over = |a: f64, b: f64| if b == 0.0 { 0.0 } else { a / b };
    let mut sum_so_far = 0.0_f64;
    let mut best = 0.0_f64;
    let mut closed_drawdown = 0.0_f64;
    for profit in &profits {
        sum_so_far += profit;
        best = best.max(sum_so_far);
        closed_drawdown = closed_drawdown.min(sum_so_far - best);
    }
    let intra = trades.iter().map(|trade| trade.mae).fold(0.0, f64::min);
    let spans = |wanted: Option<bool>| -> Vec<SignedDuration> {
        let fits = |trade: &&&ClosedTrade| wanted.is_none_or(|win| trade.is_win() == win);
        let mut spans: Vec<SignedDuration> =
            trades.iter().filter(fits).map(|trade| trade.exited.duration_since(trade.entered)).collect();
        spans.sort_unstable();
        spans
    };
    let (all, won, lost) = (spans(None), spans(Some(true)), spans(Some(false)));
    TradeStatistics {
        start_date_time: trades.iter().map(|trade| trade.entered).min(),
        end_date_time: trades.iter().map(|trade| trade.exited).max(),
        total_number_of_trades: count(n),
        number_of_winning_trades: count(wins.len()),
        number_of_losing_trades: count(losses.len()),
        max_consecutive_winning_trades: count(longest_streak(trades, true)),
        max_consecutive_losing_trades: count(longest_streak(trades, false)),
        total_profit_loss: Some(sum(&profits)),
        total_profit: Some(profit),
        total_loss: Some(loss),
        largest_profit: Some(wins.iter().copied().fold(0.0, f64::max)),
        largest_loss: Some(losses.iter().copied().fold(0.0, f64::min)),
        average_profit_loss: Some(mean(&profits)),
        average_profit: Some(mean(&wins)),
        average_loss: Some(mean(&losses)),
        profit_loss_ratio: Some(over(mean(&wins), mean(&losses).abs())),
        win_loss_ratio: Some(over(wins.len() as f64, losses.len() as f64)),
        win_rate: Some(rate(wins.len())),
        loss_rate: Some(rate(losses.len())),
        average_mae: Some(mean(&trades.iter().map(|trade| trade.mae).collect::<Vec<_>>())),
        average_mfe: Some(mean(&trades.iter().map(|trade| trade.mfe).collect::<Vec<_>>())),
        largest_mae: Some(intra),
        largest_mfe: Some(trades.iter().map(|trade| trade.mfe).fold(0.0, f64::max)),
        maximum_closed_trade_drawdown: Some(closed_drawdown),
        maximum_intra_trade_drawdown: Some(intra.min(closed_drawdown)),
        profit_loss_standard_deviation: Some(deviation),
        profit_loss_downside_deviation: Some(downside),
        profit_factor: Some(over(profit, loss.abs())),
        sharpe_ratio: Some(over(mean(&profits), deviation)),
        sortino_ratio: Some(over(mean(&profits), downside)),
        profit_to_max_drawdown_ratio: Some(over(sum(&profits), closed_drawdown.abs())),
        maximum_end_trade_drawdown: Some(trades.iter().map(|trade| trade.end_drawdown).fold(0.0, f64::max)),
        average_end_trade_drawdown: Some(mean(&trades.iter().map(|trade| trade.end_drawdown).collect::<Vec<_>>())),
        total_fees: Some(trades.iter().map(|trade| trade.fees).sum()),
        average_trade_duration: Some(average_span(&all)),
        average_winning_trade_duration: Some(average_span(&won)),
        average_losing_trade_duration: Some(average_span(&lost)),
        median_trade_duration: Some(median_span(&all)),
        median_winning_trade_duration: Some(median_span(&won)),
        median_losing_trade_duration: Some(median_span(&lost)),
        maximum_drawdown_duration: Some(SignedDuration::ZERO),
    }
}

fn longest_streak(trades: &[&ClosedTrade], wins: bool) -> usize {
    let (mut longest, mut streak) = (0, 0);
    for trade in trades {
        streak = if trade.is_win() == wins { streak + 1 } else { 0 };
        longest = longest.max(streak);
    }
    longest
}

fn count(n: usize) -> Option<i64> {
    i64::try_from(n).ok()
}

fn sum(values: &[f64]) -> f64 {
    values.iter().sum()
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { sum(values) / values.len() as f64 }
}

fn sample_deviation(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 2 {
        return 0.0;
    }
    let middle = mean(values);
    (values.iter().map(|x| (x - middle) * (x - middle)).sum::<f64>() / (n - 1) as f64).sqrt()
}

fn average_span(spans: &[SignedDuration]) -> SignedDuration {
    let n = i64::try_from(spans.len()).unwrap_or(i64::MAX);
    let seconds: i64 = spans.iter().map(|span| span.as_secs()).sum();
    if n == 0 { SignedDuration::ZERO } else { SignedDuration::from_secs(seconds / n) }
}

fn median_span(sorted: &[SignedDuration]) -> SignedDuration {
    let n = sorted.len();
    let at = |index: usize| sorted.get(index).map_or(0, |span| span.as_secs());
    match (n, n % 2) {
        (0, _) => SignedDuration::ZERO,
        (_, 1) => SignedDuration::from_secs(at(n / 2)),
        _ => SignedDuration::from_secs((at(n / 2 - 1) + at(n / 2)) / 2),
    }
}

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
