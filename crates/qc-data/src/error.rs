//! What can go wrong when data is read: which file, line and column, and what was expected there.
//!
//! No variant carries the content of a cell: files are foreign text and may hold anything.

use crate::symbol::{Normalization, SecurityType};
use jiff::civil::{Date, DateTime};

/// The result of everything in this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why data could not be read. Files are named relative to the data folder.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The folder does not exist or cannot be opened.
    #[error("cannot open data folder {path}: {reason}")]
    Folder {
        /// The folder as given.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// The folder exists, but a file that every data folder has is not there.
    #[error("{file} is missing in the data folder")]
    Missing {
        /// The file, relative to the data folder.
        file: String,
    },
    /// The operating system refused to read or write a file.
    #[error("cannot read or write {file}: {reason}")]
    Io {
        /// The file, relative to the data folder.
        file: String,
        /// The operating system's reason.
        reason: String,
    },
    /// A cell of a text file is not what belongs there.
    #[error("{file}, line {line}, column {column}: expected {expected}")]
    Cell {
        /// The file, relative to the data folder; `zip#entry` inside a zip.
        file: String,
        /// Line, counted from 1.
        line: usize,
        /// Column, counted from 1; in CSV the number of the cell, in JSON the number of the character.
        column: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A zip, JSON or CSV file as a whole is damaged.
    #[error("{file} is damaged: {problem}")]
    Damaged {
        /// The file, relative to the data folder.
        file: String,
        /// What is wrong, without quoting content.
        problem: &'static str,
    },
    /// A file is larger, or unpacks to more, than is read.
    #[error("{file} holds {found} bytes, at most {limit} are read")]
    TooLarge {
        /// The file, relative to the data folder.
        file: String,
        /// The limit in bytes.
        limit: u64,
        /// The size found or announced, in bytes.
        found: u64,
    },
    /// A symbol, market or other name cannot be part of a file name.
    #[error("{what} `{name}` is not usable: {reason}")]
    BadName {
        /// What was named: symbol, market, column.
        what: &'static str,
        /// The name as given, shortened and without control characters.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A text does not stand for what it should: resolution, security type, date.
    #[error("`{text}` is not a {what}; known: {known}")]
    Unknown {
        /// What was expected.
        what: &'static str,
        /// The text as given, shortened and without control characters.
        text: String,
        /// The values that are known.
        known: &'static str,
    },
    /// A security identifier cannot be decoded or encoded.
    #[error("bad security identifier: {reason}")]
    Sid {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The market-hours database has no entry that fits.
    #[error("the market-hours database has no entry {key}")]
    NoHours {
        /// The entry looked for, such as `Equity-usa-[*]`.
        key: String,
    },
    /// The window ends before it begins, or has no width.
    #[error("the window is empty: it starts at {start} and ends at {end}")]
    EmptyWindow {
        /// First moment asked for.
        start: DateTime,
        /// Last moment asked for.
        end: DateTime,
    },
    /// More was asked for than is answered at once.
    #[error("{what}: at most {limit}, asked {found}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// The limit.
        limit: u64,
        /// What was asked for.
        found: u64,
    },
    /// A normalisation that has no meaning for this type of security.
    #[error("normalization {normalization} does not apply to {security_type}")]
    Normalization {
        /// What was asked for.
        normalization: Normalization,
        /// The type of the security.
        security_type: SecurityType,
    },
    /// No row in the window. Returned by [`crate::History::require_rows`] only.
    #[error("no {resolution} data for {symbol} from {first} to {last}: {found}")]
    NoData {
        /// The symbol as asked for.
        symbol: String,
        /// The resolution looked for.
        resolution: String,
        /// First day asked for.
        first: Date,
        /// Last day asked for.
        last: Date,
        /// What the folder has instead.
        found: String,
    },
    /// A combination that this crate does not answer.
    #[error("{what} is not supported for {by}")]
    Unsupported {
        /// What was asked for.
        what: String,
        /// For what.
        by: String,
    },
}

impl Error {
    /// The file it is about, relative to the data folder; `zip#entry` inside a zip. A name somebody else chose.
    pub fn file(&self) -> Option<&str> {
        match self {
            Error::Missing { file }
            | Error::Io { file, .. }
            | Error::Cell { file, .. }
            | Error::Damaged { file, .. }
            | Error::TooLarge { file, .. } => Some(file),
            _ => None,
        }
    }
}

/// Shortens a caller's text for an error: printable characters only, at most 40.
pub(crate) fn shown(text: &str) -> String {
    let mut out: String = text.chars().filter(|c| !c.is_control() && c.is_ascii()).take(40).collect();
    if out.len() < text.len() {
        out.push_str("..");
    }
    out
}
