//! A whole backtest: the project found or made, its files brought to what is given, compiled, started once.
//!
//! Every step may be taken again: a file that is already as it shall be is not written, code that was compiled within the
//! last ten minutes is not compiled again, and the same start is the same run. So a caller that lost the answer asks again
//! and doubles nothing.

use std::{collections::BTreeMap, time::Duration};

use futures::FutureExt as _;
use qc_api::{
    endpoints::{
        backtests::CreateBacktest,
        compile::{CompileReply, CompileState, ReadCompile},
        files::ReadFiles,
        projects::CreateProject,
    },
    ids::{BacktestId, CompileId, ProjectId},
    model::{Backtest, Language, ProjectFile},
    wire,
};

use super::{
    backtest::{self, Run},
    code,
    compile::{self, BuildError},
    files, find,
    lint::{self, Finding},
    lock,
    start_backtest::{self, Started},
};
use crate::{
    args::{ProjectArg, quote},
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    jobs::{Claimed, Once},
};

/// How often another call that makes the same project, or compiles the same code, is looked at, and the pause between.
const SIBLING_LOOKS: u32 = 40;
const COMPILE_LOOKS: u32 = 160;
const SIBLING_PAUSE: Duration = Duration::from_millis(250);
/// Last lines of a failed run's log.
const TAIL: i64 = 20;

/// One change of a file.
#[derive(Debug, Clone)]
pub(crate) struct Edit {
    pub(crate) name: String,
    pub(crate) old_text: String,
    pub(crate) new_text: String,
}

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) project: ProjectArg,
    /// Whole files, by name.
    pub(crate) files: BTreeMap<String, String>,
    /// Changes of files, made after those were written.
    pub(crate) edits: Vec<Edit>,
    pub(crate) parameters: wire::Map<String>,
    /// Name of the run; made of code and parameters if none is given.
    pub(crate) name: Option<String>,
}

/// What was done to the project.
#[derive(Debug, Default)]
pub(crate) struct Wrote {
    pub(crate) is_new_project: bool,
    pub(crate) created: Vec<String>,
    pub(crate) updated: Vec<String>,
    /// Files given that were as they shall be.
    pub(crate) unchanged: usize,
    pub(crate) lock_taken: bool,
    /// Remarks on the code as it is now, with the file's name.
    pub(crate) remarks: Vec<(String, Finding)>,
}

/// How far it came.
#[derive(Debug)]
pub(crate) enum Came {
    /// The code does not compile, or still does.
    ToCompile(Box<CompileReply>),
    /// A run was started, or found.
    ToRun(Box<Started>, CompileId),
}

/// Does all of it but waiting for the run.
///
/// # Errors
/// What cannot be meant, before anything is sent; afterwards the service's, with what was done before.
pub(crate) async fn run(ctx: &Ctx, ask: Ask) -> Result<(ProjectId, Wrote, Came), ToolError> {
    for (name, content) in &ask.files {
        files::check_name(name)?;
        if content.trim().is_empty() {
            let message = format!("`{}` is empty, which QuantConnect refuses; nothing was sent", quote(name));
            return Err(ToolError::argument(message));
        }
    }
    ask.edits.iter().try_for_each(|edit| files::check_name(&edit.name))?;
    ctx.progress.report(0.0, Some(4.0), "the project is found");
    let (project_id, is_new_project) = project(ctx, &ask).await?;
    let mut wrote = Wrote { is_new_project, ..Wrote::default() };
    ctx.progress.report(1.0, Some(4.0), "files are written");
    let brought = bring(ctx, project_id, &ask, &mut wrote).await;
    brought.map_err(|error| with_what_was_done(error, project_id, &wrote))?;
    ctx.progress.report(2.0, Some(4.0), "compiling");
    let reply = built(ctx, project_id).await.map_err(|error| with_what_was_done(error, project_id, &wrote))?;
    if reply.state != CompileState::BuildSuccess {
        return Ok((project_id, wrote, Came::ToCompile(Box::new(reply))));
    }
    ctx.progress.report(3.0, Some(4.0), "the backtest is started");
    let compile_id = reply.compile_id;
    let backtest_name = ask.name.unwrap_or_else(|| name_of(&compile_id, &ask.parameters));
    let request =
        CreateBacktest { project_id, compile_id: compile_id.clone(), backtest_name, parameters: ask.parameters };
    let started =
        start_backtest::start(ctx, &request).await.map_err(|error| with_what_was_done(error, project_id, &wrote))?;
    if started.before.is_none() {
        code::note_backtest(&ctx.door, project_id, &compile_id, &started.backtest.backtest_id).await;
    }
    Ok((project_id, wrote, Came::ToRun(Box::new(started), compile_id)))
}

