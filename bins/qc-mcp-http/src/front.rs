//! The front door: every request passes here once. Host and origin, how much comes in, who asks, whose credentials; then
//! the request gets a name, a time limit, and is handed on without the secrets it came with.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use qc_mcp_tools::QcServer;
use qc_mcp_tools::settings::{Issuer, Settings};
use qc_mcp_tools::visitor::{SCOPE_DELETE, SCOPE_LIVE, Visitor, Who};
use rmcp::transport::streamable_http_server::session::SessionManager as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::time::{Instant, timeout_at};
use tracing::warn;

use crate::body::{Bodies, bounded};
use crate::guard::{Guard, bearer, fingerprint, is_same};
use crate::jwt::{Unbelieved, Verifier};
use crate::limits::{Limits, Principal, Purpose};
use crate::refusal::Refusal;
use crate::sessions::Sessions;

/// The path that tells an outsider nothing, and so asks for no token.
pub(crate) const HEALTH: &str = "/health";
/// The path of the counts.
pub(crate) const METRICS: &str = "/metrics";
/// Where a client learns whose tokens are taken.
const METADATA: &str = "/.well-known/oauth-protected-resource";

/// How long an answer may take to begin. No tool waits longer than a minute; a large analysis may compute longer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(600);
/// How long a stream may last.
const STREAM_PATIENCE: Duration = Duration::from_secs(12 * 3600);
/// What a request whose token is about to expire still gets.
const LAST_MOMENTS: Duration = Duration::from_secs(10);

const USER: HeaderName = HeaderName::from_static("x-quantconnect-user-id");
const TOKEN: HeaderName = HeaderName::from_static("x-quantconnect-api-token");
const ORGANIZATION: HeaderName = HeaderName::from_static("x-quantconnect-organization-id");
const MODE: HeaderName = HeaderName::from_static("x-quantconnect-mcp-mode");
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The first revision that knows no sessions.
const WITHOUT_SESSIONS: &str = "2026-07-28";

/// How a caller is known.
enum Lock {
    /// Whoever reaches the address.
    Open,
    /// By the one token.
    Bearer([u8; 32]),
    /// By a token of the issuer.
    Issuer(Box<Verifier>),
}

/// The rules of one server.
pub(crate) struct Front {
    guard: Guard,
    lock: Lock,
    by_headers: bool,
    limits: Limits,
    bodies: Bodies,
    sessions: Option<Sessions>,
    manager: Arc<LocalSessionManager>,
    server: QcServer,
    issuer: Option<Issuer>,
    path: String,
}

/// Who asks, and until when they may.
struct Known {
    who: Who,
    scopes: Option<Vec<String>>,
    expires: Option<Instant>,
}

impl Front {
    /// Reads the settings.
    ///
    /// # Errors
    /// A list of hosts or origins that cannot be used.
    pub(crate) fn new(server: QcServer, manager: Arc<LocalSessionManager>) -> Result<Front, String> {
        let settings: &Settings = server.settings();
        let token = settings.auth_token.as_ref().map(|token| token.reveal()).filter(|token| !token.is_empty());
        let issuer = settings.issuer();
        let lock = match (&issuer, token) {
            (Some(issuer), _) => Lock::Issuer(Box::new(Verifier::new(issuer.clone()))),
            (None, Some(token)) => Lock::Bearer(fingerprint(token)),
            (None, None) => Lock::Open,
        };
        Ok(Front {
            guard: Guard::new(&settings.allowed_hosts, &settings.allowed_origins)?,
            lock,
            by_headers: settings.team.by_headers(),
            limits: Limits::new(&settings.team),
            bodies: Bodies::default(),
            sessions: settings.http_sessions.then(Sessions::default),
            issuer,
            path: settings.path.trim_end_matches('/').to_owned(),
            manager,
            server,
        })
    }

    /// The paths at which clients learn whose tokens are taken, and what they learn.
    pub(crate) fn metadata(&self) -> Option<(Vec<String>, String)> {
        let issuer = self.issuer.as_ref()?;
        let mut paths = vec![METADATA.to_owned(), format!("{METADATA}{}", self.path)];
        paths.push(format!("{METADATA}{}", path_of(&issuer.audience)));
        paths.sort_unstable();
        paths.dedup();
        let document = json!({
            "resource": issuer.audience,
            "resource_name": "QuantConnect",
            "authorization_servers": [issuer.issuer],
            "scopes_supported": [SCOPE_DELETE, SCOPE_LIVE],
            "bearer_methods_supported": ["header"],
        });
        Some((paths, document.to_string()))
    }

