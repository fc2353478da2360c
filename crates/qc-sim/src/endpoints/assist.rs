//! The service's tools for people who write algorithms, as far as reading the code answers them.

use qc_api::endpoints::assist::{AssistState, AssistText, AssistTexts, CheckInitialization, CheckSyntax};
use qc_api::endpoints::projects::FileContent;
use qc_api::model::Language;

use crate::code::{self, Source};
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::world::{Call, World};

/// Version of the tools, as the service gives it.
const VERSION: &str = "2.0";

/// The code is not run: a build error or a statement that would raise in `initialize` is found by reading.
pub(crate) fn initialization(_: &mut World, _: &Call<'_>, request: CheckInitialization) -> Answer<AssistText> {
    let sources = program(&request.language, &request.files)?;
    let errors = code::check(&sources);
    let raised = code::read(&sources, |word| Market::find(word).is_some()).raises;
    let raised = raised.filter(|raise| raise.in_initialize);
    let (state, payload) = if !errors.is_empty() {
        let lines = errors.iter().map(|e| format!("{} Line:{} Column:{} - {}", e.file, e.line, e.column, e.message));
        (AssistState::Error, lines.collect::<Vec<_>>().join("\n"))
    } else if let Some(raise) = raised {
        let head = "During the algorithm initialization, the following exception has occurred:";
        let place = format!("at {}\n in {}: line {}", raise.function, raise.file, raise.line);
        (AssistState::Error, format!("{head} {}\n  {place}", raise.message))
    } else {
        let said = "Algorithm initialized successfully. (Simulated: the code was read, not run.)";
        (AssistState::End, said.to_owned())
    };
    Ok(AssistText { state: Some(state), version: Some(VERSION.to_owned()), payload })
}

/// Finds what a build would stop at; `state` is `Error` when there is something, and the answer is still a success.
pub(crate) fn check_syntax(_: &mut World, _: &Call<'_>, request: CheckSyntax) -> Answer<AssistTexts> {
    let sources = sources(&request.files);
    let found: Vec<String> = code::check(&sources)
        .into_iter()
        .map(|error| format!("{}:{}:{}: {}", error.file, error.line, error.column, error.message))
        .collect();
    let state = if found.is_empty() { AssistState::End } else { AssistState::Error };
    Ok(AssistTexts { state: Some(state), version: Some(VERSION.to_owned()), payload: found })
}

/// The files of a program, which must hold the main one.
fn program<'a>(language: &Language, files: &'a [FileContent]) -> Answer<Vec<Source<'a>>> {
    let main = match language {
        Language::Python => "main.py",
        Language::CSharp => "Main.cs",
        Language::Other(_) => return Err(refuse::invalid_argument()),
    };
    if !files.iter().any(|file| file.name == main) {
        return Err(refuse::file_not_found(main));
    }
    Ok(sources(files))
}

fn sources(files: &[FileContent]) -> Vec<Source<'_>> {
    files.iter().map(|file| Source { name: &file.name, text: &file.content }).collect()
}
