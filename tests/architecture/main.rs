//! Are the walls of docs/architecture.md standing?
