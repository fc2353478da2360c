//! What LEAN counts on closed trades.

use jiff::SignedDuration;
use qc_api::model::TradeStatistics;

use crate::run::trades::ClosedTrade;

pub(super) fn on_trades(trades: &[&ClosedTrade]) -> TradeStatistics {
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
        maximum_drawdown_duration: Some(longest_drawdown(trades)),
    }
}

/// The longest time from a best sum of the closed trades to the next, or to the end, as LEAN counts it: only a trade
/// that was lost begins a drawdown.
fn longest_drawdown(trades: &[&ClosedTrade]) -> SignedDuration {
    let Some(begin) = trades.iter().map(|trade| trade.entered).min() else { return SignedDuration::ZERO };
    let (mut sum, mut best, mut since, mut is_down) = (0.0_f64, 0.0_f64, begin, false);
    let mut longest = SignedDuration::ZERO;
    for trade in trades {
        sum += trade.profit;
        is_down |= trade.profit < 0.0;
        if best < sum {
            if is_down {
                longest = longest.max(trade.exited.duration_since(since));
            }
            (best, since, is_down) = (sum, trade.exited, false);
        }
    }
    let end = trades.iter().map(|trade| trade.exited).max().unwrap_or(begin);
    if is_down { longest.max(end.duration_since(since)) } else { longest }
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

pub(super) fn mean(values: &[f64]) -> f64 {
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn trade(entered: i64, exited: i64, profit: f64) -> ClosedTrade {
        let day = |day: i64| Timestamp::from_second(86_400 * day).unwrap();
        ClosedTrade {
            ticker: 0,
            entered: day(entered),
            entry_price: 10.0,
            exited: day(exited),
            exit_price: 10.0 + profit,
            quantity: 1.0,
            profit,
            fees: 0.0,
            mae: profit.min(0.0),
            mfe: profit.max(0.0),
            end_drawdown: 0.0,
            entry_order: 1,
            exit_order: 2,
        }
    }

    fn longest_days(trades: &[ClosedTrade]) -> i64 {
        let trades: Vec<&ClosedTrade> = trades.iter().collect();
        on_trades(&trades).maximum_drawdown_duration.unwrap().as_hours() / 24
    }

    #[test]
    fn a_drawdown_lasts_from_one_best_sum_to_the_next() {
        // Best on day 1; lost on days 3 and 5, won back on day 9: eight days under water.
        let trades = [trade(0, 1, 5.0), trade(2, 3, -1.0), trade(4, 5, -1.0), trade(6, 9, 3.0)];
        assert_eq!(longest_days(&trades), 8);
        // Two wins in a row are no drawdown, however far apart.
        assert_eq!(longest_days(&[trade(0, 1, 5.0), trade(2, 30, 1.0)]), 0);
    }

    #[test]
    fn one_that_is_not_over_lasts_to_the_end_and_one_at_the_start_begins_there() {
        assert_eq!(longest_days(&[trade(0, 1, 5.0), trade(2, 3, -1.0), trade(4, 20, 0.5)]), 19);
        assert_eq!(longest_days(&[trade(0, 4, -1.0), trade(5, 6, 2.0)]), 6);
        assert_eq!(longest_days(&[]), 0);
    }
}
