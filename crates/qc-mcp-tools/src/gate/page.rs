//! A page that the client opens for its human, where it can: the address goes to the client alone, so that neither the
//! conversation nor the model has it. Where the client cannot, the answer of the tool carries it.

use std::sync::PoisonError;

use jiff::SignedDuration;
use rmcp::model::{ElicitRequestParams, ElicitResult, ElicitationAction};
use serde::Deserialize as _;

use super::{
    consent::{self, Ask, PATIENCE, Pending, Question, Way},
    token,
};
use crate::{
    error::{Kind, ToolError, Topic},
    store::{self, Store as _},
};

/// The name of the request in an answer that requires input.
pub(super) const PAGE: &str = "page";

/// What became of a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The human has it.
    Yes,
    /// The client opens no pages.
    Cannot,
}

impl Ask {
    /// Whether this call came again because the client was given a page before: then there is none to ask for.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] if the human did not want it, or what came back belongs to another call.
    pub(crate) async fn was_opened(&self) -> Result<bool, ToolError> {
        let Some(call) = self.call.as_ref().filter(|call| self.opens == Some(Way::Answer) && call.state.is_some())
        else {
            return Ok(false);
        };
        let refused = |why: &str| Err(ToolError::new(Kind::Forbidden, Topic::Consent, why));
        let state = self.door.state();
        let (key, now) = (state.key()?.derive("page"), self.door.now().await?);
        let caller = self.door.caller_key();
        let parts: [&[u8]; 3] = [call.tool.as_bytes(), &call.arguments, caller.as_bytes()];
        let Some(id) = call.state.as_deref().and_then(|sealed| token::open(&key, sealed, now, &parts)) else {
            return refused("the answer is over, or belongs to another call; nothing was sent");
        };
        let mut fresh = false;
        state.update(caller, store::Kind::Spent, &id, &mut |before| {
            fresh = before.is_none();
            Some(vec![1])
        })?;
        let reply = call.responses.as_ref().and_then(|replies| replies.get(PAGE));
        let reply = reply.and_then(|reply| ElicitResult::deserialize(reply).ok());
        match fresh && reply.is_some_and(|reply| reply.action == ElicitationAction::Accept) {
            true => Ok(true),
            false => refused("the page was not opened; nothing was sent"),
        }
    }

    /// Has the client open `url` for its human, who reads `text` first.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] while the client is given the page, or when the human did not want it.
    pub(crate) async fn open(&self, text: &str, url: &str) -> Result<Opened, ToolError> {
        match (self.opens, &self.call) {
            (Some(Way::Answer), Some(call)) => {
                let (key, now) = (self.door.state().key()?.derive("page"), self.door.now().await?);
                let parts: [&[u8]; 3] = [call.tool.as_bytes(), &call.arguments, self.door.caller_key().as_bytes()];
                let expires = SignedDuration::try_from(PATIENCE).ok().and_then(|wait| now.checked_add(wait).ok());
                let state = token::seal(&key, &store::new_id()?, expires.unwrap_or(now), &parts);
                let mut pending = call.pending.lock().unwrap_or_else(PoisonError::into_inner);
                *pending = Some(Pending { question: Question::plain(text), url: Some(url.to_owned()), state });
                Err(consent::pending())
            }
            (Some(Way::Wait), _) => {
                let page = ElicitRequestParams::UrlElicitationParams {
                    meta: None,
                    message: text.to_owned(),
                    url: url.to_owned(),
                    elicitation_id: store::new_id()?,
                };
                match self.peer.create_elicitation_with_timeout(page, Some(PATIENCE)).await {
                    Ok(reply) if reply.action == ElicitationAction::Accept => Ok(Opened::Yes),
                    _ => Err(ToolError::new(Kind::Forbidden, Topic::Consent, "the page was not opened")),
                }
            }
            _ => Ok(Opened::Cannot),
        }
    }
}
