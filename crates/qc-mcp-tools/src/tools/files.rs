//! Source files of a project: list, read by lines, write, edit one snippet, rename, delete.

use std::collections::BTreeSet;

use futures::FutureExt;
use qc_api::endpoints::files::{DeleteFile, PatchFiles, ReadFiles, RenameFile};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::{EditorArg, ProjectArg, quote},
    ctx::Ctx,
    flows::{
        files::{self, Created},
        find, lock,
        running::noted,
    },
    gate::Deed,
    reply::CAP,
    server::QcServer,
};

/// The most bytes of a file in an answer when lines were asked for.
const MOST_BYTES: usize = 256_000;

/// Arguments of `read_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// File name, e.g. main.py; omit to list the files
    name: Option<String>,
    /// First line, from 1
    #[schemars(range(min = 1))]
    start_line: Option<i64>,
    /// Last line, included
    #[schemars(range(min = 1))]
    end_line: Option<i64>,
    #[serde(flatten)]
    _editor: EditorArg,
}

/// Arguments of `create_file` and `update_file_content`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct WriteArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// File name, e.g. main.py
    name: String,
    /// The whole content
    #[schemars(extend("x-empty-ok" = true))]
    content: String,
    #[serde(flatten)]
    _editor: EditorArg,
}

/// Arguments of `update_file_name`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct RenameArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Present name
    old_file_name: Option<String>,
    /// The same, under the official server's name
    #[schemars(extend("x-hidden" = true))]
    name: Option<String>,
    /// New name
    new_name: String,
    #[serde(flatten)]
    _editor: EditorArg,
}

/// Arguments of `edit_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct EditArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// File name
    name: String,
    /// Text to replace; must occur exactly once
    old_text: String,
    /// Text to put there; may be empty
    #[schemars(extend("x-empty-ok" = true))]
    new_text: String,
    #[serde(flatten)]
    _editor: EditorArg,
}

/// Arguments of `patch_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct PatchArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Unified diff as git writes it, with file headers and exact context
    patch: String,
    #[serde(flatten)]
    _editor: EditorArg,
}

/// Arguments of `delete_file`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DeleteArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// File name
    name: String,
    #[serde(flatten)]
    _editor: EditorArg,
}

#[tool_router(router = files_read, vis = "pub(crate)")]
impl QcServer {
    /// Read a file, or some of its lines. Without name: the list of files with sizes.
    #[tool(title = "Read file")]
    async fn read_file(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        let Some(name) = &args.name else {
            let files = ctx.door.send(&ReadFiles { project_id: id, ..ReadFiles::default() }).await?.files;
            let rows: Vec<Value> = files
                .iter()
                .map(|file| json!({"name": Untrusted::new(file.name.as_str()), "bytes": file.content.len(), "lines": file.content.lines().count(), "modified": file.modified, "is_library": file.is_library}))
                .collect();
            return Ok(Reply::new(format!("project {id} has {} files", rows.len()))
                .field("project_id", id)
                .field("files", rows)
                // The largest plan has 250 files, and nothing else tells their names.
                .allow(60_000));
        };
        let file = files::read(&ctx.door, id, name).await?;
        let total = file.content.lines().count();
        for (argument, line) in [("start_line", args.start_line), ("end_line", args.end_line)] {
            if line.is_some_and(|line| line < 1) {
                return Err(ToolError::argument(format!(
                    "{argument} counts from 1, found {}",
                    line.unwrap_or_default()
                )));
            }
        }
        let first = args.start_line.and_then(|line| usize::try_from(line).ok()).unwrap_or(1);
        let last = args.end_line.and_then(|line| usize::try_from(line).ok()).unwrap_or(total).min(total);
        if last < first && (0 < total || 1 < first) {
            return Err(ToolError::argument(format!("lines {first} to {last} are none; the file has {total} lines")));
        }
        let whole = first == 1 && last == total;
        let content = if whole || total == 0 {
            file.content
        } else {
            file.content.lines().skip(first - 1).take(last + 1 - first).collect::<Vec<_>>().join("\n")
        };
        let room = if args.start_line.is_some() || args.end_line.is_some() { MOST_BYTES } else { CAP };
        let (content, last, is_cut) = whole_lines(content, first, last, room);
        let more = match is_cut {
            true => format!("; line {first} is longer than {room} bytes and cut"),
            false if last < total => format!("; go on with start_line {}", last + 1),
            false => String::new(),
        };
        let facts = format!("{}: lines {first} to {last} of {total}, {} bytes{more}", quote(name), content.len());
        Ok(Reply::new(facts).body(Untrusted::new(content)).allow(room))
    }
}

