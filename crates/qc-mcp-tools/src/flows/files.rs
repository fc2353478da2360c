//! Rules about a project's files: which names QuantConnect takes, which file is a new project's untouched
//! template, and how one unique snippet is replaced.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use jiff::SignedDuration;
use qc_api::{
    endpoints::{
        files::{CreateFile, ReadFiles, UpdateFileContent},
        projects::ReadProjects,
    },
    ids::ProjectId,
    model::ProjectFile,
};

use crate::{
    args::quote,
    error::{Kind, ToolError, Topic},
    gate::Door,
};

/// The extensions QuantConnect's documentation lists for project files.
const TAKEN: [&str; 5] = ["py", "cs", "ipynb", "html", "css"];
/// The longest file name, folders included.
const LONGEST_NAME: usize = 200;
/// The files every new project has.
const TEMPLATES: [&str; 4] = ["main.py", "Main.cs", "research.ipynb", "Research.ipynb"];
/// A template is shorter than this; a strategy hardly is.
const TEMPLATE_BYTES: usize = 6_000;

/// Refuses names the service would refuse, or take and never run.
pub(crate) fn check_name(name: &str) -> Result<(), ToolError> {
    let wrong =
        |reason: &str| Err(ToolError::argument(format!("`{}` is no file name of a project: {reason}", quote(name))));
    if name.trim().is_empty() || LONGEST_NAME < name.len() {
        return wrong(&format!("names have 1 to {LONGEST_NAME} bytes"));
    }
    if name.chars().any(|c| c.is_control() || c == '\\') {
        return wrong("it holds a control character or a backslash; folders are separated by /");
    }
    if name.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return wrong("a folder in it is empty, `.` or `..`");
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    let extension = last.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    if TAKEN.contains(&extension.as_str()) {
        return Ok(());
    }
    let all: Vec<String> = TAKEN.iter().map(|extension| format!(".{extension}")).collect();
    Err(ToolError::new(
        Kind::InvalidArgument,
        Topic::FileKind,
        format!("QuantConnect projects take {} files, not `{}`; nothing was sent", all.join(", "), quote(last)),
    ))
}

/// One file of a project, by name.
pub(crate) async fn read(door: &Door, project_id: ProjectId, name: &str) -> Result<ProjectFile, ToolError> {
    let reply = door.send(&ReadFiles { project_id, name: Some(name.to_owned()), ..ReadFiles::default() }).await;
    let files = match reply {
        Ok(reply) => reply.files,
        // The service refuses an unknown name in its own words; a missing project reads differently.
        Err(error) if matches!(error.kind, Kind::NotFound | Kind::Refused) => {
            let all = door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
            if all.iter().any(|file| file.name == name) {
                return Err(error);
            }
            Vec::new()
        }
        Err(error) => return Err(error),
    };
    // A library of the project may have a file of that name too: the project's own is meant.
    let (of_libraries, own): (Vec<_>, Vec<_>) =
        files.into_iter().filter(|file| file.name == name).partition(|file| file.is_library);
    own.into_iter().chain(of_libraries).next().ok_or_else(|| {
        ToolError::new(Kind::NotFound, Topic::File, format!("project {project_id} has no file `{}`", quote(name)))
    })
}

/// What `create` did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Created {
    /// A new file.
    New,
    /// The untouched template of a new project was replaced.
    ReplacedTemplate,
}

/// Makes a file; replaces a new project's untouched template; refuses any other name that is taken.
pub(crate) async fn create(
    door: &Door,
    project_id: ProjectId,
    name: &str,
    content: &str,
) -> Result<Created, ToolError> {
    let request =
        CreateFile { project_id, name: name.to_owned(), content: Some(content.to_owned()), ..CreateFile::default() };
    let refusal = match door.send(&request).await {
        Ok(_) => {
            door.written().note(project_id, name);
            return Ok(Created::New);
        }
        Err(error) if error.kind == Kind::Refused => error,
        Err(error) => return Err(error),
    };
    let Ok(existing) = read(door, project_id, name).await else { return Err(refusal) };
    if !is_untouched_template(door, project_id, &existing).await? {
        return Err(ToolError::new(
            Kind::Exists,
            Topic::File,
            format!("project {project_id} already has a file `{}` of {} bytes", quote(name), existing.content.len()),
        ));
    }
    update(door, project_id, name, content).await?;
    Ok(Created::ReplacedTemplate)
}

/// Replaces the content of a file.
pub(crate) async fn update(door: &Door, project_id: ProjectId, name: &str, content: &str) -> Result<(), ToolError> {
    let (name, content) = (name.to_owned(), content.to_owned());
    let request = UpdateFileContent { project_id, name, content, ..UpdateFileContent::default() };
    door.send(&request).await?;
    door.written().note(project_id, &request.name);
    Ok(())
}

