//! Tear sheets: of a backtest, and of a portfolio or series on the research desk.

use qc_quant::{
    MissingPolicy,
    performance::{Performance, equity_curve},
    portfolio::{self, Policy},
    returns,
};
use qc_report::tear_sheet::TearSheet;
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    Reply, ToolError,
    analysis::{
        performance::{self, PolicyArg},
        tear_sheet::{self, Account, Written},
    },
    args::{BacktestArg, ProjectArg, WeightsArg},
    ctx::Ctx,
    desk::Desk,
    error::{Kind, Topic},
    flows::{backtest::Run, find, report},
    own,
    prices::{self, Prices},
    research::ResearchArgs,
    roots::Format,
    server::QcServer,
    study::{Found, Study},
};

/// The most bytes of a picture in an answer.
const MOST_PICTURE: usize = 180_000;
/// Longest title.
const MOST_TITLE: usize = 120;

/// Arguments of `backtest_report`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReportArgs {
    /// Project id or name
    project_id: ProjectArg,
    /// Backtest id; default latest
    backtest_id: Option<BacktestArg>,
    /// First line of the sheet
    title: Option<String>,
    /// New files in the output folder, such as report.html, or report.pdf,report.csv
    save_as: Option<String>,
}

/// Arguments of `create_tear_sheet`.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct SheetArgs {
    /// Tickers; not needed with series, or where weights name a result
    symbols: Option<Vec<String>>,
    /// One weight per ticker (the rest of 1 is cash), or qc://research/ID
    weights: Option<WeightsArg>,
    /// Instead: an account, such as qc://backtests/PROJECT/ID, qc://research/ID or file:PATH#COLUMN
    series: Option<String>,
    /// First day, YYYY-MM-DD
    start_date: String,
    /// Last day, included, YYYY-MM-DD
    end_date: String,
    /// Ticker or series to compare with
    benchmark_symbol: Option<String>,
    /// What happens to the weights between bars. Default: constant_weights
    #[schemars(extend("x-hidden" = true))]
    policy: Option<PolicyArg>,
    /// First line of the sheet
    title: Option<String>,
    #[serde(flatten)]
    shared: ResearchArgs,
}

#[tool_router(router = reports_read, vis = "pub(crate)")]
impl QcServer {
    /// The tear sheet of a backtest in one call: figures beside its benchmark, a picture, months, falls; as HTML, PDF, PNG or CSV with save_as.
    #[tool(title = "Backtest report")]
    async fn backtest_report(&self, Parameters(args): Parameters<ReportArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let files = files(args.save_as.as_deref())?;
        let title = checked_title(args.title.as_deref())?;
        let project_id = find::project(&ctx.door, &args.project_id).await?;
        let wanted = args.backtest_id.unwrap_or_else(|| BacktestArg("latest".to_owned()));
        let backtest_id = find::backtest(&ctx.door, project_id, &wanted).await?;
        let run = Run { project_id, backtest_id };
        let made = report::of_backtest(&ctx, &run, title).await?;
        let id = crate::gate::shown_id(run.backtest_id.as_str()).to_owned();
        let printed = print(self.desk(), &ctx, made.written.sheet.clone(), files).await?;
        let uri = run.uri("tear_sheet.html");
        let is_over = made.backtest.failure().is_some() || made.backtest.is_finished();
        let life = if is_over { crate::kept::LIFE } else { crate::kept::BRIEF };
        self.kept().put(&ctx.caller.key, uri.clone(), printed.html, life);
        let reply = Reply::new(format!("backtest {id}: {}", in_words(&made.written.performance)))
            .field("project_id", project_id)
            .field("backtest_id", &run.backtest_id)
            .field("first_day", made.first.to_string())
            .field("last_day", made.last.to_string())
            .field("days", made.n_days)
            .data(Value::Object(shown(&made.written)))
            .field("notices", &made.written.sheet.notices);
        let reply = told(reply, printed.saved, printed.png).next("analyze_trades");
        Ok(reply.link(uri, "tear_sheet.html", "text/html"))
    }
}

