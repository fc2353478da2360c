//! Settings of brokerages under a name, so that no key of a brokerage has to pass through a conversation.

use qc_api::{
    brokerage::{Brokerage, DataProvider},
    wire::Map,
};
use serde::Deserialize;

use super::Settings;
use crate::args::words_without_values;

/// The largest file of profiles.
const MOST_BYTES: u64 = 1 << 20;

/// What a profile holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// The brokerage with its settings.
    pub brokerage: Brokerage,
    /// Sources of data by name.
    #[serde(default)]
    pub data_providers: Map<DataProvider>,
}

impl Settings {
    /// The profile of that name.
    ///
    /// # Errors
    /// In words without values: the name is none, is not there, or the profiles cannot be read.
    pub fn brokerage_profile(&self, name: &str) -> Result<Profile, String> {
        let name = name.trim();
        if !is_name(name) {
            return Err("a profile's name has 1 to 32 of the characters a-z, 0-9 and -".into());
        }
        let Some(given) = &self.brokerage_profiles else {
            return Err("QC_MCP_BROKERAGE_PROFILES is not set".into());
        };
        let given = given.reveal().trim();
        let text = if given.starts_with('{') { given.to_owned() } else { self.read_profiles(given)? };
        let text = zeroize::Zeroizing::new(text);
        // Errors of the settings' own parser name members, never values; the place in the text says nothing more.
        let profiles: std::collections::BTreeMap<String, Profile> = serde_json::from_str(&text).map_err(|error| {
            format!("QC_MCP_BROKERAGE_PROFILES cannot be used: {}", words_without_values(&error.to_string()))
        })?;
        if let Some(wrong) = profiles.keys().find(|name| !is_name(name)) {
            let short: String = wrong.chars().filter(|c| !c.is_control()).take(40).collect();
            return Err(format!("QC_MCP_BROKERAGE_PROFILES names a profile `{short}`; names have a-z, 0-9 and - only"));
        }
        let known: Vec<&str> = profiles.keys().map(String::as_str).collect();
        profiles.get(name).cloned().ok_or_else(|| format!("no profile `{name}`; known: {}", known.join(", ")))
    }

    fn read_profiles(&self, path: &str) -> Result<String, String> {
        use std::io::Read as _;
        let failed =
            |error: std::io::Error| format!("the file of QC_MCP_BROKERAGE_PROFILES cannot be read: {}", error.kind());
        let file = std::fs::File::open(self.working_folder.join(path)).map_err(failed)?;
        let mut text = String::new();
        file.take(MOST_BYTES).read_to_string(&mut text).map_err(failed)?;
        Ok(text)
    }
}

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Transport;

    fn settings(profiles: &str) -> Settings {
        Settings::isolated(Transport::Stdio, ["--brokerage-profiles", profiles]).unwrap()
    }

    const TWO: &str = r#"{"paper": {"brokerage": {"id": "QuantConnectBrokerage"}},
        "alpaca-1": {"brokerage": {"id": "AlpacaBrokerage", "alpaca-environment": "paper", "alpaca-access-token": "s3cr3t"}}}"#;

    #[test]
    fn a_profile_is_found_by_its_name_in_text_or_file() {
        assert_eq!(settings(TWO).brokerage_profile("alpaca-1").unwrap().brokerage.id(), "AlpacaBrokerage");
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TWO).unwrap();
        let from_file = settings(file.path().to_str().unwrap());
        assert_eq!(from_file.brokerage_profile("paper").unwrap().brokerage.id(), "QuantConnectBrokerage");
        assert!(!format!("{from_file:?} {:?}", settings(TWO)).contains("s3cr3t"));
    }

    #[test]
    fn a_name_is_never_a_path_and_errors_hold_no_values() {
        for name in ["", "../paper", "Paper", "a b", "/etc/passwd", &"a".repeat(33)] {
            assert!(settings(TWO).brokerage_profile(name).unwrap_err().starts_with("a profile's name"), "{name}");
        }
        assert_eq!(settings(TWO).brokerage_profile("other").unwrap_err(), "no profile `other`; known: alpaca-1, paper");
        for broken in [
            r#"{"a": {"brokerage": {"id": "AlpacaBrokerage", "alpaca-access-token": "s3cr3t"}}}"#,
            r#"{"a": {"brokerage": {"id": "KrakenBrokerage", "kraken-api-key": "s3cr3t", "kraken-api-key": "s3cr3t"}}}"#,
            r#"{"a": {"brokerage": "s3cr3t"}}"#,
            r#"{"a": {"brokerage": {"id": "QuantConnectBrokerage"}, "s3": 1}}"#,
        ] {
            let error = settings(broken).brokerage_profile("a").unwrap_err();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }
}