/// The files written through this server: whatever they look like, they are nobody's template.
#[derive(Debug, Default)]
pub(crate) struct Written {
    names: Mutex<HashSet<(ProjectId, String)>>,
}

impl Written {
    /// The most names kept; a server that wrote more forgets and judges by the file alone.
    const MOST: usize = 10_000;

    pub(crate) fn note(&self, project_id: ProjectId, name: &str) {
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if Self::MOST <= names.len() {
            names.clear();
        }
        names.insert((project_id, name.to_owned()));
    }

    fn holds(&self, project_id: ProjectId, name: &str) -> bool {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).contains(&(project_id, name.to_owned()))
    }
}

/// Whether nobody has written the file since the project was made: a template's name, short, the template's
/// words in it, and not changed after the project's first seconds.
async fn is_untouched_template(door: &Door, project_id: ProjectId, file: &ProjectFile) -> Result<bool, ToolError> {
    if door.written().holds(project_id, &file.name) {
        return Ok(false);
    }
    if !TEMPLATES.contains(&file.name.as_str()) || !reads_like_template(&file.name, &file.content) {
        return Ok(false);
    }
    let projects = door.send(&ReadProjects::one(project_id)).await?.projects;
    let created = projects.iter().find(|project| project.project_id == project_id).and_then(|project| project.created);
    const SETTLING: SignedDuration = SignedDuration::from_secs(10);
    Ok(match (created, file.modified) {
        (Some(created), Some(modified)) => modified.duration_since(created) <= SETTLING,
        _ => false,
    })
}

fn reads_like_template(name: &str, content: &str) -> bool {
    if TEMPLATE_BYTES < content.len() {
        return false;
    }
    let words: &[&str] = match name {
        "main.py" => &["AlgorithmImports", "(QCAlgorithm)", "set_holdings(\"SPY\""],
        "Main.cs" => &["QCAlgorithm", "SetHoldings(\"SPY\""],
        _ => &["QuantBook"],
    };
    words.iter().all(|word| content.contains(word) || content.contains(&word.replace('"', "\\\"")))
}

/// `content` with the one occurrence of `old` replaced, and the line where it stood.
pub(crate) fn replace_unique(content: &str, old: &str, new: &str) -> Result<(String, usize), ToolError> {
    if old.is_empty() {
        return Err(ToolError::argument("`old_text` is empty"));
    }
    let windows = content.contains("\r\n") && !old.contains("\r\n");
    let (old, new) = if windows && !content.contains(old) {
        (old.replace('\n', "\r\n"), new.replace("\r\n", "\n").replace('\n', "\r\n"))
    } else {
        (old.to_owned(), new.to_owned())
    };
    match content.matches(&old).count() {
        1 => {
            let before = content.split(&old).next().unwrap_or_default();
            Ok((content.replacen(&old, &new, 1), before.matches('\n').count() + 1))
        }
        0 => Err(ToolError::new(
            Kind::NotFound,
            Topic::Snippet,
            format!("old_text does not occur in the file ({} lines)", content.lines().count()),
        )),
        n => {
            Err(ToolError::new(Kind::InvalidArgument, Topic::Snippet, format!("old_text occurs {n} times, must be 1")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extensions_outside_the_documentation_are_refused_with_the_list() {
        for good in ["main.py", "lib/alpha.py", "Main.CS", "page.html"] {
            assert_eq!(check_name(good), Ok(()), "{good}");
        }
        for bad in ["data.csv", "config.yaml", "x.json", "Makefile", "noext", "a.py.txt"] {
            let error = check_name(bad).unwrap_err();
            assert!(error.message.contains(".py, .cs, .ipynb"), "{error}");
        }
    }

    #[test]
    fn hostile_names_are_refused() {
        for bad in ["", "../main.py", "a//b.py", "/etc/x.py", "a\u{0}.py", "a\\b.py", "./main.py"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name(&format!("{}.py", "a".repeat(300))).is_err());
    }

    #[test]
    fn a_snippet_must_be_unique() {
        assert_eq!(replace_unique("a\nb\nc", "b", "B").unwrap(), ("a\nB\nc".into(), 2));
        assert_eq!(replace_unique("b b", "b", "").unwrap_err().message, "old_text occurs 2 times, must be 1");
        assert_eq!(replace_unique("a", "b", "").unwrap_err().kind, Kind::NotFound);
        assert_eq!(replace_unique("a\r\nb\r\n", "a\nb", "x\ny").unwrap().0, "x\r\ny\r\n");
    }

    #[test]
    fn own_code_is_never_taken_for_a_template() {
        assert!(!reads_like_template("main.py", "class Mine(QCAlgorithm): pass"));
    }
}
