//! Every request the simulator saw, in order: the proof that a refused call sent nothing and that nothing was sent twice.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use qc_api::Effect;
use serde_json::{Map, Value};

/// A handle on the record; clones share it.
#[derive(Debug, Clone, Default)]
pub struct Journal(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    kept: VecDeque<Entry>,
    /// How many were seen before the oldest that is kept.
    forgotten: usize,
    /// How many are kept; `None` for all.
    most: Option<usize>,
}

/// One request.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Simulated time of arrival.
    pub at: Timestamp,
    /// Path below `/api/v2/`, without slashes at its ends, such as `backtests/create`.
    pub path: String,
    /// The endpoint that answered; differs from `path` when an unknown path fell through to its parent.
    pub served_by: Option<&'static str>,
    /// What that endpoint does to the account, as the client declares it; `None` for an unknown path.
    pub effect: Option<Effect>,
    /// The decoded body or query. Bytes of an upload and texts above 16 KB are replaced by their number; tokens,
    /// passwords and the settings of brokerages and data providers by asterisks.
    pub body: Value,
    /// Account that signed the request; `None` when the signature was missing or wrong.
    pub user: Option<String>,
    /// The world was asked: false when credentials or a fault ended the request before its endpoint.
    pub reached: bool,
    /// The endpoint did what was asked (`success: true`), whatever became of the answer on the way back.
    pub accepted: bool,
    /// How often the endpoint did what was asked: 2 when a fault repeated the request and both were accepted.
    pub done: usize,
    /// Fault that was laid over the answer.
    pub fault: Option<&'static str>,
    /// Why it was refused, in the service's words plus, for an undecodable body, where it failed.
    pub refusal: Option<String>,
}

impl Entry {
    /// Whether the request carried a valid signature.
    pub fn is_authenticated(&self) -> bool {
        self.user.is_some()
    }

    /// Whether the request changed something, or would have if it had been accepted.
    pub fn is_change(&self) -> bool {
        self.effect.is_some_and(|effect| effect != Effect::Read)
    }
}

impl Journal {
    /// A record of the last `most` requests; `None` keeps all of them.
    pub(crate) fn keeping(most: Option<usize>) -> Self {
        Self(Arc::new(Mutex::new(Record { most, ..Record::default() })))
    }

    /// Everything seen so far and still kept, oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.since(0)
    }

    /// The paths seen so far and still kept, oldest first.
    pub fn paths(&self) -> Vec<String> {
        crate::lock(&self.0).kept.iter().map(|entry| entry.path.clone()).collect()
    }

    /// Number of requests seen, kept or not.
    pub fn len(&self) -> usize {
        let record = crate::lock(&self.0);
        record.forgotten + record.kept.len()
    }

    /// Whether nothing was sent at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was seen after the first `seen` requests and is still kept, oldest first: what one step of a test has sent.
    pub fn since(&self, seen: usize) -> Vec<Entry> {
        let record = crate::lock(&self.0);
        record.kept.iter().skip(seen.saturating_sub(record.forgotten)).cloned().collect()
    }

    /// Requests to one path, oldest first.
    pub fn of(&self, path: &str) -> Vec<Entry> {
        crate::lock(&self.0).kept.iter().filter(|entry| entry.path == path).cloned().collect()
    }

    /// Requests that did more than read.
    pub fn changes(&self) -> Vec<Entry> {
        crate::lock(&self.0).kept.iter().filter(|entry| entry.is_change()).cloned().collect()
    }

    /// Forgets what was seen, so that a test can look at one step alone.
    pub fn clear(&self) {
        let mut record = crate::lock(&self.0);
        record.kept.clear();
        record.forgotten = 0;
    }

    pub(crate) fn push(&self, entry: Entry) {
        let mut record = crate::lock(&self.0);
        record.kept.push_back(entry);
        while record.most.is_some_and(|most| most < record.kept.len()) {
            record.kept.pop_front();
            record.forgotten += 1;
        }
    }
}

/// Longer texts of a body are kept as their size.
const LONGEST_TEXT: usize = 16 << 10;
/// What stands for a secret.
const MASK: &str = "****";

