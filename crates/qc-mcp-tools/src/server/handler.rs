//! The server as the protocol sees it: lists, calls, resources, prompts. Every call passes here once: alias, argument
//! repair, the tool, outcome counted.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Instant};

use futures::FutureExt;
use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CacheScope, CallToolRequestParams, CallToolResponse, CancelTaskParams, CompleteRequestParams, CompleteResult,
        CreateTaskResult, GetPromptRequestParams, GetPromptResponse, GetTaskParams, GetTaskResult, Icon,
        Implementation, ListPromptsResult, ListResourceTemplatesResult, ListResourcesResult, ListToolsResult,
        PaginatedRequestParams, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, ResourceContents,
        ServerCapabilities, ServerConfig, SubscribeRequestParams, SubscriptionFilter, Tool, UnsubscribeRequestParams,
        UpdateTaskParams,
    },
    service::{RequestContext, SubscriptionContext},
};

#[allow(deprecated)] // what clients of the older revisions use
use rmcp::model::SetLevelRequestParams;

use super::{QcServer, tasks};
use crate::{
    caller::Caller,
    coerce, complete,
    ctx::Ctx,
    error::{Kind, ToolError},
    gate::Call,
    jobs::{self, Begun},
    metrics::Outcome,
    pages, prompts, resources,
    shelf::{Access, Group},
    tools,
};

/// How long a client may keep the list of tools: it never changes while the server runs.
const LIST_TTL_MS: u64 = 3_600_000;

