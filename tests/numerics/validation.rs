//! Family `validation`: what must be refused, and how. The cases are sentences; each is acted out here.

use jiff::civil::date;
use qc_quant::cointegration::engle_granger;
use qc_quant::portfolio::hrp;
use qc_quant::portfolio::mean_variance::{Bounds, min_variance};
use qc_quant::stats::correlation::{self, Method};
use qc_quant::unit_root::adf;
use qc_quant::{Error, Index, MissingPolicy, Panel, covariance, pca, returns, testing};
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, _: &Golden) -> Answer {
    let what = case.text("what");
    match what {
        "NaN inside a price series" => missing_value(),
        "constant series in correlation/PCA(correlation)/HRP/EG" => constant_series(),
        "duplicate symbols" => duplicate_symbols(),
        "price <= 0 with log" => price_not_positive(),
        _ if what.starts_with("EG of series with itself") => same_series_twice(),
        "fewer rows than 3+trend+lags for ADF" => too_few_rows(),
        "dates not strictly increasing" => dates_out_of_order(),
        "n*ub<1" => bounds_that_cannot_be_met(),
        "n_obs<=n_assets in min_variance without shrinkage or bounds" => singular_covariance(),
        _ => return Err(format!("unknown sentence: {what}").into()),
    }
    Ok(json!({}))
}

fn days(n: i8) -> Index {
    Index::Dates((1..=n).map(|day| date(2024, 5, day)).collect())
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn missing_value() {
    let columns = || vec![vec![1.0, 2.0, 3.0, 4.0], vec![1.0, 2.0, f64::NAN, f64::NAN]];
    let error = Panel::new(names(&["A", "B"]), days(4), columns()).unwrap_err();
    assert_eq!(error.to_string(), "B has no finite value at 2024-05-03 (row 2)");
    let (panel, dropped) =
        Panel::with_missing(names(&["A", "B"]), days(4), columns(), MissingPolicy::DropRows).unwrap();
    assert_eq!((panel.n_rows(), dropped.rows, dropped.worst()), (2, 2, Some(("B", 2))));
}

fn constant_series() {
    let columns = vec![testing::random_walk(1, 60), vec![7.0; 60]];
    let panel = Panel::new(names(&["A", "FLAT"]), Index::Rows(60), columns).unwrap();
    let refusals = [
        correlation::matrix(&panel, Method::Pearson).unwrap_err(),
        hrp::fit(&panel, Default::default()).unwrap_err(),
        pca::fit(&panel, &Default::default()).unwrap_err(),
        engle_granger::test(&panel, "A", &["FLAT"], &Default::default()).unwrap_err(),
        engle_granger::test(&panel, "FLAT", &["A"], &Default::default()).unwrap_err(),
    ];
    for refusal in refusals {
        assert_eq!(refusal.symbol(), Some("FLAT"), "{refusal}");
    }
}

fn duplicate_symbols() {
    let error = Panel::new(names(&["SPY", "spy "]), days(2), vec![vec![1.0, 2.0], vec![1.0, 2.0]]).unwrap_err();
    assert_eq!(error, Error::DuplicateSymbol { symbol: "spy".into() });
}

fn price_not_positive() {
    let panel = Panel::new(names(&["A"]), days(3), vec![vec![1.0, -2.0, 3.0]]).unwrap();
    let error = returns::log_prices(&panel).unwrap_err();
    assert!(error.to_string().starts_with("A must be above zero"), "{error}");
    assert!(error.to_string().contains("2024-05-02"), "{error}");
}

fn same_series_twice() {
    let walk = testing::random_walk(3, 100);
    let panel = Panel::new(names(&["A", "B"]), Index::Rows(100), vec![walk.clone(), walk]).unwrap();
    let error = engle_granger::test(&panel, "A", &["B"], &Default::default()).unwrap_err();
    assert!(error.to_string().contains("collinear"), "{error}");
}

fn too_few_rows() {
    let options = adf::AdfOptions { lags: qc_quant::unit_root::LagRule::Fixed(4), ..Default::default() };
    let error = adf::test(&testing::random_walk(1, 7), &options).unwrap_err();
    assert!(matches!(error, Error::TooFewRows { found: 7, .. }), "{error}");
}

fn dates_out_of_order() {
    let index = Index::Dates(vec![date(2024, 5, 2), date(2024, 5, 1)]);
    let error = Panel::new(names(&["A"]), index, vec![vec![1.0, 2.0]]).unwrap_err();
    assert_eq!(error.to_string(), "rows must increase strictly: 2024-05-01 (row 1) does not come after 2024-05-02");
}

fn bounds_that_cannot_be_met() {
    let bounds = Bounds { lower: 0.0, upper: 0.2 };
    let error = min_variance(&nalgebra::DMatrix::identity(4, 4), Some(bounds)).unwrap_err();
    assert!(matches!(error, Error::Infeasible { .. }), "{error}");
    assert!(error.to_string().contains("upper bound 0.2"), "{error}");
}

fn singular_covariance() {
    let columns = (0..6).map(|seed| testing::noise(seed, 5)).collect();
    let panel = Panel::new((0..6).map(|i| format!("S{i}")).collect(), Index::Rows(5), columns).unwrap();
    let error = min_variance(&covariance::sample(&panel).unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("singular"), "{error}");
    assert!(error.to_string().contains("shrink"), "{error}");
    assert!(min_variance(&covariance::ledoit_wolf(&panel).unwrap().covariance, None).is_ok());
}
