//! What the front door of the HTTP server knows about the sender of a request. It puts a [`Visitor`] into the request's
//! extensions; from there the server learns whose request it is, with whose credentials it works, and how far it may go.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use qc_api::{Credentials, endpoints::account::Authenticate};
use rmcp::{RoleServer, service::RequestContext};

use crate::{
    caller::{Caller, CallerKey},
    error::{Kind, ToolError, Topic},
    gate::Door,
    keys::Key,
    server::{QcServer, ToolFacts},
    settings::{Borrower, Mode, Settings},
    shelf::Access,
};

/// The scope of a token that tools which delete ask for.
pub const SCOPE_DELETE: &str = "quantconnect:delete";
/// The scope of a token that tools which touch running algorithms ask for.
pub const SCOPE_LIVE: &str = "quantconnect:live";

/// How long QuantConnect's word on credentials is believed.
const BELIEVED: Duration = Duration::from_secs(300);
/// How long its no is: enough that a client that tries again and again, or tokens tried one after the other, do not make
/// this server knock there each time.
const REFUSED: Duration = Duration::from_secs(30);
/// How long somebody who was accepted is no stranger where use is counted.
const MET: Duration = Duration::from_secs(3600);
/// The most callers whose credentials are believed at a time.
const MOST: usize = 1_000;

/// Who sent a request, as the front door found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// Nobody asked for a name: the server works for its owner.
    Owner,
    /// Whoever knows this bearer token (its fingerprint).
    Bearer([u8; 32]),
    /// The subject of a token, and its issuer.
    Subject {
        /// Who says so.
        issuer: String,
        /// Who it is.
        subject: String,
    },
}

/// The sender of one HTTP request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visitor {
    /// Who it is.
    pub who: Who,
    /// The credentials in the request's headers.
    credentials: Option<Credentials>,
    /// The highest mode the request wants.
    ceiling: Option<Mode>,
    /// The scopes of the request's token, where it has one.
    scopes: Option<Vec<String>>,
    /// The name of the request in the log.
    pub request_id: String,
}

impl Visitor {
    /// A visitor without credentials of their own.
    pub fn new(who: Who, request_id: String) -> Self {
        Visitor { who, credentials: None, ceiling: None, scopes: None, request_id }
    }

    /// Somebody the front door said nothing about, though it tells callers apart: they may read what is nobody's.
    pub(crate) fn unknown() -> Self {
        Visitor {
            who: Who::Subject { issuer: String::new(), subject: String::new() },
            credentials: None,
            ceiling: Some(Mode::ReadOnly),
            scopes: Some(Vec::new()),
            request_id: "-".to_owned(),
        }
    }

    /// With the credentials of the request's headers.
    ///
    /// # Errors
    /// When they are no credentials; the text never repeats them.
    pub fn with_credentials(mut self, user: &str, token: &str, organization: Option<&str>) -> Result<Self, String> {
        let wrong = "the user id must be a number and the API token must not be empty";
        let credentials = Credentials::new(user, token).map_err(|_| wrong.to_owned())?;
        self.credentials = Some(match organization {
            Some(id) => credentials.with_organization(id),
            None => credentials,
        });
        Ok(self)
    }

    /// With a mode that the request does not want to pass; a higher one than the server's changes nothing.
    ///
    /// # Errors
    /// When the word is no mode.
    pub fn with_ceiling(mut self, word: &str) -> Result<Self, String> {
        let mode = <Mode as clap::ValueEnum>::from_str(word.trim(), true)
            .map_err(|_| "the mode must be read-only, research, paper or live".to_owned())?;
        self.ceiling = Some(mode);
        Ok(self)
    }

    /// With the scopes of the request's token.
    #[must_use]
    pub fn with_scopes(mut self, scopes: Vec<String>) -> Self {
        self.scopes = Some(scopes);
        self
    }

    /// The visitor the front door put into a request, if it came by HTTP.
    pub(crate) fn of(context: &RequestContext<RoleServer>) -> Option<Arc<Visitor>> {
        context.extensions.get::<http::request::Parts>()?.extensions.get::<Arc<Visitor>>().cloned()
    }

    pub(crate) fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The name of everything this visitor owns, made with the server's key: nobody who lacks it can make one, and
    /// none tells whom it belongs to. The token is part of it, so the right user with a wrong token is a stranger.
    pub(crate) fn key(&self, server: &Key) -> CallerKey {
        let (issuer, subject) = match &self.who {
            Who::Owner => (String::new(), String::new()),
            Who::Bearer(fingerprint) => ("bearer".to_owned(), hex::encode(fingerprint)),
            Who::Subject { issuer, subject } => (format!("subject {issuer}"), subject.clone()),
        };
        match &self.credentials {
            Some(credentials) => CallerKey::of_stranger(server, &issuer, &subject, credentials),
            None if self.who == Who::Owner => CallerKey::owner(),
            None => {
                CallerKey::new(hex::encode(server.derive("visitor").hash(&[issuer.as_bytes(), subject.as_bytes()])))
            }
        }
    }
}

