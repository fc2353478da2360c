//! What a call costs on our side: signing and writing a request (at most 10 microseconds), and reading a full backtest
//! (charts, statistics, trades) and 1,000 orders (at most 1.5 times what serde_json needs for its own `Value` of the
//! same bytes). All payloads are made here, in the shapes of the API's documentation.
#![allow(missing_docs, reason = "criterion_group makes an item without a comment")]
#![allow(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use qc_api::endpoints::backtests::{CreateBacktest, ReadBacktest, ReadBacktestChart, ReadBacktestOrders};
use qc_api::{Client, Config, Credentials, read_reply};
use serde_json::{Value, json};

fn client() -> Client {
    let mut config = Config::new(Credentials::new("123456", "0123456789abcdef0123456789abcdef").unwrap());
    config.base_url = "http://127.0.0.1:9/api/v2".into(); // nothing is sent
    Client::new(config).unwrap()
}

fn order(number: i64) -> Value {
    let event = |at: i64, status: &str, quantity: i64| {
        json!({
            "id": format!("0d9c2ea27ed6e4c5e4fbc6d46e9c1f9e-{number}-{at}"),
            "algorithmId": "0d9c2ea27ed6e4c5e4fbc6d46e9c1f9e", "orderId": number, "orderEventId": at,
            "symbol": "SPY R735QTJ8XC9X", "symbolValue": "SPY", "symbolPermtick": "SPY", "time": 1381152660 + number,
            "status": status, "orderFeeAmount": 3.44, "orderFeeCurrency": "USD", "fillPrice": 143.52 + number as f64 / 64.0,
            "fillPriceCurrency": "USD", "fillQuantity": quantity, "direction": "buy", "isAssignment": false,
            "quantity": 688
        })
    };
    json!({
        "id": number, "contingentId": 0, "brokerId": [number.to_string()],
        "symbol": {"value": "SPY", "id": "SPY R735QTJ8XC9X", "permtick": "SPY"}, "price": 143.52 + number as f64 / 64.0,
        "priceCurrency": "USD", "time": "2013-10-07T13:31:00Z", "createdTime": "2013-10-07T13:31:00Z",
        "lastFillTime": "2013-10-07T13:31:00Z", "quantity": 688, "type": 0, "status": 3, "tag": "", "securityType": 1,
        "direction": 0, "value": 98741.76,
        "orderSubmissionData": {"bidPrice": 143.5, "askPrice": 143.52, "lastPrice": 143.51}, "isMarketable": true,
        "properties": {"timeInForce": {}}, "events": [event(1, "submitted", 0), event(2, "filled", 688)]
    })
}

fn trade(number: i64) -> Value {
    json!({
        "id": "6b1fa0e6-d6b1-4a0e-9d6b-1fa0e6d6b1fa", "symbols": [{"value": "SPY", "id": "SPY R735QTJ8XC9X", "permtick": "SPY"}],
        "entryTime": "2013-10-07T13:31:00Z", "entryPrice": 143.52, "direction": 0, "quantity": 688.0,
        "exitTime": "2013-10-08T13:31:00Z", "exitPrice": 144.1, "profitLoss": 399.04 + number as f64, "totalFees": 6.88,
        "mae": -120.5, "mfe": 512.25, "duration": "1.00:00:00", "endTradeDrawdown": -113.21, "isWin": true,
        "orderIds": [number, number + 1]
    })
}

/// The eight charts every backtest has, with 2,000 points per series.
fn charts() -> Value {
    const POINTS: i64 = 2_000;
    let at = |day: i64| 1_381_152_660 + day * 86_400;
    let wave = |day: i64, scale: f64| (scale * (1.0 + (day as f64 / 37.0).sin() / 9.0) * 1e4).round() / 1e4;
    let series = |name: &str, unit: &str, kind: i64, scale: f64| {
        let point = |day: i64| {
            let value = wave(day, scale);
            if kind == 2 { json!([at(day), value, value * 1.01, value * 0.99, value]) } else { json!([at(day), value]) }
        };
        let values: Vec<_> = (0..POINTS).map(point).collect();
        json!({"name": name, "unit": unit, "index": 0, "seriesType": kind, "color": "#4E79A7", "values": values})
    };
    let chart = |name: &str, parts: Vec<(&str, &str, i64, f64)>| {
        let parts: serde_json::Map<_, _> = parts
            .into_iter()
            .map(|(name, unit, kind, scale)| (name.to_owned(), series(name, unit, kind, scale)))
            .collect();
        (name.to_owned(), json!({"name": name, "chartType": 0, "series": parts}))
    };
    let all: serde_json::Map<_, _> = [
        chart("Strategy Equity", vec![("Equity", "$", 2, 1e5), ("Return", "%", 3, 0.12)]),
        chart("Capacity", vec![("Strategy Capacity", "$", 0, 6.3e6)]),
        chart("Drawdown", vec![("Equity Drawdown", "%", 0, -4.2)]),
        chart("Benchmark", vec![("Benchmark", "", 0, 143.52)]),
        chart("Exposure", vec![("Equity - Long Ratio", "", 0, 0.98), ("Equity - Short Ratio", "", 0, 0.0)]),
        chart("Assets Sales Volume", vec![("SPY", "$", 7, 2.4e6)]),
        chart("Portfolio Turnover", vec![("Portfolio Turnover", "%", 0, 1.01)]),
        chart("Portfolio Margin", vec![("SPY", "%", 5, 99.1)]),
    ]
    .into_iter()
    .collect();
    Value::Object(all)
}

