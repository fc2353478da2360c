//! Who belonged to a fund on each day of a long window, as it was known then.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{ToSpan as _, civil::Date};
use qc_data::{SecurityType, Sid, SymbolQuery, universe};
use serde_json::{Value, json};

use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    funds::{STALE_DAYS, weekdays},
    quantbook::OpenSource,
    reply::is_ticker,
};

/// Days before a date within which its last session lies.
const LAST_DAYS: i64 = 6;

/// The members of funds, file by file, and names that belong to the universe always.
#[derive(Debug, Clone, Default)]
pub(crate) struct Membership {
    funds: Vec<Fund>,
    fixed: BTreeSet<String>,
    /// Name of each identifier that ever belonged.
    names: BTreeMap<String, String>,
}

#[derive(Debug, Clone)]
struct Fund {
    ticker: String,
    /// Day of a file, identifiers of its members; ascending.
    files: Vec<(Date, BTreeSet<String>)>,
}

/// Splits a universe into funds whose members change (`etf:SPY`, no day) and everything else.
pub(crate) fn split(universe: &[String]) -> (Vec<String>, Vec<String>) {
    let fund = |text: &String| {
        let (form, rest) = text.trim().split_once(':')?;
        (form.eq_ignore_ascii_case("etf") && !rest.contains('@')).then(|| rest.trim().to_ascii_uppercase())
    };
    let (mut funds, mut others) = (Vec::new(), Vec::new());
    for text in universe {
        match fund(text) {
            Some(fund) if funds.contains(&fund) => {}
            Some(fund) => funds.push(fund),
            None => others.push(text.clone()),
        }
    }
    (funds, others)
}

/// Days on which files may be the ones that the last session of a month, or the last before `first`, knew.
pub(crate) fn days_to_ask(first: Date, last: Date) -> Vec<Date> {
    let mut days = BTreeSet::new();
    let mut around = |day: Date| {
        for back in 0..=LAST_DAYS {
            days.insert(day.saturating_sub(back.days()));
        }
    };
    around(first);
    let mut month = first.first_of_month();
    while month <= last {
        around(month.last_of_month());
        let Ok(next) = month.checked_add(1.month()) else { break };
        month = next;
    }
    days.into_iter().filter(|day| *day <= last).collect()
}

impl Membership {
    /// Reads the members of funds as they were known on these days.
    ///
    /// # Errors
    /// A fund that is no ticker or of which nothing was known on any of the days, damaged files, a stop.
    pub(crate) fn load(source: &OpenSource, funds: &[String], days: &[Date], stop: &Stop) -> Result<Self, ToolError> {
        let folder = &source.folder;
        let mut found = Membership::default();
        for (at, ticker) in funds.iter().enumerate() {
            if !is_ticker(ticker) {
                return Err(ToolError::new(
                    Kind::InvalidArgument,
                    Topic::Symbol,
                    "the name of the fund is not a ticker",
                ));
            }
            let security = folder.resolve(&SymbolQuery::new(ticker, SecurityType::Equity))?;
            let mut files: Vec<(Date, BTreeSet<String>)> = Vec::new();
            for (n, day) in days.iter().enumerate() {
                if !stop.step((at as f64 + n as f64 / days.len() as f64) / funds.len() as f64) {
                    return Err(ToolError::new(Kind::Cancelled, Topic::General, "the computation was cancelled"));
                }
                let Some(known) = universe::etf_on(folder, &security, *day)? else { continue };
                if files.last().is_some_and(|(date, _)| known.file_date <= *date) {
                    continue;
                }
                let mut members = BTreeSet::new();
                for member in known.members.iter() {
                    if !found.names.contains_key(&member.sid) {
                        let Ok(sid) = member.sid.parse::<Sid>() else { continue };
                        // Under its last name, so that a renamed company is one column.
                        let name = folder.security(&sid, None)?.ticker;
                        if !is_ticker(&name) {
                            continue;
                        }
                        found.names.insert(member.sid.clone(), name);
                    }
                    members.insert(member.sid.clone());
                }
                files.push((known.file_date, members));
            }
            if files.is_empty() {
                let last = days.last().copied().unwrap_or_default();
                let message = format!("source `{}` has no constituents of {ticker} from before {last}", source.label);
                return Err(ToolError::new(Kind::NotFound, Topic::Fund, message));
            }
            found.funds.push(Fund { ticker: ticker.clone(), files });
        }
        Ok(found)
    }

