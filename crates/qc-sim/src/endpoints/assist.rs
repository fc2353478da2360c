//! The service's tools for people who write algorithms, as far as reading the code and a list of names answer them.

mod names;
mod search;

use qc_api::endpoints::assist::{
    AssistState, AssistText, AssistTexts, CheckInitialization, CheckSyntax, CompleteCode, ConvertPep8, ConvertedFiles,
    EnhanceError,
};
use qc_api::endpoints::projects::FileContent;
use qc_api::model::Language;

pub(crate) use self::search::search;
use crate::code::{self, Source};
use crate::endpoints::files;
use crate::market::Market;
use crate::refuse::{self, Answer};
use crate::world::{Call, World};

/// Version of the tools, as the service gives it.
const VERSION: &str = "2.0";

/// The code is not run: a build error or a statement that would raise in `initialize` is found by reading.
pub(crate) fn initialization(world: &mut World, call: &Call<'_>, request: CheckInitialization) -> Answer<AssistText> {
    check_sizes(world, call, &request.files)?;
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
pub(crate) fn check_syntax(world: &mut World, call: &Call<'_>, request: CheckSyntax) -> Answer<AssistTexts> {
    check_sizes(world, call, &request.files)?;
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

/// Refuses what could not be a file of a project either: the work grows with the text, and all others wait for it.
fn check_sizes(world: &World, call: &Call<'_>, files: &[FileContent]) -> Answer<()> {
    let quotas = call.quotas(world.organization(call, None)?);
    files.iter().try_for_each(|file| files::check_size(quotas, &file.name, &file.content))
}

fn sources(files: &[FileContent]) -> Vec<Source<'_>> {
    files.iter().map(|file| Source { name: &file.name, text: &file.content }).collect()
}

/// Completions of the last word, from the names the simulator knows; the service knows all of LEAN's.
pub(crate) fn complete(_: &mut World, _: &Call<'_>, request: CompleteCode) -> Answer<AssistTexts> {
    let python = is_python(&request.language)?;
    let most = usize::try_from(request.response_size_limit.unwrap_or(10)).map_err(|_| refuse::invalid_argument())?;
    let start = request.sentence.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + 1);
    // What stands before the word may end with a letter of several bytes.
    let start = (start..=request.sentence.len()).find(|at| request.sentence.is_char_boundary(*at)).unwrap_or_default();
    let (before, word) = request.sentence.split_at(start);
    let names = names::starting_with(word, python).take(most);
    let payload = names.map(|name| format!("{before}{name}")).collect();
    Ok(AssistTexts { state: Some(AssistState::End), version: Some(VERSION.to_owned()), payload })
}

/// The real service lets a language model explain the error; here it is repeated, and that is said.
pub(crate) fn enhance(_: &mut World, _: &Call<'_>, request: EnhanceError) -> Answer<AssistText> {
    is_python(&request.language)?;
    let place = request.error.stacktrace.filter(|trace| !trace.trim().is_empty());
    let place = place.map(|trace| format!("\n{trace}")).unwrap_or_default();
    let said = "(Simulated: no language model was asked, so that nothing is explained.)";
    let payload = format!("{}{place}\n\n{said}", request.error.message);
    Ok(AssistText { state: Some(AssistState::End), version: Some(VERSION.to_owned()), payload })
}

/// Writes the names the simulator knows with underscores; all others are left alone, as they may be the user's own.
pub(crate) fn convert(world: &mut World, call: &Call<'_>, request: ConvertPep8) -> Answer<ConvertedFiles> {
    check_sizes(world, call, &request.files)?;
    let files =
        request.files.iter().map(|file| (file.name.clone(), names::with_underscores(&file.name, &file.content)));
    Ok(ConvertedFiles { state: Some(AssistState::End), version: Some(VERSION.to_owned()), payload: files.collect() })
}

fn is_python(language: &Language) -> Answer<bool> {
    match language {
        Language::Python => Ok(true),
        Language::CSharp => Ok(false),
        Language::Other(_) => Err(refuse::invalid_argument()),
    }
}
