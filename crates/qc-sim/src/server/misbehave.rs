//! What faults make of an answer.

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::json;

use super::answers::{bytes_response, empty, json_response, plain, redirect};
use super::wire::Wire;
use crate::faults::Fault;

/// The answer of a fault that strikes before the endpoint is asked.
pub(super) fn strike(wire: &Wire, fault: &Fault) -> Response {
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
pub(super) async fn distort(wire: &Wire, fault: &Fault, response: Response) -> Response {
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

/// Replaces a body by a stream of it, with the length of the whole announced beforehand.
async fn in_pieces(response: Response, pieces: impl FnOnce(Bytes) -> HttpBody) -> Response {
    let (mut parts, whole) = response.into_parts();
    let bytes = axum::body::to_bytes(whole, usize::MAX).await.unwrap_or_default();
    parts.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    Response::from_parts(parts, pieces(bytes))
}

const HTML: &str = "<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head>\n<body><center><h1>502 Bad Gateway\
                    </h1></center><hr><center>nginx</center></body></html>\n";
