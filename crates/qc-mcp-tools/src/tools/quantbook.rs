//! Research workbooks: make one, list them, look into one, remove one.

use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError,
    ctx::Ctx,
    imports,
    quantbook::{DEFAULT, Initialized, OpenSource, Source, Workbook, name_or_default},
    reply,
    server::QcServer,
    study::open_source,
};

/// Arguments of `initialize_quantbook`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct InitializeArgs {
    /// Name of the workbook, such as pairs. Default: default
    instance_name: Option<String>,
    /// lean (the configured folder), demo (the synthetic market), a LEAN folder, or a CSV or Parquet file. Default: lean, else demo
    source: Option<String>,
}

/// Arguments that name a workbook.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct InstanceArgs {
    /// Name of the workbook. Default: default
    instance_name: Option<String>,
}

/// Arguments of a tool that takes none.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct NoArgs {}

#[tool_router(router = quantbook_create, vis = "pub(crate)")]
impl QcServer {
    /// Make a research workbook with a data source of its own. Not needed for `default`, which always exists.
    #[tool(title = "Initialize workbook")]
    async fn initialize_quantbook(
        &self,
        Parameters(args): Parameters<InitializeArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let name = name_or_default(args.instance_name.as_deref());
        let source = args.source.as_deref().map_or(Ok(Source::Auto), Source::parse)?;
        let opened = open_source(self, &ctx, &source).await?;
        let (book, done) = self.desk().books().initialize(ctx.caller.key.as_str(), name, &source)?;
        let what = match done {
            Initialized::New => "is ready",
            Initialized::Unchanged => "was there already and is unchanged",
            Initialized::SourceChanged => "has a new source; its securities stayed",
        };
        let opened = if book.source == source { opened } else { open_source(self, &ctx, &book.source).await? };
        Ok(Reply::new(format!("Workbook `{name}` {what}. {}", about(&opened)))
            .data(facts(&book, Some(&opened)))
            .next("`describe_data` shows which symbols and dates the source holds"))
    }
}

#[tool_router(router = quantbook_read, vis = "pub(crate)")]
impl QcServer {
    /// List your research workbooks with their sources and number of securities.
    #[tool(title = "List workbooks")]
    async fn list_quantbook_instances(
        &self,
        Parameters(NoArgs {}): Parameters<NoArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let books = self.desk().books().list(ctx.caller.key.as_str())?;
        let names: Vec<&str> = books.iter().map(|book| book.name.as_str()).collect();
        let rows: Vec<Value> = books.iter().map(|book| facts(book, None)).collect();
        Ok(Reply::new(format!("{} workbooks: {}", books.len(), names.join(", ")))
            .field("count", books.len())
            .field("instances", rows))
    }

    /// Show a workbook: its data source, its securities, and the results kept for you.
    #[tool(title = "Workbook")]
    async fn get_quantbook_info(
        &self,
        Parameters(args): Parameters<InstanceArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let caller = ctx.caller.key.as_str();
        let book = self.desk().books().get(caller, name_or_default(args.instance_name.as_deref()))?;
        let opened = open_source(self, &ctx, &book.source).await;
        let state = match &opened {
            Ok(opened) => about(opened),
            Err(error) => format!("Its source cannot be opened: {}", error.message),
        };
        let securities: Vec<Value> = book
            .subscriptions
            .iter()
            .map(|s| {
                let mut facts = json!({"symbol": s.ticker, "security_type": s.security_type, "market": s.market, "resolution": s.resolution, "sid": reply::identifier(&s.sid)});
                if let (Some(facts), Some(future)) = (facts.as_object_mut(), &s.future) {
                    facts.insert("continuous_future".into(), json!(future));
                }
                facts
            })
            .collect();
        let results: Vec<Value> = self
            .desk()
            .list_research(caller)?
            .into_iter()
            .rev()
            .take(20)
            .map(|(kept, tool)| json!({"tool": tool, "uri": kept.uri}))
            .collect();
        let summary = format!("Workbook `{}`: {} securities. {state}", book.name, book.subscriptions.len());
        Ok(Reply::new(summary)
            .data(facts(&book, opened.as_ref().ok()))
            .field("securities", securities)
            .field("results", results))
    }
}

#[tool_router(router = quantbook_delete, vis = "pub(crate)")]
impl QcServer {
    /// Remove a research workbook; `default` is emptied instead. Kept results stay until they expire.
    #[tool(title = "Remove workbook")]
    async fn remove_quantbook_instance(
        &self,
        Parameters(args): Parameters<InstanceArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let name = name_or_default(args.instance_name.as_deref());
        let books = self.desk().books();
        let caller = ctx.caller.key.as_str();
        let n_securities = books.get(caller, name)?.subscriptions.len();
        books.remove(caller, name)?;
        let what = if name == DEFAULT { "emptied" } else { "removed" };
        Ok(Reply::new(format!("Workbook `{name}` {what} ({n_securities} securities)."))
            .field("remaining", books.list(caller)?.len()))
    }
}

/// What a workbook is, in fields.
fn facts(book: &Workbook, opened: Option<&OpenSource>) -> Value {
    let mut facts = json!({
        "instance_name": book.name,
        "source": reply::ticker(book.source.label()),
        "n_securities": book.subscriptions.len(),
        "created": book.created.to_string(),
    });
    if let (Some(facts), Some(opened)) = (facts.as_object_mut(), opened) {
        facts.insert("opened_source".into(), reply::ticker(&opened.label));
        facts.insert("synthetic".into(), json!(opened.folder.is_synthetic()));
        if let Some(table) = &opened.table {
            facts.insert("table".into(), imports::facts(table));
        }
    }
    facts
}

/// One sentence about an open source.
fn about(opened: &OpenSource) -> String {
    let kind = match (&opened.table, opened.folder.is_synthetic()) {
        (Some(_), _) => "a table of prices",
        (None, true) => "a SYNTHETIC market, not real prices",
        (None, false) => "a LEAN data folder",
    };
    format!("Its source is `{}`, {kind}.", opened.label)
}
