//! The wire: accepts requests on 127.0.0.1, checks who sent them, lets faults strike, asks the world, answers.

mod answers;
mod misbehave;
mod wire;

use std::sync::Arc;

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use self::answers::{bytes_response, empty, json_response, plain, redirect, too_large};
use self::misbehave::{distort, strike};
use self::wire::{Doors, Wire};
use crate::body::{self, Body, Unreadable};
use crate::faults::Fault;
use crate::journal::Entry;
use crate::options::AuthFailure;
use crate::refuse::{self, Refusal};
use crate::routes::Failure;
use crate::signature::{self, Presented};
use crate::{Shared, routes};

/// Where the service's paths begin.
const PREFIX: &str = "/api/v2";

/// Serves until the returned future is dropped.
pub(crate) async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let router = axum::Router::new().fallback(answer).layer(DefaultBodyLimit::max(body::LIMIT)).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Wire>();
    if let Err(error) = axum::serve(Doors(listener), service).await {
        tracing::warn!(%error, "the simulator stopped serving");
    }
}

async fn answer(State(shared): State<Arc<Shared>>, ConnectInfo(wire): ConnectInfo<Wire>, request: Request) -> Response {
    let now = shared.server_now();
    if let Some(answer) = page(&shared, request.uri().path()) {
        return with_date(answer, now);
    }
    let Some(path) = request.uri().path().strip_prefix(PREFIX).map(|path| path.trim_matches('/').to_owned()) else {
        return with_date(plain(StatusCode::NOT_FOUND, "text/plain", "not part of the simulator"), now);
    };
    // A doubled slash appears in official samples.
    let path = path.replace("//", "/");
    let headers = request.headers().clone();
    let body = body::read(request).await;
    // What is too large ends before the service: no fault is used up by it.
    let fault = if matches!(body, Err(Unreadable::TooLarge)) { None } else { shared.faults.take(&path) };
    let presented = presented(&headers, body.as_ref().ok());
    let (route, entry) = admit(&shared, &path, &presented, body.as_ref().ok(), now, fault.as_ref());
    let gzip = takes_gzip(&headers);
    let (entry, response) = respond(&shared, &wire, route, entry, body, fault.as_ref());
    // Before anything that waits: a client that hangs up ends this task, and what was done must stay on record.
    let answered = entry.reached && entry.is_authenticated();
    shared.journal.push(entry);
    let response = if gzip { compressed(response).await } else { response };
    let response = match fault.as_ref().filter(|_| answered) {
        Some(fault) => distort(&wire, fault, response).await,
        None => response,
    };
    with_date(response, now)
}

/// What is open to whoever holds the link: no signature, no journal.
fn page(shared: &Shared, path: &str) -> Option<Response> {
    if path == "/agreement" {
        return Some(plain(StatusCode::OK, "text/plain", "Synthetic prices: there is nothing to agree to."));
    }
    let (kind, token) = path.strip_prefix('/')?.split_once('/')?;
    let found = match kind {
        "download" => shared.download(token).map(|bytes| ("application/zip", bytes)),
        "data" => shared.bought(token).map(|bytes| ("application/octet-stream", bytes)),
        "login" => shared.sign_in(token).map(|brokerage| {
            let text = format!("Signed in at {brokerage} (simulated): no brokerage was contacted.");
            ("text/plain; charset=UTF-8", text.into_bytes())
        }),
        _ => return None,
    };
    Some(match found {
        Some((kind, bytes)) => bytes_response(StatusCode::OK, kind, Bytes::from(bytes)),
        None => plain(StatusCode::FORBIDDEN, "text/plain", "the link is not valid"),
    })
}

/// The journal's entry as far as it is known before the world is asked.
fn admit(
    shared: &Shared,
    path: &str,
    presented: &Presented,
    body: Option<&Body>,
    now: Timestamp,
    fault: Option<&Fault>,
) -> (Option<&'static routes::Route>, Entry) {
    let fields = body.map(|body| &body.fields);
    let route = routes::find(path, fields);
    let verdict = signature::check(presented, &crate::lock(&shared.world), now, shared.options.signature_window);
    let entry = Entry {
        at: now,
        path: path.to_owned(),
        served_by: route.map(|route| route.path),
        effect: route.map(|route| route.effect),
        body: body.map_or(Value::Null, Body::for_journal),
        user: verdict.as_ref().ok().map(i64::to_string),
        reached: false,
        accepted: false,
        done: 0,
        fault: fault.map(Fault::name),
        refusal: verdict.err(),
    };
    (route, entry)
}

