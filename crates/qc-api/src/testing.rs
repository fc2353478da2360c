//! Helpers of this crate's own tests: a virtual clock and a tiny HTTP server.

use std::sync::Mutex;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::Timestamp;

use crate::clock::Clock;

/// A clock on which sleeping is moving on.
#[derive(Debug)]
pub(crate) struct VirtualClock {
    start: Timestamp,
    now: Mutex<Timestamp>,
}

impl Default for VirtualClock {
    fn default() -> Self {
        let start = Timestamp::from_second(1_700_000_000).unwrap();
        Self { start, now: Mutex::new(start) }
    }
}

impl VirtualClock {
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::try_from(self.now().duration_since(self.start)).unwrap()
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        let mut now = self.now.lock().unwrap();
        *now = *now + jiff::SignedDuration::try_from(duration).unwrap();
        Box::pin(std::future::ready(()))
    }
}