    async fn known(&self, headers: &HeaderMap) -> Result<Known, Refusal> {
        let anybody = |who| Known { who, scopes: None, expires: None };
        match &self.lock {
            Lock::Open => Ok(anybody(Who::Owner)),
            Lock::Bearer(expected) => {
                let given = bearer(headers);
                let found = fingerprint(given.unwrap_or_default());
                let right = is_same(expected, &found);
                right.then(|| anybody(Who::Bearer(found))).ok_or(Refusal::Token { given: given.is_some() })
            }
            Lock::Issuer(verifier) => {
                let token = bearer(headers).ok_or(Refusal::Token { given: false })?;
                let claims = verifier.verify(token).await.map_err(|why| match why {
                    Unbelieved::NoKeys => Refusal::Issuer,
                    Unbelieved::Token(why) => {
                        warn!(why, "a token was not believed");
                        Refusal::Token { given: true }
                    }
                })?;
                let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
                let left = Duration::from_secs(claims.expires).saturating_sub(now).min(STREAM_PATIENCE);
                let issuer = self.issuer.as_ref().map(|issuer| issuer.issuer.clone()).unwrap_or_default();
                Ok(Known {
                    who: Who::Subject { issuer, subject: claims.subject },
                    scopes: Some(claims.scopes),
                    expires: Some(Instant::now() + left),
                })
            }
        }
    }

    /// The visitor, and what stands for them where use is counted.
    fn visitor(&self, known: &Known, headers: &HeaderMap, id: &str) -> Result<(Visitor, Principal), Refusal> {
        let mut visitor = Visitor::new(known.who.clone(), id.to_owned());
        let mut stands_for = Sha256::new();
        let mut part = |bytes: &[u8]| {
            stands_for.update((bytes.len() as u64).to_be_bytes());
            stands_for.update(bytes);
        };
        match &known.who {
            Who::Owner => part(b"owner"),
            Who::Bearer(fingerprint) => part(fingerprint),
            Who::Subject { issuer, subject } => {
                part(issuer.as_bytes());
                part(subject.as_bytes());
            }
        }
        let one = |name: &HeaderName| one(headers, name).map_err(Refusal::Header);
        let (user, token, organization) = (one(&USER)?, one(&TOKEN)?, one(&ORGANIZATION)?);
        match (self.by_headers, user, token) {
            (true, Some(user), Some(token)) => {
                visitor = visitor.with_credentials(user, token, organization).map_err(Refusal::Credentials)?;
                part(user.as_bytes());
                part(token.as_bytes());
            }
            (true, ..) => {
                let both = "this server needs the headers X-QuantConnect-User-Id and X-QuantConnect-Api-Token with every request";
                return Err(Refusal::Credentials(both.to_owned()));
            }
            (false, None, None) if organization.is_none() => {}
            (false, ..) => {
                let own = "this server works with its own account (QC_MCP_CREDENTIALS=server); send no X-QuantConnect headers";
                return Err(Refusal::Header(own.to_owned()));
            }
        }
        if let Some(mode) = one(&MODE)? {
            visitor = visitor.with_ceiling(mode).map_err(Refusal::Header)?;
        }
        if let Some(scopes) = &known.scopes {
            visitor = visitor.with_scopes(scopes.clone());
        }
        Ok((visitor, stands_for.finalize().into()))
    }

    /// Whether the request's session, if it names one, is its sender's; and whether one more may begin.
    fn session(&self, request: &Request, principal: Principal) -> Result<(), Refusal> {
        let Some(sessions) = &self.sessions else { return Ok(()) };
        let named = request.headers().get(SESSION).map(|value| value.to_str().unwrap_or_default());
        match named {
            Some(session) if sessions.belongs(session, principal) => Ok(()),
            Some(_) => Err(Refusal::Session),
            None if request.headers().get(VERSION).is_some_and(|version| version == WITHOUT_SESSIONS) => Ok(()),
            None if sessions.has_room(principal) => Ok(()),
            None => Err(Refusal::SessionsFull),
        }
    }

