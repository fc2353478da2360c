//! The server as the protocol sees it: lists, calls, resources, prompts. Every call passes here once: alias, argument
//! repair, the tool, outcome counted.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, GetPromptRequestParams, GetPromptResponse, Implementation,
        ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents, ServerCapabilities,
        ServerConfig, Tool,
    },
    service::RequestContext,
};

use super::QcServer;
use crate::{
    coerce,
    ctx::Ctx,
    error::{Kind, ToolError},
    gate::Call,
    metrics::Outcome,
    prompts, resources,
    shelf::{Access, Group},
    tools,
};

/// How long a client may keep the list of tools: it never changes while the server runs.
const LIST_TTL_MS: u64 = 3_600_000;
impl ServerHandler for QcServer {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().enable_resources().enable_prompts().build())
            .with_server_info(
                Implementation::new("quantconnect-mcp", env!("CARGO_PKG_VERSION")).with_title("QuantConnect"),
            )
            .with_instructions(include_str!("../instructions.md"))
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.inner.listed.clone())
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let fixed = self.pages().filter(|page| !page.is_template()).map(resources::Page::resource).collect();
        Ok(ListResourcesResult::with_all_items(fixed).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = self.pages().filter(|page| page.is_template()).map(resources::Page::template).collect();
        Ok(ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let ctx = Ctx::new(self, &context);
        let read = AssertUnwindSafe(resources::read(self, &ctx, &request.uri)).catch_unwind();
        let outcome = tokio::select! {
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the read was cancelled", None)),
            outcome = read => outcome,
        };
        let (page, text) = match outcome {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.kind == Kind::NotFound => {
                return Err(ErrorData::resource_not_found(error.text(), None));
            }
            Ok(Err(error)) if error.kind == Kind::InvalidArgument => {
                return Err(ErrorData::invalid_params(error.text(), None));
            }
            Ok(Err(error)) => return Err(ErrorData::internal_error(error.text(), None)),
            Err(_) => return Err(ErrorData::internal_error("internal error in this resource", None)),
        };
        let contents = ResourceContents::text(text, request.uri).with_mime_type(page.mime_type);
        Ok(ReadResourceResult::new(vec![contents]).with_ttl_ms(0).with_cache_scope(CacheScope::Private).into())
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let listed = prompts::PROMPTS.iter().map(prompts::Template::listed).collect();
        Ok(ListPromptsResult::with_all_items(listed).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public))
    }

    async fn get_prompt(
        &self,
        request: GetPromptRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetPromptResponse, ErrorData> {
        prompts::get(&request.name, &request.arguments.unwrap_or_default()).map(Into::into)
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        let name = tools::resolve(name);
        self.inner.facts.get(name).and_then(|_| self.inner.router.get(name)).cloned()
    }

    async fn call_tool(
        &self,
        mut request: CallToolRequestParams,
        mut context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(facts) = self.inner.facts.get(tools::resolve(&request.name)) else {
            return Err(self.unknown_tool(&request.name));
        };
        let started = Instant::now();
        let outcome = match coerce::coerce(&facts.accepted, request.arguments.take().unwrap_or_default()) {
            Ok(arguments) => {
                if facts.access != Access::Read || facts.group == Group::Live {
                    let (state, responses) = (request.request_state.take(), request.input_responses.take());
                    context.extensions.insert(Arc::new(Call::new(&facts.name, &arguments, state, responses)));
                }
                request.arguments = Some(arguments);
                request.name = facts.name.clone().into();
                self.run(request, context).await.map(explain_argument_errors)
            }
            Err(error) => Ok(error.into_result().into()),
        };
        let took = started.elapsed();
        let what = Outcome::of(&outcome);
        self.inner.metrics.record(&facts.name, what, took);
        tracing::info!(tool = facts.name, outcome = what.id(), ms = took.as_millis() as u64, "tool call");
        outcome
    }
}

/// rmcp answers arguments that serde refuses with its own text; give it our form.
pub(super) fn explain_argument_errors(response: CallToolResponse) -> CallToolResponse {
    const PREFIX: &str = "failed to deserialize parameters:";
    if let CallToolResponse::Complete(result) = &response
        && result.is_error == Some(true)
        && let Some(rest) =
            result.content.first().and_then(|block| block.as_text()).and_then(|text| text.text.strip_prefix(PREFIX))
    {
        return ToolError::argument(format!("arguments do not fit the schema:{rest}")).into_result().into();
    }
    response
}
