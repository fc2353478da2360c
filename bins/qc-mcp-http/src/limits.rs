//! How much may come in: requests a minute and at the same time, of one caller and of all together.

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

/// The limits of one server.
pub(crate) struct Limits {
    clock: DefaultClock,
    total_rate: Option<DefaultDirectRateLimiter>,
    total: Arc<Semaphore>,
    quota: Option<Quota>,
    places: usize,
    shares: Mutex<HashMap<Principal, Share>>,
}

/// What one caller has used.
struct Share {
    rate: Option<Arc<DefaultDirectRateLimiter>>,
    places: Arc<Semaphore>,
    last: Instant,
}

impl Limits {
    pub(crate) fn new(team: &Team) -> Self {
        let default = |n: u32| team.tells_apart().then_some(n);
        let quota = |n: Option<u32>| n.and_then(NonZeroU32::new).map(Quota::per_minute);
        Limits {
            clock: DefaultClock::default(),
            total_rate: quota(team.rate_total.or(default(RATE_TOTAL))).map(RateLimiter::direct),
            total: Arc::new(Semaphore::new(team.concurrent_total as usize)),
            quota: quota(team.rate_per_caller.or(default(RATE_PER_CALLER))),
            places: team.concurrent_per_caller as usize,
            shares: Mutex::default(),
        }
    }

    /// Counts a request of anybody, before it is looked at any further.
    pub(crate) fn enter(&self) -> Result<Place, Excess> {
        self.pace(self.total_rate.as_ref())?;
        Arc::clone(&self.total).try_acquire_owned().map_err(|_| Excess::Busy)
    }

    /// Counts a request of this caller.
    pub(crate) fn enter_as(&self, principal: Principal) -> Result<Place, Excess> {
        let (rate, places) = self.share(principal);
        self.pace(rate.as_deref())?;
        places.try_acquire_owned().map_err(|_| Excess::Busy)
    }

    fn pace(&self, rate: Option<&DefaultDirectRateLimiter>) -> Result<(), Excess> {
        let Some(rate) = rate else { return Ok(()) };
        rate.check().map_err(|not_until| Excess::Rate(not_until.wait_time_from(self.clock.now())))
    }

    fn share(&self, principal: Principal) -> (Option<Arc<DefaultDirectRateLimiter>>, Arc<Semaphore>) {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if MOST_CALLERS <= shares.len() && !shares.contains_key(&principal) {
            let idle = shares.iter().filter(|(_, share)| share.places.available_permits() == self.places);
            if let Some(oldest) = idle.min_by_key(|(_, share)| share.last).map(|(principal, _)| *principal) {
                shares.remove(&oldest);
            }
        }
        let share = shares.entry(principal).or_insert_with(|| Share {
            rate: self.quota.map(RateLimiter::direct).map(Arc::new),
            places: Arc::new(Semaphore::new(self.places)),
            last: Instant::now(),
        });
        share.last = Instant::now();
        (share.rate.clone(), Arc::clone(&share.places))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use qc_mcp_tools::{Settings, Transport};

    fn limits(flags: &[&str]) -> Limits {
        Limits::new(&Settings::isolated(Transport::Http, flags.iter().copied()).unwrap().team)
    }

    #[test]
    fn a_lone_owner_is_not_paced_and_a_team_is() {
        let alone = limits(&[]);
        assert!((0..20_000).all(|_| alone.enter().is_ok() && alone.enter_as([0; 32]).is_ok()));
        let team = limits(&["--credentials", "headers"]);
        assert!((0..RATE_PER_CALLER).all(|_| team.enter_as([0; 32]).is_ok()));
        assert!(matches!(team.enter_as([0; 32]), Err(Excess::Rate(wait)) if wait <= Duration::from_secs(60)));
        assert!(team.enter_as([1; 32]).is_ok(), "one caller's haste is not the other's");
    }

    #[test]
    fn places_are_given_back_and_counted_by_caller_and_together() {
        let limits = limits(&["--concurrent-per-caller", "2", "--concurrent-total", "3"]);
        let held = (limits.enter_as([0; 32]).unwrap(), limits.enter_as([0; 32]).unwrap());
        assert_eq!(limits.enter_as([0; 32]).unwrap_err(), Excess::Busy);
        assert!(limits.enter_as([1; 32]).is_ok());
        drop(held);
        assert!(limits.enter_as([0; 32]).is_ok());
        let all: Vec<_> = (0..3).map(|_| limits.enter().unwrap()).collect();
        assert_eq!(limits.enter().unwrap_err(), Excess::Busy);
        drop(all);
        assert!(limits.enter().is_ok());
    }

    #[test]
    fn ten_thousand_fake_callers_take_bounded_room() {
        let limits = limits(&["--credentials", "headers", "--concurrent-per-caller", "1"]);
        let _busy = limits.enter_as([255; 32]).unwrap();
        for i in 0..10_000_u32 {
            let mut principal = [0; 32];
            principal[..4].copy_from_slice(&i.to_be_bytes());
            let _ = limits.enter_as(principal);
        }
        assert_eq!(limits.shares.lock().unwrap().len(), MOST_CALLERS);
        assert_eq!(limits.enter_as([255; 32]).unwrap_err(), Excess::Busy, "who is being served is not forgotten");
    }
}