    async fn answer(&self, mut request: Request, next: Next, id: &str) -> Result<Response, Refusal> {
        let purpose = if request.method() == Method::GET { Purpose::Listening } else { Purpose::Answer };
        let place = self.limits.enter(purpose).map_err(Refusal::Excess)?;
        let known = self.known(request.headers()).await?;
        if request.uri().path() == METRICS {
            // Who brings an account of their own has shown nothing yet that the counts of all should be shown for.
            let is_open = self.by_headers && known.who == Who::Owner;
            return if is_open { Err(Refusal::Counts) } else { Ok(next.run(request).await) };
        }
        let (visitor, principal) = self.visitor(&known, request.headers(), id)?;
        let is_stranger = self.by_headers && !self.server.has_met(&visitor);
        if is_stranger {
            self.limits.count_stranger().map_err(Refusal::Excess)?;
        }
        self.limits.count().map_err(Refusal::Excess)?;
        let own_place = self.limits.enter_as(principal, purpose).map_err(Refusal::Excess)?;
        self.session(&request, principal)?;
        for secret in [AUTHORIZATION, USER, TOKEN] {
            request.headers_mut().remove(secret);
        }
        request.extensions_mut().insert(Arc::new(visitor));
        let ends = (request.method() == Method::DELETE).then(|| request.headers().get(SESSION).cloned()).flatten();
        let (request, _room) = self.bodies.whole(request, is_stranger).await?;

        let latest = Instant::now() + ANSWER_PATIENCE;
        let latest = known.expires.map_or(latest, |expires| latest.min(expires.max(Instant::now() + LAST_MOMENTS)));
        let response = timeout_at(latest, next.run(request)).await.map_err(|_| Refusal::Late)?;
        if let Some(sessions) = &self.sessions {
            let begun = response.headers().get(SESSION).and_then(|value| value.to_str().ok());
            if let Some(session) = begun
                && !sessions.begin(session, principal)
            {
                // There was room before, or the request did not look like one that begins a session.
                let _ = self.manager.close_session(&session.into()).await;
                return Err(Refusal::SessionsFull);
            }
            if let Some(session) = ends.as_ref().and_then(|value| value.to_str().ok()) {
                sessions.end(session);
            }
        }
        let until = known.expires.unwrap_or_else(|| Instant::now() + STREAM_PATIENCE);
        Ok(bounded(response, until, (place, own_place)))
    }

    fn challenge(&self, given: bool) -> String {
        let Some(issuer) = &self.issuer else { return "Bearer".to_owned() };
        let path = path_of(&issuer.audience);
        let origin = issuer.audience.get(..issuer.audience.len() - path.len()).unwrap_or_default();
        let error = if given { ", error=\"invalid_token\"" } else { "" };
        format!("Bearer resource_metadata=\"{origin}{METADATA}{path}\"{error}")
    }
}

