//! Budgets: how many backtests in a minute and a day, how much credit in a day, how many deletions in a call. What was
//! done is counted in the store, in one step for all processes of an account, before the request leaves; it is not
//! given back when the request fails.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Kind, ToolError, Topic},
    settings::Settings,
    store::{self, Store},
};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// The record of an account.
const NAME: &str = "usage";
/// Why nothing is done when the record says nothing.
const UNREADABLE: &str = "what was counted for this account cannot be read (a damaged record in the state folder), so nothing more is started";

/// What a deed takes.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Charge {
    /// Backtests.
    pub(super) runs: u32,
    /// QuantConnect credit.
    pub(super) qcc: f64,
}

impl Charge {
    /// Whether it takes nothing at all; a figure that is none takes something.
    fn is_nothing(self) -> bool {
        self.runs == 0 && self.qcc == 0.0
    }
}

/// What an account did within the last day: when, and how much.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Usage {
    /// Starts of backtests: moment and number.
    runs: Vec<(i64, u32)>,
    /// Credit spent: moment and QCC.
    spent: Vec<(i64, f64)>,
}

impl Usage {
    /// The record as it was written; empty if there is none, `None` if it cannot be read.
    fn read(record: Option<&[u8]>) -> Option<Usage> {
        match record {
            Some(body) => serde_json::from_slice(body).ok(),
            None => Some(Usage::default()),
        }
    }

    /// Starts within the last minute (a sweep is one), backtests and credit within the last day.
    pub(crate) fn figures(&self, now: Timestamp) -> (u64, u64, f64) {
        let now = now.as_millisecond();
        let minute = self.runs.iter().filter(|(at, _)| now - MINUTE_MS < *at).count() as u64;
        let day = self.runs.iter().filter(|(at, _)| now - DAY_MS < *at).map(|(_, n)| u64::from(*n)).sum();
        let spent = self.spent.iter().filter(|(at, _)| now - DAY_MS < *at).map(|(_, qcc)| qcc).sum();
        (minute, day, spent)
    }

    /// Adds a charge, or says why it does not fit.
    fn add(&mut self, charge: Charge, now: Timestamp, settings: &Settings) -> Result<(), String> {
        let (minute, day, spent) = self.figures(now);
        let runs = u64::from(charge.runs);
        if 0 < runs {
            for (done, limit, span, setting) in [
                (minute, settings.backtests_per_minute, "minute", "QC_MCP_BACKTESTS_PER_MINUTE"),
                (day, settings.backtests_per_day, "day", "QC_MCP_BACKTESTS_PER_DAY"),
            ] {
                // A sweep is queued at QuantConnect: it counts for the day, and one start for the minute.
                let runs = if span == "minute" { 1 } else { runs };
                if u64::from(limit) < done + runs {
                    return Err(format!(
                        "{done} backtests were started within the last {span}, {runs} more would pass the limit of {limit} ({setting})"
                    ));
                }
            }
        }
        if !(charge.qcc.is_finite() && 0.0 <= charge.qcc) {
            return Err("what it costs is not known".into());
        }
        // Whole sums of small amounts must not pass by rounding.
        const DUST: f64 = 1e-9;
        if 0.0 < charge.qcc && settings.spend_per_day + DUST < spent + charge.qcc {
            return Err(format!(
                "it costs {:.2} QCC by our estimate, {spent:.2} QCC were spent within the last day, and the limit is {:.2} QCC a day (QC_MCP_SPEND_PER_DAY)",
                charge.qcc, settings.spend_per_day
            ));
        }
        let now = now.as_millisecond();
        self.runs.retain(|(at, _)| now - DAY_MS < *at);
        self.spent.retain(|(at, _)| now - DAY_MS < *at);
        if 0 < charge.runs {
            self.runs.push((now, charge.runs));
        }
        if 0.0 < charge.qcc {
            self.spent.push((now, charge.qcc));
        }
        Ok(())
    }
}

fn refused(reason: String) -> ToolError {
    ToolError::new(Kind::Forbidden, Topic::Budget, format!("{reason}; nothing was sent"))
}

/// The budgets of one account at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget<'a> {
    pub(super) store: &'a dyn Store,
    /// The account's name in state.
    pub(super) account: &'a str,
    pub(super) settings: &'a Settings,
    pub(super) now: Timestamp,
}

impl Budget<'_> {
    /// Whether a charge would fit now; takes nothing.
    pub(super) fn check(&self, charge: Charge) -> Result<(), ToolError> {
        if charge.is_nothing() {
            return Ok(());
        }
        usage(self.store, self.account)?.add(charge, self.now, self.settings).map_err(refused)
    }

    /// Takes a charge, or refuses it; no other process comes in between.
    pub(super) fn take(&self, charge: Charge) -> Result<(), ToolError> {
        if charge.is_nothing() {
            return Ok(());
        }
        let mut outcome = Err(UNREADABLE.to_owned());
        self.store.update(self.account, store::Kind::Counter, NAME, &mut |before| {
            // What cannot be read stays as it is, and nothing is done until somebody has looked.
            let keep = || before.map(<[u8]>::to_vec);
            let Some(mut usage) = Usage::read(before) else { return keep() };
            outcome = usage.add(charge, self.now, self.settings);
            match (&outcome, serde_json::to_vec(&usage)) {
                (Ok(()), Ok(after)) => Some(after),
                (Ok(()), Err(_)) => {
                    outcome = Err("what is counted could not be written".into());
                    keep()
                }
                (Err(_), _) => keep(),
            }
        })?;
        outcome.map_err(refused)
    }
}

