//! The arguments of a deployment, and the preview of it as an answer.

use qc_api::{
    brokerage::{Brokerage, DataProvider, Money},
    endpoints::connections::Connection,
    ids::{CompileId, NodeId, VersionId},
    model::Notifications,
};
use rmcp::schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{page, told};
use crate::{
    Reply, ToolError, Untrusted,
    args::{ProjectArg, quote, words_without_values},
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{
        find,
        live::{
            self,
            connected::Connected,
            deploy::{self, Shown, Wanted},
        },
    },
};

/// Arguments of `create_live_algorithm`.
#[derive(Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct CreateArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Id from compile_project; compiled again for the preview
    compile_id: String,
    /// Live node; a wrong id is answered with the free ones
    node_id: String,
    /// Brokerage settings, e.g. {"id": "QuantConnectBrokerage"}; keys come from a credentials_profile or a connected account
    brokerage_config: Option<Map<String, Value>>,
    /// brokerage_config, under the official server's name
    #[schemars(extend("x-hidden" = true))]
    brokerage: Option<Map<String, Value>>,
    /// Profile of the server's settings, instead of brokerage_config
    credentials_profile: Option<String>,
    /// Data sources, name to settings
    data_providers: Option<Map<String, Value>>,
    /// LEAN version; default -1, the newest
    version_id: Option<String>,
    /// Start again after a failure
    automatic_redeploy: Option<bool>,
    /// {"events": [...], "targets": [...]}
    notification: Option<Map<String, Value>>,
    /// Parameters, name to value
    parameters: Option<Map<String, Value>>,
    /// Token of the preview
    pub(super) confirm_token: Option<String>,
}

impl CreateArgs {
    /// What is wanted, checked as far as that goes without a request (but for the project's name), and whether keys were
    /// typed as arguments.
    pub(super) async fn wanted(self, ctx: &Ctx) -> Result<(Wanted, bool), ToolError> {
        let config = match (self.brokerage_config, self.brokerage) {
            (Some(_), Some(_)) => {
                return Err(ToolError::argument(
                    "brokerage_config and brokerage both came; give one; nothing was sent",
                ));
            }
            (config, other) => config.or(other),
        };
        let Terms { brokerage, connected, mut data_providers, typed } =
            terms(ctx, config, self.credentials_profile.as_deref())?;
        if let Some(given) = self.data_providers {
            data_providers = Default::default();
            for (name, settings) in given {
                let provider: DataProvider = serde_json::from_value(settings).map_err(|error| {
                    ToolError::argument(format!(
                        "data_providers `{}`: {}; nothing was sent",
                        quote(&name),
                        words_without_values(&error.to_string())
                    ))
                })?;
                data_providers.insert(name, provider);
            }
        }
        let notification: Option<Notifications> = match self.notification {
            Some(given) => Some(serde_json::from_value(Value::Object(given)).map_err(|_| {
                ToolError::argument("`notification` wants {\"events\": [..], \"targets\": [..]}; nothing was sent")
            })?),
            None => None,
        };
        let parameters = texts(self.parameters)?;
        let version = self.version_id.as_deref().unwrap_or("-1").trim().parse::<i64>();
        let version = version.map_err(|_| ToolError::argument("`version_id` wants a number; -1 is the newest"))?;
        let wanted = Wanted {
            compile_id: Some(CompileId(find::valid_id(&self.compile_id)?)),
            node_id: Some(NodeId(find::valid_id(&self.node_id)?)),
            brokerage,
            connected,
            data_providers,
            version_id: VersionId(version),
            automatic_redeploy: self.automatic_redeploy,
            notification,
            parameters,
            project_id: find::project(&ctx.door, &self.project_id).await?,
        };
        Ok((wanted, typed))
    }
}

/// With which brokerage, and whose data.
struct Terms {
    brokerage: Brokerage,
    connected: Option<Connected>,
    data_providers: qc_api::wire::Map<DataProvider>,
    /// Keys came as arguments.
    typed: bool,
}

/// The brokerage that settings or a profile name.
fn terms(ctx: &Ctx, config: Option<Map<String, Value>>, profile: Option<&str>) -> Result<Terms, ToolError> {
    let connected = config.as_ref().and_then(Connected::of);
    let (brokerage, data_providers) = match (config, profile) {
        (Some(config), None) => match &connected {
            Some(connected) => (connected.stand_in()?, Default::default()),
            None => (brokerage(&config)?, Default::default()),
        },
        (None, Some(name)) => {
            let profile = ctx.door.settings().brokerage_profile(name, ctx.caller.borrower());
            let profile = profile.map_err(|why| ToolError::new(Kind::NotFound, Topic::Profile, why))?;
            (profile.brokerage, profile.data_providers)
        }
        _ => {
            return Err(ToolError::argument(
                "give brokerage_config or credentials_profile, one of them; nothing was sent",
            ));
        }
    };
    let typed = profile.is_none() && connected.is_none() && brokerage.spec().fields.iter().any(|field| field.required);
    Ok(Terms { brokerage, connected, data_providers, typed })
}

