//! Hamilton's filter, Kim's smoother, a step of expectation and maximisation, and the gradient of the likelihood.

use super::{EM_STEPS, FLOOR, Regimes};

/// Probabilities of one pass over the data.
#[derive(Default)]
pub(super) struct Filter {
    pub(super) predicted: Vec<[f64; 2]>,
    pub(super) filtered: Vec<[f64; 2]>,
    pub(super) smoothed: Vec<[f64; 2]>,
}

impl Filter {
    /// Forward pass; the log likelihood.
    pub(super) fn run(&mut self, values: &[f64], regimes: &Regimes) -> f64 {
        let Regimes { mean, std_dev, stay } = *regimes;
        let constant = std_dev.map(|s| -0.5 * (2.0 * std::f64::consts::PI).ln() - s.ln());
        self.predicted.clear();
        self.filtered.clear();
        let mut total = 0.0;
        let mut ahead = regimes.long_run_share().unwrap_or([0.5; 2]);
        for value in values {
            let log = |k: usize| {
                let z = (value - mean[k]) / std_dev[k];
                constant[k] - 0.5 * z * z
            };
            let (a, b) = (log(0), log(1));
            let top = a.max(b);
            let (a, b) = ((a - top).exp() * ahead[0], (b - top).exp() * ahead[1]);
            let sum = a + b;
            total += top + sum.ln();
            let now = [a / sum, b / sum];
            self.predicted.push(ahead);
            self.filtered.push(now);
            ahead[0] = stay[0] * now[0] + (1.0 - stay[1]) * now[1];
            ahead[1] = (1.0 - stay[0]) * now[0] + stay[1] * now[1];
        }
        total
    }

    /// Backward pass.
    pub(super) fn smooth(&mut self, regimes: &Regimes) {
        let [p, q] = regimes.stay;
        let n = self.filtered.len();
        self.smoothed.clear();
        self.smoothed.resize(n, [0.0; 2]);
        let Some(mut later) = self.filtered.last().copied() else { return };
        self.smoothed[n - 1] = later;
        for t in (0..n - 1).rev() {
            let next = self.predicted[t + 1];
            let (a, b) = (ratio(later[0], next[0]), ratio(later[1], next[1]));
            later = [self.filtered[t][0] * (p * a + (1.0 - p) * b), self.filtered[t][1] * ((1.0 - q) * a + q * b)];
            self.smoothed[t] = later;
        }
    }

    /// Expected moves: stayed in 0, left 0, stayed in 1, left 1.
    pub(super) fn moves(&self, regimes: &Regimes) -> [f64; 4] {
        let [p, q] = regimes.stay;
        let mut moves = [0.0; 4];
        for t in 0..self.filtered.len() - 1 {
            let (now, next, later) = (self.filtered[t], self.predicted[t + 1], self.smoothed[t + 1]);
            let (a, b) = (ratio(later[0], next[0]), ratio(later[1], next[1]));
            moves[0] += now[0] * p * a;
            moves[1] += now[0] * (1.0 - p) * b;
            moves[2] += now[1] * q * b;
            moves[3] += now[1] * (1.0 - q) * a;
        }
        moves
    }

    /// Some steps of expectation and maximisation; the likelihood before the last of them.
    pub(super) fn improve(&mut self, values: &[f64], start: Regimes) -> (f64, Regimes) {
        let (mut best, mut regimes) = ((f64::NEG_INFINITY, start), start);
        for _ in 0..EM_STEPS {
            let likelihood = self.run(values, &regimes);
            if !likelihood.is_finite() || likelihood < best.0 - 1.0 {
                break;
            }
            best = (likelihood, regimes);
            self.smooth(&regimes);
            let [stayed0, left0, stayed1, left1] = self.moves(&regimes);
            let mut next = regimes;
            for k in 0..2 {
                let weight: f64 = self.smoothed.iter().map(|s| s[k]).sum::<f64>().max(1e-9);
                let average = self.smoothed.iter().zip(values).map(|(s, v)| s[k] * v).sum::<f64>() / weight;
                let square = |(s, v): (&[f64; 2], &f64)| s[k] * (v - average) * (v - average);
                let variance = self.smoothed.iter().zip(values).map(square).sum::<f64>() / weight;
                next.mean[k] = average;
                next.std_dev[k] = variance.sqrt().max(1.01 * FLOOR);
            }
            let share = |stayed: f64, left: f64| (stayed / (stayed + left).max(1e-12)).clamp(1e-4, 1.0 - 1e-4);
            next.stay = [share(stayed0, left0), share(stayed1, left1)];
            regimes = next;
        }
        best
    }

    /// Derivatives of the log likelihood by means, variances and probabilities of staying (Fisher's identity).
    pub(super) fn gradient(&self, values: &[f64], regimes: &Regimes) -> [f64; 6] {
        let Regimes { mean, std_dev, stay } = *regimes;
        let mut out = [0.0; 6];
        for k in 0..2 {
            let v = std_dev[k] * std_dev[k];
            for (s, value) in self.smoothed.iter().zip(values) {
                let d = value - mean[k];
                out[k] += s[k] * d / v;
                out[2 + k] += s[k] * (d * d / v - 1.0) / (2.0 * v);
            }
        }
        let [stayed0, left0, stayed1, left1] = self.moves(regimes);
        let first = self.smoothed.first().copied().unwrap_or([0.5; 2]);
        // the first row's law, the long-run shares, depends on both probabilities
        let turn = 1.0 / (2.0 - stay[0] - stay[1]);
        out[4] = stayed0 / stay[0] - left0 / (1.0 - stay[0]) + turn - first[1] / (1.0 - stay[0]);
        out[5] = stayed1 / stay[1] - left1 / (1.0 - stay[1]) + turn - first[0] / (1.0 - stay[1]);
        out
    }
}

fn ratio(above: f64, below: f64) -> f64 {
    if 0.0 < below { above / below } else { 0.0 }
}
