//! Distance correlation of every pair of columns over windows that move through time.
//!
//! A window that moves by one row changes one row and one column of both distance matrices, so sums are carried along
//! in O(window) instead of made anew in O(window²). They are made anew every [`FRESH`] windows, and after a large value
//! has left, so that rounding cannot grow.

use pulp::{Arch, NullaryFnOnce};
use rayon::prelude::*;

use super::require_rows;
use crate::error::{Error, Result};
use crate::panel::{Panel, require_variation};
use crate::progress::{Counter, Progress};
use crate::stats::correlation::{Aggregate, Rolling};

/// Most windows of all pairs times the steps each takes: some minutes on one core.
pub const MOST_STEPS: u64 = 50_000_000_000;
/// Windows after which all sums are made anew.
const FRESH: usize = 64;
/// Sums that have shrunk to this share of their largest value since then hold too much of its rounding.
const SHRUNK: f64 = 1e-4;
/// Running results side by side.
const LANES: usize = 8;

/// One figure for each pair: how its distance correlation stood over all windows.
#[derive(Debug, Clone, PartialEq)]
pub struct RollingPairs {
    /// Symbols in the caller's order.
    pub symbols: Vec<String>,
    /// Windows of each pair.
    pub n_windows: usize,
    /// Row by row above the diagonal; `None` where a column is constant in every window, or in the last for
    /// [`Aggregate::Last`].
    pub values: Vec<Option<f64>>,
}

impl RollingPairs {
    /// The figure of two symbols, in either order.
    ///
    /// # Errors
    /// [`Error::UnknownSymbol`]; a symbol with itself is [`Error::Degenerate`].
    pub fn get(&self, a: &str, b: &str) -> Result<Option<f64>> {
        let at = |name: &str| {
            let unknown = || Error::UnknownSymbol { symbol: name.to_owned(), known: self.symbols.len() };
            self.symbols.iter().position(|symbol| symbol == name).ok_or_else(unknown)
        };
        let (i, j) = (at(a)?, at(b)?);
        if i == j {
            return Err(Error::degenerate("a pair", format!("{a} stands on both sides")));
        }
        let (i, j) = (i.min(j), i.max(j));
        let n = self.symbols.len();
        Ok(self.values.get(i * n - i * (i + 1) / 2 + j - i - 1).copied().flatten())
    }
}

/// Follows every pair of columns over windows of `window` rows, one every `step` rows, the last ending at the last row.
///
/// # Shapes and units
/// Returns, not levels, as [`super::test`]; the figure of each window is its `correlation` (0 to 1).
///
/// # Errors
/// [`Error::TooFewRows`] when the panel is shorter than the window or the window than 5 rows, [`Error::OutOfRange`] for a
/// step of 0, [`Error::TooMuchWork`], [`Error::Cancelled`].
///
/// # Source
/// As [`super::test`]; the sums of a moved window follow from the definition. Checked against
/// [`crate::stats::correlation::rolling`], window by window.
///
/// ```
/// use qc_quant::{Index, Panel, Silent, testing::noise};
/// use qc_quant::stats::{correlation::Aggregate, distance_correlation};
/// let m = noise(1, 200);
/// let near = m.iter().zip(noise(2, 200)).map(|(m, e)| m + 0.1 * e).collect();
/// let panel = Panel::new(vec!["M".into(), "NEAR".into(), "FAR".into()], Index::Rows(200), vec![m, near, noise(3, 200)])?;
/// let found = distance_correlation::rolling_pairs(&panel, 60, 1, Aggregate::Min, &Silent)?;
/// assert!(0.9 < found.get("M", "NEAR")?.unwrap() && found.get("FAR", "M")?.unwrap() < 0.5);
/// # Ok::<(), qc_quant::Error>(())
/// ```
pub fn rolling_pairs(
    panel: &Panel,
    window: usize,
    step: usize,
    aggregate: Aggregate,
    progress: &dyn Progress,
) -> Result<RollingPairs> {
    let (n_rows, n) = (panel.n_rows(), panel.n_symbols());
    if step == 0 {
        return Err(Error::out_of_range("step", 1.0, n_rows as f64, 0.0));
    }
    require_rows(window)?;
    if n_rows < window {
        return Err(Error::too_few_rows("a window", window, n_rows));
    }
    let plan = Plan { window, step, first: window + (n_rows - window) % step, n_rows };
    let pairs: Vec<(usize, usize)> = (0..n).flat_map(|i| (i + 1..n).map(move |j| (i, j))).collect();
    let what = "rolling distance correlations (pairs times windows times rows moved)";
    Error::limit_work(what, MOST_STEPS, &[pairs.len(), plan.n_windows(), window, step.min(window.div_ceil(4))])?;
    let counter = Counter::new(progress, pairs.len() * plan.n_windows())?;
    let own: Vec<Vec<f64>> = (0..n).into_par_iter().map(|i| plan.variances(panel.column(i))).collect();
    let values = pairs
        .par_iter()
        .map_init(Sliding::default, |sliding, &(i, j)| {
            let mut values = Vec::with_capacity(plan.n_windows());
            plan.walk(panel.column(i), panel.column(j), sliding, |at, covariance| {
                let scale = (own[i][at] * own[j][at]).sqrt();
                values.push((0.0 < scale).then(|| (covariance.max(0.0) / scale).sqrt().min(1.0)));
                if at % FRESH == FRESH - 1 { counter.advance(FRESH) } else { Ok(()) }
            })?;
            counter.advance(plan.n_windows() % FRESH)?;
            Ok(Rolling { ends: Vec::new(), values }.aggregate(aggregate))
        })
        .collect::<Result<_>>()?;
    Ok(RollingPairs { symbols: panel.symbols().to_vec(), n_windows: plan.n_windows(), values })
}

