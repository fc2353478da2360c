//! Lists of symbols that a caller saved by name: kept in the store, one set per caller.
//!
//! A list holds what was meant when it was saved: members of a fund are kept as identifiers, so that later renames and
//! later constituents do not change it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    desk::Desk,
    error::{Kind, ToolError, Topic},
    quantbook::is_plain_name,
    store,
    symbols::{self, Symbols},
};

/// A saved list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SymbolList {
    /// Its name.
    pub(crate) name: String,
    /// Names to show, one for each symbol.
    pub(crate) names: Vec<String>,
    /// The symbols in a form that reads back as the same.
    pub(crate) symbols: Vec<String>,
    /// When it was saved.
    pub(crate) saved: Timestamp,
}

/// Saves a list, in place of one of the same name; answers it and whether there was one.
///
/// # Errors
/// A name that is none, too many lists.
pub(crate) fn save(desk: &Desk, caller: &str, name: &str, symbols: &Symbols) -> Result<(SymbolList, bool), ToolError> {
    let name = checked(name)?;
    let list = SymbolList {
        name: name.to_owned(),
        names: symbols.names.clone(),
        symbols: symbols
            .names
            .iter()
            .map(|name| symbols::written(name, &symbols::query(&symbols.meant, name)))
            .collect(),
        saved: Timestamp::now(),
    };
    let body = serde_json::to_vec(&list).unwrap_or_default();
    let mut replaced = false;
    let kept = desk.store().update(caller, store::Kind::SymbolList, name, &mut |before| {
        replaced = before.is_some();
        Some(body.clone())
    });
    kept.map_err(|error| ToolError::new(Kind::TooLarge, Topic::SymbolList, error.to_string()))?;
    Ok((list, replaced))
}

/// The list of that name.
///
/// # Errors
/// [`Kind::NotFound`] for a name that this caller has not saved.
pub(crate) fn get(desk: &Desk, caller: &str, name: &str) -> Result<SymbolList, ToolError> {
    let name = checked(name)?;
    let record = desk.store().get(caller, store::Kind::SymbolList, name)?;
    let list = record.and_then(|record| serde_json::from_slice(&record.body).ok());
    list.ok_or_else(|| ToolError::new(Kind::NotFound, Topic::SymbolList, format!("no list of symbols `{name}`")))
}

/// All lists of a caller, oldest first.
///
/// # Errors
/// When the store fails.
pub(crate) fn all(desk: &Desk, caller: &str) -> Result<Vec<SymbolList>, ToolError> {
    let records = desk.store().list(caller, store::Kind::SymbolList)?;
    Ok(records.iter().filter_map(|record| serde_json::from_slice(&record.body).ok()).collect())
}

fn checked(name: &str) -> Result<&str, ToolError> {
    let name = name.trim();
    if is_plain_name(name) {
        return Ok(name);
    }
    let message = format!(
        "the name of a list must have 1 to 64 letters, digits, spaces, dots, dashes or underscores, found {} bytes",
        name.len()
    );
    Err(ToolError::argument(message))
}
