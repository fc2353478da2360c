//! The types of settings that are more than a text or a number.

use clap::ValueEnum;
use zeroize::Zeroizing;

use crate::shelf::Access;

/// How a binary talks to its clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// Standard input and output of one client: `qc-mcp-stdio`.
    Stdio,
    /// Streamable HTTP: `qc-mcp-http`.
    Http,
}

impl Transport {
    /// The binary that speaks it.
    pub fn binary(self) -> &'static str {
        match self {
            Transport::Stdio => "qc-mcp-stdio",
            Transport::Http => "qc-mcp-http",
        }
    }

    /// The word for `MCP_TRANSPORT` and metrics.
    pub fn id(self) -> &'static str {
        match self {
            Transport::Stdio => "stdio",
            Transport::Http => "streamable-http",
        }
    }

    pub(super) fn parse(word: &str) -> Option<Transport> {
        match word.trim().to_ascii_lowercase().replace('_', "-").as_str() {
            "stdio" => Some(Transport::Stdio),
            "http" | "streamable-http" => Some(Transport::Http),
            _ => None,
        }
    }
}

/// How far tools may go: the highest rung of the ladder of access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Mode {
    /// Only tools that change nothing at QuantConnect.
    ReadOnly,
    /// Projects, files and backtests too; nothing live.
    Research,
    /// Live tools for paper money too; real money is refused.
    Paper,
    /// Everything, for the organisations listed in another setting.
    Live,
}

impl Mode {
    /// The word of the setting.
    pub fn id(self) -> &'static str {
        match self {
            Mode::ReadOnly => "read-only",
            Mode::Research => "research",
            Mode::Paper => "paper",
            Mode::Live => "live",
        }
    }

    /// The highest rung whose tools exist in this mode.
    pub fn highest(self) -> Access {
        match self {
            Mode::ReadOnly => Access::Read,
            Mode::Research => Access::Delete,
            Mode::Paper | Mode::Live => Access::Live,
        }
    }
}

/// Log levels of `LOG_LEVEL`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
pub enum LogLevel {
    /// Errors only.
    #[value(alias = "CRITICAL")]
    Error,
    /// Warnings too.
    #[value(name = "WARNING", alias = "WARN")]
    Warning,
    /// What happened.
    Info,
    /// What was tried.
    Debug,
    /// Every step.
    Trace,
}

/// A text that never shows itself, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(Zeroizing::new(text.into()))
    }

    /// The secret itself; keep it out of logs, errors and answers.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(***)")
    }
}

impl std::str::FromStr for Secret {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Secret::new(text.trim()))
    }
}
