//! A parameter sweep: every combination of a grid as a backtest of one compile, queued to the nodes that are free, the
//! best of them tried on dates they were not chosen on.
//!
//! Runs have names made of code, parameters and dates, so a sweep that was interrupted (a lost client, a killed server) is
//! asked for again and goes on with what is there: a run that exists is read, not started again.

pub(crate) mod plan;

use std::collections::HashMap;

use futures::{StreamExt as _, stream};
use jiff::civil::Date;
use qc_api::{
    endpoints::{
        backtests::{CreateBacktest, ListBacktests},
        compile::CompileState,
        files::ReadFiles,
        nodes::ReadProjectNodes,
    },
    ids::{BacktestId, CompileId, ProjectId},
    model::Backtest,
    wire,
};
use serde_json::Value;
use std::time::Duration;

use self::plan::{Combination, Condition, END, Grid, START, Window};
use super::{
    backtest::{self, Run},
    run_backtest, start_backtest,
};
use crate::{
    args::quote,
    ctx::{Ctx, Progress},
    error::{Kind, ToolError, Topic},
    gate::{Deed, Permit},
    jobs::{self, Cloud, Seen},
    own,
};

/// The most runs at once, however many nodes are free.
const MOST_AT_ONCE: usize = 8;
/// How long one look at a run lasts, and the longest a run may take.
const LOOK: Duration = Duration::from_secs(60);
const LONGEST: Duration = Duration::from_secs(6 * 3_600);
/// How often a start is tried again while all nodes are busy, and the pause between.
const BUSY_TRIES: usize = 60;
const BUSY_PAUSE: Duration = Duration::from_secs(30);

/// What is asked.
#[derive(Debug)]
pub(crate) struct Ask {
    pub(crate) project_id: ProjectId,
    pub(crate) grid: Grid,
    /// Parameters that are the same in every run.
    pub(crate) fixed: wire::Map<String>,
    pub(crate) windows: Vec<Window>,
    pub(crate) metric: String,
    pub(crate) conditions: Vec<Condition>,
    /// How many of the best are tried on the test dates.
    pub(crate) tried: usize,
}

/// One run.
#[derive(Debug, Clone)]
pub(crate) struct One {
    /// Which combination of the grid.
    pub(crate) combination: usize,
    pub(crate) backtest_id: BacktestId,
    /// Whether it was there before.
    pub(crate) was_there: bool,
    pub(crate) figures: Value,
    /// Why it has no figures.
    pub(crate) failure: Option<String>,
    pub(crate) equity: Vec<(Date, f64)>,
    pub(crate) dates: Option<(Date, Date)>,
}

impl One {
    pub(crate) fn figure(&self, name: &str) -> Option<f64> {
        self.figures.get(name)?.get("value")?.as_f64()
    }
}

/// One window with its runs.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) window: Window,
    /// In the order of the grid.
    pub(crate) runs: Vec<One>,
    /// Positions in `runs`, best first: those that meet the conditions, then the others.
    pub(crate) order: Vec<usize>,
    /// How many meet the conditions.
    pub(crate) n_fit: usize,
    /// The best on the test dates, by their position in `runs`.
    pub(crate) tests: HashMap<usize, One>,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Swept {
    pub(crate) compile_id: CompileId,
    pub(crate) parts: Vec<Part>,
    pub(crate) at_once: usize,
}

/// Runs the sweep.
///
/// # Errors
/// Parameters that the code never reads, code that does not compile, budgets, and what the service says.
pub(crate) async fn run(ctx: &Ctx, ask: &Ask) -> Result<Swept, ToolError> {
    let files = ctx.door.send(&ReadFiles { project_id: ask.project_id, ..ReadFiles::default() }).await?.files;
    let mut names = ask.grid.names.clone();
    if ask.windows.iter().any(|window| window.train.is_some()) {
        names.extend([START.to_owned(), END.to_owned()]);
    }
    let unread = plan::unread(&files, &names);
    if !unread.is_empty() {
        return Err(never_read(&unread));
    }
    ctx.progress.report(0.0, None, "compiling");
    let reply = run_backtest::built(ctx, ask.project_id).await?;
    if reply.state != CompileState::BuildSuccess {
        let message = "the code does not compile, so nothing was run: `compile_project` shows the errors";
        return Err(ToolError::new(Kind::Refused, Topic::Compile, message));
    }
    let compile_id = reply.compile_id;
    let nodes = ctx.door.send(&ReadProjectNodes { project_id: ask.project_id }).await;
    let free = nodes.map_or(1, |nodes| nodes.nodes.backtest.iter().filter(|node| !node.busy).count());
    let at_once = free.clamp(1, MOST_AT_ONCE);
    let mut sweep = Sweep { ctx, ask, compile_id: &compile_id, at_once, known: HashMap::new(), done: 0 };
    sweep.total();
    let mut parts = Vec::with_capacity(ask.windows.len());
    for window in &ask.windows {
        parts.push(sweep.part(window).await?);
    }
    Ok(Swept { compile_id, parts, at_once })
}

