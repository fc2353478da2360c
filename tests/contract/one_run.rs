//! Everything a backtest shows comes from one run: statistics, runtime statistics, charts, orders, trades, insights, log
//! and the row of the list are checked against each other, figure by figure.

use std::collections::BTreeMap;
use std::time::Duration;

use qc_api::endpoints::backtests::{
    ListBacktests, ReadBacktestChart, ReadBacktestInsights, ReadBacktestLogs, ReadBacktestOrders, ReadBacktestTrades,
};
use qc_api::model::{Backtest, Chart, ClosedTrade, Insight, Order};
use qc_api::{Client, paging};
use qc_sim::Sim;

use crate::{algorithm, backtested, project_with, session};

/// What is shown of one backtest, read through every endpoint there is.
struct Shown {
    backtest: Backtest,
    orders: Vec<Order>,
    trades: Vec<ClosedTrade>,
    insights: Vec<Insight>,
    log: Vec<String>,
    charts: BTreeMap<String, Chart>,
}

async fn shown(sim: &Sim, client: &Client, backtest: Backtest) -> Shown {
    let (project_id, backtest_id) = (backtest.project_id.unwrap(), backtest.backtest_id.clone());
    macro_rules! all {
        ($request:ident { $($more:tt)* }) => {{
            let request = $request { project_id, backtest_id: backtest_id.clone(), start: 0, end: 100, $($more)* };
            paging::collect(request, 0, usize::MAX, |request| {
                let client = client.clone();
                async move { client.send(&request).await }
            })
            .await
            .unwrap()
        }};
    }
    let mut charts = BTreeMap::new();
    for name in backtest.charts.keys() {
        let request = ReadBacktestChart {
            project_id,
            backtest_id: backtest_id.clone(),
            name: name.clone(),
            count: 100_000,
            ..ReadBacktestChart::default()
        };
        client.send(&request).await.unwrap();
        sim.clock().advance(Duration::from_secs(5));
        charts.insert(name.clone(), client.send(&request).await.unwrap().chart.unwrap());
    }
    Shown {
        orders: all!(ReadBacktestOrders {}),
        trades: all!(ReadBacktestTrades {}),
        insights: all!(ReadBacktestInsights {}),
        log: all!(ReadBacktestLogs { query: String::new() }),
        charts,
        backtest,
    }
}

/// A figure of the statistics as it is printed: percent in percents, dollars in dollars.
fn figure(text: Option<&str>) -> f64 {
    let text = text.expect("a statistic");
    let sign = if text.contains('-') { -1.0 } else { 1.0 };
    let digits: String = text.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
    sign * digits.parse::<f64>().unwrap_or_else(|_| panic!("{text} is no figure"))
}

#[track_caller]
fn same(what: &str, shown: f64, derived: f64, tolerance: f64) {
    assert!((shown - derived).abs() <= tolerance, "{what}: shown {shown}, derived {derived}");
}

/// The longest time from the best sum of closed trades before a loss to the next better one, or to the end, in days.
fn days_under_water(trades: &[ClosedTrade]) -> f64 {
    let day = |at: Option<jiff::Timestamp>| at.unwrap().as_second() as f64 / 86_400.0;
    let mut sums = vec![(trades.iter().map(|trade| day(trade.entry_time)).fold(f64::MAX, f64::min), 0.0)];
    for trade in trades {
        let sum = sums.last().unwrap().1 + trade.profit_loss.unwrap();
        sums.push((day(trade.exit_time), sum));
    }
    let end = sums[1..].iter().map(|(at, _)| *at).fold(f64::MIN, f64::max);
    let mut longest = 0.0_f64;
    for (at, trade) in trades.iter().enumerate().filter(|(_, trade)| trade.profit_loss.unwrap() < 0.0) {
        let best = sums[..=at].iter().map(|(_, sum)| *sum).fold(f64::MIN, f64::max);
        let since = sums.iter().find(|(_, sum)| *sum == best).unwrap().0;
        let better = sums[at + 1..].iter().find(|(_, sum)| best < *sum).map_or(end, |(at, _)| *at);
        assert!(0.0 <= better - since, "{:?}", trade.id);
        longest = longest.max(better - since);
    }
    longest
}