/// The layer in front of every route, unknown ones included.
pub(crate) async fn pass(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    if let Err(refusal) = front.guard.check(request.uri(), request.headers()) {
        warn!(?refusal, "turned a request away");
        return refusal.into_response();
    }
    let path = request.uri().path();
    if path == HEALTH || (front.issuer.is_some() && path.starts_with(METADATA)) {
        return next.run(request).await;
    }
    let id = request_id();
    let mut response = match front.answer(request, next, &id).await {
        Ok(response) => response,
        Err(refusal) => {
            warn!(request = id, ?refusal, "turned a request away");
            refusal.answer(&front.challenge(refusal == Refusal::Token { given: true }))
        }
    };
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

/// The path of an address.
fn path_of(address: &str) -> &str {
    let start = address.find("://").map_or(0, |at| at + 3);
    let path = address.get(start..).and_then(|rest| Some(start + rest.find('/')?)).and_then(|at| address.get(at..));
    path.unwrap_or_default().trim_end_matches('/')
}

/// A name for a request that no other has.
fn request_id() -> String {
    let mut bytes = [0_u8; 8];
    // A name that repeats harms nobody.
    let _ = getrandom::fill(&mut bytes);
    hex::encode(bytes)
}

/// The one value of a header.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, String> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(format!("the header {name} stands there twice"));
    }
    let text = value.to_str().map_err(|_| format!("the header {name} holds odd characters"))?.trim();
    Ok((!text.is_empty()).then_some(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::{Body, to_bytes};
    use qc_mcp_tools::{Transport, Upstream};

    use crate::limits::Excess;

    fn front(flags: &[&str]) -> Front {
        let settings = Settings::isolated(Transport::Http, flags.iter().copied()).unwrap();
        Front::new(QcServer::new(settings, Upstream::Configured).unwrap(), Arc::default()).unwrap()
    }

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        map
    }

    fn visit(front: &Front, pairs: &[(&str, &str)]) -> Result<Principal, Refusal> {
        let known = Known { who: Who::Owner, scopes: None, expires: None };
        front.visitor(&known, &headers(pairs), "id").map(|(_, principal)| principal)
    }

    const ANN: [(&str, &str); 2] = [("x-quantconnect-user-id", "1"), ("x-quantconnect-api-token", "a")];

    #[test]
    fn none_or_half_of_the_headers_is_refused() {
        let front = front(&["--credentials", "headers"]);
        assert!(visit(&front, &ANN).is_ok());
        for wrong in [
            &ANN[..1],
            &ANN[1..],
            &[],
            &[ANN[0], ("x-quantconnect-api-token", "  ")],
            &[("x-quantconnect-user-id", "ann"), ANN[1]],
        ] {
            assert!(matches!(visit(&front, wrong), Err(Refusal::Credentials(_))), "{wrong:?}");
        }
        let twice = [ANN[0], ANN[1], ("x-quantconnect-api-token", "b")];
        assert!(matches!(visit(&front, &twice), Err(Refusal::Header(_))));
    }

    #[test]
    fn a_server_with_its_own_account_takes_no_credentials_by_header() {
        let front = front(&[]);
        assert!(visit(&front, &[]).is_ok());
        for pair in [ANN[0], ANN[1], ("x-quantconnect-organization-id", "x")] {
            assert!(matches!(visit(&front, &[pair]), Err(Refusal::Header(_))), "{pair:?}");
        }
    }

    #[test]
    fn the_right_user_with_another_token_is_another_principal() {
        let front = front(&["--credentials", "headers"]);
        let other = [ANN[0], ("x-quantconnect-api-token", "b")];
        assert_ne!(visit(&front, &ANN), visit(&front, &other));
        assert_eq!(visit(&front, &ANN), visit(&front, &ANN));
    }

    #[tokio::test]
    async fn a_stream_ends_with_its_token_and_gives_its_places_back() {
        let front = front(&["--concurrent-total", "1"]);
        let enter = || front.limits.enter(Purpose::Answer);
        let places = || (enter().unwrap(), front.limits.enter_as([0; 32], Purpose::Answer).unwrap());
        let endless = futures::stream::pending::<Result<String, std::convert::Infallible>>();
        let begun = Instant::now();
        let until = begun + Duration::from_millis(50);
        let response = bounded(Response::new(Body::from_stream(endless)), until, places());
        assert_eq!(enter().unwrap_err(), Excess::Busy);
        assert!(to_bytes(response.into_body(), 10).await.unwrap().is_empty());
        assert!(until <= Instant::now() && begun.elapsed() < Duration::from_secs(5));
        let short = bounded(Response::new(Body::from("whole")), until, places());
        assert!(enter().is_ok());
        assert_eq!(to_bytes(short.into_body(), 10).await.unwrap(), "whole");
    }

    #[test]
    fn the_challenge_names_where_the_metadata_is() {
        let front = front(&[
            "--jwt-issuer",
            "https://id.example.com",
            "--jwt-audience",
            "https://qc.example.com/team/mcp",
            "--jwks-url",
            "https://id.example.com/keys",
        ]);
        let expected =
            "Bearer resource_metadata=\"https://qc.example.com/.well-known/oauth-protected-resource/team/mcp\"";
        assert_eq!(front.challenge(false), expected);
        assert!(front.challenge(true).ends_with(", error=\"invalid_token\""));
        let (paths, document) = front.metadata().unwrap();
        assert_eq!(paths.len(), 3);
        assert!(document.contains("\"resource\":\"https://qc.example.com/team/mcp\""), "{document}");
        assert_eq!(path_of("https://qc.example.com"), "");
    }
}
