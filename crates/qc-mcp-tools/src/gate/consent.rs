//! Questions to the human. The text is ours; only an explicit yes is a yes; where nobody can be asked, the answer is no.
//!
//! Clients of the protocol since 2026-07-28 are asked by an answer that requires input: the question waits in the call
//! until `server.rs` sends it, and the repeated call brings the reply with a sealed text that binds it to this call and
//! this question. Older clients are asked while the call waits.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use jiff::SignedDuration;
use qc_api::Reach;
use rmcp::{
    Peer, RoleServer,
    model::{
        ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationCapability, ElicitationSchema,
        InputRequest, InputRequests, InputRequiredResult, ProtocolVersion,
    },
    service::{ElicitationError, RequestContext},
};
use serde::{Deserialize, Serialize};

use super::{
    Door,
    deed::{Deed, shown_id},
    page,
    token::{self, Call},
};
use crate::{
    error::{Kind, ToolError, Topic},
    reply::Untrusted,
    settings::Transport,
    store::{self, Store as _},
};

/// How long a question may be answered.
pub(super) const PATIENCE: Duration = Duration::from_secs(300);
/// The name of the question in an answer that requires input, and of its one field.
const CONFIRM: &str = "confirm";
/// Most characters of what is sent on, as a question shows it.
const PAYLOAD: usize = 1_500;
/// Most characters of a foreign name in a question.
const NAME: usize = 80;

/// The form of a question: one box to tick.
#[derive(Debug, Serialize, Deserialize, rmcp::schemars::JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct Confirmation {
    /// Tick to go ahead
    confirm: bool,
}
rmcp::elicit_safe!(Confirmation);

/// A question to the human.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Question {
    text: String,
}

impl Question {
    /// Whether these deeds may be done.
    pub(super) fn of(deeds: &[Deed], simulated: bool) -> Question {
        let real = deeds.iter().any(Deed::is_real);
        let live = deeds.iter().any(|deed| deed.endpoint.reach == Reach::Live);
        let people = deeds.iter().any(|deed| deed.endpoint.reach == Reach::People);
        let first = match (real, live, people) {
            (true, ..) => "REAL MONEY",
            (_, true, _) => "paper",
            (.., true) => "OTHER PEOPLE",
            _ if deeds.iter().any(|deed| deed.needs_human) => "REAL MONEY may be affected",
            _ => "CONSENT",
        };
        let mut text = if simulated { format!("SIMULATED: {first}") } else { first.to_owned() };
        for deed in deeds {
            text.push('\n');
            text.push_str(&facts(deed));
        }
        for line in deeds.iter().flat_map(|deed| &deed.lines) {
            text.push('\n');
            text.push_str(line);
        }
        for payload in deeds.iter().filter_map(|deed| deed.payload.as_deref()) {
            text.push_str(&format!("\nIt sends, {} characters in all: {payload}", payload.len()));
        }
        text.push_str("\nDo it?");
        let names: Vec<String> =
            deeds.iter().flat_map(|deed| &deed.foreign).map(|(what, name)| quoted(what, name)).collect();
        if !names.is_empty() {
            text.push_str("\nNames given by others: ");
            text.push_str(&names.join(", "));
        }
        Question { text }
    }

    /// Why a human could not see whole what these deeds send on.
    pub(super) fn too_long(deeds: &[Deed]) -> Option<String> {
        let longest = deeds.iter().filter_map(|deed| deed.payload.as_ref()).map(String::len).max()?;
        (PAYLOAD < longest).then(|| {
            format!("what it sends has {longest} characters, and a human is shown at most {PAYLOAD} of what moves real money")
        })
    }

    /// A question of our own words.
    pub(crate) fn plain(text: impl Into<String>) -> Question {
        Question { text: text.into() }
    }
}

/// One deed in one line: account, project, node, money.
fn facts(deed: &Deed) -> String {
    let mut parts = vec![deed.what.to_owned()];
    parts.extend(deed.account.as_ref().map(|account| format!("account {}", shown_id(account))));
    parts.extend(deed.project.map(|project| format!("project {project}")));
    parts.extend(deed.deploy_id.as_ref().map(|id| format!("deployment {}", shown_id(id))));
    parts.extend(deed.node.as_ref().map(|node| format!("node {}", shown_id(node))));
    parts.extend(deed.organization.as_ref().map(|id| format!("organisation {}", shown_id(id))));
    if deed.endpoint.reach == Reach::Live {
        parts.push(if deed.is_real() { "real money".into() } else { "paper".into() });
    }
    if let Some(estimate) = deed.estimate {
        parts.push(format!("costs about {estimate:.2} QCC"));
    }
    if 1 < deed.objects {
        parts.push(format!("{} things", deed.objects));
    }
    parts.join(", ")
}

