//! Calls of tools that are not listed, for the four tools that find them: what may be reached so, and the call itself.

use std::{sync::Arc, time::Instant};

use rmcp::{
    RoleServer,
    model::{CallToolRequestParams, CallToolResponse, CallToolResult, JsonObject, Tool},
    service::RequestContext,
};

use serde_json::Value;

use super::{QcServer, ToolFacts, handler::explain_argument_errors};
use crate::{
    args::quote,
    caller::Caller,
    coerce,
    error::{Kind, ToolError, Topic},
    gate::Call,
    jobs::{self, Begun},
    metrics::Outcome,
    settings::Settings,
    shelf::{Access, Group, Shelf},
    tools,
};

/// What came of a call through another tool.
#[derive(Debug)]
pub(crate) enum Reached {
    /// It ended.
    Answer(CallToolResult),
    /// It goes on as a job; this is what its caller is told.
    GoesOn(CallToolResult),
}

impl Reached {
    /// What the caller is told.
    pub(crate) fn into_answer(self) -> CallToolResult {
        let (Reached::Answer(result) | Reached::GoesOn(result)) = self;
        result
    }
}

/// Whether a tool may be called without being listed: it reads, creates or changes, spends nothing and reaches nobody.
pub(super) fn is_reachable(settings: &Settings, shelf: &Shelf, tool: &str) -> bool {
    settings.toolsets.discovers()
        && shelf.access <= Access::Update
        && shelf.group != Group::Discover
        && !tools::RESERVED.contains(&tool)
}

impl QcServer {
    /// The tools that a caller can find and call by those of the group `discover`.
    pub(crate) fn reachable(&self, caller: &Caller) -> impl Iterator<Item = (&ToolFacts, &Tool)> {
        let reachable = self.inner.reachable.values().filter(|facts| self.offers(caller, facts));
        reachable.filter_map(|facts| Some((facts, self.inner.router.get(&facts.name)?)))
    }

    /// One of them, by its name or another.
    ///
    /// # Errors
    /// [`Kind::NotFound`], or [`Kind::Forbidden`] for a tool that must be called by its own listed name.
    pub(crate) fn reachable_tool(&self, name: &str) -> Result<(&ToolFacts, &Tool), ToolError> {
        let name = tools::resolve(name.trim());
        let found = self.inner.reachable.get(name).zip(self.inner.router.get(name));
        found.ok_or_else(|| match self.inner.facts.contains_key(name) {
            true => ToolError::new(
                Kind::Forbidden,
                Topic::Tool,
                format!("`{}` is called by its own name, not through another tool; nothing was called", quote(name)),
            ),
            false => {
                let known: Vec<&str> = self.inner.reachable.keys().map(String::as_str).collect();
                let near = coerce::nearest(&quote(name), &known);
                let near = near.map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
                let message = format!("there is no tool `{}` to be called so{near}", quote(name));
                ToolError::new(Kind::NotFound, Topic::Tool, message)
            }
        })
    }

    /// Calls a research tool again, listed or not: it computes here and changes nothing but what its caller keeps.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for any other tool; for arguments that no longer fit; the tool's own.
    pub(crate) async fn research_again(
        &self,
        name: &str,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResult, ToolError> {
        let none = || ToolError::new(Kind::NotFound, Topic::Tool, format!("`{}` is no research tool", quote(name)));
        let facts =
            self.inner.facts.get(name).filter(|facts| facts.access == Access::Read && facts.group.is_research());
        let facts = facts.ok_or_else(none)?;
        let caller = self.caller(&context);
        if !self.offers(&caller, facts) {
            return Err(none());
        }
        // That call is work of its own already, and becomes a job as one.
        self.called(facts, &caller, arguments, context, false).await.map(Reached::into_answer)
    }

    /// Calls one of them as if the client had called it: one that may take long goes on as a job.
    ///
    /// # Errors
    /// As [`QcServer::reachable_tool`]; for arguments that do not fit; when the tool would have to ask its human.
    pub(crate) async fn reach(
        &self,
        name: &str,
        arguments: JsonObject,
        context: RequestContext<RoleServer>,
    ) -> Result<Reached, ToolError> {
        let (facts, _) = self.reachable_tool(name)?;
        let caller = self.caller(&context);
        if !self.offers(&caller, facts) {
            let message = format!("`{}` is above the mode this request asked for; nothing was called", facts.name);
            return Err(ToolError::new(Kind::Forbidden, Topic::Tool, message));
        }
        self.called(facts, &caller, arguments, context, facts.may_take_long()).await
    }

    /// A tool that this caller can call, by its own name or through those that call others.
    pub(crate) fn callable(&self, caller: &Caller, name: &str) -> Option<&ToolFacts> {
        let reachable = self.inner.reachable.get(name).filter(|facts| self.offers(caller, facts));
        self.offered(caller, name).or(reachable)
    }

    async fn called(
        &self,
        facts: &ToolFacts,
        caller: &Caller,
        arguments: JsonObject,
        mut context: RequestContext<RoleServer>,
        may_go_on: bool,
    ) -> Result<Reached, ToolError> {
        caller.permits(facts)?;
        let arguments = coerce::coerce(&facts.accepted, arguments)?;
        // The guards see the tool that is called, not the one that calls it; nobody is asked from here.
        context.extensions.insert(Arc::new(Call::new(&facts.name, &arguments, None, None)));
        let request = CallToolRequestParams::new(facts.name.clone()).with_arguments(arguments);
        let started = Instant::now();
        let mut goes_on = false;
        let outcome = if may_go_on {
            let asked = request.arguments.as_ref().and_then(|all| all.get(jobs::WAIT_ARGUMENT)).and_then(Value::as_f64);
            let patience = jobs::patience(&self.inner.settings, asked);
            let answer = match Box::pin(self.begin(caller, request, context, patience)).await {
                Ok(Begun::Answer(answer)) => answer,
                Ok(Begun::Job(id, record)) => {
                    goes_on = true;
                    tools::going_on(&id, &record).into_result()
                }
                Err(error) => error.into_result(),
            };
            Ok(answer.into())
        } else {
            Box::pin(self.run(request, context)).await.map(explain_argument_errors)
        };
        let what = Outcome::of(&outcome);
        self.inner.metrics.record(&facts.name, what, started.elapsed());
        tracing::info!(tool = facts.name, outcome = what.id(), by = "another tool", "tool call");
        match outcome {
            Ok(CallToolResponse::Complete(result)) if goes_on => Ok(Reached::GoesOn(result)),
            Ok(CallToolResponse::Complete(result)) => Ok(Reached::Answer(result)),
            Ok(_) => Err(ToolError::new(
                Kind::Forbidden,
                Topic::Tool,
                format!("`{}` has to ask its human, which works only under its own name; nothing was done", facts.name),
            )),
            Err(error) => Err(ToolError::argument(error.message.to_string())),
        }
    }
}
