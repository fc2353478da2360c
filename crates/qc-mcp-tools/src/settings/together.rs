//! What follows from several settings together: combinations that must not start, and folders that are found where no
//! setting names them.

use std::path::PathBuf;

use super::{
    DataFolderChoice, Mode, Settings, StateFolder, Transport,
    parse::{is_loopback, lean_json_folder, url_host},
};

impl Settings {
    /// What no single value shows: combinations that must not start.
    pub(super) fn check(&self, transport: Transport) -> Result<(), String> {
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

    /// Whether an object of that key may change although real money runs: it is, or lies in, a folder left open.
    pub(crate) fn leaves_open(&self, key: &str) -> bool {
        self.open_object_prefixes.iter().any(|folder| {
            key.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
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
