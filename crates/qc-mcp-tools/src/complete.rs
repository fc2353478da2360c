//! Completion of the arguments of prompts and of the placeholders of addresses: real values, the caller's own.
//!
//! What others wrote (names of projects and files) is shown without control and direction marks. Nothing found is an
//! empty list, never an error; a caller whom QuantConnect does not accept gets the error.

use std::collections::BTreeSet;

use qc_api::endpoints::{backtests::ListBacktests, files::ReadFiles};
use rmcp::model::{CompleteRequestParams, CompletionInfo, Reference};

use crate::{
    args::ProjectArg, ctx::Ctx, error::ToolError, flows::find, jobs, prompts, reply, reply::Untrusted,
    research::ResearchArgs, resources, server::QcServer, study::Study,
};

/// Steps of bars one may ask for.
const RESOLUTIONS: [&str; 7] = ["Daily", "Hour", "Minute", "Second", "Tick", "weekly", "monthly"];
/// Lengths of lists that make sense.
const LENGTHS: [&str; 5] = ["5", "10", "25", "50", "100"];

/// What may stand at an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// Names of projects.
    Project,
    /// Ids of projects.
    ProjectId,
    /// Ids of a project's backtests, and `latest`.
    Backtest,
    /// Names of a project's files.
    File,
    /// One ticker of the data folder.
    Ticker,
    /// Several, separated by commas: the last one is completed.
    Tickers,
    /// Ids of kept results.
    Research,
    /// Handles of the caller's own jobs of this server.
    Job,
    /// One of these.
    OneOf(&'static [&'static str]),
}

impl Wanted {
    /// What the argument of a prompt takes.
    fn of_prompt(name: &str) -> Option<Wanted> {
        match name {
            "project" => Some(Wanted::Project),
            "symbol" | "symbol1" | "symbol2" | "benchmark" => Some(Wanted::Ticker),
            "symbols" => Some(Wanted::Tickers),
            "resolution" => Some(Wanted::OneOf(&RESOLUTIONS)),
            "tail" => Some(Wanted::OneOf(&LENGTHS)),
            _ => None,
        }
    }

    /// What a placeholder of an address takes.
    fn of_address(uri: &str, name: &str) -> Option<Wanted> {
        match name {
            "project_id" => Some(Wanted::ProjectId),
            "backtest_id" => Some(Wanted::Backtest),
            "id" if uri.starts_with("qc://research/") => Some(Wanted::Research),
            "job" => Some(Wanted::Job),
            "name" if uri.starts_with("qc://projects/") => Some(Wanted::File),
            "name" => Some(Wanted::OneOf(&["Strategy Equity", "Benchmark", "Drawdown", "Exposure"])),
            "limit" => Some(Wanted::OneOf(&LENGTHS)),
            _ => None,
        }
    }
}

/// The values that begin with what was typed.
///
/// # Errors
/// Whatever QuantConnect or the data folder answered.
pub(crate) async fn complete(
    server: &QcServer,
    ctx: &Ctx,
    request: &CompleteRequestParams,
) -> Result<CompletionInfo, ToolError> {
    let argument = request.argument.name.as_str();
    let wanted = match &request.r#ref {
        Reference::Prompt(prompt) => {
            let known = prompts::PROMPTS.iter().find(|known| known.name == prompt.name);
            let known = known.and_then(|known| known.arguments.iter().find(|known| known.name == argument));
            known.and_then(|known| Wanted::of_prompt(known.name))
        }
        Reference::Resource(resource) => {
            let known = resources::PAGES.iter().find(|page| page.uri == resource.uri);
            let known = known.filter(|page| page.is_offered(server.settings()));
            known.and_then(|page| Wanted::of_address(page.uri, argument))
        }
        _ => None,
    };
    let Some(wanted) = wanted else { return Ok(CompletionInfo::default()) };
    let typed = request.argument.value.as_str();
    let (before, last) = match (wanted, typed.rfind(',')) {
        (Wanted::Tickers, Some(at)) => typed.split_at(at + 1),
        _ => ("", typed),
    };
    let given = |name: &str| request.context.as_ref().and_then(|context| context.get_argument(name)).cloned();
    let found = match wanted {
        Wanted::OneOf(values) => values.iter().map(|value| (*value).to_owned()).collect(),
        Wanted::Ticker | Wanted::Tickers => tickers(server, ctx).await?,
        Wanted::Research => {
            let kept = server.desk().list_research(ctx.caller_key())?;
            kept.into_iter().rev().map(|(kept, _)| kept.id).collect()
        }
        Wanted::Job => {
            server.records(ctx.caller_key())?.into_iter().rev().map(|(name, _)| jobs::of_record(&name)).collect()
        }
        Wanted::Project | Wanted::ProjectId => projects(ctx, wanted).await?,
        Wanted::Backtest | Wanted::File => match given("project_id") {
            Some(project) => parts(ctx, &project, wanted).await?,
            None => Vec::new(),
        },
    };
    Ok(shown(found, before, last))
}

