//! The frame around every answer: `success`, sentences, payload.
//!
//! Almost every failure comes as HTTP 200 with `success: false`, some answers carry no `success` at all, and
//! sentences stand under four different names. This file tells success from failure and decodes the payload.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach};
use crate::error::{Error, Result};
use crate::wire::{flag, members};

/// What the frame of an answer says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Envelope {
    pub(crate) success: Option<bool>,
    pub(crate) messages: Vec<String>,
    /// Whether one of the keys the endpoint promises is there.
    pub(crate) payload: bool,
    /// Whether the service says that it is still making the answer.
    generating: bool,
}

/// Reads the frame and skips the rest. `None` when the bytes are no JSON object.
pub(crate) fn open(bytes: &[u8], payload: &[&str]) -> Option<Envelope> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let envelope = deserializer.deserialize_map(FrameVisitor { payload }).ok()?;
    deserializer.end().ok()?;
    Some(envelope)
}

/// Judges a frame that came with an HTTP success.
pub(crate) fn judge(info: &EndpointInfo, envelope: Envelope) -> Result<()> {
    let endpoint = || info.path.to_owned();
    let Envelope { success, messages, payload, generating } = envelope;
    let succeeded = match success {
        Some(true) => true,
        // The report says `success: false` while it is being made.
        Some(false) => generating && messages.is_empty(),
        // Where nothing but `success` could say that something was made, its absence says that nobody knows.
        None => payload || (info.payload.is_empty() && messages.is_empty() && info.effect != Effect::Create),
    };
    if !succeeded {
        if success.is_none() && messages.is_empty() {
            return Err(Error::Shape {
                endpoint: endpoint(),
                path: String::new(),
                message: match info.payload {
                    [] => "success is not there".to_owned(),
                    keys => format!("neither success nor {} is there", keys.join(" or ")),
                },
            });
        }
        return Err(sentences(info, messages));
    }
    if !payload && !info.payload.is_empty() {
        // Unknown paths are answered by their parent: success alone does not make it the right answer.
        return Err(Error::Shape {
            endpoint: endpoint(),
            path: String::new(),
            message: format!("success without {}", info.payload.join(" or ")),
        });
    }
    Ok(())
}

/// The error that the service's sentences stand for.
pub(crate) fn sentences(info: &EndpointInfo, messages: Vec<String>) -> Error {
    let endpoint = info.path.to_owned();
    if messages.iter().any(|message| is_about_authorization(message)) {
        return Error::Unauthorized { endpoint, messages, clock_skew: None };
    }
    if messages.iter().any(|message| is_about_rate(message)) {
        return Error::RateLimited { endpoint, messages, retry_after: None };
    }
    Error::Refused { endpoint, messages }
}

/// The sentences for bad credentials that lean-cli and the API description know.
pub(crate) fn is_about_authorization(message: &str) -> bool {
    message.starts_with("Hash doesn't match")
        || message.starts_with("UserID not valid")
        || message.to_ascii_lowercase().contains("timestamp is too old")
}

/// `Too many backtest requests; please slow down.`
pub(crate) fn is_about_rate(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    message.starts_with("too many") && (message.contains("request") || message.contains("slow down"))
}

/// Decodes a payload; an error names the place in the JSON.
pub(crate) fn decode<T: DeserializeOwned>(info: &EndpointInfo, bytes: &[u8]) -> Result<T> {
    if let Ok(reply) = members::from_slice(bytes) {
        return Ok(reply);
    }
    // Slower, so only now: the same again with a record of where it stands.
    let hidden = members::nulls::hidden(bytes);
    let mut json = serde_json::Deserializer::from_slice(hidden.as_deref().unwrap_or(bytes));
    let mut track = serde_path_to_error::Track::new();
    let tracked = members::Lenient(serde_path_to_error::Deserializer::new(&mut json, &mut track));
    T::deserialize(tracked).map_err(|error| {
        let path = track.path().to_string();
        let message = if info.reach == Reach::Secret {
            "a value of an unexpected form".to_owned() // serde quotes what it found
        } else {
            error.to_string().chars().take(200).collect()
        };
        Error::Shape { endpoint: info.path.to_owned(), path: if path == "." { String::new() } else { path }, message }
    })
}

/// Decodes the answer of `E` and has it judge what must be there.
pub(crate) fn decode_checked<E: Endpoint>(info: &EndpointInfo, bytes: &[u8]) -> Result<E::Reply> {
    let reply = decode::<E::Reply>(info, bytes)?;
    E::check(&reply).map_err(|missing| Error::Shape {
        endpoint: info.path.to_owned(),
        path: String::new(),
        message: missing.to_owned(),
    })?;
    Ok(reply)
}

