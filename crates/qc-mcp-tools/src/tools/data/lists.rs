//! Lists of symbols by name.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Reply, ToolError, ctx::Ctx, lists, research::ResearchArgs, server::QcServer, study::Study};

/// Names one answer shows of a list.
const MAX_SHOWN: usize = 30;

/// Arguments of `save_symbol_list`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SaveArgs {
    /// Name of the list, such as banks; a list of that name is replaced
    name: String,
    /// Symbols, such as ["JPM", "BAC"] or ["etf:SPY@2020-12-01"]
    symbols: Vec<String>,
    /// Workbook whose source knows the symbols. Default: default
    instance_name: Option<String>,
}

/// Arguments of `list_symbol_lists`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// List to show in full. Default: all, in short
    name: Option<String>,
}

#[tool_router(router = lists_update, vis = "pub(crate)")]
impl QcServer {
    /// Save symbols under a name. Every tool then takes them as symbols=["list:NAME"]; members of a fund are kept as
    /// they were on their date.
    #[tool(title = "Save symbol list")]
    async fn save_symbol_list(&self, Parameters(args): Parameters<SaveArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let shared = ResearchArgs { instance_name: args.instance_name.clone(), ..ResearchArgs::default() };
        let study = Study::begin(self, &ctx, &shared).await?;
        let symbols = study.symbols(&args.symbols).await?;
        let (list, replaced) = lists::save(self.desk(), ctx.caller.key.as_str(), &args.name, &symbols)?;
        let what = if replaced { "Replaced" } else { "Saved" };
        let mut reply = Reply::new(format!("{what} list `{}` of {} symbols.", list.name, list.names.len()))
            .data(facts(&list, MAX_SHOWN));
        if !symbols.notes.is_empty() {
            reply = reply.field("notes", &symbols.notes);
        }
        if !symbols.warnings.is_empty() {
            reply = reply.field("warnings", &symbols.warnings);
        }
        Ok(reply)
    }
}

#[tool_router(router = lists_read, vis = "pub(crate)")]
impl QcServer {
    /// List your saved symbol lists, or show one in full.
    #[tool(title = "Symbol lists")]
    async fn list_symbol_lists(&self, Parameters(args): Parameters<ListArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let caller = ctx.caller.key.as_str();
        if let Some(name) = args.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
            let list = lists::get(self.desk(), caller, name)?;
            let summary = format!("List `{}` has {} symbols.", list.name, list.names.len());
            return Ok(Reply::new(summary).data(facts(&list, usize::MAX)));
        }
        let all = lists::all(self.desk(), caller)?;
        let names: Vec<&str> = all.iter().map(|list| list.name.as_str()).take(MAX_SHOWN).collect();
        let summary = match all.len() {
            0 => "No symbol lists are saved.".to_owned(),
            n => format!("{n} symbol lists: {}", names.join(", ")),
        };
        let rows: Vec<Value> = all.iter().map(|list| facts(list, 5)).collect();
        Ok(Reply::new(summary).field("count", all.len()).field("lists", rows))
    }
}

/// A list with at most `shown` of its symbols.
fn facts(list: &lists::SymbolList, shown: usize) -> Value {
    let names: Vec<&String> = list.names.iter().take(shown).collect();
    json!({
        "name": list.name,
        "n_symbols": list.names.len(),
        "symbols": names,
        "use_as": format!("list:{}", list.name),
        "saved": list.saved.to_string(),
    })
}
