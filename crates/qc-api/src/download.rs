//! Fetching what a pre-signed link points to.
//!
//! Such a link is a key by itself and leads away from the service, to a store of files. So it is fetched by a second
//! HTTP client that carries neither signature nor timestamp, speaks https only, connects to public addresses only,
//! follows no redirect and reads no more than [`crate::Config::max_download_bytes`]. Only a client whose service is
//! on loopback (the simulator) may fetch from loopback, and there without TLS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header;

use crate::endpoint::{Cost, Effect, Encoding, EndpointInfo, Reach};
use crate::error::{Error, Result};
use crate::tls;
use crate::transport::{self, Options};

/// The row of a download, for the rules of repeating; it is no endpoint of the table.
pub(crate) const DOWNLOAD: EndpointInfo = EndpointInfo {
    path: "download",
    name: "Download",
    effect: Effect::Read,
    cost: Cost::Nothing,
    reach: Reach::Secret,
    encoding: Encoding::Json,
    timeout: Duration::from_secs(20 * 60), // LEAN gives a zip of the object store as long
    payload: &[],
    repeatable: true,
    names_source: false,
    takes_organization: false,
    redirect_is_answer: false,
};

/// A store that sends nothing for so long has hung up.
const LONGEST_SILENCE: Duration = Duration::from_secs(60);

/// The second client; each half is built at its first use.
pub(crate) struct Downloads {
    options: Options,
    limit: u64,
    /// Whether the service is on loopback, so that its links may be.
    loopback: bool,
    public: OnceLock<Result<reqwest::Client, String>>,
    local: OnceLock<Result<reqwest::Client, String>>,
}

/// A file on its way. Dropping it ends the transfer.
pub struct Download {
    response: reqwest::Response,
    received: u64,
    limit: u64,
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address is a key.
        f.debug_struct("Download")
            .field("length", &self.length())
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

impl Download {
    /// The size of the file in bytes, if the store says.
    #[must_use]
    pub fn length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`Error::Transport`] when the connection breaks before the end, [`Error::TooLarge`] beyond the cap.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let chunk = self.response.chunk().await.map_err(|error| transport::failed(&DOWNLOAD, &error))?;
        self.received = self.received.saturating_add(chunk.as_ref().map_or(0, |chunk| chunk.len() as u64));
        if self.limit < self.received { Err(too_large(self.limit)) } else { Ok(chunk) }
    }

    /// All of it, in memory.
    ///
    /// # Errors
    /// As [`Download::chunk`].
    pub async fn bytes(mut self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }
}

impl Downloads {
    pub(crate) fn new(options: Options, limit: u64, loopback: bool) -> Self {
        Self { options, limit, loopback, public: OnceLock::new(), local: OnceLock::new() }
    }

    /// Asks for a file and checks everything that is known before its first byte.
    pub(crate) async fn open(&self, link: &str, timeout: Option<Duration>) -> Result<Download> {
        let (url, place) = check_link(link, self.loopback)?;
        let (cell, guarded) = match place {
            Place::Public => (&self.public, true),
            Place::Loopback => (&self.local, false),
        };
        let http = cell.get_or_init(|| self.build(guarded)).as_ref().map_err(|error| Error::Config(error.clone()))?;
        let request = http.get(url).timeout(timeout.unwrap_or(DOWNLOAD.timeout));
        let response = request.send().await.map_err(|error| transport::failed(&DOWNLOAD, &error))?;
        let (status, endpoint) = (response.status().as_u16(), DOWNLOAD.path.to_owned());
        if (300..400).contains(&status) {
            let place = response.headers().get(header::LOCATION).and_then(|place| place.to_str().ok());
            let host = place.and_then(|place| Url::parse(place).ok()?.host_str().map(str::to_owned));
            return Err(Error::Redirected { endpoint, status, host });
        }
        if !(200..300).contains(&status) {
            // The words of a store quote the link, so they are not read.
            let safe_to_repeat = DOWNLOAD.repeatable;
            return Err(Error::Status { endpoint, status, safe_to_repeat, messages: Vec::new() });
        }
        if response.content_length().is_some_and(|length| self.limit < length) {
            return Err(too_large(self.limit));
        }
        Ok(Download { response, received: 0, limit: self.limit })
    }

    fn build(&self, guarded: bool) -> Result<reqwest::Client, String> {
        let tls = if guarded { tls::with_system_roots()? } else { tls::without_roots()? };
        let mut builder = self.options.builder(tls).gzip(false).read_timeout(LONGEST_SILENCE); // as it is stored
        if guarded {
            builder = match self.options.proxy {
                // A proxy looks names up by itself, and may well stand on a private address.
                Some(_) => self.options.through_proxy(builder)?,
                None => builder.dns_resolver(Arc::new(PublicOnly)),
            };
        }
        transport::built(builder)
    }
}

