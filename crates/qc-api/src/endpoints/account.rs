//! Whose account this is.
//!
//! Source: documentation, Authentication and Account; LEAN's `ApiConnection.cs` and `Account.cs`; `user/read` from
//! lean-cli only.

use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::endpoints::Done;
use crate::ids::OrganizationId;
use crate::wire::{number, object, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![Authenticate, ReadAccount, ReadUser];

/// Asks whether the credentials are good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Authenticate {}

impl Endpoint for Authenticate {
    const PATH: &'static str = "authenticate";
    const EFFECT: Effect = Effect::Read;
    type Reply = Done;
}

/// Reads the credit and the card of an organization, by default the preferred one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadAccount {
    /// Another organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

impl Endpoint for ReadAccount {
    const PATH: &'static str = "account/read";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["organizationId", "creditBalance"];
    type Reply = Account;
}

/// The credit and the card of an organization.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Account {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Credit in QCC; 100 QCC are 1 USD.
    #[serde(deserialize_with = "number::option")]
    pub credit_balance: Option<f64>,
    /// The card on file.
    #[serde(deserialize_with = "object::option")]
    pub card: Option<Card>,
}

/// A payment card, as far as the service shows it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Card {
    /// Its brand.
    #[serde(deserialize_with = "text::string")]
    pub brand: String,
    /// Its last month, `MM/YY`.
    #[serde(deserialize_with = "text::string")]
    pub expiration: String,
    /// Its last four digits.
    #[serde(deserialize_with = "text::string")]
    pub last4: String,
}

/// Reads who the user is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadUser {
    /// Another organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

impl Endpoint for ReadUser {
    const PATH: &'static str = "user/read";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["user"];
    type Reply = UserReply;
}

/// The user.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct UserReply {
    /// The user.
    pub user: User,
}

/// Who the user is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// The name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// The page of the user.
    #[serde(deserialize_with = "text::option")]
    pub profile: Option<String>,
    /// A badge.
    #[serde(deserialize_with = "text::option")]
    pub badge: Option<String>,
}