/// What an account did lately.
///
/// # Errors
/// When the record cannot be read: it is never taken for an empty one.
pub(crate) fn usage(store: &dyn Store, account: &str) -> Result<Usage, ToolError> {
    let record = store.get(account, store::Kind::Counter, NAME)?;
    Usage::read(record.as_ref().map(|record| &*record.body)).ok_or_else(|| refused(UNREADABLE.into()))
}

/// Refuses a call that would delete more than the settings allow.
pub(super) fn check_deletes(settings: &Settings, objects: u64) -> Result<(), ToolError> {
    let limit = settings.deletes_per_call;
    if u64::from(limit) < objects {
        return Err(refused(format!(
            "it would delete {objects} things, and one call may delete {limit} (QC_MCP_DELETES_PER_CALL)"
        )));
    }
    Ok(())
}

/// Refuses a sweep of more backtests than the settings allow.
pub(super) fn check_runs(settings: &Settings, runs: u32) -> Result<(), ToolError> {
    let limit = settings.sweep_size;
    if limit.max(1) < runs {
        return Err(refused(format!(
            "it would run {runs} backtests, and one sweep may run {limit} (QC_MCP_SWEEP_SIZE)"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{settings::Transport, store::MemoryStore};

    fn settings(flags: &[&str]) -> Settings {
        Settings::isolated(Transport::Stdio, flags.iter().copied()).unwrap()
    }

    fn budget<'a>(store: &'a MemoryStore, account: &'a str, settings: &'a Settings, now: Timestamp) -> Budget<'a> {
        Budget { store, account, settings, now }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn ten_backtests_a_minute_and_two_hundred_a_day() {
        let (store, settings) = (MemoryStore::default(), settings(&[]));
        let charge = Charge { runs: 1, qcc: 0.0 };
        for _ in 0..10 {
            budget(&store, "a", &settings, at(0)).take(charge).unwrap();
        }
        assert!(budget(&store, "a", &settings, at(59)).take(charge).unwrap_err().message.contains("10 backtests"));
        budget(&store, "b", &settings, at(59)).take(charge).unwrap();
        for minute in 1..20 {
            for _ in 0..10 {
                budget(&store, "a", &settings, at(60 * minute)).take(charge).unwrap();
            }
        }
        let full = budget(&store, "a", &settings, at(3_600)).take(charge).unwrap_err();
        assert!(full.message.contains("200 backtests were started within the last day"), "{full}");
        budget(&store, "a", &settings, at(86_400)).take(charge).unwrap();
    }

    #[test]
    fn fifty_small_spends_stop_at_the_limit_of_the_day() {
        let (store, settings) = (MemoryStore::default(), settings(&["--spend-per-day", "1"]));
        let charge = Charge { runs: 0, qcc: 0.1 };
        let done = (0..50).filter(|n| budget(&store, "a", &settings, at(*n)).take(charge).is_ok()).count();
        assert_eq!(done, 10);
        budget(&store, "a", &settings, at(86_410)).check(charge).unwrap();
    }

    #[test]
    fn nothing_is_spent_unless_a_setting_allows_it() {
        let (store, settings) = (MemoryStore::default(), settings(&[]));
        let error = budget(&store, "a", &settings, at(0)).check(Charge { runs: 0, qcc: 0.001 }).unwrap_err();
        assert!(error.message.contains("QC_MCP_SPEND_PER_DAY"), "{error}");
    }

    #[test]
    fn a_sweep_counts_each_backtest_for_the_day() {
        let (store, settings) = (MemoryStore::default(), settings(&[]));
        check_runs(&settings, 100).unwrap();
        assert!(check_runs(&settings, 101).unwrap_err().message.contains("QC_MCP_SWEEP_SIZE"));
        for second in [0, 1] {
            budget(&store, "a", &settings, at(second)).take(Charge { runs: 100, qcc: 0.0 }).unwrap();
        }
        assert!(budget(&store, "a", &settings, at(7_200)).take(Charge { runs: 1, qcc: 0.0 }).is_err());
        assert!(check_deletes(&settings, 21).is_err() && check_deletes(&settings, 20).is_ok());
    }

    #[test]
    fn a_record_that_cannot_be_read_is_no_empty_record() {
        let (store, settings) = (MemoryStore::default(), settings(&["--spend-per-day", "100"]));
        store.put("a", store::Kind::Counter, NAME, b"{\"runs\": 3}".to_vec(), None).unwrap();
        let budget = budget(&store, "a", &settings, at(0));
        for charge in [Charge { runs: 1, qcc: 0.0 }, Charge { runs: 0, qcc: 1.0 }] {
            for error in [budget.check(charge).unwrap_err(), budget.take(charge).unwrap_err()] {
                assert!(
                    error.message.contains("cannot be read") && error.message.contains("nothing was sent"),
                    "{error}"
                );
            }
        }
        let kept = store.get("a", store::Kind::Counter, NAME).unwrap().unwrap();
        assert_eq!(&*kept.body, b"{\"runs\": 3}", "left for somebody to look at");
        assert!(usage(&store, "a").is_err());
    }

    #[test]
    fn a_cost_that_is_no_amount_is_refused() {
        let (store, settings) = (MemoryStore::default(), settings(&["--spend-per-day", "100"]));
        for qcc in [f64::NAN, -5.0, f64::INFINITY] {
            let budget = budget(&store, "a", &settings, at(0));
            assert!(
                budget.take(Charge { runs: 0, qcc }).is_err() && budget.check(Charge { runs: 0, qcc }).is_err(),
                "{qcc}"
            );
        }
        assert_eq!(usage(&store, "a").unwrap(), Usage::default());
    }
}
