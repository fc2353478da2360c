//! One struct is the flags, the environment and the documentation. Unknown values refuse to start; nothing
//! here is read twice, and nothing else in the program reads the environment.

use std::{ffi::OsString, path::PathBuf};

use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser, error::ErrorKind};

mod parse;
mod profiles;
mod team;
#[cfg(test)]
mod tests;
mod toolsets;
mod values;

use parse::{is_loopback, lean_json_folder, parse_amount, parse_api_url, parse_id, parse_key, parse_path, url_host};
pub use profiles::Profile;
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

    /// What no single value shows: combinations that must not start.
    fn check(&self, transport: Transport) -> Result<(), String> {
        if let Some(word) = &self.transport {
            match Transport::parse(word) {
                None => return Err(format!("MCP_TRANSPORT is `{word}`; known are `stdio` and `streamable-http`")),
                Some(other) if other != transport => {
                    return Err(format!(
                        "MCP_TRANSPORT is `{word}`, but this program is {} and speaks {}; start {} instead",
                        transport.binary(),
                        transport.id(),
                        other.binary()
                    ));
                }
                Some(_) => {}
            }
        }
        if self.user_id.is_some() != self.api_token.is_some() {
            let (have, lack) = if self.user_id.is_some() {
                ("QUANTCONNECT_USER_ID", "QUANTCONNECT_API_TOKEN")
            } else {
                ("QUANTCONNECT_API_TOKEN", "QUANTCONNECT_USER_ID")
            };
            return Err(format!("{have} is set but {lack} is not; set both or neither"));
        }
        let host = url_host(&self.api_url);
        if self.mode == Mode::Live && host != "www.quantconnect.com" && !is_loopback(host) {
            return Err(format!(
                "QC_MCP_MODE=live talks to www.quantconnect.com only, or to a simulator on this computer; QC_API_URL names `{host}`"
            ));
        }
        if self.mode == Mode::Live && self.allow_live_orgs.is_empty() {
            return Err("QC_MCP_MODE=live needs QC_MCP_ALLOW_LIVE_ORGS too: the ids of the organisations that may trade real money".into());
        }
        if self.mode == Mode::Live && transport == Transport::Http && self.state_key.is_none() {
            return Err("QC_MCP_MODE=live over HTTP needs QC_MCP_STATE_KEY: 32 random bytes or more".into());
        }
        if self.state_key.is_some() && self.state_key == self.auth_token {
            return Err(
                "QC_MCP_STATE_KEY and QC_MCP_AUTH_TOKEN are the same; clients know the token, nobody may know the key"
                    .into(),
            );
        }
        if transport == Transport::Http && self.allowed_hosts.iter().all(|host| host.trim().is_empty()) {
            return Err("QC_MCP_ALLOWED_HOSTS is empty; it would let any web page reach this server".into());
        }
        self.check_team(transport)
    }

    /// The LEAN data folder: the setting, else lean.json's data-folder here or above, else ./data.
    pub fn data_folder_choice(&self) -> DataFolderChoice {
        if let Some(path) = &self.data_folder {
            return DataFolderChoice { path: self.working_folder.join(path), origin: "QC_DATA_FOLDER".into() };
        }
        for folder in self.working_folder.ancestors() {
            let file = folder.join("lean.json");
            if let Some(named) = std::fs::read_to_string(&file).ok().and_then(|text| lean_json_folder(&text)) {
                return DataFolderChoice { path: folder.join(named), origin: file.display().to_string() };
            }
        }
        DataFolderChoice { path: self.working_folder.join("data"), origin: "./data".into() }
    }

    /// The file where lean-cli keeps its credentials, unless they must not go to the API's address.
    pub fn lean_cli_file(&self) -> Option<PathBuf> {
        let home = self.home.as_ref().filter(|_| self.api_is_quantconnect_or_loopback() && !self.team.by_headers())?;
        Some(home.join(".lean").join("credentials"))
    }

    /// Whether credentials that came from a file may go to the API address: QuantConnect's own hosts, or this computer.
    pub fn api_is_quantconnect_or_loopback(&self) -> bool {
        let host = url_host(&self.api_url);
        host == "quantconnect.com" || host.ends_with(".quantconnect.com") || is_loopback(host)
    }

    /// Folders that tools may read: the setting, else over stdio the data folder and the working folder (unless that
    /// is the root of the disk or the home folder), else none.
    pub fn readable_folders(&self) -> Vec<PathBuf> {
        if !self.file_roots.is_empty() {
            return self.file_roots.iter().map(|path| self.working_folder.join(path)).collect();
        }
        if self.serves == Transport::Http {
            return Vec::new();
        }
        let mut folders = vec![self.data_folder_choice().path];
        let here = &self.working_folder;
        let too_wide = here.as_os_str().is_empty() || here.parent().is_none() || Some(here) == self.home.as_ref();
        if !too_wide {
            folders.push(here.clone());
        }
        folders
    }

    /// Folder for new files, if one is set.
    pub fn writable_folder(&self) -> Option<PathBuf> {
        let folder = self.output_dir.as_ref().filter(|_| self.mode != Mode::ReadOnly)?;
        Some(self.working_folder.join(folder))
    }

    /// Where state lies: the folder of the setting, else one in the home folder; memory for the demo and where there is
    /// no home.
    pub(crate) fn state_folder(&self) -> Option<StateFolder> {
        if let Some(named) = &self.state_dir {
            return Some(StateFolder { path: self.working_folder.join(named), is_named: true });
        }
        let home = self.home.as_ref().filter(|home| !self.demo && home.is_absolute())?;
        Some(StateFolder { path: home.join(".quantconnect-mcp"), is_named: false })
    }

    /// Whether callers could read or write the state folder by naming files in it: it lies in a folder that tools may
    /// read or write, and no part of the way there is hidden.
    pub(crate) fn state_is_exposed(&self) -> bool {
        let Some(StateFolder { path, .. }) = self.state_folder() else { return false };
        let roots = self.readable_folders().into_iter().chain(self.writable_folder());
        roots.into_iter().any(|root| {
            path.strip_prefix(&root)
                .is_ok_and(|rest| !rest.components().any(|part| part.as_os_str().to_string_lossy().starts_with('.')))
        })
    }

    /// Whether the API is on this computer, so that no real money can be behind it.
    pub fn api_is_loopback(&self) -> bool {
        is_loopback(url_host(&self.api_url))
    }

    /// What is kept of price files that were read.
    pub(crate) fn cache(&self) -> crate::quantbook::CacheConfig {
        crate::quantbook::CacheConfig {
            bytes: Some((self.cache_mb as usize) << 20),
            derived: self.cache_dir.as_ref().map(|path| self.working_folder.join(path)),
        }
    }

    /// Whether callers are at this computer, so that its processes and paths may be shown to them. A token, or the name of
    /// another host, says that a proxy may stand in front.
    pub fn caller_is_here(&self) -> bool {
        // A name, or a name and a port.
        let names_this_computer =
            |host: &String| is_loopback(host.trim()) || is_loopback(url_host(&format!("http://{}", host.trim())));
        let is_open_to_here_alone = is_loopback(&self.host)
            && self.auth_token.is_none()
            && !self.team.tells_apart()
            && self.allowed_hosts.iter().all(names_this_computer);
        self.serves == Transport::Stdio || is_open_to_here_alone
    }

    /// Whether the whole of a host name or address means this computer.
    pub fn is_loopback_host(host: &str) -> bool {
        is_loopback(host)
    }
}