/// At most a page of what begins as typed, whatever the case; what was typed before stays in front.
fn shown(found: Vec<String>, before: &str, last: &str) -> CompletionInfo {
    let begun = last.trim().to_lowercase();
    let mut fitting: Vec<String> = found
        .into_iter()
        .filter(|value| value.to_lowercase().starts_with(&begun))
        .map(|value| format!("{before}{value}"))
        .collect();
    let total = fitting.len();
    fitting.truncate(CompletionInfo::MAX_VALUES);
    let mut info = CompletionInfo::default();
    info.has_more = Some(fitting.len() < total);
    info.total = u32::try_from(total).ok();
    info.values = fitting;
    info
}

async fn projects(ctx: &Ctx, wanted: Wanted) -> Result<Vec<String>, ToolError> {
    let mut projects = find::all_projects(&ctx.door).await?;
    projects.sort_by_key(|project| std::cmp::Reverse(project.modified));
    let of = |project: &qc_api::model::Project| match wanted {
        Wanted::ProjectId => project.project_id.to_string(),
        _ => clean(&project.name),
    };
    Ok(projects.iter().map(of).collect())
}

async fn parts(ctx: &Ctx, project: &str, wanted: Wanted) -> Result<Vec<String>, ToolError> {
    let project = match project.trim().parse::<i64>() {
        Ok(id) => ProjectArg::Id(id),
        Err(_) => ProjectArg::Name(project.to_owned()),
    };
    let project_id = find::project(&ctx.door, &project).await?;
    if wanted == Wanted::File {
        let files = ctx.door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
        return Ok(files.iter().map(|file| clean(&file.name)).collect());
    }
    let mut list = ctx.door.send(&ListBacktests { project_id, include_statistics: Some(false) }).await?.backtests;
    list.sort_by_key(|backtest| std::cmp::Reverse(backtest.created));
    let ids = list.into_iter().map(|backtest| clean(backtest.backtest_id.as_ref()));
    Ok(std::iter::once("latest".to_owned()).chain(ids).collect())
}

/// The tickers of the caller's default workbook.
async fn tickers(server: &QcServer, ctx: &Ctx) -> Result<Vec<String>, ToolError> {
    let shared = ResearchArgs::default();
    let study = Study::begin(server, ctx, &shared).await?;
    let folder = study.run(|source, _| Ok(source.folder.describe()?)).await?;
    // Any file stem is a ticker to the folder; only what is nothing but one may be printed.
    let tickers = folder.shelves.into_iter().flat_map(|shelf| shelf.tickers);
    let names: BTreeSet<String> = tickers.filter(|name| reply::is_ticker(name)).collect();
    Ok(names.into_iter().collect())
}

fn clean(text: &str) -> String {
    Untrusted::new(text).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_begin_as_typed_and_a_page_is_the_most() {
        let found: Vec<String> = (0..250).map(|i| format!("Alpha {i}")).collect();
        let info = shown(found.clone(), "", "alpha 2");
        assert_eq!((info.values.len(), info.total, info.has_more), (61, Some(61), Some(false)));
        let info = shown(found, "", "");
        assert_eq!((info.values.len(), info.total, info.has_more), (100, Some(250), Some(true)));
    }

    #[test]
    fn the_last_of_several_is_completed() {
        let info = shown(vec!["KO".into(), "PEP".into()], "SPY,", " p");
        assert_eq!(info.values, ["SPY,PEP"]);
    }

    #[test]
    fn every_placeholder_has_values() {
        for page in resources::PAGES {
            for part in page.uri.split('{').skip(1) {
                let name = part.split('}').next().unwrap();
                assert!(Wanted::of_address(page.uri, name).is_some(), "{} {name}", page.uri);
            }
        }
    }
}
