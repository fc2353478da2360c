//! Weights by a rule: hierarchical risk parity, least variance, largest Sharpe ratio, equal risk, least expected
//! shortfall; several rules side by side.

use qc_quant::{
    Panel, Progress,
    covariance::{self, Shrunk},
    performance::{equity_curve, tails},
    portfolio::{
        self, Policy,
        constraints::{Constraints, Side},
        diversification_ratio, hrp,
        mean_variance::{self, Bounds},
        min_cvar, risk_parity, target_volatility,
    },
    returns,
    stats::moments,
};
use qc_report::{
    chart::Picture,
    csv::{Cell, Table},
};
use serde_json::{Map, Value, json};

use super::{basis, label, maybe, number, percent, pictures};
use crate::{
    compute::Stop,
    error::{Kind, ToolError, Topic},
    prices::Prices,
    study::{Found, progress_of},
};

/// A rule that gives weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Hrp,
    MinCvar,
    MinVariance,
    MaxSharpe,
    RiskParity,
}

impl Rule {
    const ALL: [Rule; 5] = [Rule::Hrp, Rule::MinCvar, Rule::MinVariance, Rule::MaxSharpe, Rule::RiskParity];

    fn name(self) -> &'static str {
        match self {
            Rule::Hrp => "hrp",
            Rule::MinCvar => "min_cvar",
            Rule::MinVariance => "min_variance",
            Rule::MaxSharpe => "max_sharpe",
            Rule::RiskParity => "risk_parity",
        }
    }

    fn of(text: &str) -> Result<Rule, ToolError> {
        let word = text.trim().to_ascii_lowercase();
        Rule::ALL.into_iter().find(|rule| rule.name() == word).ok_or_else(|| {
            let known: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
            ToolError::argument(format!("method must be one or several of {}", known.join(", ")))
        })
    }

    /// Reads one rule, if it is given.
    ///
    /// # Errors
    /// A word that is no rule.
    pub(crate) fn named(text: Option<&str>) -> Result<Option<Rule>, ToolError> {
        text.map(Rule::of).transpose()
    }

    /// Reads one rule, or several divided by commas.
    ///
    /// # Errors
    /// A word that is no rule.
    pub(crate) fn parse(text: Option<&str>) -> Result<Vec<Rule>, ToolError> {
        let text = text.unwrap_or("hrp").trim().trim_start_matches('[').trim_end_matches(']');
        let rules: Vec<Rule> =
            text.split(',').map(|word| Rule::of(word.trim().trim_matches('"'))).collect::<Result<_, _>>()?;
        // Each once, in the caller's order.
        let mut unique: Vec<Rule> = Vec::new();
        for rule in rules {
            if !unique.contains(&rule) {
                unique.push(rule);
            }
        }
        Ok(unique)
    }
}

/// What is asked.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Symbols to be weighted.
    pub(crate) symbols: Vec<String>,
    /// Those of them that are held short.
    pub(crate) short: Vec<String>,
    /// Rules.
    pub(crate) rules: Vec<Rule>,
    /// Smallest and largest weight.
    pub(crate) bounds: Bounds,
    /// Gross exposure of a long and a short book.
    pub(crate) gross: f64,
    /// Net exposure of them.
    pub(crate) net: f64,
    /// Confidence of the expected shortfall.
    pub(crate) confidence: f64,
    /// Largest annual volatility.
    pub(crate) target_volatility: Option<f64>,
    /// Symbol whose beta is to be nil.
    pub(crate) neutral_to: Option<String>,
    /// Rule to stay near.
    pub(crate) start_from: Option<Rule>,
    /// How near, in weight.
    pub(crate) max_deviation: Option<f64>,
    /// Observations a year.
    pub(crate) periods_per_year: f64,
}

impl Ask {
    fn is_general(&self) -> bool {
        !self.short.is_empty()
            || self.neutral_to.is_some()
            || self.target_volatility.is_some()
            || self.max_deviation.is_some()
    }
}

