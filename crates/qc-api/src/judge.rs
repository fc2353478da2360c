//! Tells failures apart: by HTTP status, by the frame of the answer, by the service's sentences.

use std::time::Duration;

use reqwest::header;
use serde::de::IgnoredAny;

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach};
use crate::envelope;
use crate::error::{Error, Result};
use crate::transport::{self, Answer};

/// Tells success from failure by status, frame and sentences. Gives the body of a success.
pub(crate) fn judge(info: &EndpointInfo, answer: Answer) -> Result<Vec<u8>> {
    let endpoint = || info.path.to_owned();
    let Answer { status, headers, mut body } = answer;
    if body.starts_with(b"\xef\xbb\xbf") {
        body.drain(..3); // a byte order mark is not JSON
    }
    if (300..400).contains(&status) {
        let place = headers.get(header::LOCATION).and_then(|place| place.to_str().ok());
        if let (Some(place), true) = (place, info.redirect_is_answer) {
            return Ok(serde_json::json!({ "location": place, "success": true }).to_string().into_bytes());
        }
        let host = headers
            .get(header::LOCATION)
            .and_then(|place| reqwest::Url::parse(place.to_str().ok()?).ok()?.host_str().map(str::to_owned));
        return Err(after_create(
            info,
            !matches!(status, 307 | 308),
            Error::Redirected { endpoint: endpoint(), status, host },
        ));
    }
    let frame = envelope::open(&body, info.payload);
    if (200..300).contains(&status) {
        return match frame {
            Some(frame) => envelope::judge(info, frame).map(|()| body),
            None if looks_like_json(&body) => {
                let broken = serde_json::from_slice::<IgnoredAny>(&body).err().map(|error| error.to_string());
                let message = broken.unwrap_or_else(|| "an object was expected".to_owned());
                Err(Error::Shape { endpoint: endpoint(), path: String::new(), message })
            }
            None => Err(not_json(info, status, &headers, &body)),
        };
    }
    let messages = frame.map(|frame| frame.messages).unwrap_or_default();
    let speaks_of_keys = messages.iter().any(|message| envelope::is_about_authorization(message));
    if status == 401 || speaks_of_keys {
        return Err(Error::Unauthorized { endpoint: endpoint(), messages, clock_skew: None });
    }
    if status == 429 || messages.iter().any(|message| envelope::is_about_rate(message)) {
        let asked = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let date = headers.get(header::DATE).and_then(|value| value.to_str().ok());
        let retry_after = asked.and_then(|asked| retry_after(asked, date));
        return Err(Error::RateLimited { endpoint: endpoint(), messages, retry_after });
    }
    if messages.is_empty() && !body.is_empty() && !looks_like_json(&body) {
        return Err(not_json(info, status, &headers, &body));
    }
    // Whoever says it, and with whatever sentences: a failure inside says nothing about what was done before it.
    let safe_to_repeat = info.repeatable;
    Err(after_create(info, 500 <= status, Error::Status { endpoint: endpoint(), status, safe_to_repeat, messages }))
}

/// `Retry-After` in seconds, or as a date, which is compared with the service's own clock.
fn retry_after(asked: &str, date: Option<&str>) -> Option<Duration> {
    if let Ok(seconds) = asked.trim().parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let (until, now) = (transport::http_date(asked)?, transport::http_date(date?)?);
    Some(Duration::try_from(until.duration_since(now)).unwrap_or(Duration::ZERO))
}

