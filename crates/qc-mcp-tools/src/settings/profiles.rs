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
    /// Who may use it where callers are told apart: `user:` and the id of a QuantConnect user, or `subject:` and the
    /// subject of a token. Needed where each request brings its own credentials; nobody may use it without.
    #[serde(default)]
    pub callers: Vec<String>,
}

/// Who asks for a profile, as far as that is known.
#[derive(Debug, Clone, Copy, Default)]
pub struct Borrower<'a> {
    /// The QuantConnect user whose credentials came with the request and were accepted.
    pub user: Option<&'a str>,
    /// The subject of the request's token.
    pub subject: Option<&'a str>,
}

impl Profile {
    /// Whether it may be used: by those it names; where it names nobody, by everybody of a server with one account.
    fn is_for(&self, borrower: Borrower<'_>, by_headers: bool) -> bool {
        if self.callers.is_empty() {
            return !by_headers;
        }
        let is = |kind: &str, who: Option<&str>| {
            who.is_some_and(|who| self.callers.iter().any(|named| named.strip_prefix(kind) == Some(who)))
        };
        is("user:", borrower.user) || is("subject:", borrower.subject)
    }
}

impl Settings {
    /// The profile of that name. One that is for others answers like one that is not there.
    ///
    /// # Errors
    /// In words without values: the name is none, is not there, or the profiles cannot be read.
    pub fn brokerage_profile(&self, name: &str, borrower: Borrower<'_>) -> Result<Profile, String> {
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
        let odd = |caller: &str| !(caller.starts_with("user:") || caller.starts_with("subject:"));
        if profiles.values().flat_map(|profile| &profile.callers).any(|caller| odd(caller)) {
            return Err("QC_MCP_BROKERAGE_PROFILES: callers are `user:` and an id, or `subject:` and a subject".into());
        }
        let by_headers = self.team.by_headers();
        let theirs = || profiles.iter().filter(|(_, profile)| profile.is_for(borrower, by_headers));
        let known: Vec<&str> = theirs().map(|(name, _)| name.as_str()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let found = theirs().find(|(own, _)| *own == name).map(|(_, profile)| profile.clone());
        found.ok_or_else(|| format!("no profile `{name}`; known: {known}"))
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
        assert_eq!(
            settings(TWO).brokerage_profile("alpaca-1", Borrower::default()).unwrap().brokerage.id(),
            "AlpacaBrokerage"
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), TWO).unwrap();
        let from_file = settings(file.path().to_str().unwrap());
        assert_eq!(
            from_file.brokerage_profile("paper", Borrower::default()).unwrap().brokerage.id(),
            "QuantConnectBrokerage"
        );
        assert!(!format!("{from_file:?} {:?}", settings(TWO)).contains("s3cr3t"));
    }

    #[test]
    fn a_name_is_never_a_path_and_errors_hold_no_values() {
        for name in ["", "../paper", "Paper", "a b", "/etc/passwd", &"a".repeat(33)] {
            assert!(
                settings(TWO).brokerage_profile(name, Borrower::default()).unwrap_err().starts_with("a profile's name"),
                "{name}"
            );
        }
        assert_eq!(
            settings(TWO).brokerage_profile("other", Borrower::default()).unwrap_err(),
            "no profile `other`; known: alpaca-1, paper"
        );
        for broken in [
            r#"{"a": {"brokerage": {"id": "AlpacaBrokerage", "alpaca-access-token": "s3cr3t"}}}"#,
            r#"{"a": {"brokerage": {"id": "KrakenBrokerage", "kraken-api-key": "s3cr3t", "kraken-api-key": "s3cr3t"}}}"#,
            r#"{"a": {"brokerage": "s3cr3t"}}"#,
            r#"{"a": {"brokerage": {"id": "QuantConnectBrokerage"}, "s3": 1}}"#,
        ] {
            let error = settings(broken).brokerage_profile("a", Borrower::default()).unwrap_err();
            assert!(!error.contains("s3cr3t"), "{error}");
        }
    }

    #[test]
    fn where_callers_are_told_apart_a_profile_is_for_those_it_names() {
        let profiles = r#"{"ann": {"brokerage": {"id": "QuantConnectBrokerage"}, "callers": ["user:7", "subject:ann"]},
            "open": {"brokerage": {"id": "QuantConnectBrokerage"}}}"#;
        let flags = ["--credentials", "headers", "--brokerage-profiles", profiles];
        let team = Settings::isolated(Transport::Http, flags).unwrap();
        let user = |id| Borrower { user: Some(id), subject: None };
        let subject = |name| Borrower { user: Some("9"), subject: Some(name) };
        for (borrower, name, fine) in [
            (user("7"), "ann", true),
            (subject("ann"), "ann", true),
            (user("8"), "ann", false),
            (user("ann"), "ann", false),
            (subject("7"), "ann", false),
            (Borrower::default(), "ann", false),
            (user("7"), "open", false),
        ] {
            let found = team.brokerage_profile(name, borrower);
            assert_eq!(found.is_ok(), fine, "{borrower:?} {name}");
            if let Err(why) = found {
                let ann = if borrower.user == Some("7") { "ann" } else { "none" };
                assert_eq!(why, format!("no profile `{name}`; known: {ann}"), "as if it were not there");
            }
        }
        assert!(settings(profiles).brokerage_profile("open", Borrower::default()).is_ok(), "one account, one owner");
        assert!(settings(profiles).brokerage_profile("ann", Borrower::default()).is_err());
        let odd = settings(r#"{"a": {"brokerage": {"id": "QuantConnectBrokerage"}, "callers": ["7"]}}"#);
        assert!(odd.brokerage_profile("a", user("7")).unwrap_err().contains("callers are"));
    }
}