    /// Everybody who ever belonged: identifiers, as symbols of a question.
    pub(crate) fn identifiers(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Names that belong on every day.
    pub(crate) fn always(&mut self, names: impl IntoIterator<Item = String>) {
        self.fixed.extend(names);
    }

    /// Names that belonged at the beginning of a day, or why that is not known.
    pub(crate) fn on(&self, day: Date) -> Result<BTreeSet<&str>, String> {
        let mut names: BTreeSet<&str> = self.fixed.iter().map(String::as_str).collect();
        for fund in &self.funds {
            let Some((date, members)) = fund.files.iter().rev().find(|(date, _)| *date < day) else {
                return Err(format!("no constituents of {} are known from before it", fund.ticker));
            };
            let age = weekdays(*date, day);
            if STALE_DAYS < age {
                return Err(format!(
                    "the newest constituents of {} are of {date}, {age} weekdays earlier, at most {STALE_DAYS} are taken",
                    fund.ticker
                ));
            }
            names.extend(members.iter().filter_map(|sid| self.names.get(sid)).map(String::as_str));
        }
        Ok(names)
    }

    /// What an answer says about it.
    pub(crate) fn told(&self) -> Value {
        let fund = |fund: &Fund| {
            let ends = fund.files.first().zip(fund.files.last());
            json!({"etf": fund.ticker, "files_read": fund.files.len(), "first": ends.map(|(first, _)| first.0.to_string()),
                "last": ends.map(|(_, last)| last.0.to_string())})
        };
        json!({"members": "as known on the day of each choice", "funds": self.funds.iter().map(fund).collect::<Vec<_>>(),
            "ever_members": self.names.len()})
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn membership() -> Membership {
        let set = |sids: &[&str]| sids.iter().map(|sid| (*sid).to_owned()).collect::<BTreeSet<_>>();
        let names = [("a", "AA"), ("b", "BB"), ("c", "CC")].map(|(sid, name)| (sid.to_owned(), name.to_owned()));
        let files = vec![(date(2020, 1, 31), set(&["a", "b"])), (date(2020, 2, 28), set(&["b", "c"]))];
        Membership {
            funds: vec![Fund { ticker: "F".into(), files }],
            fixed: ["ZZ".to_owned()].into(),
            names: names.into(),
        }
    }

    #[test]
    fn a_day_knows_the_file_of_an_earlier_day_only() {
        let all = membership();
        assert_eq!(
            all.on(date(2020, 2, 28)).unwrap(),
            ["AA", "BB", "ZZ"].into(),
            "its own day's file comes at midnight"
        );
        assert_eq!(all.on(date(2020, 2, 29)).unwrap(), ["BB", "CC", "ZZ"].into());
        assert!(all.on(date(2020, 1, 31)).unwrap_err().contains("no constituents of F"));
        assert!(all.on(date(2020, 8, 31)).unwrap_err().contains("131 weekdays"), "{:?}", all.on(date(2020, 8, 31)));
    }

    #[test]
    fn a_fund_without_a_day_is_one_whose_members_change() {
        let texts = ["etf:spy", "KO", "ETF: SPY ", "etf:QQQ@2020-01-02", "list:mine"].map(str::to_owned);
        let (funds, others) = split(&texts);
        assert_eq!((funds, others.len()), (vec!["SPY".to_owned()], 3));
    }

    #[test]
    fn every_last_session_of_a_month_lies_among_the_days() {
        let days = days_to_ask(date(2020, 1, 15), date(2020, 3, 10));
        for day in [date(2020, 1, 14), date(2020, 1, 31), date(2020, 2, 28)] {
            assert!(days.contains(&day), "{day}");
        }
        assert!(days.iter().all(|day| *day <= date(2020, 3, 10)) && days.is_sorted());
    }
}
