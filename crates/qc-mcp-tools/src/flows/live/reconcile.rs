//! Is a deployment doing what the backtest said? Right orders, the same days, inside the backtest's envelope: each is
//! answered, or it is said why it cannot be.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, civil::Date};
use qc_api::{
    endpoints::live::ReadLiveChart,
    ids::{BacktestId, ProjectId},
    model::{Backtest, LiveAlgorithm, Order, OrderStatus},
};
use qc_quant::{
    performance::{drawdown, equity_curve},
    stats::{
        correlation::{self, Method},
        moments::{mean, std_dev},
    },
};
use serde::Serialize;

use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    flows::backtest::{self, Orders, Run},
    own,
};

/// Fewer common days say nothing about how alike two paths are.
const FEWEST_DAYS: usize = 5;
/// Fewer windows of a backtest are no envelope.
const FEWEST_WINDOWS: usize = 20;
/// A share of windows beyond which a result is outside.
const RARE: f64 = 0.05;
/// Days that agree this well are the same strategy.
const ALIKE: f64 = 0.8;
/// Share of orders that has to be found on the other side.
const FOUND: f64 = 0.9;

/// What was found.
#[derive(Debug)]
pub(crate) struct Reconciled {
    pub(crate) live: LiveAlgorithm,
    pub(crate) backtest: Backtest,
    pub(crate) live_days: usize,
    pub(crate) orders: OrderCheck,
    pub(crate) days: Option<DayCheck>,
    pub(crate) envelope: Option<Envelope>,
}

/// An answer to a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// There is too little to tell.
    CannotTell,
}

/// Orders of both on the days both cover; of all days where they share none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OrderCheck {
    pub(crate) verdict: Verdict,
    /// Days both cover.
    pub(crate) common_days: usize,
    /// Fills of the deployment there, and of the backtest.
    pub(crate) live_fills: usize,
    pub(crate) backtest_fills: usize,
    /// Those of the same day, security and side on both sides.
    pub(crate) matched: usize,
    /// Mean cost of the deployment's prices beside the backtest's, in basis points; above zero it paid more.
    pub(crate) slippage_bps: Option<f64>,
    /// Securities that the deployment traded and the backtest never did.
    #[serde(skip)]
    pub(crate) strangers: Vec<String>,
    /// Fills a day, of both over all their days.
    pub(crate) live_fills_a_day: Option<f64>,
    pub(crate) backtest_fills_a_day: Option<f64>,
}

/// Returns of the days both have.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct DayCheck {
    pub(crate) verdict: Verdict,
    pub(crate) days: usize,
    pub(crate) correlation: Option<f64>,
    pub(crate) live_return: f64,
    pub(crate) backtest_return: f64,
    /// Standard deviation of the differences of a day.
    pub(crate) daily_tracking_error: f64,
}

/// Where the deployment's path lies among stretches of the backtest that are as long.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Envelope {
    pub(crate) verdict: Verdict,
    pub(crate) days: usize,
    pub(crate) windows: usize,
    pub(crate) live_return: f64,
    /// Share of stretches that returned no more.
    pub(crate) share_of_windows_below: f64,
    pub(crate) live_fall: f64,
    /// Share of stretches that fell as deep or deeper.
    pub(crate) share_of_windows_as_deep: f64,
}

/// A fill, as far as it is compared.
#[derive(Debug, Clone, PartialEq)]
struct Fill {
    day: Date,
    symbol: String,
    is_buy: bool,
    price: f64,
}

