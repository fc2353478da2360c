//! What is about to be done: the thing that is previewed, asked, budgeted, permitted and written into the audit.

use qc_api::{Cost, Effect, Endpoint, EndpointInfo, Reach, brokerage::Money, ids::ProjectId};
use sha2::{Digest as _, Sha256};

use super::token::Ticket;
use crate::reply::Untrusted;

/// One request that a guard has to judge, with what a human must know about it. Made of the request itself, so that
/// what is permitted is what is sent.
///
/// Lines and figures are our own words and numbers, or validated ids; names that others gave are [`Untrusted`].
#[derive(Debug, Clone)]
pub struct Deed {
    pub(super) endpoint: EndpointInfo,
    /// Hash of the body that is to leave.
    pub(super) body: [u8; 32],
    /// Bytes of that body.
    pub(super) bytes: usize,
    /// What is done, in words: `deploy`, `stop and keep the holdings`.
    pub(super) what: &'static str,
    pub(super) money: Option<Money>,
    pub(super) project: Option<ProjectId>,
    pub(super) deploy_id: Option<String>,
    pub(super) organization: Option<String>,
    pub(super) account: Option<String>,
    pub(super) node: Option<String>,
    pub(super) estimate: Option<f64>,
    pub(super) runs: u32,
    pub(super) objects: u32,
    pub(super) object: Option<String>,
    pub(super) lines: Vec<String>,
    pub(super) foreign: Vec<(&'static str, Untrusted)>,
    pub(super) payload: Option<String>,
    pub(super) needs_human: bool,
    pub(super) ticket: Option<Ticket>,
}

impl Deed {
    /// The sending of `request`; `what` says in our words what it does.
    pub fn new<E: Endpoint>(what: &'static str, request: &E) -> Deed {
        let (body, bytes) = body_of(request);
        let endpoint = EndpointInfo::of::<E>();
        Deed {
            endpoint,
            body,
            bytes,
            what,
            money: None,
            project: None,
            deploy_id: None,
            organization: None,
            account: None,
            node: None,
            estimate: None,
            runs: u32::from(endpoint.path == "backtests/create"),
            objects: u32::from(endpoint.effect == Effect::Delete && endpoint.reach != Reach::Live),
            object: None,
            lines: Vec::new(),
            foreign: Vec::new(),
            payload: None,
            needs_human: false,
            ticket: None,
        }
    }

    /// Whether it moves real money; what is not said to be paper counts as real.
    #[must_use]
    pub fn money(self, money: Money) -> Self {
        Deed { money: Some(money), ..self }
    }

    /// The project it concerns.
    #[must_use]
    pub fn project(self, project: ProjectId) -> Self {
        Deed { project: Some(project), ..self }
    }

    /// The deployment it concerns.
    #[must_use]
    pub fn deployment(self, deploy_id: impl Into<String>) -> Self {
        Deed { deploy_id: Some(deploy_id.into()), ..self }
    }

    /// The organisation it concerns, as the service said, never as an argument said.
    #[must_use]
    pub fn organization(self, id: impl Into<String>) -> Self {
        Deed { organization: Some(id.into()), ..self }
    }

    /// The account at the brokerage, masked but for its last characters.
    #[must_use]
    pub fn account(self, masked: Option<String>) -> Self {
        Deed { account: masked, ..self }
    }

    /// The node it runs on.
    #[must_use]
    pub fn node(self, id: impl Into<String>) -> Self {
        Deed { node: Some(id.into()), ..self }
    }

    /// What it costs in QuantConnect credit by our own estimate, never by the caller's figures.
    #[must_use]
    pub fn estimate(self, qcc: f64) -> Self {
        Deed { estimate: Some(qcc), ..self }
    }

    /// How many backtests it starts at once (a sweep, an optimization).
    #[must_use]
    pub fn runs(self, runs: u32) -> Self {
        Deed { runs, ..self }
    }

    /// How many things it deletes: a directory counts each thing in it.
    #[must_use]
    pub fn objects(self, objects: u32) -> Self {
        Deed { objects, ..self }
    }