struct FrameVisitor<'a> {
    payload: &'a [&'a str],
}

impl<'de> Visitor<'de> for FrameVisitor<'_> {
    type Value = Envelope;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        // `message` is a payload of live/read as well, so it only counts when nothing else speaks.
        let mut last_resort = Vec::new();
        while let Some(key) = access.next_key_seed(KeySeed { payload: self.payload })? {
            match key {
                Key::Success => envelope.success = access.next_value_seed(Success)?,
                Key::Sentences => access.next_value_seed(Texts::new(&mut envelope.messages))?,
                Key::SmallMessage => access.next_value_seed(Texts::new(&mut last_resort))?,
                Key::Generating => {
                    envelope.generating = access.next_value_seed(Success)? == Some(true);
                    envelope.payload |= self.payload.contains(&"generating");
                }
                Key::Payload => {
                    envelope.payload = true;
                    access.next_value::<IgnoredAny>()?;
                }
                Key::Other => {
                    access.next_value::<IgnoredAny>()?;
                }
            }
        }
        if envelope.success == Some(false) && envelope.messages.is_empty() {
            envelope.messages = last_resort;
        }
        Ok(envelope)
    }
}

enum Key {
    Success,
    Sentences,
    SmallMessage,
    Generating,
    Payload,
    Other,
}

/// Sorts a key without making a text of it.
struct KeySeed<'a> {
    payload: &'a [&'a str],
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_str<E: serde::de::Error>(self, key: &str) -> Result<Key, E> {
        Ok(match key {
            "success" | "Success" => Key::Success,
            "errors" | "messages" | "Message" | "Errors" | "Messages" => Key::Sentences,
            "generating" => Key::Generating,
            key if self.payload.contains(&key) => Key::Payload,
            "message" => Key::SmallMessage,
            _ => Key::Other,
        })
    }
}

/// `success` as boolean, number or text; anything else says nothing and is not kept.
struct Success;

impl<'de> DeserializeSeed<'de> for Success {
    type Value = Option<bool>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<bool>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Success {
    type Value = Option<bool>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a flag")
    }
    fn visit_bool<E>(self, flag: bool) -> Result<Self::Value, E> {
        Ok(Some(flag))
    }
    fn visit_i64<E>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Some(number != 0))
    }
    fn visit_u64<E>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Some(number != 0))
    }
    fn visit_f64<E>(self, number: f64) -> Result<Self::Value, E> {
        Ok(Some(number != 0.0))
    }
    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(flag::read(text))
    }
    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_seq(access).map(|_| None)
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        IgnoredAny.visit_map(access).map(|_| None)
    }
}

/// Collects texts: sentences come as a text, a list, a map, or objects with members. The first few are kept and nothing
/// else is, so that an answer full of them costs no more than its own bytes.
struct Texts<'a> {
    into: &'a mut Vec<String>,
    /// How many more levels are looked into.
    levels: u8,
}

impl<'a> Texts<'a> {
    const MOST: usize = 20;
    const LONGEST: usize = 2_000;
    const LEVELS: u8 = 16;

    fn new(into: &'a mut Vec<String>) -> Self {
        Self { into, levels: Self::LEVELS }
    }

    fn below(&mut self) -> Texts<'_> {
        Texts { into: self.into, levels: self.levels.saturating_sub(1) }
    }
}

