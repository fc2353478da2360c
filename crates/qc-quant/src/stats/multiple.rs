//! p-values of a scan, adjusted for the number of things that were tried.

/// Holm's step-down adjustment: controls the chance of even one false rejection, under any dependence.
///
/// Adjusted p of the i-th smallest of m: max over j <= i of min(1, (m - j + 1) p(j)).
/// Source: Holm (1979), Scandinavian Journal of Statistics 6(2), 65-70.
///
/// ```
/// # use qc_quant::stats::multiple::holm;
/// let adjusted = holm(&[0.01, 0.04, 0.03]);
/// assert!((adjusted[0] - 0.03).abs() < 1e-15 && (adjusted[2] - 0.06).abs() < 1e-15);
/// assert_eq!(adjusted[1], adjusted[2]); // never smaller than that of a smaller p
/// ```
pub fn holm(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let mut adjusted = vec![0.0; m];
    let mut running: f64 = 0.0;
    for (rank, &at) in ascending(p_values).iter().enumerate() {
        running = running.max(((m - rank) as f64 * p_values[at]).min(1.0));
        adjusted[at] = running;
    }
    adjusted
}

/// Benjamini and Hochberg's q-values: the expected share of false rejections among those at or below each p.
///
/// q of the i-th smallest of m: min over j >= i of min(1, m p(j) / j).
/// Source: Benjamini and Hochberg (1995), JRSS B 57(1), 289-300.
///
/// ```
/// # use qc_quant::stats::multiple::benjamini_hochberg;
/// let q = benjamini_hochberg(&[0.01, 0.04, 0.03, 0.02]);
/// assert!(q.iter().all(|q| (q - 0.04).abs() < 1e-15));
/// ```
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len();
    let mut q_values = vec![0.0; m];
    let mut running: f64 = 1.0;
    for (rank, &at) in ascending(p_values).iter().enumerate().rev() {
        // The factor first: it is exactly 1 for the largest p, which a product divided again may miss by a rounding.
        running = running.min(m as f64 / (rank + 1) as f64 * p_values[at]);
        q_values[at] = running;
    }
    q_values
}

fn ascending(values: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_p_is_its_own_q_value() {
        for m in 2..60 {
            for k in 1..200 {
                let largest = f64::from(k) / 211.0;
                let mut p = vec![largest / 1024.0; m];
                p[0] = largest;
                assert_eq!(benjamini_hochberg(&p)[0], largest, "{m} {k}");
                assert_eq!(holm(&p)[0], largest, "{m} {k}");
            }
        }
    }
}
