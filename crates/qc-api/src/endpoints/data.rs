//! Data sets: what there is, what it costs, and links to files, each of which is paid from credit.
//!
//! Source: lean-cli's `data_client.py`, `market_client.py` and `module_client.py`; LEAN's `Api.cs`. None of it is in
//! the API description.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::connections::Secret;
use crate::endpoint::{Cost, Effect, Endpoint, EndpointInfo, Reach, table};
use crate::ids::OrganizationId;
use crate::wire::{Map, flag, list, map, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] =
    table![ReadData, ListData, ReadDataPrices, ListDatasets, ListModules, ReadModule];

/// Buys the link to a data file; each new file is charged. Never sent twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadData {
    /// `link`.
    pub format: String,
    /// The file, as [`ListData`] names it.
    pub file_path: String,
    /// The organization that pays.
    pub organization_id: OrganizationId,
}

impl ReadData {
    /// The request for a link.
    #[must_use]
    pub fn link(file_path: impl Into<String>, organization_id: impl Into<OrganizationId>) -> Self {
        Self { format: "link".to_owned(), file_path: file_path.into(), organization_id: organization_id.into() }
    }
}

impl Endpoint for ReadData {
    const PATH: &'static str = "data/read";
    const EFFECT: Effect = Effect::Create; // it spends credit
    const COST: Cost = Cost::Credit;
    const REACH: Reach = Reach::Secret;
    const PAYLOAD: &'static [&'static str] = &["link"];
    type Reply = DataLink;
}

/// A bought link.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataLink {
    /// Where the file lies.
    pub link: Secret,
    /// What is left, in QCC.
    #[serde(deserialize_with = "number::option")]
    pub balance: Option<f64>,
    /// What it cost, in QCC.
    #[serde(deserialize_with = "number::option")]
    pub cost: Option<f64>,
}

/// Lists data files whose path begins so. At least three folders deep; an unknown one is answered by an HTTP 500
/// without a word, so this is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListData {
    /// The beginning of the path.
    pub file_path: String,
}

impl Endpoint for ListData {
    const PATH: &'static str = "data/list";
    const EFFECT: Effect = Effect::Read;
    const REPEATABLE: bool = false;
    const PAYLOAD: &'static [&'static str] = &["objects"];
    type Reply = DataFiles;
}

/// Data files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataFiles {
    /// Their paths.
    #[serde(deserialize_with = "list::of_texts")]
    pub objects: Vec<String>,
}

/// Reads what data costs an organization.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadDataPrices {
    /// The organization.
    pub organization_id: OrganizationId,
}

impl Endpoint for ReadDataPrices {
    const PATH: &'static str = "data/prices";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["prices"];
    type Reply = DataPrices;
}

/// Prices of data. The first price whose pattern matches a path is its price.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DataPrices {
    /// The prices, in order.
    #[serde(deserialize_with = "list::of")]
    pub prices: Vec<DataPrice>,
    /// Settings of the data sets by number.
    #[serde(deserialize_with = "map::of")]
    pub datasources: Map<Value>,
    /// The agreement to sign before buying.
    #[serde(deserialize_with = "text::option")]
    pub agreement: Option<String>,
}

/// The price of files of one kind.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataPrice {
    /// Whose data it is.
    #[serde(deserialize_with = "text::string")]
    pub vendor_name: String,
    /// The pattern of paths; see [`DataPrice::pattern`].
    #[serde(deserialize_with = "text::string")]
    pub regex: String,
    /// The price of one file in QCC; absent where it cannot be bought.
    #[serde(deserialize_with = "number::option")]
    pub price: Option<f64>,
    /// A kind.
    #[serde(rename = "type", deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Whether the organization subscribes to it.
    #[serde(deserialize_with = "flag::option")]
    pub subscribed: Option<bool>,
    /// The product.
    #[serde(deserialize_with = "number::option_integer")]
    pub product_id: Option<i64>,
    /// Paths it is about.
    #[serde(deserialize_with = "list::of_texts")]
    pub paths: Vec<String>,
}

impl DataPrice {
    /// The pattern without PHP's slashes and flags (`/^equity/m` is `^equity`).
    #[must_use]
    pub fn pattern(&self) -> &str {
        let Some(inner) = self.regex.strip_prefix('/') else { return &self.regex };
        match inner.rsplit_once('/') {
            Some((pattern, flags)) if flags.bytes().all(|flag| flag.is_ascii_alphabetic()) => pattern,
            _ => &self.regex,
        }
    }
}

/// Lists the data sets of the market place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListDatasets {}

impl Endpoint for ListDatasets {
    const PATH: &'static str = "market/data/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["list"];
    type Reply = DatasetsReply;
}

/// Data sets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetsReply {
    /// The data sets.
    #[serde(deserialize_with = "list::of")]
    pub list: Vec<Dataset>,
}

/// A data set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Dataset {
    /// Its number.
    #[serde(deserialize_with = "number::option_integer")]
    pub id: Option<i64>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// `cloud only`, `download only` or `cloud & download`.
    #[serde(deserialize_with = "text::option")]
    pub delivery: Option<String>,
    /// Whose data it is.
    #[serde(deserialize_with = "text::option")]
    pub vendor_name: Option<String>,
    /// Labels.
    #[serde(deserialize_with = "list::of")]
    pub tags: Vec<DatasetTag>,
    /// Whether it is not there yet.
    #[serde(deserialize_with = "flag::or_false")]
    pub pending: bool,
}

/// A label of a data set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DatasetTag {
    /// The label.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
}

/// Lists the files of a module an organization has bought.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListModules {
    /// The product.
    #[serde(deserialize_with = "number::integer")]
    pub product_id: i64,
    /// The organization.
    pub organization_id: OrganizationId,
}

impl Endpoint for ListModules {
    const PATH: &'static str = "modules/list";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["files"];
    type Reply = ModuleFiles;
}

/// Files of a module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleFiles {
    /// Their names.
    #[serde(deserialize_with = "list::of_texts")]
    pub files: Vec<String>,
}

/// Asks for the link to a file of a module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadModule {
    /// The product.
    #[serde(deserialize_with = "number::integer")]
    pub product_id: i64,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The file.
    pub file_name: String,
}

impl Endpoint for ReadModule {
    const PATH: &'static str = "modules/read";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const REACH: Reach = Reach::Secret;
    const PAYLOAD: &'static [&'static str] = &["url"];
    type Reply = ModuleLink;
}

/// The link to a file of a module.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ModuleLink {
    /// Where the file lies.
    pub url: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_lose_phps_slashes() {
        for (regex, pattern) in
            [("/^equity\\/usa/m", "^equity\\/usa"), ("^equity", "^equity"), ("/^a/", "^a"), ("/a/b-c", "/a/b-c")]
        {
            assert_eq!(DataPrice { regex: regex.into(), ..DataPrice::default() }.pattern(), pattern);
        }
    }

    #[test]
    fn a_bought_link_does_not_print() {
        let link: DataLink = serde_json::from_str(r#"{"link":"https://x/?signature=1","cost":"5"}"#).unwrap();
        assert!(!format!("{link:?}").contains("signature"));
        assert_eq!((link.link.expose(), link.cost), ("https://x/?signature=1", Some(5.0)));
    }
}
