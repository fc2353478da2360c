//! Weights that a kept result or a file of the caller holds, so that nobody retypes them.

use serde_json::Value;

use super::kept_result;
use crate::{
    args::quote,
    desk::Desk,
    error::{Kind, ToolError, Topic},
    reply::is_ticker,
};

/// Largest file of weights, in bytes.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// Members of a result that hold weights, the likeliest first.
const MEMBERS: [&str; 2] = ["optimized_weights", "weights"];

/// Symbols with their weights, as `text` names them: `qc://research/{id}` (`#METHOD` where several were compared) or
/// `file:PATH#COLUMN`, a CSV with a column of symbols.
///
/// # Errors
/// [`Kind::NotFound`] for what is not there (a stranger's result included), [`Kind::InvalidArgument`] for what holds no
/// weights.
pub(crate) fn read(desk: &Desk, caller: &str, text: &str) -> Result<Vec<(String, f64)>, ToolError> {
    let weights = match text.get(..5).filter(|head| head.eq_ignore_ascii_case("file:")) {
        Some(_) => {
            let (path, column) = match text.get(5..).unwrap_or_default().rsplit_once('#') {
                Some((path, column)) => (path.trim(), Some(column.trim())),
                None => (text.get(5..).unwrap_or_default().trim(), None),
            };
            in_text(&desk.read_text(path, MAX_FILE_BYTES)?, column)?
        }
        None => {
            let (record, part) = kept_result(desk, caller, text)?;
            of_result(&record, part.as_deref())?
        }
    };
    if weights.is_empty() {
        return Err(ToolError::argument("no weights are there"));
    }
    if let Some((name, _)) = weights.iter().find(|(name, _)| !is_ticker(name)) {
        return Err(ToolError::new(Kind::BadData, Topic::Symbol, "one of the symbols is no ticker").said(name.as_str()));
    }
    Ok(weights)
}

fn of_result(record: &Value, part: Option<&str>) -> Result<Vec<(String, f64)>, ToolError> {
    let result = record.get("result").unwrap_or(&Value::Null);
    let tool = record.get("tool").and_then(Value::as_str).unwrap_or("an analysis");
    let methods = result.get("methods").and_then(Value::as_object);
    let holder = match (methods, part) {
        (Some(methods), Some(part)) => methods.get(part),
        (Some(methods), None) if methods.len() == 1 => methods.values().next(),
        (Some(_), None) => None,
        (None, _) => Some(result),
    };
    let found = holder.and_then(|holder| MEMBERS.iter().find_map(|member| holder.get(*member)?.as_object()));
    let Some(found) = found else {
        let names: Vec<&str> = methods.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        let message = if names.is_empty() {
            format!("the result of {tool} holds no weights")
        } else {
            format!("the result of {tool} holds weights of {}: name one as qc://research/ID#METHOD", names.join(", "))
        };
        return Err(ToolError::argument(message));
    };
    Ok(found.iter().filter_map(|(symbol, weight)| Some((symbol.clone(), weight.as_f64()?))).collect())
}

/// A CSV with a column of symbols and columns of weights.
fn in_text(text: &str, column: Option<&str>) -> Result<Vec<(String, f64)>, ToolError> {
    let bad = |line: usize, what: &str| {
        ToolError::new(Kind::BadData, Topic::Path, format!("line {line} of the file of weights {what}"))
    };
    let cells = |line: &str| -> Vec<String> {
        line.split([',', ';', '\t']).map(|cell| cell.trim().trim_matches('"').trim().to_owned()).collect()
    };
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let head = lines.next().map(|(_, line)| cells(line)).unwrap_or_default();
    let is = |wanted: &str| head.iter().position(|cell| cell.eq_ignore_ascii_case(wanted));
    let symbols =
        is("symbol").or_else(|| is("ticker")).ok_or_else(|| bad(1, "names no column `symbol` or `ticker`"))?;
    let weights = match column {
        Some(wanted) => is(wanted).ok_or_else(|| bad(1, &format!("names no column `{}`", quote(wanted))))?,
        None => match is("weight").or_else(|| is("weights")) {
            Some(at) => at,
            None if head.len() == 2 => 1 - symbols.min(1),
            None => return Err(bad(1, "has several columns: name one as file:PATH#COLUMN")),
        },
    };
    let mut found: Vec<(String, f64)> = Vec::new();
    for (at, line) in lines {
        let row = cells(line);
        let symbol = row.get(symbols).map(|cell| cell.to_ascii_uppercase()).unwrap_or_default();
        let weight = row.get(weights).and_then(|cell| cell.parse::<f64>().ok()).filter(|weight| weight.is_finite());
        let weight = weight.ok_or_else(|| bad(at + 1, "holds no number where the weight is wanted"))?;
        if found.iter().any(|(known, _)| *known == symbol) {
            return Err(bad(at + 1, "holds a symbol for the second time"));
        }
        found.push((symbol, weight));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn weights_of_several_methods_are_asked_for_by_name() {
        let record = json!({"tool": "optimize_portfolio", "result": {"methods": {
            "hrp": {"optimized_weights": {"KO": 0.6, "PEP": 0.4}}, "min_cvar": {"optimized_weights": {"KO": 1.0}}}}});
        assert_eq!(of_result(&record, Some("hrp")).unwrap(), [("KO".to_owned(), 0.6), ("PEP".to_owned(), 0.4)]);
        assert!(of_result(&record, None).unwrap_err().message.contains("hrp, min_cvar"));
        let one = json!({"tool": "sparse_optimization", "result": {"optimized_weights": {"KO": 1.0}}});
        assert_eq!(of_result(&one, None).unwrap(), [("KO".to_owned(), 1.0)]);
        assert!(of_result(&json!({"tool": "x", "result": {}}), None).is_err());
    }

    #[test]
    fn a_file_has_symbols_and_a_named_column() {
        let text = "symbol,hrp,min_cvar\nKO,0.6,0.5\npep,0.4,0.5\n";
        assert_eq!(in_text(text, Some("hrp")).unwrap()[1], ("PEP".to_owned(), 0.4));
        assert!(in_text(text, None).is_err());
        assert_eq!(in_text("weight;ticker\n1;KO\n", None).unwrap(), [("KO".to_owned(), 1.0)]);
        for text in ["a,b\nKO,1\n", "symbol,weight\nKO,lots\n", "symbol,weight\nKO,1\nko,2\n"] {
            assert!(in_text(text, None).is_err(), "{text}");
        }
    }
}