/// Reads both sides and compares them.
///
/// # Errors
/// What the service says; [`Kind::NotFound`] for a project that was never deployed.
pub(crate) async fn reconcile(
    ctx: &Ctx,
    project_id: ProjectId,
    backtest_id: BacktestId,
) -> Result<Reconciled, ToolError> {
    let (live, _) = super::read(&ctx.door, project_id, None).await?;
    let Some(launched) = live.launched else {
        let message = format!("project {project_id} has no deployment that was launched");
        return Err(ToolError::new(Kind::NotFound, Topic::Live, message));
    };
    ctx.progress.report(1.0, Some(5.0), "the deployment is read");
    let now = ctx.door.now().await?;
    let end = live.stopped.unwrap_or(now);
    let live_equity = live_days(ctx, project_id, launched, end).await?;
    ctx.progress.report(2.0, Some(5.0), "its equity is read");
    let live_orders = super::all::<Orders>(&ctx.door, &ctx.progress, project_id).await?;
    ctx.progress.report(3.0, Some(5.0), "its orders are read");
    let run = Run { project_id, backtest_id };
    let found = backtest::read(&ctx.door, &run).await?;
    let equity = own::equity_of(ctx, &run, &found, false).await?;
    let orders = backtest::all::<Orders>(&ctx.door, &run, &ctx.progress).await?.rows;
    ctx.progress.report(4.0, Some(5.0), "the backtest is read");
    let since = |fill: &Fill| own::day_of(launched).is_ok_and(|first| first <= fill.day);
    let live_fills: Vec<Fill> = live_orders.iter().filter_map(fill_of).filter(since).collect();
    let backtest_fills: Vec<Fill> = orders.iter().filter_map(fill_of).collect();
    Ok(Reconciled {
        live_days: live_equity.len(),
        orders: compare_orders(&live_fills, &backtest_fills, &live_equity, &equity),
        days: compare_days(&live_equity, &equity),
        envelope: envelope(&live_equity, &equity),
        live,
        backtest: found,
    })
}

