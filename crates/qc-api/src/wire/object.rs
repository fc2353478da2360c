//! Objects that may be absent: null, `[]`, `{}`, the empty text or `false` all say "none".

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::members::Object;

/// Reads an object, or `None` from null, an empty list, an object without members, the empty text or false.
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
        let mut any = false;
        let object = T::deserialize(Object(Watched { access, any: &mut any }));
        // Without members it says nothing, also where the type could not do without some.
        if any { object.map(Some) } else { Ok(None) }
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
    absent!(None);
}

/// Notes whether there was a member at all.
struct Watched<'a, A> {
    access: A,
    any: &'a mut bool,
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Watched<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        let key = self.access.next_key_seed(seed)?;
        *self.any |= key.is_some();
        Ok(key)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.access.next_value_seed(seed)
    }
    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Card {
        brand: String,
    }

    fn read(json: &str) -> Result<Option<Card>, String> {
        option(&mut serde_json::Deserializer::from_str(json)).map_err(|error| error.to_string())
    }

    #[test]
    fn every_empty_form_is_none_and_a_member_is_some() {
        for json in ["null", "[]", "{}", "\"\"", "false"] {
            assert_eq!(read(json), Ok(None), "{json}");
        }
        assert_eq!(read(r#"{"brand":"x"}"#), Ok(Some(Card { brand: "x".into() })));
        for json in ["[1]", "true", "\"x\"", r#"{"other":1}"#] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
