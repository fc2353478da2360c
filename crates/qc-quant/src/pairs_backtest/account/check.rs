//! What an account refuses before it starts.

use super::{AccountOptions, Fill, Hedge, MOST_STEPS, PairRule};
use crate::error::{Error, Result};
use crate::panel::Panel;

/// Checks everything; the panel whose prices fill orders.
pub(super) fn check<'a>(
    close: &'a Panel,
    open: Option<&'a Panel>,
    rules: &[PairRule],
    options: &AccountOptions,
) -> Result<&'a Panel> {
    close.require_positive()?;
    let fills = match (options.fill, open) {
        (Fill::NextOpen, None) => {
            return Err(Error::degenerate("fills at the next open", "there are no opening prices"));
        }
        (Fill::NextOpen, Some(open)) => {
            open.require_positive()?;
            let first = |panel: &Panel| panel.series(&panel.symbols()[0]);
            first(close)?.require_same_rows(&first(open)?)?;
            open
        }
        _ => close,
    };
    let range = |what: &str, min: f64, max: f64, value: f64| {
        if min <= value && value <= max { Ok(()) } else { Err(Error::out_of_range(what, min, max, value)) }
    };
    range("cost in basis points", 0.0, 1000.0, options.cost_bps)?;
    range("gross exposure of a pair", 1e-6, 100.0, options.max_pair_nav)?;
    range("gross exposure of the account", 1e-6, 100.0, options.max_gross)?;
    range("first traded row", 0.0, close.n_rows().saturating_sub(2) as f64, options.first_row as f64)?;
    if rules.is_empty() {
        return Err(Error::TooFewSymbols { what: "a pairs account".into(), needed: 1, found: 0 });
    }
    let mut per_row = 0usize;
    for rule in rules {
        if close.position(&rule.y)? == close.position(&rule.x)? {
            return Err(Error::DuplicateSymbol { symbol: rule.x.clone() });
        }
        range("exit", 0.0, f64::MAX, rule.exit)?;
        range("stop", rule.exit, f64::MAX, rule.stop)?;
        if !(rule.exit < rule.entry && rule.entry < rule.stop) {
            return Err(Error::out_of_range("entry between exit and stop", rule.exit, rule.stop, rule.entry));
        }
        range("lookback", 3.0, close.n_rows() as f64 - 1.0, rule.lookback as f64)?;
        range("closes that confirm an entry", 1.0, close.n_rows() as f64, rule.confirm_bars as f64)?;
        if let Some(most) = rule.max_holding {
            range("longest holding", 1.0, f64::MAX, most as f64)?;
        }
        per_row = per_row.saturating_add(rule.lookback);
        match rule.hedge {
            Hedge::Fixed { beta, alpha } => crate::panel::require_finite("slope and intercept", &[beta, alpha])?,
            Hedge::Refit { window, every } => {
                range("rows of a fit", 20.0, close.n_rows() as f64, window as f64)?;
                range("rows between fits", 1.0, f64::MAX, every as f64)?;
                per_row = per_row.saturating_add(window.div_ceil(every));
            }
            Hedge::Kalman(_) => {}
        }
    }
    Error::limit_work(
        "a pairs account (rows times the lookbacks and refits of all pairs)",
        MOST_STEPS,
        &[close.n_rows(), per_row],
    )?;
    Ok(fills)
}
