//! Folders written by the tests themselves: what is read back, adjusted, filled, aligned and described.

use super::market::{self, DIVIDEND, FIRST, HOUR, LAST, RENAMED, SPLIT, close_on};
use jiff::civil::date;
use qc_data::write::{LeanWriter, TradeBar};
use qc_data::{
    DataFolder, Error, FactorState, Field, History, HistoryRequest, LocalTime, Normalization, Resolution, SecurityType,
    SymbolQuery, Window, history,
};

fn daily(folder: &DataFolder, symbols: &[&str], mode: Normalization) -> History {
    let request = HistoryRequest::new(symbols.iter().copied(), Window::dates(FIRST, LAST), Resolution::Daily);
    history::load(folder, &request.normalized(mode)).unwrap()
}

#[test]
fn a_year_of_a_renamed_share_is_one_series_without_the_other_company() {
    let market = market::write();
    let history = daily(&market.folder(), &["NEW"], Normalization::Raw);
    let series = &history.series[0];
    assert_eq!(series.n_rows(), market.days.len());
    for (day, (at, close)) in market.days.iter().zip(series.times.iter().zip(series.closes().unwrap())) {
        assert_eq!(*at, LocalTime::from_nanos(LocalTime::midnight(day.date).as_nanos() + day.close));
        assert!((close - close_on(day.date)).abs() < 1e-4, "{at}: ten-thousandths are stored");
    }
    let renamed = market.days.iter().position(|day| RENAMED < day.date).unwrap();
    assert_eq!((series.ticker_at(renamed - 1), series.ticker_at(renamed)), ("OLD", "NEW"));
    assert!(history.synthetic);
    assert!(series.gaps.is_empty() && history.notes.is_empty());
}

#[test]
fn the_old_ticker_on_its_day_is_the_same_security() {
    let market = market::write();
    let folder = market.folder();
    let then = SymbolQuery::Ticker {
        ticker: "old".into(),
        security_type: SecurityType::Equity,
        market: None,
        date: Some(date(2019, 2, 1)),
    };
    assert_eq!(folder.resolve(&then).unwrap().sid, folder.resolve(&"NEW".into()).unwrap().sid);
}

#[test]
fn each_normalisation_scales_as_defined() {
    let market = market::write();
    let folder = market.folder();
    let row = |day| market.days.iter().position(|open| open.date == day).unwrap();
    let at = |mode, day: jiff::civil::Date| {
        let series = daily(&folder, &["NEW"], mode).series.remove(0);
        (series.closes().unwrap()[row(day)], series.columns.get(Field::Volume).unwrap()[row(day)])
    };
    let (raw, _) = at(Normalization::Raw, SPLIT);
    let paid = 0.983333333; // 59 / 60 as the factor file has it
    let near = |ours: f64, theirs: f64| assert!((ours - theirs).abs() < 1e-9 * theirs, "{ours} {theirs}");
    // 1001 / (paid / 2) = 2035.93..: volumes are divided by the whole factor and rounded.
    near(at(Normalization::Adjusted, SPLIT).0, raw * paid * 0.5);
    assert_eq!(at(Normalization::Adjusted, SPLIT).1, 2036.0);
    near(at(Normalization::SplitAdjusted, SPLIT).0, raw * 0.5);
    assert_eq!(at(Normalization::SplitAdjusted, SPLIT).1, 2002.0);
    near(at(Normalization::TotalReturn, SPLIT).0, raw * 0.5);
    near(at(Normalization::TotalReturn, date(2019, 10, 1)).0, close_on(date(2019, 10, 1)) + 1.0);
    // The window ends after the last event, so ScaledRaw is Adjusted.
    near(at(Normalization::ScaledRaw, SPLIT).0, raw * paid * 0.5);
    let before = HistoryRequest::new(["NEW"], Window::dates(FIRST, DIVIDEND), Resolution::Daily);
    let series = history::load(&folder, &before.normalized(Normalization::ScaledRaw)).unwrap().series.remove(0);
    near(series.closes().unwrap()[row(SPLIT)], raw * 0.5);
}

