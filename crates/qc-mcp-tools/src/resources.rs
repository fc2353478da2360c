//! What can be read by address: five `resource://` pages about this server and computer, and `qc://` templates for
//! the bulk behind the tools' answers.

use rmcp::model::{Resource, ResourceTemplate};
use serde_json::{Value, json};

use crate::{
    args::{BacktestArg, ProjectArg},
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    flows::{
        backtest::{self, Insights, Orders, Paged, Run, Trades},
        files, find,
        live::{self, LiveList},
        report,
    },
    machine,
    reply::{Untrusted, untrusted_document},
    server::QcServer,
    settings::Settings,
    shelf::Group,
};

/// Most rows of the process list.
const MOST_PROCESSES: usize = 200;
/// Most log lines of `logs.txt`.
const MOST_LOG_LINES: i64 = 20_000;
/// Points per series of a chart's resource.
const CHART_POINTS: i64 = 4_000;

/// One address, fixed or with `{placeholders}`.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// RFC 6570 text.
    pub uri: &'static str,
    /// Short name.
    pub name: &'static str,
    /// What it holds.
    pub about: &'static str,
    /// Its type.
    pub mime_type: &'static str,
    /// The groups of tools it belongs to; it exists where one of them is offered. None: always.
    pub groups: &'static [Group],
}

const fn page(uri: &'static str, name: &'static str, about: &'static str, mime_type: &'static str) -> Page {
    let groups: &[Group] = match uri.as_bytes() {
        [b'q', b'c', b':', b'/', b'/', b'p', ..] => &[Group::Projects, Group::Files],
        [b'q', b'c', b':', b'/', b'/', b'b', ..] => &[Group::Backtests],
        [b'q', b'c', b':', b'/', b'/', b'l', ..] => &[Group::Live],
        [b'q', b'c', b':', b'/', b'/', b'r', ..] => &[Group::Data, Group::Analysis, Group::Portfolio],
        [b'q', b'c', b':', b'/', b'/', b'j', ..] => &[Group::Workflows],
        _ => &[],
    };
    Page { uri, name, about, mime_type, groups }
}

/// The address of kept results.
pub(crate) const RESEARCH: &str = "qc://research/{id}";

/// The address of long work.
pub(crate) const JOB: &str = "qc://jobs/{job}";

/// Long work that goes on, as the list shows it.
pub(crate) fn job(handle: &str, tool: &str) -> Resource {
    Resource::new(format!("qc://jobs/{handle}"), format!("Job of {tool}")).with_mime_type(JSON)
}

/// A caller's kept result, as the list shows it.
pub(crate) fn kept(uri: &str, tool: &str) -> Resource {
    Resource::new(uri, format!("Result of {tool}")).with_mime_type(JSON)
}

const JSON: &str = "application/json";

/// Every address, in the order they are listed.
pub const PAGES: &[Page] = &[
    page(
        "resource://system/info",
        "System information",
        "Operating system, processors, memory and load of this computer",
        JSON,
    ),
    page(
        "resource://quantconnect/server/status",
        "Server status",
        "Version, mode, account (masked) and guards of this server",
        JSON,
    ),
    page(
        "resource://quantconnect/tools/summary",
        "Tools by group",
        "The tools this server offers, by group and access",
        JSON,
    ),
    page(
        "resource://quantconnect/performance/metrics",
        "Performance metrics",
        "Calls, errors and times by tool since the start",
        JSON,
    ),
    page(
        "resource://system/processes/{limit}",
        "Processes",
        "The processes with the most memory: pid, name, CPU, memory",
        JSON,
    ),
    page("qc://projects/{project_id}", "Project", "A project's facts and files, without contents", JSON),
    page(
        "qc://projects/{project_id}/files/{name}",
        "Project file",
        "The content of one file, between marks",
        "text/plain",
    ),
    page("qc://backtests/{project_id}/{backtest_id}", "Backtest", "Status and statistics of a backtest", JSON),
    page("qc://backtests/{project_id}/{backtest_id}/orders.csv", "Orders", "Every order of a backtest", "text/csv"),
    page(
        "qc://backtests/{project_id}/{backtest_id}/trades.csv",
        "Trades",
        "Every closed trade of a backtest",
        "text/csv",
    ),
    page(
        "qc://backtests/{project_id}/{backtest_id}/insights.csv",
        "Insights",
        "Every insight of a backtest",
        "text/csv",
    ),
    page(
        "qc://backtests/{project_id}/{backtest_id}/logs.txt",
        "Log",
        "The log of a backtest, between marks",
        "text/plain",
    ),
    page(
        "qc://backtests/{project_id}/{backtest_id}/report.html",
        "Report",
        "QuantConnect's own report of a backtest, between marks",
        "text/html",
    ),
    page(
        "qc://backtests/{project_id}/{backtest_id}/tear_sheet.html",
        "Tear sheet",
        "The tear sheet of a backtest, as one page",
        "text/html",
    ),
    page(
        "qc://backtests/{project_id}/{backtest_id}/charts/{name}",
        "Chart",
        "One chart of a backtest, full resolution",
        JSON,
    ),
    page(JOB, "Job", "How far long work is, by its handle", JSON),
    page("qc://live/{project_id}/orders.csv", "Live orders", "Every order of a live algorithm", "text/csv"),
    page("qc://live/{project_id}/trades.csv", "Live trades", "Every closed trade of a live algorithm", "text/csv"),
    page("qc://live/{project_id}/insights.csv", "Live insights", "Every insight of a live algorithm", "text/csv"),
    page("qc://live/{project_id}/logs.txt", "Live log", "The log of a live algorithm, between marks", "text/plain"),
    page(RESEARCH, "Research result", "The full result of an analysis", JSON),
    page(
        "qc://research/{id}/chart.svg",
        "Research picture",
        "The picture of an analysis that was asked for with chart=true",
        "image/svg+xml",
    ),
    page("qc://research/{id}/tear_sheet.html", "Research tear sheet", "The page of create_tear_sheet", "text/html"),
];

