//! Values printed elsewhere about returns and weights: performance, tails, portfolios, components, dependence.

use nalgebra::DMatrix;
use qc_quant::pca::{self, PcaOptions};
use qc_quant::performance::{self, PerformanceOptions, deflated_sharpe, tails};
use qc_quant::portfolio::mean_variance::{Bounds, max_sharpe, min_variance};
use qc_quant::portfolio::risk_parity;
use qc_quant::stats::correlation::{self, Method};
use qc_quant::stats::{distance_correlation, moments, multiple};
use qc_quant::testing::noise;
use qc_quant::{Index, Panel, returns};

/// C. R. Bacon (2008), Practical Portfolio Performance Measurement and Attribution, 2nd edition: the monthly returns of his
/// chapter 4, as in the R package PerformanceAnalytics (data `portfolio_bacon`), whose manual and vignette print the results.
const BACON: [f64; 24] = [
    0.003, 0.026, 0.011, -0.010, 0.015, 0.025, 0.016, 0.067, -0.014, 0.040, -0.005, 0.081, 0.040, -0.037, -0.061,
    0.017, -0.049, -0.022, 0.070, 0.058, -0.065, 0.024, -0.005, -0.009,
];
const BACON_BENCHMARK: [f64; 24] = [
    0.002, 0.025, 0.018, -0.011, 0.014, 0.018, 0.014, 0.065, -0.015, 0.042, -0.006, 0.083, 0.039, -0.038, -0.062,
    0.015, -0.048, 0.021, 0.060, 0.056, -0.067, 0.019, -0.003, 0.0,
];

#[test]
fn bacons_portfolio() {
    let options = PerformanceOptions { periods_per_year: 12.0, mar: 0.005, ..Default::default() };
    let found = performance::summary(&BACON, Some(&BACON_BENCHMARK), &options).unwrap();
    let near = |own: f64, printed: f64, digits: f64| assert!((own - printed).abs() <= 0.5 * digits, "{own} {printed}");
    near(found.downside_deviation / 12.0_f64.sqrt(), 0.0255, 1e-4); // p. 92, MAR .5 percent
    near(found.sortino.unwrap() / 12.0_f64.sqrt(), 0.157, 1e-3); // p. 96, Kappa of order 2
    near(found.omega.unwrap(), 1.29, 1e-2); // p. 95, one more than the Omega-Sharpe ratio
    near(found.profit_factor.unwrap(), 1.78, 1e-2); // p. 95, Bernardo and Ledoit
    near(moments::skewness(&BACON).unwrap(), -0.09, 1e-2); // p. 84
    near(moments::excess_kurtosis(&BACON).unwrap(), -0.41, 1e-2); // p. 85
    let annual = returns::annualise(returns::compound(&BACON), 24, 12.0).unwrap();
    near(annual / found.ulcer_index, 1.70, 2e-2); // p. 91, Martin ratio, printed from rounded parts
    let residual: Vec<f64> = {
        let versus = found.benchmark.as_ref().unwrap();
        BACON.iter().zip(&BACON_BENCHMARK).map(|(r, b)| r - versus.beta * b).collect()
    };
    let specific = moments::std_dev(&residual) * (23.0_f64 / 24.0).sqrt() * 12.0_f64.sqrt();
    near(specific, 0.0329, 1e-4); // p. 75, specific risk (divided by n)
}

/// R. T. Rockafellar and S. Uryasev (2000), Journal of Risk 2(3), 21-41, table 2: the normal portfolio of `super`, value at risk
/// and expected shortfall at 90, 95 and 99 percent. Here of its 100,000 quantiles,
/// which stand half a row beside the law: up to 1.2e-5.
#[test]
fn value_at_risk_and_shortfall_of_a_normal_portfolio() {
    use by_hand::normal_quantile;
    let n = 100_000;
    let (mean, deviation) = (0.011, 0.00378529_f64.sqrt());
    let law: Vec<f64> = (0..n).map(|i| mean + deviation * normal_quantile((i as f64 + 0.5) / n as f64)).collect();
    for (confidence, var, cvar) in [(0.90, 0.067847, 0.096975), (0.95, 0.090200, 0.115908), (0.99, 0.132128, 0.152977)]
    {
        let own = tails::value_at_risk(&law, confidence).unwrap();
        assert!((own - var).abs() < 2e-5, "{confidence}: {own} {var}");
        let own = tails::conditional_value_at_risk(&law, confidence).unwrap();
        assert!((own - cvar).abs() < 1e-5, "{confidence}: {own} {cvar}");
    }
}

