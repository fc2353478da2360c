//! Values printed in papers, manuals and certified tables, one by one, with their place.

mod portfolios;
mod series;

use nalgebra::DMatrix;
use qc_quant::dynamics::break_test;
use qc_quant::portfolio::constraints::Constraints;
use qc_quant::portfolio::mean_variance::Bounds;
use qc_quant::portfolio::target_volatility;
use qc_quant::stats::ols::{self, Errors};
use qc_quant::unit_root::{Trend, mackinnon};
use qc_quant::{Index, Panel, Series};

/// Annual flow of the Nile at Aswan, 1871-1970 (G. W. Cobb 1978, Biometrika 65(2), 243-251).
const NILE: [f64; 100] = [
    1120., 1160., 963., 1210., 1160., 1160., 813., 1230., 1370., 1140., 995., 935., 1110., 994., 1020., 960., 1180.,
    799., 958., 1140., 1100., 1210., 1150., 1250., 1260., 1220., 1030., 1100., 774., 840., 874., 694., 940., 833.,
    701., 916., 692., 1020., 1050., 969., 831., 726., 456., 824., 702., 1120., 1100., 832., 764., 821., 768., 845.,
    864., 862., 698., 845., 744., 796., 1040., 759., 781., 865., 845., 944., 984., 897., 822., 1010., 771., 676., 649.,
    846., 812., 742., 801., 1040., 860., 874., 848., 890., 744., 749., 838., 1050., 918., 986., 797., 923., 975., 815.,
    1020., 906., 901., 1170., 912., 746., 919., 718., 714., 740.,
];

/// NIST Statistical Reference Datasets, linear regression, "Longley" (higher difficulty): certified values.
/// J. W. Longley (1967), JASA 62(319), 819-841.
#[test]
fn longley_regression_equals_the_certified_values() {
    let y = [
        60323., 61122., 60171., 61187., 63221., 63639., 64989., 63761., 66019., 67857., 68169., 66513., 68655., 69564.,
        69331., 70551.,
    ];
    let x: [(&str, [f64; 16]); 6] = [
        (
            "deflator",
            [83.0, 88.5, 88.2, 89.5, 96.2, 98.1, 99.0, 100.0, 101.2, 104.6, 108.4, 110.8, 112.6, 114.2, 115.7, 116.9],
        ),
        (
            "gnp",
            [
                234289., 259426., 258054., 284599., 328975., 346999., 365385., 363112., 397469., 419180., 442769.,
                444546., 482704., 502601., 518173., 554894.,
            ],
        ),
        (
            "unemployed",
            [
                2356., 2325., 3682., 3351., 2099., 1932., 1870., 3578., 2904., 2822., 2936., 4681., 3813., 3931.,
                4806., 4007.,
            ],
        ),
        (
            "forces",
            [
                1590., 1456., 1616., 1650., 3099., 3594., 3547., 3350., 3048., 2857., 2798., 2637., 2552., 2514.,
                2572., 2827.,
            ],
        ),
        (
            "population",
            [
                107608., 108632., 109773., 110929., 112075., 113270., 115094., 116219., 117388., 118734., 120445.,
                121950., 123366., 125368., 127852., 130081.,
            ],
        ),
        ("year", std::array::from_fn(|i| 1947.0 + i as f64)),
    ];
    let rows = Index::Rows(16);
    let names = x.iter().map(|(name, _)| (*name).to_owned()).collect();
    let factors = Panel::new(names, rows.clone(), x.iter().map(|(_, column)| column.to_vec()).collect()).unwrap();
    let fit = ols::fit(&Series::new("employed", rows, y.to_vec()).unwrap(), &factors).unwrap();
    let certified = [
        (-3482258.63459582, 890420.383607373),
        (15.0618722713733, 84.9149257747669),
        (-0.358191792925910e-1, 0.334910077722432e-1),
        (-2.02022980381683, 0.488399681651699),
        (-1.03322686717359, 0.214274163161675),
        (-0.511041056535807e-1, 0.226073200069370),
        (1829.15146461355, 455.478499142212),
    ];
    let errors = fit.inference(Errors::Classical).unwrap().standard_errors;
    for (i, (b, se)) in certified.into_iter().enumerate() {
        // the regressors' condition number is 4.9e9: about seven of sixteen digits remain to any method in doubles
        assert!((fit.coefficients[i] / b - 1.0).abs() < 1e-8, "{}: {} {b}", fit.names[i], fit.coefficients[i]);
        assert!((errors[i] / se - 1.0).abs() < 1e-8, "{}: {} {se}", fit.names[i], errors[i]);
    }
    assert!((fit.r_squared - 0.995479004577296).abs() < 1e-12);
    assert!((fit.f_statistic.unwrap() / 330.285339234588 - 1.0).abs() < 1e-9);
}

/// R. T. Rockafellar and S. Uryasev (2000), Journal of Risk 2(3), 21-41, section 5, tables 1 to 3: under normal returns
/// least expected shortfall and least variance at a mean of 0.011 are the same portfolio.
#[test]
fn rockafellar_and_uryasev_least_variance_portfolio() {
    let mean = [0.0101110, 0.0043532, 0.0137058]; // S&P 500, long-term government bonds, small capitalisation
    let covariance = DMatrix::from_row_slice(
        3,
        3,
        &[0.00324625, 0.00022983, 0.00420395, 0.00022983, 0.00049937, 0.00019247, 0.00420395, 0.00019247, 0.00764097],
    );
    let conditions = Constraints::invested(3, Bounds::LONG_ONLY).unwrap().at_least("mean", &mean, 0.011).unwrap();
    let w = target_volatility::min_variance(&covariance, &conditions).unwrap();
    for (own, printed) in w.iter().zip([0.452013, 0.115573, 0.432414]) {
        assert!((own - printed).abs() < 2e-6, "{w:?}"); // the inputs are printed to five or six figures
    }
    let v = nalgebra::DVector::from_vec(w);
    let variance = v.dot(&(&covariance * &v));
    assert!((variance - 0.00378529).abs() < 1e-8, "{variance}"); // as printed
}

/// A. Zeileis, C. Kleiber,
/// W. Krämer and K. Hornik (2003), Computational Statistics and Data Analysis 44, 109-123, section 5.1, and the manual
/// of the R package strucchange (`sctest(Fstats(Nile ~ 1))`): sup F = 75.93, break in 1898.
#[test]
fn the_nile_breaks_in_1898() {
    let constant = vec![1.0; NILE.len()];
    let found = break_test::sup_wald(&NILE, &[&constant], 0.15).unwrap();
    assert!((found.statistic - 75.93).abs() < 0.005, "{}", found.statistic);
    assert_eq!(found.break_row, 28); // rows before the break: 1871 to 1898
    assert!(found.p_value < 1e-15); // printed as below 2.2e-16, of Hansen's law; ours is Estrella's
}

/// J. G. MacKinnon (2010), Queen's working paper 1227, table 2: asymptotic critical values with a constant.
#[test]
fn mackinnon_asymptotic_critical_values() {
    let far = mackinnon::critical_values_2010(Trend::Constant, usize::MAX);
    assert!((far.one_percent + 3.43035).abs() < 1e-5);
    assert!((far.five_percent + 2.86154).abs() < 1e-5);
    assert!((far.ten_percent + 2.56677).abs() < 1e-5);
}
