//! Projects and what hangs on them.
//!
//! Source: API description, `Project`; lean-cli's `QCProject`.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::{OrganizationId, ProjectId, VersionId};
use crate::wire::open_enum::open_enum;
use crate::wire::{Map, date, flag, list, map, members, number, object, text};

open_enum! {
    /// The language of a project.
    pub enum Language {
        /// Python.
        Python = "Py" | "Python",
        /// C#.
        CSharp = "C#" | "CSharp",
    }
}

open_enum! {
    /// What a collaborator may do with the code.
    pub enum Permission {
        /// Read it.
        Read = "read",
        /// Change it.
        Write = "write",
    }
}

/// A project as `projects/read` describes it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Project {
    /// The project.
    pub project_id: ProjectId,
    /// Whose organization pays for its nodes.
    pub organization_id: Option<OrganizationId>,
    /// The name; `/` separates folders.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// When it was last changed.
    #[serde(with = "date::spaced")]
    pub modified: Option<Timestamp>,
    /// When it was made.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// The user who owns it.
    #[serde(deserialize_with = "number::option_integer")]
    pub owner_id: Option<i64>,
    /// Its language.
    pub language: Option<Language>,
    /// Everybody who may see it, the owner included.
    #[serde(deserialize_with = "list::of")]
    pub collaborators: Vec<Collaborator>,
    /// The LEAN version it runs on.
    pub lean_version_id: Option<VersionId>,
    /// Whether it follows the newest LEAN.
    #[serde(deserialize_with = "flag::or_false")]
    pub lean_pinned_to_master: bool,
    /// Whether the caller owns it.
    #[serde(deserialize_with = "flag::or_false")]
    pub owner: bool,
    /// What its owner wrote about it.
    #[serde(deserialize_with = "text::string")]
    pub description: String,
    /// The channel of its live messages.
    #[serde(deserialize_with = "text::option")]
    pub channel_id: Option<String>,
    /// Parameters of the algorithm.
    #[serde(deserialize_with = "parameters")]
    pub parameters: Vec<Parameter>,
    /// Libraries it uses.
    #[serde(deserialize_with = "list::of")]
    pub libraries: Vec<Library>,
    /// The layout of backtest charts on the website.
    #[serde(deserialize_with = "object::option")]
    pub grid: Option<Grid>,
    /// The layout of live charts on the website.
    #[serde(deserialize_with = "object::option")]
    pub live_grid: Option<Grid>,
    /// Equity of its paper deployment.
    #[serde(deserialize_with = "number::option")]
    pub paper_equity: Option<f64>,
    /// When it was last deployed.
    #[serde(with = "date::spaced")]
    pub last_live_deployment: Option<Timestamp>,
    /// The settings of its last deployment on the website.
    #[serde(deserialize_with = "object::option")]
    pub live_form: Option<LiveForm>,
    /// Whether its files are encrypted.
    #[serde(deserialize_with = "flag::or_false")]
    pub encrypted: bool,
    /// Whether something of it is running.
    #[serde(deserialize_with = "flag::or_false")]
    pub code_running: bool,
    /// The Python environment it runs in.
    #[serde(deserialize_with = "number::option_integer")]
    pub lean_environment: Option<i64>,
    /// The key its files are encrypted with.
    #[serde(deserialize_with = "object::option")]
    pub encryption_key: Option<EncryptionKey>,
}

/// A parameter of an algorithm; the bounds are there when it was optimized.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parameter {
    /// Its name.
    #[serde(deserialize_with = "text::string", alias = "name")]
    pub key: String,
    /// Its value, as text.
    #[serde(deserialize_with = "text::string")]
    pub value: String,
    /// The smallest value tried.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub min: Option<f64>,
    /// The largest value tried.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub max: Option<f64>,
    /// The distance between values.
    #[serde(deserialize_with = "number::option", skip_serializing_if = "Option::is_none")]
    pub step: Option<f64>,
    /// A type, where the service names one.
    #[serde(rename = "type", deserialize_with = "text::option", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// Reads parameters from every form seen: `[]`, a map to scalars, a list of pairs, a map to pairs.
fn parameters<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Parameter>, D::Error> {
    use serde_json::Value;
    let members: Map<Value> = map::of(deserializer)?;
    members
        .into_iter()
        .map(|(key, value)| match value {
            Value::Object(_) => {
                let mut parameter =
                    Parameter::deserialize(members::Lenient(value)).map_err(serde::de::Error::custom)?;
                if parameter.key.is_empty() {
                    parameter.key = key;
                }
                Ok(parameter)
            }
            Value::String(value) => Ok(Parameter { key, value, ..Parameter::default() }),
            Value::Null => Ok(Parameter { key, ..Parameter::default() }),
            Value::Array(_) => Err(serde::de::Error::custom("a parameter was expected, found a list")),
            scalar => Ok(Parameter { key, value: scalar.to_string(), ..Parameter::default() }),
        })
        .collect()
}