impl Caller {
    /// The mode of this caller's request: the server's, or a lower one the request asked for.
    pub(crate) fn mode(&self, settings: &Settings) -> Mode {
        let ceiling = self.visitor.as_ref().and_then(|visitor| visitor.ceiling);
        ceiling.map_or(settings.mode, |ceiling| ceiling.min(settings.mode))
    }

    /// Who they are to the profiles of brokerages. A request with credentials was welcomed: QuantConnect accepted them.
    pub(crate) fn borrower(&self) -> Borrower<'_> {
        let Some(visitor) = &self.visitor else { return Borrower::default() };
        let subject = match &visitor.who {
            Who::Subject { subject, .. } => Some(subject.as_str()),
            Who::Owner | Who::Bearer(_) => None,
        };
        Borrower { user: visitor.credentials().map(Credentials::user_id), subject }
    }

    /// Whether the request asked for less than the server offers.
    pub(crate) fn is_lowered(&self, settings: &Settings) -> bool {
        self.mode(settings) < settings.mode
    }

    /// The name of the request in the log.
    pub(crate) fn request_id(&self) -> &str {
        self.visitor.as_ref().map_or("-", |visitor| visitor.request_id.as_str())
    }

    /// Whether the caller's token allows a tool.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] naming the scope that is missing.
    pub(crate) fn permits(&self, facts: &ToolFacts) -> Result<(), ToolError> {
        let Some(scopes) = self.visitor.as_ref().and_then(|visitor| visitor.scopes.as_ref()) else { return Ok(()) };
        let needed = match facts.access {
            _ if facts.group.stays_here() => return Ok(()),
            Access::Live => SCOPE_LIVE,
            Access::Delete => SCOPE_DELETE,
            Access::Read | Access::Create | Access::Update => return Ok(()),
        };
        if scopes.iter().any(|scope| scope == needed) {
            return Ok(());
        }
        let message =
            format!("the token does not have the scope {needed}, which {} needs; nothing was sent", facts.name);
        Err(ToolError::new(Kind::Forbidden, Topic::General, message))
    }
}

/// What QuantConnect said lately of callers' credentials.
#[derive(Debug, Default)]
pub(crate) struct Accepted {
    since: Mutex<HashMap<CallerKey, Instant>>,
    refused: Mutex<HashMap<CallerKey, Instant>>,
}

impl Accepted {
    fn holds(&self, caller: &CallerKey) -> bool {
        is_within(&self.since, caller, BELIEVED)
    }

    fn note(&self, caller: &CallerKey) {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).remove(caller);
        keep(&self.since, caller, MET);
    }

    fn note_refusal(&self, caller: &CallerKey) {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).remove(caller);
        keep(&self.refused, caller, REFUSED);
    }
}

type Moments = Mutex<HashMap<CallerKey, Instant>>;

fn is_within(moments: &Moments, caller: &CallerKey, time: Duration) -> bool {
    let moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    moments.get(caller).is_some_and(|moment| moment.elapsed() < time)
}

/// Notes that it was now; what is older than `time` is forgotten, and of too many the oldest.
fn keep(moments: &Moments, caller: &CallerKey, time: Duration) {
    let mut moments = moments.lock().unwrap_or_else(PoisonError::into_inner);
    moments.retain(|_, moment| moment.elapsed() < time);
    if MOST <= moments.len()
        && let Some(oldest) = moments.iter().min_by_key(|(_, moment)| **moment).map(|(caller, _)| caller.clone())
    {
        moments.remove(&oldest);
    }
    moments.insert(caller.clone(), Instant::now());
}