#[tool_router(router = files_create, vis = "pub(crate)")]
impl QcServer {
    /// Create a file. A new project's untouched template of that name is replaced; any other existing file is refused.
    #[tool(title = "Create file")]
    async fn create_file(&self, Parameters(args): Parameters<WriteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        check(&args.name, &args.content)?;
        let id = find::project(&ctx.door, &args.project_id).await?;
        let create = || files::create(&ctx.door, id, &args.name, &args.content).boxed();
        let (created, locked) = lock::held(&ctx.door, id, create).await?;
        let what = match created {
            Created::New => "created",
            Created::ReplacedTemplate => "replaced the untouched template",
        };
        let reply = written(&format!("{what}: {}", quote(&args.name)), id, &args.content, locked)
            .field("replaced_template", created == Created::ReplacedTemplate);
        Ok(noted(&ctx.door, id, reply).await)
    }
}

#[tool_router(router = files_update, vis = "pub(crate)")]
impl QcServer {
    /// Replace the whole content of a file. For a small change use edit_file.
    #[tool(title = "Update file content")]
    async fn update_file_content(&self, Parameters(args): Parameters<WriteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        check(&args.name, &args.content)?;
        let id = find::project(&ctx.door, &args.project_id).await?;
        let summary = format!("updated {}", quote(&args.name));
        let update = || files::update(&ctx.door, id, &args.name, &args.content).boxed();
        let ((), locked) = lock::held(&ctx.door, id, update).await?;
        Ok(noted(&ctx.door, id, written(&summary, id, &args.content, locked)).await)
    }

    /// Rename a file of a project; its content stays.
    #[tool(title = "Rename file")]
    async fn update_file_name(&self, Parameters(args): Parameters<RenameArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        files::check_name(&args.new_name)?;
        let Some(name) = args.old_file_name.or(args.name) else {
            return Err(ToolError::argument("missing old_file_name"));
        };
        let id = find::project(&ctx.door, &args.project_id).await?;
        let summary = format!("renamed {} to {}", quote(&name), quote(&args.new_name));
        let request = RenameFile { project_id: id, name, new_name: args.new_name, ..RenameFile::default() };
        let (_, locked) = lock::held(&ctx.door, id, || ctx.door.send(&request).boxed()).await?;
        Ok(noted(&ctx.door, id, told(summary, locked).field("project_id", id)).await)
    }

    /// Apply a unified diff to one or more files; it must match exactly. For one change edit_file is easier.
    #[tool(title = "Patch files")]
    async fn patch_file(&self, Parameters(args): Parameters<PatchArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let names = targets(&args.patch);
        let n_files = names.len();
        if n_files == 0 {
            return Err(ToolError::argument("`patch` is no unified diff: it has no `+++ ` line; nothing was sent"));
        }
        if args.patch.lines().any(removes) {
            let why = "`patch` deletes or renames a file; use delete_file or update_file_name; nothing was sent";
            return Err(ToolError::argument(why));
        }
        names.iter().try_for_each(|name| files::check_name(name))?;
        let id = find::project(&ctx.door, &args.project_id).await?;
        let written: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let request = PatchFiles { project_id: id, patch: args.patch, ..PatchFiles::default() };
        let (_, locked) = lock::held(&ctx.door, id, || ctx.door.send(&request).boxed()).await?;
        written.iter().for_each(|name| ctx.door.written().note(id, name));
        let reply = told(format!("patched {n_files} file(s) of project {id}"), locked)
            .field("project_id", id)
            .field("files", n_files)
            .next("compile_project");
        Ok(noted(&ctx.door, id, reply).await)
    }

    /// Replace one unique snippet of a file; refused with the count if it occurs more or less than once.
    #[tool(title = "Edit file")]
    async fn edit_file(&self, Parameters(args): Parameters<EditArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        // With the lock taken in between, the file is read once more: somebody may have edited it.
        let edit = || {
            async {
                let file = files::read(&ctx.door, id, &args.name).await?;
                let (content, line) = files::replace_unique(&file.content, &args.old_text, &args.new_text)?;
                if content.trim().is_empty() {
                    return Err(ToolError::argument(
                        "the edit would leave the file empty, which QuantConnect refuses; use delete_file",
                    ));
                }
                files::update(&ctx.door, id, &args.name, &content).await?;
                Ok((content, line))
            }
            .boxed()
        };
        let ((content, line), locked) = lock::held(&ctx.door, id, edit).await?;
        let summary = format!("edited {} at line {line}", quote(&args.name));
        Ok(noted(&ctx.door, id, written(&summary, id, &content, locked).field("line", line)).await)
    }
}

#[tool_router(router = files_delete, vis = "pub(crate)")]
impl QcServer {
    /// Delete a file of a project. There is no undo.
    #[tool(title = "Delete file")]
    async fn delete_file(&self, Parameters(args): Parameters<DeleteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let id = find::project(&ctx.door, &args.project_id).await?;
        let summary = format!("deleted {}", quote(&args.name));
        let request = DeleteFile { project_id: id, name: args.name, ..DeleteFile::default() };
        let deed =
            Deed::new("delete a file", &request).project(id).foreign("file", Untrusted::new(request.name.as_str()));
        let (_, locked) = ctx.door.send_locked(ctx.permit(deed).await?, &request, id).await?;
        Ok(told(summary, locked).field("project_id", id))
    }
}

