//! What happens inside a day: the path between two closes, its bars of an hour or a quarter of one, and their minutes.

use jiff::civil::Date;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::listings::{Listing, Source};
use super::prices::{Bar, cents, normal, stream};

/// Standard deviation of what happens before the open, per unit of the day's own.
const OVERNIGHT: f64 = 0.4;
/// Minutes of a quarter of an hour.
const QUARTER: usize = 15;
/// Minutes from the opening bell to the first full hour.
const FIRST_SLOT: usize = 30;
const HOUR: usize = 60;

/// How wild a day is and how much is traded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    /// Standard deviation of the day's path.
    pub(super) sigma: f64,
    /// Dollars traded on an ordinary day.
    pub(super) turnover: f64,
}

/// A day of a listing whose quarters of an hour are drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Day {
    pub(super) seed: u64,
    pub(super) listing: &'static Listing,
    pub(super) date: Date,
    pub(super) quarters: usize,
}

impl Day {
    /// Log prices over yesterday's close at the open and after each quarter of an hour; the last one is `total`. A twin
    /// walks with the one it follows (whose day makes its first number), `before` log units apart at the last close.
    pub(super) fn points(&self, total: f64, twin: Option<(f64, f64)>) -> Vec<f64> {
        let walk = |ticker: &str, total: f64| {
            let mut rng = stream(self.seed, &format!("{ticker} {}", self.date));
            walk(&mut rng, total, 0.6 * total.abs() + 0.006, self.quarters)
        };
        let (Some((led, before)), Source::Twin { of, spread, half_life }) = (twin, self.listing.source) else {
            return walk(self.listing.ticker, total);
        };
        let mut rng = stream(self.seed, &format!("{} {}", self.listing.ticker, self.date));
        let theta = std::f64::consts::LN_2 / half_life;
        let apart = returning(&mut rng, (before, before + total - led), spread, theta, self.quarters);
        walk(of, led).iter().zip(apart).map(|(leader, apart)| leader + apart - before).collect()
    }
}

/// A path of an Ornstein-Uhlenbeck process over one unit of time between two known ends: drawn forward, then bent to its
/// end by the regression of each point on the last one, which is the exact bridge.
fn returning(rng: &mut Xoshiro256PlusPlus, (start, end): (f64, f64), sigma: f64, theta: f64, steps: usize) -> Vec<f64> {
    let step = theta / steps as f64;
    let (keep, shock) = ((-step).exp(), sigma * (1.0 - (-2.0 * step).exp()).sqrt());
    let mut at = start;
    let mut path = vec![start];
    for _ in 0..steps {
        at = keep * at + shock * normal(rng);
        path.push(at);
    }
    let miss = end - at;
    let share = |i: usize| {
        let t = step * i as f64;
        (-(theta - t)).exp() * (1.0 - (-2.0 * t).exp()) / (1.0 - (-2.0 * theta).exp())
    };
    path.iter().enumerate().map(|(i, x)| x + miss * share(i)).collect()
}

/// Log prices over yesterday's close at the open and after each step: a random walk pulled to its end (a bridge).
pub(super) fn walk(rng: &mut Xoshiro256PlusPlus, total: f64, sigma: f64, steps: usize) -> Vec<f64> {
    let n = steps as f64;
    let step_sigma = sigma / n.sqrt();
    let mut walk = Vec::with_capacity(steps + 1);
    let mut at = OVERNIGHT * sigma * normal(rng);
    walk.push(at);
    for _ in 0..steps {
        at += step_sigma * normal(rng);
        walk.push(at);
    }
    // Spread the difference over the whole path, so that the last point is the close.
    let miss = total - at;
    walk.iter().enumerate().map(|(i, x)| x + miss * (i as f64 + 1.0) / (n + 1.0)).collect()
}

