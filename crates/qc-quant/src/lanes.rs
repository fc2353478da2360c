//! Inner products, sums and extremes in sixteen running lanes, on the widest registers this machine has.
//!
//! The lanes are added in one fixed order and no product is fused with a sum, so that the width of
//! the registers changes how long it takes and not one bit of the answer.

use pulp::{Arch, NullaryFnOnce};

/// Running results side by side: enough to hide the latency of an addition in the widest registers.
const LANES: usize = 16;

/// Below this length the choice of registers costs more than it saves.
const SHORT: usize = 64;

/// Inner product of the rows that both columns have.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let n = a.len().min(b.len());
    let op = Dot(&a[..n], &b[..n]);
    if n < SHORT { op.call() } else { Arch::new().dispatch(op) }
}

/// Sum of a column.
pub(crate) fn sum(values: &[f64]) -> f64 {
    if values.len() < SHORT { Sum(values).call() } else { Arch::new().dispatch(Sum(values)) }
}

/// Sum of the deviations from `centre`, and of their squares.
pub(crate) fn deviations(values: &[f64], centre: f64) -> (f64, f64) {
    let op = Deviations(values, centre);
    if values.len() < SHORT { op.call() } else { Arch::new().dispatch(op) }
}

/// Smallest and largest value; `(inf, -inf)` for none. NaN is passed over.
pub(crate) fn extremes(values: &[f64]) -> (f64, f64) {
    if values.len() < SHORT { Extremes(values).call() } else { Arch::new().dispatch(Extremes(values)) }
}

/// Whether every value is finite.
pub(crate) fn all_finite(values: &[f64]) -> bool {
    if values.len() < SHORT { Finite(values).call() } else { Arch::new().dispatch(Finite(values)) }
}

/// `to` plus `factor` times `from`, row by row.
pub(crate) fn add_scaled(to: &mut [f64], factor: f64, from: &[f64]) {
    let op = AddScaled(to, factor, from);
    if op.0.len() < SHORT { op.call() } else { Arch::new().dispatch(op) }
}

struct Dot<'a>(&'a [f64], &'a [f64]);
struct Sum<'a>(&'a [f64]);
struct Deviations<'a>(&'a [f64], f64);
struct Extremes<'a>(&'a [f64]);
struct Finite<'a>(&'a [f64]);
struct AddScaled<'a>(&'a mut [f64], f64, &'a [f64]);

impl NullaryFnOnce for Dot<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let (heads_a, tail_a) = self.0.as_chunks::<LANES>();
        let (heads_b, tail_b) = self.1.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for (x, y) in heads_a.iter().zip(heads_b) {
            for lane in 0..LANES {
                lanes[lane] += x[lane] * y[lane];
            }
        }
        gather(lanes) + tail_a.iter().zip(tail_b).map(|(x, y)| x * y).sum::<f64>()
    }
}

impl NullaryFnOnce for Sum<'_> {
    type Output = f64;

    #[inline(always)]
    fn call(self) -> f64 {
        let (heads, tail) = self.0.as_chunks::<LANES>();
        let mut lanes = [0.0; LANES];
        for head in heads {
            for lane in 0..LANES {
                lanes[lane] += head[lane];
            }
        }
        gather(lanes) + tail.iter().sum::<f64>()
    }
}

impl NullaryFnOnce for Deviations<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn call(self) -> (f64, f64) {
        let (heads, tail) = self.0.as_chunks::<LANES>();
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        for head in heads {
            for lane in 0..LANES {
                let deviation = head[lane] - self.1;
                first[lane] += deviation;
                second[lane] += deviation * deviation;
            }
        }
        let (mut first, mut second) = (gather(first), gather(second));
        for value in tail {
            first += value - self.1;
            second += (value - self.1) * (value - self.1);
        }
        (first, second)
    }
}

impl NullaryFnOnce for Extremes<'_> {
    type Output = (f64, f64);

    #[inline(always)]
    fn call(self) -> (f64, f64) {
        let (heads, tail) = self.0.as_chunks::<LANES>();
        let (mut low, mut high) = ([f64::INFINITY; LANES], [f64::NEG_INFINITY; LANES]);
        for head in heads {
            for lane in 0..LANES {
                low[lane] = if head[lane] < low[lane] { head[lane] } else { low[lane] };
                high[lane] = if high[lane] < head[lane] { head[lane] } else { high[lane] };
            }
        }
        let low = low.iter().chain(tail).copied().fold(f64::INFINITY, f64::min);
        let high = high.iter().chain(tail).copied().fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    }
}

impl NullaryFnOnce for Finite<'_> {
    type Output = bool;

    #[inline(always)]
    fn call(self) -> bool {
        let (heads, tail) = self.0.as_chunks::<LANES>();
        // zero times a finite number is zero, times anything else NaN
        let mut lanes = [0.0; LANES];
        for head in heads {
            for lane in 0..LANES {
                lanes[lane] += 0.0 * head[lane];
            }
        }
        lanes.iter().all(|lane| *lane == 0.0) && tail.iter().all(|value| value.is_finite())
    }
}

impl NullaryFnOnce for AddScaled<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        self.0.iter_mut().zip(self.2).for_each(|(to, from)| *to += self.1 * from);
    }
}

#[inline(always)]
fn gather(lanes: [f64; LANES]) -> f64 {
    let mut eight = [0.0; LANES / 2];
    for lane in 0..LANES / 2 {
        eight[lane] = lanes[lane] + lanes[lane + LANES / 2];
    }
    ((eight[0] + eight[4]) + (eight[1] + eight[5])) + ((eight[2] + eight[6]) + (eight[3] + eight[7]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn the_width_of_the_registers_changes_no_bit() {
        for n in [64, 65, 79, 80, 1001] {
            let (a, b) = (noise(1, n), noise(2, n));
            assert_eq!(dot(&a, &b).to_bits(), Dot(&a, &b).call().to_bits());
            assert_eq!(sum(&a).to_bits(), Sum(&a).call().to_bits());
            assert_eq!(deviations(&a, 0.1), Deviations(&a, 0.1).call());
            let (mut wide, mut narrow) = (a.clone(), a);
            add_scaled(&mut wide, 0.3, &b);
            AddScaled(&mut narrow, 0.3, &b).call();
            assert_eq!(wide, narrow);
        }
    }

    #[test]
    fn every_row_counts_once() {
        for n in [0, 1, 15, 16, 17, 63, 64, 100, 1001] {
            let rows: Vec<f64> = (1..=n).map(|row| row as f64).collect();
            let total = (n * (n + 1) / 2) as f64;
            assert_eq!(sum(&rows), total);
            assert_eq!(dot(&rows, &vec![2.0; n]), 2.0 * total);
            assert_eq!(deviations(&rows, 1.0).0, total - n as f64);
            assert_eq!(deviations(&rows, 0.0).1, rows.iter().map(|row| row * row).sum::<f64>());
            let expected = if n == 0 { (f64::INFINITY, f64::NEG_INFINITY) } else { (1.0, n as f64) };
            assert_eq!(extremes(&rows), expected);
        }
    }

    #[test]
    fn one_value_that_is_not_finite_is_found_wherever_it_stands() {
        for n in [1, 16, 64, 100] {
            assert!(all_finite(&vec![f64::MAX; n]));
            for row in 0..n {
                for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                    let mut values = vec![1.0; n];
                    values[row] = odd;
                    assert!(!all_finite(&values), "{odd} at {row} of {n}");
                }
            }
        }
    }
}
