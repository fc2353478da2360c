//! What everybody sees: reports of faulty data, and news.
//!
//! Source: documentation, Data Issues; `services/terminal-news` from lean-cli.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::endpoint::{Effect, Endpoint, EndpointInfo, Reach, table};
use crate::ids::ProjectId;
use crate::wire::open_enum::open_enum;
use crate::wire::{date, flag, list, number, text};

/// The rows of this file.
pub const ENDPOINTS: &[EndpointInfo] = table![CreateDataIssue, ListDataIssues, ReadNews];

/// Publishes a report of faulty data. Everybody can read it; it must contain a case that can be reproduced.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CreateDataIssue {
    /// The ticker.
    pub ticker: String,
    /// The kind of security, such as `Equity Option`.
    pub security: String,
    /// The market.
    pub market: String,
    /// The resolution, such as `Daily` or `Margin`.
    pub resolution: String,
    /// The first day, `YYYY-MM-DD`.
    pub from_date: String,
    /// The last day.
    pub to_date: String,
    /// The first time, `HH:MM`; required for seconds and minutes over less than 7 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_time: Option<String>,
    /// The last time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_time: Option<String>,
    /// What is wrong; at least one. Sent as members that equal their own title.
    #[serde(flatten)]
    pub faults: DataFaults,
    /// The report, HTML.
    pub content: String,
    /// A project that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_project: Option<ProjectId>,
    /// A backtest that shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select_backtest: Option<String>,
}

/// Declares the kinds of faults: a flag is sent as a member whose value is its own title.
macro_rules! faults {
    ($($(#[$meta:meta])* $field:ident = $title:literal),* $(,)?) => {
        /// What is wrong with data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct DataFaults {
            $($(#[$meta])* pub $field: bool,)*
        }

        impl Serialize for DataFaults {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let flags = [$(($title, self.$field)),*];
                serializer.collect_map(flags.into_iter().filter(|(_, set)| *set).map(|(title, _)| (title, title)))
            }
        }

        impl<'de> Deserialize<'de> for DataFaults {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let members = crate::wire::Map::<serde_json::Value>::deserialize(deserializer)?;
                Ok(Self { $($field: members.contains_key($title),)* })
            }
        }
    };
}

faults! {
    /// Files cannot be read.
    corrupted_files = "corrupted-files",
    /// Points are missing.
    missing_points = "missing-points",
    /// Files are missing.
    missing_files = "missing-files",
    /// Values are wrong.
    wrong_values = "wrong-values",
    /// A listing is wrong.
    listing_error = "listing-error",
    /// A split is wrong.
    split_error = "split-error",
    /// A dividend is wrong.
    dividend_error = "dividend-error",
    /// A change of ticker is wrong.
    name_mapping_error = "name-mapping-error",
}

impl Endpoint for CreateDataIssue {
    const PATH: &'static str = "community/data-library/issues/create";
    const EFFECT: Effect = Effect::Create;
    const REACH: Reach = Reach::People;
    const PAYLOAD: &'static [&'static str] = &["discussionId"];
    type Reply = DataIssueReply;
}

/// The number of a published report.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataIssueReply {
    /// The discussion.
    #[serde(deserialize_with = "number::option_integer")]
    pub discussion_id: Option<i64>,
}

open_enum! {
    /// Which reports to list.
    pub enum IssueFilter {
        /// Those that are open.
        Open = "open",
        /// Those that are not.
        Closed = "closed",
    }
}

/// Lists reports of faulty data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ListDataIssues {
    /// Which; open ones unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<IssueFilter>,
    /// The first position, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub start: Option<i64>,
    /// The position after the last; 20 unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "number::option_integer")]
    pub end: Option<i64>,
    /// Only of exactly this ticker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those the caller follows.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "flag::option")]
    pub subscribed: Option<bool>,
}

impl Endpoint for ListDataIssues {
    const PATH: &'static str = "community/data-library/issues/list";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["results"];
    type Reply = DataIssuesReply;
}

