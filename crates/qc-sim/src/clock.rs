//! Time in the simulator: virtual, so that nothing in a test waits, or the computer's own for a demo.
//!
//! Virtual time moves only when somebody sleeps on it or sets it. A client that polls through the same clock sees a
//! job finish after a few polls and no real time; a client with a clock of its own never does.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

/// The clock of one simulator; hand the same one to the client that talks to it.
#[derive(Debug)]
pub struct SimClock(Kind);

#[derive(Debug)]
enum Kind {
    Virtual(Mutex<Timestamp>),
    Real,
}

impl SimClock {
    /// A clock that stands still at `start` until somebody sleeps on it.
    pub fn virtual_from(start: Timestamp) -> Self {
        Self(Kind::Virtual(Mutex::new(start)))
    }

    /// The computer's clock.
    pub fn real() -> Self {
        Self(Kind::Real)
    }

    /// Whether time moves only when asked.
    pub fn is_virtual(&self) -> bool {
        matches!(self.0, Kind::Virtual(_))
    }

    /// Moves virtual time on; a real clock cannot be moved and is left alone.
    pub fn advance(&self, by: Duration) {
        if let Kind::Virtual(now) = &self.0 {
            let mut now = crate::lock(now);
            *now = later(*now, by);
        }
    }
}

impl qc_api::Clock for SimClock {
    fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::Virtual(now) => *crate::lock(now),
            Kind::Real => Timestamp::now(),
        }
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match &self.0 {
            Kind::Virtual(_) => {
                self.advance(duration);
                // Others get their turn, as they would in a real pause.
                Box::pin(tokio::task::yield_now())
            }
            Kind::Real => Box::pin(tokio::time::sleep(duration)),
        }
    }

    fn limit(&self, duration: Duration) -> BoxFuture<'static, ()> {
        match &self.0 {
            Kind::Virtual(_) => Box::pin(std::future::pending()), // nobody sleeps, so no time passes
            Kind::Real => self.sleep(duration),
        }
    }
}

/// The moment `by` after `at`; stays at the end of time rather than failing.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use qc_api::Clock;

    use super::*;

    #[tokio::test]
    async fn sleeping_takes_no_time_but_moves_the_clock() {
        let start: Timestamp = "2026-01-05T12:00:00Z".parse().unwrap();
        let clock = SimClock::virtual_from(start);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now(), "2026-01-05T13:00:00Z".parse().unwrap());
    }
}
