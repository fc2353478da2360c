//! Misbehaviour on demand: what a service, a proxy or a network may do to a request.
//!
//! A fault waits for requests to one path (or to any) and is used up after a stated number of them. Some strike
//! before the endpoint is asked, some after it has done its work: the second kind is what makes a create doubtful.

use std::sync::Mutex;
use std::time::Duration;

use jiff::SignedDuration;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// HTTP 500 with an empty body, before anything is done.
    ServerError,
    /// HTTP 500 with an empty body, after the work was done.
    ServerErrorAfter,
    /// HTTP 429; the header `Retry-After` carries the seconds, if any.
    RateLimited {
        /// Whole seconds in `Retry-After`; `None` leaves the header out.
        retry_after: Option<u64>,
    },
    /// A proxy's error page: HTTP 502, `text/html`, before anything is done.
    HtmlPage,
    /// A page with HTTP 200 and no JSON in it, as a login portal sends.
    HtmlOk,
    /// The answer comes, but only after this much real time.
    Slow(Duration),
    /// The answer comes in pieces of one byte with a pause after each.
    Drip(Duration),
    /// The work is done, but the body stops half way although its length was announced.
    CutBody,
    /// The connection is closed before anything is done.
    Reset,
    /// The work is done, then the connection is closed without an answer.
    ResetAfter,
    /// The work is done twice, as when a proxy repeats a request. The second answer is sent.
    Duplicate,
    /// The work is done once, and its answer is written to the connection twice.
    DuplicateAnswer,
    /// HTTP 302 to this address.
    Redirect(String),
    /// HTTP 200 with exactly these bytes, after the work was done.
    Body(Vec<u8>),
    /// HTTP 401 before anything is done.
    Unauthorized,
    /// HTTP 200 with `success: false` and this sentence, before anything is done.
    Refuse(String),
}

impl Fault {
    /// A short name, for the journal.
    pub fn name(&self) -> &'static str {
        match self {
            Self::ServerError => "server error",
            Self::ServerErrorAfter => "server error after the work",
            Self::RateLimited { .. } => "rate limited",
            Self::HtmlPage => "html page",
            Self::HtmlOk => "html with status 200",
            Self::Slow(_) => "slow",
            Self::Drip(_) => "drip",
            Self::CutBody => "cut body",
            Self::Reset => "connection reset",
            Self::ResetAfter => "connection reset after the work",
            Self::Duplicate => "duplicate",
            Self::DuplicateAnswer => "answer sent twice",
            Self::Redirect(_) => "redirect",
            Self::Body(_) => "fixed body",
            Self::Unauthorized => "unauthorized",
            Self::Refuse(_) => "refused",
        }
    }

    /// Whether the endpoint is never asked.
    pub(crate) fn strikes_first(&self) -> bool {
        matches!(
            self,
            Self::ServerError
                | Self::RateLimited { .. }
                | Self::HtmlPage
                | Self::HtmlOk
                | Self::Reset
                | Self::Redirect(_)
                | Self::Unauthorized
                | Self::Refuse(_)
        )
    }
}

/// The faults waiting to strike.
#[derive(Debug, Default)]
pub struct Faults {
    waiting: Mutex<Vec<Waiting>>,
    skew: Mutex<SignedDuration>,
}

#[derive(Debug)]
struct Waiting {
    path: Option<String>,
    fault: Fault,
    times: usize,
}

impl Faults {
    /// Lets `fault` strike the next request to `path`.
    pub fn once(&self, path: &str, fault: Fault) {
        self.times(path, fault, 1);
    }

    /// Lets `fault` strike the next `times` requests to `path`.
    pub fn times(&self, path: &str, fault: Fault, times: usize) {
        self.add(Some(path.to_owned()), fault, times);
    }

    /// Lets `fault` strike every request to `path` until [`Faults::clear`].
    pub fn always(&self, path: &str, fault: Fault) {
        self.add(Some(path.to_owned()), fault, usize::MAX);
    }

    /// Lets `fault` strike the next `times` requests, whatever their path.
    pub fn anywhere(&self, fault: Fault, times: usize) {
        self.add(None, fault, times);
    }

    /// Sets the server's clock ahead of the true time (behind it, when negative): signatures look old or too new.
    pub fn skew_clock(&self, ahead: SignedDuration) {
        *crate::lock(&self.skew) = ahead;
    }

    /// Takes every waiting fault back and sets the server's clock right.
    pub fn clear(&self) {
        crate::lock(&self.waiting).clear();
        *crate::lock(&self.skew) = SignedDuration::ZERO;
    }

    /// How many announced strikes have not happened yet; "always" is not counted.
    pub fn pending(&self) -> usize {
        crate::lock(&self.waiting).iter().map(|w| w.times).filter(|times| *times != usize::MAX).sum()
    }

    pub(crate) fn skew(&self) -> SignedDuration {
        *crate::lock(&self.skew)
    }

    /// The oldest fault that fits the path, used up by one.
    pub(crate) fn take(&self, path: &str) -> Option<Fault> {
        let mut waiting = crate::lock(&self.waiting);
        let at = waiting.iter().position(|w| w.path.as_deref().is_none_or(|wanted| wanted == path))?;
        let found = waiting.get_mut(at)?;
        let fault = found.fault.clone();
        if found.times != usize::MAX {
            found.times -= 1;
            if found.times == 0 {
                waiting.remove(at);
            }
        }
        Some(fault)
    }

    fn add(&self, path: Option<String>, fault: Fault, times: usize) {
        if 0 < times {
            crate::lock(&self.waiting).push(Waiting { path, fault, times });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_as_often_as_told_and_only_there() {
        let faults = Faults::default();
        faults.times("files/read", Fault::HtmlPage, 2);
        assert_eq!(faults.take("files/create"), None);
        assert_eq!(faults.take("files/read"), Some(Fault::HtmlPage));
        assert_eq!(faults.pending(), 1);
        assert_eq!(faults.take("files/read"), Some(Fault::HtmlPage));
        assert_eq!(faults.take("files/read"), None);
    }

    #[test]
    fn the_oldest_fault_strikes_first() {
        let faults = Faults::default();
        faults.anywhere(Fault::Reset, 1);
        faults.once("files/read", Fault::HtmlPage);
        assert_eq!(faults.take("files/read"), Some(Fault::Reset));
        assert_eq!(faults.take("files/read"), Some(Fault::HtmlPage));
    }
}