/// Bars along a path.
pub(super) fn bars(rng: &mut Xoshiro256PlusPlus, previous: f64, points: &[f64], shape: Shape) -> Vec<Bar> {
    let n = points.len().saturating_sub(1) as f64;
    let step_sigma = shape.sigma / n.sqrt();
    let points: Vec<f64> = points.iter().map(|x| previous * x.exp()).collect();
    let busy = (0.3 * normal(rng)).exp() * (1.0 + 20.0 * shape.sigma) * shape.turnover / n;
    points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(open, close)| {
            let up = (step_sigma * 0.5 * normal(rng).abs()).exp();
            let down = (-step_sigma * 0.5 * normal(rng).abs()).exp();
            Bar {
                open: cents(*open),
                high: cents(open.max(*close) * up),
                low: cents(open.min(*close) * down),
                close: cents(*close),
                volume: (busy * (0.2 * normal(rng)).exp() / close).round(),
            }
        })
        .collect()
}

/// Bars that follow each other as one.
pub(super) fn merged(bars: &[Bar]) -> Option<Bar> {
    let (first, last) = (bars.first()?, bars.last()?);
    Some(Bar {
        open: first.open,
        high: bars.iter().fold(first.high, |high, bar| high.max(bar.high)),
        low: bars.iter().fold(first.low, |low, bar| low.min(bar.low)),
        close: last.close,
        volume: bars.iter().map(|bar| bar.volume).sum(),
    })
}

/// The hours of a day of quarters: half an hour first, then four quarters each.
pub(super) fn hours_of(quarters: &[Bar]) -> Vec<Bar> {
    let (first, rest) = quarters.split_at_checked(FIRST_SLOT / QUARTER).unwrap_or((quarters, &[]));
    std::iter::once(first).chain(rest.chunks(HOUR / QUARTER)).filter_map(merged).collect()
}

/// Where in a day a bar lies: (minutes since midnight, how many).
pub(super) fn slot_of_hour(hour: i8) -> (usize, usize) {
    match hour {
        ..=9 => (9 * HOUR + FIRST_SLOT, FIRST_SLOT),
        _ => (usize::from(hour.unsigned_abs()) * HOUR, HOUR),
    }
}

/// The same of a quarter of an hour since the opening bell.
pub(super) fn slot_of_quarter(quarter: usize) -> (usize, usize) {
    (9 * HOUR + FIRST_SLOT + quarter * QUARTER, QUARTER)
}

/// The minutes of a longer bar. Together they are that bar again, to the cent and the share.
pub(super) fn minutes_of(rng: &mut Xoshiro256PlusPlus, bar: &Bar, n: usize) -> Vec<Bar> {
    let step = ((bar.high - bar.low) / bar.open / (n as f64).sqrt()).max(1e-6);
    let mut at = 0.0;
    let walk: Vec<f64> = std::iter::once(0.0)
        .chain((0..n).map(|_| {
            at += step * normal(rng);
            at
        }))
        .collect();
    let miss = (bar.close / bar.open).ln() - at;
    let point =
        |(i, x): (usize, &f64)| cents(bar.open * (x + miss * i as f64 / n as f64).exp()).clamp(bar.low, bar.high);
    let mut points: Vec<f64> = walk.iter().enumerate().map(point).collect();
    if let Some(last) = points.last_mut() {
        *last = bar.close;
    }
    let share = (bar.volume / n as f64).floor();
    let mut minutes: Vec<Bar> = points
        .iter()
        .zip(points.iter().skip(1))
        .map(|(open, close)| Bar {
            open: *open,
            high: open.max(*close),
            low: open.min(*close),
            close: *close,
            volume: share,
        })
        .collect();
    // The highest minute reaches the bar's high, the lowest its low, the first takes what the others leave.
    if let Some(highest) = minutes.iter_mut().max_by(|a, b| a.high.total_cmp(&b.high)) {
        highest.high = bar.high;
    }
    if let Some(lowest) = minutes.iter_mut().min_by(|a, b| a.low.total_cmp(&b.low)) {
        lowest.low = bar.low;
    }
    if let Some(first) = minutes.first_mut() {
        first.volume = bar.volume - share * (n as f64 - 1.0);
    }
    minutes
}