/// A foreign name on one line, shortened, in quotes that it cannot close.
fn quoted(what: &str, name: &Untrusted) -> String {
    let line: String = name
        .shortened(NAME)
        .as_str()
        .chars()
        .map(|c| {
            if c.is_whitespace() {
                ' '
            } else if c == '"' {
                '\''
            } else {
                c
            }
        })
        .collect();
    format!("{what} \"{line}\"")
}

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// An explicit yes.
    Yes,
    /// It is on its way; the call will come again with the answer.
    Pending,
    /// Anything else.
    No(&'static str),
    /// Nobody can be asked.
    Mute(&'static str),
}

/// A question that waits to be sent.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) question: Question,
    /// A page to open, instead of a box to tick.
    pub(super) url: Option<String>,
    pub(super) state: String,
}

impl Call {
    /// The answer that asks, if a question waits.
    pub(crate) fn take_question(&self) -> Option<InputRequiredResult> {
        let Pending { question, url, state } = self.pending.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let (name, params) = match url {
            Some(url) => (
                page::PAGE,
                ElicitRequestParams::UrlElicitationParams {
                    meta: None,
                    message: question.text,
                    url,
                    elicitation_id: String::new(),
                },
            ),
            None => (
                CONFIRM,
                ElicitRequestParams::FormElicitationParams {
                    meta: None,
                    message: question.text,
                    requested_schema: ElicitationSchema::from_type::<Confirmation>().ok()?,
                },
            ),
        };
        let mut requests = InputRequests::new();
        requests.insert(name.into(), InputRequest::Elicitation(ElicitRequest::new(params)));
        Some(InputRequiredResult::new(Some(requests), Some(state)))
    }
}

/// How the human at a client is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// By an answer that requires input.
    Answer,
    /// While the call waits.
    Wait,
    /// Not at all, for this reason.
    None(&'static str),
}

/// The client's human. Nothing but an explicit yes is a yes.
#[derive(Debug, Clone)]
pub struct Ask {
    pub(super) peer: Peer<RoleServer>,
    way: Way,
    /// How the client is given a page to open, if it opens pages.
    pub(super) opens: Option<Way>,
    pub(super) door: Door,
    pub(super) call: Option<Arc<Call>>,
}

const NO_FORM: &str = "this client cannot ask its human";
const NO_SESSION: &str = "this client speaks an older protocol, in which questions need QC_MCP_HTTP_SESSIONS=true";

impl Ask {
    pub(crate) fn new(context: &RequestContext<RoleServer>, door: &Door, call: Option<Arc<Call>>) -> Self {
        let capability = context.client_capabilities().and_then(|capabilities| capabilities.elicitation.clone());
        let modern = context.protocol_version().is_some_and(|version| ProtocolVersion::V_2026_07_28 <= version);
        let settings = door.settings();
        let reached = match modern {
            true => Way::Answer,
            false if settings.serves == Transport::Stdio || settings.http_sessions => Way::Wait,
            false => Way::None(NO_SESSION),
        };
        let opens = capability.as_ref().is_some_and(|it| it.url.is_some()) && !matches!(reached, Way::None(_));
        let way = match capability {
            Some(ElicitationCapability { form: None, url: Some(_), .. }) | None => Way::None(NO_FORM),
            Some(_) => reached,
        };
        Ask { peer: context.peer.clone(), way, opens: opens.then_some(reached), door: door.clone(), call }
    }

    /// Asks `question` and returns only after an explicit yes.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when the client cannot ask, or the human did not say yes (yet).
    pub(crate) async fn confirm(&self, question: &Question) -> Result<(), ToolError> {
        match self.put(question, "").await? {
            Reply::Yes => Ok(()),
            Reply::Pending => Err(pending()),
            Reply::No(why) | Reply::Mute(why) => Err(ToolError::new(
                Kind::Forbidden,
                Topic::Consent,
                format!("this needs a human's consent, and {why}; nothing was sent"),
            )),
        }
    }

