//! Values printed elsewhere about series through time: regimes, levels that drift, tables of unit roots.

use qc_quant::dynamics::kalman_hedge::{self, KalmanOptions};
use qc_quant::dynamics::markov_switching::{self, Regimes};
use qc_quant::unit_root::{Trend, mackinnon};
use qc_quant::{Index, Series};

use super::NILE;

/// Effective federal funds rate, quarterly means in percent, 1954Q3 to 2010Q4 (Board of Governors of the Federal Reserve
/// System, release H.15).
const FED_FUNDS: &[f64] = &[
    1.03, 0.99, 1.34, 1.5, 1.94, 2.36, 2.48, 2.69, 2.81, 2.93, 2.93, 3.0, 3.23, 3.25, 1.86, 0.94, 1.32, 2.16, 2.57,
    3.08, 3.58, 3.99, 3.93, 3.7, 2.94, 2.3, 2.0, 1.73, 1.68, 2.4, 2.46, 2.61, 2.85, 2.92, 2.97, 2.96, 3.33, 3.45, 3.46,
    3.49, 3.46, 3.58, 3.97, 4.08, 4.07, 4.17, 4.56, 4.91, 5.41, 5.56, 4.82, 3.99, 3.89, 4.17, 4.79, 5.98, 5.94, 5.92,
    6.57, 8.33, 8.98, 8.94, 8.57, 7.88, 6.7, 5.57, 3.86, 4.56, 5.47, 4.75, 3.54, 4.3, 4.74, 5.14, 6.54, 7.82, 10.56,
    10.0, 9.32, 11.25, 12.09, 9.35, 6.3, 5.42, 6.16, 5.41, 4.83, 5.2, 5.28, 4.87, 4.66, 5.16, 5.82, 6.51, 6.76, 7.28,
    8.1, 9.58, 10.07, 10.18, 10.95, 13.58, 15.05, 12.69, 9.84, 15.85, 16.57, 17.78, 17.58, 13.59, 14.23, 14.51, 11.01,
    9.29, 8.65, 8.8, 9.46, 9.43, 9.69, 10.56, 11.39, 9.27, 8.48, 7.92, 7.9, 8.1, 7.83, 6.92, 6.21, 6.27, 6.22, 6.65,
    6.84, 6.92, 6.66, 7.16, 7.98, 8.47, 9.44, 9.73, 9.08, 8.61, 8.25, 8.24, 8.16, 7.74, 6.43, 5.86, 5.64, 4.82, 4.02,
    3.77, 3.26, 3.04, 3.04, 3.0, 3.06, 2.99, 3.21, 3.94, 4.49, 5.17, 5.81, 6.02, 5.8, 5.72, 5.36, 5.24, 5.31, 5.28,
    5.28, 5.52, 5.53, 5.51, 5.52, 5.5, 5.53, 4.86, 4.73, 4.75, 5.09, 5.31, 5.68, 6.27, 6.52, 6.47, 5.59, 4.33, 3.5,
    2.13, 1.73, 1.75, 1.74, 1.44, 1.25, 1.25, 1.02, 1.0, 1.0, 1.01, 1.43, 1.95, 2.47, 2.94, 3.46, 3.98, 4.46, 4.91,
    5.25, 5.25, 5.26, 5.25, 5.07, 4.5, 3.18, 2.09, 1.94, 0.51, 0.18, 0.18, 0.16, 0.12, 0.13, 0.19, 0.19, 0.19,
];

/// Stata Time-Series Reference Manual 14, `mswitch`, example 1 (www.stata.com/manuals14/tsmswitch.pdf): two levels with one
/// deviation, log likelihood -508.63592; quoted too in statsmodels' tests of MarkovRegression.
#[test]
fn the_federal_funds_rate_in_two_regimes() {
    let stata = Regimes { mean: [3.70877, 9.556793], std_dev: [2.107562; 2], stay: [0.9820939, 1.0 - 0.0503587] };
    let found = markov_switching::path(FED_FUNDS, &stata).unwrap();
    assert!((found.log_likelihood + 508.63592).abs() < 5e-6, "{}", found.log_likelihood);
    // the manual's figures are a maximum over what it leaves free
    for (scale, at) in [(0.98, 0), (1.02, 0), (0.98, 1), (1.02, 1)] {
        let mut other = stata;
        other.mean[at] *= scale;
        assert!(markov_switching::path(FED_FUNDS, &other).unwrap().log_likelihood < found.log_likelihood);
    }
    // in 1981 the rate was in the high regime, in 2010 in the low one
    assert!(found.smoothed[108][1] > 0.99 && found.smoothed[225][0] > 0.99);
}

