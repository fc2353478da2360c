//! The members of exchange traded funds as they were known on a day, and how old that knowledge is.

use jiff::civil::{Date, Weekday};
use qc_data::{DataFolder, Security, SecurityType, Sid, SymbolQuery, universe, write::Constituent};
use serde_json::{Value, json};

use crate::{
    error::{Kind, ToolError, Topic},
    quantbook::OpenSource,
    reply::{self, is_ticker},
    sheet::Sheet,
};

/// Weekdays between a file and the day asked for beyond which a warning is given.
pub(crate) const OLD_DAYS: usize = 5;
/// Weekdays beyond which the members are refused unless the caller takes them all the same.
pub(crate) const STALE_DAYS: usize = 60;

/// A fund and its members.
#[derive(Debug, Clone)]
pub(crate) struct Members {
    fund: String,
    day: Date,
    file_date: Date,
    /// Weekdays from the file to the day asked for.
    age: usize,
    members: Vec<(Constituent, Option<Security>)>,
}

/// The members of a fund as they were known at the beginning of `day`.
///
/// # Errors
/// A fund of which there is no earlier file, and one whose file is more than 60 weekdays old unless `allow_stale`.
pub(crate) fn members(source: &OpenSource, fund: &str, day: Date, allow_stale: bool) -> Result<Members, ToolError> {
    let query = SymbolQuery::new(fund, SecurityType::Equity);
    let fund = query.name();
    if !is_ticker(&fund) {
        return Err(ToolError::new(Kind::InvalidArgument, Topic::Symbol, "the name of the fund is not a ticker"));
    }
    let folder = &source.folder;
    let Some(known) = universe::etf_on(folder, &folder.resolve(&query)?, day)? else {
        let message =
            format!("source `{}` has no constituents of {fund} from before {day}{}", source.label, others(folder)?);
        return Err(ToolError::new(Kind::NotFound, Topic::Fund, message));
    };
    let age = weekdays(known.file_date, day);
    if STALE_DAYS < age && !allow_stale {
        let message = format!(
            "the newest constituents of {fund} before {day} are of {}, {age} weekdays earlier; at most {STALE_DAYS} are taken",
            known.file_date
        );
        return Err(ToolError::new(Kind::BadData, Topic::Fund, message));
    }
    let security = |member: &Constituent| -> Result<Option<Security>, ToolError> {
        let Ok(sid) = member.sid.parse::<Sid>() else { return Ok(None) };
        // Under the ticker of its day, which the caller's dates are near to.
        let security = folder.security(&sid, Some(known.file_date))?;
        Ok(is_ticker(&security.ticker).then_some(security))
    };
    let members = known.members.iter().map(|member| Ok((member.clone(), security(member)?)));
    let members = members.collect::<Result<Vec<_>, ToolError>>()?;
    Ok(Members { fund, day, file_date: known.file_date, age, members })
}

/// The funds there are, for a message about one that is not among them.
fn others(folder: &DataFolder) -> Result<String, ToolError> {
    let names = folder.funds("usa")?;
    let plain: Vec<&str> = names.iter().map(String::as_str).filter(|name| is_ticker(name)).take(12).collect();
    Ok(if plain.is_empty() { "; it has none at all".to_owned() } else { format!("; it has {}", plain.join(", ")) })
}

impl Members {
    /// The ticker of the fund.
    pub(crate) fn fund(&self) -> &str {
        &self.fund
    }

    /// The members that can be named.
    pub(crate) fn securities(&self) -> impl Iterator<Item = &Security> {
        self.members.iter().filter_map(|(_, security)| security.as_ref())
    }

    /// Where the members come from and how old that is, in our own words.
    pub(crate) fn notes(&self) -> Vec<String> {
        let mut notes = vec![format!(
            "members of {} on {} are those of the file of {} ({} earlier)",
            self.fund,
            self.day,
            self.file_date,
            days(self.age)
        )];
        let unnamed = self.members.iter().filter(|(_, security)| security.is_none()).count();
        if 0 < unnamed {
            notes.push(format!("{unnamed} members of {} have names that are no tickers and were left out", self.fund));
        }
        notes
    }

    /// How many members have no stored prices and what they weigh, in our own words; `None` if all have some.
    pub(crate) fn without_prices(&self, source: &OpenSource) -> Option<String> {
        let without = || self.members.iter().filter(|(_, security)| !has_prices(source, security.as_ref()));
        let weight: f64 = without().filter_map(|(member, _)| member.weight).sum();
        let n = without().count();
        let all = self.members.len();
        (0 < n).then(|| {
            format!(
                "{n} of the {all} members of {} have no stored prices and are left out; they weigh {weight:.4}",
                self.fund
            )
        })
    }