#[tool_router(router = sheets_read, vis = "pub(crate)")]
impl QcServer {
    /// A tear sheet of a portfolio, a series or a backtest: figures beside a benchmark, a picture, months, falls; as HTML, PDF, PNG or CSV with save_as.
    #[tool(title = "Tear sheet")]
    async fn create_tear_sheet(&self, Parameters(args): Parameters<SheetArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let files = files(args.shared.save_as.as_deref())?;
        let title = checked_title(args.title.as_deref())?;
        // Files are written here, in their own formats.
        let shared = ResearchArgs { save_as: None, chart: None, ..args.shared.clone() };
        let study = Study::begin(self, &ctx, &shared).await?;
        let window = prices::parse_window(&args.start_date, &args.end_date)?;
        let (names, weights, in_sample) = holdings(study.desk(), &ctx, &args)?;
        let mut question = study.empty(window)?;
        let mut symbols = Vec::with_capacity(names.len());
        for text in &names {
            symbols.push(study.include(&mut question, "symbols", text).await?);
        }
        performance::check_weights(&symbols, &weights)?;
        if question.missing == MissingPolicy::DropRows {
            question.missing = MissingPolicy::DropRowsAllowGaps;
        }
        let benchmark = match &args.benchmark_symbol {
            Some(text) => Some(study.include(&mut question, "benchmark_symbol", text).await?),
            None => None,
        };
        let policy = match args.policy.unwrap_or_default() {
            PolicyArg::ConstantWeights => Policy::ConstantWeights,
            PolicyArg::BuyAndHold => Policy::BuyAndHold,
        };
        let (risk_free, given, usual) = (shared.risk_free(), shared.periods_per_year, shared.periods_per_year()?);
        let is_series = args.series.is_some();
        let title = title.unwrap_or_else(|| match symbols.as_slice() {
            [only] => format!("Tear sheet of {only}"),
            several => format!("Portfolio of {} securities", several.len()),
        });
        let job = move |source: &crate::quantbook::OpenSource, _: &crate::compute::Stop| {
            let mut prices = prices::load(source, &question)?;
            let periods_per_year = prices.periods_per_year(given, usual);
            let annual_rate = risk_free.annual(&source.folder, &mut prices)?;
            let path = Path { symbols: &symbols, weights: &weights, policy, benchmark: benchmark.as_deref() };
            let mut account = path.account(&prices, annual_rate / periods_per_year)?;
            account.title = title;
            account.notices.extend(in_sample);
            account.notices.extend(prices.warnings.iter().cloned());
            (account.periods_per_year, account.annual_rate) = (periods_per_year, annual_rate);
            if !is_series {
                account.tables.push(listed(&symbols, &weights));
            }
            Ok((prices, tear_sheet::write(account)?))
        };
        let (prices, written) = study.compute_loading(job).await?;
        let printed = print(study.desk(), &ctx, written.sheet.clone(), files).await?;
        let first = written.sheet.notices.first().filter(|notice| notice.starts_with(IN_SAMPLE));
        let head = first.map_or_else(String::new, |notice| format!("{notice}\n"));
        let mut brief = shown(&written);
        brief.insert("notices".into(), json!(written.sheet.notices));
        let found = Found {
            summary: format!("{head}{}\n{}", in_words(&written.performance), written.sheet.subtitle),
            brief,
            page: Some(printed.html),
            next: Some("rerun_research"),
            ..Found::default()
        };
        let reply = study.finish("create_tear_sheet", &args, &prices, found).await?;
        Ok(told(reply, printed.saved, printed.png))
    }
}

/// How a notice begins that an evaluation is of the data the weights were found on.
const IN_SAMPLE: &str = "IN-SAMPLE";

/// Names, weights, a notice.
type Holdings = (Vec<String>, Vec<f64>, Option<String>);

/// What is held, and a notice where weights were found on the days they are measured on.
fn holdings(desk: &Desk, ctx: &Ctx, args: &SheetArgs) -> Result<Holdings, ToolError> {
    let given = args.symbols.as_deref().unwrap_or_default();
    match (&args.series, &args.weights) {
        (Some(_), weights) if weights.is_some() || !given.is_empty() => {
            Err(ToolError::argument("give series, or symbols with weights, not both; nothing was computed"))
        }
        (Some(series), _) => Ok((vec![series.clone()], vec![1.0], None)),
        (None, None) => match given {
            [only] => Ok((vec![only.clone()], vec![1.0], None)),
            _ => Err(ToolError::argument("weights are missing: one number per symbol, or qc://research/ID")),
        },
        (None, Some(WeightsArg::Numbers(numbers))) => Ok((given.to_vec(), numbers.clone(), None)),
        (None, Some(WeightsArg::Named(named))) => {
            let (symbols, weights) = performance::weights_of(given, &WeightsArg::pairs(named))?;
            Ok((symbols, weights, None))
        }
        (None, Some(WeightsArg::From(text))) => {
            let found = own::weights::read(desk, ctx.caller_key(), text)?;
            let (symbols, weights) = performance::weights_of(given, &found)?;
            let (record, _) = own::kept_result(desk, ctx.caller_key(), text)?;
            let last = record.pointer("/provenance/last_date").and_then(Value::as_str).unwrap_or_default();
            let last = last.get(..10).unwrap_or(last).to_owned();
            let is_before = !last.is_empty() && args.start_date.as_str() <= last.as_str();
            let notice = is_before.then(|| {
                format!(
                    "{IN_SAMPLE}: the weights were found on data up to {last}, and the sheet begins {}",
                    args.start_date
                )
            });
            Ok((symbols, weights, notice))
        }
    }
}