impl Page {
    /// Whether a server with these settings has it.
    pub fn is_offered(&self, settings: &Settings) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|group| settings.toolsets.contains(*group))
    }

    /// Whether the address has placeholders.
    pub fn is_template(&self) -> bool {
        self.uri.contains('{')
    }

    pub(crate) fn resource(&self) -> Resource {
        Resource::new(self.uri, self.name)
            .with_title(self.name)
            .with_description(self.about)
            .with_mime_type(self.mime_type)
    }

    pub(crate) fn template(&self) -> ResourceTemplate {
        ResourceTemplate::new(self.uri, self.name)
            .with_title(self.name)
            .with_description(self.about)
            .with_mime_type(self.mime_type)
    }
}

/// The page an address means, and what stands at its placeholders.
pub(crate) fn find(uri: &str) -> Option<(&'static Page, Vec<String>)> {
    PAGES.iter().find_map(|page| Some((page, matches(page.uri, uri)?)))
}

/// What stands at the placeholders of `template` in `uri`. A placeholder ends at the next slash; only a file's
/// name may hold some.
fn matches(template: &str, uri: &str) -> Option<Vec<String>> {
    let mut values = Vec::new();
    let mut rest = uri;
    let mut pattern = template;
    while let Some((literal, more)) = pattern.split_once('{') {
        rest = rest.strip_prefix(literal)?;
        let (_, after) = more.split_once('}')?;
        let end = match after.chars().next() {
            Some(next) => rest.find(next)?,
            None if template.ends_with("/files/{name}") => rest.len(),
            None => rest.find('/').unwrap_or(rest.len()),
        };
        let (value, remaining) = rest.split_at(end);
        if value.is_empty() {
            return None;
        }
        values.push(decode(value)?);
        rest = remaining;
        pattern = after;
    }
    (rest == pattern).then_some(values)
}

/// Percent-encodes what is not plain in a path segment.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let pair = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Reads a page.
pub(crate) async fn read(server: &QcServer, ctx: &Ctx, uri: &str) -> Result<(&'static Page, String), ToolError> {
    let unknown = || ToolError::new(Kind::NotFound, Topic::General, "there is no resource at that address");
    let (page, values) = find(uri).filter(|(page, _)| page.is_offered(server.settings())).ok_or_else(unknown)?;
    let value = |i: usize| values.get(i).map(String::as_str).unwrap_or_default();
    let text = match page.uri {
        "resource://system/info" => machine::info().to_string(),
        "resource://quantconnect/server/status" => status(server, ctx).await?.to_string(),
        "resource://quantconnect/tools/summary" => tools_summary(server, ctx).to_string(),
        "resource://quantconnect/performance/metrics" => performance(server).to_string(),
        "resource://system/processes/{limit}" => {
            let limit: usize =
                value(0).parse().ok().filter(|limit| (1..=MOST_PROCESSES).contains(limit)).ok_or_else(|| {
                    ToolError::argument(format!("the limit must be a number from 1 to {MOST_PROCESSES}"))
                })?;
            machine::processes(limit, server.settings().caller_is_here()).to_string()
        }
        JOB => crate::tools::job_page(server, ctx, value(0)).await?.to_string(),
        RESEARCH => server.research_result(ctx, value(0)).await?,
        "qc://research/{id}/tear_sheet.html" => server.desk().page(ctx.caller.key.as_str(), value(0))?,
        "qc://research/{id}/chart.svg" => server.desk().picture(ctx.caller.key.as_str(), value(0))?,
        _ => cloud(server, ctx, page, uri, &values).await?,
    };
    Ok((page, text))
}

