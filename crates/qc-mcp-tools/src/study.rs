//! What every research tool shares: the way from a question to a kept answer.
//!
//! A tool names its own arguments; the ones all of them take are [`ResearchArgs`], flattened into its own. A [`Study`]
//! opens the workbook's source, loads prices on the pool, and turns a result into a reply that states its
//! provenance and says where the full result lies. The statistic in between is the tool's.

mod naming;
mod picture;
mod table;

use std::{ops::ControlFlow, sync::Arc};

use qc_report::chart::Picture;
use serde::Serialize;
use serde_json::{Map, Value, json};

use self::picture::Drawn;
use crate::{
    compute::Stop,
    ctx::Ctx,
    desk::{DataRead, Desk, Finding, Kept},
    error::{Kind, ToolError, Topic},
    market::Bars,
    prices::{self, Prices, Question},
    quantbook::{OpenSource, Source, Subscription, Workbook},
    reply::{self, Reply},
    research::ResearchArgs,
    roots::Format,
    server::QcServer,
    settings::DataFolderChoice,
};

/// The job's [`Stop`] as qc-quant's progress callback.
pub(crate) fn progress_of(stop: &Stop) -> impl Fn(usize, usize) -> ControlFlow<()> + Sync {
    let stop = stop.clone();
    move |done, total| {
        let fraction = done as f64 / total.max(1) as f64;
        if stop.step(fraction) { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

/// Opens a workbook's source.
///
/// # Errors
/// [`Kind::NotConfigured`] without a data folder, and whatever opening it says.
pub(crate) async fn open_source(server: &QcServer, ctx: &Ctx, source: &Source) -> Result<OpenSource, ToolError> {
    let books = server.desk().books();
    match source {
        Source::Auto => {
            let choice = server.data_folder().await?;
            let label = if choice.origin == "--demo" { "demo" } else { "lean" };
            books.open_place(&choice.path, label).map_err(|error| with_place(error, server, &choice))
        }
        Source::Lean => {
            let choice = server.settings().data_folder_choice();
            books.open_place(&choice.path, "lean").map_err(|error| with_place(error, server, &choice))
        }
        Source::Demo => {
            let none = "this server has no synthetic market (it was not started with --demo)";
            let path = if server.is_demo() { server.world().await?.data_folder.clone() } else { None };
            let path = path.ok_or_else(|| ToolError::new(Kind::NotConfigured, Topic::DataFolder, none))?;
            books.open_place(&path, "demo")
        }
        Source::Folder(path) => books.open_named(path),
        Source::Table(table) => {
            let (desk, table) = (server.desk().clone(), table.clone());
            // In the caller's own turn and for as long as it waits: nobody waits for another's table.
            let job = move |_: &Stop| desk.books().open_table(&table);
            server.desk().run(ctx.caller.key.as_str(), &ctx.cancel, job).await
        }
    }
}

/// Adds where the folder was looked for, for a caller at this computer.
fn with_place(error: ToolError, server: &QcServer, choice: &DataFolderChoice) -> ToolError {
    let is_the_place = error.kind == Kind::NotConfigured && !choice.path.is_dir();
    if !is_the_place || !server.settings().caller_is_here() {
        return error;
    }
    let message = format!("{} (`{}`, named by {})", error.message, choice.path.display(), choice.origin);
    ToolError { message, ..error }
}

/// One research call under way.
#[derive(Debug)]
pub(crate) struct Study<'a> {
    desk: &'a Desk,
    ctx: &'a Ctx,
    shared: &'a ResearchArgs,
    /// The source of the workbook asked for.
    source: OpenSource,
    /// What the workbook holds.
    held: Arc<Vec<Subscription>>,
}

/// What a tool found, before it becomes a reply.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    /// Two lines at most: our own words and numbers.
    pub(crate) summary: String,
    /// The part of the result that every answer shows.
    pub(crate) brief: Map<String, Value>,
    /// What only the kept result holds beside `brief`.
    pub(crate) more: Map<String, Value>,
    /// The result as a table, for `save_as=name.csv`.
    pub(crate) table: Option<qc_report::csv::Table>,
    /// What to call next: our own words.
    pub(crate) next: Option<&'static str>,
    /// What there is to draw.
    pub(crate) picture: Option<Picture>,
    /// A page about it, kept beside it.
    pub(crate) page: Option<String>,
}

impl<'a> Study<'a> {
    /// Checks the shared arguments and opens the workbook's source.
    ///
    /// # Errors
    /// An unknown workbook, no data folder, an argument that is not taken.
    pub(crate) async fn begin(server: &'a QcServer, ctx: &'a Ctx, shared: &'a ResearchArgs) -> Result<Self, ToolError> {
        shared.check()?;
        let desk = server.desk();
        let workbook = desk.books().get(ctx.caller.key.as_str(), shared.instance())?;
        let mut source = open_source(server, ctx, &workbook.source).await?.followed_as(&workbook.subscriptions);
        // What is kept names every file it rests on.
        source.folder = source.folder.watched();
        Ok(Study { desk, ctx, shared, source, held: Arc::new(workbook.subscriptions) })
    }

    /// The desk, for what a tool reads itself.
    pub(crate) fn desk(&self) -> &Desk {
        self.desk
    }

    /// Runs a blocking job on the pool.
    ///
    /// # Errors
    /// The job's own, or that the request was cancelled.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&OpenSource, &Stop) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<T, ToolError> {
        /// How often the client is told how far the job is.
        const TOLD: std::time::Duration = std::time::Duration::from_millis(500);
        let (source, stop) = (self.source.clone(), Stop::default());
        let work = self.desk.run_watched(self.caller(), &self.ctx.cancel, stop.clone(), move |stop| job(&source, stop));
        tokio::pin!(work);
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(TOLD) => {
                    let done = stop.fraction();
                    self.ctx.progress.report(done, Some(1.0), format!("computing, {:.0} %", 100.0 * done));
                }
            }
        }
    }

    /// Loads the prices of a question and computes something from them, on the pool; the securities read are then
    /// part of the workbook.
    ///
    /// # Errors
    /// What loading or the job says.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        question: Question,
        job: impl FnOnce(&Prices, &Stop) -> Result<T, ToolError> + Send + 'static,
    ) -> Result<(Prices, T), ToolError> {
        let load_then = move |source: &OpenSource, stop: &Stop| {
            let prices = prices::load(source, &question)?;
            let value = job(&prices, stop)?;
            Ok((prices, value))
        };
        self.compute_loading(load_then).await
    }

    /// As [`Study::compute`], for a job that loads its prices itself.
    ///
    /// # Errors
    /// What the job says.
    pub(crate) async fn compute_loading<T: Send + 'static>(
        &self,
        job: impl FnOnce(&OpenSource, &Stop) -> Result<(Prices, T), ToolError> + Send + 'static,
    ) -> Result<(Prices, T), ToolError> {
        let (mut prices, value) = self.run(job).await?;
        prices.warnings.extend(self.note_securities(prices.subscriptions.clone())?);
        Ok((prices, value))
    }

    /// Keeps the full result and makes the reply: summary, brief, warnings, provenance, id, link.
    ///
    /// # Errors
    /// When `save_as` names a file that cannot be made.
    pub(crate) async fn finish<A: Serialize>(
        &self,
        tool: &'static str,
        arguments: &A,
        prices: &Prices,
        found: Found,
    ) -> Result<Reply, ToolError> {
        let drawn = self.draw(found.picture).await?;
        let mut full = found.brief.clone();
        full.extend(found.more);
        let provenance = serde_json::to_value(&prices.provenance).unwrap_or_default();
        let finding = Finding {
            tool,
            arguments: self.effective(arguments),
            seed: None,
            provenance: provenance.clone(),
            data: self.data_read().await?,
            warnings: prices.warnings.clone(),
            result: Value::Object(full),
        };
        let saved = self.save(&finding, found.table.as_ref(), &drawn)?;
        let is_saved = saved.is_some() && !self.wants_picture_file();
        let mut reply = Reply::new(found.summary).data(Value::Object(found.brief));
        if !prices.warnings.is_empty() {
            reply = reply.field("warnings", &prices.warnings);
        }
        reply = reply.field("provenance", provenance);
        if let Some(file) = saved {
            reply = reply.field("saved_as", file);
        }
        if let Some(next) = found.next {
            reply = reply.next(next);
        }
        Ok(match self.keep(&finding)? {
            Some(kept) => {
                reply = self.show(reply, drawn, Some(&kept.id))?;
                if let Some(page) = &found.page {
                    reply =
                        reply.link(self.desk.keep_page(self.caller(), &kept.id, page)?, "tear_sheet.html", "text/html");
                }
                reply.field("research_id", &kept.id).link(kept.uri, format!("{tool} result"), "application/json")
            }
            None if is_saved => self
                .show(reply, drawn, None)?
                .field("full_result", "too large to keep as a resource; it is in the file"),
            None => self.show(reply, drawn, None)?.field(
                "full_result",
                "too large to keep as a resource: pass save_as=name.json (or .csv) to get it all",
            ),
        })
    }

    /// Adds the securities that were read to the workbook. A full workbook loses nobody's answer: it is a warning.
    fn note_securities(&self, read: Vec<Subscription>) -> Result<Option<String>, ToolError> {
        match self.subscribe(read) {
            Ok(_) => Ok(None),
            Err(error) if error.kind == Kind::TooLarge => {
                Ok(Some(format!("the securities were not added to the workbook: {}", error.message)))
            }
            Err(error) => Err(error),
        }
    }

    /// Keeps a result; `None` if it is too large to be kept.
    fn keep(&self, finding: &Finding) -> Result<Option<Kept>, ToolError> {
        match self.desk.keep(self.caller(), finding) {
            Ok(kept) => Ok(Some(kept)),
            Err(error) if error.kind == Kind::TooLarge => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Adds securities to the workbook; answers it and how many are new.
    ///
    /// # Errors
    /// Too many securities.
    pub(crate) fn subscribe(&self, wanted: Vec<Subscription>) -> Result<(Workbook, usize), ToolError> {
        self.desk.books().subscribe(self.caller(), self.shared.instance(), wanted)
    }

    /// Keeps or saves all rows and makes the reply of a history.
    ///
    /// # Errors
    /// When `save_as` names a file that cannot be made.
    pub(crate) async fn finish_history<A: Serialize>(
        &self,
        tool: &'static str,
        arguments: &A,
        bars: &Bars,
    ) -> Result<Reply, ToolError> {
        let drawn = self.draw(bars.picture()).await?;
        let mut warnings = bars.warnings();
        warnings.extend(self.note_securities(bars.subscriptions())?);
        let mut finding = Finding {
            tool,
            arguments: self.effective(arguments),
            seed: None,
            provenance: bars.provenance(),
            data: self.data_read().await?,
            warnings: warnings.clone(),
            result: Value::Null,
        };
        let table = bars.table();
        let size = table.to_string().len();
        let mut reply = Reply::new(bars.summary()).field("symbols", bars.symbols()).field("table", table);
        if bars.is_cut() {
            reply = reply.field("shown", "the newest rows of each symbol");
        }
        if !warnings.is_empty() {
            reply = reply.field("warnings", &warnings);
        }
        reply = reply.field("provenance", &finding.provenance);
        let wants_json = self.save_name().is_some_and(|name| !is_csv(name)) && !self.wants_picture_file();
        if bars.can_be_kept() || wants_json {
            finding.result = bars.full();
        }
        let table = if self.save_name().is_some_and(is_csv) { Some(bars.csv()?) } else { None };
        let saved = self.save(&finding, table.as_ref(), &drawn)?;
        let is_saved = saved.is_some() && !self.wants_picture_file();
        if let Some(file) = saved {
            reply = reply.field("saved_as", file);
        }
        let kept = if bars.can_be_kept() { self.keep(&finding)? } else { None };
        reply = self.show(reply, drawn, kept.as_ref().map(|kept| kept.id.as_str()))?;
        reply = match kept {
            Some(kept) => reply.field("research_id", &kept.id).link(kept.uri, "all rows", "application/json"),
            None if is_saved => reply.field("full_rows", "too many to keep as a resource; they are in the file"),
            None => reply
                .field("full_rows", "too many to keep as a resource: pass save_as=name.csv to get them all in a file"),
        };
        // Asked for by `limit`: room for the rows and what stands around them.
        const AROUND: usize = 8_000;
        Ok(if bars.is_limit_asked() { reply.allow((size + AROUND).max(crate::reply::CAP)) } else { reply })
    }

    /// The files of the source that were read for this call, each with its hash.
    async fn data_read(&self) -> Result<DataRead, ToolError> {
        let folder = self.source.folder.clone();
        self.desk.run(self.caller(), &self.ctx.cancel, move |_| Ok(DataRead::of(&folder.files_read()?))).await
    }

    fn caller(&self) -> &str {
        self.ctx.caller.key.as_str()
    }

    /// The arguments with the shared defaults written out, so that a kept result says what really was asked.
    fn effective<A: Serialize>(&self, arguments: &A) -> Value {
        let mut all = json!({
            "instance_name": self.shared.instance(),
            "resolution": self.shared.bars().map(|bars| bars.to_string()).unwrap_or_default(),
            "normalization": self.shared.normalization().map(|n| n.to_string()).unwrap_or_default(),
            "missing": self.shared.missing.as_deref().unwrap_or("drop_rows"),
        });
        if let (Value::Object(all), Ok(Value::Object(given))) = (&mut all, serde_json::to_value(arguments)) {
            for (name, value) in given {
                if !value.is_null() && !all.contains_key(&name) {
                    all.insert(name, value);
                }
            }
        }
        all
    }

    fn save_name(&self) -> Option<&str> {
        self.shared.save_as.as_deref().map(str::trim).filter(|name| !name.is_empty())
    }

    /// Writes the result where `save_as` says: a table as CSV, a picture as SVG or PNG, everything as JSON.
    fn save(
        &self,
        finding: &Finding,
        table: Option<&qc_report::csv::Table>,
        drawn: &Drawn,
    ) -> Result<Option<String>, ToolError> {
        let Some(name) = self.save_name() else { return Ok(None) };
        if let Some(format) = picture::format_of(name) {
            return drawn.bytes(format).and_then(|bytes| self.desk.save(name, format, bytes)).map(Some);
        }
        let saved = match (is_csv(name), table) {
            (true, Some(table)) => self.desk.save(name, Format::Csv, table.as_str().as_bytes())?,
            (true, None) => {
                let message = "this result is no table: name a .json file in save_as";
                return Err(ToolError::new(Kind::InvalidArgument, Topic::Path, message));
            }
            (false, _) => {
                let whole = reply::settled(serde_json::to_value(finding).unwrap_or_default());
                let text = serde_json::to_string_pretty(&whole).unwrap_or_default();
                self.desk.save(name, Format::Json, text.as_bytes())?
            }
        };
        Ok(Some(saved))
    }
}

fn is_csv(name: &str) -> bool {
    name.to_ascii_lowercase().ends_with(".csv")
}
