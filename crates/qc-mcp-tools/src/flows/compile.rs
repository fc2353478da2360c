//! Compile and wait; read the errors of a build as places in the code, each with the lines around it.

use std::time::Duration;

use qc_api::{
    endpoints::{
        compile::{CompileReply, CompileState, CreateCompile},
        files::ReadFiles,
    },
    ids::{CompileId, ProjectId},
    model::ProjectFile,
};
use serde::Serialize;

use crate::{
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Door,
    jobs::{self, Cloud, Seen},
    reply::Untrusted,
};

/// Lines shown above and below an error.
const AROUND: usize = 2;
/// The most errors that get an excerpt.
const MOST_EXCERPTS: usize = 10;

/// Starts a compile.
pub(crate) async fn start(door: &Door, project_id: ProjectId) -> Result<CompileReply, ToolError> {
    door.send(&CreateCompile { project_id }).await
}

/// How long a compile is waited for; it usually takes ten seconds.
const LONGEST_WAIT: Duration = Duration::from_secs(45);

/// Reads a compile until it is finished or [`LONGEST_WAIT`] has passed.
pub(crate) async fn wait(
    door: &Door,
    project_id: ProjectId,
    compile_id: &CompileId,
    progress: &Progress,
) -> Result<CompileReply, ToolError> {
    let work = Cloud::Compile { project_id, compile_id: compile_id.clone() };
    match jobs::wait(door, &work, LONGEST_WAIT, progress).await? {
        Seen::Compile(_, reply) => Ok(*reply),
        _ => Err(ToolError::new(Kind::Internal, Topic::Compile, "a compile was read as something else")),
    }
}

/// Where a build stopped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct BuildError {
    /// `file:line`, if the message names a place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<Untrusted>,
    /// The compiler's words.
    pub(crate) message: Untrusted,
    /// The lines around the place.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source: Option<Untrusted>,
}

/// The errors of a failed build, with excerpts of the code as it is now. Sends nothing for a build that did not fail.
pub(crate) async fn errors(
    door: &Door,
    project_id: ProjectId,
    reply: &CompileReply,
) -> Result<Vec<BuildError>, ToolError> {
    if reply.state != CompileState::BuildError {
        return Ok(Vec::new());
    }
    let lines: Vec<&String> = reply.errors.iter().chain(&reply.logs).collect();
    let located: Vec<(&String, Option<Place>)> = lines.into_iter().map(|line| (line, place(line))).collect();
    // Places first; without any, everything the build said is the error.
    let mut chosen: Vec<(&String, Option<Place>)> =
        located.iter().filter(|(_, place)| place.is_some()).cloned().collect();
    if chosen.is_empty() {
        chosen = located.into_iter().filter(|(line, _)| !line.trim().is_empty()).collect();
    }
    Ok(excerpts(door, project_id, chosen).await)
}

/// The places in the code that lines of an error of a run name, with excerpts.
pub(crate) async fn places(door: &Door, project_id: ProjectId, lines: &[String]) -> Vec<BuildError> {
    let located = lines.iter().map(|line| (line, place(line))).filter(|(_, place)| place.is_some());
    excerpts(door, project_id, located.collect()).await
}

/// What was said, with the code around the places it names.
async fn excerpts(door: &Door, project_id: ProjectId, mut chosen: Vec<(&String, Option<Place>)>) -> Vec<BuildError> {
    chosen.dedup_by(|a, b| a.0 == b.0);
    let files = match chosen.iter().any(|(_, place)| place.is_some()) {
        // Without the code the errors still are what was asked for.
        true => match door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await {
            Ok(read) => read.files,
            Err(error) => {
                tracing::warn!(kind = error.kind.id(), "errors of a build are shown without the code around them");
                Vec::new()
            }
        },
        false => Vec::new(),
    };
    chosen
        .into_iter()
        .enumerate()
        .map(|(i, (line, place))| BuildError {
            source: place
                .as_ref()
                .filter(|_| i < MOST_EXCERPTS)
                .and_then(|place| excerpt(&files, place))
                .map(Untrusted::new),
            place: place.map(|place| Untrusted::new(format!("{}:{}", place.file, place.line))),
            message: Untrusted::new(line.trim()).shortened(400),
        })
        .collect()
}

