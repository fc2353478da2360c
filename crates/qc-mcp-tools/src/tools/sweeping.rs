//! The tool that tries a grid of parameters.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use qc_quant::performance::sweep::{self as ranking, Trial};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::backtests;
use crate::{
    Reply, ToolError, Untrusted,
    args::ProjectArg,
    ctx::Ctx,
    desk::{DataRead, Finding},
    flows::{
        find,
        sweep::{
            self, Ask, One, Part, Swept,
            plan::{self, Grid, Window},
        },
    },
    server::QcServer,
};

/// The tool's name: a call of it may go on as a job and be taken up again.
pub(crate) const NAME: &str = "parameter_sweep";
/// The best that are shown, and tried, unless the caller says how many.
const TOP: i64 = 10;
const TRIED: i64 = 3;
/// Trading days a year.
const YEAR: f64 = 252.0;
/// Calendar days by which a run's dates may differ from those asked for: weekends, holidays and the last bar.
const NEAR: i32 = 7;

/// Arguments of `parameter_sweep`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SweepArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Values of each parameter: {"lookback": [20, 50], "stop": {"min": 0.02, "max": 0.1, "step": 0.02}}
    grid: Map<String, Value>,
    /// Parameters that stay the same
    parameters: Option<Map<String, Value>>,
    /// Figure to rank by, as `read_backtest` names them. Default: sharpe_ratio
    metric: Option<String>,
    /// Conditions such as ["drawdown < 10", "sharpe_ratio > 0.5"]
    constraints: Option<Vec<String>>,
    /// First day the runs are chosen on; the code reads parameters start_date, end_date
    start_date: Option<String>,
    /// Last of them
    end_date: Option<String>,
    /// First day the best are tried on
    test_start: Option<String>,
    /// Last of them
    test_end: Option<String>,
    /// Instead of test dates: windows, each chosen on and tried on the next
    #[schemars(range(min = 1, max = 20))]
    walk_forward: Option<i64>,
    /// Best runs shown (default 10), and tried on test dates (default 3)
    #[schemars(range(min = 1, max = 100))]
    top: Option<i64>,
    /// Seconds to wait before the answer is a job for wait_for_job; default 45
    #[schemars(extend("x-hidden" = true))]
    #[allow(dead_code, reason = "read by the server from the call")]
    wait_seconds: Option<f64>,
}

#[tool_router(router = sweeping_create, vis = "pub(crate)")]
impl QcServer {
    /// Backtest every combination of a grid, rank by a figure under conditions, try the best on other dates; says how much of the best is luck. Asked again it goes on.
    #[tool(title = "Parameter sweep")]
    async fn parameter_sweep(&self, Parameters(args): Parameters<SweepArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let most = usize::try_from(self.settings().sweep_size).unwrap_or(usize::MAX);
        let grid = plan::grid(&args.grid, most)?;
        let fixed = backtests::parameters(args.parameters.clone().unwrap_or_default())?;
        let both = |a: &Option<String>, b: &Option<String>| (a.clone(), b.clone());
        let ((from, to), (test_from, test_to)) =
            (both(&args.start_date, &args.end_date), both(&args.test_start, &args.test_end));
        let walk = args.walk_forward.and_then(|n| usize::try_from(n).ok());
        let windows =
            plan::windows((from.as_deref(), to.as_deref()), (test_from.as_deref(), test_to.as_deref()), walk)?;
        let top = usize::try_from(args.top.unwrap_or(TOP)).unwrap_or_default();
        let tried = match walk {
            // What would have been traded next is the best one.
            Some(_) => 1,
            None => usize::try_from(args.top.unwrap_or(TRIED)).unwrap_or_default().min(grid.combinations.len()),
        };
        let n_tests = windows.iter().filter(|window| window.test.is_some()).count() * tried;
        let n_runs = windows.len() * grid.combinations.len() + n_tests;
        if most < n_runs {
            return Err(ToolError::argument(format!(
                "{} combinations over {} window(s) and {n_tests} tests are {n_runs} runs, at most {most} are made \
                 (QC_MCP_SWEEP_SIZE); nothing was sent",
                grid.combinations.len(),
                windows.len()
            )));
        }
        let ask = Ask {
            project_id: find::project(&ctx.door, &args.project_id).await?,
            fixed,
            windows,
            metric: plan::figure_name(args.metric.as_deref().unwrap_or("sharpe_ratio")),
            conditions: plan::conditions(args.constraints.as_deref().unwrap_or_default())?,
            tried,
            grid,
        };
        let swept = sweep::run(&ctx, &ask).await?;
        self.swept(&ctx, &args, &ask, &swept, top)
    }
}

