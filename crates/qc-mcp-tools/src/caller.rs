//! Whose request this is, and with whose credentials it goes to QuantConnect.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use qc_api::Credentials;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::{Kind, ToolError, Topic},
    keys::Key,
};

use crate::visitor::Visitor;

/// The name under which everything a caller owns is kept: workbooks, results, credentials typed in a tool.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallerKey(String);

impl CallerKey {
    /// The one caller of a server that works for its owner.
    pub fn owner() -> Self {
        CallerKey("owner".into())
    }

    /// A caller of that name; the name is opaque to everything else.
    pub fn new(name: impl Into<String>) -> Self {
        CallerKey(name.into())
    }

    /// The key of a caller who brought credentials: a keyed hash of all that tells callers apart, so that nobody has
    /// another's by knowing a user id. Only for credentials that QuantConnect accepted.
    pub fn of_stranger(server: &Key, issuer: &str, subject: &str, credentials: &Credentials) -> Self {
        let token = credentials.derived_secret("caller");
        let parts: [&[u8]; 4] =
            [issuer.as_bytes(), subject.as_bytes(), credentials.user_id().as_bytes(), token.as_slice()];
        CallerKey(hex::encode(server.derive("caller").hash(&parts)))
    }

    /// The key as text, for stores.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A few characters of it, for logs.
    pub fn prefix(&self) -> &str {
        self.0.get(..8).unwrap_or(&self.0)
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name of everything they own here.
    pub key: CallerKey,
    /// What came with the request itself, over HTTP.
    pub visitor: Option<Arc<Visitor>>,
}

impl Caller {
    /// The server's owner.
    pub fn owner() -> Self {
        Caller { key: CallerKey::owner(), visitor: None }
    }
}

/// An account at QuantConnect as state knows it: the name under which its budgets are counted, and the key that seals
/// what is recorded about it.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    /// Opaque; the same in every process of the account.
    pub(crate) name: String,
    key: Key,
}

/// Bytes of the hash before a sealed record.
const SEAL: usize = 32;

impl Account {
    pub(crate) fn new(server: &Key, credentials: &Credentials) -> Self {
        let name = hex::encode(server.derive("account").hash(&[credentials.user_id().as_bytes()]));
        Account { name, key: Key::of_secret(&*credentials.derived_secret("records")) }
    }

    /// A record that only a holder of the account's token can have made.
    pub(crate) fn seal(&self, record: &impl Serialize) -> Result<Vec<u8>, ToolError> {
        let failed = |_| ToolError::new(Kind::Internal, Topic::General, "a record could not be written");
        let text = serde_json::to_vec(record).map_err(failed)?;
        let mut body = self.key.hash(&[self.name.as_bytes(), &text]).to_vec();
        body.extend(text);
        Ok(body)
    }

    /// A keyed hash of something that must not be kept itself, to know it again.
    pub(crate) fn fingerprint(&self, of: &[u8]) -> String {
        hex::encode(self.key.derive("fingerprint").hash(&[self.name.as_bytes(), of]))
    }

    /// A record that was made so; anything else is reported and answers `None`.
    pub(crate) fn open<T: DeserializeOwned>(&self, body: &[u8]) -> Option<T> {
        let (hash, text) = body.split_at_checked(SEAL)?;
        if self.key.verifies(&[self.name.as_bytes(), text], hash) {
            return serde_json::from_slice(text).ok();
        }
        tracing::error!("a kept record was not sealed with this account's token; it is not used");
        None
    }
}

/// Where credentials came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The server's settings: environment or flags.
    Settings,
    /// lean-cli's credentials file.
    LeanCli,
    /// The tool `configure_quantconnect_auth`, in memory.
    Tool,
    /// The headers of the request.
    Headers,
    /// The demo world.
    Demo,
}

impl Origin {
    /// Our words for it.
    pub fn describe(self) -> &'static str {
        match self {
            Origin::Settings => "the server's settings (environment or flags)",
            Origin::LeanCli => "lean-cli's file ~/.lean/credentials",
            Origin::Tool => "configure_quantconnect_auth, in memory of this server only",
            Origin::Headers => "the headers of this request",
            Origin::Demo => "the demo world (no real account)",
        }
    }
}

/// Credentials typed in a tool, by caller; memory only.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    by_caller: Mutex<HashMap<CallerKey, Credentials>>,
    /// Whose were forgotten last: to forget one account and set another is to switch.
    last_user: Mutex<HashMap<CallerKey, String>>,
}

impl Typed {
    pub(crate) fn get(&self, caller: &CallerKey) -> Option<Credentials> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner).get(caller).cloned()
    }

    /// Sets them and answers those they replace.
    pub(crate) fn set(&self, caller: &CallerKey, credentials: Credentials) -> Option<Credentials> {
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner).insert(caller.clone(), credentials)
    }

    /// Forgets them and answers those there were.
    pub(crate) fn forget(&self, caller: &CallerKey) -> Option<Credentials> {
        let forgotten = self.by_caller.lock().unwrap_or_else(PoisonError::into_inner).remove(caller)?;
        let user = forgotten.user_id().to_owned();
        self.last_user.lock().unwrap_or_else(PoisonError::into_inner).insert(caller.clone(), user);
        Some(forgotten)
    }

    /// The user whose credentials this caller had until they were forgotten.
    pub(crate) fn last_user(&self, caller: &CallerKey) -> Option<String> {
        self.last_user.lock().unwrap_or_else(PoisonError::into_inner).get(caller).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, token: &str) -> Credentials {
        Credentials::new(user, token).unwrap()
    }

    #[test]
    fn a_right_user_id_with_a_wrong_token_is_another_caller() {
        let server = Key::of_secret(b"server");
        let key = |issuer: &str, subject: &str, user: &str, token: &str| {
            CallerKey::of_stranger(&server, issuer, subject, &credentials(user, token))
        };
        let me = key("i", "s", "7", "token");
        assert_eq!(me, key("i", "s", "7", "token"));
        for other in [
            key("i", "s", "7", "other"),
            key("i", "s", "8", "token"),
            key("i", "t", "7", "token"),
            key("is", "", "7", "token"),
        ] {
            assert_ne!(me, other);
        }
        let elsewhere = CallerKey::of_stranger(&Key::of_secret(b"x"), "i", "s", &credentials("7", "token"));
        assert_ne!(me, elsewhere);
    }

    #[test]
    fn a_record_opens_with_the_token_that_sealed_it_and_unchanged() {
        let server = Key::of_secret(b"server");
        let account = Account::new(&server, &credentials("7", "token"));
        let body = account.seal(&"paper").unwrap();
        assert_eq!(account.open::<String>(&body).as_deref(), Some("paper"));
        let renewed = Account::new(&server, &credentials("7", "other"));
        assert_eq!(renewed.name, account.name, "budgets go on");
        assert_eq!(renewed.open::<String>(&body), None);
        let mut forged = body.clone();
        *forged.last_mut().unwrap() ^= 1;
        assert_eq!(account.open::<String>(&forged), None);
        assert_eq!(account.open::<String>(b"short"), None);
    }
}