/// The project; made where a name is nobody's and there are files for it.
async fn project(ctx: &Ctx, ask: &Ask) -> Result<(ProjectId, bool), ToolError> {
    let missing = match find::project(&ctx.door, &ask.project).await {
        Ok(id) => return Ok((id, false)),
        Err(error) => error,
    };
    let ProjectArg::Name(name) = &ask.project else { return Err(missing) };
    if missing.kind != Kind::NotFound || ask.files.is_empty() {
        return Err(missing);
    }
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(ToolError::argument("the project's name is empty or holds control characters; nothing was sent"));
    }
    let is_csharp = ask.files.keys().any(|file| file.to_ascii_lowercase().ends_with(".cs"));
    let language = if is_csharp { Language::CSharp } else { Language::Python };
    let request = CreateProject { name: name.to_owned(), language, organization_id: None };
    // The same call twice at once makes one project.
    let mut once = Once::new(&ctx.door, "project", &request.name).await?;
    for _ in 0..SIBLING_LOOKS {
        let now = ctx.door.now().await?;
        match once.claim(now)? {
            Claimed::Mine(_) => break,
            // It may have got another name, or be gone again.
            Claimed::Made { .. } => once.release()?,
            Claimed::Pending(_) => tokio::time::sleep(SIBLING_PAUSE).await,
        }
        if let Ok(id) = find::project(&ctx.door, &ask.project).await {
            return Ok((id, false));
        }
    }
    let now = ctx.door.now().await?;
    once.leaves();
    match ctx.door.send(&request).await {
        Ok(reply) => {
            let Some(project) = reply.projects.first() else {
                return Err(ToolError::new(Kind::BadAnswer, Topic::Project, "projects/create named no project"));
            };
            once.made(&project.project_id.to_string(), now)?;
            Ok((project.project_id, true))
        }
        Err(error) => {
            once.release()?;
            Err(error)
        }
    }
}

/// Writes what differs from what shall be.
async fn bring(ctx: &Ctx, project_id: ProjectId, ask: &Ask, wrote: &mut Wrote) -> Result<(), ToolError> {
    let mut now = own_files(ctx, project_id).await?;
    let mut wanted = ask.files.clone();
    for edit in &ask.edits {
        let before = wanted.get(&edit.name).or_else(|| now.get(&edit.name)).ok_or_else(|| {
            let message = format!("project {project_id} has no file `{}` to edit", quote(&edit.name));
            ToolError::new(Kind::NotFound, Topic::File, message)
        })?;
        let (after, _) = files::replace_unique(before, &edit.old_text, &edit.new_text)?;
        wanted.insert(edit.name.clone(), after);
    }
    for (name, content) in wanted {
        if now.get(&name) == Some(&content) {
            wrote.unchanged += 1;
            continue;
        }
        let is_there = now.contains_key(&name);
        let write = || {
            async {
                match is_there {
                    true => files::update(&ctx.door, project_id, &name, &content).await,
                    false => files::create(&ctx.door, project_id, &name, &content).await.map(|_| ()),
                }
            }
            .boxed()
        };
        let ((), locked) = lock::held(&ctx.door, project_id, write).await?;
        wrote.lock_taken |= locked;
        let list = if is_there { &mut wrote.updated } else { &mut wrote.created };
        list.push(name.clone());
        now.insert(name, content);
    }
    let pairs: Vec<(&str, &str)> = now.iter().map(|(name, content)| (name.as_str(), content.as_str())).collect();
    let named =
        |finding: Finding| (pairs.get(finding.file).map(|(name, _)| (*name).to_owned()).unwrap_or_default(), finding);
    wrote.remarks = lint::look(&pairs).into_iter().map(named).collect();
    Ok(())
}