fn check(shown: &Shown, cash: f64) {
    let Shown { backtest, orders, trades, insights, log, charts } = shown;
    let statistic = |title: &str| figure(backtest.statistics.text(title));
    let runtime = |title: &str| figure(backtest.runtime_statistics.text(title));
    let cent = 0.005 + 1e-9; // money is printed in cents

    // Orders: each filled once, at a price, for a fee; bought and sold in equal numbers.
    let value: f64 = orders.iter().map(|order| order.value.unwrap()).sum();
    let volume: f64 = orders.iter().map(|order| order.value.unwrap().abs()).sum();
    let fees: f64 = orders.iter().flat_map(|order| &order.events).filter_map(|event| event.order_fee_amount).sum();
    let end = cash - value - fees;
    let mut held: BTreeMap<&str, f64> = BTreeMap::new();
    for order in orders {
        let quantity = order.quantity.unwrap();
        same("value", order.value.unwrap(), quantity * order.price.unwrap(), 1e-6);
        *held.entry(&order.symbol.value).or_default() += quantity;
    }
    assert!(held.values().all(|left| *left == 0.0), "{held:?}");

    same("Total Orders", statistic("Total Orders"), orders.len() as f64, 0.0);
    same("Start Equity", statistic("Start Equity"), cash, 0.0);
    same("End Equity", statistic("End Equity"), end, cent);
    same("Total Fees", statistic("Total Fees"), fees, cent);
    same("Net Profit", statistic("Net Profit"), 100.0 * (end / cash - 1.0), 5e-4 + 1e-9);
    same("runtime Equity", runtime("Equity"), end, cent);
    same("runtime Fees", runtime("Fees"), -fees, cent);
    same("runtime Net Profit", runtime("Net Profit"), end - cash, cent);
    same("runtime Return", runtime("Return"), 100.0 * (end / cash - 1.0), cent);
    same("runtime Volume", runtime("Volume"), volume, cent);
    // Nothing is held at the end, so nothing is open.
    same("runtime Holdings", runtime("Holdings"), 0.0, 0.0);
    same("runtime Unrealized", runtime("Unrealized"), 0.0, 0.0);

    // Trades: the final equity is the cash, plus what they earned, less their fees.
    let earned: f64 = trades.iter().map(|trade| trade.profit_loss.unwrap()).sum();
    let paid: f64 = trades.iter().map(|trade| trade.total_fees.unwrap()).sum();
    same("equity from trades", cash + earned - paid, end, 1e-4);
    let by_id: BTreeMap<i64, &Order> = orders.iter().map(|order| (order.id, order)).collect();
    for trade in trades {
        let [entry, exit] = trade.order_ids[..] else { panic!("{:?}", trade.order_ids) };
        let (entry, exit) = (by_id[&entry], by_id[&exit]);
        assert_eq!((trade.entry_price, trade.exit_price), (entry.price, exit.price));
        assert_eq!((trade.entry_time, trade.exit_time), (entry.time, exit.time));
        assert_eq!(trade.symbols[0].id, entry.symbol.id);
    }
    let total = backtest.total_performance.as_ref().unwrap();
    assert_eq!(total.closed_trades.len(), trades.len());
    let (figures, portfolio) = (total.trade_statistics.as_ref().unwrap(), total.portfolio_statistics.as_ref().unwrap());
    let wins = trades.iter().filter(|trade| trade.is_win == Some(true)).count();
    assert_eq!(figures.total_number_of_trades, i64::try_from(trades.len()).ok());
    assert_eq!(figures.number_of_winning_trades, i64::try_from(wins).ok());
    same("totalProfitLoss", figures.total_profit_loss.unwrap(), earned, 1e-4);
    same(
        "drawdown in days",
        days_under_water(trades),
        figures.maximum_drawdown_duration.unwrap().as_secs_f64() / 86_400.0,
        1e-6,
    );
    same("Win Rate", statistic("Win Rate"), (100.0 * wins as f64 / trades.len() as f64).round(), 0.0);
    same("endEquity", portfolio.end_equity.unwrap(), end, 1e-4);
    same("Sharpe Ratio", statistic("Sharpe Ratio"), portfolio.sharpe_ratio.unwrap(), 5e-4 + 5e-5);

    // Charts: the curve begins with the cash and ends with the equity; its worst fall is the drawdown.
    let points = |chart: &str, series: &str| -> Vec<f64> {
        let values = &charts[chart].series[series].values;
        values.iter().filter_map(|point| point.value()).collect()
    };
    let curve = points("Strategy Equity", "Equity");
    same("first point", curve[0], cash, 0.0);
    same("last point", *curve.last().unwrap(), end, 1e-4);
    let (mut peak, mut worst) = (f64::MIN, 0.0_f64);
    for value in &curve {
        peak = peak.max(*value);
        worst = worst.max(1.0 - value / peak);
    }
    same("drawdown", portfolio.drawdown.unwrap(), worst, 1e-4);
    same("Drawdown", statistic("Drawdown"), 100.0 * worst, 0.06);
    let deepest = points("Drawdown", "Equity Drawdown").into_iter().fold(0.0, f64::min);
    same("drawdown chart", deepest, -100.0 * worst, 0.01);
    let days = backtest.tradeable_dates.unwrap();
    assert_eq!(curve.len(), usize::try_from(days).unwrap() + 1);

    // Insights: one for each purchase, at its price and time.
    let bought: Vec<&Order> = orders.iter().filter(|order| 0.0 < order.quantity.unwrap()).collect();
    if !insights.is_empty() {
        assert_eq!(insights.len(), bought.len());
        for (insight, order) in insights.iter().zip(&bought) {
            assert_eq!((insight.reference, insight.generated_time), (order.price, order.time));
            assert_eq!(insight.symbol.as_ref(), Some(&order.symbol.id));
        }
    }

    // Log: a line for each order, and the end.
    let lines = |word: &str| log.iter().filter(|line| line.contains(word)).count();
    assert_eq!((lines(" Bought "), lines(" Sold ")), (bought.len(), orders.len() - bought.len()));
    let last = log.last().unwrap();
    assert!(last.ends_with(&format!("{} orders, equity {end:.2}", orders.len())), "{last}");
}

