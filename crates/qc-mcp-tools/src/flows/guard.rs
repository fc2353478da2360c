//! A limit of loss in an algorithm's own code: a file with the guard, and two lines that call it. Nothing is written
//! before the change was shown; a project that has a guard is left alone.

use qc_api::{
    endpoints::files::ReadFiles,
    ids::ProjectId,
    model::{Language, ProjectFile},
};

use serde::{Deserialize, Serialize};

use super::{code, files};
use crate::{
    args::quote,
    error::{Kind, ToolError, Topic},
    gate::Door,
};

/// The file that holds the guard.
pub(crate) const FILE: &str = "qc_guard.py";
/// The guard itself; `tests/foreign/guard.sh` checks its types and runs it on a stand-in.
const GUARD: &str = include_str!("guard/qc_guard.py");
/// Where an algorithm begins.
const MAIN: &str = "main.py";
const CLASS: &str = "LossGuard";

/// In what a limit is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Percent,
    Sigma,
}

/// From what a loss is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Basis {
    PreviousClose,
    Deployment,
    Peak,
}

impl Basis {
    /// The word in code and answers.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Basis::PreviousClose => "previous_close",
            Basis::Deployment => "deployment",
            Basis::Peak => "peak",
        }
    }
}

/// A limit of loss.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Limit {
    pub(crate) max_loss: f64,
    pub(crate) unit: Unit,
    pub(crate) basis: Basis,
    pub(crate) sigma_window: u32,
}

impl Limit {
    /// Refuses limits that are none.
    pub(crate) fn check(&self) -> Result<(), ToolError> {
        let most = if self.unit == Unit::Percent { 100.0 } else { 20.0 };
        if !(0.0 < self.max_loss && self.max_loss < most) {
            return Err(ToolError::argument(format!(
                "`max_loss` lies between 0 and {most} in this unit; nothing was sent"
            )));
        }
        if !(20..=500).contains(&self.sigma_window) {
            return Err(ToolError::argument("`sigma_window` is 20 to 500 days; nothing was sent"));
        }
        Ok(())
    }

    /// The call of the guard, as Python.
    fn call(&self) -> String {
        let unit = if self.unit == Unit::Percent { "percent" } else { "sigma" };
        let basis = self.basis.word();
        format!("self._loss_guard = {CLASS}(self, {:?}, \"{unit}\", \"{basis}\", {})", self.max_loss, self.sigma_window)
    }
}

/// A line that is added, with its number.
type Added = (usize, String);

/// What would be written.
#[derive(Debug)]
pub(crate) struct Change {
    pub(crate) project_id: ProjectId,
    /// The algorithm's file with the two lines.
    main: String,
    /// The lines added to it, each with its number.
    pub(crate) added: Vec<Added>,
}

/// What the project's code would become.
///
/// # Errors
/// [`Kind::Exists`] when it has a guard; [`Kind::Refused`] when it is not Python, or where it begins cannot be told.
pub(crate) async fn plan(door: &Door, project_id: ProjectId, limit: &Limit) -> Result<Change, ToolError> {
    limit.check()?;
    let refuse = |why: &str| ToolError::new(Kind::Refused, Topic::File, format!("{why}; nothing was written"));
    let project = code::project(door, project_id).await?;
    if project.language.as_ref() == Some(&Language::CSharp) {
        return Err(refuse("the guard is written in Python, and the project is in C#"));
    }
    let all = door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
    let own: Vec<&ProjectFile> = all.iter().filter(|file| !file.is_library).collect();
    if let Some(file) = own.iter().find(|file| file.name == FILE || file.content.contains(CLASS)) {
        let message = format!("`{}` holds a guard; change or remove it there; nothing was written", quote(&file.name));
        return Err(ToolError::new(Kind::Exists, Topic::File, message));
    }
    let main = own.iter().find(|file| file.name == MAIN).ok_or_else(|| refuse("the project has no main.py"))?;
    let (main, added) = guarded(&main.content, limit).map_err(refuse)?;
    Ok(Change { project_id, main, added })
}

/// Writes it: the guard first, so that the algorithm never imports what is not there.
///
/// # Errors
/// The service's; it says what was written before.
pub(crate) async fn write(door: &Door, change: &Change) -> Result<(), ToolError> {
    files::create(door, change.project_id, FILE, GUARD).await?;
    files::update(door, change.project_id, MAIN, &change.main).await.map_err(|error| ToolError {
        message: format!("{}; {FILE} was written, {MAIN} was not: there is no guard yet", error.message),
        ..error
    })
}

