//! Whose request this is, and with whose credentials it goes to QuantConnect.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use qc_api::Credentials;

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
}

impl Caller {
    /// The server's owner.
    pub fn owner() -> Self {
        Caller { key: CallerKey::owner() }
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
            Origin::Demo => "the demo world (no real account)",
        }
    }
}

/// Credentials typed in a tool, by caller; memory only.
#[derive(Debug, Default)]
pub(crate) struct Typed {
    by_caller: Mutex<HashMap<CallerKey, Credentials>>,
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
        self.by_caller.lock().unwrap_or_else(PoisonError::into_inner).remove(caller)
    }
}
