//! The client: signs, sends, repeats what may be repeated, tells failures apart, decodes.

mod follow;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use jiff::SignedDuration;
use reqwest::header;
use serde_json::Value;
use tracing::Instrument as _;

use crate::auth::{Credentials, Origin};
use crate::clock::{Clock, SystemClock};
use crate::download::Downloads;
use crate::endpoint::{Encoding, Endpoint, EndpointInfo, Part, PartContent};
use crate::envelope;
use crate::error::{Error, Result};
use crate::judge::{judge, uncertain};
use crate::limit::{Limiter, Rate};
use crate::retry::{Jitter, RetryPolicy};
use crate::transport::{self, Answer, Body, Transport};
use crate::wire::form;

/// The address of the service.
pub const BASE_URL: &str = "https://www.quantconnect.com/api/v2";

/// Clocks that differ by less than this are taken to agree: a date header is cut to the second and has travelled.
const TOLERATED_SKEW_SECONDS: i64 = 5;

/// How a [`Client`] is set up. [`Config::new`] gives the usual values; every field may be changed.
#[derive(Clone)]
pub struct Config {
    /// Where the service is: https, or http on loopback.
    pub base_url: String,
    /// Who is asking.
    pub credentials: Credentials,
    /// The clock for signing, waiting and limits.
    pub clock: Arc<dyn Clock>,
    /// What the client calls itself.
    pub user_agent: String,
    /// The name of the editing program, sent as `codeSourceId` with every file call that names none.
    pub code_source: Option<String>,
    /// A proxy for https; http never uses one, and the environment is not asked.
    pub proxy: Option<String>,
    /// The time a connection may take to stand.
    pub connect_timeout: Duration,
    /// The time one attempt may take, in place of each endpoint's own.
    pub timeout: Option<Duration>,
    /// The largest answer read, in bytes after decompression.
    pub max_response_bytes: u64,
    /// The largest file fetched from a pre-signed link, in bytes.
    pub max_download_bytes: u64,
    /// How often and how soon a failed call is repeated.
    pub retry: RetryPolicy,
    /// Requests of one account in flight at once.
    pub max_concurrent: usize,
    /// A steady rate for one account; none by default, for the service documents no limit.
    pub rate: Option<Rate>,
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("base_url", &transport::shown(&self.base_url))
            .field("credentials", &self.credentials)
            .field("proxy", &self.proxy.as_ref().map(|_| "****")) // its address may hold a password
            .field("retry", &self.retry)
            .field("max_concurrent", &self.max_concurrent)
            .field("rate", &self.rate)
            .finish_non_exhaustive()
    }
}

impl Config {
    /// The usual setup for the service itself.
    #[must_use]
    pub fn new(credentials: Credentials) -> Self {
        Self {
            base_url: BASE_URL.to_owned(),
            credentials,
            clock: Arc::new(SystemClock),
            user_agent: concat!("quantconnect-mcp/", env!("CARGO_PKG_VERSION")).to_owned(),
            code_source: None,
            proxy: None,
            connect_timeout: Duration::from_secs(10),
            timeout: None,
            max_response_bytes: 256 * 1024 * 1024,
            max_download_bytes: 1024 * 1024 * 1024,
            retry: RetryPolicy::default(),
            max_concurrent: 16,
            rate: None,
        }
    }
}

/// A client of the API. Cloning is cheap; clones share connections, limits and what is known of the clocks.
///
/// ```no_run
/// use qc_api::endpoints::projects::ReadProjects;
/// use qc_api::{Client, Config, Credentials};
///
/// # async fn example() -> qc_api::Result<()> {
/// let client = Client::new(Config::new(Credentials::new("123456", "token")?))?;
/// for project in client.send(&ReadProjects::default()).await?.projects {
///     assert!(0 < project.project_id.0);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    credentials: Credentials,
    limiter: Arc<Limiter>,
}

/// What clients of all accounts at one address share.
struct Shared {
    transport: Transport,
    downloads: Downloads,
    clock: Arc<dyn Clock>,
    code_source: Option<String>,
    timeout: Option<Duration>,
    retry: RetryPolicy,
    max_concurrent: usize,
    rate: Option<Rate>,
    limiters: Mutex<HashMap<String, Weak<Limiter>>>,
    jitter: Jitter,
    /// Service time minus ours in milliseconds, as the last answer told; `i64::MIN` before the first.
    skew: AtomicI64,
    /// Seconds added to our time when signing.
    correction: AtomicI64,
}

