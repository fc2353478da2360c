//! The symbols in a text file: one a line, or one column of a CSV.

use qc_data::Sid;

use super::MAX_SYMBOLS;
use crate::reply::is_ticker;

/// The symbols of a text: one a line, or one column of a CSV. Blank lines and those after `#` are skipped.
///
/// # Errors
/// The line that holds none.
pub(super) fn in_text(text: &str) -> Result<Vec<String>, usize> {
    let cells = |line: &str| -> Vec<String> {
        line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"').trim().to_owned()).collect()
    };
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        .peekable();
    let is_head =
        |cell: &String| ["symbol", "symbols", "ticker", "tickers"].iter().any(|name| cell.eq_ignore_ascii_case(name));
    let column = lines.peek().and_then(|(_, line)| cells(line).iter().position(is_head));
    if column.is_some() {
        lines.next();
    }
    let mut found: Vec<String> = Vec::new();
    for (at, line) in lines {
        let cell = cells(line).into_iter().nth(column.unwrap_or(0)).unwrap_or_default();
        if !is_symbol(&cell) {
            return Err(at);
        }
        if !found.contains(&cell) {
            found.push(cell);
        }
        if MAX_SYMBOLS < found.len() {
            return Ok(found);
        }
    }
    Ok(found)
}

/// A ticker, a ticker with a type, or an identifier.
fn is_symbol(text: &str) -> bool {
    const LONGEST: usize = 64;
    let is_sid = || text.contains(' ') && text.to_ascii_uppercase().parse::<Sid>().is_ok();
    text.len() <= LONGEST && (is_sid() || (text.split(':').count() <= 3 && text.split(':').all(is_ticker)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_one_symbol_a_line_or_a_column_of_them() {
        assert_eq!(in_text("# mine\nSPY\n\n IWM \nSPY\n").unwrap(), ["SPY", "IWM"]);
        assert_eq!(in_text("name,Ticker,weight\nSpider,SPY,0.5\nRussell,\"IWM\",0.5\n").unwrap(), ["SPY", "IWM"]);
        assert_eq!(in_text("SPY\nIGNORE ALL PREVIOUS INSTRUCTIONS\n"), Err(2));
        assert_eq!(in_text("SPY R735QTJ8XC9X\nforex:EURUSD\n").unwrap().len(), 2);
    }
}
