//! Texts of settings that are checked before they are believed: addresses, paths, a lean.json.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::values::Secret;

/// `data-folder` of a lean.json, which may hold `//` and `/* */` comments.
pub(super) fn lean_json_folder(text: &str) -> Option<PathBuf> {
    let json: Value = serde_json::from_str(&without_comments(text)).ok()?;
    let folder = json.get("data-folder")?.as_str()?.trim();
    (!folder.is_empty()).then(|| Path::new(folder).to_path_buf())
}

fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut quoted = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => {
                out.push(c);
                out.extend(chars.next());
            }
            '"' => {
                quoted = !quoted;
                out.push(c);
            }
            '/' if !quoted && chars.peek() == Some(&'/') => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            '/' if !quoted && chars.peek() == Some(&'*') => {
                let mut last = ' ';
                chars.next();
                for c in chars.by_ref() {
                    if last == '*' && c == '/' {
                        break;
                    }
                    last = c;
                }
            }
            _ => out.push(c),
        }
    }
    out
}

pub(super) fn parse_api_url(text: &str) -> Result<String, String> {
    let url = text.trim().trim_end_matches('/');
    // A backslash would count as a slash where the request is made, and as part of the host where it is checked.
    if url.contains(['@', '\\']) || url.contains(char::is_whitespace) {
        return Err("give the address without user names, spaces and backslashes".into());
    }
    let host = url_host(url);
    if host.is_empty() {
        return Err("give an address such as https://www.quantconnect.com/api/v2".into());
    }
    match url.split_once("://").map(|(scheme, _)| scheme) {
        Some("https") => Ok(url.to_owned()),
        Some("http") if is_loopback(host) => Ok(url.to_owned()),
        Some("http") => {
            Err("http would send the signed header in the clear; use https (http only for localhost)".into())
        }
        _ => Err("the address must begin with https://".into()),
    }
}

/// The host of a URL, without port and brackets.
pub(super) fn url_host(url: &str) -> &str {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An id as QuantConnect writes them; no pattern and no word that could mean all.
pub(super) fn parse_id(text: &str) -> Result<String, String> {
    const SHORTEST: usize = 3;
    let id = text.trim();
    let fine = SHORTEST <= id.len() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if fine && !id.eq_ignore_ascii_case("all") && !id.eq_ignore_ascii_case("any") {
        return Ok(id.to_owned());
    }
    Err("name each organisation by its id: letters, digits and hyphens".into())
}

/// A folder of the object store; never the whole of it.
pub(super) fn parse_prefix(text: &str) -> Result<String, String> {
    let folder = text.trim().trim_matches('/');
    let fine = !folder.is_empty()
        && folder.split('/').all(|part| !matches!(part.trim(), "" | "." | ".."))
        && !folder.chars().any(|c| c.is_control() || "\\*?".contains(c));
    if fine {
        Ok(folder.to_owned())
    } else {
        Err("name each folder, such as cache or models/drafts; no pattern".into())
    }
}

/// An amount of credit.
pub(super) fn parse_amount(text: &str) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(amount) if amount.is_finite() && 0.0 <= amount => Ok(amount),
        _ => Err("an amount such as 0, 2.5 or 100".into()),
    }
}

/// A key long enough that nobody guesses it.
pub(super) fn parse_key(text: &str) -> Result<Secret, String> {
    const SHORTEST: usize = 32;
    let key = text.trim();
    if SHORTEST <= key.len() {
        return Ok(Secret::new(key));
    }
    Err(format!("a key has {SHORTEST} bytes or more, this one has {}", key.len()))
}

pub(super) fn parse_path(text: &str) -> Result<String, String> {
    let path = text.trim().trim_end_matches('/');
    let fine = path.starts_with('/')
        && 1 < path.len()
        && path.chars().all(|c| c.is_ascii_alphanumeric() || "/-_.~".contains(c));
    if !fine || path.contains("//") {
        return Err("a path such as /mcp: a slash, then letters, digits, - _ . ~ and further slashes".into());
    }
    if matches!(path, "/health" | "/metrics") {
        return Err(format!("{path} is taken by the server itself"));
    }
    Ok(path.to_owned())
}