    /// That the file is more than a week old, if it is.
    pub(crate) fn age_warning(&self) -> Option<String> {
        (OLD_DAYS < self.age).then(|| {
            format!(
                "the constituents of {} are of {}, {} weekdays before {}",
                self.fund, self.file_date, self.age, self.day
            )
        })
    }

    /// What the reader should not overlook.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut warnings: Vec<String> = self.age_warning().into_iter().collect();
        let unnamed = self.members.iter().filter(|(_, security)| security.is_none()).count();
        if 0 < unnamed {
            warnings.push(format!("{unnamed} members have names that are no tickers"));
        }
        warnings
    }

    /// The members as a table, the heaviest first.
    pub(crate) fn sheet(&self, source: &OpenSource, limit: usize) -> Sheet {
        let held: Vec<bool> = self.members.iter().map(|(_, security)| has_prices(source, security.as_ref())).collect();
        let weight = |member: &Constituent| member.weight.unwrap_or(0.0);
        let total: f64 = self.members.iter().map(|(member, _)| weight(member)).sum();
        let priced = || self.members.iter().zip(&held).filter(|(_, held)| **held);
        let priced_weight: f64 = priced().map(|((member, _), _)| weight(member)).sum();
        let mut order: Vec<usize> = (0..self.members.len()).collect();
        order.sort_by(|a, b| {
            let of = |at: &usize| self.members.get(*at).map_or(0.0, |(member, _)| weight(member));
            of(b).total_cmp(&of(a))
        });
        let row = |at: &usize| -> Option<Vec<Value>> {
            let (member, security) = self.members.get(*at)?;
            let name = security.as_ref().map_or_else(|| reply::ticker(&member.ticker), |found| json!(found.ticker));
            Some(vec![
                name,
                reply::identifier(&member.sid),
                json!(member.weight),
                json!(member.shares_held),
                json!(member.market_value),
                json!(held.get(*at)),
            ])
        };
        let synthetic = if source.folder.is_synthetic() { " SYNTHETIC data, not a real fund." } else { "" };
        let n_priced = priced().count();
        Sheet {
            summary: format!(
                "{} had {} members on {} (file of {}, {} old); weights sum to {total:.4}; prices of {n_priced} of them are stored.{synthetic}",
                self.fund,
                self.members.len(),
                self.day,
                self.file_date,
                days(self.age)
            ),
            facts: json!({
                "etf": self.fund,
                "date": self.day.to_string(),
                "file_date": self.file_date.to_string(),
                "age_weekdays": self.age,
                "n_members": self.members.len(),
                "weight_sum": total,
                "n_without_prices": self.members.len() - n_priced,
                "weight_without_prices": total - priced_weight,
                "units": {"weight": "fraction of the fund", "market_value": "US dollars"},
            }),
            name: "constituents",
            columns: ["symbol", "sid", "weight", "shares_held", "market_value", "has_prices"]
                .map(|name| json!(name))
                .to_vec(),
            rows: order.iter().filter_map(row).collect(),
            limit,
            shows_last: false,
            warnings: self.warnings(),
            provenance: json!({"source": source.label, "synthetic": source.folder.is_synthetic(), "file_date": self.file_date.to_string(), "known_from": "the day after the file"}),
            next: Some(
                "`add_etf_universe_securities` adds those with prices to the workbook; symbols=[\"etf:NAME@date\"] uses them in any analysis",
            ),
        }
    }
}

/// Whether any prices of a member are stored.
pub(crate) fn has_prices(source: &OpenSource, security: Option<&Security>) -> bool {
    security.is_some_and(|security| source.folder.has_bars(security).unwrap_or(false))
}

fn days(n: usize) -> String {
    if n == 1 { "1 weekday".to_owned() } else { format!("{n} weekdays") }
}

/// Monday to Friday after `first` up to `last`.
pub(crate) fn weekdays(first: Date, last: Date) -> usize {
    let mut at = first;
    let mut found = 0;
    while at < last {
        let Ok(next) = at.tomorrow() else { break };
        at = next;
        found += usize::from(!matches!(at.weekday(), Weekday::Saturday | Weekday::Sunday));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    #[test]
    fn ages_count_weekdays() {
        assert_eq!(weekdays(date(2020, 11, 30), date(2020, 12, 1)), 1);
        assert_eq!(weekdays(date(2020, 11, 27), date(2020, 11, 30)), 1, "a Friday's file on Monday");
        assert_eq!(weekdays(date(2020, 11, 30), date(2020, 11, 30)), 0);
        assert_eq!(weekdays(date(2020, 1, 1), date(2021, 1, 1)), 262);
    }
}
