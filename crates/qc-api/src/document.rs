//! Fetching a public document whose address the operator named, such as the keys of an issuer of tokens.
//!
//! No credentials go along, no redirect is followed, and only so many bytes are read. https, or http to this computer
//! where the caller allows that.

use std::time::Duration;

use reqwest::Url;

use crate::error::{Error, Result};
use crate::tls;
use crate::transport::{self, Options};

/// How long the whole exchange may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The document at `address`, at most `limit` bytes of it.
///
/// # Errors
/// [`Error::Config`] when the address is not https (or, with `loopback`, on this computer); otherwise what went wrong
/// on the way.
pub async fn fetch(address: &str, loopback: bool, limit: u64) -> Result<Vec<u8>> {
    let url = check(address, loopback)?;
    let tls = if url.scheme() == "https" { tls::with_system_roots() } else { tls::without_roots() };
    let options = Options {
        user_agent: concat!("qc-api/", env!("CARGO_PKG_VERSION")).to_owned(),
        proxy: None,
        connect_timeout: PATIENCE,
        max_response_bytes: limit,
    };
    let http = tls.and_then(|tls| transport::built(options.builder(tls).timeout(PATIENCE))).map_err(Error::Config)?;
    let failed =
        |error: reqwest::Error| Error::Config(format!("the document cannot be fetched: {}", error.without_url()));
    let mut response = http.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        return Err(Error::Config(format!("the document's host answered {}", response.status().as_u16())));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(failed)? {
        if limit < (body.len() + chunk.len()) as u64 {
            return Err(Error::TooLarge { endpoint: "document".to_owned(), limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn check(address: &str, loopback: bool) -> Result<Url> {
    let url = Url::parse(address).map_err(|_| Error::Config("the document's address is none".to_owned()))?;
    match url.scheme() {
        _ if !url.username().is_empty() || url.password().is_some() => {
            Err(Error::Config("the document's address holds a user or a password".to_owned()))
        }
        "https" => Ok(url),
        "http" if loopback && transport::is_loopback(&url) => Ok(url),
        _ => Err(Error::Config("the document's address is not https".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_come_by_https_or_from_this_computer_where_that_is_allowed() {
        for loopback in [false, true] {
            assert!(check("https://issuer.example/keys", loopback).is_ok());
            assert!(check("https://10.0.0.7/keys", loopback).is_ok());
            for bad in ["http://issuer.example/keys", "file:///etc/passwd", "https://a:b@issuer.example/", "keys", ""] {
                assert!(check(bad, loopback).is_err(), "{bad}");
            }
        }
        assert!(check("http://127.0.0.1:9/keys", true).is_ok());
        assert!(check("http://127.0.0.1:9/keys", false).is_err());
    }
}