/// Somebody who may see a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Collaborator {
    /// The user's number.
    #[serde(deserialize_with = "number::option_integer", alias = "id")]
    pub uid: Option<i64>,
    /// Whether the user may deploy and stop.
    #[serde(deserialize_with = "flag::or_false", alias = "blivecontrol")]
    pub live_control: bool,
    /// What the user may do with the code.
    #[serde(alias = "epermission")]
    pub permission: Option<Permission>,
    /// The name used in addresses, such as `mia-ai`.
    #[serde(deserialize_with = "text::option")]
    pub public_id: Option<String>,
    /// A picture.
    #[serde(deserialize_with = "text::option", alias = "profileimage")]
    pub profile_image: Option<String>,
    /// The e-mail address.
    #[serde(deserialize_with = "text::option")]
    pub email: Option<String>,
    /// The name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// What the user says about themself.
    #[serde(deserialize_with = "text::option")]
    pub bio: Option<String>,
    /// Whether the project is theirs.
    #[serde(deserialize_with = "flag::or_false")]
    pub owner: bool,
}

/// A library used by a project; itself a project.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Library {
    /// The library's project.
    pub project_id: ProjectId,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub library_name: String,
    /// Whose it is.
    #[serde(deserialize_with = "text::string")]
    pub owner_name: String,
    /// Whether the caller may read it.
    #[serde(deserialize_with = "flag::or_false")]
    pub access: bool,
}

/// The layout of charts on the website, by width of the window.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Grid {
    /// Very small windows.
    #[serde(deserialize_with = "list::of")]
    pub xs: Vec<GridChart>,
    /// Small windows.
    #[serde(deserialize_with = "list::of")]
    pub sm: Vec<GridChart>,
    /// Medium windows.
    #[serde(deserialize_with = "list::of")]
    pub md: Vec<GridChart>,
    /// Large windows.
    #[serde(deserialize_with = "list::of")]
    pub lg: Vec<GridChart>,
    /// Very large windows.
    #[serde(deserialize_with = "list::of")]
    pub xl: Vec<GridChart>,
}

/// One chart in a [`Grid`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct GridChart {
    /// The chart.
    #[serde(deserialize_with = "text::string")]
    pub chart_name: String,
    /// Columns it covers.
    #[serde(deserialize_with = "number::option_integer")]
    pub width: Option<i64>,
    /// Rows it covers.
    #[serde(deserialize_with = "number::option_integer")]
    pub height: Option<i64>,
    /// Its first row.
    #[serde(deserialize_with = "number::option_integer")]
    pub row: Option<i64>,
    /// Its first column.
    #[serde(deserialize_with = "number::option_integer")]
    pub column: Option<i64>,
    /// Its place in the order.
    #[serde(deserialize_with = "number::option_integer")]
    pub sort: Option<i64>,
    /// What it is made of, for charts defined on the website.
    #[serde(deserialize_with = "list::of_texts", skip_serializing_if = "Vec::is_empty")]
    pub definition: Vec<String>,
}

/// The settings of the last deployment made on the website.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveForm {
    /// Brokerage settings by name; only the `id` of each is kept by the service.
    #[serde(deserialize_with = "map::of")]
    pub brokerage_data: Map<serde_json::Value>,
    /// Data providers in order of precedence.
    #[serde(deserialize_with = "list::of")]
    pub data_providers_data: Vec<serde_json::Value>,
    /// The node chosen.
    #[serde(deserialize_with = "text::option")]
    pub node: Option<String>,
    /// Whether insights are announced.
    #[serde(deserialize_with = "flag::or_false")]
    pub notify_insights: bool,
    /// Whether order events are announced.
    #[serde(deserialize_with = "flag::or_false")]
    pub notify_order_events: bool,
    /// Whether the service restarts it after a failure.
    #[serde(deserialize_with = "flag::or_false")]
    pub auto_restart: bool,
}

/// The key a project is encrypted with.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct EncryptionKey {
    /// Its identifier.
    #[serde(deserialize_with = "text::string")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
}

/// A version of LEAN a project can run on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LeanVersion {
    /// The version.
    pub id: VersionId,
    /// When it was made.
    #[serde(with = "date::spaced")]
    pub created: Option<Timestamp>,
    /// What is in it.
    #[serde(deserialize_with = "text::string")]
    pub description: String,
    /// The commit of LEAN.
    #[serde(deserialize_with = "text::option")]
    pub lean_hash: Option<String>,
    /// The commit of the cloud's part.
    #[serde(deserialize_with = "text::option")]
    pub lean_cloud_hash: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "text::string")]
    pub name: String,
    /// The git reference.
    #[serde(rename = "ref", deserialize_with = "text::option")]
    pub reference: Option<String>,
    /// Whether everybody may use it.
    #[serde(deserialize_with = "flag::or_false")]
    pub public: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_parameters_in_every_form() {
        let read = |json: &str| {
            let project: Project = serde_json::from_str(&format!("{{\"parameters\":{json}}}")).unwrap();
            project.parameters.into_iter().map(|it| (it.key, it.value)).collect::<Vec<_>>()
        };
        let expected = [("fast".to_owned(), "10".to_owned())];
        assert_eq!(read(r#"[]"#), []);
        assert_eq!(read(r#"{"fast": 10}"#), expected);
        assert_eq!(read(r#"[{"key": "fast", "value": "10"}]"#), expected);
        assert_eq!(read(r#"[{"name": "fast", "value": 10}]"#), expected);
        assert_eq!(read(r#"{"fast": {"value": "10", "min": null}}"#), expected);
    }
}
