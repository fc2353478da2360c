//! Bars of hours outside the regular session, and contracts that turn at the exchange's midnight: rows of the sample
//! folder counted by another program, a port of LEAN's `SubscriptionDataReader` and `FillForwardEnumerator`.

use super::cases::given_folder;
use qc_data::{DataFolder, HistoryRequest, MappingMode, Resolution, SymbolHistory, SymbolQuery, Window, history};

const EXTENDED: bool = true;
const REGULAR: bool = false;

fn load(
    folder: &DataFolder,
    sid: &str,
    (start, end): (&str, &str),
    resolution: Resolution,
    is_extended: bool,
    mapping: Option<MappingMode>,
) -> SymbolHistory {
    let security = folder.security(&sid.parse().unwrap(), None).unwrap();
    let window = Window::range(start.parse().unwrap(), end.parse().unwrap());
    let mut request = HistoryRequest::new([SymbolQuery::from(security)], window, resolution).filled_forward(true);
    (request.extended_market_hours, request.mapping) = (is_extended, mapping);
    history::load(folder, &request).unwrap().series.remove(0)
}

fn counts(series: &SymbolHistory) -> (usize, usize) {
    (series.n_rows(), series.n_filled())
}

#[test]
fn hours_outside_the_session_are_filled_and_read() {
    let Some(folder) = given_folder() else { return };
    // Christmas: from the bar after 10:30 of the 24th to 14:15 of the 26th; the file itself holds hours of the session.
    let window = ("2013-12-24T10:30:00", "2013-12-26T14:15:00");
    let spy = |is_extended| load(&folder, "SPY R735QTJ8XC9X", window, Resolution::Hour, is_extended, None);
    assert_eq!(counts(&spy(EXTENDED)), (13, 5));
    assert_eq!(spy(REGULAR).n_rows(), 8);
    // The night session of a future lies in its file of hours.
    let window = ("2013-10-04T00:00:00", "2013-10-16T00:00:00");
    let es = |is_extended| load(&folder, "ES VMKLFZIH2MTD", window, Resolution::Hour, is_extended, None);
    assert_eq!(counts(&es(EXTENDED)), (167, 52));
    assert_eq!(es(REGULAR).n_rows(), 56);
}

#[test]
fn a_continuous_future_turns_at_the_exchanges_midnight() {
    let Some(folder) = given_folder() else { return };
    let window = ("2013-12-17T00:00:00", "2013-12-21T00:00:00");
    for (mapping, n_filled) in [(MappingMode::LastTradingDay, 1820), (MappingMode::OpenInterest, 1576)] {
        let series = load(&folder, "ES 1S1", window, Resolution::Minute, EXTENDED, Some(mapping));
        assert_eq!(counts(&series), (4080, n_filled), "{mapping:?}");
    }
    let window = ("2013-10-04T00:00:00", "2013-12-24T00:00:00");
    let hours = load(&folder, "ES 1S1", window, Resolution::Hour, EXTENDED, Some(MappingMode::OpenInterest));
    assert_eq!(counts(&hours), (1286, 1131));
}
