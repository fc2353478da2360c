//! Tokens: what was previewed may be done once within ten minutes, by who previewed it, with the same arguments; what
//! was asked may be answered once within five.
//!
//! A token is a random id and a keyed hash that binds it to tool, arguments, caller and target; none of these can be
//! read from it. What was previewed lies in the store under that id and is taken out, once, when the request leaves.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    keys::Key,
    store::{self, Store as _},
};

/// How long a preview may be used.
const PREVIEW: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of the hash in a token.
const HASH: usize = 16;

/// What a tool gave as preview.
#[derive(Debug, Clone)]
pub struct Preview {
    /// What the caller repeats to go ahead.
    pub token: String,
    /// Until when.
    pub expires: Timestamp,
}

/// A redeemed token: spent when the request it belongs to leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    pub(super) id: String,
}

/// What lies in the store under a token's id.
#[derive(Debug, Serialize, Deserialize)]
struct Held {
    expires: Timestamp,
    /// The question to the human went out.
    asked: bool,
    kept: Value,
}

/// One call of a tool, as the guards see it: what a token is bound to.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) tool: String,
    /// Hash of the arguments without the token.
    pub(crate) arguments: [u8; 32],
    /// What came back with a repeated call: sealed state and answers to questions.
    pub(crate) state: Option<String>,
    pub(crate) responses: Option<rmcp::model::InputResponses>,
    /// A question that has to be asked before the call can go on.
    pub(super) pending: std::sync::Mutex<Option<super::consent::Pending>>,
}

impl Call {
    pub(crate) fn new(
        tool: &str,
        arguments: &rmcp::model::JsonObject,
        state: Option<String>,
        responses: Option<rmcp::model::InputResponses>,
    ) -> Call {
        Call { tool: tool.to_owned(), arguments: hash_of(arguments), state, responses, pending: Default::default() }
    }
}

/// The name of the argument that carries a token.
pub(crate) const TOKEN_ARGUMENT: &str = "confirm_token";