impl QcServer {
    fn swept(&self, ctx: &Ctx, args: &SweepArgs, ask: &Ask, swept: &Swept, top: usize) -> Result<Reply, ToolError> {
        let mut cautions = Vec::new();
        let mut parts = Vec::with_capacity(swept.parts.len());
        let mut full = Vec::with_capacity(swept.parts.len());
        for part in &swept.parts {
            let luck = luck(part, &ask.grid, &mut cautions);
            odd(part, ask, &mut cautions);
            full.push(shown(part, ask, &luck, usize::MAX));
            parts.push(shown(part, ask, &luck, top));
        }
        let n_runs: usize = swept.parts.iter().map(|part| part.runs.len() + part.tests.len()).sum();
        let n_known = swept.parts.iter().flat_map(|part| part.runs.iter().chain(part.tests.values()));
        let n_known = n_known.filter(|run| run.was_there).count();
        let decay = decay(swept, ask);
        let mut result = json!({
            "project_id": ask.project_id, "compile_id": swept.compile_id, "metric": ask.metric,
            "better": if plan::is_better_small(&ask.metric) { "small" } else { "large" },
            "conditions": ask.conditions.iter().map(|condition| &condition.text).collect::<Vec<_>>(),
            "combinations": ask.grid.combinations.len(), "runs": n_runs, "already_there": n_known,
            "at_once": swept.at_once,
        });
        if let (Some(decay), Some(all)) = (decay, result.as_object_mut()) {
            cautions.extend(decay.caution);
            all.insert("decay".into(), decay.table);
        }
        cautions.dedup();
        let finding = Finding {
            tool: NAME,
            arguments: json!({
                "project_id": ask.project_id, "grid": args.grid, "parameters": args.parameters, "metric": ask.metric,
                "constraints": args.constraints, "start_date": args.start_date, "end_date": args.end_date,
                "test_start": args.test_start, "test_end": args.test_end, "walk_forward": args.walk_forward,
            }),
            seed: None,
            provenance: json!({"source": "backtests", "project_id": ask.project_id, "compile_id": swept.compile_id}),
            data: DataRead::of(&[]),
            warnings: cautions.clone(),
            result: json!({"sweep": result, "windows": full}),
        };
        let kept = self.desk().keep(ctx.caller_key(), &finding)?;
        let mut reply = Reply::new(summary(swept, ask)).data(result);
        reply = match parts.as_slice() {
            [only] => reply.data(only),
            _ => reply.field("windows", parts),
        };
        Ok(reply
            .field("cautions", cautions)
            .field("research_id", &kept.id)
            .link(kept.uri, "all runs", "application/json")
            .next("backtest_report"))
    }
}

fn summary(swept: &Swept, ask: &Ask) -> String {
    let n = ask.grid.combinations.len();
    let Some(part) = swept.parts.last() else { return "nothing was run".to_owned() };
    if part.n_fit == 0 {
        return format!("{n} combinations of project {}: none meets the conditions", ask.project_id);
    }
    let best = part.order.first().and_then(|at| Some((*at, part.runs.get(*at)?)));
    let Some((at, best)) = best else { return format!("{n} combinations of project {}", ask.project_id) };
    let value = best.figure(&ask.metric).map_or_else(|| "none".to_owned(), |value| format!("{value}"));
    let tested = part.tests.get(&at).and_then(|test| test.figure(&ask.metric));
    let tested = tested.map_or_else(String::new, |value| format!(", {value} on the test dates"));
    let windows =
        if swept.parts.len() == 1 { String::new() } else { format!(" in the last of {} windows", swept.parts.len()) };
    let id = crate::gate::shown_id(best.backtest_id.as_str());
    format!(
        "{n} combinations of project {}: best {} {value}{windows}{tested} (backtest {id})",
        ask.project_id, ask.metric
    )
}

/// What chance may have done, and how near combinations did.
#[derive(Default)]
struct Luck {
    /// Annual Sharpe ratio of daily returns, its probability of being positive, and the neighbours' mean, by run.
    runs: BTreeMap<usize, (f64, f64, Option<f64>)>,
    facts: Value,
}