fn looks_like_json(body: &[u8]) -> bool {
    matches!(body.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

fn not_json(info: &EndpointInfo, status: u16, headers: &header::HeaderMap, body: &[u8]) -> Error {
    let content_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let excerpt = if info.reach == Reach::Secret { "not shown".to_owned() } else { excerpt(body) };
    Error::NotJson { endpoint: info.path.to_owned(), status, safe_to_repeat: info.repeatable, content_type, excerpt }
}

/// The title of a page, else its first words without tags.
fn excerpt(body: &[u8]) -> String {
    const LONGEST: usize = 120;
    if body.iter().all(u8::is_ascii_whitespace) {
        return "an empty body".to_owned();
    }
    let text = String::from_utf8_lossy(body.get(..4_096).unwrap_or(body));
    let title = text.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).map(|(title, _)| title);
    let mut words = String::new();
    let mut inside_tag = false;
    for letter in title.unwrap_or(&text).chars() {
        match letter {
            '<' => inside_tag = true,
            '>' => {
                inside_tag = false;
                words.push(' ');
            }
            _ if inside_tag => {}
            letter if letter.is_control() => words.push(' '),
            letter => words.push(letter),
        }
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(LONGEST).collect()
}

/// The error of a creating request whose fate an answer leaves open; every other error as it is.
fn after_create(info: &EndpointInfo, open: bool, error: Error) -> Error {
    if open && info.effect == Effect::Create {
        return Error::MaybeCreated { endpoint: info.path.to_owned(), reason: error.to_string() };
    }
    error
}

/// For a creating request, turns every failure after which it may have happened into [`Error::MaybeCreated`]. What
/// status and frame of an answer say about that is said by [`judge`] already.
pub(crate) fn uncertain(info: &EndpointInfo, error: Error) -> Error {
    let happened = match &error {
        Error::Transport { may_have_arrived, .. } => *may_have_arrived,
        Error::NotJson { status, .. } => !(400..500).contains(status),
        Error::Shape { .. } | Error::TooLarge { .. } => true,
        _ => false,
    };
    after_create(info, happened, error)
}

/// Reads an answer without a connection: a recorded one, or one made up for a test.
///
/// ```
/// use qc_api::endpoints::compile::{CompileState, ReadCompile};
///
/// let reply = qc_api::read_reply::<ReadCompile>(200, br#"{"compileId":"a-b","state":"InQueue","success":"true"}"#)?;
/// assert_eq!(reply.state, CompileState::InQueue);
/// # Ok::<(), qc_api::Error>(())
/// ```
///
/// # Errors
/// Those [`crate::Client::send`] would give for it.
pub fn read_reply<E: Endpoint>(status: u16, body: &[u8]) -> Result<E::Reply> {
    let info = EndpointInfo::of::<E>();
    let answer = Answer { status, headers: header::HeaderMap::new(), body: body.to_vec() };
    judge(&info, answer)
        .and_then(|body| envelope::decode_checked::<E>(&info, &body))
        .map_err(|error| uncertain(&info, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::backtests::{CreateBacktest, ReadBacktest};
    use crate::endpoints::live::{CreateLive, LiquidateLive};
    use crate::endpoints::optimizations::CreateOptimization;

    fn failed<E: Endpoint>(status: u16, body: &str) -> Error {
        read_reply::<E>(status, body.as_bytes()).err().unwrap()
    }

    #[test]
    fn after_a_failure_inside_the_service_nobody_knows_whether_something_was_created() {
        let body = r#"{"errors":["Internal Error 21"],"success":false}"#;
        for status in [500, 502, 503, 504, 520] {
            for error in [
                failed::<CreateLive>(status, body),
                failed::<CreateBacktest>(status, body),
                failed::<CreateOptimization>(status, body),
                failed::<CreateBacktest>(status, ""),
                failed::<CreateBacktest>(status, "<html></html>"),
            ] {
                assert!(error.may_have_created() && !error.is_retryable(), "{status}: {error}");
            }
        }
        let slow = r#"{"errors":["Too many backtest requests; please slow down."],"success":false}"#;
        assert!(failed::<CreateBacktest>(500, slow).is_rate_limited(), "refused before anything was done");
        let keys = r#"{"errors":["Hash doesn't match. x"],"success":false}"#;
        assert!(failed::<CreateBacktest>(500, keys).is_auth());
    }

    #[test]
    fn only_what_ends_alike_is_called_retryable_after_a_failure_inside_the_service() {
        for body in ["", "<html></html>", r#"{"errors":["Internal Error 21"],"success":false}"#] {
            assert!(failed::<ReadBacktest>(503, body).is_retryable(), "{body}");
            let error = failed::<LiquidateLive>(503, body);
            assert!(error.is_server_failure() && !error.is_retryable(), "{error}");
        }
    }

    #[test]
    fn what_is_no_object_is_skipped_and_not_built() {
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let error = failed::<ReadBacktest>(200, &deep);
        assert!(matches!(&error, Error::Shape { message, .. } if message == "an object was expected"), "{error}");
    }
}