    /// Whether anybody can be asked at all.
    pub(super) fn is_mute(&self) -> Option<&'static str> {
        match self.way {
            Way::None(why) => Some(why),
            Way::Answer if self.call.is_none() => Some(NO_FORM),
            _ => None,
        }
    }

    /// Whether the call came again with the answer to a question.
    pub(super) fn has_reply(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.state.is_some())
    }

    /// Puts a question that belongs to `ticket` (empty for none).
    pub(super) async fn put(&self, question: &Question, ticket: &str) -> Result<Reply, ToolError> {
        if let Some(why) = self.is_mute() {
            return Ok(Reply::Mute(why));
        }
        match (self.way, &self.call) {
            (Way::Answer, Some(call)) => self.by_answer(call, question, ticket).await,
            _ => Ok(self.by_waiting(question).await),
        }
    }

    async fn by_waiting(&self, question: &Question) -> Reply {
        match self.peer.elicit_with_timeout::<Confirmation>(question.text.clone(), Some(PATIENCE)).await {
            Ok(Some(Confirmation { confirm: true })) => Reply::Yes,
            Ok(_) | Err(ElicitationError::UserDeclined | ElicitationError::UserCancelled) => {
                Reply::No("the human did not consent")
            }
            Err(_) => Reply::No("the client could not ask its human"),
        }
    }

    async fn by_answer(&self, call: &Call, question: &Question, ticket: &str) -> Result<Reply, ToolError> {
        let state = self.door.state();
        let key = state.key()?.derive("question");
        let now = self.door.now().await?;
        let caller = self.door.caller_key();
        let parts: [&[u8]; 5] =
            [call.tool.as_bytes(), &call.arguments, caller.as_bytes(), question.text.as_bytes(), ticket.as_bytes()];
        let Some(sealed) = &call.state else {
            let expires = SignedDuration::try_from(PATIENCE).ok().and_then(|wait| now.checked_add(wait).ok());
            let sealed = token::seal(&key, &store::new_id()?, expires.unwrap_or(now), &parts);
            let mut pending = call.pending.lock().unwrap_or_else(PoisonError::into_inner);
            *pending = Some(Pending { question: question.clone(), url: None, state: sealed });
            return Ok(Reply::Pending);
        };
        let Some(id) = token::open(&key, sealed, now, &parts) else {
            return Ok(Reply::No("the answer is over, or belongs to another question"));
        };
        let mut fresh = false;
        state.update(caller, store::Kind::Spent, &id, &mut |before| {
            fresh = before.is_none();
            Some(vec![1])
        })?;
        if !fresh {
            return Ok(Reply::No("the answer was used before"));
        }
        let reply = call.responses.as_ref().and_then(|replies| replies.get(CONFIRM));
        let reply = reply.and_then(|reply| ElicitResult::deserialize(reply).ok());
        let said_yes = reply.is_some_and(|reply| {
            reply.action == ElicitationAction::Accept
                && reply.content.as_ref().and_then(|content| content.get(CONFIRM))
                    == Some(&serde_json::Value::Bool(true))
        });
        Ok(if said_yes { Reply::Yes } else { Reply::No("the human did not consent") })
    }
}

/// What an error says that only stands in for a question.
pub(crate) const ASKING: &str = "the human has to be asked first; nothing was sent";

/// What stands in for the answer of a call that waits for its human; `server.rs` sends the question instead of it.
pub(super) fn pending() -> ToolError {
    ToolError::new(Kind::Forbidden, Topic::Consent, ASKING)
}

#[cfg(test)]
mod tests {
    use qc_api::{brokerage::Money, endpoints::live::StopLive};

    use super::*;

    #[test]
    fn the_first_line_is_the_money_and_foreign_names_come_last_and_tamed() {
        let stop = |id: i64| Deed::new("stop", &StopLive { project_id: id.into() }).project(id.into());
        let hostile = "nice\"\nREAL MONEY: no \u{202e}\u{200b}\u{1b}[31m".to_owned() + &"x".repeat(200);
        let deed = stop(7).money(Money::Real).account(Some("****1234".into())).line("sells nothing");
        let question =
            Question::of(&[deed.foreign("project", Untrusted::new(hostile)), stop(8).money(Money::Paper)], false);
        let lines: Vec<&str> = question.text.lines().collect();
        assert_eq!(
            lines[..4],
            ["REAL MONEY", "stop, account ****1234, project 7, real money", "stop, project 8, paper", "sells nothing"]
        );
        assert_eq!((lines.len(), lines[4]), (6, "Do it?"));
        assert!(lines[5].starts_with("Names given by others: project \"nice' REAL MONEY: no xxx"), "{}", lines[5]);
        assert!(lines[5].chars().count() < 130 && lines[5].ends_with('"'));
        let paper = Question::of(&[stop(8).money(Money::Paper)], true);
        assert!(paper.text.starts_with("SIMULATED: paper\n"), "{}", paper.text);
    }
}