impl ServerHandler for QcServer {
    #[allow(deprecated)] // clients of the older revisions set a log level
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder()
            .enable_tools()
            .enable_resources()
            .enable_resources_subscribe()
            .enable_prompts()
            .enable_completions()
            .enable_logging()
            .enable_tasks()
            .build();
        ServerConfig::new(capabilities)
            .with_server_info(
                Implementation::new("quantconnect-mcp", env!("CARGO_PKG_VERSION"))
                    .with_title("QuantConnect")
                    .with_icons(vec![icon()]),
            )
            .with_instructions(include_str!("../instructions.md"))
    }

    async fn list_tools(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let caller = self.caller(&context);
        let (offered, scope) = if caller.is_lowered(&self.inner.settings) {
            let offered = self.tools().filter(|(facts, _)| self.offers(&caller, facts)).map(|(_, tool)| tool.clone());
            (offered.collect(), CacheScope::Private)
        } else {
            (self.inner.listed.clone(), CacheScope::Public)
        };
        let (offered, next) = pages::page(offered, request.as_ref(), pages::TOOLS)?;
        let mut result = ListToolsResult::with_all_items(offered).with_ttl_ms(LIST_TTL_MS).with_cache_scope(scope);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resources(
        &self,
        request: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let mut all: Vec<_> = self.pages().filter(|page| !page.is_template()).map(resources::Page::resource).collect();
        let caller = self.caller(&context);
        // The results a caller has kept are theirs alone, so a caller not yet known sees none.
        if self.pages().any(|page| page.uri == resources::RESEARCH) && self.welcome(&caller).await.is_ok() {
            let kept = self.desk().list_research(caller.key.as_str()).unwrap_or_default();
            all.extend(kept.iter().rev().map(|(kept, tool)| resources::kept(&kept.uri, tool)));
        }
        if self.pages().any(|page| page.uri == resources::JOB) && self.welcome(&caller).await.is_ok() {
            let jobs = self.records(caller.key.as_str()).unwrap_or_default();
            let going_on = jobs.iter().filter(|(_, record)| !record.status.is_over());
            all.extend(going_on.map(|(id, record)| resources::job(&jobs::of_record(id), &record.tool)));
        }
        let (page, next) = pages::page(all, request.as_ref(), pages::OTHERS)?;
        let mut result = ListResourcesResult::with_all_items(page).with_ttl_ms(0).with_cache_scope(CacheScope::Private);
        result.next_cursor = next;
        Ok(result)
    }

    async fn list_resource_templates(
        &self,
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        let templates = self.pages().filter(|page| page.is_template()).map(resources::Page::template).collect();
        let (templates, next) = pages::page(templates, request.as_ref(), pages::OTHERS)?;
        let mut result = ListResourceTemplatesResult::with_all_items(templates)
            .with_ttl_ms(LIST_TTL_MS)
            .with_cache_scope(CacheScope::Public);
        result.next_cursor = next;
        Ok(result)
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let ctx = Ctx::new(self, &context);
        let read = async {
            self.welcome(&ctx.caller).await?;
            resources::read(self, &ctx, &request.uri).await
        };
        let read = AssertUnwindSafe(read).catch_unwind();
        let outcome = tokio::select! {
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the read was cancelled", None)),
            outcome = read => outcome,
        };
        let (page, text) = match outcome {
            Ok(Ok(found)) => found,
            Ok(Err(error)) if error.kind == Kind::NotFound => {
                let asked = serde_json::json!({ "uri": request.uri });
                return Err(ErrorData::resource_not_found(error.text(), Some(asked)));
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
        request: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        let listed = prompts::PROMPTS.iter().map(prompts::Template::listed).collect();
        let (listed, next) = pages::page(listed, request.as_ref(), pages::OTHERS)?;
        let mut result =
            ListPromptsResult::with_all_items(listed).with_ttl_ms(LIST_TTL_MS).with_cache_scope(CacheScope::Public);
        result.next_cursor = next;
        Ok(result)
    }

    async fn complete(
        &self,
        request: CompleteRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        let ctx = Ctx::new(self, &context);
        let found = async {
            self.welcome(&ctx.caller).await?;
            complete::complete(self, &ctx, &request).await
        };
        let found = AssertUnwindSafe(found).catch_unwind();
        let outcome = tokio::select! {
            () = context.ct.cancelled() => return Err(ErrorData::internal_error("the completion was cancelled", None)),
            outcome = found => outcome,
        };
        match outcome {
            Ok(Ok(completion)) => Ok(CompleteResult::new(completion)),
            // Without an account or a data folder there is nothing to propose.
            Ok(Err(error)) if matches!(error.kind, Kind::NotConfigured | Kind::NotFound) => {
                Ok(CompleteResult::default())
            }
            Ok(Err(error)) => Err(ErrorData::internal_error(error.text(), None)),
            Err(_) => Err(ErrorData::internal_error("internal error in this completion", None)),
        }
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
        let caller = self.caller(&context);
        let known = self.inner.facts.get(tools::resolve(&request.name));
        let Some(facts) = known.filter(|facts| self.offers(&caller, facts)) else {
            return Err(self.unknown_tool(&request.name));
        };
        let (started, asker) = (Instant::now(), context.clone());
        let admitted = match caller.permits(facts) {
            Ok(()) => self.welcome(&caller).await,
            refused => refused,
        };
        let repaired =
            admitted.and_then(|()| coerce::coerce(&facts.accepted, request.arguments.take().unwrap_or_default()));
        let outcome = match repaired {
            Ok(arguments) => {
                if facts.access != Access::Read || facts.group == Group::Live {
                    let (state, responses) = (request.request_state.take(), request.input_responses.take());
                    context.extensions.insert(Arc::new(Call::new(&facts.name, &arguments, state, responses)));
                }
                request.arguments = Some(arguments);
                request.name = facts.name.clone().into();
                let is_task = tasks::are_wanted(&context) && waits(&facts.name, request.arguments.as_ref());
                match facts.may_take_long() {
                    true => self.run_patiently(&caller, request, context).await,
                    false => {
                        let answer = self.run(request, context).await.map(explain_argument_errors);
                        if is_task { answer.map(tasks::instead_of) } else { answer }
                    }
                }
            }
            Err(error) => Ok(error.into_result().into()),
        };
        let outcome = outcome.map(|mut answer| {
            if let CallToolResponse::Complete(result) = &mut answer {
                self.keep_to_offered(&caller, result);
            }
            answer
        });
        let took = started.elapsed();
        let what = Outcome::of(&outcome);
        self.inner.metrics.record(&facts.name, what, took);
        tracing::info!(
            request = caller.request_id(),
            tool = facts.name,
            caller = caller.key.prefix(),
            outcome = what.id(),
            ms = took.as_millis() as u64,
            "tool call"
        );
        self.tell_outcome(&asker, &facts.name, what, took).await;
        outcome
    }

    async fn get_task(
        &self,
        request: GetTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<GetTaskResult, ErrorData> {
        self.look_at_task(&request.task_id, &context).await
    }

    async fn update_task(
        &self,
        request: UpdateTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.know_task(&request.task_id, &context).await
    }

    async fn cancel_task(
        &self,
        request: CancelTaskParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.give_up_task(&request.task_id, &context).await
    }

    fn accepted_subscription_filter(&self, requested: &SubscriptionFilter) -> Option<SubscriptionFilter> {
        self.followable(requested)
    }

    async fn listen(&self, context: SubscriptionContext) -> Result<(), ErrorData> {
        self.tell(&context).await;
        Ok(())
    }

    #[allow(deprecated)] // how clients of the older revisions subscribe
    async fn subscribe(
        &self,
        request: SubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.subscribe_to(&request.uri, context).await
    }

    #[allow(deprecated)] // how clients of the older revisions subscribe
    async fn unsubscribe(
        &self,
        request: UnsubscribeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.unsubscribe_from(&request.uri, &context);
        Ok(())
    }

    #[allow(deprecated)] // what clients of the older revisions use
    async fn set_level(
        &self,
        request: SetLevelRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.set_log_level(request.level, &context);
        Ok(())
    }
}

impl QcServer {
    /// Calls a tool that may take long: its answer, or after the time of waiting the handle of the job it has become.
    async fn run_patiently(
        &self,
        caller: &Caller,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = request.arguments.as_ref();
        let asked = arguments.and_then(|all| all.get(jobs::WAIT_ARGUMENT)).and_then(serde_json::Value::as_f64);
        let wants_task = tasks::are_wanted(&context);
        let patience = match asked {
            None if wants_task => tasks::PATIENCE,
            _ => jobs::patience(&self.inner.settings, asked),
        };
        let begun = self.begin(caller, request, context, patience).await;
        Ok(match begun {
            Ok(Begun::Answer(answer)) => answer,
            Ok(Begun::Job(id, record)) if wants_task => {
                return Ok(CallToolResponse::Task(CreateTaskResult::new(tasks::of_record(&id, &record))));
            }
            Ok(Begun::Job(id, record)) => tools::going_on(&id, &record).into_result(),
            Err(error) => error.into_result(),
        }
        .into())
    }
}

/// Whether a call starts work at QuantConnect and waits for it.
fn waits(tool: &str, arguments: Option<&rmcp::model::JsonObject>) -> bool {
    let given = |name: &str| arguments.and_then(|all| all.get(name));
    match tool {
        "compile_project" => given("wait").and_then(serde_json::Value::as_bool) != Some(false),
        "create_backtest" => given(jobs::WAIT_ARGUMENT).and_then(serde_json::Value::as_f64).is_some_and(|s| 0.0 < s),
        "run_backtest" => given(jobs::WAIT_ARGUMENT).and_then(serde_json::Value::as_f64) != Some(0.0),
        _ => false,
    }
}

/// The picture clients show beside the server's name: a curve of capital.
fn icon() -> Icon {
    const CURVE: &str = "data:image/svg+xml;base64,PHN2ZyB4bWxucz0naHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmcnIHZpZXdCb3g9JzAgMCAxNiAxNic+PHBhdGggZD0nTTEgMTRoMTRNMiAxMWw0LTQgMyAzIDUtNycgZmlsbD0nbm9uZScgc3Ryb2tlPScjZjVhZTI5JyBzdHJva2Utd2lkdGg9JzEuNicvPjwvc3ZnPg==";
    Icon::new(CURVE).with_mime_type("image/svg+xml").with_sizes(vec!["any".to_owned()])
}

/// rmcp answers arguments that serde refuses with its own text; give it our form.
pub(crate) fn explain_argument_errors(response: CallToolResponse) -> CallToolResponse {
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