/// The estimates all rules share.
struct Estimates {
    returns: Panel,
    mean: Vec<f64>,
    covariance: Shrunk,
    /// What the covariance is called.
    estimator: String,
    /// Riskless rate per bar.
    rate: f64,
    betas: Option<Vec<f64>>,
}

/// Optimises and shapes the answer.
///
/// # Errors
/// Conditions a rule cannot take, conditions that exclude each other, and what qc-quant refuses.
pub(crate) fn run(prices: &Prices, ask: &Ask, annual_rate: f64, stop: &Stop) -> Result<Found, ToolError> {
    if let Some(stray) = ask.short.iter().find(|symbol| !ask.symbols.contains(symbol)) {
        return Err(ToolError::new(
            Kind::InvalidArgument,
            Topic::Symbol,
            format!("short_symbols names {stray}, which is not in symbols"),
        ));
    }
    if !ask.short.is_empty() && 0.0 < ask.bounds.lower {
        return Err(ToolError::argument("min_weight goes with one book; short_symbols take max_weight alone"));
    }
    if ask.start_from.is_some() && ask.max_deviation.is_none() {
        return Err(ToolError::argument("start_from needs max_deviation: how far a weight may go from it"));
    }
    let ask = &Ask { symbols: prices.present(&ask.symbols), short: prices.present(&ask.short), ..ask.clone() };
    let all = returns::simple(&prices.panel)?;
    let held = all.select(&ask.symbols)?;
    held.require_variation()?;
    let (n, t) = (held.n_symbols(), held.n_rows());
    let (covariance, estimator) = if t < 5 * n {
        let found = covariance::ledoit_wolf(&held)?;
        let name = format!("ledoit_wolf (shrinkage {:.3}: {t} rows for {n} symbols)", found.shrinkage);
        (found, name)
    } else {
        let covariance = covariance::sample(&held)?;
        (Shrunk { symbols: ask.symbols.clone(), covariance, shrinkage: 0.0 }, "sample".to_owned())
    };
    let betas = match &ask.neutral_to {
        None => None,
        Some(symbol) => {
            let market = all.column_of(symbol)?;
            let variance = moments::variance(market);
            if variance <= 0.0 {
                return Err(ToolError::new(
                    Kind::Degenerate,
                    Topic::Symbol,
                    format!("{symbol} does not vary: no beta to it"),
                ));
            }
            Some(held.columns().map(|column| moments::covariance(column, market) / variance).collect())
        }
    };
    let mean = held.columns().map(moments::mean).collect();
    let rate = annual_rate / ask.periods_per_year;
    let known = Estimates { returns: held, mean, covariance, estimator, rate, betas };
    let mut results: Vec<(Rule, Vec<f64>)> = Vec::new();
    let (progress, n_rules) = (progress_of(stop), ask.rules.len());
    for (at, rule) in ask.rules.iter().enumerate() {
        // Each rule has its share of the whole.
        let part = |done: usize, total: usize| progress(at * total + done, n_rules * total);
        if part(0, 1).is_break() {
            return Err(ToolError::new(Kind::Cancelled, Topic::General, "cancelled between two methods"));
        }
        results.push((*rule, weigh(*rule, &known, ask, &part).map_err(|error| in_words(error, ask))?));
    }
    shape(prices, &known, ask, &results, annual_rate)
}

/// Why there are no weights: what the mathematics refused is told in the caller's terms.
enum Refused {
    Tool(ToolError),
    Quant(qc_quant::Error),
}

impl From<ToolError> for Refused {
    fn from(error: ToolError) -> Self {
        Refused::Tool(error)
    }
}

impl From<qc_quant::Error> for Refused {
    fn from(error: qc_quant::Error) -> Self {
        Refused::Quant(error)
    }
}

