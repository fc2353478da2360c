//! Family `pairs_backtest`: the generator's own reference.

use qc_quant::pairs_backtest::{self, PairsOptions, Reason};
use serde_json::{Value, json};

use crate::Answer;
use crate::golden::{Case, Golden};

pub fn answer(case: &Case, golden: &Golden) -> Answer {
    let panel = case.panel(golden);
    let options = PairsOptions {
        beta: case.number("beta"),
        alpha: case.number("alpha"),
        entry: case.number("entry"),
        exit: case.number("exit"),
        stop: case.number("stop"),
        lookback: case.count("lookback"),
        cost_bps: case.number("cost_bps"),
    };
    let found = pairs_backtest::run(&panel.series(case.text("y"))?, &panel.series(case.text("x"))?, &options)?;
    let reason = |reason| match reason {
        Reason::Exit => "exit",
        Reason::Stop => "stop",
        Reason::Time => "time",
        Reason::End => "end",
    };
    let trades: Vec<Value> = found
        .trades
        .iter()
        .map(|trade| {
            json!({
                "entry": trade.entry,
                "exit": trade.exit,
                "side": trade.side,
                "reason": reason(trade.reason),
                "ret": trade.profit,
                "z_entry": trade.z_entry,
                "z_exit": trade.z_exit,
            })
        })
        .collect();
    Ok(json!({
        "n_trades": trades.len(),
        "trades": trades,
        "final_capital": found.capital.last(),
        "capital_every_50": found.capital.iter().step_by(50).collect::<Vec<_>>(),
        "z_every_50": found.z.iter().step_by(50).collect::<Vec<_>>(),
    }))
}
