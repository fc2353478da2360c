//! Organizations: who pays, who belongs, what is rented.
//!
//! Source: lean-cli's `organization_client.py` and `encryption_key_client.py`; LEAN's `Organization.cs`.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, table};
use crate::ids::OrganizationId;
use crate::wire::{date, flag, list, number, object, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![ReadOrganization, ListOrganizations, ListEncryptionKeys];

/// Reads an organization, by default the preferred one.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadOrganization {
    /// The organization.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_id: Option<OrganizationId>,
}

impl Endpoint for ReadOrganization {
    const PATH: &'static str = "organizations/read";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["organization"];
    type Reply = OrganizationReply;
}

/// An organization.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationReply {
    /// The organization.
    pub organization: Organization,
}

/// An organization with its credit, its products and its members.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Organization {
    /// The organization.
    pub id: OrganizationId,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// Seats paid for.
    #[serde(deserialize_with = "number::option_integer")]
    pub seats: Option<i64>,
    /// Its tier.
    #[serde(rename = "type", deserialize_with = "text::option")]
    pub kind: Option<String>,
    /// Its credit.
    #[serde(deserialize_with = "object::option")]
    pub credit: Option<Credit>,
    /// What it rents, by product: Professional Seats, Backtest Node, Research Node, Live Trading Node, Support,
    /// Data, Modules.
    #[serde(deserialize_with = "list::of")]
    pub products: Vec<Product>,
    /// The agreement about data.
    #[serde(deserialize_with = "object::option")]
    pub data: Option<DataAgreement>,
    /// Who belongs to it.
    #[serde(deserialize_with = "list::of")]
    pub members: Vec<Member>,
}

/// Credit in QCC (100 QCC are 1 USD).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Credit {
    /// What is left, in QCC (a hundredth of a US dollar).
    #[serde(deserialize_with = "number::option")]
    pub balance: Option<f64>,
    /// How it came and went.
    #[serde(deserialize_with = "list::of")]
    pub movements: Vec<CreditMovement>,
}

/// Credit coming or going.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct CreditMovement {
    /// When.
    #[serde(with = "date::spaced")]
    pub date: Option<Timestamp>,
    /// What for.
    #[serde(deserialize_with = "text::string")]
    pub description: String,
    /// Its kind.
    #[serde(rename = "type", deserialize_with = "text::option")]
    pub kind: Option<String>,
    /// Its kind, closer.
    #[serde(deserialize_with = "text::option")]
    pub subtype: Option<String>,
    /// How much, in QCC; negative is spent.
    #[serde(deserialize_with = "number::option")]
    pub amount: Option<f64>,
    /// What was left then, in QCC.
    #[serde(deserialize_with = "number::option")]
    pub balance: Option<f64>,
}

/// A product with what is rented of it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Product {
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// What is rented.
    #[serde(deserialize_with = "list::of")]
    pub items: Vec<ProductItem>,
}

/// Something rented.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProductItem {
    /// Its number; modules and data sets are asked for by it.
    #[serde(deserialize_with = "number::option_integer")]
    pub product_id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// How many.
    #[serde(deserialize_with = "number::option")]
    pub quantity: Option<f64>,
    /// The price of one, in USD.
    #[serde(deserialize_with = "number::option")]
    pub unit_price: Option<f64>,
    /// The price of all, in USD.
    #[serde(deserialize_with = "number::option")]
    pub total: Option<f64>,
}

/// Whether the agreement about downloading data is signed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataAgreement {
    /// When it was signed.
    #[serde(with = "date::unix")]
    pub signed_time: Option<Timestamp>,
    /// Whether it is the newest one.
    #[serde(deserialize_with = "flag::or_false")]
    pub current: bool,
}

/// Somebody who belongs to an organization.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Member {
    /// The user's number.
    #[serde(deserialize_with = "number::option_integer")]
    pub id: Option<i64>,
    /// The user's name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// Whether the user may change the organization.
    #[serde(deserialize_with = "flag::or_false")]
    pub is_admin: bool,
    /// The user's address.
    #[serde(deserialize_with = "text::option")]
    pub email: Option<String>,
}

/// Lists the organizations the user belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListOrganizations {}

impl Endpoint for ListOrganizations {
    const PATH: &'static str = "organizations/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["organizations"];
    type Reply = OrganizationsReply;
}

/// Organizations.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct OrganizationsReply {
    /// The organizations.
    #[serde(deserialize_with = "list::of")]
    pub organizations: Vec<OrganizationSummary>,
}

/// An organization in a list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct OrganizationSummary {
    /// The organization.
    pub id: OrganizationId,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// Its tier.
    #[serde(rename = "type", deserialize_with = "text::option")]
    pub kind: Option<String>,
    /// Who owns it.
    #[serde(deserialize_with = "text::option")]
    pub owner_name: Option<String>,
    /// How many belong to it.
    #[serde(deserialize_with = "number::option_integer")]
    pub members: Option<i64>,
    /// Whether it is used where a request names none.
    #[serde(deserialize_with = "flag::or_false")]
    pub preferred: bool,
}

/// Lists the keys an organization's projects may be encrypted with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListEncryptionKeys {
    /// The organization.
    pub organization_id: OrganizationId,
}

impl Endpoint for ListEncryptionKeys {
    const PATH: &'static str = "organizations/encryption/keys/list";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["keys"];
    type Reply = KeysReply;
}

/// Keys for encryption; the service knows their hashes only.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeysReply {
    /// The keys.
    #[serde(deserialize_with = "list::of")]
    pub keys: Vec<KeyHash>,
}

/// A key by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct KeyHash {
    /// MD5 of the key file.
    #[serde(deserialize_with = "text::string")]
    pub hash: String,
    /// Its name.
    #[serde(deserialize_with = "text::option")]
    pub name: Option<String>,
}
