//! Answers of each kind.

use axum::body::{Body as HttpBody, Bytes};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

pub(super) fn json_response(status: StatusCode, text: String) -> Response {
    bytes_response(status, "application/json", Bytes::from(text))
}

pub(super) fn plain(status: StatusCode, kind: &'static str, text: &'static str) -> Response {
    bytes_response(status, kind, Bytes::from_static(text.as_bytes()))
}

pub(super) fn bytes_response(status: StatusCode, kind: &'static str, bytes: Bytes) -> Response {
    let mut response = Response::new(HttpBody::from(bytes));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

pub(super) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(HttpBody::empty());
    *response.status_mut() = status;
    response
}

pub(super) fn redirect(to: &str) -> Response {
    let mut response = empty(StatusCode::FOUND);
    if let Ok(to) = HeaderValue::from_str(to) {
        response.headers_mut().insert(header::LOCATION, to);
    }
    response
}

/// What the web server before the service says to a body it will not take.
pub(super) fn too_large() -> Response {
    const PAGE: &str = "<html><head><title>413 Request Entity Too Large</title></head><body><center><h1>413 Request \
                        Entity Too Large</h1></center><hr><center>nginx</center></body></html>\n";
    plain(StatusCode::PAYLOAD_TOO_LARGE, "text/html; charset=UTF-8", PAGE)
}
