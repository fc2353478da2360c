//! Telling whether a value is null while it is read.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

/// Hands whatever is no list, object or option to the visitor inside.
macro_rules! forward_scalars {
    ($de:lifetime) => {
        forward_scalars! {
            visit_bool: bool, visit_char: char,
            visit_i8: i8, visit_i16: i16, visit_i32: i32, visit_i64: i64, visit_i128: i128,
            visit_u8: u8, visit_u16: u16, visit_u32: u32, visit_u64: u64, visit_u128: u128,
            visit_f32: f32, visit_f64: f64,
            visit_str: &str, visit_borrowed_str: &$de str, visit_string: String,
            visit_bytes: &[u8], visit_borrowed_bytes: &$de [u8], visit_byte_buf: Vec<u8>,
        }
    };
    ($($visit:ident: $scalar:ty,)*) => {
        $(fn $visit<E: Error>(self, value: $scalar) -> Result<V::Value, E> {
            self.0.$visit(value)
        })*
    };
}

/// A value that tells whether it is null: as a seed, as a deserializer, and as a visitor. What is inside is not watched.
pub(super) struct Noticing<'a, T>(pub(super) T, pub(super) &'a Cell<bool>);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for Noticing<'_, T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(Noticing(deserializer, self.1))
    }
}

macro_rules! forward_unwatched {
    ($($deserialize:ident($($name:ident: $type:ty),*),)*) => {
        $(fn $deserialize<V: Visitor<'de>>(self, $($name: $type,)* visitor: V) -> Result<V::Value, D::Error> {
            self.0.$deserialize($($name,)* visitor)
        })*
    };
}

/// Readers that take a null ask for anything, for an option, or for a type around one of these.
impl<'de, D: Deserializer<'de>> Deserializer<'de> for Noticing<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(Noticing(visitor, self.1))
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(Noticing(visitor, self.1))
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Noticing(visitor, self.1))
    }
    forward_unwatched! {
        deserialize_struct(name: &'static str, fields: &'static [&'static str]),
        deserialize_enum(name: &'static str, variants: &'static [&'static str]),
        deserialize_tuple_struct(name: &'static str, length: usize),
        deserialize_tuple(length: usize),
        deserialize_seq(),
        deserialize_map(),
        deserialize_str(),
        deserialize_string(),
        deserialize_i64(),
        deserialize_f64(),
        deserialize_identifier(),
        deserialize_ignored_any(),
    }
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Noticing<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
    forward_scalars!('de);
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.1.set(true);
        self.0.visit_unit()
    }
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.1.set(true);
        self.0.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(deserializer)
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Noticing(deserializer, self.1))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(access)
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(access)
    }
}
