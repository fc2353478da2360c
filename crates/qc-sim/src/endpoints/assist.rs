//! Help for people who write algorithms: what can be answered without inventing anything.

use qc_api::endpoints::assist::{AssistState, AssistTexts, CheckSyntax};

use crate::code::{self, Source};
use crate::refuse::Answer;
use crate::world::{Call, World};

/// Finds what a build would stop at; `state` is `Error` when there is something, and the answer is still a success.
pub(crate) fn check_syntax(_: &mut World, _: &Call<'_>, request: CheckSyntax) -> Answer<AssistTexts> {
    let sources: Vec<Source<'_>> =
        request.files.iter().map(|file| Source { name: &file.name, text: &file.content }).collect();
    let found: Vec<String> = code::check(&sources)
        .into_iter()
        .map(|error| format!("{}:{}:{}: {}", error.file, error.line, error.column, error.message))
        .collect();
    let state = if found.is_empty() { AssistState::End } else { AssistState::Error };
    Ok(AssistTexts { state: Some(state), version: Some("simulated".to_owned()), payload: found })
}