/// What is held and compared.
struct Path<'a> {
    symbols: &'a [String],
    weights: &'a [f64],
    policy: Policy,
    benchmark: Option<&'a str>,
}

impl Path<'_> {
    /// The path of the account, one value a day.
    fn account(&self, prices: &Prices, rate: f64) -> Result<Account, ToolError> {
        let all = returns::simple(&prices.panel)?;
        let held = all.select(self.symbols)?;
        let portfolio = portfolio::returns(&held, self.weights, self.policy, rate)?;
        let values = equity_curve(portfolio.values());
        let market = self.benchmark.map(|symbol| all.column_of(symbol)).transpose()?.map(equity_curve);
        let labels =
            std::iter::once(prices.panel.first_label()).chain((0..all.index().len()).map(|row| all.index().label(row)));
        let mut account = Account {
            benchmark: market.as_ref().zip(self.benchmark).map(|(_, name)| (name.to_owned(), Vec::new())),
            ..Account::default()
        };
        for (row, (label, value)) in labels.zip(&values).enumerate() {
            let text = label.to_string();
            let day = text.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok());
            let day = day.ok_or_else(|| ToolError::new(Kind::BadData, Topic::General, "a row has no date"))?;
            // Within a day the last value counts.
            if account.dates.last() == Some(&day) && 1 < account.dates.len() {
                account.dates.pop();
                account.values.pop();
                if let Some((_, values)) = &mut account.benchmark {
                    values.pop();
                }
            }
            account.dates.push(day);
            account.values.push(*value);
            if let (Some((_, values)), Some(market)) = (&mut account.benchmark, &market) {
                values.extend(market.get(row));
            }
        }
        let from = &prices.provenance;
        let synthetic = if from.synthetic { "SYNTHETIC data. " } else { "" };
        account.subtitle = format!(
            "{synthetic}{} to {}, {} prices, adjustment {}",
            from.first_date, from.last_date, from.resolution, from.adjustment
        );
        account.footer.push(match self.policy {
            Policy::ConstantWeights => "Weights are traded back at every bar, without costs.".to_owned(),
            Policy::BuyAndHold => "Bought once and left alone, without costs.".to_owned(),
        });
        Ok(account)
    }
}

fn listed(symbols: &[String], weights: &[f64]) -> qc_report::tear_sheet::Listing {
    use qc_report::tear_sheet::{Listing, Value};
    /// More are in the kept result.
    const MOST: usize = 40;
    let mut rows: Vec<(&String, f64)> = symbols.iter().zip(weights.iter().copied()).collect();
    rows.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()));
    let title = match rows.len() {
        ..=MOST => "Weights".to_owned(),
        n => format!("Weights, the {MOST} largest of {n}"),
    };
    let row = |(name, weight): &(&String, f64)| vec![Value::Text((*name).clone()), Value::Percent(*weight)];
    Listing {
        title,
        columns: vec!["security".into(), "weight".into()],
        rows: rows.iter().take(MOST).map(row).collect(),
    }
}

fn checked_title(title: Option<&str>) -> Result<Option<String>, ToolError> {
    let title = title.map(str::trim).filter(|title| !title.is_empty());
    match title.map(|title| title.chars().count()) {
        Some(n) if MOST_TITLE < n => {
            Err(ToolError::argument(format!("a title has at most {MOST_TITLE} characters, found {n}")))
        }
        _ => Ok(title.map(ToOwned::to_owned)),
    }
}

/// The files that are asked for, by the ends of their names.
fn files(save_as: Option<&str>) -> Result<Vec<(String, Format)>, ToolError> {
    let names = save_as.unwrap_or_default().split(',').map(str::trim).filter(|name| !name.is_empty());
    let format = |name: &str| {
        let end = name.rsplit_once('.').map(|(_, end)| end.to_ascii_lowercase());
        let format = match end.as_deref() {
            None | Some("html") => Format::Html,
            Some("pdf") => Format::Pdf,
            Some("png") => Format::Png,
            Some("csv") => Format::Csv,
            Some(_) => {
                let message = "a tear sheet is saved as .html, .pdf, .png or .csv, several by commas";
                return Err(ToolError::new(Kind::InvalidArgument, Topic::Path, message));
            }
        };
        Ok((name.to_owned(), format))
    };
    names.map(format).collect()
}