/// Pages whose content lies at QuantConnect.
async fn cloud(server: &QcServer, ctx: &Ctx, page: &Page, uri: &str, values: &[String]) -> Result<String, ToolError> {
    let value = |i: usize| values.get(i).cloned().unwrap_or_default();
    if let Some(text) = server.kept().get(&ctx.caller.key, uri) {
        return Ok(text.to_string());
    }
    let project = match value(0).parse::<i64>() {
        Ok(id) => ProjectArg::Id(id),
        Err(_) => ProjectArg::Name(value(0)),
    };
    let project_id = find::project(&ctx.door, &project).await?;
    if page.uri.starts_with("qc://projects/{project_id}/files/") {
        return Ok(Untrusted::new(files::read(&ctx.door, project_id, &value(1)).await?.content).fenced());
    }
    if page.uri == "qc://projects/{project_id}" {
        return project_page(ctx, project_id).await;
    }
    match page.uri {
        "qc://live/{project_id}/orders.csv" => return live_csv::<Orders>(ctx, project_id).await,
        "qc://live/{project_id}/trades.csv" => return live_csv::<Trades>(ctx, project_id).await,
        "qc://live/{project_id}/insights.csv" => return live_csv::<Insights>(ctx, project_id).await,
        "qc://live/{project_id}/logs.txt" => return live_log(ctx, project_id).await,
        _ => {}
    }
    let run = Run { project_id, backtest_id: find::backtest(&ctx.door, project_id, &BacktestArg(value(1))).await? };
    match page.uri.rsplit_once("/{backtest_id}").map(|(_, part)| part).unwrap_or_default() {
        "/orders.csv" => csv::<Orders>(ctx, &run).await,
        "/trades.csv" => csv::<Trades>(ctx, &run).await,
        "/insights.csv" => csv::<Insights>(ctx, &run).await,
        "/logs.txt" => {
            let (lines, total) = backtest::logs(&ctx.door, &run, "", 0, MOST_LOG_LINES).await?;
            let mut text = Untrusted::new(lines.join("\n")).fenced();
            if lines.len() < usize::try_from(total).unwrap_or(lines.len()) {
                text.push_str(&format!("\n[the first {} of {total} lines]", lines.len()));
            }
            Ok(text)
        }
        "/report.html" => Ok(Untrusted::new(backtest::report(&ctx.door, &run, &ctx.progress).await?).fenced()),
        "/tear_sheet.html" => {
            let made = report::of_backtest(ctx, &run, None).await?;
            made.written.sheet.html().map_err(|error| ToolError::new(Kind::Internal, Topic::General, error.to_string()))
        }
        "/charts/{name}" => {
            let backtest = backtest::read(&ctx.door, &run).await?;
            let request = backtest::whole_chart(&run, &backtest, value(2), CHART_POINTS);
            let chart = backtest::chart(&ctx.door, &request, &ctx.progress).await?;
            untrusted_document("chart", &chart).map_err(unprintable)
        }
        _ => {
            let backtest = backtest::read(&ctx.door, &run).await?;
            untrusted_document("backtest", &backtest).map_err(unprintable)
        }
    }
}

fn unprintable(error: serde_json::Error) -> ToolError {
    ToolError::new(Kind::Internal, Topic::General, error.to_string())
}

async fn csv<P: Paged>(ctx: &Ctx, run: &Run) -> Result<String, ToolError> {
    backtest::csv::<P>(&backtest::all::<P>(&ctx.door, run, &ctx.progress).await?.rows)
}

async fn live_csv<L: LiveList>(ctx: &Ctx, project_id: qc_api::ids::ProjectId) -> Result<String, ToolError> {
    backtest::csv::<L>(&live::all::<L>(&ctx.door, &ctx.progress, project_id).await?)
}

/// The newest lines of a deployment's log.
async fn live_log(ctx: &Ctx, project_id: qc_api::ids::ProjectId) -> Result<String, ToolError> {
    let id = live::read(&ctx.door, project_id, None).await?.0.deploy_id.unwrap_or_default();
    let (_, total) = live::logs(&ctx.door, project_id, &id, None, 0, 1).await?;
    let start = (total - MOST_LOG_LINES).max(0);
    let (lines, _) = live::logs(&ctx.door, project_id, &id, None, start, total.max(1)).await?;
    let mut text = Untrusted::new(lines.join("\n")).fenced();
    if 0 < start {
        text.push_str(&format!("\n[the last {} of {total} lines]", lines.len()));
    }
    Ok(text)
}