/// A place in the code; lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: String,
    line: usize,
}

/// The place a line names, in the spellings of the service, of Python, of LEAN's traces of a run and of C#.
fn place(text: &str) -> Option<Place> {
    let found = service_place(text).or_else(|| python_place(text)).or_else(|| run_place(text));
    found.or_else(|| csharp_place(text)).filter(|place| 0 < place.line)
}

/// `... File: main.py Line:3 Column:4 - ...`
fn service_place(text: &str) -> Option<Place> {
    let (_, rest) = text.split_once("File:")?;
    let (file, rest) = rest.split_once("Line:")?;
    Some(Place { file: file.trim().trim_matches(',').to_owned(), line: leading_number(rest)? })
}

/// `File "main.py", line 3`
fn python_place(text: &str) -> Option<Place> {
    let (_, rest) = text.split_once("File \"")?;
    let (file, rest) = rest.split_once('"')?;
    let (_, rest) = rest.split_once("line ")?;
    Some(Place { file: file.to_owned(), line: leading_number(rest)? })
}

/// `in main.py: line 3`, or `in C:\project\Main.cs:line 3`
fn run_place(text: &str) -> Option<Place> {
    let (before, rest) = text.split_once(": line ").or_else(|| text.split_once(":line "))?;
    let (_, file) = before.rsplit_once(" in ").or_else(|| before.split_once("in "))?;
    Some(Place { file: file.trim().to_owned(), line: leading_number(rest)? })
}

/// `Main.cs(3,14): error CS1002: ...`
fn csharp_place(text: &str) -> Option<Place> {
    let (before, rest) = text.split_once('(')?;
    let (inside, after) = rest.split_once(')')?;
    if !after.trim_start().starts_with(':') {
        return None;
    }
    let file = before.split_whitespace().last()?;
    Some(Place { file: file.to_owned(), line: leading_number(inside)? })
}

fn leading_number(text: &str) -> Option<usize> {
    let digits: String = text.trim_start().chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The lines around a place, numbered, the place marked.
fn excerpt(files: &[ProjectFile], place: &Place) -> Option<String> {
    let base = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or_default().to_ascii_lowercase();
    let file = files
        .iter()
        .find(|file| file.name == place.file)
        .or_else(|| files.iter().find(|file| base(&file.name) == base(&place.file)))?;
    let first = place.line.saturating_sub(AROUND).max(1);
    let lines: Vec<String> = file
        .content
        .lines()
        .enumerate()
        .skip(first - 1)
        .take(2 * AROUND + 1)
        .map(|(i, line)| format!("{}{:>4} | {line}", if i + 1 == place.line { ">" } else { " " }, i + 1))
        .collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_in_three_spellings() {
        let at = |file: &str, line| Some(Place { file: file.into(), line });
        assert_eq!(place("Build Error: File: main.py Line:12 Column:4 - invalid syntax"), at("main.py", 12));
        assert_eq!(place("  File \"lib/alpha.py\", line 7, in <module>"), at("lib/alpha.py", 7));
        assert_eq!(place("Main.cs(3,14): error CS1002: ; expected"), at("Main.cs", 3));
        assert_eq!(place("    in main.py: line 9"), at("main.py", 9));
        assert_eq!(place("at A.OnData(Slice data) in /LeanCLI/Main.cs:line 31"), at("/LeanCLI/Main.cs", 31));
        assert_eq!(place("no such line in sight: lines are long"), None);
        assert_eq!(place("Build Request Successful for Project ID: 5 (compile)"), None);
    }

    #[test]
    fn the_excerpt_marks_the_line() {
        let file = ProjectFile { name: "main.py".into(), content: "a\nb\nc\nd\ne\nf".into(), ..ProjectFile::default() };
        let text = excerpt(&[file], &Place { file: "Main.py".into(), line: 3 }).unwrap();
        assert_eq!(text.lines().count(), 5);
        assert!(text.contains(">   3 | c"), "{text}");
    }
}
