//! The one clock behind signing, retries, polling and the token bucket.
//!
//! Everything that waits or asks for the time goes through [`Clock`], so a simulator can hand in virtual time
//! and no test sleeps.

use std::fmt::Debug;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

/// Where the time comes from.
pub trait Clock: Send + Sync + Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;

    /// Completes once `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Completes once `duration` has passed while somebody else was at work: the end given to a call in flight.
    ///
    /// It sleeps, unless a clock says otherwise: one that moves only when somebody sleeps on it has nobody to move it
    /// here, and never completes.
    fn limit(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.sleep(duration)
    }
}

/// The computer's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Plain;

    impl Clock for Plain {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(std::future::ready(()))
        }
    }

    #[test]
    fn a_limit_ends_on_every_clock_that_says_nothing_else() {
        use futures::FutureExt as _;
        assert_eq!(Plain.limit(Duration::from_secs(1)).now_or_never(), Some(()));
    }
}