#[test]
fn a_share_without_factor_file_says_that_it_is_not_adjusted() {
    let history = daily(&market::write().folder(), &["FUND"], Normalization::Adjusted);
    let adjustment = &history.series[0].adjustment;
    assert_eq!(adjustment.applied, Normalization::Raw);
    assert_eq!(adjustment.factors, FactorState::Missing("equity/usa/factor_files/fund.csv".into()));
    assert_eq!(adjustment.to_string(), "NONE (no factor file equity/usa/factor_files/fund.csv)");
    assert!(history.notes.iter().any(|note| note.text.contains("not adjusted")));
}

#[test]
fn gaps_are_reported_and_filled_only_on_request() {
    let market = market::write();
    let folder = market.folder();
    let plain = daily(&folder, &["FUND"], Normalization::Raw).series.remove(0);
    assert_eq!(plain.n_rows(), market.days.len() - 2);
    let gap = plain.gaps[0];
    assert_eq!((gap.first, gap.last, gap.n_days, gap.is_tail), (date(2019, 5, 14), date(2019, 5, 15), 2, false));
    let window = Window::dates(FIRST, date(2020, 1, 10));
    let request = HistoryRequest::new(["FUND"], window, Resolution::Daily).filled_forward(true);
    let filled = history::load(&folder, &request).unwrap().series.remove(0);
    // Two days in May, and seven in January 2020 behind the last file.
    assert_eq!((filled.n_rows(), filled.n_filled()), (market.days.len() + 7, 9));
    assert_eq!(filled.last_real.unwrap().date(), LAST);
    let row = filled.is_filled.iter().position(|filled| *filled).unwrap();
    assert_eq!(filled.columns.get(Field::Volume).unwrap()[row], 0.0);
    assert!(filled.gaps.iter().any(|gap| gap.is_tail && gap.n_days == 7));
}

#[test]
fn symbols_meet_on_the_union_of_their_days_without_filled_rows() {
    let market = market::write();
    let request =
        HistoryRequest::new(["FUND", "NEW"], Window::dates(FIRST, LAST), Resolution::Daily).filled_forward(true);
    let history = history::load(&market.folder(), &request).unwrap();
    let closes = history.align(Field::Close);
    assert_eq!(
        (closes.n_rows(), closes.symbols.clone()),
        (market.days.len(), vec!["FUND".to_owned(), "NEW".to_owned()])
    );
    let missing: Vec<_> =
        closes.dates.iter().zip(&closes.columns[0]).filter(|(_, v)| v.is_nan()).map(|(d, _)| *d).collect();
    assert_eq!(missing, [date(2019, 5, 14), date(2019, 5, 15)]);
    assert!(closes.columns[1].iter().all(|v| v.is_finite()));
    assert!(history.align_filled(Field::Close).columns[0].iter().all(|v| v.is_finite()));
}

#[test]
fn days_of_markets_on_several_clocks_are_stamped_when_all_of_the_row_was_known() {
    let market = market::write();
    let writer = LeanWriter::create(market.path()).unwrap();
    let days: Vec<TradeBar> = (5..20)
        .map(|day| LocalTime::midnight(date(2019, 2, day)))
        .map(|time| TradeBar { time, open: 1.0, high: 1.0, low: 1.0, close: 1.0, volume: 1.0 })
        .collect();
    writer.trade_bars(SecurityType::Crypto, "coinbase", "btcusd", Resolution::Daily, &days).unwrap();
    let window = Window::dates(date(2019, 2, 8), date(2019, 2, 11));
    let coin = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    for symbols in [["FUND".into(), coin.clone()], [coin.clone(), "FUND".into()]] {
        let history =
            history::load(&market.folder(), &HistoryRequest::new(symbols, window, Resolution::Daily)).unwrap();
        let aligned = history.align(Field::Close);
        // A Friday, a weekend of the coin alone, a Monday.
        let dates: Vec<String> = aligned.dates.iter().map(ToString::to_string).collect();
        assert_eq!(dates, ["2019-02-08", "2019-02-09", "2019-02-10", "2019-02-11"]);
        // The share closes at 21:00 UTC, the coin's day ends three hours later.
        let stamps: Vec<String> = aligned.timestamps().iter().map(ToString::to_string).collect();
        assert_eq!((stamps[0].as_str(), stamps[3].as_str()), ("2019-02-09T00:00:00Z", "2019-02-12T00:00:00Z"));
    }
}