/// The project's own files, by name.
async fn own_files(ctx: &Ctx, project_id: ProjectId) -> Result<BTreeMap<String, String>, ToolError> {
    let files = ctx.door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
    let own = files.into_iter().filter(|file| !file.is_library);
    Ok(own.map(|ProjectFile { name, content, .. }| (name, content)).collect())
}

/// A compile of the code as it is now: one of the last ten minutes, or a new one.
pub(crate) async fn built(ctx: &Ctx, project_id: ProjectId) -> Result<CompileReply, ToolError> {
    let Some(before) = code::before(&ctx.door, project_id).await else {
        return code::build(&ctx.door, project_id, &ctx.progress).await.map(|built| built.reply);
    };
    let mut once = Once::new(&ctx.door, "compile", &(project_id, before.hash())).await?;
    let now = ctx.door.now().await?;
    let mut claimed = once.claim(now)?;
    // The same code is being compiled by another call: its compile will do.
    for _ in 0..COMPILE_LOOKS {
        if !matches!(claimed, Claimed::Pending(_)) {
            break;
        }
        tokio::time::sleep(SIBLING_PAUSE).await;
        claimed = once.claim(ctx.door.now().await?)?;
    }
    if let Claimed::Made { id, .. } = &claimed {
        let request = ReadCompile { project_id, compile_id: CompileId(id.clone()) };
        if let Ok(known) = ctx.door.send(&request).await
            && known.state == CompileState::BuildSuccess
        {
            return Ok(known);
        }
        once.release()?;
        claimed = once.claim(now)?;
    }
    let started = compile::start(&ctx.door, project_id).await?;
    let compile_id = started.compile_id.clone();
    let reply = match started.state.is_finished() {
        true => started,
        false => compile::wait(&ctx.door, project_id, &compile_id, &ctx.progress).await?,
    };
    let is_same = code::is_still(&ctx.door, &compile_id, before, reply.state.is_finished()).await;
    if reply.state == CompileState::BuildSuccess && is_same && matches!(claimed, Claimed::Mine(_)) {
        once.made(compile_id.as_str(), now)?;
    }
    Ok(reply)
}

/// A name for a run that nobody named: the same code and parameters have the same.
fn name_of(compile_id: &CompileId, parameters: &wire::Map<String>) -> String {
    let of_code: String = compile_id.as_str().chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    let given: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let name = format!("run {of_code} {}", given.join(" "));
    name.trim_end().chars().take(100).collect()
}

/// An error, with what was done before it.
fn with_what_was_done(mut error: ToolError, project_id: ProjectId, wrote: &Wrote) -> ToolError {
    let written: Vec<String> = wrote.created.iter().chain(&wrote.updated).map(|name| quote(name)).collect();
    let mut done = Vec::new();
    if wrote.is_new_project {
        done.push(format!("project {project_id} was created"));
    }
    if !written.is_empty() {
        done.push(format!("{} written", written.join(", ")));
    }
    if !done.is_empty() {
        error.message = format!("{} (before that: {})", error.message, done.join("; "));
    }
    error
}

/// Why a run failed: places in the code that its error names, and the end of its log. What cannot be read is left out.
pub(crate) async fn failure(ctx: &Ctx, project_id: ProjectId, run: &Backtest) -> (Vec<BuildError>, Vec<String>) {
    let texts = [run.failure(), run.stacktrace.as_deref()];
    let mut lines: Vec<String> = Vec::new();
    for line in texts.into_iter().flatten().flat_map(str::lines).map(|line| line.trim().to_owned()) {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let places = compile::places(&ctx.door, project_id, &lines).await;
    let id = Run { project_id, backtest_id: BacktestId(run.backtest_id.to_string()) };
    let log = async {
        let (_, length) = backtest::logs(&ctx.door, &id, " ", 0, 1).await?;
        backtest::logs(&ctx.door, &id, " ", (length - TAIL).max(0), length).await
    };
    (places, log.await.map(|(lines, _)| lines).unwrap_or_default())
}
