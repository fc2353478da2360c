//! Not too much at once: a cap on requests in flight and, if wanted, a token bucket, both per account.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::clock::Clock;

/// A steady rate with room for bursts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests per second in the long run.
    pub per_second: f64,
    /// Requests that may come at once after a pause.
    pub burst: u32,
}

/// The limits of one account, shared by all clients of it.
#[derive(Debug)]
pub(crate) struct Limiter {
    in_flight: Semaphore,
    bucket: Option<Mutex<Bucket>>,
}

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    tokens: f64,
    at: Timestamp,
}

impl Limiter {
    pub(crate) fn new(max_concurrent: usize, rate: Option<Rate>, now: Timestamp) -> Self {
        let bucket = rate
            .filter(|rate| 0.0 < rate.per_second && rate.per_second.is_finite())
            .map(|rate| Mutex::new(Bucket { rate, tokens: f64::from(rate.burst.max(1)), at: now }));
        Self { in_flight: Semaphore::new(max_concurrent.max(1)), bucket }
    }

    /// Waits for a place and a token. Dropping the permit gives the place back.
    pub(crate) async fn enter(&self, clock: &Arc<dyn Clock>) -> Option<SemaphorePermit<'_>> {
        let wait =
            self.bucket.as_ref().map(|bucket| bucket.lock().unwrap_or_else(PoisonError::into_inner).take(clock.now()));
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            clock.sleep(wait).await;
        }
        self.in_flight.acquire().await.ok() // never closed
    }
}

impl Bucket {
    /// Takes a token and says how long to wait for it; the bucket may go into debt, which keeps the order.
    fn take(&mut self, now: Timestamp) -> Duration {
        let passed = now.duration_since(self.at).as_secs_f64().max(0.0);
        self.at = self.at.max(now);
        self.tokens = (self.tokens + passed * self.rate.per_second).min(f64::from(self.rate.burst.max(1))) - 1.0;
        if 0.0 <= self.tokens {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(-self.tokens / self.rate.per_second).unwrap_or(Duration::from_secs(3_600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_then_the_rate_holds() {
        let start = Timestamp::UNIX_EPOCH;
        let mut bucket = Bucket { rate: Rate { per_second: 2.0, burst: 3 }, tokens: 3.0, at: start };
        let waits: Vec<_> = (0..5).map(|_| bucket.take(start).as_millis()).collect();
        assert_eq!(waits, [0, 0, 0, 500, 1000]);
        assert_eq!(bucket.take(start + jiff::SignedDuration::from_secs(10)), Duration::ZERO);
    }
}