/// Values of parameters as texts.
fn texts(parameters: Option<Map<String, Value>>) -> Result<qc_api::wire::Map<String>, ToolError> {
    let mut texts = qc_api::wire::Map::default();
    for (name, value) in parameters.unwrap_or_default() {
        let text = match value {
            Value::String(text) => text,
            Value::Number(_) | Value::Bool(_) => value.to_string(),
            _ => return Err(ToolError::argument(format!("parameter `{}` wants a text or a number", quote(&name)))),
        };
        texts.insert(name, text);
    }
    Ok(texts)
}

/// Arguments of `deploy_live`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
pub(super) struct DeployArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Brokerage profile of the server's settings; default QuantConnect paper
    credentials_profile: Option<String>,
    /// Live node; default a free one
    node_id: Option<String>,
    /// Parameters, name to value
    parameters: Option<Map<String, Value>>,
    /// Token of the preview
    pub(super) confirm_token: Option<String>,
}

impl DeployArgs {
    /// What is wanted: paper, the newest LEAN, code compiled by the preview and a node that is free, unless said otherwise.
    pub(super) async fn wanted(self, ctx: &Ctx) -> Result<Wanted, ToolError> {
        let profile = self.credentials_profile.as_deref();
        let terms = match profile {
            Some(_) => terms(ctx, None, profile)?,
            None => Terms {
                brokerage: Brokerage::paper(),
                connected: None,
                data_providers: Default::default(),
                typed: false,
            },
        };
        let node_id = self.node_id.as_deref().map(find::valid_id).transpose()?;
        Ok(Wanted {
            compile_id: None,
            node_id: node_id.map(NodeId),
            brokerage: terms.brokerage,
            connected: terms.connected,
            data_providers: terms.data_providers,
            version_id: VersionId(-1),
            automatic_redeploy: None,
            notification: None,
            parameters: texts(self.parameters)?,
            project_id: find::project(&ctx.door, &self.project_id).await?,
        })
    }
}

/// Settings of a brokerage, judged as they will be sent.
fn brokerage(config: &Map<String, Value>) -> Result<Brokerage, ToolError> {
    let text = zeroize::Zeroizing::new(Value::Object(config.clone()).to_string());
    Brokerage::from_json(&text).map_err(|error| {
        ToolError::argument(format!(
            "`brokerage_config`: {}; nothing was sent",
            words_without_values(&error.to_string())
        ))
    })
}

/// Why a deployment counts as paper or real.
fn reason(brokerage: &Brokerage) -> String {
    match (brokerage.money(), brokerage.id(), brokerage.environment()) {
        (Money::Paper, "QuantConnectBrokerage", _) => {
            "QuantConnectBrokerage is QuantConnect's own paper trading".into()
        }
        (Money::Paper, id, Some(environment)) => format!("{id} with environment {environment}"),
        (Money::Paper, id, None) => format!("{id} with a paper account"),
        (Money::Real, id, Some(environment)) => format!("{id} with environment {environment} is not certainly paper"),
        (Money::Real, id, None) => format!("{id} is not certainly paper"),
    }
}