/// Ranks the runs by their days: all days that every run has.
fn luck(part: &Part, grid: &Grid, cautions: &mut Vec<String>) -> Luck {
    let known: Vec<(usize, BTreeMap<Date, f64>)> = part
        .runs
        .iter()
        .enumerate()
        .filter(|(_, run)| run.failure.is_none() && 2 < run.equity.len())
        .map(|(at, run)| (at, run.equity.iter().copied().collect()))
        .collect();
    let mut days: Option<BTreeSet<Date>> = None;
    for (_, equity) in &known {
        let own: BTreeSet<Date> = equity.keys().copied().collect();
        days = Some(days.map_or(own.clone(), |days| days.intersection(&own).copied().collect()));
    }
    let days: Vec<Date> = days.unwrap_or_default().into_iter().collect();
    let mut trials = Vec::new();
    let mut of = Vec::new();
    for (at, equity) in &known {
        let values: Vec<f64> = days.iter().filter_map(|day| equity.get(day).copied()).collect();
        let returns: Vec<f64> =
            values.iter().zip(values.iter().skip(1)).map(|(before, now)| now / before - 1.0).collect();
        let moves = returns.iter().any(|step| *step != 0.0) && returns.iter().all(|step| step.is_finite());
        let place =
            part.runs.get(*at).and_then(|run| grid.combinations.get(run.combination)).map(|one| one.place.clone());
        if let (true, Some(parameters)) = (moves, place) {
            trials.push(Trial { parameters, returns });
            of.push(*at);
        }
    }
    if trials.len() < part.runs.len() && 1 < part.runs.len() {
        let n = part.runs.len() - trials.len();
        cautions.push(format!("{n} run(s) failed or never moved: they are not in the figures on luck"));
    }
    let Ok(found) = ranking::rank(&trials) else { return Luck::default() };
    let year = YEAR.sqrt();
    let short = |value: f64| (value * 1e4).round() / 1e4;
    let runs = found
        .ranked
        .iter()
        .filter_map(|one| {
            let run = *of.get(one.trial)?;
            Some((
                run,
                (short(one.sharpe * year), short(one.probability_positive), one.neighbours.map(|n| short(n * year))),
            ))
        })
        .collect();
    let facts = json!({
        "trials": trials.len(), "days": days.len(),
        "best_of_that_many_without_skill": short(found.deflated.expected_maximum * year),
        "deflated_sharpe_probability": short(found.deflated.deflated),
        "groups_that_move_together": found.groups,
        "deflated_by_groups": found.deflated_by_groups.as_ref().map(|by| short(by.deflated)),
    });
    if found.deflated.deflated < 0.95 {
        cautions.push(format!(
            "the probability that the best beats what luck gives the best of {} trials is {:.2}: below 0.95 it is no find",
            trials.len(),
            found.deflated.deflated
        ));
    }
    Luck { runs, facts }
}

/// What looks wrong: runs that are the same, dates that are not those asked for, runs that failed.
fn odd(part: &Part, ask: &Ask, cautions: &mut Vec<String>) {
    let mut same: BTreeMap<Vec<u64>, usize> = BTreeMap::new();
    for run in part.runs.iter().filter(|run| 2 < run.equity.len()) {
        *same.entry(run.equity.iter().map(|(_, value)| value.to_bits()).collect()).or_default() += 1;
    }
    let twins: usize = same.values().filter(|n| 1 < **n).sum();
    if 0 < twins {
        cautions.push(format!("{twins} runs have the same equity as another: a parameter changes nothing there"));
    }
    let failed = part.runs.iter().chain(part.tests.values()).filter(|run| run.failure.is_some()).count();
    if 0 < failed {
        cautions.push(format!("{failed} run(s) ended with an error: diagnose_backtest says why"));
    }
    let far = |run: &One, asked: Option<(Date, Date)>| match (run.dates, asked) {
        (Some((start, end)), Some((from, to))) => {
            let apart = |a: Date, b: Date| (a - b).get_days().abs();
            NEAR < apart(start, from) || NEAR < apart(end, to)
        }
        _ => false,
    };
    let n = part.runs.iter().filter(|run| far(run, part.window.train)).count()
        + part.tests.values().filter(|run| far(run, part.window.test)).count();
    if 0 < n {
        cautions.push(format!(
            "{n} run(s) did not cover the dates asked for: the code sets others, the data ends, or a hold-out moves them"
        ));
    }
    if ask.windows.iter().all(|window| window.test.is_none()) {
        cautions.push(
            "the best was chosen on the days it is measured on: test_start and test_end try it on others".to_owned(),
        );
    }
}

