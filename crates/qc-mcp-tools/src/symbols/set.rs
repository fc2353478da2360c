//! The symbols of a question as a set: each name once, each security once, and what was done about what came twice.
//!
//! Prices stand in columns named by ticker. Two securities may bear one ticker (a company and its successor), and one
//! security two (FB and META), so both the name and the identifier decide what is the same.

use std::collections::{HashMap, HashSet};

use qc_data::{DataFolder, SymbolQuery};

use super::{query, wrong};
use crate::{error::ToolError, funds::Members, quantbook::OpenSource};

/// The symbols of a question: a name for each, and what it means.
#[derive(Debug, Clone, Default)]
pub(crate) struct Symbols {
    /// Names, upper case, each once, in the caller's order.
    pub(crate) names: Vec<String>,
    /// What the names mean that are more than the ticker of a US equity.
    pub(crate) meant: HashMap<String, SymbolQuery>,
    /// Names that a fund, list or file stood for: one without bars is left out and not refused.
    pub(crate) grouped: HashSet<String>,
    /// What the forms stood for, in our own words.
    pub(crate) notes: Vec<String>,
    /// What the reader should not overlook, in our own words.
    pub(crate) warnings: Vec<String>,
    /// The identifier behind each name, where it is known.
    ids: HashMap<String, Option<String>>,
    /// The name under which an identifier stands here.
    called: HashMap<String, String>,
}

/// Who named a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    /// The caller, who is told when something is wrong with it.
    Caller,
    /// A fund, list or file: what cannot stand beside the others is left out and noted.
    Group,
}

impl Symbols {
    /// The securities, in order.
    pub(crate) fn queries(&self) -> impl Iterator<Item = SymbolQuery> + '_ {
        self.names.iter().map(|name| query(&self.meant, name))
    }

    /// Adds the members of a fund that have prices; answers the names of those that have none.
    ///
    /// # Errors
    /// Never in practice: members are taken or left out.
    pub(crate) fn join_members(&mut self, members: &Members, source: &OpenSource) -> Result<Vec<String>, ToolError> {
        let mut without = Vec::new();
        for member in members.securities() {
            if crate::funds::has_prices(source, Some(member)) {
                self.put(&source.folder, member.ticker.clone(), Some(member.into()), By::Group)?;
            } else {
                without.push(member.ticker.clone());
            }
        }
        Ok(without)
    }

    /// Adds a symbol, unless its name or its security is there already.
    ///
    /// # Errors
    /// The caller named one twice, under one name or two, or two securities of one name.
    pub(super) fn put(
        &mut self,
        folder: &DataFolder,
        name: String,
        meaning: Option<SymbolQuery>,
        by: By,
    ) -> Result<(), ToolError> {
        let whole = meaning.clone().unwrap_or_else(|| query(&HashMap::new(), &name));
        // What cannot be resolved is said when its prices are read.
        let id = folder.resolve(&whole).ok().map(|security| security.sid.to_string());
        if let Some(known) = self.ids.get(&name) {
            let is_same = *known == id;
            match (by, self.grouped.contains(&name)) {
                (By::Caller, false) if is_same => {
                    return Err(wrong(format!("symbol {name} is given more than once")));
                }
                (By::Caller, false) => {
                    return Err(wrong(format!(
                        "symbol {name} is given more than once, as two securities; prices stand in columns named by ticker, so only one of them can be used at a time"
                    )));
                }
                (By::Caller, true) => {
                    if !is_same {
                        self.notes.push(two_of(&name));
                        self.forget(&name);
                        self.meant.extend(meaning.map(|query| (name.clone(), query)));
                        self.remember(&name, id);
                    }
                    self.grouped.remove(&name);
                }
                (By::Group, _) if is_same => {}
                (By::Group, _) => self.notes.push(two_of(&name)),
            }
            return Ok(());
        }
        if let Some(other) = id.as_ref().and_then(|id| self.called.get(id)).cloned() {
            match (by, self.grouped.contains(&other)) {
                (By::Caller, false) => {
                    return Err(wrong(format!(
                        "{other} and {name} are the same security under two names: name it once"
                    )));
                }
                (By::Caller, true) => {
                    self.notes.push(format!("{other} and {name} are one security: it counts once, as {name}"));
                    self.forget(&other);
                    self.grouped.remove(&other);
                    for at in self.names.iter_mut().filter(|at| **at == other) {
                        name.clone_into(at);
                    }
                    self.meant.extend(meaning.map(|query| (name.clone(), query)));
                    self.remember(&name, id);
                }
                (By::Group, _) => {
                    self.notes.push(format!("{other} and {name} are one security: it counts once, as {other}"));
                }
            }
            return Ok(());
        }
        self.meant.extend(meaning.map(|query| (name.clone(), query)));
        if by == By::Group {
            self.grouped.insert(name.clone());
        }
        self.remember(&name, id);
        self.names.push(name);
        Ok(())
    }

    fn remember(&mut self, name: &str, id: Option<String>) {
        self.called.extend(id.iter().map(|id| (id.clone(), name.to_owned())));
        self.ids.insert(name.to_owned(), id);
    }

    fn forget(&mut self, name: &str) {
        self.meant.remove(name);
        if let Some(Some(id)) = self.ids.remove(name) {
            self.called.remove(&id);
        }
    }
}

fn two_of(name: &str) -> String {
    format!(
        "two different securities are called {name}: one of them, which a fund, list or file stood for, is left out, since columns are named by ticker"
    )
}
