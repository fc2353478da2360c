//! The whole state of the simulated service, and the questions every endpoint asks of it.
//!
//! Everything here follows from the seed and the requests; nothing is random, and nothing knows real time.

mod kept;
mod organization;
mod work;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use qc_api::endpoints::community::CreateDataIssue;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub(crate) use self::organization::{Machine, Object, Organization};
pub use self::organization::{Quotas, Tier};
pub(crate) use self::work::{Backtest, Compile, Deployment, Optimization};
use crate::market::Market;
use crate::options::{JobTimes, SimOptions};
use crate::refuse::{self, Answer};
use crate::shelf::Shelf;

/// What an endpoint knows about the request beside its body.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// The account that signed.
    pub(crate) user: i64,
    pub(crate) now: Timestamp,
    pub(crate) jobs: JobTimes,
    pub(crate) options: &'a SimOptions,
    /// Where the server is, without a path.
    pub(crate) root: &'a str,
    /// Drawn at first use.
    pub(crate) market: &'a OnceLock<Arc<Market>>,
    /// The market's files, for sale.
    pub(crate) shelf: &'a Shelf,
}

impl Call<'_> {
    /// What an organization's plan allows, unless the options say otherwise.
    pub(crate) fn quotas(&self, organization: &Organization) -> Quotas {
        self.options.quotas.unwrap_or(organization.tier.quotas())
    }

    pub(crate) fn market(&self) -> Arc<Market> {
        Arc::clone(self.market.get_or_init(|| Arc::new(Market::new(self.options.seed))))
    }
}

/// The state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// The time when it was saved.
    #[serde(default)]
    pub(crate) now: Timestamp,
    /// How many identifiers were given out.
    pub(crate) drawn: u64,
    pub(crate) last_number: i64,
    pub(crate) accounts: Vec<Account>,
    pub(crate) organizations: Vec<Organization>,
    pub(crate) projects: BTreeMap<i64, Project>,
    pub(crate) compiles: BTreeMap<String, Compile>,
    pub(crate) backtests: BTreeMap<String, Backtest>,
    pub(crate) optimizations: BTreeMap<String, Optimization>,
    pub(crate) deployments: BTreeMap<String, Deployment>,
    pub(crate) downloads: BTreeMap<String, Download>,
    /// Bought data files, by the token in their link.
    #[serde(default)]
    pub(crate) purchases: BTreeMap<String, Purchase>,
    /// Published reports of faulty data, oldest first.
    #[serde(default)]
    pub(crate) issues: Vec<Issue>,
    /// Logins at brokerages, by the token in the link to their page.
    #[serde(default)]
    pub(crate) logins: BTreeMap<String, Login>,
    /// When each account started backtests, as far back as the throttle looks.
    #[serde(default)]
    pub(crate) starts: Vec<(Timestamp, i64)>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: i64,
    pub(crate) token: String,
    pub(crate) name: String,
    pub(crate) email: String,
    /// The identifier others see, such as `mia-ai`.
    pub(crate) public_id: String,
    /// The organization used when a request names none.
    pub(crate) organization: String,
}

/// A download from the object store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Download {
    pub(crate) organization: String,
    pub(crate) keys: Vec<String>,
    pub(crate) ready: Timestamp,
}

/// A data file an organization has paid for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Purchase {
    pub(crate) organization: String,
    pub(crate) path: String,
}

/// A report of faulty data.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Issue {
    pub(crate) id: i64,
    pub(crate) author: i64,
    pub(crate) reported: Timestamp,
    pub(crate) request: CreateDataIssue,
}

/// A login at a brokerage that an account was sent to.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) account: i64,
    pub(crate) brokerage: String,
    /// Somebody opened the page.
    pub(crate) done: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Project {
    pub(crate) id: i64,
    pub(crate) organization: String,
    pub(crate) owner: i64,
    pub(crate) name: String,
    pub(crate) description: String,
    /// `Py` or `C#`.
    pub(crate) language: String,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
    pub(crate) files: Vec<File>,
    /// Name and value, in the order they were set.
    pub(crate) parameters: Vec<(String, String)>,
    /// A pinned version of LEAN; `None` follows the newest.
    pub(crate) lean_version: Option<i64>,
    pub(crate) lean_environment: i64,
    pub(crate) channel: String,
    /// Others who may see or change it; the owner is not among them.
    pub(crate) collaborators: Vec<Share>,
    /// Who edits a shared project at the moment.
    pub(crate) lock: Option<Lock>,
    /// Nodes chosen for it; empty lets the service choose.
    pub(crate) nodes: Vec<String>,
    /// Projects whose code it uses.
    pub(crate) libraries: Vec<i64>,
    /// Deleted projects stay in the recycle bin.
    pub(crate) in_bin: bool,
}

/// What another account may do with a project.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Share {
    pub(crate) account: i64,
    pub(crate) live_control: bool,
    pub(crate) write: bool,
}

/// The right to edit a shared project: one account in one editing program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Lock {
    pub(crate) account: i64,
    pub(crate) code_source: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) content: String,
    pub(crate) modified: Timestamp,
}

impl World {
    /// The next identifier of 32 hexadecimal digits.
    pub(crate) fn draw_id(&mut self) -> String {
        self.drawn += 1;
        let mut digits = hex::encode(Sha256::digest(format!("{}:{}", self.seed, self.drawn)));
        digits.truncate(32);
        digits
    }

    /// The next number, for projects, files and snapshots.
    pub(crate) fn draw_number(&mut self) -> i64 {
        self.last_number += 1;
        self.last_number
    }