/// The refusal with symbols in place of positions, and with the volatility a year that was asked.
fn in_words(refused: Refused, ask: &Ask) -> ToolError {
    match refused {
        Refused::Tool(error) => error,
        Refused::Quant(qc_quant::Error::Infeasible { what, reason }) => {
            let at = what.strip_prefix("the bounds of asset ").and_then(|at| at.parse::<usize>().ok());
            let symbol = at.and_then(|at| ask.symbols.get(at));
            let (what, reason) = match (symbol, ask.target_volatility) {
                (Some(symbol), _) => (format!("the bounds of {symbol}"), reason),
                (None, Some(target)) if what.contains("volatility") => {
                    let bars = ask.periods_per_year;
                    (format!("target_volatility={target} a year ({what})"), format!("{reason}, at {bars} bars a year"))
                }
                (None, _) if reason.contains("exclude each other") => {
                    (what, format!("{reason}; asked were {}: relax one of them", asked(ask)))
                }
                (None, _) => (what, reason),
            };
            qc_quant::Error::Infeasible { what, reason }.into()
        }
        Refused::Quant(error) => error.into(),
    }
}

/// The conditions of a question, for a message about conditions that cannot all hold.
fn asked(ask: &Ask) -> String {
    let mut all = vec![format!("weights of {} to {}", ask.bounds.lower, ask.bounds.upper)];
    if !ask.short.is_empty() {
        all.push(format!(
            "gross={} and net={} over {} long and {} short",
            ask.gross,
            ask.net,
            ask.symbols.len() - ask.short.len(),
            ask.short.len()
        ));
    }
    all.extend(ask.neutral_to.as_ref().map(|name| format!("beta_neutral_to={name}")));
    all.extend(ask.target_volatility.map(|target| format!("target_volatility={target} (less gross moves less)")));
    all.extend(ask.max_deviation.map(|most| format!("max_deviation={most}")));
    all.join(", ")
}

/// The weights of one rule.
fn weigh(rule: Rule, known: &Estimates, ask: &Ask, progress: &dyn Progress) -> Result<Vec<f64>, Refused> {
    let n = known.mean.len();
    let is_free = ask.bounds == Bounds::LONG_ONLY;
    let refuse = |what: &str| {
        let message = format!("method {} takes no {what}; min_variance and min_cvar do", rule.name());
        Err(Refused::Tool(ToolError::argument(message)))
    };
    match rule {
        Rule::Hrp | Rule::RiskParity if ask.is_general() => {
            refuse("short_symbols, beta_neutral_to, target_volatility or max_deviation")
        }
        Rule::MaxSharpe if ask.is_general() => {
            if ask.short.is_empty() && ask.neutral_to.is_none() && ask.max_deviation.is_none() {
                let covariance = &known.covariance.covariance;
                let best = mean_variance::max_sharpe(&known.mean, covariance, known.rate, ask.bounds)?;
                let target = ask.target_volatility.unwrap_or(f64::INFINITY) / ask.periods_per_year.sqrt();
                if portfolio::volatility(covariance, &best)? <= target {
                    return Ok(best);
                }
                // Below the best portfolio's volatility the ratio grows with volatility along the frontier.
                let conditions = conditions(known, ask, progress)?;
                let found = target_volatility::max_return_watched(&known.mean, covariance, &conditions, progress)?;
                return Ok(found.weights);
            }
            refuse("short_symbols, beta_neutral_to or max_deviation")
        }
        Rule::Hrp | Rule::RiskParity if !is_free => refuse("min_weight or max_weight"),
        Rule::Hrp => Ok(hrp::fit(&known.returns, hrp::Linkage::Single)?.weights),
        Rule::RiskParity => Ok(risk_parity::weights(&known.covariance.covariance, &vec![1.0; n])?),
        Rule::MaxSharpe => {
            Ok(mean_variance::max_sharpe(&known.mean, &known.covariance.covariance, known.rate, ask.bounds)?)
        }
        Rule::MinVariance if !ask.is_general() => {
            Ok(mean_variance::min_variance(&known.covariance.covariance, Some(ask.bounds))?)
        }
        Rule::MinVariance if ask.target_volatility.is_some() => Err(Refused::Tool(ToolError::argument(
            "min_variance has the least volatility there is: target_volatility goes with min_cvar or max_sharpe",
        ))),
        Rule::MinVariance => {
            let conditions = conditions(known, ask, progress)?;
            Ok(target_volatility::min_variance_watched(&known.covariance.covariance, &conditions, progress)?)
        }
        Rule::MinCvar => {
            let conditions = conditions(known, ask, progress)?;
            Ok(min_cvar::fit_watched(&known.returns, ask.confidence, &conditions, progress)?.weights)
        }
    }
}

