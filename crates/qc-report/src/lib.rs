//! Pictures and documents from research results.