/// A body without secrets and without large texts: what a record may hold and print.
///
/// Of the settings of brokerages and data providers only their names stay, of passwords and tokens nothing.
pub(crate) fn kept(fields: &Map<String, Value>) -> Map<String, Value> {
    fields.iter().map(|(name, value)| (name.clone(), kept_value(name, value))).collect()
}

fn kept_value(name: &str, value: &Value) -> Value {
    let lower = name.to_lowercase();
    if ["authorization", "token", "password", "secret", "apikey", "api-key", "api_key"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return MASK.into();
    }
    if ["brokerage", "dataproviders"].contains(&lower.as_str()) {
        return settings(value);
    }
    match value {
        Value::String(text) => kept_text(text),
        Value::Array(values) => values.iter().map(|value| kept_value("", value)).collect(),
        Value::Object(members) => Value::Object(kept(members)),
        _ => value.clone(),
    }
}

/// Names and `id`s of settings; a bare name, too, but no text that may hold more than a name.
fn settings(value: &Value) -> Value {
    let is_name = |text: &str| text.len() <= 64 && text.chars().all(|c| c.is_alphanumeric() || " -_".contains(c));
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| match value {
                Value::String(id) if name == "id" && is_name(id) => (name.clone(), value.clone()),
                Value::Object(_) => (name.clone(), settings(value)),
                _ => (name.clone(), MASK.into()),
            })
            .collect(),
        Value::String(name) if is_name(name) => value.clone(),
        Value::Null => Value::Null,
        _ => MASK.into(),
    }
}

fn kept_text(text: &str) -> Value {
    if text.len() <= LONGEST_TEXT { text.into() } else { format!("{} bytes", text.len()).into() }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(path: &str) -> Entry {
        Entry {
            at: Timestamp::UNIX_EPOCH,
            path: path.to_owned(),
            served_by: None,
            effect: None,
            body: Value::Null,
            user: None,
            reached: false,
            accepted: false,
            done: 0,
            fault: None,
            refusal: None,
        }
    }

    #[test]
    fn a_ring_counts_what_it_forgot() {
        let journal = Journal::keeping(Some(3));
        for number in 0..5 {
            journal.push(entry(&number.to_string()));
        }
        assert_eq!((journal.len(), journal.paths()), (5, ["2", "3", "4"].map(str::to_owned).to_vec()));
        assert_eq!(journal.since(4).len(), 1);
        assert_eq!(journal.since(0).len(), 3);
        let all = Journal::default();
        for number in 0..20_000 {
            all.push(entry(&number.to_string()));
        }
        assert_eq!(all.entries().len(), 20_000);
    }

    #[test]
    fn secrets_and_large_texts_are_not_kept() {
        let large = "x".repeat(LONGEST_TEXT + 1);
        let body = json!({
            "projectId": 3, "authorization": "Basic s3cr3t", "content": large, "files": [{ "name": "a", "content": large }],
            "brokerage": { "id": "Interactive Brokers", "ib-password": "s3cr3t", "account": 53217, "deep": { "key": "s3cr3t" } },
            "dataProviders": { "PolygonDataProvider": { "id": "Polygon", "polygon-api-key": "s3cr3t" } },
            "notification": { "events": [{ "id": "1", "token": "s3cr3t" }] },
        });
        let Value::Object(fields) = &body else { panic!("a map") };
        let kept = Value::Object(kept(fields));
        let text = format!("{kept:?}");
        assert!(!text.contains("s3cr3t") && !text.contains("53217"), "{text}");
        assert_eq!((&kept["projectId"], &kept["brokerage"]["id"]), (&json!(3), &json!("Interactive Brokers")));
        assert_eq!(kept["dataProviders"]["PolygonDataProvider"]["id"], "Polygon");
        assert_eq!((&kept["content"], &kept["files"][0]["content"]), (&json!("16385 bytes"), &json!("16385 bytes")));
        let smuggled = json!({ "brokerage": "{\"password\":\"s3cr3t\"}" });
        let Value::Object(fields) = &smuggled else { panic!("a map") };
        assert_eq!(super::kept(fields)["brokerage"], MASK);
    }
}
