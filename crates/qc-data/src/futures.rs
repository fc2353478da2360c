//! Contract months of futures: which month a contract is for, when it expires, and which one comes after it.
//!
//! Files name a contract by its *month*, identifiers by its day of *expiry*. The two differ for some products, and the
//! day follows a rule of the exchange. Only rules that were checked against contracts in LEAN's own data stand here.
//! Source: LEAN, `Common/Securities/Future/FuturesExpiryFunctions.cs`, `FuturesExpiryUtilityFunctions.cs`
//! (`ExpiriesPriorMonth`), `Common/SymbolExtensions.cs` (`AdjustSymbolByOffset`).

use crate::hours::ExchangeHours;
use crate::sid::Sid;
use crate::time::{date_of_day, days_from_civil};
use jiff::civil::Date;

/// When a contract of a month expires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Third Friday of March, June, September and December.
    QuarterlyThirdFriday,
    /// This business day of every month, counted from its end.
    BusinessDayFromEnd(usize),
}

/// The rule of a product, where it is known.
fn rule(root: &str) -> Option<Rule> {
    match root {
        // Share indices of CME, CBOT and Eurex.
        "ES" | "MES" | "NQ" | "MNQ" | "YM" | "MYM" | "RTY" | "M2K" | "EMD" | "FESX" => Some(Rule::QuarterlyThirdFriday),
        // COMEX metals: trading ends on the third last business day of the delivery month.
        "GC" | "SI" | "HG" | "MGC" | "SIL" => Some(Rule::BusinessDayFromEnd(3)),
        // Hang Seng: the last business day but one.
        "HSI" => Some(Rule::BusinessDayFromEnd(2)),
        _ => None,
    }
}

/// How many months after its expiry a contract's month lies.
pub(crate) fn months_ahead(root: &str) -> i32 {
    match root {
        "B" | "BZ" => 2,
        "AE5" | "A9N" | "CL" | "MCL" | "RB" | "HO" | "AYV" | "NG" | "HH" | "HP" | "HTT" | "HCL" => 1,
        _ => 0,
    }
}

/// The month of a contract as files name it: `YYYYMM`.
pub(crate) fn contract_month(sid: &Sid) -> String {
    month_after(sid.date(), months_ahead(sid.symbol()))
}

/// A contract's name as LEAN shows it: root, day of expiry, letter of the contract month, year (`ES20Z13`).
///
/// Source: LEAN, `Common/SymbolRepresentation.cs` (`GenerateFutureTicker`).
pub(crate) fn contract_ticker(sid: &Sid) -> String {
    let month = contract_month(sid);
    let letters = "FGHJKMNQUVXZ";
    let letter = month.get(4..6).and_then(|month| letters.chars().nth(month.parse::<usize>().ok()?.checked_sub(1)?));
    let year = month.get(2..4).unwrap_or_default();
    format!("{}{:02}{}{year}", sid.symbol(), sid.date().day(), letter.unwrap_or('?'))
}

/// `YYYYMM` of the month that lies `ahead` months after a day.
pub(crate) fn month_after(day: Date, ahead: i32) -> String {
    let month = i32::from(day.year()) * 12 + i32::from(day.month()) - 1 + ahead;
    format!("{:04}{:02}", month.div_euclid(12), month.rem_euclid(12) + 1)
}

/// The day on which the contract of a month (`YYYYMM`) expires, where the product's rule is known.
pub(crate) fn expiry(root: &str, month: &str, hours: &ExchangeHours) -> Option<Date> {
    let (year, month) = (month.get(..4)?.parse().ok()?, month.get(4..6)?.parse().ok()?);
    match rule(root)? {
        Rule::QuarterlyThirdFriday if month % 3 != 0 => None,
        rule => Some(last_day(rule, year, month, hours)?),
    }
}

