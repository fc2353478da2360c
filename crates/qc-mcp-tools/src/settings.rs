//! One struct is the flags, the environment and the documentation. Unknown values refuse to start; nothing
//! here is read twice, and nothing else in the program reads the environment.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, error::ErrorKind};

mod parse;
mod profiles;
mod team;
#[cfg(test)]
mod tests;
mod together;
mod toolsets;
mod values;

use parse::{parse_amount, parse_api_url, parse_id, parse_key, parse_path, parse_prefix};
pub use profiles::{Borrower, Profile};
pub use team::{CredentialsFrom, Issuer, LogFormat, Team};
pub use toolsets::Toolsets;
use toolsets::parse_toolsets;
pub use values::{LogLevel, Mode, Secret, Transport};

/// Every setting. Each is a flag and an environment variable; an empty variable counts as absent.
#[derive(Debug, Clone, Parser)]
#[command(
    about = "QuantConnect for AI assistants: projects, backtests and research over the Model Context Protocol.",
    version,
    disable_help_subcommand = true
)]
pub struct Settings {
    /// Numeric user id of your QuantConnect account
    #[arg(
        long = "user-id",
        env = "QUANTCONNECT_USER_ID",
        value_name = "ID",
        hide_env_values = true,
        help_heading = "QuantConnect"
    )]
    pub user_id: Option<String>,

    /// API token of your QuantConnect account (better by environment than by flag: flags show in process lists)
    #[arg(
        long = "api-token",
        env = "QUANTCONNECT_API_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        help_heading = "QuantConnect"
    )]
    pub api_token: Option<Secret>,

    /// Organisation to work in; your preferred one if absent
    #[arg(
        long = "organization-id",
        env = "QUANTCONNECT_ORGANIZATION_ID",
        value_name = "ID",
        hide_env_values = true,
        help_heading = "QuantConnect"
    )]
    pub organization_id: Option<String>,

    /// Address of the API: https, or http on this computer only
    #[arg(long = "api-url", env = "QC_API_URL", value_name = "URL", default_value = "https://www.quantconnect.com/api/v2", value_parser = parse_api_url, help_heading = "QuantConnect")]
    pub api_url: String,

    /// Name under which edits appear to collaborators (code source id)
    #[arg(
        long = "agent-name",
        env = "AGENT_NAME",
        value_name = "NAME",
        default_value = "quantconnect-mcp",
        help_heading = "QuantConnect"
    )]
    pub agent_name: String,

    /// Play QuantConnect and a synthetic market in memory: no account, no network
    #[arg(long, env = "QC_MCP_DEMO", help_heading = "QuantConnect", action = clap::ArgAction::SetTrue)]
    pub demo: bool,

    /// LEAN data folder; else the data-folder of lean.json, else ./data
    #[arg(long = "data-folder", env = "QC_DATA_FOLDER", value_name = "FOLDER", help_heading = "Data and files")]
    pub data_folder: Option<PathBuf>,

    /// Folders that tools may read, separated by commas; over stdio the working folder and the data folder, over HTTP none
    #[arg(
        long = "file-roots",
        env = "QC_MCP_FILE_ROOTS",
        value_name = "FOLDERS",
        value_delimiter = ',',
        help_heading = "Data and files"
    )]
    pub file_roots: Vec<PathBuf>,

    /// Folder where tools may make new files
    #[arg(long = "output-dir", env = "QC_MCP_OUTPUT_DIR", value_name = "FOLDER", help_heading = "Data and files")]
    pub output_dir: Option<PathBuf>,

    /// Folder where consolidated bars are kept for the next start; may be deleted at any time
    #[arg(long = "cache-dir", env = "QC_MCP_CACHE_DIR", value_name = "FOLDER", help_heading = "Data and files")]
    pub cache_dir: Option<PathBuf>,

    /// Most megabytes of parsed price files kept in memory, for each data folder
    #[arg(long = "cache-mb", env = "QC_MCP_CACHE_MB", value_name = "MB", default_value_t = 64, value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Data and files")]
    pub cache_mb: u32,

    /// How far tools may go
    #[arg(
        long,
        env = "QC_MCP_MODE",
        value_enum,
        default_value = "paper",
        ignore_case = true,
        help_heading = "Tools and safety"
    )]
    pub mode: Mode,

    /// Which tools are offered: `default`, `core`, `all`, `discover` or groups, separated by commas
    #[arg(long, env = "QC_MCP_TOOLSETS", value_name = "SETS", default_value = "default", value_parser = parse_toolsets, help_heading = "Tools and safety")]
    pub toolsets: Toolsets,

    /// Organisations that may trade real money, separated by commas; mode live needs at least one
    #[arg(
        long = "allow-live-orgs",
        env = "QC_MCP_ALLOW_LIVE_ORGS",
        value_name = "IDS",
        value_delimiter = ',',
        value_parser = parse_id,
        help_heading = "Tools and safety"
    )]
    pub allow_live_orgs: Vec<String>,

    /// Organisations to whose running algorithms a command may be broadcast, separated by commas; none by default
    #[arg(
        long = "allow-broadcast-orgs",
        env = "QC_MCP_ALLOW_BROADCAST_ORGS",
        value_name = "IDS",
        value_delimiter = ',',
        value_parser = parse_id,
        help_heading = "Tools and safety"
    )]
    pub allow_broadcast_orgs: Vec<String>,

    /// Folders of the object store that stay free to change while real money runs, separated by commas; none by default
    #[arg(
        long = "open-object-prefixes",
        env = "QC_MCP_OPEN_OBJECT_PREFIXES",
        value_name = "FOLDERS",
        value_delimiter = ',',
        value_parser = parse_prefix,
        help_heading = "Tools and safety"
    )]
    pub open_object_prefixes: Vec<String>,

    /// Brokerage settings by profile name: a JSON object, or the path of a file that holds one
    #[arg(
        long = "brokerage-profiles",
        env = "QC_MCP_BROKERAGE_PROFILES",
        value_name = "JSON",
        hide_env_values = true,
        help_heading = "Tools and safety"
    )]
    pub brokerage_profiles: Option<Secret>,

    /// Longest a call waits for long work before it answers with the handle of a job
    #[arg(long = "max-wait-seconds", env = "QC_MCP_MAX_WAIT_SECONDS", value_name = "SECONDS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=3_600), help_heading = "Tools and safety")]
    pub max_wait_seconds: u32,

    /// Seconds between two looks of a watcher of loss (`guard_live_algorithm`)
    #[arg(long = "guard-seconds", env = "QC_MCP_GUARD_SECONDS", value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=3_600), help_heading = "Tools and safety")]
    pub guard_seconds: u32,

    /// Most backtests started in a minute
    #[arg(
        long = "backtests-per-minute",
        env = "QC_MCP_BACKTESTS_PER_MINUTE",
        value_name = "N",
        default_value_t = 10,
        help_heading = "Tools and safety"
    )]
    pub backtests_per_minute: u32,

    /// Most backtests started in 24 hours
    #[arg(
        long = "backtests-per-day",
        env = "QC_MCP_BACKTESTS_PER_DAY",
        value_name = "N",
        default_value_t = 200,
        help_heading = "Tools and safety"
    )]
    pub backtests_per_day: u32,

    /// Most backtests of one sweep or optimization
    #[arg(
        long = "sweep-size",
        env = "QC_MCP_SWEEP_SIZE",
        value_name = "N",
        default_value_t = 100,
        help_heading = "Tools and safety"
    )]
    pub sweep_size: u32,

    /// Most things deleted by one call
    #[arg(
        long = "deletes-per-call",
        env = "QC_MCP_DELETES_PER_CALL",
        value_name = "N",
        default_value_t = 20,
        help_heading = "Tools and safety"
    )]
    pub deletes_per_call: u32,

    /// Most QuantConnect credit (QCC) spent in 24 hours
    #[arg(long = "spend-per-day", env = "QC_MCP_SPEND_PER_DAY", value_name = "QCC", default_value_t = 0.0, value_parser = parse_amount, help_heading = "Tools and safety")]
    pub spend_per_day: f64,

    /// Folder for workbooks, results, counters and the audit; by default .quantconnect-mcp in the home folder, with --demo memory
    #[arg(long = "state-dir", env = "QC_MCP_STATE_DIR", value_name = "FOLDER", help_heading = "State")]
    pub state_dir: Option<PathBuf>,

    /// Key that seals what is kept, 32 bytes or more; copies that share a folder share it; by default a file in the folder
    #[arg(long = "state-key", env = "QC_MCP_STATE_KEY", value_name = "KEY", hide_env_values = true, value_parser = parse_key, help_heading = "State")]
    pub state_key: Option<Secret>,

    /// Checked against the binary: `stdio` or `streamable-http`
    #[arg(long, env = "MCP_TRANSPORT", value_name = "TRANSPORT", help_heading = "Transport")]
    pub transport: Option<String>,

    /// Address to listen on (HTTP); anything but loopback needs an auth token
    #[arg(long, env = "MCP_HOST", value_name = "HOST", default_value = "127.0.0.1", help_heading = "Transport")]
    pub host: String,

    /// Port to listen on (HTTP); 0 takes a free one
    #[arg(long, env = "MCP_PORT", value_name = "PORT", default_value_t = 8000, help_heading = "Transport")]
    pub port: u16,

    /// Path of the MCP endpoint (HTTP)
    #[arg(long, env = "MCP_PATH", value_name = "PATH", default_value = "/mcp", value_parser = parse_path, help_heading = "Transport")]
    pub path: String,

    /// Bearer token that HTTP clients must send
    #[arg(
        long = "auth-token",
        env = "QC_MCP_AUTH_TOKEN",
        value_name = "TOKEN",
        hide_env_values = true,
        help_heading = "Transport"
    )]
    pub auth_token: Option<Secret>,

    /// Host names under which HTTP clients may call, separated by commas
    #[arg(
        long = "allowed-hosts",
        env = "QC_MCP_ALLOWED_HOSTS",
        value_name = "HOSTS",
        value_delimiter = ',',
        default_value = "localhost,127.0.0.1,::1",
        help_heading = "Transport"
    )]
    pub allowed_hosts: Vec<String>,

    /// Web origins that may call over HTTP, separated by commas; none by default
    #[arg(
        long = "allowed-origins",
        env = "QC_MCP_ALLOWED_ORIGINS",
        value_name = "ORIGINS",
        value_delimiter = ',',
        help_heading = "Transport"
    )]
    pub allowed_origins: Vec<String>,

    /// Keep sessions for clients of the protocol before 2026, so that they can be asked for consent (HTTP); then one copy, or sticky routing
    #[arg(long = "http-sessions", env = "QC_MCP_HTTP_SESSIONS", help_heading = "Transport", action = clap::ArgAction::SetTrue)]
    pub http_sessions: bool,

    /// How much is logged, to standard error
    #[arg(
        long = "log-level",
        env = "LOG_LEVEL",
        value_enum,
        default_value = "INFO",
        ignore_case = true,
        help_heading = "Logging"
    )]
    pub log_level: LogLevel,

    /// What a server for several people needs.
    #[command(flatten)]
    pub team: Team,

    /// The transport of the binary that parsed these settings.
    #[arg(skip = Transport::Stdio)]
    pub serves: Transport,

    /// The user's home folder, where lean-cli keeps its credentials.
    #[arg(skip)]
    pub home: Option<PathBuf>,

    /// The folder the program was started in.
    #[arg(skip)]
    pub working_folder: PathBuf,
}

