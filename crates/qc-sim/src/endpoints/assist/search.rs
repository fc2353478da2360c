//! A search among what the simulator has: its names of LEAN's API and its example algorithms. The service searches its
//! documentation, its forum and its examples.

use qc_api::endpoints::assist::{
    AssistState, FoundIn, SearchAssist, SearchCriterion, SearchPlace, SearchReply, SearchResult,
};

use super::names::NAMES;
use super::{VERSION, is_python};
use crate::refuse::{self, Answer};
use crate::seed;
use crate::world::{Call, World};

/// At most `count` results per criterion, the best first: pages that hold the most of its words.
pub(crate) fn search(_: &mut World, call: &Call<'_>, request: SearchAssist) -> Answer<SearchReply> {
    let python = is_python(&request.language)?;
    if request.criteria.is_empty() {
        return Err(refuse::nothing_to_search());
    }
    let mut results = Vec::new();
    for criterion in &request.criteria {
        let count = usize::try_from(criterion.count).map_err(|_| refuse::invalid_argument())?;
        results.extend(found(call, criterion, python)?.into_iter().take(count));
    }
    Ok(SearchReply { state: Some(AssistState::End), version: Some(VERSION.to_owned()), results, message_id: Some(0) })
}

fn found(call: &Call<'_>, criterion: &SearchCriterion, python: bool) -> Answer<Vec<SearchResult>> {
    let (place, pages): (FoundIn, Vec<(String, String)>) = match &criterion.place {
        SearchPlace::Stubs | SearchPlace::Docs => {
            let spelled = NAMES.iter().map(|name| (if python { name.python } else { name.csharp }, name.purpose));
            let page = |(name, purpose): (&str, &str)| (name.to_owned(), format!("{name}: {purpose}"));
            let place = if criterion.place == SearchPlace::Docs { FoundIn::Docs } else { FoundIn::Stubs };
            (place, spelled.map(page).collect())
        }
        SearchPlace::Examples => {
            (FoundIn::Examples, seed::EXAMPLES.map(|(name, text)| (name.to_owned(), text.to_owned())).into())
        }
        // Nobody has written anything in a forum here.
        SearchPlace::Forum => (FoundIn::Forum, Vec::new()),
        SearchPlace::Other(_) => return Err(refuse::invalid_argument()),
    };
    let input = criterion.input.to_lowercase();
    let wanted: Vec<&str> =
        input.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    let mut results: Vec<SearchResult> = pages
        .into_iter()
        .filter_map(|(name, content)| {
            let text = content.to_lowercase();
            let hits = wanted.iter().filter(|word| text.contains(**word)).count();
            let score = hits as f64 / wanted.len().max(1) as f64;
            let url = format!("[{name} (simulated)]({}/agreement)", call.root);
            (0 < hits).then(|| SearchResult { url, score: Some(score), content, found_in: Some(place.clone()) })
        })
        .collect();
    results.sort_by(|a, b| b.score.unwrap_or(0.0).total_cmp(&a.score.unwrap_or(0.0)));
    Ok(results)
}
