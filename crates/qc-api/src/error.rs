//! What can go wrong between us and the service, each with its facts and never with a token.
//!
//! Messages of the service are kept word for word. What to do about a failure is not said here: callers know
//! their own commands, this crate does not.
//!
//! | What came | Error | Predicate |
//! |---|---|---|
//! | `success: false` with sentences (a list, a text, a map) | [`Error::Refused`] | [`Error::is_refused`], [`Error::is_not_found`] |
//! | a refused signature, by status or by sentence | [`Error::Unauthorized`] | [`Error::is_auth`] |
//! | HTTP 429, or `Too many requests` | [`Error::RateLimited`] | [`Error::is_rate_limited`] |
//! | HTTP 500 and more, mostly with an empty body (not for a creating call) | [`Error::Status`] | [`Error::is_server_failure`] |
//! | a redirect | [`Error::Redirected`] | [`Error::is_redirect`] |
//! | no answer in time, or a slow drip of one | [`Error::Transport`] | [`Error::is_timeout`] |
//! | no connection, or one that broke | [`Error::Transport`] | [`Error::is_unreachable`] |
//! | neither `success` nor the payload, or a value of another form | [`Error::Shape`] | [`Error::is_malformed`] |
//! | a page instead of JSON | [`Error::NotJson`] | [`Error::is_malformed`] |
//! | more bytes than allowed, 2 GB announced or a gzip bomb | [`Error::TooLarge`] | [`Error::is_too_large`] |
//! | a creating call whose answer was lost, has any status from 500 on (with whatever sentences, except those about keys and pace), points elsewhere (a redirect other than 307 and 308), or came as a success that is a page, broken JSON, too large or without its payload | [`Error::MaybeCreated`] | [`Error::may_have_created`] |
//! | work that did not end in time | [`Error::DeadlinePassed`] | [`Error::is_timeout`] |

use std::time::Duration;

use jiff::SignedDuration;

/// The result of this crate's functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call did not give its answer.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The service understood the request and said no.
    #[error("{endpoint} was refused: {}", sentence(messages))]
    Refused {
        /// The path called.
        endpoint: String,
        /// The service's own sentences; empty when it gave none.
        messages: Vec<String>,
    },
    /// The signature was not accepted: user id, token or computer clock.
    #[error("{endpoint} was not authorized: {}{}", sentence(messages), skewed(*clock_skew))]
    Unauthorized {
        /// The path called.
        endpoint: String,
        /// The service's own sentences.
        messages: Vec<String>,
        /// Service time minus local time, as far as an answer has told.
        clock_skew: Option<SignedDuration>,
    },
    /// Too many requests.
    #[error("{endpoint} was rate limited: {}{}", sentence(messages), wait(*retry_after))]
    RateLimited {
        /// The path called.
        endpoint: String,
        /// The service's own sentences.
        messages: Vec<String>,
        /// How long the service asks to wait.
        retry_after: Option<Duration>,
    },
    /// An HTTP status other than success, without a more precise meaning.
    #[error("{endpoint} answered http status {status}: {}", sentence(messages))]
    Status {
        /// The path called.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// Whether the same request may be sent again without harm.
        safe_to_repeat: bool,
        /// Sentences found in the body.
        messages: Vec<String>,
    },
    /// A redirect, which is never followed: the signed header would go to a stranger.
    #[error("{endpoint} answered a redirect (http status {status}) to {}", host.as_deref().unwrap_or("an unnamed place"))]
    Redirected {
        /// The path called.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// The host the service pointed to; the rest of the address may hold secrets.
        host: Option<String>,
    },
    /// The connection failed, broke or timed out.
    #[error("{endpoint} {}: {message}", if *timeout { "timed out" } else { "could not be reached" })]
    Transport {
        /// The path called.
        endpoint: String,
        /// Whether time ran out (otherwise the connection failed or broke).
        timeout: bool,
        /// Whether the request may have reached the service.
        may_have_arrived: bool,
        /// Whether the same request may be sent again without harm.
        safe_to_repeat: bool,
        /// What the network said.
        message: String,
    },
    /// A creating request whose fate is unknown: it may have happened. It was not sent again.
    #[error("{endpoint} may have been carried out, its answer was lost: {reason}")]
    MaybeCreated {
        /// The path called.
        endpoint: String,
        /// What happened instead of an answer.
        reason: String,
    },
    /// The answer is JSON, but not of the expected shape.
    #[error("{endpoint} answered an unexpected shape at {}: {message}", if path.is_empty() { "the top" } else { path })]
    Shape {
        /// The path called.
        endpoint: String,
        /// Where in the JSON, such as `backtests[3].created`.
        path: String,
        /// What was found there.
        message: String,
    },
    /// The answer is no JSON at all, such as the HTML page of a proxy.
    #[error("{endpoint} answered {} instead of json (http status {status}): {excerpt}", content_type.as_deref().unwrap_or("something"))]
    NotJson {
        /// The path called.
        endpoint: String,
        /// The HTTP status.
        status: u16,
        /// Whether the same request may be sent again without harm.
        safe_to_repeat: bool,
        /// The declared content type.
        content_type: Option<String>,
        /// The first readable words of the answer (at most 120 characters).
        excerpt: String,
    },
    /// The answer, decompressed, is larger than the cap.
    #[error("{endpoint} answered more than {limit} bytes")]
    TooLarge {
        /// The path called.
        endpoint: String,
        /// The cap in bytes.
        limit: u64,
    },
    /// Waiting for long work ended before the work did. The work goes on at the service.
    #[error("not finished after {:.0} s; last seen: {last}", waited.as_secs_f64())]
    DeadlinePassed {
        /// How long was waited.
        waited: Duration,
        /// The last state seen.
        last: String,
    },
    /// The client was set up in a way that cannot work, or a request cannot be written.
    #[error("{0}")]
    Config(String),
}