/// Reports of faulty data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataIssuesReply {
    /// The reports.
    #[serde(deserialize_with = "list::of")]
    pub results: Vec<DataIssue>,
    /// How many match.
    #[serde(deserialize_with = "number::option_integer")]
    pub results_found: Option<i64>,
    /// How many are open in all.
    #[serde(deserialize_with = "number::option_integer")]
    pub open_issues_count: Option<i64>,
    /// How many are closed in all.
    #[serde(deserialize_with = "number::option_integer")]
    pub closed_issues_count: Option<i64>,
}

open_enum! {
    /// How far a report is.
    pub enum IssueStatus {
        /// Waiting.
        InQueue = "In queue",
        /// Being looked at.
        InProgress = "In progress",
        /// Waiting for somebody to look again.
        WaitingReview = "Waiting Review",
        /// Waiting for whose data it is.
        WaitingForVendor = "Waiting for Data Vendor",
        /// Put right.
        Resolved = "Resolved",
        /// Closed.
        Closed = "Closed",
        /// Cannot be put right.
        CannotBeResolved = "Cannot Be Resolved",
    }
}

/// A report of faulty data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DataIssue {
    /// The discussion.
    #[serde(deserialize_with = "number::option_integer")]
    pub discussion_id: Option<i64>,
    /// The ticker.
    #[serde(deserialize_with = "text::string")]
    pub ticker: String,
    /// The kind of security.
    #[serde(deserialize_with = "text::string")]
    pub security: String,
    /// The market.
    #[serde(deserialize_with = "text::string")]
    pub market: String,
    /// The resolution.
    #[serde(deserialize_with = "text::string")]
    pub resolution: String,
    /// The first moment, as the service writes it.
    #[serde(deserialize_with = "text::option")]
    pub from: Option<String>,
    /// The last moment.
    #[serde(deserialize_with = "text::option")]
    pub to: Option<String>,
    /// How far it is.
    pub status: Option<IssueStatus>,
    /// Files cannot be read.
    #[serde(deserialize_with = "flag::or_false")]
    pub corrupted_file: bool,
    /// Points are missing.
    #[serde(deserialize_with = "flag::or_false")]
    pub missing_points: bool,
    /// Files are missing.
    #[serde(deserialize_with = "flag::or_false")]
    pub missing_file: bool,
    /// Values are wrong.
    #[serde(deserialize_with = "flag::or_false")]
    pub wrong_values: bool,
    /// A listing is wrong.
    #[serde(deserialize_with = "flag::or_false")]
    pub listing_error: bool,
    /// A split is wrong.
    #[serde(deserialize_with = "flag::or_false")]
    pub split_error: bool,
    /// A dividend is wrong.
    #[serde(deserialize_with = "flag::or_false")]
    pub dividend_error: bool,
    /// A change of ticker is wrong.
    #[serde(deserialize_with = "flag::or_false")]
    pub mapping_error: bool,
    /// When it was published.
    #[serde(with = "date::unix")]
    pub reported: Option<Timestamp>,
    /// Whether the caller follows it.
    #[serde(deserialize_with = "flag::or_false")]
    pub subscribed: bool,
    /// Who published it.
    #[serde(deserialize_with = "text::option")]
    pub user_name: Option<String>,
}

/// Reads the news of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ReadNews {}

impl Endpoint for ReadNews {
    const PATH: &'static str = "services/terminal-news";
    const EFFECT: Effect = Effect::Read;
    const PAYLOAD: &'static [&'static str] = &["news"];
    type Reply = NewsReply;
}

/// News.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct NewsReply {
    /// The news.
    #[serde(deserialize_with = "list::of")]
    pub news: Vec<News>,
}

/// A piece of news.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct News {
    /// Its number.
    #[serde(deserialize_with = "text::option")]
    pub id: Option<String>,
    /// Its kind.
    #[serde(rename = "type", deserialize_with = "text::option")]
    pub kind: Option<String>,
    /// Its category.
    #[serde(deserialize_with = "text::option")]
    pub category: Option<String>,
    /// Its title.
    #[serde(deserialize_with = "text::string")]
    pub title: String,
    /// Its text.
    #[serde(deserialize_with = "text::string")]
    pub content: String,
    /// A picture.
    #[serde(deserialize_with = "text::option")]
    pub image: Option<String>,
    /// Where there is more.
    #[serde(deserialize_with = "text::option")]
    pub link: Option<String>,
    /// When it was written.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
}