async fn live_days(
    ctx: &Ctx,
    project_id: ProjectId,
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<(Date, f64)>, ToolError> {
    const DAY: i64 = 86_400;
    let request = ReadLiveChart {
        project_id,
        name: "Strategy Equity".to_owned(),
        count: 4_000,
        start: from.as_second() - DAY,
        end: to.as_second() + DAY,
    };
    let chart = super::chart(&ctx.door, &ctx.progress, &request).await?;
    own::equity_days(&chart)
}

fn fill_of(order: &Order) -> Option<Fill> {
    let is_filled = matches!(order.status, Some(OrderStatus::Filled | OrderStatus::PartiallyFilled));
    let quantity = order.quantity.filter(|quantity| is_filled && *quantity != 0.0)?;
    let price = order.price.filter(|price| price.is_finite() && 0.0 < *price)?;
    let at = order.last_fill_time.or(order.placed())?;
    Some(Fill { day: own::day_of(at).ok()?, symbol: order.symbol.name().to_owned(), is_buy: 0.0 < quantity, price })
}

fn compare_orders(live: &[Fill], backtest: &[Fill], live_days: &[(Date, f64)], days: &[(Date, f64)]) -> OrderCheck {
    let of = |days: &[(Date, f64)]| -> BTreeSet<Date> { days.iter().map(|(day, _)| *day).collect() };
    let common: BTreeSet<Date> = of(live_days).intersection(&of(days)).copied().collect();
    let within =
        |fills: &[Fill]| -> Vec<Fill> { fills.iter().filter(|fill| common.contains(&fill.day)).cloned().collect() };
    let (own, other) = (within(live), within(backtest));
    let mut left: BTreeMap<(Date, String, bool), Vec<f64>> = BTreeMap::new();
    for fill in &other {
        left.entry((fill.day, fill.symbol.clone(), fill.is_buy)).or_default().push(fill.price);
    }
    let mut costs = Vec::new();
    for fill in &own {
        let found = left.get_mut(&(fill.day, fill.symbol.clone(), fill.is_buy)).and_then(Vec::pop);
        if let Some(price) = found {
            let sign = if fill.is_buy { 1.0 } else { -1.0 };
            costs.push(sign * (fill.price / price - 1.0) * 1e4);
        }
    }
    let known: BTreeSet<&str> = backtest.iter().map(|fill| fill.symbol.as_str()).collect();
    let strangers: BTreeSet<String> =
        live.iter().filter(|fill| !known.contains(fill.symbol.as_str())).map(|fill| fill.symbol.clone()).collect();
    let most = own.len().max(other.len());
    let verdict = match (common.len(), most) {
        _ if !strangers.is_empty() => Verdict::No,
        (0, _) | (_, 0) => Verdict::CannotTell,
        _ if FOUND * most as f64 <= costs.len() as f64 => Verdict::Yes,
        _ => Verdict::No,
    };
    let a_day = |fills: &[Fill], days: usize| (0 < days).then(|| fills.len() as f64 / days as f64);
    OrderCheck {
        verdict,
        common_days: common.len(),
        live_fills: own.len(),
        backtest_fills: other.len(),
        matched: costs.len(),
        slippage_bps: (!costs.is_empty()).then(|| mean(&costs)),
        strangers: strangers.into_iter().collect(),
        live_fills_a_day: a_day(live, live_days.len()),
        backtest_fills_a_day: a_day(backtest, days.len()),
    }
}

/// Returns of the days both have, from the last day both have to the next.
fn compare_days(live: &[(Date, f64)], backtest: &[(Date, f64)]) -> Option<DayCheck> {
    let other: BTreeMap<Date, f64> = backtest.iter().copied().collect();
    let both: Vec<(f64, f64)> = live.iter().filter_map(|(day, value)| Some((*value, *other.get(day)?))).collect();
    let steps = |of: fn(&(f64, f64)) -> f64| -> Vec<f64> {
        both.iter().zip(both.iter().skip(1)).map(|(before, now)| of(now) / of(before) - 1.0).collect()
    };
    let (own, theirs) = (steps(|both| both.0), steps(|both| both.1));
    if own.len() < FEWEST_DAYS || !own.iter().chain(&theirs).all(|step| step.is_finite()) {
        return None;
    }
    let gaps: Vec<f64> = own.iter().zip(&theirs).map(|(own, other)| own - other).collect();
    let total = |steps: &[f64]| steps.iter().fold(1.0, |all, step| all * (1.0 + step)) - 1.0;
    let correlation = correlation::pair(&own, &theirs, Method::Pearson).ok().map(|found| found.value);
    let verdict = match correlation {
        Some(rho) if ALIKE <= rho => Verdict::Yes,
        Some(_) => Verdict::No,
        None => Verdict::CannotTell,
    };
    Some(DayCheck {
        verdict,
        days: own.len(),
        correlation,
        live_return: total(&own),
        backtest_return: total(&theirs),
        daily_tracking_error: std_dev(&gaps),
    })
}

/// Where the whole live path lies among all stretches of the backtest of as many days.
fn envelope(live: &[(Date, f64)], backtest: &[(Date, f64)]) -> Option<Envelope> {
    let steps = |days: &[(Date, f64)]| -> Vec<f64> {
        days.iter().zip(days.iter().skip(1)).map(|(before, now)| now.1 / before.1 - 1.0).collect()
    };
    let (own, theirs) = (steps(live), steps(backtest));
    let n = own.len();
    if n < FEWEST_DAYS || theirs.len() < n + FEWEST_WINDOWS || !own.iter().chain(&theirs).all(|step| step.is_finite()) {
        return None;
    }
    let of = |steps: &[f64]| -> (f64, f64) {
        let curve = equity_curve(steps);
        let total = curve.last().copied().unwrap_or(1.0) - 1.0;
        (total, drawdown::underwater(&curve).into_iter().fold(0.0, f64::min))
    };
    let (live_return, live_fall) = of(&own);
    let windows: Vec<(f64, f64)> = theirs.windows(n).map(of).collect();
    let share =
        |is: &dyn Fn(&(f64, f64)) -> bool| windows.iter().filter(|one| is(one)).count() as f64 / windows.len() as f64;
    let below = share(&|one| one.0 <= live_return);
    let as_deep = share(&|one| one.1 <= live_fall);
    // As good as no other stretch is no complaint, but it is not what the backtest said either.
    let is_inside = RARE <= below && RARE <= 1.0 - below + f64::EPSILON && RARE <= as_deep;
    Some(Envelope {
        verdict: if is_inside { Verdict::Yes } else { Verdict::No },
        days: n,
        windows: windows.len(),
        live_return,
        share_of_windows_below: below,
        live_fall,
        share_of_windows_as_deep: as_deep,
    })
}

#[cfg(test)]
mod tests {
    use jiff::{ToSpan, civil::date};

    use super::*;

    fn path(from: i64, steps: &[f64]) -> Vec<(Date, f64)> {
        let day = |at: i64| date(2024, 1, 1).checked_add(at.days()).unwrap();
        let mut value = 100.0;
        let mut days = vec![(day(from), value)];
        for (at, step) in (1..).zip(steps) {
            value *= 1.0 + step;
            days.push((day(from + at), value));
        }
        days
    }

    fn wave(n: usize) -> Vec<f64> {
        (0..n).map(|at| ((at as f64) * 1.7).sin() / 100.0).collect()
    }

    #[test]
    fn days_in_common_are_compared_and_a_stranger_is_not_alike() {
        let steps = wave(40);
        let noisy: Vec<f64> = steps.iter().enumerate().map(|(at, step)| step + (at as f64).cos() / 5_000.0).collect();
        let found = compare_days(&path(0, &noisy), &path(0, &steps)).unwrap();
        assert_eq!((found.verdict, found.days), (Verdict::Yes, 40));
        let other: Vec<f64> = steps.iter().map(|step| -step).collect();
        assert_eq!(compare_days(&path(0, &other), &path(0, &steps)).unwrap().verdict, Verdict::No);
        assert!(compare_days(&path(0, &steps), &path(100, &steps)).is_none(), "no common day");
    }

    #[test]
    fn a_path_is_inside_or_outside_of_what_the_backtest_had() {
        let backtest = path(-400, &wave(300));
        // A stretch of its own whose total is the middle one.
        let totals = |from: usize| wave(300)[from..from + 20].iter().sum::<f64>();
        let mut order: Vec<usize> = (0..280).collect();
        order.sort_by(|a, b| totals(*a).total_cmp(&totals(*b)));
        let middle = order[140];
        let usual = envelope(&path(0, &wave(300)[middle..middle + 20]), &backtest).unwrap();
        assert_eq!((usual.verdict, usual.days), (Verdict::Yes, 20), "{usual:?}");
        let crash = envelope(&path(0, &[-0.05; 10]), &backtest).unwrap();
        assert_eq!((crash.verdict, crash.share_of_windows_as_deep, crash.windows), (Verdict::No, 0.0, 291));
        assert!(envelope(&path(0, &wave(290)), &backtest).is_none(), "too few stretches");
    }

    #[test]
    fn orders_are_matched_by_day_security_and_side() {
        let days = path(0, &wave(10));
        let day = |at: usize| days[at].0;
        let fill = |at: usize, symbol: &str, is_buy, price| Fill { day: day(at), symbol: symbol.into(), is_buy, price };
        let backtest = [fill(1, "SPY", true, 100.0), fill(2, "KO", false, 50.0), fill(3, "KO", true, 50.0)];
        let live = [fill(1, "SPY", true, 100.1), fill(2, "KO", false, 49.95), fill(3, "KO", true, 50.0)];
        let found = compare_orders(&live, &backtest, &days, &days);
        assert_eq!((found.verdict, found.matched, found.common_days), (Verdict::Yes, 3, 11));
        assert!((found.slippage_bps.unwrap() - 20.0 / 3.0).abs() < 1e-6, "{found:?}");
        let wrong = [fill(1, "SPY", false, 100.0), fill(2, "KO", false, 50.0)];
        assert_eq!(compare_orders(&wrong, &backtest, &days, &days).verdict, Verdict::No);
        let odd = compare_orders(&[fill(1, "GME", true, 5.0)], &backtest, &days, &days);
        assert_eq!((odd.verdict, odd.strangers), (Verdict::No, vec!["GME".to_owned()]));
        assert_eq!(compare_orders(&live, &backtest, &days, &path(500, &wave(10))).verdict, Verdict::CannotTell);
    }
}