/// The conditions on the weights.
fn conditions(known: &Estimates, ask: &Ask, progress: &dyn Progress) -> Result<Constraints, Refused> {
    let mut conditions = if ask.short.is_empty() {
        Constraints::invested(known.mean.len(), ask.bounds)?
    } else {
        let side = |symbol: &String| if ask.short.contains(symbol) { Side::Short } else { Side::Long };
        let sides: Vec<Side> = ask.symbols.iter().map(side).collect();
        Constraints::books_with_net(&sides, ask.gross, ask.net, ask.bounds.upper)?
    };
    if let Some(betas) = &known.betas {
        conditions = conditions.neutral_to("beta", betas)?;
    }
    if let Some(target) = ask.target_volatility {
        conditions.max_volatility = Some(target / ask.periods_per_year.sqrt());
        // The same estimate for every rule, and for the volatility that is shown.
        conditions.covariance = Some(known.covariance.covariance.clone());
    }
    if let Some(deviation) = ask.max_deviation {
        let has_books = !ask.short.is_empty();
        let default = if has_books { Rule::MinVariance } else { Rule::Hrp };
        let start = ask.start_from.unwrap_or(default);
        if has_books && !matches!(start, Rule::MinVariance | Rule::MinCvar) {
            let message = format!("start_from={} knows no short book; min_variance and min_cvar do", start.name());
            return Err(Refused::Tool(ToolError::argument(message)));
        }
        let bounds = if has_books { ask.bounds } else { Bounds::LONG_ONLY };
        let near = Ask { neutral_to: None, target_volatility: None, max_deviation: None, bounds, ..ask.clone() };
        conditions = conditions.around(&weigh(start, known, &near, progress)?, deviation)?;
    }
    Ok(conditions)
}