/// The quantile of the normal law by halving its distribution function; nothing of ours.
mod by_hand {
    /// Φ by the series of its error function (Abramowitz and Stegun 7.1.5) and, far out, the continued fraction 26.2.14.
    fn distribution(x: f64) -> f64 {
        let density = (-0.5 * x * x).exp() / (2.0 * std::f64::consts::PI).sqrt();
        if x.abs() < 3.0 {
            let (mut term, mut sum) = (x, x);
            for k in 1..200 {
                term *= x * x / f64::from(2 * k + 1);
                sum += term;
            }
            return 0.5 + density * sum;
        }
        let fraction = (1..=200).rev().fold(0.0, |rest, k| f64::from(k) / (x.abs() + rest));
        let tail = density / (x.abs() + fraction);
        if x < 0.0 { tail } else { 1.0 - tail }
    }

    pub(super) fn normal_quantile(p: f64) -> f64 {
        let (mut low, mut high) = (-9.0, 9.0);
        for _ in 0..60 {
            let middle = 0.5 * (low + high);
            if distribution(middle) < p { low = middle } else { high = middle }
        }
        0.5 * (low + high)
    }
}

/// S. Maillard, T. Roncalli and J. Teïletche (2010), Journal of Portfolio Management 36(4), 60-70 (working paper of 2009, section
/// 3): volatilities of 10 to 40 percent, weights of equal risk and of least variance, and their volatilities.
#[test]
fn four_assets_of_equal_risk() {
    let sigma = [0.1, 0.2, 0.3, 0.4];
    let rho = [[1.0, 0.8, 0.0, 0.0], [0.8, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, -0.5], [0.0, 0.0, -0.5, 1.0]];
    let covariance = DMatrix::from_fn(4, 4, |i, j| rho[i][j] * sigma[i] * sigma[j]);
    let volatility = |w: &[f64]| qc_quant::portfolio::volatility(&covariance, w).unwrap();
    let equal = risk_parity::weights(&covariance, &[0.25; 4]).unwrap();
    let least = min_variance(&covariance, Some(Bounds::LONG_ONLY)).unwrap();
    for (own, printed, risk) in
        [(equal, [0.384, 0.192, 0.243, 0.182], 0.103), (least, [0.745, 0.0, 0.152, 0.103], 0.086)]
    {
        assert!(own.iter().zip(printed).all(|(w, p)| (w - p).abs() < 5.1e-4), "{own:?}");
        assert!((volatility(&own) - risk).abs() < 5e-4);
    }
}

/// Z. Bodie, A. Kane and A. J. Marcus, Investments, chapter "Optimal risky portfolios": debt (8 percent, deviation 12), equity
/// (13, 20), correlation .3, bills at 5: 40 and 60 percent, 11 percent at 14.2, reward to volatility .42.
#[test]
fn debt_and_equity_with_the_best_ratio() {
    let covariance = DMatrix::from_row_slice(2, 2, &[0.0144, 0.0072, 0.0072, 0.04]);
    let w = max_sharpe(&[0.08, 0.13], &covariance, 0.05, Bounds::LONG_ONLY).unwrap();
    assert!((w[0] - 0.4).abs() < 1e-9 && (w[1] - 0.6).abs() < 1e-9, "{w:?}");
    let (mean, risk) = (0.08 * w[0] + 0.13 * w[1], qc_quant::portfolio::volatility(&covariance, &w).unwrap());
    assert!((mean - 0.11).abs() < 1e-9 && (risk - 0.142).abs() < 5e-4 && ((mean - 0.05) / risk - 0.42).abs() < 5e-3);
}