/// J. Durbin and S. J. Koopman (2012), Time Series Analysis by State Space Methods, 2nd edition, section 2.2 and figure 2.1:
/// local level of the Nile with variances 15099 of the observation and 1469.1 of the level, the filtered variance settling at
/// 4032.16. The level is our intercept; a slope on nothing but zeros takes no part.
#[test]
fn the_level_of_the_nile() {
    let n = NILE.len();
    let series = |name: &str, v: Vec<f64>| Series::new(name, Index::Rows(n), v).unwrap();
    let (y, x) = (series("flow", NILE.to_vec()), series("nothing", vec![0.0; n]));
    let level = |q: f64, r: f64| {
        let options = KalmanOptions {
            delta: q / (1.0 + q),
            observation_variance: r,
            initial_state: [0.0; 2],
            initial_covariance: [[0.0, 0.0], [0.0, 1e7]],
        };
        kalman_hedge::filter(&y, &x, &options).unwrap()
    };
    let found = level(1469.1, 15099.0);
    // the first row is learnt as it stands: the book's a(2) = 1120 and P(2) = 15099 + 1469.1, to the size of the vague start
    assert!((found.alpha[0] - 1120.0).abs() < 2.0, "{}", found.alpha[0]);
    assert!((found.innovation_variance[1] - (15099.0 + 1469.1 + 15099.0)).abs() < 25.0);
    assert!((found.covariance[1][1] - 4032.16).abs() < 0.01, "{}", found.covariance[1][1]);
    // section 2.10.3: these variances have the greatest likelihood
    for (q, r) in [(0.8, 1.0), (1.25, 1.0), (1.0, 0.93), (1.0, 1.07)] {
        assert!(level(q * 1469.1, r * 15099.0).log_likelihood < found.log_likelihood, "{q} {r}");
    }
}

/// J. D. Hamilton (1994), Time Series Analysis, tables B.5 and B.6, infinite sample (W. A. Fuller 1976): T (ρ - 1) and t without
/// terms, with a constant, with a trend; 1, 5 and 10 percent.
#[test]
fn fullers_tables() {
    let printed = [
        (Trend::None, [-13.8, -8.1, -5.7], [-2.58, -1.95, -1.62]),
        (Trend::Constant, [-20.7, -14.1, -11.3], [-3.43, -2.86, -2.57]),
        (Trend::Linear, [-29.5, -21.8, -18.3], [-3.96, -3.41, -3.12]),
    ];
    for (trend, rho, tau) in printed {
        let (own_rho, own_tau) =
            (mackinnon::z_critical_values(trend, usize::MAX), mackinnon::critical_values_2010(trend, usize::MAX));
        let own_rho = [own_rho.one_percent, own_rho.five_percent, own_rho.ten_percent];
        let own_tau = [own_tau.one_percent, own_tau.five_percent, own_tau.ten_percent];
        for i in 0..3 {
            // one decimal is printed, from simulations of 1976; ours are arch's surfaces, from its own
            assert!((own_rho[i] - rho[i]).abs() < 0.04 * rho[i].abs(), "{trend}: {} {}", own_rho[i], rho[i]);
            assert!((own_tau[i] - tau[i]).abs() < 0.015, "{trend}: {} {}", own_tau[i], tau[i]);
        }
    }
}

/// J. G. MacKinnon (2010), Queen's working paper 1227, table 2: two series, asymptotic. arch's surfaces, which decide here,
/// come from other simulations.
#[test]
fn engle_granger_critical_values() {
    for (trend, printed) in
        [(Trend::Constant, [-3.89644, -3.33613, -3.04445]), (Trend::Linear, [-4.32762, -3.78057, -3.49631])]
    {
        let own = mackinnon::engle_granger_critical_values(trend, 1, usize::MAX).unwrap();
        for (own, printed) in [own.one_percent, own.five_percent, own.ten_percent].into_iter().zip(printed) {
            assert!((own - printed).abs() < 0.01, "{trend}: {own} {printed}");
        }
        let p = mackinnon::p_value_1994(printed[1], trend, 2).unwrap();
        assert!((p - 0.05).abs() < 0.001, "{trend}: {p}");
    }
}
