//! How much may come in: requests a minute and at the same time, of one caller and of all together.
//!
//! Whoever is turned away at the door uses up a place while they are, but nobody's requests a minute.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use qc_mcp_tools::settings::Team;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests a minute of one caller where callers are told apart and no setting says otherwise.
const RATE_PER_CALLER: u32 = 600;
/// Requests a minute of all together, likewise.
const RATE_TOTAL: u32 = 6_000;
/// Requests a minute of all whose credentials QuantConnect has not accepted lately: each may cost a question there.
const RATE_STRANGERS: u32 = 300;
/// Requests of one caller at the same time, where callers are told apart and no setting says otherwise.
const PLACES_PER_CALLER: u32 = 32;
/// The most callers whose use is remembered; more than can be served at the same time.
const MOST_CALLERS: usize = 1_000;

/// What stands for a caller here: a fingerprint of whatever told them apart.
pub(crate) type Principal = [u8; 32];

/// Why a request has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excess {
    /// Too many a minute; how long until the next may come.
    Rate(Duration),
    /// Too many at the same time.
    Busy,
}

/// A place that is given back when dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// What a request takes a place for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be answered.
    Answer,
    /// To listen, which may last for hours and costs next to nothing.
    Listening,
}

/// Places of both purposes.
#[derive(Debug, Clone)]
struct Places {
    answers: Arc<Semaphore>,
    listening: Arc<Semaphore>,
}

impl Places {
    fn new(each: usize) -> Self {
        Places { answers: Arc::new(Semaphore::new(each)), listening: Arc::new(Semaphore::new(each)) }
    }

    fn take(&self, purpose: Purpose) -> Result<Place, Excess> {
        let places = match purpose {
            Purpose::Answer => &self.answers,
            Purpose::Listening => &self.listening,
        };
        Arc::clone(places).try_acquire_owned().map_err(|_| Excess::Busy)
    }

    fn all_free(&self, each: usize) -> bool {
        self.answers.available_permits() == each && self.listening.available_permits() == each
    }
}

/// The limits of one server.
pub(crate) struct Limits {
    clock: DefaultClock,
    total_rate: Option<DefaultDirectRateLimiter>,
    strangers_rate: Option<DefaultDirectRateLimiter>,
    total: Places,
    quota: Option<Quota>,
    places: usize,
    shares: Mutex<HashMap<Principal, Share>>,
}

/// What one caller has used.
struct Share {
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    places: Places,
    last: Instant,
}

impl Limits {
    pub(crate) fn new(team: &Team) -> Self {
        let default = |n: u32| team.tells_apart().then_some(n);
        let quota = |n: Option<u32>| n.and_then(NonZeroU32::new).map(Quota::per_minute);
        let places = team.concurrent_per_caller.or(default(PLACES_PER_CALLER)).unwrap_or(team.concurrent_total);
        Limits {
            clock: DefaultClock::default(),
            total_rate: quota(team.rate_total.or(default(RATE_TOTAL))).map(RateLimiter::direct),
            strangers_rate: quota(team.by_headers().then_some(RATE_STRANGERS)).map(RateLimiter::direct),
            total: Places::new(team.concurrent_total as usize),
            quota: quota(team.rate_per_caller.or(default(RATE_PER_CALLER))),
            places: places as usize,
            shares: Mutex::default(),
        }
    }

    /// Takes a place for a request of anybody, before it is looked at any further.
    pub(crate) fn enter(&self, purpose: Purpose) -> Result<Place, Excess> {
        self.total.take(purpose)
    }

    /// Counts a request of somebody who may come in.
    pub(crate) fn count(&self) -> Result<(), Excess> {
        self.pace(self.total_rate.as_ref())
    }

    /// Counts a request of somebody whose credentials may be made up.
    pub(crate) fn count_stranger(&self) -> Result<(), Excess> {
        self.pace(self.strangers_rate.as_ref())
    }

    /// Counts a request of this caller, and takes a place for it.
    pub(crate) fn enter_as(&self, principal: Principal, purpose: Purpose) -> Result<Place, Excess> {
        let (rate, places) = self.share(principal);
        self.pace(rate.as_deref())?;
        places.take(purpose)
    }

    fn pace(&self, rate: Option<&DefaultDirectRateLimiter>) -> Result<(), Excess> {
        let Some(rate) = rate else { return Ok(()) };
        rate.check().map_err(|not_until| Excess::Rate(not_until.wait_time_from(self.clock.now())))
    }