fn shape(
    prices: &Prices,
    known: &Estimates,
    ask: &Ask,
    results: &[(Rule, Vec<f64>)],
    annual_rate: f64,
) -> Result<Found, ToolError> {
    let year = ask.periods_per_year;
    let mut compared = Map::new();
    let mut lines = Vec::new();
    let mut curves: Vec<(&str, Vec<f64>)> = Vec::new();
    for (rule, weights) in results {
        let volatility = portfolio::volatility(&known.covariance.covariance, weights)? * year.sqrt();
        let squares: f64 = weights.iter().map(|w| w * w).sum();
        let expected: f64 = known.mean.iter().zip(weights).map(|(mean, weight)| mean * weight).sum::<f64>() * year;
        let net: f64 = weights.iter().sum();
        let excess = expected - annual_rate * net;
        let sharpe = (0.0 < volatility).then(|| excess / volatility);
        let own = portfolio::returns(&known.returns, weights, Policy::ConstantWeights, 0.0)?;
        let tail = tails::conditional_value_at_risk(own.values(), ask.confidence)?;
        curves.push((rule.name(), equity_curve(own.values())));
        let contributions = risk_parity::contributions(&known.covariance.covariance, weights).ok();
        let beta = known.betas.as_ref().map(|betas| betas.iter().zip(weights).map(|(b, w)| b * w).sum::<f64>());
        let mut facts = json!({
            "optimized_weights": by_symbol(&ask.symbols, weights),
            "expected_return": number(expected),
            "volatility": number(volatility),
            "sharpe_ratio": maybe(sharpe),
            "conditional_value_at_risk": number(tail),
            "effective_assets": number(weights.iter().map(|w| w.abs()).sum::<f64>().powi(2) / squares),
            "diversification_ratio": maybe(diversification_ratio(&known.covariance.covariance, weights).ok()),
            "risk_contributions": contributions.map_or(Value::Null, |values| by_symbol(&ask.symbols, &values)),
            "net_exposure": number(net),
            "gross_exposure": number(weights.iter().map(|w| w.abs()).sum()),
        });
        if let (Some(facts), Some(beta)) = (facts.as_object_mut(), beta) {
            facts.insert("beta".into(), number(beta));
        }
        if let (Some(facts), Rule::Hrp) = (facts.as_object_mut(), rule) {
            facts.insert("clustered_on".into(), json!("sample correlation and variances"));
        }
        lines.push(format!(
            "{}: volatility {} a year, Sharpe {}",
            rule.name(),
            percent(volatility),
            sharpe.map_or("undefined".to_owned(), |s| format!("{s:.2}"))
        ));
        compared.insert(rule.name().to_owned(), facts);
    }
    let mut summary = format!("{} (in sample).", lines.join("; "));
    summary.push('\n');
    summary.push_str(&basis(prices, "simple returns", known.returns.n_rows()));
    let mut brief = Map::new();
    if let ([(rule, _)], Some(Value::Object(facts))) = (results, compared.values().next().cloned()) {
        brief.insert("method".into(), json!(rule.name()));
        brief.extend(facts);
    } else {
        brief.insert("methods".into(), Value::Object(compared));
    }
    brief.insert("covariance".into(), json!(known.estimator));
    if ask.rules.contains(&Rule::MaxSharpe) {
        let errors: Vec<f64> = known
            .returns
            .columns()
            .map(|column| moments::std_dev(column) / (column.len() as f64).sqrt() * year)
            .collect();
        brief.insert("expected_return_std_errors".into(), by_symbol(&ask.symbols, &errors));
        brief.insert(
            "cautions".into(),
            json!(["max_sharpe trusts mean returns of the sample; their standard errors stand beside"]),
        );
    }
    let least = if ask.short.is_empty() { ask.bounds.lower } else { -ask.bounds.upper };
    brief.insert("bounds".into(), json!({"min_weight": least, "max_weight": ask.bounds.upper}));
    brief.insert("confidence".into(), number(ask.confidence));
    brief.insert("risk_free_rate".into(), number(annual_rate));
    brief.insert("periods_per_year".into(), number(year));
    brief.insert("n_observations".into(), json!(known.returns.n_rows()));
    let mut more = Map::new();
    more.insert(
        "units".into(),
        json!({
            "expected_return": "annual, arithmetic mean of the sample, not a forecast", "volatility": "annual",
            "conditional_value_at_risk": "mean loss per bar of the worst share 1 - confidence, positive",
            "effective_assets": "(sum of |w|)^2 / sum of w^2", "risk_contributions": "shares of the variance",
        }),
    );
    let names: Vec<&str> = results.iter().map(|(rule, _)| rule.name()).collect();
    let mut table = Table::new(std::iter::once("symbol").chain(names));
    for (i, symbol) in ask.symbols.iter().enumerate() {
        let cells = results.iter().map(|(_, weights)| weights.get(i).map_or(Cell::Missing, |w| Cell::Number(*w)));
        table.row(std::iter::once(Cell::Text(symbol)).chain(cells)).map_err(super::no_table)?;
    }
    let mut below_axis = vec![pictures::short(&label(prices.panel.first_label()))];
    below_axis.extend(pictures::labels(known.returns.index()));
    let shown: Vec<(&str, &[f64])> = curves.iter().map(|(name, curve)| (*name, curve.as_slice())).collect();
    let title = "Growth with the weights found, in sample".to_owned();
    let line = pictures::below_sample(&summary, prices.panel.n_rows(), known.returns.n_rows());
    let picture = Some(Picture::Line(pictures::growth(title, line, below_axis, &shown)));
    let next = Some("calculate_portfolio_performance with these weights on a later window: figures here are in sample");
    Ok(Found { summary, brief, more, table: Some(table), next, picture, ..Found::default() })
}

fn by_symbol(symbols: &[String], values: &[f64]) -> Value {
    Value::Object(symbols.iter().zip(values).map(|(symbol, value)| (symbol.clone(), number(*value))).collect())
}