/// D. H. Bailey and M. López de Prado (2014), Journal of Portfolio Management 40(5), 94-107, numerical example: annual ratio 2.5
/// over 1250 days, skewness -3, kurtosis 10, variance ½ among the trials. Best of 100: 0.1132 a day is luck, the ratio is true
/// with probability .9004; best of 46: .9505. Skewness -3 with kurtosis 10 is a law of two values, the lower one with probability
/// 0.0840: 105 days of 1250.
#[test]
fn the_deflated_ratio_of_the_paper() {
    let law = |ratio: f64| {
        let raw: Vec<f64> =
            (0..1250).map(|t| if t % 12 == 0 && t < 1260 && t / 12 < 105 { -1.0 } else { 0.0 }).collect();
        assert_eq!(raw.iter().filter(|v| **v < 0.0).count(), 105);
        let (mean, deviation) = (moments::mean(&raw), moments::std_dev(&raw));
        raw.into_iter().map(|v| 0.01 * ((v - mean) / deviation + ratio)).collect::<Vec<f64>>()
    };
    let best = 2.5 / 250.0_f64.sqrt();
    // two ratios whose sample variance is ½ a year
    let other = best - (2.0 * 0.5 / 250.0_f64).sqrt();
    for (trials, luck, deflated) in [(100.0, 0.1132, 0.9004), (46.0, 0.1004, 0.9505)] {
        let found = deflated_sharpe::deflate(&[&law(best), &law(other)], Some(trials)).unwrap();
        assert!((found.expected_maximum - luck).abs() < 5e-5, "{}", found.expected_maximum);
        // 105 of 1250 is not quite the law: skewness -2.9994
        assert!((found.deflated - deflated).abs() < 1e-3, "{}", found.deflated);
    }
}

/// G. James, D. Witten, T. Hastie and R. Tibshirani, An Introduction to Statistical Learning, lab "Principal Components Analysis",
/// on R's USArrests (World Almanac 1975; J. A. McNeil 1977): `prcomp(USArrests, scale = TRUE)`.
#[test]
fn arrests_in_fifty_states() {
    let columns: [[f64; 50]; 4] = [
        [
            13.2, 10.0, 8.1, 8.8, 9.0, 7.9, 3.3, 5.9, 15.4, 17.4, 5.3, 2.6, 10.4, 7.2, 2.2, 6.0, 9.7, 15.4, 2.1, 11.3,
            4.4, 12.1, 2.7, 16.1, 9.0, 6.0, 4.3, 12.2, 2.1, 7.4, 11.4, 11.1, 13.0, 0.8, 7.3, 6.6, 4.9, 6.3, 3.4, 14.4,
            3.8, 13.2, 12.7, 3.2, 2.2, 8.5, 4.0, 5.7, 2.6, 6.8,
        ],
        [
            236.0, 263.0, 294.0, 190.0, 276.0, 204.0, 110.0, 238.0, 335.0, 211.0, 46.0, 120.0, 249.0, 113.0, 56.0,
            115.0, 109.0, 249.0, 83.0, 300.0, 149.0, 255.0, 72.0, 259.0, 178.0, 109.0, 102.0, 252.0, 57.0, 159.0,
            285.0, 254.0, 337.0, 45.0, 120.0, 151.0, 159.0, 106.0, 174.0, 279.0, 86.0, 188.0, 201.0, 120.0, 48.0,
            156.0, 145.0, 81.0, 53.0, 161.0,
        ],
        [
            58.0, 48.0, 80.0, 50.0, 91.0, 78.0, 77.0, 72.0, 80.0, 60.0, 83.0, 54.0, 83.0, 65.0, 57.0, 66.0, 52.0, 66.0,
            51.0, 67.0, 85.0, 74.0, 66.0, 44.0, 70.0, 53.0, 62.0, 81.0, 56.0, 89.0, 70.0, 86.0, 45.0, 44.0, 75.0, 68.0,
            67.0, 72.0, 87.0, 48.0, 45.0, 59.0, 80.0, 80.0, 32.0, 63.0, 73.0, 39.0, 66.0, 60.0,
        ],
        [
            21.2, 44.5, 31.0, 19.5, 40.6, 38.7, 11.1, 15.8, 31.9, 25.8, 20.2, 14.2, 24.0, 21.0, 11.3, 18.0, 16.3, 22.2,
            7.8, 27.8, 16.3, 35.1, 14.9, 17.1, 28.2, 16.4, 16.5, 46.0, 9.5, 18.8, 32.1, 26.1, 16.1, 7.3, 21.4, 20.0,
            29.3, 14.9, 8.3, 22.5, 12.8, 26.9, 25.5, 22.9, 11.2, 20.7, 26.2, 9.3, 10.8, 15.6,
        ],
    ];
    let names = ["Murder", "Assault", "UrbanPop", "Rape"].map(str::to_owned).to_vec();
    let panel = Panel::new(names, Index::Rows(50), columns.map(|c| c.to_vec()).to_vec()).unwrap();
    let found = pca::fit(&panel, &PcaOptions::default()).unwrap();
    for (own, printed) in found.eigenvalues.iter().zip([1.5748783, 0.9948694, 0.5971291, 0.4164494]) {
        assert!((own.sqrt() - printed).abs() < 5e-8, "{own} {printed}");
    }
    let printed: [[f64; 4]; 4] = [
        [0.5358995, 0.5831836, 0.2781909, 0.5434321],
        [-0.4181809, -0.1879856, 0.8728062, 0.1673186],
        [-0.3412327, -0.2681484, -0.3780158, 0.8177779],
        [0.64922780, -0.74340748, 0.13387773, 0.08902432],
    ];
    for (component, printed) in printed.into_iter().enumerate() {
        // signs are a convention: ours makes the largest loading positive
        let largest = printed.iter().fold(0.0_f64, |most, v| if most.abs() < v.abs() { *v } else { most });
        for ((symbol, own), printed) in found.component(component).zip(printed) {
            assert!((own - printed * largest.signum()).abs() < 5e-8, "{component} {symbol}: {own} {printed}");
        }
    }
}

