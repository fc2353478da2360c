//! Statistics of a backtest: the display strings, and the figures behind them.
//!
//! Source: LEAN's `StatisticsBuilder`, `PortfolioStatistics`, `TradeStatistics`, `BaseResultsHandler`.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use crate::model::ClosedTrade;
use crate::wire::display::{self, Figure};
use crate::wire::{Map, date, list, map, number, object, span};

/// Statistics by title, such as `Sharpe Ratio`, each a text made for people.
///
/// ```
/// use qc_api::model::Statistics;
///
/// let statistics: Statistics = serde_json::from_str(r#"{"Win Rate": "27%", "Total Orders": "318"}"#)?;
/// assert_eq!(statistics.text("Total Orders"), Some("318"));
/// assert_eq!(statistics.figure("Win Rate").map(|it| it.fraction()), Some(0.27)); // exact: 27 / 100
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Statistics(pub Map<String>);

impl Statistics {
    /// The text as the service wrote it.
    #[must_use]
    pub fn text(&self, title: &str) -> Option<&str> {
        self.0.get(title).map(String::as_str)
    }

    /// The text read as a number with its unit.
    #[must_use]
    pub fn figure(&self, title: &str) -> Option<Figure> {
        self.text(title).and_then(display::parse)
    }

    /// Every title with its text, in the service's order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(title, text)| (title.as_str(), text.as_str()))
    }

    /// Whether there are none: the work is not finished, or it failed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl<'de> Deserialize<'de> for Statistics {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        map::of_texts(deserializer).map(Self)
    }
}

impl FromIterator<(String, String)> for Statistics {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}

/// The figures of a run or of a rolling window of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AlgorithmPerformance {
    /// Figures of the closed trades.
    #[serde(deserialize_with = "object::option")]
    pub trade_statistics: Option<TradeStatistics>,
    /// Figures of the equity curve.
    #[serde(deserialize_with = "object::option")]
    pub portfolio_statistics: Option<PortfolioStatistics>,
    /// The closed trades themselves.
    #[serde(deserialize_with = "list::of")]
    pub closed_trades: Vec<ClosedTrade>,
}

