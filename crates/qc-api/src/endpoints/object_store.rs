//! The object store: files of an organization that its algorithms read and write.
//!
//! Reading takes two steps: [`StartDownload`] starts a job, [`ReadDownload`] gives a link once the service has
//! packed a zip whose entries are the keys ([`crate::poll::Schedule::DOWNLOAD`]). The link is a key by itself.
//!
//! Source: API description, `/object/*`; LEAN's `Api.cs` for the two steps and their times.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::connections::Secret;
use crate::endpoint::{Effect, Encoding, Endpoint, EndpointInfo, Part, PartContent, Reach, table};
use crate::endpoints::Done;
use crate::ids::OrganizationId;
use crate::wire::{date, flag, list, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] =
    table![SetObject, StartDownload, ReadDownload, ReadObjectProperties, ListObjects, DeleteObject];

/// Writes a file under a key; an older one is overwritten.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetObject {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The key; `/` separates folders.
    pub key: String,
    /// The bytes of the file.
    #[serde(skip)]
    pub data: Vec<u8>,
}

impl std::fmt::Debug for SetObject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SetObject").field("key", &self.key).field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

impl Endpoint for SetObject {
    const PATH: &'static str = "object/set";
    const EFFECT: Effect = Effect::Update;
    const TAKES_ORGANIZATION: bool = true;
    const ENCODING: Encoding = Encoding::Multipart;
    const TIMEOUT: Duration = Duration::from_secs(20 * 60);
    type Reply = Done;

    fn parts(&self) -> Vec<Part> {
        vec![
            Part { name: "organizationId", content: PartContent::Text(self.organization_id.to_string()) },
            Part { name: "key", content: PartContent::Text(self.key.clone()) },
            Part {
                name: "objectData",
                content: PartContent::File { file_name: "objectData", bytes: self.data.clone() },
            },
        ]
    }
}

/// Starts to pack keys for download; a folder's key packs the tree. Each call is a new job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartDownload {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The keys; at least one must exist.
    #[serde(deserialize_with = "list::of_texts")]
    pub keys: Vec<String>,
}

impl Endpoint for StartDownload {
    const PATH: &'static str = "object/get";
    const EFFECT: Effect = Effect::Create;
    const TAKES_ORGANIZATION: bool = true;
    const REACH: Reach = Reach::Secret;
    const PAYLOAD: &'static [&'static str] = &["jobId", "url"];
    type Reply = DownloadReply;

    fn check(reply: &DownloadReply) -> Result<(), &'static str> {
        let link = reply.url.as_ref().is_some_and(|url| !url.expose().is_empty());
        if link || !reply.job_id.is_empty() { Ok(()) } else { Err("the answer names neither a job nor a link") }
    }
}

/// Asks whether the zip of a download is ready.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadDownload {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The job.
    pub job_id: String,
}

impl Endpoint for ReadDownload {
    const PATH: &'static str = "object/get";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const REACH: Reach = Reach::Secret;
    const PAYLOAD: &'static [&'static str] = &["jobId", "url"];
    type Reply = DownloadReply;
}

/// A download.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DownloadReply {
    /// The job.
    #[serde(deserialize_with = "text::string")]
    pub job_id: String,
    /// Where the zip lies, once it is ready.
    pub url: Option<Secret>,
}

/// Reads size, hash and the beginning of a file; not of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReadObjectProperties {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The key.
    pub key: String,
}

impl Endpoint for ReadObjectProperties {
    const PATH: &'static str = "object/properties";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["metadata"];
    type Reply = ObjectPropertiesReply;
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectPropertiesReply {
    /// What is known.
    pub metadata: ObjectProperties,
}

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectProperties {
    /// The key.
    #[serde(deserialize_with = "text::string")]
    pub key: String,
    /// When it was last written.
    #[serde(with = "date::spaced")]
    pub modified: Option<Timestamp>,
    /// When it was first written.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// Its size in bytes.
    #[serde(deserialize_with = "number::option_integer")]
    pub size: Option<i64>,
    /// Its MD5, hexadecimal.
    #[serde(deserialize_with = "text::option")]
    pub md5: Option<String>,
    /// Its type as the service guesses it.
    #[serde(deserialize_with = "text::option")]
    pub mime: Option<String>,
    /// Its beginning.
    #[serde(deserialize_with = "text::option")]
    pub preview: Option<String>,
}

/// Lists one folder, not those below it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListObjects {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The folder; left out for the root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The page, from 1. Not documented for requests, only for answers.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub page: Option<i64>,
}

impl Endpoint for ListObjects {
    const PATH: &'static str = "object/list";
    const EFFECT: Effect = Effect::Read;
    const TAKES_ORGANIZATION: bool = true;
    const PAYLOAD: &'static [&'static str] = &["objects"];
    type Reply = ObjectsReply;
}

/// One page of a folder.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ObjectsReply {
    /// The folder.
    #[serde(deserialize_with = "text::string")]
    pub path: String,
    /// What lies in it.
    #[serde(deserialize_with = "list::of")]
    pub objects: Vec<ObjectSummary>,
    /// The page.
    #[serde(deserialize_with = "number::option_integer")]
    pub page: Option<i64>,
    /// How many pages there are.
    #[serde(deserialize_with = "number::option_integer")]
    pub total_pages: Option<i64>,
    /// Bytes the organization uses.
    #[serde(deserialize_with = "number::option_integer")]
    pub object_storage_used: Option<i64>,
    /// The same for people, such as `2.27 GB`.
    #[serde(deserialize_with = "text::option")]
    pub object_storage_used_human: Option<String>,
}

/// A file or a folder in a list.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ObjectSummary {
    /// The key; some answers begin it with a slash.
    #[serde(deserialize_with = "text::string")]
    pub key: String,
    /// The last part of the key.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// When it was last written.
    #[serde(with = "date::spaced")]
    pub modified: Option<Timestamp>,
    /// Its type; `directory` for folders.
    #[serde(deserialize_with = "text::option")]
    pub mime: Option<String>,
    /// Whether it is a folder; see [`ObjectSummary::is_folder`].
    #[serde(alias = "isFolder", deserialize_with = "flag::or_false")]
    pub folder: bool,
    /// Its size in bytes.
    #[serde(deserialize_with = "number::option_integer")]
    pub size: Option<i64>,
}

impl ObjectSummary {
    /// Whether it is a folder, by either member that says so.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.folder || self.mime.as_deref() == Some("directory")
    }
}

/// Deletes a file, or a folder with everything in it. Lists may show it for some minutes more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeleteObject {
    /// The organization.
    pub organization_id: OrganizationId,
    /// The key.
    pub key: String,
}

impl Endpoint for DeleteObject {
    const PATH: &'static str = "object/delete";
    const EFFECT: Effect = Effect::Delete;
    const TAKES_ORGANIZATION: bool = true;
    type Reply = Done;
}