    /// The account whose user id is written like this.
    pub(crate) fn account_signing_as(&self, user: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id.to_string() == user)
    }

    pub(crate) fn account(&self, id: i64) -> Answer<&Account> {
        self.accounts.iter().find(|account| account.id == id).ok_or_else(refuse::invalid_argument)
    }

    /// The named organization, or the caller's own; only members see it.
    pub(crate) fn organization(&self, call: &Call<'_>, id: Option<&str>) -> Answer<&Organization> {
        let id = match id {
            Some(id) => id,
            None => self.account(call.user)?.organization.as_str(),
        };
        self.organizations
            .iter()
            .find(|organization| organization.id == id && organization.members.contains(&call.user))
            .ok_or_else(|| refuse::organization_not_found(id))
    }

    /// An organization of the caller, to change it.
    pub(crate) fn organization_mut(&mut self, call: &Call<'_>, id: &str) -> Answer<&mut Organization> {
        self.organization(call, Some(id))?;
        let found = self.organizations.iter_mut().find(|organization| organization.id == id);
        found.ok_or_else(|| refuse::organization_not_found(id))
    }

    /// The organization a project belongs to.
    pub(crate) fn organization_of(&self, project: &Project) -> Answer<&Organization> {
        self.organizations
            .iter()
            .find(|organization| organization.id == project.organization)
            .ok_or_else(|| refuse::organization_not_found(&project.organization))
    }

    /// A project the caller may see.
    pub(crate) fn project(&self, call: &Call<'_>, id: i64) -> Answer<&Project> {
        self.projects
            .get(&id)
            .filter(|project| project.is_seen_by(call.user))
            .ok_or_else(|| refuse::project_not_found(id))
    }

    /// A project the caller may change.
    pub(crate) fn project_mut(&mut self, call: &Call<'_>, id: i64) -> Answer<&mut Project> {
        let project = self.projects.get_mut(&id).filter(|project| project.is_seen_by(call.user));
        let project = project.ok_or_else(|| refuse::project_not_found(id))?;
        if project.is_changed_by(call.user) { Ok(project) } else { Err(refuse::no_write_permission()) }
    }

    /// The same, for work on it that costs something or destroys something.
    pub(crate) fn project_to_change(&self, call: &Call<'_>, id: i64) -> Answer<&Project> {
        let project = self.project(call, id)?;
        if project.is_changed_by(call.user) { Ok(project) } else { Err(refuse::no_write_permission()) }
    }

    /// A project whose deployments the caller may start, command and end.
    pub(crate) fn project_to_control(&self, call: &Call<'_>, id: i64) -> Answer<&Project> {
        let project = self.project(call, id)?;
        if project.is_live_controlled_by(call.user) { Ok(project) } else { Err(refuse::no_live_control()) }
    }

    /// Whether the caller may edit in this program. A shared project is edited by whoever holds its lock; a request
    /// that names no program forces its way, as with the official command line.
    pub(crate) fn check_lock(&self, call: &Call<'_>, id: i64, code_source: Option<&str>) -> Answer<()> {
        let project = self.project(call, id)?;
        let Some(code_source) = code_source.filter(|_| !project.collaborators.is_empty()) else { return Ok(()) };
        let wanted = Lock { account: call.user, code_source: code_source.to_owned() };
        if project.lock == Some(wanted) { Ok(()) } else { Err(refuse::no_write_permission()) }
    }

    /// The organization a project belongs to, to change it.
    pub(crate) fn organization_of_mut(&mut self, call: &Call<'_>, project: i64) -> Answer<&mut Organization> {
        let id = self.project(call, project)?.organization.clone();
        let found = self.organizations.iter_mut().find(|organization| organization.id == id);
        found.ok_or_else(|| refuse::organization_not_found(&id))
    }

    /// A compile of a project the caller may see.
    pub(crate) fn compile(&self, call: &Call<'_>, project: i64, id: &str) -> Answer<&Compile> {
        self.project(call, project)?;
        self.compiles.get(id).filter(|compile| compile.project == project).ok_or_else(|| refuse::compile_not_found(id))
    }

    /// A backtest of a project the caller may see.
    pub(crate) fn backtest(&self, call: &Call<'_>, project: i64, id: &str) -> Answer<&Backtest> {
        self.project(call, project)?;
        self.backtests
            .get(id)
            .filter(|backtest| backtest.project == project)
            .ok_or_else(|| refuse::backtest_not_found(id))
    }

    /// The same, to note what was asked of it.
    pub(crate) fn backtest_mut(&mut self, call: &Call<'_>, project: i64, id: &str) -> Answer<&mut Backtest> {
        self.project(call, project)?;
        self.backtests
            .get_mut(id)
            .filter(|backtest| backtest.project == project)
            .ok_or_else(|| refuse::backtest_not_found(id))
    }
}

impl Project {
    pub(crate) fn is_seen_by(&self, user: i64) -> bool {
        self.owner == user || self.collaborators.iter().any(|share| share.account == user)
    }

    pub(crate) fn is_changed_by(&self, user: i64) -> bool {
        self.owner == user || self.collaborators.iter().any(|share| share.account == user && share.write)
    }

    pub(crate) fn is_live_controlled_by(&self, user: i64) -> bool {
        self.owner == user || self.collaborators.iter().any(|share| share.account == user && share.live_control)
    }

    pub(crate) fn file_mut(&mut self, name: &str) -> Answer<&mut File> {
        self.files.iter_mut().find(|file| file.name == name).ok_or_else(|| refuse::file_not_found(name))
    }
}