fn too_large(limit: u64) -> Error {
    Error::TooLarge { endpoint: DOWNLOAD.path.to_owned(), limit }
}

/// Where a link leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Public,
    Loopback,
}

/// Accepts https to a public host, and loopback where the service itself is. What the link says is not repeated.
fn check_link(link: &str, loopback: bool) -> Result<(Url, Place)> {
    let wrong = |why: &str| Error::Config(format!("the link {why}; it was not fetched"));
    let url = Url::parse(link).map_err(|_| wrong("is no address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user or a password"));
    }
    if transport::is_loopback(&url) {
        let speaks = matches!(url.scheme(), "http" | "https");
        return if loopback && speaks { Ok((url, Place::Loopback)) } else { Err(wrong("leads to this computer")) };
    }
    if url.scheme() != "https" {
        return Err(wrong("is not https"));
    }
    let host = url.host_str().unwrap_or_default();
    let literal = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    if host.is_empty() || literal.is_ok_and(|address| !is_public(address)) {
        return Err(wrong("leads to an address that is not public"));
    }
    Ok((url, Place::Public))
}

/// Looks names up and leaves out every address that is not public, right before the connection is made: a name
/// cannot be one thing when it is checked and another when it is used.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<_> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether an address belongs to the open network: none of the ranges that RFC 6890 and its successors keep for
/// machines, links, tests, groups or private networks.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let kept = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || matches!((a, b, c), (0, ..) | (100, 64..=127, _) | (192, 0, 0) | (192, 88, 99) | (198, 18..=19, _))
        || 224 <= a; // groups, reserved, broadcast
    !kept
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let inner = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        is_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match (a, b, c, d, e, f) {
        (0, 0, 0, 0, 0, 0xffff) | (0x64, 0xff9b, 0, 0, 0, 0) => inner(g, h), // an IPv4 address in disguise
        (0x2002, high, low, ..) => inner(high, low),                         // 6to4
        // Global unicast is 2000::/3; within it 2001::/23 (protocols, Teredo) and 2001:db8::/32 (documents) are kept.
        (0x2001, 0x0db8 | 0..0x0200, ..) => false,
        (0x2000..=0x3ffe, ..) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_open_network_are_public() {
        for public in [
            "8.8.8.8",
            "172.15.0.1",
            "172.32.0.1",
            "100.63.0.1",
            "100.128.0.1",
            "2600:1f18::1",
            "2a00::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "2002:808:808::1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for kept in [
            "0.0.0.0",
            "10.1.2.3",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.0.1",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "fec0::1",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "::ffff:10.0.0.1",
            "::ffff:127.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::1",
            "::10.0.0.1",
            "3fff::1",
        ] {
            assert!(!is_public(kept.parse().unwrap()), "{kept}");
        }
    }

    #[test]
    fn links_are_https_to_public_hosts() {
        for link in ["https://store.example/a?signature=s3cr3t", "https://8.8.8.8/a", "https://[2600:1f18::1]:8443/a"] {
            for loopback in [false, true] {
                assert_eq!(check_link(link, loopback).unwrap().1, Place::Public, "{link}");
            }
        }
        for link in [
            "http://store.example/s3cr3t",
            "ftp://store.example/s3cr3t",
            "file:///etc/passwd?s3cr3t",
            "https://user:s3cr3t@store.example/",
            "https://10.0.0.1/s3cr3t",
            "https://169.254.169.254/s3cr3t",
            "https://[fd00::1]/s3cr3t",
            "https://0x0a000001/s3cr3t",
            "https://2886729729/s3cr3t",
            "data:,s3cr3t",
            "s3cr3t",
            "",
        ] {
            for loopback in [false, true] {
                let error = check_link(link, loopback).unwrap_err();
                assert!(matches!(error, Error::Config(_)), "{error}");
                assert!(!error.to_string().contains("s3cr3t"), "{error}");
            }
        }
    }

    #[test]
    fn loopback_is_for_services_on_loopback() {
        for link in ["http://127.0.0.1:1/a", "http://localhost/a", "https://[::1]/a", "https://127.1/a"] {
            assert_eq!(check_link(link, true).unwrap().1, Place::Loopback, "{link}");
            assert!(check_link(link, false).unwrap_err().to_string().contains("this computer"), "{link}");
        }
        assert!(check_link("ftp://localhost/a", true).is_err());
    }

    #[tokio::test]
    async fn a_name_that_leads_home_is_not_followed() {
        let Err(error) = PublicOnly.resolve("localhost".parse().unwrap()).await else { panic!("resolved") };
        assert!(error.to_string().contains("no public address"), "{error}");
    }
}
