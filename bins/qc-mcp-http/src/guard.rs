//! Who may talk to this server: the host and origin of a request. Stands in front of every route.
//!
//! A web page may make a browser send requests here, and may point its own name at this machine. So the `Host` must be a
//! listed name and an `Origin`, when a browser sends one, a listed origin; `null` never is.

use std::collections::BTreeSet;

use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

/// The rules of one server.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    hosts: Vec<Host>,
    origins: BTreeSet<String>,
}

/// A host name, with a port if only that port is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Host {
    name: String,
    port: Option<u16>,
}

/// Why a request is turned away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Host,
    Origin,
}

impl Guard {
    /// Reads the lists of the settings.
    ///
    /// # Errors
    /// An entry that is no host name or no origin; an empty list of hosts, which would let in everybody.
    pub(crate) fn new(hosts: &[String], origins: &[String]) -> Result<Guard, String> {
        let hosts = stated(hosts).map(allowed_host).collect::<Result<Vec<_>, _>>()?;
        if hosts.is_empty() {
            return Err("the list of allowed hosts is empty; name the host under which clients call this server".into());
        }
        let origins = stated(origins).map(allowed_origin).collect::<Result<_, _>>()?;
        Ok(Guard { hosts, origins })
    }

    pub(crate) fn check(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        if !self.host_is_allowed(uri, headers) {
            return Err(Refusal::Host);
        }
        if !self.origins_are_allowed(headers) {
            return Err(Refusal::Origin);
        }
        Ok(())
    }

    /// Exactly one host, in `Host` or (HTTP/2) in the address itself; where both stand, both must be allowed.
    fn host_is_allowed(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let stated: Vec<_> = headers.get_all(HOST).iter().collect();
        let of_header = match stated.as_slice() {
            [] => None,
            [one] => match one.to_str().ok().and_then(|text| Authority::try_from(text).ok()) {
                Some(authority) => Some(authority),
                None => return false,
            },
            _ => return false,
        };
        let of_address = uri.authority().cloned();
        let mut named = of_header.iter().chain(&of_address).peekable();
        named.peek().is_some() && named.all(|authority| self.is_listed(authority))
    }

    fn is_listed(&self, authority: &Authority) -> bool {
        let name = bare(authority.host());
        self.hosts.iter().any(|host| host.name == name && (host.port.is_none() || host.port == authority.port_u16()))
    }

    fn origins_are_allowed(&self, headers: &HeaderMap) -> bool {
        headers.get_all(ORIGIN).iter().all(|origin| {
            let Some(origin) = origin.to_str().ok().and_then(|text| allowed_origin(text).ok()) else { return false };
            let any_port = origin.rsplit_once(':').map(|(base, _)| format!("{base}:*"));
            self.origins.contains(&origin) || any_port.is_some_and(|any| self.origins.contains(&any))
        })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Host => {
                (StatusCode::FORBIDDEN, "host not allowed: add it to QC_MCP_ALLOWED_HOSTS\n").into_response()
            }
            Refusal::Origin => {
                (StatusCode::FORBIDDEN, "origin not allowed: add it to QC_MCP_ALLOWED_ORIGINS\n").into_response()
            }
        }
    }
}

/// The bearer token of a request. Of two, a proxy may have looked at the other one, so two are none.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(AUTHORIZATION).iter();
    let (Some(only), None) = (given.next(), given.next()) else { return None };
    let (scheme, token) = only.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// Compares fingerprints of equal length in full, so that the time taken says nothing about the token.
pub(crate) fn is_same(expected: &[u8; 32], given: &[u8; 32]) -> bool {
    let difference = expected.iter().zip(given).fold(0_u8, |sum, (a, b)| sum | (a ^ b));
    std::hint::black_box(difference) == 0
}