    /// The key in the object store that it replaces or deletes, with what lies below it.
    #[must_use]
    pub fn object(self, key: impl Into<String>) -> Self {
        Deed { object: Some(key.into()), ..self }
    }

    /// Adds a line that a human must see: our words and numbers.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Adds a name that somebody else gave.
    #[must_use]
    pub fn foreign(mut self, what: &'static str, name: Untrusted) -> Self {
        self.foreign.push((what, name));
        self
    }

    /// What is sent on, which a human must see whole: a command to an algorithm. Where it is too long for a question,
    /// nobody is asked and nothing is done.
    #[must_use]
    pub fn payload(self, payload: &serde_json::Value) -> Self {
        Deed { payload: Some(plain_json(payload)), ..self }
    }

    /// A human has to consent, whatever the mode: it gives other people access, or something like it.
    #[must_use]
    pub fn needs_human(self) -> Self {
        Deed { needs_human: true, ..self }
    }

    /// It was previewed, and this is what the preview was redeemed for.
    #[must_use]
    pub fn previewed(self, ticket: Ticket) -> Self {
        Deed { ticket: Some(ticket), ..self }
    }

    /// Whether it ends a running algorithm: budgets and a failing audit never stand in its way.
    pub(super) fn is_end(&self) -> bool {
        matches!(self.endpoint.path, "live/update/stop" | "live/update/liquidate")
    }

    /// Whether it moves, or may move, real money.
    pub(super) fn is_real(&self) -> bool {
        self.endpoint.reach == Reach::Live && self.money != Some(Money::Paper)
    }

    /// What it costs in QuantConnect credit; what costs credit and has no estimate costs nobody knows how much.
    pub(super) fn cost(&self) -> f64 {
        let unknown = if self.endpoint.cost == Cost::Credit { f64::NAN } else { 0.0 };
        self.estimate.unwrap_or(unknown)
    }

    /// Hash of the request, so that a preview can hold its deed to it.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The project's page on the web, where a human can always do it.
    pub(super) fn page(&self) -> String {
        page(self.project)
    }
}

/// The page of a project on the web.
pub(crate) fn page(project: Option<ProjectId>) -> String {
    match project {
        Some(project) => format!("https://www.quantconnect.com/project/{project}"),
        None => "https://www.quantconnect.com/terminal".into(),
    }
}

/// JSON in letters that show: everything beyond ASCII is written as its code, so that nothing hides or reorders the rest.
fn plain_json(value: &serde_json::Value) -> String {
    let mut shown = String::new();
    for c in value.to_string().chars() {
        if c.is_ascii_graphic() || c == ' ' { shown.push(c) } else { shown.extend(c.escape_unicode()) }
    }
    shown
}

/// An id as the service writes them; a text of another form is not printed among our own words.
pub(crate) fn shown_id(id: &str) -> &str {
    let fine = id.len() <= 128 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_*".contains(&b));
    if fine { id } else { "(of an odd form)" }
}

/// The hash and size of the body of a request.
pub(super) fn body_of<E: Endpoint>(request: &E) -> ([u8; 32], usize) {
    let mut hash = Sha256::new();
    let body = serde_json::to_vec(request).unwrap_or_default();
    hash.update(E::PATH.as_bytes());
    hash.update(&body);
    let mut bytes = body.len();
    for part in request.parts() {
        hash.update(part.name.as_bytes());
        let content = match &part.content {
            qc_api::PartContent::Text(text) => text.as_bytes(),
            qc_api::PartContent::File { bytes, .. } => bytes,
        };
        hash.update((content.len() as u64).to_be_bytes());
        hash.update(content);
        bytes += content.len();
    }
    (hash.finalize().into(), bytes)
}

/// The right to send one request once. Only [`crate::ctx::Ctx::permit`] makes it.
#[derive(Debug)]
#[must_use = "a permit is for `Door::send_with`"]
pub struct Permit {
    pub(super) deed: Deed,
    pub(super) tool: String,
}