impl<'de> DeserializeSeed<'de> for Texts<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.levels == 0 || Self::MOST <= self.into.len() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Texts<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sentences")
    }
    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        if !text.trim().is_empty() {
            self.into.push(text.trim().chars().take(Self::LONGEST).collect());
        }
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.into.push(number.to_string());
        Ok(())
    }
    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.into.push(number.to_string());
        Ok(())
    }
    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.into.extend(Number::from_f64(number).map(|number| number.to_string()));
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        while access.next_element_seed(self.below())?.is_some() {}
        Ok(())
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut access: A) -> Result<(), A::Error> {
        while access.next_key::<IgnoredAny>()?.is_some() {
            access.next_value_seed(self.below())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoints::backtests::{ReadBacktest, ReadBacktestReport};
    use crate::endpoints::files::CreateFile;
    use crate::endpoints::projects::DeleteProject;

    fn judged<E: Endpoint>(json: &str) -> Result<()> {
        let info = EndpointInfo::of::<E>();
        judge(&info, open(json.as_bytes(), info.payload).unwrap())
    }

    #[test]
    fn success_in_every_form() {
        for json in [r#"{"success":true}"#, r#"{"success":"true"}"#, r#"{"success":1}"#, r#"{}"#, r#"{"errors":[]}"#] {
            assert_eq!(judged::<DeleteProject>(json), Ok(()), "{json}");
        }
        assert_eq!(judged::<ReadBacktest>(r#"{"backtest":{}}"#), Ok(()));
        assert_eq!(judged::<ReadBacktestReport>(r#"{"success":false,"generating":true}"#), Ok(()));
    }

    #[test]
    fn sentences_from_every_place() {
        for json in [
            r#"{"errors":["Invalid argument"],"success":false}"#,
            r#"{"success":false,"errors":"Invalid argument"}"#,
            r#"{"success":false,"messages":["Invalid argument"]}"#,
            r#"{"success":false,"Message":"Invalid argument"}"#,
            r#"{"success":false,"message":"Invalid argument"}"#,
            r#"{"success":false,"errors":{"0":"Invalid argument"}}"#,
            r#"{"errors":["Invalid argument"]}"#,
        ] {
            let error = judged::<DeleteProject>(json).unwrap_err();
            assert_eq!(error.messages(), ["Invalid argument"], "{json}");
        }
        assert_eq!(judged::<DeleteProject>(r#"{"success":false}"#).unwrap_err().messages(), [""; 0]);
    }

    #[test]
    fn of_many_sentences_the_first_are_kept_and_the_rest_is_skipped() {
        // Neither a number too large nor nesting too deep is built, or the frame could not be read at all.
        let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
        let many = vec![r#"{"text":"no"}"#; 30].join(",");
        let json = format!(r#"{{"success":false,"errors":[{deep},{many},1e999,{deep}],"messages":{deep}}}"#);
        let frame = open(json.as_bytes(), &[]).unwrap();
        assert_eq!((frame.success, frame.messages), (Some(false), vec!["no".to_owned(); 20]));
        let frame = open(br#"{"success":[1,{"a":2}],"errors":{"a":7,"b":[1.5,true,null," x "]}}"#, &[]).unwrap();
        assert_eq!((frame.success, frame.messages), (None, ["7", "1.5", "x"].map(str::to_owned).to_vec()));
    }

    #[test]
    fn a_create_that_answers_success_alone_must_answer_it() {
        assert_eq!(judged::<CreateFile>(r#"{"success":true}"#), Ok(()));
        for json in ["{}", r#"{"unexpected":1}"#] {
            let error = judged::<CreateFile>(json).unwrap_err();
            assert!(matches!(error, Error::Shape { .. }), "{json}: {error}");
        }
    }

    #[test]
    fn success_without_the_payload_is_another_answer() {
        let error = judged::<ReadBacktest>(r#"{"success":true,"logs":[]}"#).unwrap_err();
        assert!(matches!(error, Error::Shape { .. }), "{error}");
        assert!(matches!(judged::<ReadBacktest>("{}").unwrap_err(), Error::Shape { .. }));
    }

    #[test]
    fn sentences_about_keys_and_pace_have_their_own_errors() {
        assert!(
            judged::<DeleteProject>(r#"{"success":false,"errors":["Hash doesn't match. x"]}"#).unwrap_err().is_auth()
        );
        let json = r#"{"success":false,"errors":["Too many backtest requests; please slow down."]}"#;
        assert!(judged::<DeleteProject>(json).unwrap_err().is_rate_limited());
    }

    #[test]
    fn an_error_of_shape_names_the_place() {
        let info = EndpointInfo::of::<crate::endpoints::backtests::ListBacktests>();
        let json = br#"{"backtests":[{"backtestId":"a"},{"backtestId":"b","created":"soon"}]}"#;
        let error = decode::<crate::endpoints::backtests::BacktestsReply>(&info, json).unwrap_err();
        let Error::Shape { path, message, .. } = error else { panic!("{error}") };
        assert_eq!(path, "backtests[1].created");
        assert!(message.contains("soon"), "{message}");
    }

    #[test]
    fn a_null_before_another_spelling_is_no_error_and_hides_none() {
        type Reply = crate::endpoints::backtests::OrdersReply;
        let info = EndpointInfo::of::<crate::endpoints::backtests::ReadBacktestOrders>();
        let read = |json: &str| decode::<Reply>(&info, json.as_bytes());
        assert_eq!(read(r#"{"orders":[{"id":null,"Id":7}],"length":1}"#).unwrap().orders[0].id, 7);
        let error = read(r#"{"orders":[{"id":null,"Id":7},{"Id":"x"}],"length":2}"#).unwrap_err();
        let Error::Shape { path, .. } = error else { panic!("{error}") };
        assert_eq!(path, "orders[1].Id");
    }
}