/// Which windows there are.
#[derive(Debug, Clone, Copy)]
struct Plan {
    window: usize,
    step: usize,
    /// End of the first window.
    first: usize,
    n_rows: usize,
}

impl Plan {
    fn n_windows(&self) -> usize {
        (self.n_rows - self.first) / self.step + 1
    }

    /// Squared distance variance of each window, the root of which scales a correlation; 0 where the column is constant.
    fn variances(&self, x: &[f64]) -> Vec<f64> {
        let mut found = Vec::with_capacity(self.n_windows());
        let done: Result<()> = self.walk(x, x, &mut Sliding::default(), |at, variance| {
            let end = self.first + at * self.step;
            let varies = require_variation("", &x[end - self.window..end]).is_ok();
            found.push(if varies { variance.max(0.0) } else { 0.0 });
            Ok(())
        });
        debug_assert!(done.is_ok(), "nothing here stops a walk");
        found
    }

    /// Tells the squared distance covariance of each window in turn.
    fn walk(
        &self,
        x: &[f64],
        y: &[f64],
        sliding: &mut Sliding,
        mut tell: impl FnMut(usize, f64) -> Result<()>,
    ) -> Result<()> {
        // From here on it is quicker to begin again than to move row by row.
        let is_far = self.window <= 4 * self.step;
        let mut end = self.first;
        for at in 0..self.n_windows() {
            if at % FRESH == 0 || is_far || sliding.has_shrunk() {
                sliding.begin(&x[end - self.window..end], &y[end - self.window..end], end - self.window);
            }
            tell(at, sliding.covariance())?;
            if is_far || at + 1 == self.n_windows() {
                end += self.step;
                continue;
            }
            for row in end..end + self.step {
                sliding.slide(x[row], y[row], row);
            }
            end += self.step;
        }
        Ok(())
    }
}

/// Sums over the distances within one window; its rows lie in a ring, as no sum asks for their order.
#[derive(Debug, Default)]
struct Sliding {
    x: Vec<f64>,
    y: Vec<f64>,
    /// a(i,.) and b(i,.)
    row_x: Vec<f64>,
    row_y: Vec<f64>,
    /// Σ a(i,j) b(i,j)
    product: f64,
    /// Its largest value since the sums were made anew.
    peak: f64,
}