/// The hash of a call's arguments, whatever their order, without the token.
fn hash_of(arguments: &rmcp::model::JsonObject) -> [u8; 32] {
    fn write(value: &Value, out: &mut Vec<u8>) {
        match value {
            Value::Object(members) => {
                let mut names: Vec<&String> = members.keys().collect();
                names.sort_unstable();
                out.push(b'{');
                for name in names {
                    out.extend(Value::String(name.clone()).to_string().into_bytes());
                    out.push(b':');
                    write(members.get(name).unwrap_or(&Value::Null), out);
                    out.push(b',');
                }
                out.push(b'}');
            }
            Value::Array(items) => {
                out.push(b'[');
                for item in items {
                    write(item, out);
                    out.push(b',');
                }
                out.push(b']');
            }
            plain => out.extend(plain.to_string().into_bytes()),
        }
    }
    let mut hash = Sha256::new();
    let mut names: Vec<&String> = arguments.keys().filter(|name| *name != TOKEN_ARGUMENT).collect();
    names.sort_unstable();
    for name in names {
        let mut text = Vec::new();
        write(arguments.get(name).unwrap_or(&Value::Null), &mut text);
        hash.update((name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update((text.len() as u64).to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

/// A text of an id and a moment that only the holder of the key can make, for these parts.
pub(super) fn seal(key: &Key, id: &str, expires: Timestamp, parts: &[&[u8]]) -> String {
    let until = expires.as_millisecond();
    let hash = hash(key, id, until, parts);
    format!("{id}.{until:x}.{}", hex::encode(hash.get(..HASH).unwrap_or_default()))
}

/// The id of a sealed text that was made for these parts and is not over.
pub(super) fn open(key: &Key, sealed: &str, now: Timestamp, parts: &[&[u8]]) -> Option<String> {
    let mut words = sealed.split('.');
    let (id, until, given) = (words.next()?, words.next()?, words.next()?);
    if words.next().is_some() || id.len() != 32 {
        return None;
    }
    let until = i64::from_str_radix(until, 16).ok()?;
    let given = hex::decode(given).ok().filter(|given| given.len() == HASH)?;
    let all = all(id, until);
    let parts: Vec<&[u8]> = all.iter().map(Vec::as_slice).chain(parts.iter().copied()).collect();
    (key.verifies(&parts, &given) && now.as_millisecond() < until).then(|| id.to_owned())
}

fn all(id: &str, until: i64) -> [Vec<u8>; 2] {
    [id.as_bytes().to_vec(), until.to_be_bytes().to_vec()]
}

fn hash(key: &Key, id: &str, until: i64, parts: &[&[u8]]) -> [u8; 32] {
    let all = all(id, until);
    let parts: Vec<&[u8]> = all.iter().map(Vec::as_slice).chain(parts.iter().copied()).collect();
    key.hash(&parts)
}

fn invalid() -> ToolError {
    ToolError::new(
        Kind::Forbidden,
        Topic::Preview,
        "this confirm_token is unknown, used, over, or was made for another call; nothing was sent",
    )
}

impl Ctx {
    /// Keeps what a preview showed, for ten minutes and one use, and answers the token for it.
    ///
    /// # Errors
    /// When state cannot be kept.
    pub async fn preview(&self, kept: &impl Serialize) -> Result<Preview, ToolError> {
        let call = self.guarded()?;
        let state = self.door.state();
        let expires = self.door.now().await?.checked_add(PREVIEW).unwrap_or(Timestamp::MAX);
        let id = store::new_id()?;
        let kept = serde_json::to_value(kept).map_err(|_| unkept())?;
        let body = self.door.account().await?.seal(&Held { expires, asked: false, kept })?;
        state.update(self.caller_key(), store::Kind::Preview, &id, &mut |_| Some(body.clone()))?;
        let key = state.key()?.derive("preview");
        let token = seal(&key, &id, expires, &[call.tool.as_bytes(), &call.arguments, self.caller_key().as_bytes()]);
        Ok(Preview { token, expires })
    }

    /// What was kept under a token, if this call may use it.
    ///
    /// # Errors
    /// [`Kind::Forbidden`], the same for a token that is unknown, used, over, or of another caller, tool or arguments.
    pub async fn redeem<T: DeserializeOwned>(&self, token: &str) -> Result<(T, Ticket), ToolError> {
        let call = self.guarded()?;
        let state = self.door.state();
        let key = state.key()?.derive("preview");
        let now = self.door.now().await?;
        let parts: [&[u8]; 3] = [call.tool.as_bytes(), &call.arguments, self.caller_key().as_bytes()];
        let Some(id) = open(&key, token.trim(), now, &parts) else {
            self.door.note_refusal(call, "confirm_token is not valid for this call");
            return Err(invalid());
        };
        let record = state.get(self.caller_key(), store::Kind::Preview, &id)?.ok_or_else(invalid)?;
        let held: Held = self.door.account().await?.open(&record.body).ok_or_else(invalid)?;
        let kept = serde_json::from_value(held.kept).map_err(|_| invalid())?;
        Ok((kept, Ticket { id }))
    }

    /// The call as the guards see it.
    pub(crate) fn guarded(&self) -> Result<&Call, ToolError> {
        let missing =
            || ToolError::new(Kind::Internal, Topic::General, "this call cannot be guarded; nothing was sent");
        self.call.as_deref().ok_or_else(missing)
    }

    /// Notes that the human is asked about a ticket; `false` if that was done before.
    pub(super) async fn ask_once(&self, ticket: &Ticket) -> Result<bool, ToolError> {
        let account = self.door.account().await?;
        let mut first = false;
        self.door.state().update(self.caller_key(), store::Kind::Preview, &ticket.id, &mut |before| {
            let mut held: Held = account.open(before?)?;
            first = !held.asked;
            held.asked = true;
            account.seal(&held).ok()
        })?;
        Ok(first)
    }
}

fn unkept() -> ToolError {
    ToolError::new(Kind::Internal, Topic::General, "the preview could not be kept; nothing was sent")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn hashed(value: Value) -> [u8; 32] {
        hash_of(value.as_object().unwrap())
    }

    #[test]
    fn arguments_hash_alike_in_any_order_and_without_the_token() {
        let one = hashed(json!({"a": {"x": 1, "y": [1, 2]}, "b": "t"}));
        assert_eq!(one, hashed(json!({"b": "t", "a": {"y": [1, 2], "x": 1}, "confirm_token": "z"})));
        for other in [
            json!({"a": {"x": 1, "y": [2, 1]}, "b": "t"}),
            json!({"a": {"x": "1", "y": [1, 2]}, "b": "t"}),
            json!({"a": {"x": 1, "y": [1, 2]}, "b": "t", "c": null}),
            json!({"a": {"x": 1, "y": [1, 2], "confirm_token": "z"}, "b": "t"}),
        ] {
            assert_ne!(one, hashed(other.clone()), "{other}");
        }
    }

    #[test]
    fn a_sealed_text_opens_for_its_parts_until_its_time() {
        let (key, other) = (Key::of_secret(b"a"), Key::of_secret(b"b"));
        let id = "0123456789abcdef0123456789abcdef";
        let now = Timestamp::from_second(1_000).unwrap();
        let end = Timestamp::from_second(1_600).unwrap();
        let sealed = seal(&key, id, end, &[b"tool", b"me"]);
        assert_eq!(open(&key, &sealed, now, &[b"tool", b"me"]).as_deref(), Some(id));
        assert_eq!(open(&key, &sealed, now, &[b"tool", b"you"]), None);
        assert_eq!(open(&key, &sealed, now, &[b"toolm", b"e"]), None);
        assert_eq!(open(&other, &sealed, now, &[b"tool", b"me"]), None);
        assert_eq!(open(&key, &sealed, end, &[b"tool", b"me"]), None, "over");
        let later = sealed.replace(&format!(".{:x}.", 1_600_000), &format!(".{:x}.", 9_600_000));
        assert_eq!(open(&key, &later, now, &[b"tool", b"me"]), None);
        for broken in ["", ".", "a.b.c", &sealed[..sealed.len() - 2], &format!("{sealed}.x")] {
            assert_eq!(open(&key, broken, now, &[b"tool", b"me"]), None, "{broken}");
        }
        assert!(!sealed.contains("tool") && !sealed.contains("me"));
    }
}
