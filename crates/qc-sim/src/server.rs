//! The wire: accepts requests on 127.0.0.1, checks who sent them, lets faults strike, asks the world, answers.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use axum::serve::{IncomingStream, Listener};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

use crate::body::{self, Body};
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
    let router = axum::Router::new().fallback(answer).with_state(shared);
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
    let fault = shared.faults.take(&path);
    let presented = presented(&headers, body.as_ref());
    let (route, entry) = admit(&shared, &path, &presented, body.as_ref(), now, fault.as_ref());
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
    body: Option<Body>,
    fault: Option<&Fault>,
) -> (Entry, Response) {
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
        (Some(_), None) => {
            Err(Failure { refusal: refuse::invalid_argument(), detail: Some("the body is not a JSON object".into()) })
        }
        (Some(route), Some(body)) => {
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

/// The answer of a fault that strikes before the endpoint is asked.
fn strike(wire: &Wire, fault: &Fault) -> Response {
    match fault {
        Fault::RateLimited { retry_after } => {
            let mut response = json_response(
                StatusCode::TOO_MANY_REQUESTS,
                json!({ "errors": ["Too many requests; please slow down."], "success": false }).to_string(),
            );
            if let Some(seconds) = retry_after {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            response
        }
        Fault::HtmlPage => plain(StatusCode::BAD_GATEWAY, "text/html; charset=UTF-8", HTML),
        Fault::HtmlOk => plain(StatusCode::OK, "text/html; charset=UTF-8", HTML),
        Fault::Redirect(to) => redirect(to),
        Fault::Unauthorized => {
            let sentence = json!({ "errors": ["Unauthorized"], "success": false }).to_string();
            json_response(StatusCode::UNAUTHORIZED, sentence)
        }
        Fault::Refuse(sentence) => {
            json_response(StatusCode::OK, json!({ "errors": [sentence], "success": false }).to_string())
        }
        Fault::Reset => {
            wire.cut();
            empty(StatusCode::OK)
        }
        _ => empty(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// Lays a fault over an answer whose work has been done.
async fn distort(wire: &Wire, fault: &Fault, response: Response) -> Response {
    match fault {
        Fault::ServerErrorAfter => empty(StatusCode::INTERNAL_SERVER_ERROR),
        Fault::ResetAfter => {
            wire.cut();
            response
        }
        Fault::DuplicateAnswer => {
            wire.echo();
            response
        }
        Fault::Slow(pause) => {
            tokio::time::sleep(*pause).await;
            response
        }
        Fault::Body(bytes) => bytes_response(StatusCode::OK, "application/json", Bytes::from(bytes.clone())),
        Fault::Drip(pause) => {
            let pause = *pause;
            in_pieces(response, move |bytes| {
                let pieces: Vec<Bytes> = bytes.chunks(1).map(Bytes::copy_from_slice).collect();
                let pieces = futures::stream::unfold(pieces.into_iter(), move |mut rest| async move {
                    // A timer of no length would still wait for its next tick, a millisecond for each byte.
                    if pause.is_zero() {
                        tokio::task::yield_now().await;
                    } else {
                        tokio::time::sleep(pause).await;
                    }
                    rest.next().map(|piece| (Ok::<_, std::io::Error>(piece), rest))
                });
                HttpBody::from_stream(pieces)
            })
            .await
        }
        Fault::CutBody => {
            in_pieces(response, |bytes| {
                let half = bytes.slice(..bytes.len() / 2);
                let end = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                HttpBody::from_stream(futures::stream::iter([Ok(half), Err(end)]))
            })
            .await
        }
        _ => response,
    }
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

/// Replaces a body by a stream of it, with the length of the whole announced beforehand.
async fn in_pieces(response: Response, pieces: impl FnOnce(Bytes) -> HttpBody) -> Response {
    let (mut parts, whole) = response.into_parts();
    let bytes = axum::body::to_bytes(whole, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(parts, pieces(bytes))
}

const HTML: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway\
                    </h1></center><hr><center>nginx</center></body></html>\n";

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

fn json_response(status: StatusCode, text: String) -> Response {
    bytes_response(status, "application/json", Bytes::from(text))
}

fn plain(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    bytes_response(status, kind, Bytes::from_static(text.as_bytes()))
}

fn bytes_response(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(HttpBody::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response
}

fn redirect(to: &str) -> Response {
    let mut response = empty(StatusCode::FOUND);
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// The `Date` header follows the simulator's clock: clients measure their own clock against it.
fn with_date(mut response: Response, now: Timestamp) -> Response {
    let printed = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&now);
    if let Some(date) = printed.ok().and_then(|text| HeaderValue::from_str(&text).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// The listener whose connections can be cut from inside a request.
struct Doors(TcpListener);

impl Listener for Doors {
    type Io = Line;
    type Addr = std::net::SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        let (stream, from) = Listener::accept(&mut self.0).await;
        // A small answer must not wait for an acknowledgement.
        stream.set_nodelay(true).ok();
        (Line { stream, wire: Wire::default(), left: Vec::new() }, from)
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.0.local_addr()
    }
}

/// The switches of one connection.
#[derive(Debug, Clone, Default)]
struct Wire(Arc<Switches>);

#[derive(Debug, Default)]
struct Switches {
    /// Nothing is written any more.
    is_cut: AtomicBool,
    /// What is written next is written twice.
    echoes: AtomicBool,
}

impl Wire {
    fn cut(&self) {
        self.0.is_cut.store(true, Ordering::Relaxed);
    }

    fn echo(&self) {
        self.0.echoes.store(true, Ordering::Relaxed);
    }
}

impl Connected<IncomingStream<'_, Doors>> for Wire {
    fn connect_info(incoming: IncomingStream<'_, Doors>) -> Self {
        incoming.io().wire.clone()
    }
}

/// One connection.
struct Line {
    stream: TcpStream,
    wire: Wire,
    /// The rest of an echo.
    left: Vec<u8>,
}

impl Line {
    /// Once cut, nothing is written any more: the connection ends in the middle of the exchange.
    fn checked(&self) -> std::io::Result<()> {
        if self.wire.0.is_cut.load(Ordering::Relaxed) {
            Err(std::io::ErrorKind::ConnectionReset.into())
        } else {
            Ok(())
        }
    }
}

impl Line {
    /// Writes what is left of an echo; the first copy counts as written as soon as the copies are taken over.
    fn poll_left(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        while !self.left.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, &self.left) {
                Poll::Ready(written) => drop(self.left.drain(..written?)),
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Line {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Line {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        self.checked()?;
        if self.wire.0.echoes.swap(false, Ordering::Relaxed) {
            self.left = [bytes, bytes].concat();
            // What does not go out now goes out with the next write or flush.
            return match self.poll_left(cx) {
                Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
                _ => Poll::Ready(Ok(bytes.len())),
            };
        }
        if !self.left.is_empty() {
            std::task::ready!(self.poll_left(cx))?;
        }
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.checked()?;
        std::task::ready!(self.poll_left(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