/// A finished backtest: charts with their points, statistics, 60 rolling windows, 500 closed trades.
fn backtest() -> String {
    let figures = |names: &[&str]| {
        (1..)
            .zip(names)
            .map(|(at, name)| (name.to_string(), json!(format!("{:.4}", f64::from(at) / 7.0))))
            .collect::<serde_json::Map<_, _>>()
    };
    let portfolio = figures(&[
        "averageWinRate",
        "averageLossRate",
        "profitLossRatio",
        "winRate",
        "lossRate",
        "expectancy",
        "startEquity",
        "endEquity",
        "compoundingAnnualReturn",
        "drawdown",
        "totalNetProfit",
        "sharpeRatio",
        "probabilisticSharpeRatio",
        "sortinoRatio",
        "alpha",
        "beta",
        "annualStandardDeviation",
        "annualVariance",
        "informationRatio",
        "trackingError",
        "treynorRatio",
        "portfolioTurnover",
        "valueAtRisk99",
        "valueAtRisk95",
    ]);
    let trades = json!({"totalNumberOfTrades": 500, "totalProfitLoss": "1234.5", "averageMAE": "-1.5", "medianTradeDuration": "1.00:00:00", "startDateTime": "2013-10-07T13:31:00Z"});
    let window = json!({"portfolioStatistics": portfolio, "tradeStatistics": trades, "closedTrades": []});
    let rolling: serde_json::Map<_, _> =
        (0..60).map(|month| (format!("M1_2013{month:02}01"), window.clone())).collect();
    let statistics: serde_json::Map<_, _> = (0..30).map(|at| (format!("Statistic {at}"), json!("52.602%"))).collect();
    json!({
        "backtest": {
            "backtestId": "0d9c2ea27ed6e4c5e4fbc6d46e9c1f9e", "projectId": 1, "name": "Run", "status": "Completed.",
            "completed": true, "progress": 1, "created": "2024-01-02 03:04:05", "backtestStart": "2013-01-01 00:00:00",
            "backtestEnd": "2017-12-31 00:00:00", "tradeableDates": 1258, "parameterSet": [], "statistics": statistics,
            "runtimeStatistics": {"Equity": "$100,670.36"}, "charts": charts(),
            "rollingWindow": rolling,
            "totalPerformance": {"portfolioStatistics": portfolio, "tradeStatistics": trades,
                "closedTrades": (0..500).map(trade).collect::<Vec<_>>()},
        },
        "debugging": false, "success": true
    })
    .to_string()
}

/// A chart of 4,000 candles and 4,000 values.
fn chart() -> String {
    let at = |day: i64| 1_381_152_660 + day * 86_400;
    let candles: Vec<_> =
        (0..4_000).map(|day| json!([at(day), 100_000.5, 100_100.25, 99_900.75, 100_050.125])).collect();
    let values: Vec<_> = (0..4_000).map(|day| json!([at(day), 0.123_456])).collect();
    json!({"chart": {"name": "Strategy Equity", "series": {
        "Equity": {"name": "Equity", "unit": "$", "index": 0, "seriesType": 2, "values": candles},
        "Return": {"name": "Return", "unit": "%", "index": 1, "seriesType": 3, "values": values}}}, "success": true})
    .to_string()
}

fn writing(criterion: &mut Criterion) {
    let client = client();
    let request = CreateBacktest {
        project_id: 12_345_678.into(),
        compile_id: "3dd3b1d6a5ee0a1d2f0d0f1c53b2c1fa-0d9c2ea27ed6e4c5e4fbc6d46e9c1f9e".into(),
        backtest_name: "Swimming Red Whale".into(),
        parameters: [("fast".to_owned(), "10".to_owned()), ("slow".to_owned(), "30".to_owned())].into_iter().collect(),
    };
    client.write_only(&request).unwrap(); // the http client is built once
    criterion.bench_function("sign and write a request", |bench| {
        bench.iter(|| client.write_only(black_box(&request)).unwrap());
    });
}

fn reading(criterion: &mut Criterion) {
    let orders = json!({"orders": (1..=1_000).map(order).collect::<Vec<_>>(), "length": 1_000}).to_string();
    type Read = fn(&[u8]);
    let cases: [(&str, String, Read); 3] = [
        ("full backtest", backtest(), |bytes| drop(black_box(read_reply::<ReadBacktest>(200, bytes).unwrap()))),
        ("1000 orders", orders, |bytes| drop(black_box(read_reply::<ReadBacktestOrders>(200, bytes).unwrap()))),
        ("8000 points", chart(), |bytes| drop(black_box(read_reply::<ReadBacktestChart>(200, bytes).unwrap()))),
    ];
    for (name, text, typed) in cases {
        let mut group = criterion.benchmark_group(format!("read {name}"));
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function("typed", |bench| bench.iter(|| typed(black_box(text.as_bytes()))));
        group.bench_function("value", |bench| {
            bench.iter(|| drop(black_box(serde_json::from_slice::<Value>(black_box(text.as_bytes())).unwrap())));
        });
        group.finish();
    }
}

criterion_group!(benches, writing, reading);
criterion_main!(benches);
