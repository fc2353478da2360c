//! What every request says about itself: its path, what it changes, what it may cost and whom it may reach.
//!
//! A request is a value and the value is the endpoint. The columns here are the only place where the rest of
//! the program learns what a call does; the door in front of the client decides by them.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// What a call changes at the far end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Nothing. May be sent again.
    Read,
    /// Something new comes into being (or money is spent). Never sent twice.
    Create,
    /// Something existing gets a new value; sending it again gives the same value.
    Update,
    /// Something ends or disappears. Never sent twice.
    Delete,
}

/// What a call may cost the account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cost {
    /// Nothing.
    Nothing,
    /// The time of a node the organization rents anyway.
    Node,
    /// QuantConnect credit (QCC).
    Credit,
}

/// Whom or what a call touches beyond the account's own research.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reach {
    /// Nobody else.
    None,
    /// A running algorithm, so possibly a market.
    Live,
    /// Other people: collaborators, or the public.
    People,
    /// The answer (or the request) holds a secret: a token or a pre-signed link.
    Secret,
}

/// How the body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    /// A JSON object.
    Json,
    /// `application/x-www-form-urlencoded` with PHP brackets for nested values.
    Form,
    /// `multipart/form-data`; the parts come from [`Endpoint::parts`].
    Multipart,
}

/// One part of a multipart body.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The name of the form field.
    pub name: &'static str,
    /// What it holds.
    pub content: PartContent,
}

/// The content of a [`Part`].
#[derive(Debug, Clone, PartialEq)]
pub enum PartContent {
    /// A text field.
    Text(String),
    /// A file field.
    File {
        /// The file name sent along; the service ignores it.
        file_name: &'static str,
        /// The bytes of the file.
        bytes: Vec<u8>,
    },
}

/// A request of the API: the value that is serialised as its body, and everything known about the call.
///
/// ```
/// use qc_api::endpoints::backtests::ListBacktests;
/// use qc_api::{Effect, Endpoint};
///
/// assert_eq!(ListBacktests::PATH, "backtests/list");
/// assert_eq!(ListBacktests::EFFECT, Effect::Read); // so it may be repeated after a failure
/// ```
pub trait Endpoint: Serialize + Send + Sync {
    /// The path below the base URL, without slashes at its ends.
    const PATH: &'static str;
    /// What the call changes.
    const EFFECT: Effect;
    /// What the call may cost.
    const COST: Cost = Cost::Nothing;
    /// Whom the call may reach.
    const REACH: Reach = Reach::None;
    /// How the body is written.
    const ENCODING: Encoding = Encoding::Json;
    /// The time one attempt may take.
    const TIMEOUT: Duration = Duration::from_secs(30);
    /// Keys of which at least one must stand in a successful answer.
    ///
    /// The service answers unknown paths like their parent, and some answers carry no `success`: the presence
    /// of the payload is what makes an answer the right one. Empty for calls that answer `success` alone.
    const PAYLOAD: &'static [&'static str] = &[];
    /// Whether the same request sent twice ends like sent once, so that a failed attempt may be repeated.
    ///
    /// True for reads and updates unless an update says otherwise (a rename, a patch); never for the rest.
    const REPEATABLE: bool = matches!(Self::EFFECT, Effect::Read | Effect::Update);
    /// Whether the body takes `codeSourceId`, the name of the editing program ([`crate::Config::code_source`]).
    const NAMES_SOURCE: bool = false;
    /// Whether the body takes `organizationId`, and the organization of the credentials where it names none
    /// ([`crate::Credentials::organization_id`]). Not for what reaches others or spends: there it is named.
    const TAKES_ORGANIZATION: bool = false;
    /// Whether the service answers with a redirect whose place is the answer. It is not followed in any case.
    const REDIRECT_IS_ANSWER: bool = false;
    /// What a successful answer decodes to.
    type Reply: DeserializeOwned + Send;

    /// Judges a decoded answer by what no caller could go on without, such as the id of a thing just made.
    ///
    /// # Errors
    /// What is missing, in words.
    fn check(_reply: &Self::Reply) -> Result<(), &'static str> {
        Ok(())
    }

    /// The parts of a multipart body; empty for every other encoding.
    fn parts(&self) -> Vec<Part> {
        Vec::new()
    }
}

/// The columns of an endpoint as a value: one row of [`crate::ENDPOINTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct EndpointInfo {
    /// The path below the base URL.
    pub path: &'static str,
    /// The name of the request type (two requests may share a path, never a name).
    pub name: &'static str,
    /// What the call changes.
    pub effect: Effect,
    /// What the call may cost.
    pub cost: Cost,
    /// Whom the call may reach.
    pub reach: Reach,
    /// How the body is written.
    pub encoding: Encoding,
    /// The time one attempt may take.
    #[serde(skip)]
    pub timeout: Duration,
    /// Keys of which one must be in the answer.
    pub payload: &'static [&'static str],
    /// Whether a failed attempt may be repeated.
    pub repeatable: bool,
    /// Whether the body takes `codeSourceId`.
    pub names_source: bool,
    /// Whether the body takes `organizationId`.
    pub takes_organization: bool,
    /// Whether the place of a redirect is the answer.
    pub redirect_is_answer: bool,
}

impl EndpointInfo {
    /// The row of `E`.
    #[must_use]
    pub fn of<E: Endpoint>() -> Self {
        let full = std::any::type_name::<E>();
        Self::named::<E>(full.rsplit("::").next().unwrap_or(full))
    }

    /// The row of `E` under the name of its type, for tables made at compile time.
    pub(crate) const fn named<E: Endpoint>(name: &'static str) -> Self {
        Self {
            path: E::PATH,
            name,
            effect: E::EFFECT,
            cost: E::COST,
            reach: E::REACH,
            encoding: E::ENCODING,
            timeout: E::TIMEOUT,
            payload: E::PAYLOAD,
            repeatable: E::REPEATABLE && matches!(E::EFFECT, Effect::Read | Effect::Update),
            names_source: E::NAMES_SOURCE,
            takes_organization: E::TAKES_ORGANIZATION,
            redirect_is_answer: E::REDIRECT_IS_ANSWER,
        }
    }
}

/// Writes the table of a resource file: one row per request type.
macro_rules! table {
    ($($request:ident),* $(,)?) => {
        &[$($crate::endpoint::EndpointInfo::named::<$request>(stringify!($request))),*]
    };
}
pub(crate) use table;