/// A project's facts and its files without contents.
async fn project_page(ctx: &Ctx, project_id: qc_api::ids::ProjectId) -> Result<String, ToolError> {
    use qc_api::endpoints::{files::ReadFiles, projects::ReadProjects};
    let projects = ctx.door.send(&ReadProjects::one(project_id)).await?.projects;
    let files = ctx.door.send(&ReadFiles { project_id, ..ReadFiles::default() }).await?.files;
    let files: Vec<Value> = files
        .iter()
        .map(|file| json!({"untrusted_name": Untrusted::new(file.name.as_str()).as_str(), "bytes": file.content.len()}))
        .collect();
    let project = projects.iter().find(|project| project.project_id == project_id);
    Ok(json!({
        "project_id": project_id,
        "untrusted_name": project.map(|project| Untrusted::new(project.name.as_str()).as_str().to_owned()),
        "created": project.and_then(|project| project.created),
        "modified": project.and_then(|project| project.modified),
        "files": files,
    })
    .to_string())
}

async fn status(server: &QcServer, ctx: &Ctx) -> Result<Value, ToolError> {
    Ok(
        json!({"server": server.server_facts(ctx), "account": server.account_facts(ctx).await?, "guards": server.guard_facts(ctx).await?}),
    )
}

/// Names of the tools by group.
fn tools_summary(server: &QcServer, ctx: &Ctx) -> Value {
    let groups: Vec<Value> = Group::ALL
        .iter()
        .map(|group| {
            let tools: Vec<Value> = server
                .all_offered(&ctx.caller)
                .filter(|(facts, _)| facts.group == *group)
                .map(|(facts, _)| json!({"name": facts.name, "access": facts.access.id()}))
                .collect();
            json!({"group": group.id(), "about": group.about(), "tools": tools})
        })
        .filter(|group| group["tools"].as_array().is_some_and(|tools| !tools.is_empty()))
        .collect();
    json!({"total": server.all_offered(&ctx.caller).count(), "groups": groups})
}

/// Calls, errors and times.
pub(crate) fn performance(server: &QcServer) -> Value {
    let counts = server.metrics().snapshot();
    let ms = |duration: std::time::Duration| (duration.as_secs_f64() * 1e6).round() / 1e3;
    // What others called is theirs to know: who is told apart sees sums alone.
    let by_tool = counts.iter().filter(|_| !server.settings().team.tells_apart());
    let tools: Vec<Value> = by_tool
        .map(|(name, counts)| {
            let mean = counts.total / u32::try_from(counts.calls.max(1)).unwrap_or(u32::MAX);
            json!({"tool": name, "calls": counts.calls, "errors": counts.errors, "mean_ms": ms(mean), "slowest_ms": ms(counts.slowest)})
        })
        .collect();
    json!({
        "uptime_seconds": server.started().elapsed().as_secs(),
        "calls": counts.values().map(|counts| counts.calls).sum::<u64>(),
        "errors": counts.values().map(|counts| counts.errors).sum::<u64>(),
        "tools": tools,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_find_their_page_and_values() {
        let (page, values) = find("qc://backtests/12/abc/orders.csv").unwrap();
        assert_eq!((page.name, values), ("Orders", vec!["12".to_owned(), "abc".to_owned()]));
        let (page, values) = find("qc://backtests/12/abc/charts/Strategy%20Equity").unwrap();
        assert_eq!((page.name, values.last().unwrap().as_str()), ("Chart", "Strategy Equity"));
        assert_eq!(find("qc://backtests/12/abc").unwrap().0.name, "Backtest");
        assert_eq!(find("qc://projects/12/files/lib/alpha.py").unwrap().1[1], "lib/alpha.py");
        assert_eq!(find("resource://system/processes/5").unwrap().1, ["5"]);
        let (page, values) = find("qc://research/0123/chart.svg").unwrap();
        assert_eq!((page.mime_type, values), ("image/svg+xml", vec!["0123".to_owned()]));
    }

    #[test]
    fn other_addresses_find_nothing() {
        for uri in [
            "",
            "qc://",
            "qc://backtests/1",
            "qc://backtests//abc/orders.csv",
            "resource://system/processes/",
            "file:///etc/passwd",
            "qc://projects/%zz",
        ] {
            assert!(find(uri).is_none(), "{uri}");
        }
    }

    #[test]
    fn encoding_goes_there_and_back() {
        assert_eq!(encode("Strategy Equity"), "Strategy%20Equity");
        assert_eq!(decode(&encode("a/ü %")), Some("a/ü %".to_owned()));
    }
}