#[tokio::test]
async fn all_that_is_shown_of_a_backtest_agrees() {
    let (sim, client) = session().await;
    let monthly = "self.schedule.on(self.date_rules.month_start(), self.time_rules.midnight, self.rebalance)";
    let programs: [(&str, f64, Vec<&str>); 4] = [
        ("One", 100_000.0, vec!["self.set_start_date(2024, 1, 2)", "self.add_equity(\"IBM\")"]),
        (
            "Odd cash",
            12_345.67,
            vec![
                "self.set_start_date(2020, 2, 3)",
                "self.set_end_date(2020, 12, 31)",
                "self.set_cash(12345.67)",
                "self.add_equity(\"KO\")",
                "self.add_equity(\"AAPL\")",
            ],
        ),
        (
            "Monthly with insights",
            250_000.0,
            vec![
                "self.set_start_date(2021, 1, 4)",
                "self.set_end_date(2023, 6, 30)",
                "self.set_cash(250000)",
                "for ticker in [\"KO\", \"XOM\", \"MSFT\", \"SPY\"]:",
                "    self.add_equity(ticker)",
                monthly,
                "self.emit_insights(Insight.price(\"KO\", timedelta(1), InsightDirection.UP))",
            ],
        ),
        (
            "A delisting on the way",
            50_000.0,
            vec![
                "self.set_start_date(2022, 1, 3)",
                "self.set_end_date(2023, 1, 31)",
                "self.set_cash(50000)",
                "self.add_equity(\"TWTR\")",
                "self.add_equity(\"PEP\")",
                monthly,
            ],
        ),
    ];
    for (name, cash, lines) in programs {
        let project_id = project_with(&client, name, &algorithm(&lines)).await;
        let backtest = backtested(&sim, &client, project_id).await;
        let listed = ListBacktests { project_id, include_statistics: Some(true) };
        let row = client.send(&listed).await.unwrap().backtests.remove(0);
        let shown = shown(&sim, &client, backtest).await;
        check(&shown, cash);
        assert_eq!(!shown.insights.is_empty(), name == "Monthly with insights", "{name}");
        assert_eq!(row.trades, i64::try_from(shown.orders.len()).ok(), "{name}");
        same("netProfit", row.net_profit.unwrap(), figure(shown.backtest.statistics.text("Net Profit")), 1e-3);
        same("drawdown", row.drawdown.unwrap(), figure(shown.backtest.statistics.text("Drawdown")), 0.06);
    }
}
