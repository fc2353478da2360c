//! One exchange with the service: a signed POST, and its answer as status, headers and bytes.
//!
//! What is decided here: one attempt is one request on the wire, redirects are not followed (the signed header
//! is a key), the answer is read up to a cap counted after decompression, proxies are used only when named and
//! never for http.

use std::sync::OnceLock;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::{self, HeaderMap};
use reqwest::{Url, multipart};

use crate::auth::Stamp;
use crate::endpoint::{EndpointInfo, Part, PartContent};
use crate::error::{Error, Result};
use crate::tls;

/// How the connection is made; the rest of a client's settings does not concern it. Does not print: the address of
/// a proxy may hold a password.
#[derive(Clone)]
pub(crate) struct Options {
    pub(crate) user_agent: String,
    pub(crate) proxy: Option<String>,
    pub(crate) connect_timeout: Duration,
    pub(crate) max_response_bytes: u64,
}

/// How long a connection is kept without use: shorter than servers keep theirs.
const LONGEST_IDLE: Duration = Duration::from_secs(30);

impl Options {
    /// What every HTTP client here begins with: no redirects, no repetitions, no proxy of the environment.
    pub(crate) fn builder(&self, tls: rustls::ClientConfig) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .user_agent(&self.user_agent)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .connect_timeout(self.connect_timeout)
    }

    /// The same through the proxy, where one is named; for https only.
    pub(crate) fn through_proxy(&self, builder: reqwest::ClientBuilder) -> Result<reqwest::ClientBuilder, String> {
        let Some(proxy) = &self.proxy else { return Ok(builder) };
        let proxy = reqwest::Proxy::https(proxy).map_err(|_| "the proxy's address is not valid".to_owned())?;
        Ok(builder.proxy(proxy))
    }
}

