//! Kendall's tau-b in O(T log T), with the normal approximation of its p-value.

use super::distribution::normal_two_sided;

/// tau-b and its two-sided p-value by the normal approximation with ties; both columns vary.
///
/// Knight (1966), JASA 61(314), 436-439: sort by x, count the exchanges that sorting by y needs.
pub(crate) fn tau_b(x: &[f64], y: &[f64]) -> (f64, f64) {
    let n = x.len();
    // adding 0.0 makes -0.0 equal to 0.0 for the sort as well
    let mut rows: Vec<(f64, f64)> = x.iter().zip(y).map(|(x, y)| (x + 0.0, y + 0.0)).collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let ties_x = Ties::count(n, |row| rows[row].0 == rows[row - 1].0);
    let ties_both = Ties::count(n, |row| rows[row] == rows[row - 1]);
    let mut by_y: Vec<f64> = rows.iter().map(|row| row.1).collect();
    let exchanges = sort_counting(&mut by_y, &mut vec![0.0; n]) as f64;
    let ties_y = Ties::count(n, |row| by_y[row] == by_y[row - 1]);

    let pairs = n as f64 * (n as f64 - 1.0) / 2.0;
    let excess = pairs - ties_x.pairs - ties_y.pairs + ties_both.pairs - 2.0 * exchanges; // concordant less discordant
    let tau = excess / ((pairs - ties_x.pairs).sqrt() * (pairs - ties_y.pairs).sqrt());
    let m = n as f64 * (n as f64 - 1.0);
    let mut variance =
        (m * (2.0 * n as f64 + 5.0) - ties_x.weighted - ties_y.weighted) / 18.0 + 2.0 * ties_x.pairs * ties_y.pairs / m;
    if 2 < n {
        variance += ties_x.triples * ties_y.triples / (9.0 * m * (n as f64 - 2.0));
    }
    let p = if 0.0 < variance { normal_two_sided(excess / variance.sqrt()) } else { 1.0 };
    (tau.clamp(-1.0, 1.0), p)
}

/// Sums over groups of t equal values.
struct Ties {
    /// t (t - 1) / 2
    pairs: f64,
    /// t (t - 1) (t - 2)
    triples: f64,
    /// t (t - 1) (2 t + 5)
    weighted: f64,
}

impl Ties {
    fn count(n: usize, equals_previous: impl Fn(usize) -> bool) -> Self {
        let mut ties = Self { pairs: 0.0, triples: 0.0, weighted: 0.0 };
        let mut length = 1.0;
        for row in 1..=n {
            if row < n && equals_previous(row) {
                length += 1.0;
                continue;
            }
            let group = length * (length - 1.0);
            ties.pairs += group / 2.0;
            ties.triples += group * (length - 2.0);
            ties.weighted += group * (2.0 * length + 5.0);
            length = 1.0;
        }
        ties
    }
}

/// Merge sort that counts how often a later value stands before an earlier, larger one.
fn sort_counting(values: &mut [f64], spare: &mut [f64]) -> u64 {
    let n = values.len();
    let mut exchanges = 0;
    let mut width = 1;
    while width < n {
        let mut start = 0;
        while start + width < n {
            let (middle, end) = (start + width, (start + 2 * width).min(n));
            let (mut left, mut right) = (start, middle);
            for slot in &mut spare[start..end] {
                if right < end && (left == middle || values[right] < values[left]) {
                    exchanges += (middle - left) as u64;
                    *slot = values[right];
                    right += 1;
                } else {
                    *slot = values[left];
                    left += 1;
                }
            }
            values[start..end].copy_from_slice(&spare[start..end]);
            start += 2 * width;
        }
        width *= 2;
    }
    exchanges
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::noise;

    #[test]
    fn equals_the_count_over_all_pairs() {
        let round = |seed| noise(seed, 120).iter().map(|v| (v * 3.0).round()).collect::<Vec<f64>>();
        let (x, y) = (round(1), round(2));
        let (mut excess, mut free_x, mut free_y) = (0.0, 0.0, 0.0);
        for i in 0..120 {
            for j in 0..i {
                let (dx, dy) = (x[i] - x[j], y[i] - y[j]);
                excess += if dx * dy == 0.0 { 0.0 } else { (dx * dy).signum() };
                free_x += f64::from(u8::from(dx != 0.0));
                free_y += f64::from(u8::from(dy != 0.0));
            }
        }
        let expected = excess / f64::sqrt(free_x * free_y);
        assert!((tau_b(&x, &y).0 - expected).abs() < 1e-14, "{expected} {}", tau_b(&x, &y).0);
    }
}