/// A window's runs as a table.
fn shown(part: &Part, ask: &Ask, luck: &Luck, top: usize) -> Value {
    let has_tests = !part.tests.is_empty();
    let mut columns: Vec<Value> = vec![json!("rank")];
    columns.extend(ask.grid.names.iter().map(|name| plain(name)));
    let mut figures: Vec<&str> = vec![ask.metric.as_str()];
    for name in ["sharpe_ratio", "drawdown", "net_profit", "total_orders"] {
        if !figures.contains(&name) {
            figures.push(name);
        }
    }
    columns.extend(figures.iter().map(|name| json!(name)));
    columns.extend(
        ["sharpe_of_days", "probability_positive", "sharpe_of_neighbours", "meets_conditions"].map(Value::from),
    );
    if has_tests {
        columns.push(json!("test"));
    }
    columns.push(json!("backtest_id"));
    let row = |(rank, at): (usize, &usize)| -> Option<Value> {
        let run = part.runs.get(*at)?;
        let values = ask.grid.combinations.get(run.combination)?;
        let mut cells: Vec<Value> = vec![json!(rank + 1)];
        cells.extend(values.values.iter().map(|value| match value.parse::<f64>() {
            Ok(number) if number.is_finite() => json!(number),
            _ => plain(value),
        }));
        cells.extend(figures.iter().map(|name| json!(run.figure(name))));
        let (sharpe, probability, neighbours) = match luck.runs.get(at) {
            Some((sharpe, probability, neighbours)) => (Some(sharpe), Some(probability), *neighbours),
            None => (None, None, None),
        };
        cells.extend([json!(sharpe), json!(probability), json!(neighbours), json!(rank < part.n_fit)]);
        if has_tests {
            cells.push(json!(part.tests.get(at).and_then(|test| test.figure(&ask.metric))));
        }
        cells.push(json!(run.backtest_id));
        Some(Value::Array(cells))
    };
    let rows: Vec<Value> = part.order.iter().enumerate().take(top).filter_map(row).collect();
    let dates = |span: Option<(Date, Date)>| span.map(|(from, to)| [from.to_string(), to.to_string()]);
    let Window { train, test } = &part.window;
    let mut all = json!({
        "runs_that_meet_the_conditions": part.n_fit,
        "ranking": {"columns": columns, "rows": rows},
        "luck": luck.facts,
    });
    if let (Some(map), Some(train)) = (all.as_object_mut(), dates(*train)) {
        map.insert("chosen_on".into(), json!(train));
    }
    if let (Some(map), Some(test)) = (all.as_object_mut(), dates(*test)) {
        map.insert("tried_on".into(), json!(test));
        let ids: Vec<Value> =
            part.order.iter().filter_map(|at| part.tests.get(at)).map(|one| json!(one.backtest_id)).collect();
        map.insert("test_backtests".into(), json!(ids));
    }
    all
}

/// A caller's word: plain if it is nothing but a word.
fn plain(text: &str) -> Value {
    let is_word = text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
    if is_word { json!(text) } else { json!(Untrusted::new(text).shortened(40)) }
}

/// How much of the figure is left on dates the runs were not chosen on.
struct Decay {
    table: Value,
    caution: Option<String>,
}

fn decay(swept: &Swept, ask: &Ask) -> Option<Decay> {
    let mut rows = Vec::new();
    let (mut sum, mut n, mut worse) = ((0.0, 0.0), 0_usize, 0_usize);
    for part in &swept.parts {
        for at in part.order.iter().filter(|at| part.tests.contains_key(at)) {
            let (Some(run), Some(test)) = (part.runs.get(*at), part.tests.get(at)) else { continue };
            let (own, tried) = (run.figure(&ask.metric), test.figure(&ask.metric));
            let begins = part.window.test.map(|(from, _)| from.to_string());
            rows.push(json!([begins, run.backtest_id, own, tried]));
            if let (Some(own), Some(tried)) = (own, tried) {
                sum = (sum.0 + own, sum.1 + tried);
                n += 1;
                let is_worse = if plan::is_better_small(&ask.metric) { own < tried } else { tried < own };
                worse += usize::from(is_worse);
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let mean = |total: f64| (0 < n).then(|| (total / n as f64 * 1e4).round() / 1e4);
    let caution = (0 < n && n < 2 * worse).then(|| {
        format!(
            "{worse} of {n} are worse on the test dates than on those they were chosen on, as chosen ones mostly are"
        )
    });
    let table = json!({
        "columns": ["test_begins", "backtest_id", "chosen_on", "tried_on"], "rows": rows,
        "mean_chosen_on": mean(sum.0), "mean_tried_on": mean(sum.1),
    });
    Some(Decay { table, caution })
}