    fn share(&self, principal: Principal) -> (Option<Arc<DefaultDirectRateLimiter>>, Places) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_CALLERS <= shares.len() && !shares.contains_key(&principal) {
            let idle = shares.iter().filter(|(_, share)| share.places.all_free(self.places));
            if let Some(oldest) = idle.min_by_key(|(_, share)| share.last).map(|(principal, _)| *principal) {
                shares.remove(&oldest);
            }
        }
        let share = shares.entry(principal).or_insert_with(|| Share {
            rate: self.quota.map(RateLimiter::direct).map(Arc::new),
            places: Places::new(self.places),
            last: Instant::now(),
        });
        share.last = Instant::now();
        (share.rate.clone(), share.places.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Purpose::{Answer, Listening};
    use qc_mcp_tools::{Settings, Transport};

    fn limits(flags: &[&str]) -> Limits {
        Limits::new(&Settings::isolated(Transport::Http, flags.iter().copied()).unwrap().team)
    }

    #[test]
    fn a_lone_owner_is_not_paced_and_a_team_is() {
        let alone = limits(&[]);
        assert!((0..20_000).all(|_| {
            alone.enter(Answer).is_ok() && alone.count().is_ok() && alone.enter_as([0; 32], Answer).is_ok()
        }));
        let team = limits(&["--credentials", "headers"]);
        assert!((0..RATE_PER_CALLER).all(|_| team.enter_as([0; 32], Answer).is_ok()));
        assert!(matches!(team.enter_as([0; 32], Answer), Err(Excess::Rate(wait)) if wait <= Duration::from_secs(60)));
        assert!(team.enter_as([1; 32], Answer).is_ok(), "one caller's haste is not the other's");
    }

    #[test]
    fn strangers_are_paced_together_and_apart_from_those_who_are_known() {
        let team = limits(&["--credentials", "headers"]);
        assert!((0..RATE_STRANGERS).all(|_| team.count_stranger().is_ok()));
        assert!(matches!(team.count_stranger(), Err(Excess::Rate(_))));
        assert!(team.count().is_ok());
    }

    #[test]
    fn places_are_given_back_and_counted_by_caller_and_together() {
        let limits = limits(&["--concurrent-per-caller", "2", "--concurrent-total", "3"]);
        let held = (limits.enter_as([0; 32], Answer).unwrap(), limits.enter_as([0; 32], Answer).unwrap());
        assert_eq!(limits.enter_as([0; 32], Answer).unwrap_err(), Excess::Busy);
        assert!(limits.enter_as([1; 32], Answer).is_ok());
        drop(held);
        assert!(limits.enter_as([0; 32], Answer).is_ok());
        let all: Vec<_> = (0..3).map(|_| limits.enter(Answer).unwrap()).collect();
        assert_eq!(limits.enter(Answer).unwrap_err(), Excess::Busy);
        drop(all);
        assert!(limits.enter(Answer).is_ok());
    }

    #[test]
    fn who_listens_takes_no_place_from_who_asks() {
        let limits = limits(&["--concurrent-per-caller", "1", "--concurrent-total", "1"]);
        let _listening = (limits.enter(Listening).unwrap(), limits.enter_as([0; 32], Listening).unwrap());
        assert_eq!(limits.enter_as([0; 32], Listening).unwrap_err(), Excess::Busy);
        assert!(limits.enter(Answer).is_ok() && limits.enter_as([0; 32], Answer).is_ok());
    }

    #[test]
    fn many_who_share_one_token_are_not_held_to_the_places_of_one() {
        for alone in [limits(&[]), limits(&["--auth-token", "shared"])] {
            let held: Vec<_> = (0..200).map_while(|_| alone.enter_as([0; 32], Answer).ok()).collect();
            assert_eq!(held.len(), 200);
        }
        let apart = limits(&["--credentials", "headers"]);
        let held: Vec<_> = (0..200).map_while(|_| apart.enter_as([0; 32], Answer).ok()).collect();
        assert_eq!(held.len(), PLACES_PER_CALLER as usize);
    }

    #[test]
    fn ten_thousand_fake_callers_take_bounded_room() {
        let limits = limits(&["--credentials", "headers", "--concurrent-per-caller", "1"]);
        let _busy = limits.enter_as([255; 32], Listening).unwrap();
        for i in 0..10_000_u32 {
            let mut principal = [0; 32];
            principal[..4].copy_from_slice(&i.to_be_bytes());
            let _ = limits.enter_as(principal, Answer);
        }
        assert_eq!(limits.shares.lock().unwrap().len(), MOST_CALLERS);
        assert_eq!(limits.enter_as([255; 32], Listening).unwrap_err(), Excess::Busy, "who is served is not forgotten");
    }
}
