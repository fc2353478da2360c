//! Are the walls of docs/architecture.md standing?
//!
//! Read from `cargo metadata` and from the sources. Every check is a function from facts to complaints, so that each can
//! also be shown a planted breach: a check that cannot fail proves nothing.

mod dependencies;
mod house;
mod licences;
mod links;
mod metadata;
mod purity;
mod rooms;
mod source;
mod words;

/// Fails with all complaints of a check at once.
fn stands(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Fails unless a check complains about a planted breach, naming `culprit`.
fn falls(complaints: Vec<String>, culprit: &str) {
    assert!(
        complaints.iter().any(|complaint| complaint.contains(culprit)),
        "the check did not notice {culprit}; it said {complaints:?}"
    );
}