impl Sliding {
    /// Starts at a window; `row` is where it begins, so that each row of the panel has its place in the ring.
    fn begin(&mut self, x: &[f64], y: &[f64], row: usize) {
        let n = x.len();
        for (to, from) in [(&mut self.x, x), (&mut self.y, y)] {
            to.clear();
            to.extend_from_slice(from);
            to.rotate_right(row % n);
        }
        self.row_x.clear();
        self.row_x.resize(n, 0.0);
        self.row_y.clear();
        self.row_y.resize(n, 0.0);
        Arch::new().dispatch(Begin(self));
        self.peak = self.product;
    }

    /// Takes in a row of the panel in place of the one that is a window older.
    fn slide(&mut self, x: f64, y: f64, row: usize) {
        let slot = row % self.x.len();
        Arch::new().dispatch(Slide { sums: self, slot, x, y });
        self.peak = self.peak.max(self.product);
    }

    fn has_shrunk(&self) -> bool {
        self.product < SHRUNK * self.peak
    }

    /// dCov² of the window.
    fn covariance(&self) -> f64 {
        let n = self.x.len() as f64;
        let (rows, total_x, total_y) = Arch::new().dispatch(Totals(self));
        (self.product - 2.0 * rows / n + total_x * total_y / (n * n)) / (n * n)
    }
}

struct Begin<'a>(&'a mut Sliding);

impl NullaryFnOnce for Begin<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let sums = self.0;
        sums.product = 0.0;
        for i in 0..sums.x.len() {
            let (x, y) = (sums.x[i], sums.y[i]);
            let found = against(&sums.x, &sums.y, x, y);
            (sums.row_x[i], sums.row_y[i]) = (found.x, found.y);
            sums.product += found.product;
        }
    }
}

/// Sums of the distances from one point to all of a window.
struct Distances {
    x: f64,
    y: f64,
    product: f64,
}

#[inline(always)]
fn against(xs: &[f64], ys: &[f64], x: f64, y: f64) -> Distances {
    let (heads_x, tail_x) = xs.as_chunks::<LANES>();
    let (heads_y, tail_y) = ys.as_chunks::<LANES>();
    let mut lanes = [[0.0; LANES]; 3];
    for (head_x, head_y) in heads_x.iter().zip(heads_y) {
        for lane in 0..LANES {
            let (a, b) = ((head_x[lane] - x).abs(), (head_y[lane] - y).abs());
            lanes[0][lane] += a;
            lanes[1][lane] += b;
            lanes[2][lane] += a * b;
        }
    }
    let mut found = Distances { x: gather(lanes[0]), y: gather(lanes[1]), product: gather(lanes[2]) };
    for (other_x, other_y) in tail_x.iter().zip(tail_y) {
        let (a, b) = ((other_x - x).abs(), (other_y - y).abs());
        found.x += a;
        found.y += b;
        found.product += a * b;
    }
    found
}

struct Slide<'a> {
    sums: &'a mut Sliding,
    slot: usize,
    x: f64,
    y: f64,
}

impl NullaryFnOnce for Slide<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let Slide { sums, slot, x, y } = self;
        let (old_x, old_y) = (sums.x[slot], sums.y[slot]);
        let old = against(&sums.x, &sums.y, old_x, old_y);
        sums.x[slot] = x;
        sums.y[slot] = y;
        let new = against(&sums.x, &sums.y, x, y);
        sums.product += 2.0 * (new.product - old.product);
        replace(&mut sums.row_x, &sums.x, old_x, x);
        replace(&mut sums.row_y, &sums.y, old_y, y);
        (sums.row_x[slot], sums.row_y[slot]) = (new.x, new.y);
    }
}

/// Row sums after one point of the window became another.
#[inline(always)]
fn replace(rows: &mut [f64], points: &[f64], old: f64, new: f64) {
    rows.iter_mut().zip(points).for_each(|(row, point)| *row += (point - new).abs() - (point - old).abs());
}

struct Totals<'a>(&'a Sliding);