impl Client {
    /// A client with this setup. Connects nowhere yet.
    ///
    /// # Errors
    /// [`Error::Config`] when the address is neither https nor on loopback, or credentials of lean-cli would go
    /// to another host than quantconnect.com.
    pub fn new(config: Config) -> Result<Self> {
        let Config { base_url, credentials, clock, user_agent, code_source, proxy, .. } = config;
        let options = transport::Options {
            user_agent,
            proxy,
            connect_timeout: config.connect_timeout,
            max_response_bytes: config.max_response_bytes,
        };
        let transport = Transport::new(&base_url, options.clone())?;
        let on_loopback = transport::is_loopback(transport.base());
        let shared = Arc::new(Shared {
            transport,
            downloads: Downloads::new(options, config.max_download_bytes, on_loopback),
            clock,
            code_source: code_source.filter(|name| !name.is_empty()),
            timeout: config.timeout,
            retry: config.retry,
            max_concurrent: config.max_concurrent,
            rate: config.rate,
            limiters: Mutex::default(),
            jitter: Jitter::new(),
            skew: AtomicI64::new(i64::MIN),
            correction: AtomicI64::new(0),
        });
        Self::joined(shared, credentials)
    }

    /// A client for other credentials that shares this one's connections.
    ///
    /// # Errors
    /// [`Error::Config`] when credentials of lean-cli would go to another host than quantconnect.com.
    pub fn with_credentials(&self, credentials: Credentials) -> Result<Self> {
        Self::joined(Arc::clone(&self.shared), credentials)
    }

    fn joined(shared: Arc<Shared>, credentials: Credentials) -> Result<Self> {
        let base = shared.transport.base();
        let host = base.host_str().unwrap_or_default();
        let at_home = host == "quantconnect.com" || host.ends_with(".quantconnect.com");
        if credentials.origin() == Origin::LeanCli && !at_home && !transport::is_loopback(base) {
            return Err(Error::Config(format!("credentials of lean-cli go to quantconnect.com only, not to {host}")));
        }
        let limiter = shared.limiter(credentials.user_id());
        Ok(Self { shared, credentials, limiter })
    }