impl QcServer {
    /// Makes sure that a caller who brought credentials is who they say: QuantConnect accepted them, now or less than
    /// five minutes ago. Until then nothing that anybody owns here is looked at. Callers without credentials of their
    /// own were checked at the front door.
    ///
    /// # Errors
    /// Whatever QuantConnect answered; its no is remembered for half a minute.
    pub(crate) async fn welcome(&self, caller: &Caller) -> Result<(), ToolError> {
        let accepted = self.accepted();
        if !self.settings().team.by_headers() || accepted.holds(&caller.key) {
            return Ok(());
        }
        if is_within(&accepted.refused, &caller.key, REFUSED) {
            let message = format!(
                "QuantConnect did not accept these credentials less than {} seconds ago; nothing was sent",
                REFUSED.as_secs()
            );
            return Err(ToolError::new(Kind::Unauthorized, Topic::Credentials, message));
        }
        match Door::new(self.clone(), caller.clone()).send(&Authenticate {}).await {
            Ok(_) => accepted.note(&caller.key),
            Err(error) => {
                if error.kind == Kind::Unauthorized {
                    accepted.note_refusal(&caller.key);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether QuantConnect accepted this visitor's credentials within the last hour. Says nothing about now: only who
    /// waits in which queue may depend on it.
    pub fn has_met(&self, visitor: &Visitor) -> bool {
        is_within(&self.accepted().since, &self.key_of(visitor), MET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed(key: u8) -> Key {
        Key::of_secret(&[key])
    }

    fn visitor(who: Who, user: &str, token: &str) -> Visitor {
        Visitor::new(who, "r".into()).with_credentials(user, token, None).unwrap()
    }

    #[test]
    fn keys_differ_by_issuer_subject_user_token_and_server() {
        let subject = |issuer: &str, subject: &str| Who::Subject { issuer: issuer.into(), subject: subject.into() };
        let keys = [
            visitor(Who::Owner, "1", "a").key(&keyed(7)),
            visitor(Who::Owner, "1", "b").key(&keyed(7)),
            visitor(Who::Owner, "2", "a").key(&keyed(7)),
            visitor(Who::Owner, "1", "a").key(&keyed(8)),
            visitor(Who::Bearer([1; 32]), "1", "a").key(&keyed(7)),
            visitor(subject("i", "s"), "1", "a").key(&keyed(7)),
            visitor(subject("is", ""), "1", "a").key(&keyed(7)),
            visitor(subject("i", "t"), "1", "a").key(&keyed(7)),
            Visitor::new(subject("i", "s"), "r".into()).key(&keyed(7)),
            Visitor::new(Who::Owner, "r".into()).key(&keyed(7)),
        ];
        let distinct: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(distinct.len(), keys.len());
        assert_eq!(keys[9], CallerKey::owner());
        assert_eq!(visitor(Who::Owner, "1", "a").key(&keyed(7)), keys[0]);
    }

    #[test]
    fn a_request_lowers_the_mode_and_never_raises_it() {
        let of = |server: &str, wanted: Option<&str>| {
            let settings = Settings::isolated(crate::Transport::Http, ["--mode", server]).unwrap();
            let mut visitor = Visitor::new(Who::Owner, "r".into());
            if let Some(word) = wanted {
                visitor = visitor.with_ceiling(word).unwrap();
            }
            let caller = Caller { key: CallerKey::owner(), visitor: Some(Arc::new(visitor)) };
            caller.mode(&settings)
        };
        assert_eq!(of("paper", None), Mode::Paper);
        assert_eq!(of("paper", Some("read-only")), Mode::ReadOnly);
        assert_eq!(of("read-only", Some("live")), Mode::ReadOnly);
        assert!(Visitor::new(Who::Owner, "r".into()).with_ceiling("all").is_err());
    }

    #[test]
    fn somebody_the_front_door_said_nothing_about_reads_what_is_nobodys() {
        let settings = Settings::isolated(crate::Transport::Http, ["--mode", "paper", "--toolsets", "all"]).unwrap();
        let server = QcServer::new(settings, crate::Upstream::Configured).unwrap();
        let unknown = Visitor::unknown();
        let caller = Caller { key: unknown.key(&keyed(7)), visitor: Some(Arc::new(unknown)) };
        assert!(caller.key != CallerKey::owner() && caller.mode(server.settings()) == Mode::ReadOnly);
        let facts = |name: &str| server.tools().find(|(facts, _)| facts.name == name).unwrap().0;
        assert!(caller.permits(facts("delete_project")).is_err() && caller.permits(facts("read_project")).is_ok());
    }

    #[test]
    fn a_refusal_is_remembered_and_an_acceptance_ends_it() {
        let (accepted, caller) = (Accepted::default(), CallerKey::new("a"));
        accepted.note(&caller);
        accepted.note_refusal(&caller);
        assert!(!accepted.holds(&caller) && is_within(&accepted.refused, &caller, REFUSED));
        accepted.note(&caller);
        assert!(accepted.holds(&caller) && !is_within(&accepted.refused, &caller, REFUSED));
    }

    #[test]
    fn only_so_many_callers_are_remembered() {
        let accepted = Accepted::default();
        for i in 0..10_000 {
            accepted.note(&CallerKey::new(format!("{i}")));
        }
        assert_eq!(accepted.since.lock().unwrap().len(), MOST);
        assert!(accepted.holds(&CallerKey::new("9999")) && !accepted.holds(&CallerKey::new("0")));
    }
}
