//! What this server is: mode, account, data, version, guards.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Reply, ToolError, ctx::Ctx, resources, server::QcServer, settings::Mode};

/// Parts of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
#[serde(rename_all = "lowercase")]
enum Section {
    /// Everything.
    All,
    /// Version, transport, mode, tools.
    Server,
    /// Whose account.
    Account,
    /// What keeps tools from doing harm.
    Guards,
    /// The data folder.
    Data,
    /// Operating system, processors, memory, load.
    System,
    /// Calls, errors and times of tools.
    Metrics,
}

/// Arguments of `get_server_status`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct StatusArgs {
    /// Part to show; default all but system and metrics
    section: Option<Section>,
}

#[tool_router(router = system_read, vis = "pub(crate)")]
impl QcServer {
    /// Tell what this server is: version, mode, account (token masked), guards and data folder.
    #[tool(title = "Server status")]
    async fn get_server_status(&self, Parameters(args): Parameters<StatusArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let section = args.section.unwrap_or(Section::All);
        let shows = |part: Section| section == Section::All || section == part;
        let settings = self.settings();
        let mut reply = Reply::new(format!(
            "quantconnect-mcp {}, mode {}, {} tools{}",
            env!("CARGO_PKG_VERSION"),
            ctx.door.mode().id(),
            self.all_offered(&ctx.caller).count(),
            if self.is_demo() { ", DEMO: QuantConnect and the market are simulated in this process" } else { "" },
        ));
        if shows(Section::Server) {
            reply = reply.field("server", self.server_facts(&ctx));
        }
        if shows(Section::Account) {
            reply = reply.field("account", self.account_facts(&ctx).await?);
        }
        if shows(Section::Guards) {
            reply = reply.field("guards", self.guard_facts(&ctx).await?);
        }
        // The last two are shown only where they are asked for: they say nothing about what the server may do.
        if section == Section::System {
            reply = reply.field("system", crate::machine::info());
        }
        if section == Section::Metrics {
            reply = reply.field("metrics", resources::performance(self));
        }
        if shows(Section::Data) {
            let folder = self.data_folder().await?;
            let mut facts = json!({"exists": folder.path.is_dir()});
            // Callers who may be elsewhere learn no path of this computer, also not that of a lean.json.
            if let Some(facts) = facts.as_object_mut()
                && settings.caller_is_here()
            {
                facts.insert("folder".into(), json!(folder.path));
                facts.insert("folder_named_by".into(), json!(folder.origin));
            }
            reply = reply.field("data", facts);
        }
        Ok(reply)
    }
}

impl QcServer {
    /// Version, transport, mode, toolsets, up time.
    pub(crate) fn server_facts(&self, ctx: &Ctx) -> Value {
        let settings = self.settings();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "transport": settings.serves.id(),
            "mode": ctx.door.mode().id(),
            "toolsets": settings.toolsets.id(),
            "tools": self.all_offered(&ctx.caller).count(),
            "demo": self.is_demo(),
            "uptime_seconds": self.started().elapsed().as_secs(),
        })
    }

    /// Whose account, and where the credentials came from; the token masked.
    pub(crate) async fn account_facts(&self, ctx: &Ctx) -> Result<Value, ToolError> {
        let Some((credentials, origin)) = self.credentials(&ctx.caller).await? else {
            return Ok(json!({"configured": false, "next": "configure_quantconnect_auth"}));
        };
        Ok(json!({
            "configured": true,
            "user_id": credentials.user_id(),
            "api_token": credentials.masked_token(),
            "organization_id": credentials.organization_id(),
            "source": origin.describe(),
        }))
    }

    /// What keeps tools from doing harm: mode, budgets and what is left of them, where state and audit lie.
    pub(crate) async fn guard_facts(&self, ctx: &Ctx) -> Result<Value, ToolError> {
        let settings = self.settings();
        let in_memory = self.state().is_memory();
        // The caller's, which may be lower than the server's.
        let mode = ctx.door.mode();
        let mut facts = json!({
            "mode": mode.id(),
            "highest_access": mode.highest().id(),
            "real_money": if mode == Mode::Live { "for the organisations of QC_MCP_ALLOW_LIVE_ORGS, each deed with a human's consent" } else { "refused; an algorithm that runs with it can be stopped with a human's consent" },
            "readable_folders": settings.readable_folders().len(),
            "may_write_files": settings.writable_folder().is_some() && mode != Mode::ReadOnly,
            "limits": {
                "backtests_per_minute": settings.backtests_per_minute,
                "backtests_per_day": settings.backtests_per_day,
                "sweep_size": settings.sweep_size,
                "deletes_per_call": settings.deletes_per_call,
                "spend_qcc_per_day": settings.spend_per_day,
            },
            "state": if in_memory { "memory: counters begin at zero with every start" } else { "file" },
            "audit": if in_memory { "log" } else { "file audit.jsonl in the state folder" },
        });
        if self.credentials(&ctx.caller).await?.is_some()
            && let Ok(used) = ctx.door.used().await
            && let Some(facts) = facts.as_object_mut()
        {
            let (minute, day, spent) = used;
            facts.insert(
                "used".into(),
                json!({"backtests_last_minute": minute, "backtests_last_day": day, "spent_qcc_last_day": spent}),
            );
        }
        Ok(facts)
    }
}