/// Where state lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateFolder {
    /// The folder, not checked.
    pub(crate) path: PathBuf,
    /// Whether a setting names it, so that doing without it is no choice.
    pub(crate) is_named: bool,
}

/// Where the data folder was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataFolderChoice {
    /// The folder, not checked.
    pub path: PathBuf,
    /// Who said so: `QC_DATA_FOLDER`, the path of a lean.json, or `./data`.
    pub origin: String,
}

impl Settings {
    /// Settings of this process: flags, then the environment, then defaults.
    ///
    /// # Errors
    /// A clap error (also for `--help` and `--version`): a `main` calls its `exit()`.
    pub fn from_args(transport: Transport) -> Result<Self, clap::Error> {
        let home = std::env::home_dir();
        let folder = std::env::current_dir().unwrap_or_default();
        let settings = Settings::read(Settings::command_from_environment(transport), transport, std::env::args_os())?;
        Ok(Settings { home, working_folder: folder, ..settings })
    }

    /// Settings from these flags alone, for tests and embedding: no environment, no home folder.
    ///
    /// # Errors
    /// A clap error that names the flag.
    pub fn isolated<I, S>(transport: Transport, flags: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString> + Clone,
    {
        let command = Settings::command_for(transport).mut_args(|arg| arg.env(None::<&str>));
        let flags = std::iter::once(OsString::from(transport.binary())).chain(flags.into_iter().map(Into::into));
        Settings::read(command, transport, flags)
    }

    /// The command of a binary: every flag also answers to its variable's name in kebab case.
    pub fn command_for(transport: Transport) -> Command {
        Settings::command().name(transport.binary()).bin_name(transport.binary()).mut_args(|arg| {
            let variable =
                arg.get_env().and_then(|name| name.to_str()).map(|name| name.to_ascii_lowercase().replace('_', "-"));
            match variable {
                Some(name) if arg.get_long() != Some(name.as_str()) => arg.alias(name),
                _ => arg,
            }
        })
    }

    /// As [`Settings::command_for`], without variables that are empty or an unfilled `${...}` of a client's form.
    #[allow(clippy::disallowed_methods)] // this file is where the environment is read
    fn command_from_environment(transport: Transport) -> Command {
        Settings::command_for(transport).mut_args(|arg| {
            let value = arg.get_env().and_then(std::env::var_os);
            let unfilled = value.is_some_and(|value| value.is_empty() || value.to_string_lossy().starts_with("${"));
            if unfilled { arg.env(None::<&str>) } else { arg }
        })
    }

    fn read<I, S>(mut command: Command, transport: Transport, flags: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = S>,
        S: Into<OsString> + Clone,
    {
        let matches: ArgMatches = command.try_get_matches_from_mut(flags)?;
        let mut settings = Settings::from_arg_matches(&matches).map_err(|error| error.format(&mut command))?;
        settings.serves = transport;
        settings.check(transport).map_err(|message| command.error(ErrorKind::InvalidValue, message))?;
        Ok(settings)
    }
}
