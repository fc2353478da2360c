//! How long one call may look again and again: counted by the clock, so that the looks themselves count too.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::{
    error::{Kind, ToolError, Topic},
    gate::Door,
};

/// What a last look may take beyond the time of waiting.
const GRACE: Duration = Duration::from_secs(5);

/// The time of waiting of one call.
#[derive(Debug)]
pub(crate) struct Patience {
    begun: Timestamp,
    most: Duration,
    /// By this computer's clock: no answer is waited for longer.
    end: Instant,
}

impl Patience {
    /// Begins to wait, for `most` and never longer than the settings allow a call.
    ///
    /// # Errors
    /// Where the service cannot be reached for its clock.
    pub(crate) async fn begin(door: &Door, most: Duration) -> Result<Patience, ToolError> {
        let most = most.min(Duration::from_secs(u64::from(door.settings().max_wait_seconds)));
        Ok(Patience { begun: door.now().await?, most, end: Instant::now() + most + GRACE })
    }

    /// The whole of it.
    pub(crate) fn most(&self) -> Duration {
        self.most
    }

    /// What has passed of it.
    ///
    /// # Errors
    /// As [`Patience::begin`].
    pub(crate) async fn passed(&self, door: &Door) -> Result<Duration, ToolError> {
        let passed = Duration::try_from(door.now().await?.duration_since(self.begun)).unwrap_or(Duration::ZERO);
        Ok(if self.end <= Instant::now() { self.most.max(passed) } else { passed })
    }

    /// A look that is given up when the call has lasted too long.
    ///
    /// # Errors
    /// The look's own, and [`Kind::Unavailable`] for one that lasts too long.
    pub(crate) async fn look<T>(&self, look: impl Future<Output = Result<T, ToolError>>) -> Result<T, ToolError> {
        let late = || ToolError::new(Kind::Unavailable, Topic::General, "QuantConnect did not answer in time");
        tokio::time::timeout_at(self.end, look).await.unwrap_or_else(|_| Err(late()))
    }
}
