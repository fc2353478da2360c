//! On which clock the moments of a file were written: pandas says it beside the data.
//!
//! A Parquet file keeps moments of UTC. Which clock they were read on before is no part of the format; pandas leaves it as
//! JSON under the key `pandas`. Source: pandas, "Storing pandas DataFrame objects in Apache Parquet format".

use super::thrift::Value;
use jiff::tz::{Offset, TimeZone};
use serde::Deserialize;

/// Longest description that is read.
const MAX_BYTES: usize = 4 << 20;

#[derive(Deserialize)]
struct Pandas {
    #[serde(default)]
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    field_name: Option<String>,
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct Metadata {
    timezone: Option<String>,
}

/// The clocks of the columns that have one. What cannot be read is as if it were not said.
pub(super) fn of_columns(meta: &Value<'_>) -> Vec<(String, TimeZone)> {
    let said = meta.list(5).unwrap_or_default().iter().find(|pair| pair.text(1) == Some("pandas"));
    let text = said.and_then(|pair| pair.text(2)).filter(|text| text.len() <= MAX_BYTES);
    let Some(pandas) = text.and_then(|text| serde_json::from_str::<Pandas>(text).ok()) else { return Vec::new() };
    let clock = |column: Column| Some((column.field_name?, zone(&column.metadata?.timezone?)?));
    pandas.columns.into_iter().filter_map(clock).collect()
}

/// `Europe/Berlin`, `UTC`, or a fixed `+05:30`.
fn zone(text: &str) -> Option<TimeZone> {
    if let Some(known) = crate::time::time_zone(text) {
        return Some(known);
    }
    let sign = match text.get(..1)? {
        "+" => 1,
        "-" => -1,
        _ => return None,
    };
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let number =
        |text: &str| text.parse::<i32>().ok().filter(|_| text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit()));
    let seconds = sign * (number(hours)? * 3_600 + number(minutes)? * 60);
    Some(TimeZone::fixed(Offset::from_seconds(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_are_names_or_offsets() {
        let seconds = |text| zone(text).map(|zone| zone.to_offset(jiff::Timestamp::UNIX_EPOCH).seconds());
        assert_eq!(seconds("Asia/Tokyo"), Some(9 * 3_600));
        assert_eq!(seconds("+05:30"), Some(19_800));
        assert_eq!(seconds("-03:00"), Some(-10_800));
        assert_eq!(seconds("UTC"), Some(0));
        for text in ["", "+5", "+5:30", "x", "+99:99", "é"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