impl NullaryFnOnce for Totals<'_> {
    /// Σ a(i,.) b(i,.), a(.,.), b(.,.)
    type Output = (f64, f64, f64);

    #[inline(always)]
    fn call(self) -> (f64, f64, f64) {
        let (heads_x, tail_x) = self.0.row_x.as_chunks::<LANES>();
        let (heads_y, tail_y) = self.0.row_y.as_chunks::<LANES>();
        let mut lanes = [[0.0; LANES]; 3];
        for (x, y) in heads_x.iter().zip(heads_y) {
            for lane in 0..LANES {
                lanes[0][lane] += x[lane] * y[lane];
                lanes[1][lane] += x[lane];
                lanes[2][lane] += y[lane];
            }
        }
        let rest: f64 = tail_x.iter().zip(tail_y).map(|(x, y)| x * y).sum();
        (
            gather(lanes[0]) + rest,
            gather(lanes[1]) + tail_x.iter().sum::<f64>(),
            gather(lanes[2]) + tail_y.iter().sum::<f64>(),
        )
    }
}

#[inline(always)]
fn gather(lanes: [f64; LANES]) -> f64 {
    ((lanes[0] + lanes[4]) + (lanes[1] + lanes[5])) + ((lanes[2] + lanes[6]) + (lanes[3] + lanes[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::panel::Index;
    use crate::progress::Silent;
    use crate::stats::correlation::{Method, rolling};
    use crate::testing::noise;

    /// Dependent columns, one of which jumps by a factor of a million for a while, and one that stands still.
    fn panel() -> Panel {
        let m = noise(1, 400);
        let mut wild: Vec<f64> = m.iter().zip(noise(2, 400)).map(|(m, e)| 0.01 * (m + e)).collect();
        wild[90..110].iter_mut().for_each(|r| *r *= 1e6);
        let mut still = noise(3, 400);
        still[150..260].fill(0.5);
        Panel::new(vec!["M".into(), "WILD".into(), "STILL".into()], Index::Rows(400), vec![m, wild, still]).unwrap()
    }

    #[test]
    fn every_window_equals_the_one_computed_by_itself() {
        let panel = panel();
        for (window, step) in [(5, 1), (30, 1), (61, 1), (61, 7), (60, 15), (60, 40), (400, 1), (200, 3)] {
            for (a, b) in [("M", "WILD"), ("WILD", "STILL"), ("STILL", "M")] {
                // single windows begin at the first row, these end at the last
                let ending = panel.slice((panel.n_rows() - window) % step..panel.n_rows()).unwrap();
                let single = rolling(&ending, a, b, Method::Distance, window, step).unwrap();
                for aggregate in [Aggregate::Last, Aggregate::Median, Aggregate::Min, Aggregate::ShareAbove(0.4)] {
                    let all = rolling_pairs(&panel, window, step, aggregate, &Silent).unwrap();
                    assert_eq!(all.n_windows, single.values.len());
                    let (one, other) = (single.aggregate(aggregate), all.get(a, b).unwrap());
                    let is_same = match (one, other) {
                        (Some(one), Some(other)) => (one - other).abs() < 1e-7,
                        (one, other) => one == other,
                    };
                    assert!(is_same, "{a} {b} {window} {step} {aggregate:?}: {one:?} {other:?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_and_a_pair_has_two_sides() {
        let panel = panel();
        let ask = |window, step| rolling_pairs(&panel, window, step, Aggregate::Last, &Silent);
        assert!(matches!(ask(4, 1), Err(Error::TooFewRows { needed: 5, .. })));
        assert!(matches!(ask(401, 1), Err(Error::TooFewRows { needed: 401, found: 400, .. })));
        assert!(matches!(ask(60, 0), Err(Error::OutOfRange { .. })));
        let found = ask(60, 1).unwrap();
        assert!(matches!(found.get("M", "M"), Err(Error::Degenerate { .. })));
        assert!(matches!(found.get("M", "X"), Err(Error::UnknownSymbol { .. })));
        let wide = Panel::new(
            (0..400).map(|i| format!("S{i}")).collect(),
            Index::Rows(4000),
            (0..400).map(|i| noise(i, 4000)).collect(),
        );
        assert!(matches!(
            rolling_pairs(&wide.unwrap(), 500, 1, Aggregate::Last, &Silent),
            Err(Error::TooMuchWork { limit: MOST_STEPS, .. })
        ));
    }
}