fn never_read(names: &[&String]) -> ToolError {
    let listed: Vec<String> = names.iter().map(|name| format!("`{}`", quote(name))).collect();
    let edits: Vec<String> = names
        .iter()
        .map(|name| match name.as_str() {
            START => "self.set_start_date(datetime.strptime(self.get_parameter(\"start_date\", \"2020-01-01\"), \"%Y-%m-%d\"))".to_owned(),
            END => "self.set_end_date(datetime.strptime(self.get_parameter(\"end_date\", \"2020-12-31\"), \"%Y-%m-%d\"))".to_owned(),
            name => format!("self.value = float(self.get_parameter(\"{}\", 0))", quote(name)),
        })
        .collect();
    let message = format!(
        "the code never reads {}, so every run would be the same; nothing was run. In initialize: {}",
        listed.join(", "),
        edits.join("; ")
    );
    ToolError::new(Kind::InvalidArgument, Topic::File, message)
}

/// A run to be made.
struct Wanted {
    combination: usize,
    dates: Option<(Date, Date)>,
    request: CreateBacktest,
}

struct Sweep<'a> {
    ctx: &'a Ctx,
    ask: &'a Ask,
    compile_id: &'a CompileId,
    at_once: usize,
    /// Runs of the project by name.
    known: HashMap<String, BacktestId>,
    done: usize,
}

impl Sweep<'_> {
    /// How many runs there will be.
    fn total(&self) -> usize {
        let tests = |window: &Window| if window.test.is_some() { self.ask.tried } else { 0 };
        self.ask.windows.iter().map(|window| self.ask.grid.combinations.len() + tests(window)).sum()
    }

    async fn part(&mut self, window: &Window) -> Result<Part, ToolError> {
        let all = || self.ask.grid.combinations.iter().enumerate();
        let wanted = all().map(|(at, one)| self.wanted(at, one, window.train)).collect();
        let mut runs = self.runs(wanted).await?;
        runs.sort_by_key(|run| run.combination);
        let (order, n_fit) = ordered(&runs, &self.ask.metric, &self.ask.conditions);
        let mut tests = HashMap::new();
        if let Some(test) = window.test {
            let best: Vec<usize> = order.iter().copied().take(self.ask.tried.min(n_fit)).collect();
            let of = |at: &usize| {
                let combination = runs.get(*at)?.combination;
                let values = self.ask.grid.combinations.get(combination)?;
                Some(self.wanted(combination, values, Some(test)))
            };
            let wanted = best.iter().filter_map(of).collect();
            let tried = self.runs(wanted).await?;
            for at in best {
                let combination = runs.get(at).map(|run| run.combination);
                if let Some(test) = tried.iter().find(|test| Some(test.combination) == combination) {
                    tests.insert(at, test.clone());
                }
            }
        }
        Ok(Part { window: window.clone(), runs, order, n_fit, tests })
    }

    fn wanted(&self, combination: usize, values: &Combination, dates: Option<(Date, Date)>) -> Wanted {
        let mut parameters = self.ask.fixed.clone();
        for (name, value) in self.ask.grid.names.iter().zip(&values.values) {
            parameters.insert(name.clone(), value.clone());
        }
        if let Some((start, end)) = dates {
            parameters.insert(START.to_owned(), start.to_string());
            parameters.insert(END.to_owned(), end.to_string());
        }
        let request = CreateBacktest {
            project_id: self.ask.project_id,
            compile_id: self.compile_id.clone(),
            backtest_name: name_of(self.compile_id, &parameters),
            parameters,
        };
        Wanted { combination, dates, request }
    }

    /// Starts what is not there, as many at once as nodes are free, and waits for all.
    async fn runs(&mut self, wanted: Vec<Wanted>) -> Result<Vec<One>, ToolError> {
        let (ctx, project_id) = (self.ctx, self.ask.project_id);
        let list = ctx.door.send(&ListBacktests { project_id, include_statistics: Some(false) }).await?.backtests;
        self.known = list
            .into_iter()
            .filter(|run| !run.status.is_error() && run.error.as_deref().is_none_or(str::is_empty))
            .map(|run| (run.name, run.backtest_id))
            .collect();
        let missing: Vec<&Wanted> =
            wanted.iter().filter(|one| !self.known.contains_key(&one.request.backtest_name)).collect();
        let deeds = missing
            .iter()
            .map(|one| Deed::new("start a backtest of a sweep", &one.request).project(project_id))
            .collect::<Vec<_>>();
        // One start for the minute, all of them for the day, or none at all.
        let permits = if deeds.is_empty() { Vec::new() } else { ctx.permit_all(deeds).await? };
        let mut permits: HashMap<String, Permit> =
            missing.iter().map(|one| one.request.backtest_name.clone()).zip(permits).collect();
        let jobs: Vec<(Wanted, Option<BacktestId>, Option<Permit>)> = wanted
            .into_iter()
            .map(|one| {
                let (known, permit) =
                    (self.known.get(&one.request.backtest_name).cloned(), permits.remove(&one.request.backtest_name));
                (one, known, permit)
            })
            .collect();
        let total = self.total();
        let mut running = stream::iter(jobs)
            .map(|(one, known, permit)| async move { of_one(ctx, one, known, permit).await })
            .buffer_unordered(self.at_once);
        let mut found = Vec::new();
        while let Some(one) = running.next().await {
            found.push(one?);
            self.done += 1;
            ctx.progress.report(
                self.done as f64,
                Some(total as f64),
                format!("{} of {total} runs are over", self.done),
            );
        }
        Ok(found)
    }
}

