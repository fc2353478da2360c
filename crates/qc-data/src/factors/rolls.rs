//! Factor files of continuous futures: how earlier contracts are scaled or shifted to meet later ones.
//!
//! One JSON object a line; the lists have one number for each depth (0 front contract, 1 the next, ..). A row holds
//! for all days up to and including its date, among the rows of one mapping mode.
//! Source: LEAN, `Common/Data/Auxiliary/MappingContractFactorProvider.cs`, `MappingContractFactorRow.cs`.

use crate::maps::parse_day;
use crate::symbol::Normalization;
use crate::time::days_since_epoch;
use serde::Deserialize;

/// One line.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    date: String,
    #[serde(default)]
    backwards_ratio_scale: Vec<f64>,
    #[serde(default)]
    backwards_panama_canal_scale: Vec<f64>,
    #[serde(default)]
    forward_panama_canal_scale: Vec<f64>,
    data_mapping_mode: u8,
}

/// All factors of a continuous future.
#[derive(Debug)]
pub(crate) struct RollFile {
    /// Day, time of day as text (to keep the order of rows of one day), and the row.
    rows: Vec<(i32, Row)>,
    /// Why the file is ignored: the number of the line that cannot be read.
    pub(crate) broken_at_line: Option<usize>,
}

/// `price * ratio + shift`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Roll {
    pub(crate) ratio: f64,
    pub(crate) shift: f64,
    /// Last day for which it holds, in days since 1970.
    pub(crate) until: i32,
}

impl RollFile {
    /// Reads a file; one line that cannot be read makes all of it useless, as with shares.
    pub(crate) fn parse(text: &str) -> RollFile {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let row = serde_json::from_str::<Row>(line).ok();
            let day = row.as_ref().and_then(|row| day_of(&row.date));
            let (Some(row), Some(day)) = (row, day) else {
                return RollFile { rows: Vec::new(), broken_at_line: Some(index + 1) };
            };
            rows.push((day, row));
        }
        rows.sort_by(|a, b| (a.0, &a.1.date).cmp(&(b.0, &b.1.date)));
        RollFile { rows, broken_at_line: None }
    }

    /// What happens to prices of a day: nothing where no row says more.
    pub(crate) fn on(&self, day: i32, mode: Normalization, mapping: u8, depth: usize) -> Roll {
        let later = self.rows.iter().skip(self.rows.partition_point(|(until, _)| *until < day));
        let row = later.into_iter().find(|(_, row)| row.data_mapping_mode == mapping);
        let until = row.map_or(i32::MAX, |(until, _)| *until);
        let of = |list: &[f64]| list.get(depth).copied().filter(|value| value.is_finite());
        let (ratio, shift) = match (mode, row) {
            (Normalization::BackwardsRatio, Some((_, row))) => (of(&row.backwards_ratio_scale), None),
            (Normalization::BackwardsPanamaCanal, Some((_, row))) => (None, of(&row.backwards_panama_canal_scale)),
            (Normalization::ForwardPanamaCanal, Some((_, row))) => (None, of(&row.forward_panama_canal_scale)),
            _ => (None, None),
        };
        Roll { ratio: ratio.unwrap_or(1.0), shift: shift.unwrap_or(0.0), until }
    }
}

/// `2009-11-30T00:00:00` or `20091130` to days since 1970; only the day counts.
fn day_of(text: &str) -> Option<i32> {
    let date = match text.get(..10) {
        Some(day) if day.contains('-') => day.parse().ok()?,
        _ => parse_day(text)?,
    };
    i32::try_from(days_since_epoch(date)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"Date":"2013-12-17T13:30:00","BackwardsRatioScale":[0.5,0.6],"BackwardsPanamaCanalScale":[-10,-20],"ForwardPanamaCanalScale":[1,2],"DataMappingMode":2}
{"Date":"2013-12-19T00:00:00","BackwardsRatioScale":[0.9],"BackwardsPanamaCanalScale":[-1],"ForwardPanamaCanalScale":[9],"DataMappingMode":0}
{"Date":"2050-12-31T00:00:00","BackwardsRatioScale":[1,1],"BackwardsPanamaCanalScale":[0,0],"ForwardPanamaCanalScale":[30,40],"DataMappingMode":2}"#;

    #[test]
    fn the_row_of_the_mode_holds_up_to_and_including_its_day() {
        let file = RollFile::parse(FILE);
        let day = |text: &str| day_of(text).unwrap();
        let on = |text: &str, mode, mapping, depth| {
            let roll = file.on(day(text), mode, mapping, depth);
            (roll.ratio, roll.shift)
        };
        assert_eq!(on("2013-12-17", Normalization::BackwardsRatio, 2, 0), (0.5, 0.0));
        assert_eq!(on("2013-12-18", Normalization::BackwardsRatio, 2, 1), (1.0, 0.0));
        assert_eq!(on("2013-12-18", Normalization::ForwardPanamaCanal, 2, 1), (1.0, 40.0));
        assert_eq!(on("2013-12-18", Normalization::BackwardsPanamaCanal, 0, 0), (1.0, -1.0));
        assert_eq!(on("2013-12-18", Normalization::BackwardsPanamaCanal, 0, 5), (1.0, 0.0), "no such depth");
        assert_eq!(on("2013-12-18", Normalization::BackwardsRatio, 3, 0), (1.0, 0.0), "no such mode");
        assert_eq!(file.on(day("2013-12-01"), Normalization::Raw, 2, 0).until, day("2013-12-17"));
    }

    #[test]
    fn one_unreadable_line_makes_the_file_useless() {
        assert_eq!(RollFile::parse(&FILE.replace("[0.9]", "[0.9")).broken_at_line, Some(2));
        assert_eq!(RollFile::parse("").broken_at_line, None);
    }
}