/// What can be refused before anything is sent.
fn check(name: &str, content: &str) -> Result<(), ToolError> {
    files::check_name(name)?;
    if content.is_empty() {
        return Err(ToolError::argument("`content` is empty, which QuantConnect refuses; nothing was sent"));
    }
    Ok(())
}

/// As many whole lines of `content` (lines `first` to `last`) as fit into `room` bytes, and the last of them; a first line
/// that alone is longer is cut, which the third value tells.
fn whole_lines(mut content: String, first: usize, last: usize, room: usize) -> (String, usize, bool) {
    if content.len() <= room {
        return (content, last, false);
    }
    let head = content.as_bytes().get(..room).unwrap_or_default();
    let whole = head.iter().rposition(|byte| *byte == b'\n');
    content.truncate(whole.unwrap_or_else(|| content.floor_char_boundary(room)));
    let n_lines = content.matches('\n').count() + 1;
    (content, first + n_lines - 1, whole.is_none())
}

/// The answer of every write: sizes, never the content.
fn written(summary: &str, id: qc_api::ids::ProjectId, content: &str, locked: bool) -> Reply {
    told(summary.to_owned(), locked)
        .field("project_id", id)
        .field("bytes", content.len())
        .field("lines", content.lines().count())
        .next("compile_project")
}

/// The answer of a change, with the word that the edit lock was taken for it.
fn told(summary: String, locked: bool) -> Reply {
    match locked {
        true => Reply::new(format!("{summary}{}", lock::TAKEN)).field("lock_taken", true),
        false => Reply::new(summary),
    }
}

/// The files that the headers of a unified diff name (a `+++ ` line behind a `--- ` line): without git's `b/` and without
/// a time stamp behind a tab.
fn targets(patch: &str) -> BTreeSet<&str> {
    let lines: Vec<&str> = patch.lines().collect();
    let named = lines.windows(2).filter_map(|two| {
        let [from, to] = two else { return None };
        let (from, to) = (header_name(from, "--- ")?, header_name(to, "+++ ")?);
        let is_git = from.starts_with("a/") || from == "/dev/null";
        Some(if is_git { to.strip_prefix("b/").unwrap_or(to) } else { to })
    });
    named.collect()
}

/// What stands behind `mark` in a header line of a diff, up to a tab.
fn header_name<'a>(line: &'a str, mark: &str) -> Option<&'a str> {
    line.strip_prefix(mark)?.split('\t').next().map(str::trim_end)
}

/// Whether a line of a unified diff deletes or renames a file.
fn removes(line: &str) -> bool {
    let target = line.strip_prefix("+++").and_then(|rest| rest.split_whitespace().next());
    target.is_some_and(|target| target.trim_matches('"') == "/dev/null")
        || line.starts_with("deleted file mode ")
        || line.starts_with("rename ")
}

#[cfg(test)]
mod tests {
    use super::{removes, targets, whole_lines};

    #[test]
    fn what_is_shown_ends_with_a_whole_line_and_is_counted() {
        let content = "one\ntwo\nthree\n".to_owned();
        assert_eq!(whole_lines(content.clone(), 5, 7, 100), (content.clone(), 7, false));
        assert_eq!(whole_lines(content.clone(), 5, 7, 10), ("one\ntwo".to_owned(), 6, false));
        assert_eq!(whole_lines("é".repeat(9), 1, 1, 5), ("éé".to_owned(), 1, true));
    }

    #[test]
    fn a_patch_names_its_files_with_and_without_gits_prefix() {
        let of = |patch: &'static str| targets(patch).into_iter().collect::<Vec<_>>();
        assert_eq!(of("--- a/lib/alpha.py\n+++ b/lib/alpha.py\n"), ["lib/alpha.py"]);
        assert_eq!(of("--- main.py\t2026\n+++ main.py\t2026-01-01 00:00:00\n"), ["main.py"]);
        assert_eq!(of("--- b/x.py\n+++ b/x.py\n"), ["b/x.py"], "a folder of that name");
        assert_eq!(of("--- a/x.cs\n+++ b/x.cs\n@@ -1 +1,2 @@\n i = 0;\n+++ counter;\n"), ["x.cs"]);
        assert!(of("+ b = 1").is_empty());
    }

    #[test]
    fn a_patch_that_deletes_or_renames_is_known_in_every_spelling() {
        for line in [
            "+++ /dev/null",
            "+++\t/dev/null",
            "+++ \"/dev/null\"",
            "+++ /dev/null\t1970-01-01 00:00:00",
            "deleted file mode 100644",
            "rename from a.py",
        ] {
            assert!(removes(line), "{line}");
        }
        for line in ["+++ b/main.py", "--- /dev/null", "+rename = 1", " deleted file mode "] {
            assert!(!removes(line), "{line}");
        }
    }
}