/// The name of a run: the same code, parameters and dates have the same.
fn name_of(compile_id: &CompileId, parameters: &wire::Map<String>) -> String {
    use sha2::{Digest as _, Sha256};
    let mut sorted: Vec<(&String, &String)> = parameters.iter().collect();
    sorted.sort();
    let mut hash = Sha256::new();
    hash.update(compile_id.as_str());
    for (name, value) in &sorted {
        hash.update([0]);
        hash.update(name.as_bytes());
        hash.update([1]);
        hash.update(value.as_bytes());
    }
    let hash = hex::encode(hash.finalize());
    let given: Vec<String> = sorted.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let name = format!("sweep {} {}", hash.get(..10).unwrap_or_default(), given.join(" "));
    name.chars().take(100).collect()
}

/// Starts one run unless it is there, and waits for it.
async fn of_one(
    ctx: &Ctx,
    wanted: Wanted,
    known: Option<BacktestId>,
    mut permit: Option<Permit>,
) -> Result<One, ToolError> {
    let project_id = wanted.request.project_id;
    let was_there = known.is_some();
    let backtest_id = match known {
        Some(id) => id,
        None => {
            let mut tries = 0;
            loop {
                match start_backtest::start_permitted(ctx, &wanted.request, &mut permit).await {
                    Ok(started) => {
                        if started.before.is_none() {
                            let id = &started.backtest.backtest_id;
                            super::code::note_backtest(&ctx.door, project_id, &wanted.request.compile_id, id).await;
                        }
                        break started.backtest.backtest_id;
                    }
                    Err(error) if is_busy(&error) && tries < BUSY_TRIES => {
                        tries += 1;
                        ctx.door.sleep(BUSY_PAUSE).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
        }
    };
    let run = Run { project_id, backtest_id };
    let over = wait(ctx, &run).await?;
    let mut one = One {
        combination: wanted.combination,
        backtest_id: run.backtest_id.clone(),
        was_there,
        figures: backtest::figures(&over.statistics),
        failure: over.failure().map(ToOwned::to_owned),
        equity: Vec::new(),
        dates: None,
    };
    if one.failure.is_none() {
        let day = |at: Option<jiff::Timestamp>| at.and_then(|at| own::day_of(at).ok());
        one.dates = day(over.backtest_start).zip(day(over.backtest_end)).filter(|_| wanted.dates.is_some());
        one.equity = own::equity_of(ctx, &run, &over, false).await.unwrap_or_default();
    }
    Ok(one)
}

/// Whether a start failed because every node is at work, or because the minute's starts are used up.
fn is_busy(error: &ToolError) -> bool {
    let said = error.said.as_ref().map(|said| said.as_str().to_ascii_lowercase()).unwrap_or_default();
    said.contains("no spare nodes") || error.message.contains("started within the last minute")
}

async fn wait(ctx: &Ctx, run: &Run) -> Result<Backtest, ToolError> {
    let work = Cloud::Backtest { project_id: run.project_id, backtest_id: run.backtest_id.clone() };
    let begun = ctx.door.now().await?;
    loop {
        let seen = jobs::wait(&ctx.door, &work, LOOK, &Progress::watched().0).await?;
        let is_over = seen.status().is_over();
        if let Seen::Backtest(_, found) = seen
            && is_over
        {
            return Ok(*found);
        }
        let passed = Duration::try_from(ctx.door.now().await?.duration_since(begun)).unwrap_or_default();
        if LONGEST < passed {
            let message = format!("a run goes on for {} h; it was left running", passed.as_secs() / 3_600);
            return Err(ToolError::new(Kind::NotReady, Topic::Backtest, message));
        }
    }
}

/// Positions of runs, best first: those that meet all conditions before the others; and how many do.
fn ordered(runs: &[One], metric: &str, conditions: &[Condition]) -> (Vec<usize>, usize) {
    let fits = |run: &One| {
        let holds = |condition: &Condition| run.figure(&condition.figure).is_some_and(|value| condition.holds(value));
        run.failure.is_none() && run.figure(metric).is_some() && conditions.iter().all(holds)
    };
    let sign = if plan::is_better_small(metric) { -1.0 } else { 1.0 };
    let key = |run: &One| run.figure(metric).map_or(f64::NEG_INFINITY, |value| sign * value);
    let mut order: Vec<usize> = (0..runs.len()).collect();
    let of = |at: &usize| runs.get(*at).map(|run| (fits(run), key(run))).unwrap_or((false, f64::NEG_INFINITY));
    order.sort_by(|a, b| {
        let ((fit_a, key_a), (fit_b, key_b)) = (of(a), of(b));
        fit_b.cmp(&fit_a).then(key_b.total_cmp(&key_a)).then(a.cmp(b))
    });
    let n_fit = runs.iter().filter(|run| fits(run)).count();
    (order, n_fit)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn one(sharpe: f64, drawdown: f64) -> One {
        One {
            combination: 0,
            backtest_id: BacktestId("x".into()),
            was_there: false,
            figures: json!({"sharpe_ratio": {"value": sharpe}, "drawdown": {"value": drawdown}}),
            failure: None,
            equity: Vec::new(),
            dates: None,
        }
    }

    #[test]
    fn runs_that_meet_the_conditions_come_first() {
        let failed = One { failure: Some("no".into()), ..one(9.0, 1.0) };
        let runs = [one(1.0, 5.0), one(2.0, 20.0), failed, one(1.5, 9.0)];
        let few = plan::conditions(&["drawdown < 10".into()]).unwrap();
        assert_eq!(ordered(&runs, "sharpe_ratio", &few), (vec![3, 0, 2, 1], 2));
        assert_eq!(ordered(&runs, "drawdown", &[]), (vec![0, 3, 1, 2], 3));
    }

    #[test]
    fn names_tell_parameters_and_code_apart() {
        let of = |code: &str, pairs: &[(&str, &str)]| {
            let mut map = wire::Map::default();
            pairs.iter().for_each(|(name, value)| {
                map.insert((*name).to_owned(), (*value).to_owned());
            });
            name_of(&CompileId(code.into()), &map)
        };
        let name = of("c", &[("a", "1"), ("b", "2")]);
        assert!(name.starts_with("sweep ") && name.ends_with(" a=1 b=2"), "{name}");
        assert_eq!(name, of("c", &[("b", "2"), ("a", "1")]));
        assert_ne!(name, of("d", &[("a", "1"), ("b", "2")]));
        let long = "x".repeat(200);
        assert_ne!(
            of("c", &[("a", &format!("{long}1"))]),
            of("c", &[("a", &format!("{long}2"))]),
            "cut, yet told apart"
        );
    }
}