/// What stands for a token where it is compared.
pub(crate) fn fingerprint(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn stated(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().map(|entry| entry.trim()).filter(|entry| !entry.is_empty())
}

fn allowed_host(entry: &str) -> Result<Host, String> {
    // A bare IPv6 address is no authority; in brackets it is.
    let bracketed = if entry.parse::<std::net::Ipv6Addr>().is_ok() { format!("[{entry}]") } else { entry.to_owned() };
    let authority = Authority::try_from(bracketed.as_str()).ok();
    let authority = authority.filter(|authority| !authority.as_str().contains('@') && !authority.host().contains('*'));
    let authority = authority.ok_or_else(|| format!("`{entry}` is not a host name such as `research.example.com`"))?;
    Ok(Host { name: bare(authority.host()), port: authority.port_u16() })
}

/// An origin with its port spelt out, so that two spellings of one origin are equal. `:*` as port means any.
fn allowed_origin(entry: &str) -> Result<String, String> {
    let wrong = || format!("`{entry}` is not an origin such as `https://app.example.com` or `http://localhost:*`");
    let (scheme, rest) = entry.split_once("://").ok_or_else(wrong)?;
    let (host, any_port) = match rest.strip_suffix(":*") {
        Some(host) => (host, true),
        None => (rest, false),
    };
    let authority = Authority::try_from(host).map_err(|_| wrong())?;
    if authority.as_str().contains('@') || authority.host().contains('*') || any_port && authority.port().is_some() {
        return Err(wrong());
    }
    let scheme = scheme.to_ascii_lowercase();
    let port = match (any_port, authority.port_u16(), scheme.as_str()) {
        (true, ..) => "*".to_owned(),
        (_, Some(port), _) => port.to_string(),
        (_, None, "https") => "443".to_owned(),
        (_, None, "http") => "80".to_owned(),
        _ => return Err(wrong()),
    };
    Ok(format!("{scheme}://{}:{port}", bare(authority.host())))
}

fn bare(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(hosts: &[&str], origins: &[&str]) -> Guard {
        let owned = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
        Guard::new(&owned(hosts), &owned(origins)).unwrap()
    }

    fn loopback() -> Guard {
        guard(&["localhost", "127.0.0.1", "::1"], &[])
    }

    fn ask(guard: &Guard, uri: &str, headers: &[(&str, &str)]) -> Result<(), Refusal> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let name: axum::http::HeaderName = name.parse().unwrap();
            map.append(name, value.parse().unwrap());
        }
        guard.check(&uri.parse().unwrap(), &map)
    }

    #[test]
    fn an_empty_or_malformed_list_refuses_to_start() {
        assert!(Guard::new(&[], &[]).is_err());
        assert!(Guard::new(&[" ".into()], &[]).is_err());
        for bad in ["*", "*.example.com", "user@host", "http://host", "a b"] {
            assert!(Guard::new(&[bad.into()], &[]).is_err(), "{bad}");
        }
        for bad in ["null", "*", "example.com", "https://*", "https://a@b", "https://", "ftp://x", "http://x:80:*"] {
            assert!(Guard::new(&["localhost".into()], &[bad.into()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn only_listed_hosts_are_answered() {
        let guard = loopback();
        for good in ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "[::1]"] {
            assert_eq!(ask(&guard, "/mcp", &[("host", good)]), Ok(()), "{good}");
        }
        for bad in ["evil.com", "localhost.evil.com", "127.0.0.2", "", "local host", "user@evil.com"] {
            assert_eq!(ask(&guard, "/mcp", &[("host", bad)]), Err(Refusal::Host), "{bad}");
        }
        assert_eq!(ask(&guard, "/mcp", &[]), Err(Refusal::Host));
        assert_eq!(ask(&guard, "/mcp", &[("host", "localhost"), ("host", "evil.com")]), Err(Refusal::Host));
    }

    #[test]
    fn the_host_may_stand_in_the_address_and_two_must_both_be_allowed() {
        let guard = loopback();
        assert_eq!(ask(&guard, "http://localhost:8000/mcp", &[]), Ok(()));
        assert_eq!(ask(&guard, "http://evil.com/mcp", &[("host", "localhost")]), Err(Refusal::Host));
        assert_eq!(ask(&guard, "http://localhost/mcp", &[("host", "evil.com")]), Err(Refusal::Host));
    }

    #[test]
    fn a_port_in_the_list_means_that_port() {
        let guard = guard(&["example.com:8443"], &[]);
        assert_eq!(ask(&guard, "/mcp", &[("host", "example.com:8443")]), Ok(()));
        assert_eq!(ask(&guard, "/mcp", &[("host", "example.com")]), Err(Refusal::Host));
    }

    #[test]
    fn an_origin_is_refused_unless_listed_and_null_always() {
        let strict = loopback();
        for origin in ["http://localhost", "http://localhost:8000", "https://evil.com", "null", "NULL", "", "file://"] {
            let headers = [("host", "localhost"), ("origin", origin)];
            assert_eq!(ask(&strict, "/mcp", &headers), Err(Refusal::Origin), "{origin}");
        }
        let open = guard(&["localhost"], &["https://app.example.com", "http://localhost:*"]);
        for origin in
            ["https://app.example.com", "https://APP.example.com:443", "http://localhost:5173", "http://localhost"]
        {
            assert_eq!(ask(&open, "/mcp", &[("host", "localhost"), ("origin", origin)]), Ok(()), "{origin}");
        }
        for origin in ["http://app.example.com", "https://app.example.com:8443", "https://localhost:1", "null"] {
            let headers = [("host", "localhost"), ("origin", origin)];
            assert_eq!(ask(&open, "/mcp", &headers), Err(Refusal::Origin), "{origin}");
        }
        let two = [("host", "localhost"), ("origin", "http://localhost:1"), ("origin", "https://evil.com")];
        assert_eq!(ask(&open, "/mcp", &two), Err(Refusal::Origin));
    }

    #[test]
    fn the_bearer_token_is_read_whatever_the_case_of_its_scheme() {
        let of = |value: &str| {
            let mut map = HeaderMap::new();
            map.insert(AUTHORIZATION, value.parse().unwrap());
            bearer(&map).map(str::to_owned)
        };
        assert_eq!(of("Bearer correct horse").as_deref(), Some("correct horse"));
        assert_eq!(of("bearer x").as_deref(), Some("x"));
        for bad in ["Bearer", "Basic correct horse", "correct horse", ""] {
            assert!(of(bad).is_none(), "{bad}");
        }
        let mut two = HeaderMap::new();
        two.append(AUTHORIZATION, "Bearer a".parse().unwrap());
        two.append(AUTHORIZATION, "Bearer b".parse().unwrap());
        assert!(bearer(&two).is_none());
        assert!(is_same(&fingerprint("a"), &fingerprint("a")) && !is_same(&fingerprint("a"), &fingerprint("b")));
    }
}