    /// Who is asking.
    #[must_use]
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The clock for signing, waiting and polling.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.shared.clock
    }

    /// Where the service is.
    #[must_use]
    pub fn base_url(&self) -> &str {
        self.shared.transport.base().as_str()
    }

    /// Service time minus our time as the last answer told, to about a second; `None` before the first answer.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        let millis = self.shared.skew.load(Ordering::Relaxed);
        (millis != i64::MIN).then(|| SignedDuration::from_millis(millis))
    }

    /// Sends a request and decodes its answer. Dropping the future cancels it.
    ///
    /// # Errors
    /// See [`Error`]. A request that creates is never sent twice; if its fate is unknown, the error is
    /// [`Error::MaybeCreated`].
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Reply> {
        let info = EndpointInfo::of::<E>();
        let body = match info.encoding {
            Encoding::Multipart => self.parts(&info, request.parts()),
            _ => self.body(&info, request)?,
        };
        let bytes = self.deliver(&info, &body).await?;
        envelope::decode_checked::<E>(&info, &bytes).map_err(|error| uncertain(&info, error))
    }

    /// Sends a JSON body to an endpoint of the table and gives its answer as JSON, for members that are not
    /// typed yet.
    ///
    /// # Errors
    /// As [`Client::send`]; [`Error::Config`] when the endpoint takes files.
    pub async fn send_raw(&self, info: &EndpointInfo, body: &Value) -> Result<Value> {
        let body = self.body(info, body)?;
        let bytes = self.deliver(info, &body).await?;
        envelope::decode(info, &bytes).map_err(|error| uncertain(info, error))
    }

    /// Signs and writes a request without sending it: what the benchmark of that measures.
    #[doc(hidden)]
    pub fn write_only<E: Endpoint>(&self, request: &E) -> Result<()> {
        let info = EndpointInfo::of::<E>();
        let body = self.body(&info, request)?;
        let stamp = self.credentials.stamp(self.shared.clock.now());
        self.shared.transport.request(&info, info.timeout, &stamp, &body).map(drop)
    }

    /// Writes the body once; every attempt sends the same bytes.
    fn body<R: serde::Serialize>(&self, info: &EndpointInfo, request: &R) -> Result<Body> {
        let wrong = |error: serde_json::Error| Error::Config(format!("{} cannot be written: {error}", info.path));
        let source = self.shared.code_source.as_deref().filter(|_| info.names_source);
        let organization = self.credentials.organization_id().filter(|_| info.takes_organization);
        match info.encoding {
            Encoding::Multipart => return Err(Error::Config(format!("{} takes files, not json", info.path))),
            Encoding::Json if source.is_none() && organization.is_none() => {
                return Ok(Body::Json(serde_json::to_vec(request).map_err(wrong)?.into()));
            }
            Encoding::Json | Encoding::Form => {}
        }
        let mut value = serde_json::to_value(request).map_err(wrong)?;
        if let Value::Object(members) = &mut value {
            for (name, own) in [("codeSourceId", source), ("organizationId", organization)] {
                let named =
                    members.get(name).is_some_and(|value| !matches!(value.as_str(), Some("")) && !value.is_null());
                if let (Some(own), false) = (own, named) {
                    members.insert(name.to_owned(), own.into());
                }
            }
        }
        if info.encoding == Encoding::Form {
            return Ok(Body::Form(form::encode(&value)));
        }
        Ok(Body::Json(serde_json::to_vec(&value).map_err(wrong)?.into()))
    }

    /// The parts of a multipart body, with the organization of the credentials where none is named.
    fn parts(&self, info: &EndpointInfo, mut parts: Vec<Part>) -> Body {
        let organization = self.credentials.organization_id().filter(|_| info.takes_organization);
        for part in parts.iter_mut().filter(|part| part.name == "organizationId") {
            if let (PartContent::Text(text), Some(own)) = (&mut part.content, organization)
                && text.is_empty()
            {
                own.clone_into(text);
            }
        }
        Body::Multipart(parts)
    }

    /// Sends until there is an answer or no further attempt is allowed. Gives the bytes of a successful answer.
    async fn deliver(&self, info: &EndpointInfo, body: &Body) -> Result<Vec<u8>> {
        let span = tracing::debug_span!("qc_api", path = info.path, effect = ?info.effect);
        async {
            let mut attempt = 1;
            let mut signed_again = false;
            loop {
                let mut signed_with = 0;
                let error = match self.attempt(info, body, attempt, &mut signed_with).await {
                    Ok(bytes) => return Ok(bytes),
                    Err(error) => error,
                };
                if error.is_auth() && !signed_again && self.correct_clock(signed_with) {
                    // A refused signature was refused before anything happened, so this is safe for every effect.
                    signed_again = true;
                    continue;
                }
                let Some(wait) = self.shared.retry.wait(info, &error, attempt, &self.shared.jitter) else {
                    return Err(error);
                };
                tracing::debug!(attempt, wait_ms = wait.as_millis(), "again after a failure");
                self.shared.clock.sleep(wait).await;
                attempt += 1;
            }
        }
        .instrument(span)
        .await
    }

    /// One attempt: one request on the wire. Notes the seconds that were added to our time when it was signed, which is
    /// after its wait for a place.
    async fn attempt(&self, info: &EndpointInfo, body: &Body, attempt: u32, signed_with: &mut i64) -> Result<Vec<u8>> {
        let shared = &self.shared;
        let _place = self.limiter.enter(&shared.clock).await;
        *signed_with = shared.correction.load(Ordering::Relaxed);
        let now = shared.clock.now();
        let stamp = self.credentials.stamp(now.checked_add(SignedDuration::from_secs(*signed_with)).unwrap_or(now));
        let timeout = shared.timeout.unwrap_or(info.timeout);
        let outcome = shared.transport.exchange(info, timeout, &stamp, body).await;
        match &outcome {
            Ok(answer) => {
                self.note_date(answer);
                tracing::debug!(attempt, status = answer.status, bytes = answer.body.len(), "answered");
            }
            Err(error) => tracing::debug!(attempt, timeout = error.is_timeout(), "not answered"),
        }
        outcome.and_then(|answer| judge(info, answer)).map_err(|error| match uncertain(info, error) {
            Error::Unauthorized { endpoint, messages, .. } => {
                Error::Unauthorized { endpoint, messages, clock_skew: self.clock_skew() }
            }
            error => error,
        })
    }

    /// Learns how far the clocks are apart from the date header.
    fn note_date(&self, answer: &Answer) {
        let date = answer.headers.get(header::DATE).and_then(|value| value.to_str().ok());
        if let Some(moment) = date.and_then(transport::http_date) {
            let skew = moment.duration_since(self.shared.clock.now());
            let millis = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
            self.shared.skew.store(millis, Ordering::Relaxed);
        }
    }

    /// Takes over the service's time if the signature was made with another, and says whether signing again makes sense.
    ///
    /// Judged by the correction the refused signature was made with: of several calls in flight the first to come back
    /// has corrected the clock for all, and the others were signed before that.
    fn correct_clock(&self, signed_with: i64) -> bool {
        let Some(skew) = self.clock_skew().map(|skew| skew.as_secs()) else { return false };
        if skew.saturating_sub(signed_with).saturating_abs() < TOLERATED_SKEW_SECONDS {
            return false;
        }
        if self.shared.correction.swap(skew, Ordering::Relaxed) == signed_with {
            tracing::warn!(skew_seconds = skew, "the service's clock differs from ours; signing with its time");
        }
        true
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("base_url", &self.base_url())
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// The limiter of an account, shared by its clients while one of them lives.
    fn limiter(&self, user_id: &str) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(limiter) = limiters.get(user_id).and_then(Weak::upgrade) {
            return limiter;
        }
        limiters.retain(|_, limiter| 0 < limiter.strong_count());
        let limiter = Arc::new(Limiter::new(self.max_concurrent, self.rate, self.clock.now()));
        limiters.insert(user_id.to_owned(), Arc::downgrade(&limiter));
        limiter
    }
}

#[cfg(test)]
mod tests;
