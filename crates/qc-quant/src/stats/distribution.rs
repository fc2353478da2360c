//! Tail probabilities, each computed in the tail itself (never as one minus the rest).

use libm::erfc; // statrs' own loses four digits in the far tail
use statrs::function::beta::beta_reg;

/// P(Z <= z) of the standard normal distribution.
pub(crate) fn normal_cdf(z: f64) -> f64 {
    0.5 * erfc(-z / std::f64::consts::SQRT_2)
}

/// P(|Z| >= |z|) of the standard normal distribution.
pub(crate) fn normal_two_sided(z: f64) -> f64 {
    erfc(z.abs() / std::f64::consts::SQRT_2).min(1.0)
}

/// P(|t| >= |statistic|) of Student's distribution with `df` > 0 degrees of freedom.
pub(crate) fn student_two_sided(statistic: f64, df: f64) -> f64 {
    if !statistic.is_finite() {
        return 0.0;
    }
    beta_reg(df / 2.0, 0.5, df / (df + statistic * statistic)).clamp(0.0, 1.0)
}

/// P(t >= statistic) of Student's distribution with `df` > 0 degrees of freedom.
pub(crate) fn student_upper(statistic: f64, df: f64) -> f64 {
    let half = 0.5 * student_two_sided(statistic, df);
    if 0.0 <= statistic { half } else { 1.0 - half }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_keep_their_relative_precision() {
        // scipy.stats.norm.cdf(-10), t.sf(12, 30) * 2
        assert!((normal_cdf(-10.0) / 7.619_853_024_160_47e-24 - 1.0).abs() < 1e-13); // rounding of z costs z² ulps
        assert!((normal_two_sided(1.959_963_984_540_054) - 0.05).abs() < 1e-14);
        let cauchy = 1.0 - 2.0 / std::f64::consts::PI * 3.0_f64.atan(); // df = 1 has a closed form
        assert!((student_two_sided(3.0, 1.0) - cauchy).abs() < 1e-13);
        assert!((student_upper(-3.0, 1.0) - (1.0 - cauchy / 2.0)).abs() < 1e-13);
    }
}
