//! Why a request is turned away behind the guard, and what its sender is told.

use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use crate::limits::Excess;

/// Why a request is turned away. Nothing in it was sent by a caller, so it may stand in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No token, or a wrong one.
    Token {
        /// Whether there was one.
        given: bool,
    },
    /// Nobody can tell whether the token is right, since the issuer's keys are not at hand.
    Issuer,
    /// The credentials of QuantConnect in the headers are missing, incomplete or out of place.
    Credentials(String),
    /// Another header cannot be understood.
    Header(String),
    /// The counts are for whoever knows the server's token, and there is none.
    Counts,
    /// Too much.
    Excess(Excess),
    /// The session is nobody's or another's.
    Session,
    /// No more sessions.
    SessionsFull,
    /// The body is too large.
    Large,
    /// The body did not arrive.
    Body,
    /// The answer did not come in time.
    Late,
}

impl Refusal {
    /// The answer; `challenge` says how to come back with a token.
    pub(crate) fn answer(&self, challenge: &str) -> Response {
        let (status, text) = self.said();
        let mut response = (status, format!("{text}\n")).into_response();
        let headers = response.headers_mut();
        if let Refusal::Token { .. } = self {
            let challenge = HeaderValue::from_str(challenge).unwrap_or(HeaderValue::from_static("Bearer"));
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match self {
            Refusal::Excess(Excess::Rate(wait)) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + 1));
            }
            Refusal::Excess(Excess::Busy) | Refusal::Issuer => {
                headers.insert(RETRY_AFTER, HeaderValue::from(1));
            }
            _ => {}
        }
        response
    }

    fn said(&self) -> (StatusCode, &str) {
        match self {
            Refusal::Token { .. } => (StatusCode::UNAUTHORIZED, "bearer token missing or wrong"),
            Refusal::Issuer => {
                (StatusCode::SERVICE_UNAVAILABLE, "the issuer's keys are not at hand, so no token can be checked")
            }
            Refusal::Credentials(why) => (StatusCode::UNAUTHORIZED, why),
            Refusal::Header(why) => (StatusCode::BAD_REQUEST, why),
            Refusal::Counts => {
                (StatusCode::FORBIDDEN, "the counts are shown to whoever knows QC_MCP_AUTH_TOKEN, which is not set")
            }
            Refusal::Excess(Excess::Rate(_)) => {
                (StatusCode::TOO_MANY_REQUESTS, "too many requests; wait as Retry-After says")
            }
            Refusal::Excess(Excess::Busy) => (StatusCode::SERVICE_UNAVAILABLE, "too many requests at the same time"),
            Refusal::Session => (StatusCode::NOT_FOUND, "session not found"),
            Refusal::SessionsFull => (StatusCode::SERVICE_UNAVAILABLE, "too many sessions"),
            Refusal::Large => (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 4 MiB"),
            Refusal::Body => (StatusCode::REQUEST_TIMEOUT, "the body did not arrive"),
            Refusal::Late => (StatusCode::GATEWAY_TIMEOUT, "the answer did not come in time"),
        }
    }
}
