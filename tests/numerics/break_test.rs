//! Family `break_test`: strucchange's statistics, Estrella's p-value.

use qc_quant::dynamics::break_test;
use qc_quant::returns;
use serde_json::json;

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let spec = case.text("series");
    let returns_of = |set: &str, column: Option<&[&str]>| returns::simple(&golden.panel(set, column));
    // "synthetic:regime", "stocks:OAK on index (market model)" or "stocks:ASH mean of return"
    let (set, rest) = spec.split_once(':').unwrap();
    let column = rest.split(' ').next().unwrap();
    let y = if set == "stocks" {
        returns_of(set, Some(&[column]))?.column(0).to_vec()
    } else {
        golden.column(set, column).to_vec()
    };
    let ones = vec![1.0; y.len()];
    let market = returns_of("index", None)?;
    let columns: Vec<&[f64]> = match case.text("regressors") {
        "const" => vec![&ones],
        _ => vec![&ones, market.column(0)],
    };
    let chow = break_test::chow(&y, &columns, case.count("known_break_index"))?;
    let sup = break_test::sup_wald(&y, &columns, case.number("trim"))?;
    Ok(json!({
        "chow": {
            "wald": chow.wald,
            "f": chow.f,
            "p_f": chow.f_p_value,
            "lr_mean": chow.lr_mean,
            "p_lr_mean": chow.lr_mean_p_value,
            "lr_mean_var": chow.lr_mean_variance,
            "p_lr_mean_var": chow.lr_mean_variance_p_value,
        },
        "sup": {
            "sup_wald": sup.statistic,
            "break_index": sup.break_row,
            "first": sup.candidates.0,
            "last": sup.candidates.1,
            "ave_wald": sup.average,
            "exp_wald": sup.exponential,
            "p_estrella": sup.p_value,
        },
    }))
}
