//! Connecting an account at a brokerage through the service's login pages.
//!
//! Both answers are secrets: a link that signs somebody in, and tokens. They do not print.
//!
//! Source: API description, `/live/auth0/*`; lean-cli's `auth0_client.py` for the waiting.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach, table};
use crate::wire::open_enum::open_enum;
use crate::wire::{Map, list, map, object, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![AuthorizeConnection, ReadConnection];

open_enum! {
    /// A brokerage whose accounts are connected by login.
    pub enum Connection {
        /// Alpaca.
        Alpaca = "alpaca",
        /// TradeStation.
        TradeStation = "tradestation",
        /// Charles Schwab.
        CharlesSchwab = "charlesschwab",
        /// Tastytrade.
        Tastytrade = "tastytrade",
    }
}

/// A text that must not be shown by accident: a token or a link that is a key.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(#[serde(deserialize_with = "text::string")] String);

impl Secret {
    /// The text itself, for its one use.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

/// Asks for the login page of a brokerage. The service answers with a redirect, which is not followed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuthorizeConnection {
    /// The brokerage.
    pub brokerage: Connection,
}

impl Endpoint for AuthorizeConnection {
    const PATH: &'static str = "live/auth0/authorize";
    const EFFECT: Effect = Effect::Read;
    const REACH: Reach = Reach::Secret;
    const TIMEOUT: Duration = Duration::from_secs(300);
    const REPEATABLE: bool = false; // each try opens another login
    const REDIRECT_IS_ANSWER: bool = true;
    const PAYLOAD: &'static [&'static str] = &["location"];
    type Reply = LoginPage;
}

/// Where to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct LoginPage {
    /// The address of the login page.
    pub location: Secret,
}

/// Reads the tokens of a connected account. May block until the user is done, or fail until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadConnection {
    /// The brokerage.
    pub brokerage: Connection,
}

impl Endpoint for ReadConnection {
    const PATH: &'static str = "live/auth0/read";
    const EFFECT: Effect = Effect::Read;
    const REACH: Reach = Reach::Secret;
    const TIMEOUT: Duration = Duration::from_secs(800);
    const REPEATABLE: bool = false; // one wait of 13 minutes is enough
    const PAYLOAD: &'static [&'static str] = &["authorization"];
    type Reply = ConnectionReply;
}

/// A connected account, once there is one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectionReply {
    /// The tokens.
    #[serde(deserialize_with = "object::option")]
    pub authorization: Option<Authorization>,
}

/// Tokens of a brokerage by the name of the setting they are for, and the accounts they open.
#[derive(Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Authorization {
    /// The accounts.
    #[serde(deserialize_with = "list::of")]
    pub accounts: Vec<ConnectedAccount>,
    /// Everything else, such as `alpaca-access-token`.
    #[serde(flatten, deserialize_with = "map::of")]
    pub settings: Map<Value>,
}

impl fmt::Debug for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authorization").field("settings", &self.settings.keys()).finish_non_exhaustive()
    }
}

/// An account at a brokerage.
#[derive(Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ConnectedAccount {
    /// The account.
    #[serde(deserialize_with = "text::string")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
}

impl fmt::Debug for ConnectedAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConnectedAccount(****)")
    }
}