/// The preview of a deployment.
pub(super) fn preview_reply(ctx: &Ctx, wanted: &Wanted, shown: &Shown, typed: bool, tool: &str) -> Reply {
    let brokerage = &wanted.brokerage;
    let money = if brokerage.money() == Money::Real { "REAL MONEY" } else { "paper" };
    let summary = format!(
        "preview, nothing is deployed yet: {money}, project {}, {} on node {}",
        wanted.project_id,
        brokerage.id(),
        shown.node.id
    );
    let cash: Vec<Value> = brokerage
        .cash()
        .iter()
        .map(|cash| json!([cash.amount, Untrusted::new(cash.currency.as_str()).shortened(10)]))
        .collect();
    let holdings: Vec<Value> = brokerage
        .holdings()
        .iter()
        .map(|held| json!([Untrusted::new(held.symbol.as_str()).shortened(40), held.quantity, held.average_price]))
        .collect();
    let parameters: Vec<Value> = wanted
        .parameters
        .iter()
        .map(|(name, value)| {
            json!([Untrusted::new(name.as_str()).shortened(60), Untrusted::new(value.as_str()).shortened(60)])
        })
        .collect();
    let providers: Vec<&str> = wanted.data_providers.iter().map(|(_, provider)| provider.id()).collect();
    let mut reply = told(ctx, summary).data(json!({
        "money": live::word(brokerage.money()),
        "money_because": reason(brokerage),
        "project_id": wanted.project_id,
        "project": Untrusted::new(shown.project.name.as_str()).shortened(80),
        "organization_id": shown.project.organization_id,
        "account": brokerage.masked_account(),
        "brokerage": brokerage.id(),
        "environment": brokerage.environment(),
        "data_providers": providers,
        "node": {"node_id": shown.node.id, "name": Untrusted::new(shown.node.name.as_str()).shortened(60), "sku": Untrusted::new(shown.node.sku.as_str()).shortened(30)},
        "lean_version": if wanted.version_id.0 < 0 { json!("newest") } else { json!(wanted.version_id) },
        "compile_id": shown.compile_id,
        "code_sha256": shown.code.hash,
        "files": shown.code.n_files,
        "cash": cash,
        "holdings": holdings,
        "parameters": parameters,
        "automatic_redeploy": wanted.automatic_redeploy.unwrap_or(false),
    }));
    if wanted.connected.is_some() {
        reply = reply
            .field("connected_accounts", &shown.accounts)
            .field("keys", "of the account that the user connected; read when it is deployed, never shown or kept");
    }
    if let Some(notification) = &wanted.notification {
        reply = reply.field("notified", deploy::targets(notification));
    }
    if let Some(last) = &shown.last {
        reply = reply.field("last_deployment", json!({"deploy_id": last.deploy_id, "status": live::status(last.status.as_ref()), "launched": last.launched}));
    }
    if let Some(newest) = &shown.backtest {
        let mut row = crate::tools::backtests::row(newest, true);
        if let Some(row) = row.as_object_mut() {
            // A backtest does not say which code it ran; known is what this server compiled and started.
            let code = if shown.same_code { "this code" } else { "code not known to be the same" };
            row.insert("code".into(), json!(code));
        }
        reply = reply.field("newest_backtest", row);
    } else {
        reply = reply.field("newest_backtest", "none: nothing is known of how this code does");
    }
    let mut notes = Vec::new();
    if shown.other_code {
        notes.push("compile_id is of other code than the project's files now; deployed is compile_id above, made of the files as they are".to_owned());
    }
    if typed {
        notes.push("the brokerage's settings came as arguments and stay in the conversation; ask the user to put them into QC_MCP_BROKERAGE_PROFILES and name the profile".to_owned());
    }
    if !notes.is_empty() {
        reply = reply.field("notes", notes);
    }
    reply
        .data(json!({"page": page(wanted.project_id), "confirm_token": shown.preview.token, "confirm_until": shown.preview.expires}))
        .next(&format!("show this to the user; if they agree, {tool} again with the same arguments and confirm_token"))
}

/// The address of a sign-in page, if it is https on a host of QuantConnect or of the brokerage (or the simulator's own
/// page, when QuantConnect is simulated).
pub(super) fn sign_in_page(brokerage: &Connection, address: &str, simulated: bool) -> Option<String> {
    let (scheme, rest) = address.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    if address.len() > 4096
        || address.contains(['\\', '@'])
        || address.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return None;
    }
    let host = authority
        .rsplit_once(':')
        .map_or(authority, |(host, port)| if port.bytes().all(|b| b.is_ascii_digit()) { host } else { authority });
    if simulated && scheme == "http" && crate::settings::Settings::is_loopback_host(host) {
        return Some(address.to_owned());
    }
    let own: &[&str] = match brokerage {
        Connection::Alpaca => &["alpaca.markets"],
        Connection::TradeStation => &["tradestation.com"],
        Connection::CharlesSchwab => &["schwabapi.com", "schwab.com"],
        Connection::Tastytrade => &["tastytrade.com"],
        Connection::Other(_) => &[],
    };
    let fine = own
        .iter()
        .chain(&["quantconnect.com"])
        .any(|known| host == *known || host.strip_suffix(known).is_some_and(|before| before.ends_with('.')));
    (scheme == "https" && fine && !authority.contains(':')).then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_page_is_shown_on_known_hosts_only() {
        let of = |address: &str| sign_in_page(&Connection::Alpaca, address, false);
        for good in [
            "https://app.alpaca.markets/oauth/authorize?x=1",
            "https://alpaca.markets/",
            "https://www.quantconnect.com/a",
        ] {
            assert!(of(good).is_some(), "{good}");
        }
        for bad in [
            "http://app.alpaca.markets/",
            "https://alpaca.markets.evil.example/",
            "https://notalpaca.markets/",
            "https://signin.tradestation.com/",
            "https://alpaca.markets@evil.example/",
            "https://evil.example\\.alpaca.markets/",
            "https://alpaca.markets:8443/",
            "javascript:alert(1)",
            "http://127.0.0.1:9/login",
            "",
        ] {
            assert!(of(bad).is_none(), "{bad}");
        }
        assert!(sign_in_page(&Connection::Alpaca, "http://127.0.0.1:9/login/x", true).is_some());
        assert!(sign_in_page(&Connection::Alpaca, "http://127.0.0.1.evil.example/login", true).is_none());
    }
}
