//! Credentials, and the stamp every request carries.
//!
//! The service wants, for each request, the SHA-256 of `token:timestamp` as the password of HTTP Basic
//! authorization, and the timestamp beside it. The token itself never travels.

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::wire::members;

/// Who is asking: a user id, an API token and perhaps an organization.
///
/// The token is wiped from memory when the last copy is dropped and never shows in `Debug`.
///
/// ```
/// use qc_api::Credentials;
///
/// let credentials = Credentials::new("123456", "0123456789abcdef0123456789abcdef")?;
/// assert!(!format!("{credentials:?}").contains("0123456789abcdef"));
/// # Ok::<(), qc_api::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user_id: String,
    token: Zeroizing<String>,
    /// The organization to use where a request names none.
    pub organization_id: Option<String>,
    origin: Origin,
}

/// Where credentials came from; it decides where they may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Origin {
    /// Handed in by the program.
    Given,
    /// From the environment.
    Environment,
    /// From the file lean-cli keeps; only for quantconnect.com and loopback.
    LeanCli,
}

impl Credentials {
    /// Credentials from their parts.
    ///
    /// # Errors
    /// [`Error::Config`] when the user id is not a decimal number or the token is empty or holds characters no
    /// token has.
    pub fn new(user_id: impl Into<String>, token: impl Into<String>) -> Result<Self> {
        let (user_id, token) = (user_id.into().trim().to_owned(), Zeroizing::new(token.into()));
        let token = Zeroizing::new(token.trim().to_owned());
        if user_id.is_empty() || 20 < user_id.len() || !user_id.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(Error::Config("the user id must be a decimal number of 1 to 20 digits".to_owned()));
        }
        if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Error::Config("the api token must be one word of printable characters".to_owned()));
        }
        Ok(Self { user_id, token, organization_id: None, origin: Origin::Given })
    }

    /// The same with an organization.
    #[must_use]
    pub fn with_organization(mut self, organization_id: impl Into<String>) -> Self {
        self.organization_id = Some(organization_id.into().trim().to_owned()).filter(|id| !id.is_empty());
        self
    }

    /// Credentials from `QUANTCONNECT_USER_ID`, `QUANTCONNECT_API_TOKEN` and, if set,
    /// `QUANTCONNECT_ORGANIZATION_ID`. `None` when neither of the first two is set.
    ///
    /// # Errors
    /// [`Error::Config`] when only one of the two is set, or one is malformed.
    pub fn from_env() -> Result<Option<Self>> {
        Self::from_lookup(read_env)
    }

    /// The rule behind [`Credentials::from_env`], with the variables from any source.
    fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Option<Self>> {
        let read = |name| lookup(name).map(Zeroizing::new).filter(|text| !text.trim().is_empty());
        match (read("QUANTCONNECT_USER_ID"), read("QUANTCONNECT_API_TOKEN")) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(Error::Config("QUANTCONNECT_USER_ID is set, QUANTCONNECT_API_TOKEN is not".into())),
            (None, Some(_)) => Err(Error::Config("QUANTCONNECT_API_TOKEN is set, QUANTCONNECT_USER_ID is not".into())),
            (Some(user_id), Some(token)) => {
                let mut credentials = Self::new(user_id.as_str(), token.as_str())?;
                credentials.origin = Origin::Environment;
                Ok(Some(credentials.with_organization(lookup("QUANTCONNECT_ORGANIZATION_ID").unwrap_or_default())))
            }
        }
    }

    /// Credentials from the file lean-cli writes at login, usually `~/.lean/credentials`. `None` when the file
    /// does not exist or holds none.
    ///
    /// # Errors
    /// [`Error::Config`] when the file cannot be read or is no JSON object.
    pub fn from_lean_cli(file: &Path) -> Result<Option<Self>> {
        let name = file.display();
        let text = match std::fs::read_to_string(file) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::Config(format!("{name} cannot be read: {}", error.kind()))),
        };
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "kebab-case", default)]
        #[derive(Default)]
        struct File {
            #[serde(deserialize_with = "crate::wire::text::string")]
            user_id: String,
            #[serde(deserialize_with = "crate::wire::text::string")]
            api_token: String,
        }
        // The reason is left out on purpose: it could quote the token.
        let file: File = members::from_slice(text.as_bytes())
            .map_err(|_| Error::Config(format!("{name} is no json object of credentials")))?;
        let token = Zeroizing::new(file.api_token);
        if file.user_id.is_empty() && token.is_empty() {
            return Ok(None);
        }
        let mut credentials = Self::new(file.user_id, token.as_str())?;
        credentials.origin = Origin::LeanCli;
        Ok(Some(credentials))
    }

    /// The account's number.
    #[must_use]
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The organization to use where a request names none.
    #[must_use]
    pub fn organization_id(&self) -> Option<&str> {
        self.organization_id.as_deref()
    }

    /// Where they came from.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// The token with all but its last four characters hidden; short tokens are hidden whole.
    #[must_use]
    pub fn masked_token(&self) -> String {
        let shown = if 16 <= self.token.len() { self.token.get(self.token.len() - 4..) } else { None };
        format!("****{}", shown.unwrap_or_default())
    }

    /// The stamp for a request signed at `moment`.
    ///
    /// ```
    /// use qc_api::Credentials;
    ///
    /// let stamp = Credentials::new("1", "token")?.stamp("2023-11-14T22:13:20Z".parse().unwrap());
    /// assert_eq!(stamp.timestamp(), "1700000000");
    /// # Ok::<(), qc_api::Error>(())
    /// ```
    #[must_use]
    pub fn stamp(&self, moment: Timestamp) -> Stamp {
        let timestamp = moment.as_second().to_string();
        let mut hasher = Sha256::new();
        hasher.update(self.token.as_bytes());
        hasher.update(b":");
        hasher.update(timestamp.as_bytes());
        let hash = Zeroizing::new(hex::encode(hasher.finalize()));
        let pair = Zeroizing::new(format!("{}:{}", self.user_id, hash.as_str()));
        let authorization = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        Stamp { authorization, timestamp }
    }

    /// A secret for one purpose, made of the token in a way that does not lead back to it: the same for the same token,
    /// for sealing what is kept for its owner.
    #[must_use]
    pub fn derived_secret(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let mut hasher = Sha256::new();
        hasher.update((purpose.len() as u64).to_be_bytes());
        hasher.update(purpose.as_bytes());
        hasher.update(self.token.as_bytes());
        Zeroizing::new(hasher.finalize().into())
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("user_id", &self.user_id)
            .field("token", &"****")
            .field("organization_id", &self.organization_id)
            .field("origin", &self.origin)
            .finish()
    }
}

