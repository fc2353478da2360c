//! Objects that may be absent: null, `[]`, `{}` without members, the empty text or `false` all say "none".

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Reads an object, or `None` from null, an empty list, the empty text or false.
///
/// # Errors
/// When the value is a filled list or another scalar, or a member has the wrong shape.
pub fn option<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object (or null or an empty list for none)")
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(access)).map(Some)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        if access.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("an object was expected, found a list with elements"));
        }
        Ok(None)
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(None) } else { Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)) }
    }
    fn visit_bool<E: Error>(self, flag: bool) -> Result<Self::Value, E> {
        if flag { Err(E::invalid_type(serde::de::Unexpected::Bool(flag), &self)) } else { Ok(None) }
    }
    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        option(deserializer)
    }
}
