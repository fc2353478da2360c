//! Organizations: their plan, their credit, their computers, their object store.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::refuse::{self, Answer};

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