/// The code with the guard's import below the first one of LEAN, and its call as the first line of `initialize`.
fn guarded(code: &str, limit: &Limit) -> Result<(String, Vec<Added>), &'static str> {
    let lines: Vec<&str> = code.lines().collect();
    let is_import = |line: &&str| line.trim_end() == "from AlgorithmImports import *";
    let import = lines.iter().position(is_import).ok_or("main.py has no line `from AlgorithmImports import *`")?;
    let mut starts = lines.iter().enumerate().filter(|(_, line)| is_initialize(line));
    let (Some((start, head)), None) = (starts.next(), starts.next()) else {
        return Err("main.py has not exactly one line `def initialize(self):`");
    };
    let width = |line: &str| line.len() - line.trim_start().len();
    let next = lines.iter().skip(start + 1).find(|line| !line.trim().is_empty());
    let Some(next) = next.filter(|next| width(head) < width(next)) else {
        return Err("`initialize` in main.py has no body below its head");
    };
    let indent = next.get(..width(next)).unwrap_or("        ");
    let mut out = Vec::with_capacity(lines.len() + 2);
    let mut added = Vec::new();
    for (i, line) in lines.iter().enumerate() {
        out.push((*line).to_owned());
        let new = match i {
            i if i == import => format!("from qc_guard import {CLASS}"),
            i if i == start => format!("{indent}{}", limit.call()),
            _ => continue,
        };
        out.push(new.clone());
        added.push((out.len(), new));
    }
    let mut text = out.join("\n");
    text.push('\n');
    Ok((text, added))
}

fn is_initialize(line: &str) -> bool {
    let Some(rest) = line.trim_start().strip_prefix("def ").filter(|_| line.starts_with([' ', '\t'])) else {
        return false;
    };
    let rest = rest.split('#').next().unwrap_or_default().replace(' ', "");
    ["initialize(self):", "Initialize(self):", "initialize(self)->None:", "Initialize(self)->None:"]
        .contains(&rest.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "from AlgorithmImports import *\n\n\nclass Mine(QCAlgorithm):\n    def initialize(self) -> None:\n        \
                        self.set_cash(1000)\n\n    def on_data(self, data):\n        pass\n";

    fn limit(max_loss: f64, unit: Unit) -> Limit {
        Limit { max_loss, unit, basis: Basis::Peak, sigma_window: 60 }
    }

    #[test]
    fn two_lines_are_added_and_no_other_is_touched() {
        let (text, added) = guarded(CODE, &limit(5.0, Unit::Percent)).unwrap();
        assert_eq!(
            added,
            [
                (2, "from qc_guard import LossGuard".to_owned()),
                (7, "        self._loss_guard = LossGuard(self, 5.0, \"percent\", \"peak\", 60)".to_owned()),
            ]
        );
        let rest: Vec<&str> =
            text.lines().enumerate().filter(|(i, _)| *i != 1 && *i != 6).map(|(_, line)| line).collect();
        assert_eq!(rest, CODE.lines().collect::<Vec<_>>());
    }

    #[test]
    fn code_whose_beginning_cannot_be_told_is_left_alone() {
        let two = format!("{CODE}\n\nclass Other(QCAlgorithm):\n    def initialize(self):\n        pass\n");
        let other_import = CODE.replace("import *", "import QCAlgorithm");
        let one_line = CODE.replace("-> None:\n        self.set_cash(1000)", "-> None: self.set_cash(1000)");
        for code in [two.as_str(), other_import.as_str(), one_line.as_str(), "", "x = 1"] {
            assert!(guarded(code, &limit(5.0, Unit::Percent)).is_err(), "{code}");
        }
    }

    #[test]
    fn a_limit_that_is_none_is_refused() {
        for (max_loss, unit) in
            [(0.0, Unit::Percent), (-1.0, Unit::Percent), (100.0, Unit::Percent), (f64::NAN, Unit::Sigma)]
        {
            assert!(limit(max_loss, unit).check().is_err(), "{max_loss}");
        }
        assert!(limit(3.0, Unit::Sigma).check().is_ok());
        assert!(Limit { sigma_window: 5, ..limit(3.0, Unit::Sigma) }.check().is_err());
    }
}