/// Declares a struct of figures: dates, counts, numbers and spans, each absent when the service gives none.
macro_rules! figures {
    ($(#[$meta:meta])* pub struct $name:ident {
        dates { $($(#[$date_meta:meta])* $date:ident,)* }
        counts { $($(#[$count_meta:meta])* $count:ident,)* }
        numbers { $($(#[$number_meta:meta])* $number:ident,)* }
        spans { $($(#[$span_meta:meta])* $span:ident,)* }
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$date_meta])* #[serde(with = "date::iso")] pub $date: Option<Timestamp>,)*
            $($(#[$count_meta])* #[serde(deserialize_with = "number::option_integer")] pub $count: Option<i64>,)*
            $($(#[$number_meta])* #[serde(deserialize_with = "number::option")] pub $number: Option<f64>,)*
            $($(#[$span_meta])* #[serde(with = "span")] pub $span: Option<SignedDuration>,)*
        }
    };
}

figures! {
    /// Figures of the equity curve. Rates are fractions, not percents.
    pub struct PortfolioStatistics {
        dates {}
        counts {
            /// Longest time below a former peak, in days.
            drawdown_recovery,
        }
        numbers {
            /// Mean return of winning trades, of the portfolio's value.
            average_win_rate,
            /// Mean return of losing trades.
            average_loss_rate,
            /// Average win rate divided by average loss rate.
            profit_loss_ratio,
            /// Share of trades that won.
            win_rate,
            /// Share of trades that lost.
            loss_rate,
            /// Win rate times profit-loss ratio, less loss rate.
            expectancy,
            /// Equity at the start, in the account's currency.
            start_equity,
            /// Equity at the end.
            end_equity,
            /// Compounding annual return.
            compounding_annual_return,
            /// Largest fall from a peak, positive.
            drawdown,
            /// Total return over the whole time.
            total_net_profit,
            /// Sharpe ratio, annual.
            sharpe_ratio,
            /// Probability that the true Sharpe ratio exceeds the benchmark's.
            probabilistic_sharpe_ratio,
            /// Sortino ratio, annual.
            sortino_ratio,
            /// Alpha against the benchmark, annual.
            alpha,
            /// Beta against the benchmark.
            beta,
            /// Standard deviation of returns, annual.
            annual_standard_deviation,
            /// Variance of returns, annual.
            annual_variance,
            /// Information ratio against the benchmark.
            information_ratio,
            /// Tracking error against the benchmark, annual.
            tracking_error,
            /// Treynor ratio.
            treynor_ratio,
            /// Mean share of the portfolio traded per day.
            portfolio_turnover,
            /// One-day value at risk at 99 %, a negative return.
            #[serde(rename = "valueAtRisk99")]
            value_at_risk_99,
            /// One-day value at risk at 95 %.
            #[serde(rename = "valueAtRisk95")]
            value_at_risk_95,
        }
        spans {}
    }
}

figures! {
    /// Figures of the closed trades. Money in the account's currency.
    pub struct TradeStatistics {
        dates {
            /// Entry of the first trade.
            start_date_time,
            /// Exit of the last trade.
            end_date_time,
        }
        counts {
            /// Closed trades.
            total_number_of_trades,
            /// Trades with a profit.
            number_of_winning_trades,
            /// Trades with a loss.
            number_of_losing_trades,
            /// Longest run of wins.
            max_consecutive_winning_trades,
            /// Longest run of losses.
            max_consecutive_losing_trades,
        }
        numbers {
            /// Sum of profits and losses.
            total_profit_loss,
            /// Sum of profits.
            total_profit,
            /// Sum of losses, negative.
            total_loss,
            /// Largest profit.
            largest_profit,
            /// Largest loss, negative.
            largest_loss,
            /// Mean profit or loss.
            average_profit_loss,
            /// Mean profit of winners.
            average_profit,
            /// Mean loss of losers.
            average_loss,
            /// Average profit divided by average loss.
            profit_loss_ratio,
            /// Winners per loser.
            win_loss_ratio,
            /// Share of winners.
            win_rate,
            /// Share of losers.
            loss_rate,
            /// Mean maximum adverse excursion.
            #[serde(rename = "averageMAE")]
            average_mae,
            /// Mean maximum favourable excursion.
            #[serde(rename = "averageMFE")]
            average_mfe,
            /// Largest maximum adverse excursion.
            #[serde(rename = "largestMAE")]
            largest_mae,
            /// Largest maximum favourable excursion.
            #[serde(rename = "largestMFE")]
            largest_mfe,
            /// Largest fall measured at trade closes.
            maximum_closed_trade_drawdown,
            /// Largest fall measured inside trades.
            maximum_intra_trade_drawdown,
            /// Standard deviation of profits and losses.
            profit_loss_standard_deviation,
            /// Downside deviation of profits and losses.
            profit_loss_downside_deviation,
            /// Total profit divided by total loss.
            profit_factor,
            /// Mean profit or loss per standard deviation.
            sharpe_ratio,
            /// Mean profit or loss per downside deviation.
            sortino_ratio,
            /// Total profit or loss per largest drawdown.
            profit_to_max_drawdown_ratio,
            /// Largest fall from a trade's best moment to its end.
            maximum_end_trade_drawdown,
            /// Mean fall from a trade's best moment to its end.
            average_end_trade_drawdown,
            /// Sum of fees.
            total_fees,
        }
        spans {
            /// Mean time in a trade.
            average_trade_duration,
            /// Mean time in a winner.
            average_winning_trade_duration,
            /// Mean time in a loser.
            average_losing_trade_duration,
            /// Median time in a trade.
            median_trade_duration,
            /// Median time in a winner.
            median_winning_trade_duration,
            /// Median time in a loser.
            median_losing_trade_duration,
            /// Longest time below a former peak.
            maximum_drawdown_duration,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_in_quotes_read_as_numbers() {
        let json = r#"{"sharpeRatio":"1.7070","valueAtRisk99":"-0.0210","alpha":"","drawdownRecovery":"12"}"#;
        let read: PortfolioStatistics = serde_json::from_str(json).unwrap();
        assert_eq!((read.sharpe_ratio, read.value_at_risk_99, read.alpha), (Some(1.707), Some(-0.021), None));
        assert_eq!(read.drawdown_recovery, Some(12));
    }

    #[test]
    fn names_keep_leans_casing() {
        let json = serde_json::to_value(TradeStatistics { average_mae: Some(1.0), ..Default::default() }).unwrap();
        assert_eq!(json["averageMAE"], 1.0);
        assert!(json.get("maxConsecutiveWinningTrades").is_some());
    }
}
