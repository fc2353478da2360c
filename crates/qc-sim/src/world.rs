//! The whole state of the simulated service, and the questions every endpoint asks of it.
//!
//! Everything here follows from the seed and the requests; nothing is random, and nothing knows real time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use qc_api::endpoints::community::CreateDataIssue;
use qc_api::endpoints::optimizations::CreateOptimization;
use qc_api::model::OptimizationBacktest;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::code::BuildError;
use crate::error::{Error, Result};
use crate::market::Market;
use crate::options::{JobTimes, SimOptions};
use crate::refuse::{self, Answer};
use crate::report::Report;
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

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Organization {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tier: Tier,
    pub(crate) members: Vec<i64>,
    /// QCC; 100 are a dollar.
    pub(crate) credit: f64,
    /// Spent and received, oldest first.
    pub(crate) movements: Vec<Movement>,
    pub(crate) backtest_nodes: Vec<Machine>,
    pub(crate) research_nodes: Vec<Machine>,
    pub(crate) live_nodes: Vec<Machine>,
    /// The object store, by key without a slash at its beginning.
    pub(crate) objects: BTreeMap<String, Object>,
    /// When deleted backtests had finished, and how many bytes they had logged.
    #[serde(default)]
    pub(crate) logged: Vec<(Timestamp, usize)>,
}

/// A file of the object store.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Object {
    /// Its bytes, in base64.
    pub(crate) data: String,
    /// Its bytes, counted.
    pub(crate) size: usize,
    pub(crate) created: Timestamp,
    pub(crate) modified: Timestamp,
}

impl Object {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        STANDARD.decode(&self.data).unwrap_or_default()
    }
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

/// A change of an organization's credit.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Movement {
    pub(crate) at: Timestamp,
    pub(crate) description: String,
    /// QCC, negative when spent.
    pub(crate) amount: f64,
    /// QCC afterwards.
    pub(crate) balance: f64,
}

impl Organization {
    /// Takes credit, if there is enough of it.
    pub(crate) fn spend(&mut self, at: Timestamp, amount: f64, description: String) -> Answer<()> {
        if self.credit < amount {
            return Err(refuse::not_enough_credit(amount, self.credit));
        }
        self.credit -= amount;
        self.movements.push(Movement { at, description, amount: -amount, balance: self.credit });
        Ok(())
    }
}

/// The plan an organization pays for: it sets the quotas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tier {
    /// Nothing paid.
    Free,
    /// Quant Researcher.
    Researcher,
    /// Team.
    Team,
    /// Trading Firm.
    TradingFirm,
    /// Institution.
    Institution,
}

impl Tier {
    /// What the plan allows, as documented.
    pub fn quotas(self) -> Quotas {
        let of = |files, file_kb, log_kb, daily_log_kb| Quotas { files, file_kb, log_kb, daily_log_kb };
        match self {
            Self::Free => of(25, 32, Some(10), Some(3 * 1024)),
            Self::Researcher => of(50, 64, Some(100), Some(3 * 1024)),
            Self::Team => of(75, 128, Some(1024), Some(10 * 1024)),
            Self::TradingFirm => of(100, 256, Some(5 * 1024), Some(50 * 1024)),
            Self::Institution => of(250, 256, None, None),
        }
    }
}

/// What a plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Files per project.
    pub files: usize,
    /// Largest file in KB.
    pub file_kb: usize,
    /// Log text of one backtest in KB; `None` is unlimited.
    pub log_kb: Option<usize>,
    /// Log text of all backtests of an organization within 24 hours in KB; deleting a backtest gives nothing back.
    pub daily_log_kb: Option<usize>,
}

/// A computer an organization rents.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Machine {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) sku: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
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

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Compile {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) created: Timestamp,
    pub(crate) ready: Timestamp,
    pub(crate) signature: String,
    /// The code as it was: later edits do not change what a backtest runs.
    pub(crate) files: Vec<(String, String)>,
    pub(crate) errors: Vec<BuildError>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Backtest {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) name: String,
    pub(crate) note: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) created: Timestamp,
    /// First progress.
    pub(crate) started: Timestamp,
    pub(crate) finished: Timestamp,
    pub(crate) snapshot: i64,
    pub(crate) node: String,
    /// When each chart was first asked for.
    pub(crate) charts_asked: BTreeMap<String, Timestamp>,
    /// When the report was first asked for.
    pub(crate) report_asked: Option<Timestamp>,
    /// The optimization it is a point of; such a backtest runs on nodes of its own.
    #[serde(default)]
    pub(crate) optimization: Option<String>,
    /// Follows from code, parameters and market; computed when first needed.
    #[serde(skip)]
    pub(crate) report: OnceLock<Arc<Report>>,
}

/// A live algorithm. Settings of its brokerage are checked and forgotten: they are secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) node: String,
    pub(crate) brokerage: String,
    pub(crate) is_paper: bool,
    /// Dollars to start with, when the brokerage settings name them.
    pub(crate) cash: Option<f64>,
    pub(crate) launched: Timestamp,
    /// When it has started up.
    pub(crate) running: Timestamp,
    /// When and how it ended.
    pub(crate) ended: Option<(Timestamp, String)>,
    /// Commands it received while it ran.
    pub(crate) commands: Vec<(Timestamp, serde_json::Value)>,
    /// Orders deployments of the same moment.
    pub(crate) number: i64,
    /// When charts and orders were first asked for.
    pub(crate) asked: BTreeMap<String, Timestamp>,
    /// What is announced: `orderEvent`, `insight`.
    #[serde(default)]
    pub(crate) announces: Vec<String>,
    #[serde(default)]
    pub(crate) restarts: bool,
}

/// A search over a grid of parameters.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Optimization {
    pub(crate) id: String,
    pub(crate) project: i64,
    pub(crate) compile: String,
    pub(crate) name: String,
    pub(crate) request: CreateOptimization,
    pub(crate) created: Timestamp,
    pub(crate) aborted: Option<Timestamp>,
    pub(crate) snapshot: i64,
    /// One entry per point of the grid: an identifier and the values.
    pub(crate) points: Vec<(String, Vec<(String, String)>)>,
    /// Seconds per backtest, as the clock stood at the start.
    pub(crate) step: f64,
    /// Follows from code, parameters and market; computed when first needed.
    #[serde(skip)]
    pub(crate) results: OnceLock<Arc<Vec<OptimizationBacktest>>>,
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

    /// The same, to change it.
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

/// The world as a file.
impl World {
    /// Reads a saved world.
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|source| Error::File { path: path.to_owned(), source })?;
        serde_json::from_str(&text).map_err(|error| Error::World { path: path.to_owned(), message: error.to_string() })
    }

    /// Writes the world beside its file and moves it there, so that a reader never sees half of it.
    pub(crate) fn save(&self, path: &Path) -> Result<()> {
        let failed = |source| Error::File { path: path.to_owned(), source };
        let text = serde_json::to_string(self).map_err(|error| failed(error.into()))?;
        let beside = path.with_extension("new");
        std::fs::write(&beside, text).map_err(failed)?;
        std::fs::rename(&beside, path).map_err(failed)
    }
}
