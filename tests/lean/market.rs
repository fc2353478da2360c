//! A small market that the tests write themselves: one share that was renamed and split, paid a dividend, and a fund.

use jiff::civil::{Date, date};
use qc_data::write::{Constituent, FactorFileRow, HoursEntry, LeanWriter, MapFileRow, OpenDay, TradeBar};
use qc_data::{DataFolder, LocalTime, Resolution, SecurityType, Sid};
use std::path::Path;
use tempfile::TempDir;

/// Nanoseconds in an hour.
pub(crate) const HOUR: i64 = 3_600_000_000_000;

/// First and last day of the market.
pub(crate) const FIRST: Date = date(2019, 1, 2);
pub(crate) const LAST: Date = date(2019, 12, 31);
/// Last day of the ticker OLD; from the next open day on it is NEW.
pub(crate) const RENAMED: Date = date(2019, 3, 29);
/// Last day before the share was split in two.
pub(crate) const SPLIT: Date = date(2019, 6, 28);
/// Last day before a dividend of 1.00 at a close of 60.00.
pub(crate) const DIVIDEND: Date = date(2019, 9, 30);

pub(crate) struct Market {
    pub(crate) dir: TempDir,
    pub(crate) days: Vec<OpenDay>,
}

impl Market {
    pub(crate) fn folder(&self) -> DataFolder {
        DataFolder::open(self.dir.path()).unwrap()
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn path_of(&self, file: &str) -> std::path::PathBuf {
        self.dir.path().join(file)
    }
}

/// The close of a day: 100 plus a tenth of the number of the day in the year, halved by the split.
pub(crate) fn close_on(day: Date) -> f64 {
    let raw = 100.0 + f64::from(day.day_of_year()) / 10.0;
    if SPLIT < day { raw / 2.0 } else { raw }
}

fn bar(time: LocalTime, close: f64, volume: f64) -> TradeBar {
    TradeBar { time, open: close - 0.5, high: close + 1.0, low: close - 1.0, close, volume }
}

pub(crate) fn write() -> Market {
    let dir = tempfile::tempdir().unwrap();
    let writer = LeanWriter::create(dir.path()).unwrap();
    writer.synthetic("qc-data's tests", 0).unwrap();
    let hours = HoursEntry::us_equity(2018, 2020);
    writer.market_hours(&[hours.clone(), HoursEntry::always_open(SecurityType::Crypto, "coinbase")]).unwrap();
    writer.symbol_properties(&[(SecurityType::Equity, "usa")]).unwrap();
    let days = hours.open_days(FIRST, LAST);
    let daily = |wanted: &dyn Fn(Date) -> bool| -> Vec<TradeBar> {
        let days = days.iter().filter(|day| wanted(day.date));
        days.map(|day| bar(LocalTime::midnight(day.date), close_on(day.date), 1_001.0)).collect()
    };
    let equity = SecurityType::Equity;
    let old = daily(&|day| day <= RENAMED);
    // The same ticker belonged to another company before; its prices must never be seen.
    let mut new = vec![bar(LocalTime::midnight(date(2019, 1, 2)), 9_999.0, 1.0)];
    new.extend(daily(&|day| RENAMED < day));
    writer.trade_bars(equity, "usa", "old", Resolution::Daily, &old).unwrap();
    writer.trade_bars(equity, "usa", "new", Resolution::Daily, &new).unwrap();
    let hourly: Vec<TradeBar> = days
        .iter()
        .filter(|day| day.date.month() == 7)
        .flat_map(|day| (9..day.close / HOUR).map(|hour| (LocalTime::midnight(day.date), hour)))
        .map(|(midnight, hour)| {
            bar(LocalTime::from_nanos(midnight.as_nanos() + hour * HOUR), 70.0 + hour as f64, 100.0)
        })
        .collect();
    writer.trade_bars(equity, "usa", "new", Resolution::Hour, &hourly).unwrap();
    let row = |date, ticker: &str| MapFileRow { date, ticker: ticker.into(), exchange: "Q".into() };
    let forever = qc_data::time::END_OF_TIME;
    writer.map_file("usa", "new", &[row(FIRST, "old"), row(RENAMED, "old"), row(forever, "new")]).unwrap();
    let factor = |date, price_factor, split_factor, reference_price| FactorFileRow {
        date,
        price_factor,
        split_factor,
        reference_price,
    };
    let paid = 59.0 / 60.0;
    let factors = [
        factor(FIRST, paid, 0.5, 1.0),
        factor(SPLIT, paid, 0.5, close_on(SPLIT)),
        factor(DIVIDEND, paid, 1.0, 60.0),
        factor(forever, 1.0, 1.0, 0.0),
    ];
    writer.factor_file("usa", "new", &factors).unwrap();
    let flat: Vec<TradeBar> = days.iter().map(|day| bar(LocalTime::midnight(day.date), 20.0, 10.0)).collect();
    // The fund misses two days in May and has no factor file.
    let gone = [date(2019, 5, 14), date(2019, 5, 15)];
    let fund: Vec<TradeBar> = flat.iter().filter(|bar| !gone.contains(&bar.time.date())).copied().collect();
    writer.trade_bars(equity, "usa", "fund", Resolution::Daily, &fund).unwrap();
    let member = Constituent {
        ticker: "NEW".into(),
        sid: Sid::equity("OLD", FIRST, "usa").unwrap().to_string(),
        last_update: Some(date(2019, 6, 3)),
        weight: Some(1.0),
        shares_held: None,
        market_value: None,
    };
    writer.etf_constituents("usa", "fund", date(2019, 6, 3), &[member]).unwrap();
    Market { dir, days }
}