/// The contract that lies `depth` contracts behind this one; `None` where the product's rule is not known.
pub(crate) fn deeper(sid: &Sid, depth: usize, hours: &ExchangeHours) -> Option<Sid> {
    let mut at = sid.clone();
    for _ in 0..depth {
        let from = i64::from(at.date().year()) * 12 + i64::from(at.date().month()) - 1;
        let next = (1..=24).find_map(|ahead| {
            let month = from + ahead;
            let text = format!("{:04}{:02}", month.div_euclid(12), month.rem_euclid(12) + 1);
            expiry(at.symbol(), &text, hours).filter(|day| at.date() < *day)
        })?;
        at = Sid::future(at.symbol(), next, at.market()).ok()?;
    }
    Some(at)
}

fn last_day(rule: Rule, year: i64, month: i64, hours: &ExchangeHours) -> Option<Date> {
    let first = i32::try_from(days_from_civil(year, month, 1)).ok()?;
    let next = if month == 12 { days_from_civil(year + 1, 1, 1) } else { days_from_civil(year, month + 1, 1) };
    let next = i32::try_from(next).ok()?;
    let day = match rule {
        // 1970-01-01 was a Thursday, so day 1 of the count was a Friday.
        Rule::QuarterlyThirdFriday => first + (1 - first).rem_euclid(7) + 14,
        Rule::BusinessDayFromEnd(n) => {
            let weekday = |day: &i32| !matches!((day + 4).rem_euclid(7), 0 | 6);
            let business = (first..next).rev().filter(|day| weekday(day) && !hours.is_holiday(*day));
            business.into_iter().nth(n - 1)?
        }
    };
    Some(date_of_day(day))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hours::HoursDatabase;
    use crate::symbol::SecurityType;

    fn hours() -> std::sync::Arc<ExchangeHours> {
        let day = r#"[{"start": "00:00:00", "end": "17:00:00", "state": "market"}]"#;
        let text = format!(
            r#"{{"entries": {{"Future-cme-[*]": {{"dataTimeZone": "UTC", "exchangeTimeZone": "America/New_York",
            "monday": {day}, "tuesday": {day}, "wednesday": {day}, "thursday": {day}, "friday": {day},
            "holidays": ["12/25/2013"]}}}}}}"#
        );
        HoursDatabase::new(text).unwrap().hours(SecurityType::Future, "cme", "ES").unwrap()
    }

    #[test]
    fn published_contracts_expire_by_their_rule() {
        let hours = hours();
        let sid = |text: &str| text.parse::<Sid>().unwrap();
        for text in ["ES VMKLFZIH2MTD", "ES VP274HSU1AF5", "GC VL5E74HP3EE5", "GC XXZQX57AFQ8T"] {
            let sid = sid(text);
            assert_eq!(expiry(sid.symbol(), &contract_month(&sid), &hours), Some(sid.date()), "{text}");
        }
        assert_eq!(expiry("ES", "201311", &hours), None, "quarters only");
        assert_eq!(expiry("CL", "201312", &hours), None, "no rule is known");
    }

    #[test]
    fn a_deeper_contract_is_the_next_one_that_the_rule_gives() {
        let front: Sid = "ES VMKLFZIH2MTD".parse().unwrap(); // December 2013
        assert_eq!(deeper(&front, 1, &hours()).unwrap().to_string(), "ES VP274HSU1AF5");
        assert_eq!(contract_month(&deeper(&front, 4, &hours()).unwrap()), "201412");
    }

    #[test]
    fn contracts_are_shown_as_lean_shows_them() {
        assert_eq!(contract_ticker(&"ES VMKLFZIH2MTD".parse().unwrap()), "ES20Z13");
    }

    #[test]
    fn energy_expires_before_its_month() {
        let sid = Sid::future("CL", jiff::civil::date(2013, 11, 20), "nymex").unwrap();
        assert_eq!(contract_month(&sid), "201312");
        assert_eq!(month_after(jiff::civil::date(2013, 11, 20), 2), "201401");
    }
}
