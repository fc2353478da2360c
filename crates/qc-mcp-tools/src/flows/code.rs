//! Which code a compile was made of, and which code a backtest ran: a hash over all files of a project and of its
//! libraries, recorded where the files were the same before and after the compile.

use qc_api::{
    endpoints::{
        compile::{CompileReply, ReadCompile},
        files::ReadFiles,
        projects::ReadProjects,
    },
    ids::{BacktestId, CompileId, ProjectId},
    model::Project,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    flows::compile,
    gate::Door,
    store::{self, Store as _},
};

/// The code of a project at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Code {
    /// SHA-256 in hexadecimal digits.
    pub(crate) hash: String,
    /// Files of the project and of its libraries.
    pub(crate) n_files: usize,
}

/// What is recorded of a compile or a backtest.
#[derive(Debug, Serialize, Deserialize)]
struct Made {
    project: i64,
    code: String,
}

/// A compile, and the code it is made of if that can be said.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) reply: CompileReply,
    /// `None` if the files changed while they were compiled, or could not be read.
    pub(crate) code: Option<Code>,
}

/// The project itself, with the list of its libraries.
///
/// # Errors
/// [`Kind::NotFound`] when there is none.
pub(crate) async fn project(door: &Door, id: ProjectId) -> Result<Project, ToolError> {
    let projects = door.send(&ReadProjects::one(id)).await?.projects;
    projects
        .into_iter()
        .find(|project| project.project_id == id)
        .ok_or_else(|| ToolError::new(Kind::NotFound, Topic::Project, format!("no project {id}")))
}

/// The code of a project and of its libraries as it is now.
pub(crate) async fn read(door: &Door, project: &Project) -> Result<Code, ToolError> {
    let mut ids = vec![project.project_id];
    ids.extend(project.libraries.iter().map(|library| library.project_id));
    let mut hash = Sha256::new();
    let mut n_files = 0;
    for project_id in ids {
        let mut files = door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
        files.sort_by(|a, b| a.name.cmp(&b.name));
        n_files += files.len();
        hash.update(project_id.0.to_be_bytes());
        for file in &files {
            for text in [&file.name, &file.content] {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text.as_bytes());
            }
        }
    }
    Ok(Code { hash: hex::encode(hash.finalize()), n_files })
}

/// A project and its code before a compile.
#[derive(Debug)]
pub(crate) struct Before(Project, Code);

impl Before {
    /// The hash of the code.
    pub(crate) fn hash(&self) -> &str {
        &self.1.hash
    }
}

/// The code of a project that is about to be compiled; `None` if it cannot be read, which stops no compile.
pub(crate) async fn before(door: &Door, project_id: ProjectId) -> Option<Before> {
    let project = project(door, project_id).await.ok()?;
    let code = read(door, &project).await.ok()?;
    Some(Before(project, code))
}

/// Records the code of a finished compile, if the files are still those of before, and answers it.
async fn after(door: &Door, compile: &CompileId, before: Option<Before>) -> Option<Code> {
    let Before(project, code) = before?;
    if read(door, &project).await.ok()? != code {
        return None;
    }
    record(door, compile.as_str(), project.project_id, &code.hash).await;
    Some(code)
}

/// Whether the files are still those of before; if so and the compile is finished, its code is recorded.
pub(crate) async fn is_still(door: &Door, compile: &CompileId, before: Before, is_finished: bool) -> bool {
    is_finished && after(door, compile, Some(before)).await.is_some()
}

/// Records the code of a compile that was waited for, if it is finished.
pub(crate) async fn note_compile(door: &Door, project_id: ProjectId, compile: &CompileId, before: Option<Before>) {
    if before.is_none() {
        return;
    }
    let request = ReadCompile { project_id, compile_id: compile.clone() };
    if door.send(&request).await.is_ok_and(|reply| reply.state.is_finished()) {
        after(door, compile, before).await;
    }
}

/// Compiles, waits, and records the code if it was the same before and after. That it cannot be read stops no compile.
pub(crate) async fn build(door: &Door, project_id: ProjectId, progress: &Progress) -> Result<Built, ToolError> {
    let before = before(door, project_id).await;
    let started = compile::start(door, project_id).await?;
    let reply = match started.state.is_finished() {
        true => started,
        false => compile::wait(door, project_id, &started.compile_id, progress).await?,
    };
    let code = match reply.state.is_finished() {
        true => after(door, &reply.compile_id, before).await,
        false => None,
    };
    Ok(Built { reply, code })
}

/// Records that a backtest ran the code of a compile, if that is known.
pub(crate) async fn note_backtest(door: &Door, project_id: ProjectId, compile: &CompileId, backtest: &BacktestId) {
    if let Some(code) = recorded(door, compile.as_str(), project_id).await {
        record(door, backtest.as_str(), project_id, &code).await;
    }
}

/// The hash of the code that a backtest ran, if this server recorded it.
pub(crate) async fn of_backtest(door: &Door, project_id: ProjectId, backtest: &BacktestId) -> Option<String> {
    recorded(door, backtest.as_str(), project_id).await
}

async fn record(door: &Door, id: &str, project_id: ProjectId, code: &str) {
    let kept = async {
        let account = door.account().await?;
        let body = account.seal(&Made { project: project_id.0, code: code.to_owned() })?;
        door.state().update(&account.name, store::Kind::Code, id, &mut |_| Some(body.clone()))?;
        Ok::<(), ToolError>(())
    };
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the code of a compile could not be recorded; its backtests count as of unknown code");
    }
}

async fn recorded(door: &Door, id: &str, project_id: ProjectId) -> Option<String> {
    let account = door.account().await.ok()?;
    let record = door.state().get(&account.name, store::Kind::Code, id).ok()??;
    let made: Made = account.open(&record.body)?;
    (made.project == project_id.0).then_some(made.code)
}