/// The client itself, or why there is none.
pub(crate) fn built(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, String> {
    builder.build().map_err(|error| format!("the http client cannot be built: {}", chain(&error)))
}

/// The HTTP client behind a [`crate::Client`], built at the first send: it costs tens of milliseconds, most of
/// it for reading the system's certificates.
pub(crate) struct Transport {
    base: Url,
    options: Options,
    http: OnceLock<Result<reqwest::Client, String>>,
}

/// A body ready to be sent, any number of times.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(bytes::Bytes),
    Form(Vec<(String, String)>),
    Multipart(Vec<Part>),
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Transport {
    /// Checks the address; connects nowhere.
    pub(crate) fn new(base: &str, options: Options) -> Result<Self> {
        Ok(Self { base: check_base(base)?, options, http: OnceLock::new() })
    }

    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// The address of a path.
    fn url(&self, path: &str) -> Result<Url> {
        let whole = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        Url::parse(&whole).map_err(|error| Error::Config(format!("{path} makes no address: {error}")))
    }

    fn http(&self) -> Result<&reqwest::Client> {
        self.http.get_or_init(|| self.build()).as_ref().map_err(|error| Error::Config(error.clone()))
    }

    fn build(&self) -> Result<reqwest::Client, String> {
        let https = self.base.scheme() == "https";
        let tls = if https { tls::with_system_roots()? } else { tls::without_roots()? };
        self.client(tls)
    }

    /// The HTTP client over a given TLS configuration.
    fn client(&self, tls: rustls::ClientConfig) -> Result<reqwest::Client, String> {
        let mut builder = self.options.builder(tls).gzip(true).pool_idle_timeout(LONGEST_IDLE);
        if self.base.scheme() == "https" {
            builder = self.options.through_proxy(builder)?;
        }
        built(builder)
    }

    /// Trusts these roots in place of the system's, as long as nothing has been sent.
    #[cfg(test)]
    pub(crate) fn trust(&self, roots: rustls::RootCertStore) {
        let client = tls::with_roots(roots).and_then(|tls| self.client(tls));
        self.http.set(client).expect("nothing has been sent");
    }

    /// Writes one signed request.
    pub(crate) fn request(
        &self,
        info: &EndpointInfo,
        timeout: Duration,
        stamp: &Stamp,
        body: &Body,
    ) -> Result<reqwest::Request> {
        let (authorization, timestamp) = stamp.headers()?;
        let request = self
            .http()?
            .post(self.url(info.path)?)
            .timeout(timeout)
            .header(header::AUTHORIZATION, authorization)
            .header("Timestamp", timestamp)
            .header(header::ACCEPT, "application/json");
        let request = match body {
            Body::Json(bytes) => request.header(header::CONTENT_TYPE, "application/json").body(bytes.clone()),
            Body::Form(pairs) => request.form(pairs),
            Body::Multipart(parts) => request.multipart(multipart_form(parts)),
        };
        request.build().map_err(|error| Error::Config(format!("{} cannot be written: {}", info.path, chain(&error))))
    }

    /// Sends one request and reads its answer.
    pub(crate) async fn exchange(
        &self,
        info: &EndpointInfo,
        timeout: Duration,
        stamp: &Stamp,
        body: &Body,
    ) -> Result<Answer> {
        let request = self.request(info, timeout, stamp, body)?;
        let mut response = self.http()?.execute(request).await.map_err(|error| failed(info, &error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let limit = self.options.max_response_bytes;
        let too_large = || Error::TooLarge { endpoint: info.path.to_owned(), limit };
        if response.content_length().is_some_and(|length| limit < length) {
            return Err(too_large());
        }
        let mut received = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failed(info, &error))? {
            if limit < (received.len() + chunk.len()) as u64 {
                return Err(too_large());
            }
            received.extend_from_slice(&chunk);
        }
        Ok(Answer { status, headers, body: received })
    }
}

fn multipart_form(parts: &[Part]) -> multipart::Form {
    parts.iter().fold(multipart::Form::new(), |form, part| match &part.content {
        PartContent::Text(text) => form.text(part.name, text.clone()),
        PartContent::File { file_name, bytes } => {
            form.part(part.name, multipart::Part::bytes(bytes.clone()).file_name(*file_name))
        }
    })
}

/// What a failed connection means. The address is left out of the words, for it may hold more than a path.
pub(crate) fn failed(info: &EndpointInfo, error: &reqwest::Error) -> Error {
    // Before the connection stands, nothing can have arrived.
    let arrived = !error.is_connect() && !error.is_builder();
    Error::Transport {
        endpoint: info.path.to_owned(),
        timeout: error.is_timeout(),
        may_have_arrived: arrived,
        safe_to_repeat: info.repeatable || !arrived,
        message: chain(error),
    }
}

/// The innermost words of an error: the outer ones only repeat that sending failed.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}

/// Accepts https, and http on loopback; nothing else may see a signed header.
fn check_base(base: &str) -> Result<Url> {
    let wrong = |why: &str| Error::Config(format!("the api address {why}"));
    let url = Url::parse(base.trim()).map_err(|error| wrong(&format!("is not valid: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("must not hold a user or a password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("must end with its path"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(wrong("must be https, or http on loopback only")),
        other => Err(wrong(&format!("must be https, found {other}"))),
    }
}

/// An address as it may be printed: without user, password, query and fragment, and of a host that is neither
/// QuantConnect's nor this computer without the path, which may be a secret. What is no address is not repeated.
pub(crate) fn shown(address: &str) -> String {
    let Ok(mut url) = Url::parse(address.trim()) else { return "****".to_owned() };
    if url.cannot_be_a_base() {
        return "****".to_owned();
    }
    if !url.username().is_empty() || url.password().is_some() {
        let hidden = url.set_username("").and_then(|()| url.set_password(None));
        if hidden.is_err() {
            return "****".to_owned();
        }
    }
    url.set_query(None);
    url.set_fragment(None);
    let host = url.host_str().unwrap_or_default();
    if !(is_loopback(&url) || host == "quantconnect.com" || host.ends_with(".quantconnect.com")) {
        url.set_path("");
    }
    url.into()
}

/// Whether an address stays on this computer. Names other than `localhost` are not looked up.
pub(crate) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// The moment in an HTTP date such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_loopback_may_see_a_signed_header() {
        for good in [
            "https://www.quantconnect.com/api/v2",
            "http://localhost:5612/api/v2/",
            "http://127.0.0.1:1/api/v2",
            "http://[::1]:80/x",
        ] {
            assert!(check_base(good).is_ok(), "{good}");
        }
        for bad in [
            "http://www.quantconnect.com/api/v2",
            "http://localhost.evil.example/",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "ftp://localhost/",
            "https://user:pass@www.quantconnect.com/",
            "https://www.quantconnect.com/api?x=1",
            "",
        ] {
            assert!(matches!(check_base(bad), Err(Error::Config(_))), "{bad}");
        }
    }

    #[test]
    fn what_an_address_may_hold_besides_itself_does_not_print() {
        for (address, expected) in [
            ("https://www.quantconnect.com/api/v2", "https://www.quantconnect.com/api/v2"),
            ("https://user:s3cr3t@host.example/api", "https://host.example/"),
            ("https://gateway.example/t/s3cr3t/api", "https://gateway.example/"),
            ("http://user@localhost:5612/api/v2", "http://localhost:5612/api/v2"),
            ("https://s3cr3t@host.example/api?key=s3cr3t#s3cr3t", "https://host.example/"),
            ("user:s3cr3t@host.example", "****"),
            ("//user:s3cr3t@host", "****"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }

    #[test]
    fn paths_are_appended_whatever_the_base_ends_with() {
        let options = Options {
            user_agent: "test".into(),
            proxy: None,
            connect_timeout: Duration::from_secs(1),
            max_response_bytes: 1,
        };
        for base in ["https://a.example/api/v2", "https://a.example/api/v2/"] {
            let transport = Transport::new(base, options.clone()).unwrap();
            assert_eq!(transport.url("files/read").unwrap().as_str(), "https://a.example/api/v2/files/read");
        }
    }

    #[test]
    fn reads_http_dates() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), "1994-11-06T08:49:37Z".parse().ok());
        assert_eq!(http_date("soon"), None);
    }
}