impl Error {
    /// The path called, if a call was made.
    #[must_use]
    pub fn endpoint(&self) -> Option<&str> {
        match self {
            Self::Refused { endpoint, .. }
            | Self::Unauthorized { endpoint, .. }
            | Self::RateLimited { endpoint, .. }
            | Self::Status { endpoint, .. }
            | Self::Redirected { endpoint, .. }
            | Self::Transport { endpoint, .. }
            | Self::MaybeCreated { endpoint, .. }
            | Self::Shape { endpoint, .. }
            | Self::NotJson { endpoint, .. }
            | Self::TooLarge { endpoint, .. } => Some(endpoint),
            Self::DeadlinePassed { .. } | Self::Config(_) => None,
        }
    }

    /// The service's own sentences.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        match self {
            Self::Refused { messages, .. }
            | Self::Unauthorized { messages, .. }
            | Self::RateLimited { messages, .. }
            | Self::Status { messages, .. } => messages,
            _ => &[],
        }
    }

    /// Whether the same call may well succeed a little later and sending it again does no harm.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. } => true,
            Self::Transport { safe_to_repeat, .. } => *safe_to_repeat,
            Self::Status { status, safe_to_repeat, .. } | Self::NotJson { status, safe_to_repeat, .. } => {
                500 <= *status && *safe_to_repeat
            }
            _ => false,
        }
    }

    /// Whether credentials (or the clock that signs) are the cause.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(self, Self::Unauthorized { .. })
    }

    /// Whether the service throttles.
    #[must_use]
    pub fn is_rate_limited(&self) -> bool {
        matches!(self, Self::RateLimited { .. })
    }

    /// Whether time ran out, on one call or on waiting for long work.
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        matches!(self, Self::Transport { timeout: true, .. } | Self::DeadlinePassed { .. })
    }

    /// Whether the service could not be reached at all.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Transport { timeout: false, .. })
    }

    /// Whether the service says that the thing asked for does not exist.
    ///
    /// The service has no code for it, so this reads its sentences.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        const WORDS: [&str; 8] = [
            "not found",
            "no live deployment found",
            "does not exist",
            "doesn't exist",
            "no such",
            "unknown",
            "invalid project",
            "cannot find",
        ];
        match self {
            Self::Status { status: 404, .. } => true,
            Self::Refused { messages, .. } => messages.iter().any(|message| {
                let message = message.to_ascii_lowercase();
                WORDS.iter().any(|words| message.contains(words))
            }),
            _ => false,
        }
    }

    /// Whether the service understood and said no.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        matches!(self, Self::Refused { .. })
    }

    /// Whether the service itself failed: an HTTP status from 500 on, with or without a body.
    #[must_use]
    pub fn is_server_failure(&self) -> bool {
        matches!(self, Self::Status { status, .. } | Self::NotJson { status, .. } if 500 <= *status)
    }

    /// Whether a redirect came, which was not followed.
    #[must_use]
    pub fn is_redirect(&self) -> bool {
        matches!(self, Self::Redirected { .. })
    }

    /// Whether the answer was larger than the cap.
    #[must_use]
    pub fn is_too_large(&self) -> bool {
        matches!(self, Self::TooLarge { .. })
    }

    /// Whether an answer came that is not the one asked for: no JSON, or JSON of another shape.
    #[must_use]
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::Shape { .. } => true,
            Self::NotJson { status, .. } => *status < 500,
            _ => false,
        }
    }

    /// Whether a request that changes something may have been carried out although no answer says so: it may have
    /// arrived, and what came back, if anything, does not tell.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        match self {
            Self::MaybeCreated { .. } | Self::Shape { .. } | Self::TooLarge { .. } => true,
            Self::Transport { may_have_arrived, .. } => *may_have_arrived,
            Self::Status { status, .. } => 500 <= *status,
            Self::NotJson { status, .. } => !(400..500).contains(status),
            _ => false,
        }
    }

    /// Whether something may have come into being although no answer says so.
    #[must_use]
    pub fn may_have_created(&self) -> bool {
        matches!(self, Self::MaybeCreated { .. })
    }
}

fn sentence(messages: &[String]) -> String {
    if messages.is_empty() { "no reason given".to_owned() } else { messages.join("; ") }
}

fn skewed(skew: Option<SignedDuration>) -> String {
    match skew {
        Some(skew) if 5 <= skew.as_secs().abs() => {
            format!(" (the service's clock differs from ours by {} s)", skew.as_secs())
        }
        _ => String::new(),
    }
}

fn wait(retry_after: Option<Duration>) -> String {
    retry_after.map(|wait| format!(" (retry after {} s)", wait.as_secs())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_of_the_service_decides_not_found() {
        let refused = |text: &str| Error::Refused { endpoint: "x".into(), messages: vec![text.into()] };
        assert!(refused("Project not found").is_not_found());
        assert!(refused("Could not find: No live deployment found for project").is_not_found());
        assert!(!refused("Invalid argument").is_not_found());
    }

    #[test]
    fn says_facts_in_one_line() {
        let error = Error::RateLimited {
            endpoint: "backtests/create".into(),
            messages: vec!["Too many backtest requests; please slow down.".into()],
            retry_after: Some(Duration::from_secs(7)),
        };
        assert_eq!(
            error.to_string(),
            "backtests/create was rate limited: Too many backtest requests; please slow down. (retry after 7 s)"
        );
    }
}
