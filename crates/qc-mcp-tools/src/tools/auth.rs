//! Credentials of QuantConnect: set in memory, check, show masked, forget. What is set is the caller's who set it: with
//! one bearer token or none that is everybody who may call, with tokens of an issuer it is one of them.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::quote,
    ctx::Ctx,
    error::{Kind, Topic},
    gate::{Question, is_harmless},
    server::{QcServer, make_credentials},
};

/// Arguments of `configure_quantconnect_auth`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ConfigureArgs {
    /// Numeric user id
    user_id: String,
    /// API token; prefer the server's environment, arguments stay in the conversation
    api_token: String,
    /// Organisation to work in
    organization_id: Option<String>,
}

/// Arguments of `test_quantconnect_api`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct TestArgs {
    /// Path of a reading endpoint; default authenticate
    endpoint: Option<String>,
    /// POST; anything else is refused
    method: Option<String>,
}

#[tool_router(router = auth_read, vis = "pub(crate)")]
impl QcServer {
    /// Check the current credentials with QuantConnect.
    #[tool(title = "Validate credentials")]
    async fn validate_quantconnect_auth(&self, ctx: Ctx) -> Result<Reply, ToolError> {
        ctx.door.send(&qc_api::endpoints::account::Authenticate {}).await?;
        Ok(Reply::new("QuantConnect accepted the credentials")
            .field("valid", true)
            .field("account", self.account_facts(&ctx).await?))
    }

    /// Show which credentials are in use (token masked), where they came from, and the clock difference. Sends nothing.
    #[tool(title = "Credentials status")]
    async fn get_auth_status(&self, ctx: Ctx) -> Result<Reply, ToolError> {
        let facts = self.account_facts(&ctx).await?;
        let configured = facts.get("configured") == Some(&Value::Bool(true));
        let mut reply =
            Reply::new(if configured { "credentials are set" } else { "no credentials are set" }).data(facts);
        if configured && let Some(skew) = ctx.door.clock_skew().await? {
            reply = reply.field("clock_skew_seconds", skew.as_secs());
        }
        Ok(reply)
    }

    /// Send one empty request to a reading endpoint of QuantConnect's API and tell how it answered.
    #[tool(title = "Test the API")]
    async fn test_quantconnect_api(
        &self,
        Parameters(args): Parameters<TestArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        if let Some(method) = args.method.filter(|method| !method.eq_ignore_ascii_case("POST")) {
            return Err(ToolError::argument(format!("`method` is always POST, got `{}`", quote(&method))));
        }
        let path = args.endpoint.as_deref().unwrap_or("authenticate");
        let Some(endpoint) = qc_api::endpoints::endpoints().find(|row| row.path == path && is_harmless(row)) else {
            let known: Vec<&str> =
                qc_api::endpoints::endpoints().filter(|row| is_harmless(row)).map(|row| row.path).collect();
            return Err(ToolError::new(
                Kind::Forbidden,
                Topic::Argument,
                format!(
                    "`{}` is not a read without cost and secrets; nothing was sent; known: {}",
                    quote(path),
                    known.join(", ")
                ),
            ));
        };
        let started = std::time::Instant::now();
        let answer = ctx.door.probe(endpoint).await?;
        let keys: Vec<Untrusted> = answer
            .as_object()
            .map(|map| map.keys().map(|key| Untrusted::new(key.as_str()).shortened(40)).collect())
            .unwrap_or_default();
        Ok(Reply::new(format!("{path} answered in {} ms", started.elapsed().as_millis()))
            .data(json!({"endpoint": endpoint.path, "milliseconds": started.elapsed().as_millis() as u64, "bytes": answer.to_string().len()}))
            .field("keys", keys))
    }
}

#[tool_router(router = auth_update, vis = "pub(crate)")]
impl QcServer {
    /// Set the QuantConnect credentials this server works with, in memory only. Prefer QUANTCONNECT_USER_ID and QUANTCONNECT_API_TOKEN in the server's environment.
    #[tool(title = "Set credentials")]
    async fn configure_quantconnect_auth(
        &self,
        Parameters(args): Parameters<ConfigureArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        self.refuse_by_headers()?;
        let current = self.credentials(&ctx.caller).await?.map(|(credentials, _)| credentials);
        let given = args.organization_id.as_deref().map(str::trim).filter(|id| !id.is_empty());
        // A renewed token of the same user stays in the organisation the work is in.
        let organization = given.map(str::to_owned).or_else(|| {
            let same = current.as_ref().filter(|current| current.user_id() == args.user_id.trim());
            same.and_then(|current| current.organization_id().map(ToString::to_string))
        });
        let new = make_credentials(args.user_id.trim(), args.api_token.trim(), organization.as_deref())?;
        // A model that was told to must not move the work to another account unseen, not by forgetting the first either.
        let user = current.map(|current| current.user_id().to_owned());
        if let Some(user) = user.or_else(|| self.typed().last_user(&ctx.caller.key))
            && user != new.user_id()
        {
            let question =
                Question::plain(format!("Switch this server from QuantConnect user {user} to user {}?", new.user_id()));
            ctx.ask.confirm(&question).await?;
        }
        if let Some(replaced) = self.typed().set(&ctx.caller.key, new) {
            self.forget_client(&replaced);
        }
        // With one bearer token or none all who may call are one caller; with tokens of an issuer each is another.
        let whose = match self.settings().issuer() {
            Some(_) => "for you alone",
            None => "for everybody who may call it",
        };
        let told = format!(
            "credentials are set in this server's memory, {whose}, until it ends or clear_quantconnect_auth is called"
        );
        Ok(Reply::new(told)
            .field("account", self.account_facts(&ctx).await?)
            .field("advice", "set QUANTCONNECT_USER_ID and QUANTCONNECT_API_TOKEN in the server's environment instead: arguments stay in the conversation")
            .next("validate_quantconnect_auth"))
    }
}

#[tool_router(router = auth_delete, vis = "pub(crate)")]
impl QcServer {
    /// Forget the credentials set by configure_quantconnect_auth; those of the server's settings stay.
    #[tool(title = "Forget credentials")]
    async fn clear_quantconnect_auth(&self, ctx: Ctx) -> Result<Reply, ToolError> {
        self.refuse_by_headers()?;
        let forgotten = self.typed().forget(&ctx.caller.key);
        let had = forgotten.is_some();
        if let Some(credentials) = forgotten {
            self.forget_client(&credentials);
        }
        let summary = if had {
            "the credentials set by configure_quantconnect_auth are forgotten"
        } else {
            "no credentials were set by configure_quantconnect_auth; nothing changed"
        };
        Ok(Reply::new(summary).field("forgotten", had).field("account", self.account_facts(&ctx).await?))
    }
}

impl QcServer {
    /// Where each request brings its credentials, a tool changes none.
    fn refuse_by_headers(&self) -> Result<(), ToolError> {
        if !self.settings().team.by_headers() {
            return Ok(());
        }
        Err(ToolError::new(
            Kind::Forbidden,
            Topic::General,
            "this server takes the credentials of each request: use the headers X-QuantConnect-User-Id and \
             X-QuantConnect-Api-Token; nothing was changed",
        ))
    }
}