/// M. Hollander and D. A. Wolfe (1973), Nonparametric Statistical Methods, pages 185-194: quality of canned tuna by instrument and
/// by panel, the example of R's `cor.test`: tau 0.4444444; Spearman .6, Pearson .5711816.
#[test]
fn canned_tuna() {
    let x = [44.4, 45.9, 41.9, 53.3, 44.7, 44.1, 50.7, 45.2, 60.1];
    let y = [2.6, 3.1, 2.5, 5.0, 3.6, 4.0, 5.2, 2.8, 3.8];
    let of = |method| correlation::pair(&x, &y, method).unwrap();
    assert!((of(Method::Kendall).value - 0.4444444).abs() < 5e-8);
    assert!((of(Method::Spearman).value - 0.6).abs() < 1e-12);
    let pearson = of(Method::Pearson);
    assert!((pearson.value - 0.5711816).abs() < 5e-8 && (pearson.p_value - 0.1082).abs() < 5e-5);
}

/// G. J. Székely, M. L. Rizzo and N. K. Bakirov (2007), Annals of Statistics 35(6), 2769-2794, theorem 7: the distance correlation
/// of a bivariate normal law with correlation ρ.
#[test]
fn distance_correlation_of_the_normal_law() {
    let n = 20_000;
    let (a, b) = (noise(1, n), noise(2, n));
    for rho in [0.2_f64, 0.5, 0.8] {
        let y: Vec<f64> = a.iter().zip(&b).map(|(a, b)| rho * a + (1.0 - rho * rho).sqrt() * b).collect();
        let top =
            rho * rho.asin() + (1.0 - rho * rho).sqrt() - rho * (rho / 2.0).asin() - (4.0 - rho * rho).sqrt() + 1.0;
        let law = (top / (1.0 + std::f64::consts::FRAC_PI_3 - 3.0_f64.sqrt())).sqrt();
        let own = distance_correlation::test(&a, &y).unwrap().correlation;
        // sums of twelve uniforms, 20,000 of them: the error of a correlation is about .007
        assert!((own - law).abs() < 0.015, "{rho}: {own} {law}");
    }
}

/// Y. Benjamini and Y. Hochberg (1995), JRSS B 57(1), 289-300, section 3.2: fifteen p-values; at 5 percent their procedure rejects
/// the first four, Bonferroni's (and Holm's) the first three.
#[test]
fn the_fifteen_p_values_of_benjamini_and_hochberg() {
    let p = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0,
    ];
    let rejected = |adjusted: Vec<f64>| adjusted.iter().filter(|p| **p <= 0.05).count();
    assert_eq!((rejected(multiple::benjamini_hochberg(&p)), rejected(multiple::holm(&p))), (4, 3));
}
