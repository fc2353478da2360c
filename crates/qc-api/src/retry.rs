//! What may be sent again, and when.
//!
//! Only calls that end alike when sent twice are repeated ([`EndpointInfo::repeatable`]): reads and plain
//! updates. A call that creates or deletes leaves this computer once.

use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::endpoint::EndpointInfo;
use crate::error::Error;

/// How often and how soon a failed call is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often a call is sent at most; 1 never repeats.
    pub attempts: u32,
    /// The wait before the first repetition; doubled for each further one.
    pub base: Duration,
    /// The longest wait of our own choice.
    pub cap: Duration,
    /// The longest wait the service may ask for; when it asks for more, the call fails at once.
    pub longest_retry_after: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 4,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            longest_retry_after: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// How long to wait before sending again after `attempt` failures (from 1), or `None` to give up.
    pub(crate) fn wait(&self, info: &EndpointInfo, error: &Error, attempt: u32, jitter: &Jitter) -> Option<Duration> {
        if !info.repeatable || self.attempts <= attempt || !error.is_retryable() {
            return None;
        }
        let doubled = self.base.saturating_mul(2u32.saturating_pow(attempt.saturating_sub(1))).min(self.cap);
        // Between half and all of it, so that many clients do not come back in step.
        let own = doubled.mul_f64(0.5 + jitter.share() / 2.0);
        match error {
            Error::RateLimited { retry_after: Some(asked), .. } if self.longest_retry_after < *asked => None,
            Error::RateLimited { retry_after: Some(asked), .. } => Some(own.max(*asked)),
            _ => Some(own),
        }
    }
}

/// A small source of chance that needs no dependency and no global state.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Seeded by the standard library's random hash keys.
    pub(crate) fn new() -> Self {
        Self(AtomicU64::new(std::hash::RandomState::new().build_hasher().finish()))
    }

    /// A number from 0 to 1 (splitmix64).
    fn share(&self) -> f64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut bits = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::backtests::{CreateBacktest, DeleteBacktest, ReadBacktest};
    use crate::endpoints::files::{PatchFiles, RenameFile, UpdateFileContent};

    fn failed(status: u16) -> Error {
        Error::Status { endpoint: "x".into(), status, safe_to_repeat: true, messages: vec![] }
    }

    #[test]
    fn only_what_ends_alike_is_repeated() {
        let (policy, jitter) = (RetryPolicy::default(), Jitter::new());
        let wait = |info: EndpointInfo| policy.wait(&info, &failed(503), 1, &jitter);
        assert!(wait(EndpointInfo::of::<ReadBacktest>()).is_some());
        assert!(wait(EndpointInfo::of::<UpdateFileContent>()).is_some());
        assert!(wait(EndpointInfo::of::<RenameFile>()).is_none());
        assert!(wait(EndpointInfo::of::<PatchFiles>()).is_none());
        assert!(wait(EndpointInfo::of::<CreateBacktest>()).is_none());
        assert!(wait(EndpointInfo::of::<DeleteBacktest>()).is_none());
    }

    #[test]
    fn waits_grow_stay_within_bounds_and_end() {
        let (policy, jitter) = (RetryPolicy::default(), Jitter::new());
        let info = EndpointInfo::of::<ReadBacktest>();
        for _ in 0..200 {
            for (attempt, longest) in [(1, 500), (2, 1000), (3, 2000)] {
                let wait = policy.wait(&info, &failed(500), attempt, &jitter).unwrap();
                assert!(Duration::from_millis(longest / 2) <= wait && wait <= Duration::from_millis(longest));
            }
        }
        assert_eq!(policy.wait(&info, &failed(500), 4, &jitter), None);
        assert_eq!(policy.wait(&info, &failed(404), 1, &jitter), None);
    }

    #[test]
    fn the_services_own_wait_counts_up_to_a_limit() {
        let (policy, jitter) = (RetryPolicy::default(), Jitter::new());
        let info = EndpointInfo::of::<ReadBacktest>();
        let limited = |seconds| Error::RateLimited {
            endpoint: "x".into(),
            messages: vec![],
            retry_after: Some(Duration::from_secs(seconds)),
        };
        assert_eq!(policy.wait(&info, &limited(7), 1, &jitter), Some(Duration::from_secs(7)));
        assert_eq!(policy.wait(&info, &limited(3_600), 1, &jitter), None);
    }
}