/// A sheet in its forms.
struct Printed {
    html: String,
    /// Its first page, or where that is too large its first picture.
    png: Option<Vec<u8>>,
    saved: Vec<String>,
}

async fn print(desk: &Desk, ctx: &Ctx, sheet: TearSheet, files: Vec<(String, Format)>) -> Result<Printed, ToolError> {
    let inner = desk.clone();
    let job = move |_: &crate::compute::Stop| {
        let broken = |error: qc_report::Error| ToolError::new(Kind::Internal, Topic::General, error.to_string());
        let html = sheet.html().map_err(broken)?;
        let pages = sheet.pages().map_err(broken)?;
        let page = pages.first().map(|page| page.png()).transpose().map_err(broken)?;
        let mut saved = Vec::with_capacity(files.len());
        for (name, format) in &files {
            saved.push(match format {
                Format::Pdf => inner.save(name, *format, &sheet.pdf().map_err(broken)?)?,
                Format::Csv => inner.save(name, *format, sheet.csv().map_err(broken)?.as_str().as_bytes())?,
                Format::Png => inner.save(name, *format, page.as_deref().unwrap_or_default())?,
                _ => inner.save(name, *format, html.as_bytes())?,
            });
        }
        let fits = |png: &Vec<u8>| png.len() <= MOST_PICTURE;
        let png = match page.filter(fits) {
            Some(page) => Some(page),
            None => {
                let first = sheet.pictures.first().map(|picture| picture.draw().and_then(|chart| chart.png()));
                first.transpose().map_err(broken)?.filter(fits)
            }
        };
        Ok(Printed { html, png, saved })
    };
    desk.run(ctx.caller_key(), &ctx.cancel, job).await
}

fn told(reply: Reply, saved: Vec<String>, png: Option<Vec<u8>>) -> Reply {
    let reply = if saved.is_empty() { reply } else { reply.field("saved_as", saved) };
    match png {
        Some(png) => reply.picture(png),
        None => reply,
    }
}

fn in_words(of: &Performance) -> String {
    let percent = |value: f64| format!("{:.1} %", 100.0 * value);
    let mut text = format!(
        "total return {}, {} a year, volatility {}, Sharpe {}, deepest fall {}",
        percent(of.total_return),
        of.cagr.map_or_else(|| "undefined".to_owned(), percent),
        percent(of.volatility),
        of.sharpe.map_or_else(|| "undefined".to_owned(), |ratio| format!("{ratio:.2}")),
        percent(of.max_drawdown.depth)
    );
    if let Some(against) = &of.benchmark {
        text.push_str(&format!("; beta {:.2}, alpha {} a year", against.beta, percent(against.alpha_annual)));
    }
    text
}

/// Figures, years and falls as every answer shows them.
fn shown(written: &Written) -> Map<String, Value> {
    let of = &written.performance;
    let short = |value: f64| (value * 1e6).round() / 1e6;
    let maybe = |value: Option<f64>| value.map(short);
    let mut brief = Map::new();
    brief.insert(
        "performance_metrics".into(),
        json!({
            "total_return": short(of.total_return), "annualized_return": maybe(of.cagr), "volatility": short(of.volatility),
            "sharpe_ratio": maybe(of.sharpe), "sharpe_standard_error": maybe(of.sharpe_standard_error_robust),
            "sortino_ratio": maybe(of.sortino), "calmar_ratio": maybe(of.calmar),
            "max_drawdown": short(of.max_drawdown.depth), "hit_rate": maybe(of.hit_rate),
            "value_at_risk_95": short(of.value_at_risk), "conditional_value_at_risk_95": short(of.conditional_value_at_risk),
            "best": short(of.best), "worst": short(of.worst),
        }),
    );
    if let Some(against) = &of.benchmark {
        brief.insert(
            "benchmark_comparison".into(),
            json!({
                "beta": short(against.beta), "alpha": short(against.alpha_annual), "alpha_t": maybe(against.alpha_t),
                "correlation": maybe(against.correlation), "tracking_error": short(against.tracking_error),
                "information_ratio": maybe(against.information_ratio),
            }),
        );
    }
    let years: Vec<Value> = written.years.iter().map(|year| json!([year.year, short(year.value)])).collect();
    brief.insert("returns_by_year".into(), json!({"columns": ["year", "return"], "rows": years}));
    let months = || written.months.iter().map(|month| month.value);
    brief.insert(
        "months".into(),
        json!({
            "count": written.months.len(), "gained": months().filter(|value| 0.0 < *value).count(),
            "best": months().map(short).fold(f64::NEG_INFINITY, f64::max),
            "worst": months().map(short).fold(f64::INFINITY, f64::min),
        }),
    );
    brief.insert("deepest_falls".into(), json!(written.falls));
    brief
}
