//! Decodes what a request carries: JSON, a form with PHP brackets, multipart parts, or a query string.

use axum::body::{Body as HttpBody, Bytes};
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest, Multipart, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use futures::StreamExt;
use qc_api::wire::form;
use serde_json::{Map, Value};

use crate::journal;

/// The largest body the simulator reads; what is larger is answered with HTTP 413. The service documents no number:
/// this one is above everything its plans allow in files.
pub(crate) const LIMIT: usize = 64 << 20;

/// How much of a larger body is read before it is refused. A client that still sends when the connection is closed sees
/// it reset, and not the answer.
const DRAINED: usize = 4 * LIMIT;

/// A decoded request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Body {
    /// Members of the body and of the query; files are not among them.
    pub(crate) fields: Map<String, Value>,
    /// File parts of a multipart body.
    pub(crate) files: Vec<(String, Bytes)>,
    /// It came as a form: the service does not take nested settings from one.
    pub(crate) is_form: bool,
}

impl Body {
    /// The body as the journal keeps it: without secrets, and without what is large.
    pub(crate) fn for_journal(&self) -> Value {
        let mut fields = journal::kept(&self.fields);
        for (name, bytes) in &self.files {
            fields.insert(name.clone(), Value::String(format!("{} bytes", bytes.len())));
        }
        Value::Object(fields)
    }
}

/// Why a body was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// Larger than [`LIMIT`].
    TooLarge,
    /// Its content is not what it claims to be.
    Otherwise,
}

/// Reads a request to its end.
pub(crate) async fn read(request: Request) -> Result<Body, Unreadable> {
    let mut fields = request.uri().query().map(from_form).unwrap_or_default();
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let mut files = Vec::new();
    let (parts, rest) = request.into_parts();
    let bytes = whole(rest).await?;
    if kind.starts_with("multipart/form-data") {
        let request = Request::from_parts(parts, HttpBody::from(bytes));
        let mut parts = Multipart::from_request(request, &()).await.map_err(|_| Unreadable::Otherwise)?;
        while let Some(part) = parts.next_field().await.map_err(of_part)? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_some() {
                files.push((name, part.bytes().await.map_err(of_part)?));
            } else {
                fields.insert(name, Value::String(part.text().await.map_err(of_part)?));
            }
        }
        return Ok(Body { fields, files, is_form: false });
    }
    if bytes.is_empty() {
        return Ok(Body { fields, files, is_form: false });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| Unreadable::Otherwise)?;
    let is_form = kind.starts_with("application/x-www-form-urlencoded");
    if is_form {
        fields.extend(from_form(text));
    } else {
        let Ok(Value::Object(members)) = serde_json::from_str(text) else { return Err(Unreadable::Otherwise) };
        fields.extend(members);
    }
    Ok(Body { fields, files, is_form })
}

fn of_part(error: MultipartError) -> Unreadable {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE { Unreadable::TooLarge } else { Unreadable::Otherwise }
}

/// Everything a body holds, unless that is too much; then the rest is read, too, but not kept.
async fn whole(body: HttpBody) -> Result<Bytes, Unreadable> {
    let mut pieces = body.into_data_stream();
    let (mut kept, mut read) = (Vec::new(), 0_usize);
    while let Some(piece) = pieces.next().await {
        let Ok(piece) = piece else {
            return Err(if LIMIT < read { Unreadable::TooLarge } else { Unreadable::Otherwise });
        };
        read = read.saturating_add(piece.len());
        if DRAINED < read {
            break;
        } else if LIMIT < read {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&piece);
        }
    }
    if LIMIT < read { Err(Unreadable::TooLarge) } else { Ok(kept.into()) }
}

/// `a=1&p[0][key]=x&p[0][value]=2` to nested JSON; all values stay text, as in PHP.
fn from_form(text: &str) -> Map<String, Value> {
    let pairs: Vec<(String, String)> = text
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (percent_decoded(key), percent_decoded(value)))
        .collect();
    let decoded = form::decode(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    let Value::Object(mut fields) = decoded else { return Map::new() };
    // Nothing between the brackets: an empty text stands for an empty list.
    for name in LISTS {
        if let Some(value) = fields.get_mut(name).filter(|value| **value == "") {
            *value = Value::Array(Vec::new());
        }
    }
    fields
}

/// Members that are lists, which a form can only send empty as an empty text.
const LISTS: [&str; 4] = ["parameters", "libraries", "files", "constraints"];

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut ahead = rest.clone();
                let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16));
                match (digit(ahead.next()), digit(ahead.next())) {
                    (Some(high), Some(low)) => {
                        bytes.extend(u8::try_from(high * 16 + low));
                        rest = ahead;
                    }
                    _ => bytes.push(byte),
                }
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn brackets_become_lists_and_maps() {
        let fields =
            from_form("projectId=3&parameters%5B0%5D%5Bkey%5D=a+b&parameters[0][value]=1&libraries=&c[x]=%C3%A9");
        let expected = json!({
            "projectId": "3", "parameters": [{ "key": "a b", "value": "1" }], "libraries": [], "c": { "x": "é" },
        });
        assert_eq!(Value::Object(fields), expected);
    }
}