#[test]
fn hours_end_on_the_hour_and_early_closes_are_kept() {
    let market = market::write();
    let folder = market.folder();
    let window = Window::dates(date(2019, 7, 2), date(2019, 7, 3));
    let series =
        history::load(&folder, &HistoryRequest::new(["NEW"], window, Resolution::Hour)).unwrap().series.remove(0);
    let ends: Vec<String> = series.times.iter().map(ToString::to_string).collect();
    assert_eq!(ends.len(), 7 + 4);
    assert_eq!((ends[0].as_str(), ends[10].as_str()), ("2019-07-02 10:00:00", "2019-07-03 13:00:00"));
}

#[test]
fn dates_include_both_ends_and_quantbooks_end_is_midnight() {
    let market = market::write();
    let folder = market.folder();
    let (first, last) = (date(2019, 4, 1), date(2019, 4, 5));
    let rows = |window| {
        history::load(&folder, &HistoryRequest::new(["NEW"], window, Resolution::Daily)).unwrap().series[0].n_rows()
    };
    assert_eq!(rows(Window::dates(first, last)), 5);
    assert_eq!(rows(Window::range(first.into(), last.into())), 4);
    assert_eq!(rows(Window::Periods { count: 3, end: date(2019, 4, 7).at(12, 0, 0, 0) }), 3);
}

#[test]
fn files_that_change_are_read_again() {
    let market = market::write();
    let folder = market.folder();
    let last =
        |folder: &DataFolder| *daily(folder, &["FUND"], Normalization::Raw).series[0].closes().unwrap().last().unwrap();
    assert_eq!(last(&folder), 20.0);
    assert!(0 < folder.cached_bytes());
    std::fs::remove_file(market.path_of("equity/usa/daily/fund.zip")).unwrap();
    let bar = TradeBar { time: LocalTime::midnight(LAST), open: 7.0, high: 7.0, low: 7.0, close: 7.0, volume: 1.0 };
    let writer = LeanWriter::create(market.path()).unwrap();
    writer.trade_bars(SecurityType::Equity, "usa", "fund", Resolution::Daily, &[bar]).unwrap();
    assert_eq!(last(&folder), 7.0);
    folder.set_cache_limit(0);
    assert_eq!((folder.cached_bytes(), last(&folder)), (0, 7.0));
}

#[test]
fn always_open_markets_follow_new_yorks_window_and_their_own_clock() {
    let market = market::write();
    let writer = LeanWriter::create(market.path()).unwrap();
    let hours: Vec<TradeBar> = (0..72)
        .map(|hour| LocalTime::from_nanos(LocalTime::midnight(date(2019, 1, 5)).as_nanos() + hour * HOUR))
        .map(|time| TradeBar { time, open: 1.25, high: 1.5, low: 1.0, close: 1.25, volume: 0.125 })
        .collect();
    writer.trade_bars(SecurityType::Crypto, "coinbase", "btcusd", Resolution::Hour, &hours).unwrap();
    let window = Window::range(date(2019, 1, 6).into(), date(2019, 1, 7).into());
    let query = SymbolQuery::new("BTCUSD", SecurityType::Crypto);
    let series = history::load(&market.folder(), &HistoryRequest::new([query], window, Resolution::Hour)).unwrap();
    let times = &series.series[0].times;
    let range = (times.first().unwrap().to_string(), times.last().unwrap().to_string());
    assert_eq!(range, ("2019-01-06 06:00:00".into(), "2019-01-07 05:00:00".into()), "midnight New York is 05:00 UTC");
    assert_eq!(series.series[0].columns.get(Field::Volume).unwrap()[0], 0.125);
}

