//! Lenient decoding: one oddity of the service per file.
//!
//! The service is written in PHP in front of LEAN in C#, and both leave their marks: `[]` for an empty map,
//! numbers as text, dates with a space and no zone, figures dressed for people. Each module takes every known
//! form and gives one; what it cannot read is an error that names the place.

/// The three ways in which serde says that nothing is there, for a visitor that knows what to make of it.
macro_rules! absent {
    ($nothing:expr) => {
        fn visit_unit<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_none<E: serde::de::Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_some<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
            deserializer.deserialize_any(self)
        }
    };
}

pub mod date;
pub mod display;
pub mod flag;
pub mod form;
pub mod list;
pub mod map;
pub(crate) mod members;
pub mod number;
pub mod object;
pub mod open_enum;
pub mod span;
pub mod text;

/// A map by name that keeps the order in which the service wrote it.
pub type Map<T> = indexmap::IndexMap<String, T>;
