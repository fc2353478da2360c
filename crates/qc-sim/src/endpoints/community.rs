//! What everybody sees: reports of faulty data, and news, of which there are none.

use jiff::civil::{Date, Time};
use qc_api::endpoints::community::{
    CreateDataIssue, DataFaults, DataIssue, DataIssueReply, DataIssuesReply, IssueFilter, IssueStatus, ListDataIssues,
    NewsReply, ReadNews,
};

use crate::refuse::{self, Answer};
use crate::world::{Call, Issue, World};

const SECURITIES: [&str; 10] = [
    "Equity",
    "Equity Option",
    "Index",
    "Index Option",
    "Future",
    "Future Option",
    "Forex",
    "CFD",
    "Crypto",
    "Crypto Future",
];
const RESOLUTIONS: [&str; 8] =
    ["Tick", "Second", "Minute", "Hour", "Daily", "Coarse Fundamental", "Fine Fundamental", "Margin"];
/// A window of seconds or minutes shorter than this needs times of day.
const DAYS_WITHOUT_TIMES: i32 = 7;
/// Rows of a listing that names no end.
const ROWS: i64 = 20;

/// Publishes a report: every account sees it from now on.
pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateDataIssue) -> Answer<DataIssueReply> {
    check(&request).map_err(refuse::data_issue_not_valid)?;
    if let Some(project) = request.select_project {
        world.project(call, project.0)?;
    }
    let id = world.draw_number();
    world.issues.push(Issue { id, author: call.user, reported: call.now, request });
    Ok(DataIssueReply { discussion_id: Some(id) })
}

/// Newest first. Nobody works on reports here, so that all of them stay in the queue.
pub(crate) fn list(world: &mut World, call: &Call<'_>, request: ListDataIssues) -> Answer<DataIssuesReply> {
    let wants_open = match request.status {
        None | Some(IssueFilter::Open) => true,
        Some(IssueFilter::Closed) => false,
        Some(IssueFilter::Other(_)) => return Err(refuse::invalid_argument()),
    };
    let (start, end) = (request.start.unwrap_or(0), request.end.unwrap_or(ROWS));
    if start < 0 || end <= start {
        return Err(refuse::range_not_valid(start, end));
    }
    let fits = |issue: &&Issue| {
        wants_open
            && request.search.as_ref().is_none_or(|ticker| *ticker == issue.request.ticker)
            && request.subscribed.is_none_or(|wanted| wanted == (issue.author == call.user))
    };
    let found: Vec<&Issue> = world.issues.iter().rev().filter(fits).collect();
    let place = |at: i64| usize::try_from(at).unwrap_or(usize::MAX).min(found.len());
    let shown = found.get(place(start)..place(end)).unwrap_or_default();
    Ok(DataIssuesReply {
        results: shown.iter().map(|issue| self::shown(world, call, issue)).collect::<Answer<_>>()?,
        results_found: i64::try_from(found.len()).ok(),
        open_issues_count: i64::try_from(world.issues.len()).ok(),
        closed_issues_count: Some(0),
    })
}

/// News would be invented; that there are none is true.
pub(crate) fn news(_: &mut World, _: &Call<'_>, _: ReadNews) -> Answer<NewsReply> {
    Ok(NewsReply::default())
}

fn check(request: &CreateDataIssue) -> Result<(), &'static str> {
    if request.ticker.trim().is_empty() || request.market.trim().is_empty() {
        return Err("ticker and market are required");
    }
    if !SECURITIES.contains(&request.security.as_str()) {
        return Err("unknown security");
    }
    if !RESOLUTIONS.contains(&request.resolution.as_str()) {
        return Err("unknown resolution");
    }
    let day = |text: &str| Date::strptime("%Y-%m-%d", text).map_err(|_| "dates are written YYYY-MM-DD");
    let (from, to) = (day(&request.from_date)?, day(&request.to_date)?);
    if to < from {
        return Err("to-date lies before from-date");
    }
    let times = [&request.from_time, &request.to_time];
    let short = (to - from).get_days() < DAYS_WITHOUT_TIMES;
    if short && ["Second", "Minute"].contains(&request.resolution.as_str()) && times.iter().any(|time| time.is_none()) {
        return Err("from-time and to-time are required for less than 7 days of seconds or minutes");
    }
    if times.into_iter().flatten().any(|time| Time::strptime("%H:%M", time).is_err()) {
        return Err("times are written HH:MM");
    }
    if request.faults == DataFaults::default() {
        return Err("at least one kind of fault is required");
    }
    if request.content.trim().is_empty() {
        return Err("content is required");
    }
    Ok(())
}

fn shown(world: &World, call: &Call<'_>, issue: &Issue) -> Answer<DataIssue> {
    let request = &issue.request;
    let moment = |date: &str, time: &Option<String>| match time {
        Some(time) => format!("{date} {time}"),
        None => date.to_owned(),
    };
    Ok(DataIssue {
        discussion_id: Some(issue.id),
        ticker: request.ticker.clone(),
        security: request.security.clone(),
        market: request.market.clone(),
        resolution: request.resolution.clone(),
        from: Some(moment(&request.from_date, &request.from_time)),
        to: Some(moment(&request.to_date, &request.to_time)),
        status: Some(IssueStatus::InQueue),
        corrupted_file: request.faults.corrupted_files,
        missing_points: request.faults.missing_points,
        missing_file: request.faults.missing_files,
        wrong_values: request.faults.wrong_values,
        listing_error: request.faults.listing_error,
        split_error: request.faults.split_error,
        dividend_error: request.faults.dividend_error,
        mapping_error: request.faults.name_mapping_error,
        reported: Some(issue.reported),
        subscribed: issue.author == call.user,
        user_name: Some(world.account(issue.author)?.name.clone()),
    })
}