fn respond(
    shared: &Shared,
    wire: &Wire,
    route: Option<&'static routes::Route>,
    mut entry: Entry,
    body: Result<Body, Unreadable>,
    fault: Option<&Fault>,
) -> (Entry, Response) {
    if matches!(body, Err(Unreadable::TooLarge)) {
        return (entry, too_large());
    }
    if let Some(fault) = fault.filter(|fault| fault.strikes_first()) {
        let response = strike(wire, fault);
        return (entry, response);
    }
    let Some(user) = entry.user.as_deref().and_then(|user| user.parse::<i64>().ok()) else {
        let sentence = entry.refusal.clone().unwrap_or_default();
        let response = match shared.options.auth_failure {
            AuthFailure::Sentence => refused(shared, StatusCode::OK, &sentence),
            AuthFailure::Unauthorized => {
                let mut response = refused(shared, StatusCode::UNAUTHORIZED, &sentence);
                response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic"));
                response
            }
            AuthFailure::ServerError => empty(StatusCode::INTERNAL_SERVER_ERROR),
        };
        return (entry, response);
    };
    entry.reached = true;
    let outcome = match (route, body) {
        (None, _) => Err(Failure::plain(refuse::unknown_path(&entry.path))),
        (Some(_), Err(_)) => {
            Err(Failure { refusal: refuse::invalid_argument(), detail: Some("the body is not a JSON object".into()) })
        }
        (Some(route), Ok(body)) => {
            let first =
                if fault == Some(&Fault::Duplicate) { Some(shared.ask(route, user, body.clone())) } else { None };
            entry.done = usize::from(first.is_some_and(|outcome| outcome.is_ok()));
            shared.ask(route, user, body)
        }
    };
    entry.done += usize::from(outcome.is_ok());
    entry.accepted = 0 < entry.done;
    let response = match outcome {
        Ok(answer) if route.is_some_and(|route| route.redirects) => {
            redirect(answer.get("location").and_then(Value::as_str).unwrap_or_default())
        }
        Ok(answer) => json_response(StatusCode::OK, shared.options.quirks.render(answer)),
        Err(Failure { refusal: Refusal::Said(sentence), detail }) => {
            let response = refused(shared, StatusCode::OK, &sentence);
            entry.refusal = Some(detail.map_or(sentence.clone(), |detail| format!("{sentence} ({detail})")));
            response
        }
        Err(Failure { refusal: Refusal::Wordless, .. }) => {
            entry.refusal = Some("HTTP 500 without a word".to_owned());
            empty(StatusCode::INTERNAL_SERVER_ERROR)
        }
    };
    (entry, response)
}

/// Answers shorter than this are not worth compressing.
const GZIP_FROM: usize = 1024;

fn takes_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|value| value.to_str().ok());
    let mut codings = accepted.flat_map(|value| value.split(','));
    codings.any(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !["q=0", "q=0.0"].contains(&weight.trim())
    })
}

async fn compressed(response: Response) -> Response {
    let (mut parts, whole) = response.into_parts();
    let bytes = axum::body::to_bytes(whole, usize::MAX).await.unwrap_or_default();
    if bytes.len() < GZIP_FROM {
        return Response::from_parts(parts, HttpBody::from(bytes));
    }
    let Ok(small) = qc_data::write::gzip(&bytes) else { return Response::from_parts(parts, HttpBody::from(bytes)) };
    parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    Response::from_parts(parts, HttpBody::from(small))
}

fn presented(headers: &HeaderMap, body: Option<&Body>) -> Presented {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let field = |name: &str| body.and_then(|body| body.fields.get(name)).and_then(Value::as_str).map(str::to_owned);
    Presented {
        authorization: header("authorization").or_else(|| field("authorization")),
        timestamp: header("timestamp").or_else(|| field("timestamp")),
    }
}

fn refused(shared: &Shared, status: StatusCode, sentence: &str) -> Response {
    json_response(status, shared.options.quirks.render(json!({ "errors": [sentence], "success": false })))
}

/// The `Date` header follows the simulator's clock: clients measure their own clock against it.
fn with_date(mut response: Response, now: Timestamp) -> Response {
    let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(date) = printed.ok().and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}
