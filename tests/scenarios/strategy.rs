//! From an idea to its figures.