#[test]
fn one_call_says_what_the_folder_holds() {
    let market = market::write();
    let folder = market.folder();
    let description = folder.describe().unwrap();
    assert!(description.synthetic);
    let shelf = description.shelves.iter().find(|shelf| shelf.resolution == Resolution::Daily).unwrap();
    assert_eq!(shelf.tickers, ["FUND", "NEW", "OLD"]);
    let all = folder.describe_shelf(shelf).unwrap();
    let new = all.iter().find(|symbol| symbol.security.ticker == "NEW").unwrap();
    let stored = &new.stored[0];
    assert_eq!((stored.first, stored.last, stored.count), (FIRST, LAST, market.days.len()));
    assert_eq!((new.splits[0].date, new.splits[0].shares_per_share), (date(2019, 7, 1), 2.0));
    assert_eq!((new.dividends[0].date, new.dividends[0].amount), (date(2019, 10, 1), 1.0));
    assert_eq!(new.names[0].until, Some(RENAMED));
    let fund = all.iter().find(|symbol| symbol.security.ticker == "FUND").unwrap();
    assert_eq!(fund.stored[0].gaps.len(), 1);
    assert!(fund.unadjusted.as_ref().unwrap().contains("no factor file"));
}

#[test]
fn nothing_is_ever_replaced_by_the_writer() {
    let market = market::write();
    let writer = LeanWriter::create(market.path()).unwrap();
    let again = writer.trade_bars(SecurityType::Equity, "usa", "fund", Resolution::Daily, &[]);
    assert!(matches!(again, Err(Error::Io { .. })), "{again:?}");
}

#[test]
fn columns_that_are_asked_for_are_those_of_the_whole_answer() {
    let Some(folder) = super::cases::given_folder() else { return };
    let query = |ticker, kind| SymbolQuery::new(ticker, kind);
    let cases = [
        (query("SPY", SecurityType::Equity), "2013-10-07", Resolution::Minute),
        (query("IBM", SecurityType::Equity), "2013-10-07", Resolution::Tick),
        (query("EURUSD", SecurityType::Forex), "2014-05-02", Resolution::Minute),
        (query("DE30EUR", SecurityType::Cfd), "2019-02-20", Resolution::Minute),
        (query("ES VMKLFZIH2MTD", SecurityType::Future), "2013-10-07", Resolution::Minute),
    ];
    for (query, day, resolution) in cases {
        let day: jiff::civil::Date = day.parse().unwrap();
        for fill in [false, true] {
            let request =
                HistoryRequest::new([query.clone()], Window::dates(day, day), resolution).filled_forward(fill);
            let whole = history::load(&folder, &request).unwrap().series.remove(0);
            assert!(1 < whole.n_rows(), "{query:?}");
            for (field, cells) in whole.columns.iter() {
                let one = history::load(&folder, &request.clone().with_fields([field])).unwrap().series.remove(0);
                assert_eq!((one.columns.fields(), &one.times), (vec![field], &whole.times), "{query:?}");
                assert_eq!((&one.is_filled, &one.tickers), (&whole.is_filled, &whole.tickers), "{query:?} {field}");
                let bits = |cells: &[f64]| cells.iter().map(|cell| cell.to_bits()).collect::<Vec<_>>();
                assert_eq!(bits(one.columns.get(field).unwrap()), bits(cells), "{query:?} {field}");
            }
        }
    }
}

#[test]
fn many_files_of_days_are_one_series_however_many_are_read_at_once() {
    let market = market::write();
    let writer = LeanWriter::create(market.path()).unwrap();
    let days: Vec<jiff::civil::Date> = market.days.iter().map(|day| day.date).take(70).collect();
    let minute = |day, at: i64, price: f64| TradeBar {
        time: LocalTime::from_nanos(LocalTime::midnight(day).as_nanos() + at * 60_000_000_000),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: 1.0,
    };
    let bars: Vec<TradeBar> = days
        .iter()
        .zip(1..)
        // Every tenth day has more minutes, so that what was expected from the first days is wrong.
        .flat_map(|(day, n)| (0..if n % 10 == 0 { 90 } else { 2 }).map(move |at| minute(*day, 600 + at, f64::from(n))))
        .collect();
    writer.trade_bars(SecurityType::Equity, "usa", "many", Resolution::Minute, &bars).unwrap();
    let folder = DataFolder::open(market.path()).unwrap();
    let request = HistoryRequest::new(["MANY"], Window::dates(days[0], days[69]), Resolution::Minute);
    let closes: Vec<f64> = bars.iter().map(|bar| bar.close).collect();
    let series = history::load(&folder, &request).unwrap().series.remove(0);
    assert_eq!(series.closes().unwrap(), closes);
    assert!(series.times.is_sorted());
}