/// The two headers that authorize one request.
pub struct Stamp {
    authorization: Zeroizing<String>,
    timestamp: String,
}

impl Stamp {
    /// The value of the header `Authorization`: a key as long as the service accepts its timestamp.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.authorization
    }

    /// The value of the header `Timestamp`.
    #[must_use]
    pub fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// Both as header values; the first is marked as sensitive, so that nothing prints it.
    pub(crate) fn headers(&self) -> Result<(HeaderValue, HeaderValue)> {
        let wrong = |_| Error::Config("the signed header holds characters that no header may".to_owned());
        let mut authorization = HeaderValue::from_str(&self.authorization).map_err(wrong)?;
        authorization.set_sensitive(true);
        Ok((authorization, HeaderValue::from_str(&self.timestamp).map_err(wrong)?))
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stamp").field("authorization", &"****").field("timestamp", &self.timestamp).finish()
    }
}

#[allow(clippy::disallowed_methods, reason = "the one place of this crate that reads the environment")]
fn read_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "6e2d1b1c0a7f4e55a1b2c3d4e5f60718";

    #[test]
    fn the_stamp_is_the_hash_of_token_and_timestamp() {
        let credentials = Credentials::new("357130", "token").unwrap();
        let stamp = credentials.stamp("2023-11-14T22:13:20Z".parse().unwrap());
        // printf 'token:1700000000' | sha256sum
        let hash = "c252f2e416aba35415549badd29726e9f9c0627a5e203639098e51f7caa5bba8";
        assert_eq!(stamp.timestamp(), "1700000000");
        assert_eq!(stamp.authorization(), format!("Basic {}", BASE64.encode(format!("357130:{hash}"))));
    }

    #[test]
    fn nothing_prints_the_token() {
        let credentials = Credentials::new("1", TOKEN).unwrap();
        let stamp = credentials.stamp(Timestamp::UNIX_EPOCH);
        for text in [format!("{credentials:?}"), format!("{stamp:?}"), format!("{:?}", stamp.headers().unwrap())] {
            assert!(!text.contains(TOKEN) && !text.contains(stamp.authorization()), "{text}");
        }
        assert_eq!(credentials.masked_token(), "****0718");
        assert_eq!(Credentials::new("1", "short").unwrap().masked_token(), "****");
    }

    #[test]
    fn refuses_what_no_account_has() {
        for (user, token) in [("", TOKEN), ("12a", TOKEN), ("1:2", TOKEN), ("1", ""), ("1", "two words"), ("1", "a\nb")]
        {
            let error = Credentials::new(user, token).unwrap_err();
            assert!(!error.to_string().contains(TOKEN));
        }
    }

    #[test]
    fn half_an_environment_is_an_error_and_none_is_none() {
        let only = |known: &'static str| move |name: &str| (name == known).then(|| "1".to_owned());
        assert_eq!(Credentials::from_lookup(|_| None), Ok(None));
        assert!(Credentials::from_lookup(only("QUANTCONNECT_USER_ID")).is_err());
        assert!(Credentials::from_lookup(only("QUANTCONNECT_API_TOKEN")).is_err());
        let all = Credentials::from_lookup(|_| Some("12".to_owned())).unwrap().unwrap();
        assert_eq!((all.user_id(), all.organization_id(), all.origin()), ("12", Some("12"), Origin::Environment));
    }

    #[test]
    fn an_organization_is_one_word_or_none() {
        let with = |id: &str| Credentials::new("1", TOKEN).unwrap().with_organization(id);
        assert_eq!(with(" 0rg\n").organization_id(), Some("0rg"));
        assert_eq!(with(" \t").organization_id(), None);
        let padded = Credentials::from_lookup(|_| Some(" 12 \n".to_owned())).unwrap().unwrap();
        assert_eq!((padded.user_id(), padded.organization_id()), ("12", Some("12")));
    }

    #[test]
    fn the_file_of_lean_cli_is_an_object() {
        let file = std::env::temp_dir().join(format!("qc-api-credentials-{}", std::process::id()));
        let read = |text: String| {
            std::fs::write(&file, text).unwrap();
            Credentials::from_lean_cli(&file)
        };
        let good = read(format!(r#"{{"user-id": 42, "api-token": "{TOKEN}"}}"#)).unwrap().unwrap();
        assert_eq!((good.user_id(), good.origin()), ("42", Origin::LeanCli));
        assert_eq!((read("{}".into()), read("[]".into())), (Ok(None), Ok(None)));
        for bad in [format!(r#"["42", "{TOKEN}"]"#), format!(r#"[["42", "{TOKEN}"]]"#), "42".into(), "".into()] {
            let error = read(bad).unwrap_err();
            assert!(error.to_string().contains("no json object") && !error.to_string().contains(TOKEN), "{error}");
        }
        std::fs::remove_file(&file).unwrap();
    }
}
