//! Members of objects: the same member under two spellings, and objects that come as lists.
//!
//! LEAN renames members and goes on writing the old name beside the new one (`generatedTime` and `createdTime` of an
//! insight). Serde's derived readers know both names, but take the second for a member written twice; and they read a
//! list as an object by position, which fills members with values of others. [`Lenient`] wraps whatever is read from,
//! at every depth: of two spellings of one member the first written counts, unless it is null ([`nulls`]), and an
//! object is never a filled list (an empty one is PHP's empty object). Below `#[serde(untagged)]`, `#[serde(flatten)]`
//! and the variants of an enum serde reads from a buffer of its own, and none of this holds; no type of this crate that
//! has several spellings is read there.

#[macro_use]
mod noticing;
pub(crate) mod nulls;
mod table;

use std::cell::Cell;
use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer, forward_to_deserialize_any};

use self::noticing::Noticing;
use self::table::{Names, spellings};

/// Reads a whole JSON text leniently.
pub(crate) fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    read(bytes).or_else(|error| match nulls::hidden(bytes) {
        Some(text) => read(&text),
        None => Err(error),
    })
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> serde_json::Result<T> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = T::deserialize(Lenient(&mut json))?;
    json.end()?;
    Ok(value)
}

/// A deserializer that minds spellings and lists at every depth.
pub(crate) struct Lenient<D>(pub(crate) D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Lenient<D> {
    type Error = D::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, ObjectVisitor { visitor, spellings: spellings(name) })
    }
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_any(LenientVisitor(visitor))
    }
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_option(LenientVisitor(visitor))
    }
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_seq(LenientVisitor(visitor))
    }
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_map(LenientVisitor(visitor))
    }
    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, LenientVisitor(visitor))
    }
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, LenientVisitor(visitor))
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, LenientVisitor(visitor))
    }
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_ignored_any(visitor)
    }
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_str(visitor)
    }
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_string(visitor)
    }
    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_identifier(visitor)
    }
    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_i64(visitor)
    }
    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_f64(visitor)
    }
    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i128 u8 u16 u32 u64 u128 f32 char bytes byte_buf unit unit_struct
    }
}

/// Hands every value inside to [`Lenient`].
struct LenientVisitor<V>(V);

impl<'de, V: Visitor<'de>> Visitor<'de> for LenientVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
    forward_scalars!('de);
    fn visit_unit<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }
    fn visit_none<E: Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }
    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Lenient(deserializer))
    }
    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Lenient(deserializer))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_seq(LenientAccess(access))
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.0.visit_map(LenientAccess(access))
    }
}

/// The elements of a list, or the entries of a map.
struct LenientAccess<A>(A);

impl<'de, A: SeqAccess<'de>> SeqAccess<'de> for LenientAccess<A> {
    type Error = A::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, A::Error> {
        self.0.next_element_seed(LenientSeed(seed))
    }
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for LenientAccess<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        self.0.next_key_seed(seed)
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        self.0.next_value_seed(LenientSeed(seed))
    }
    fn size_hint(&self) -> Option<usize> {
        self.0.size_hint()
    }
}

struct LenientSeed<T>(T);

impl<'de, T: DeserializeSeed<'de>> DeserializeSeed<'de> for LenientSeed<T> {
    type Value = T::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T::Value, D::Error> {
        self.0.deserialize(Lenient(deserializer))
    }
}

/// A derived reader of an object, kept from lists and from second spellings.
struct ObjectVisitor<V> {
    visitor: V,
    spellings: &'static [Names],
}

impl<'de, V: Visitor<'de>> Visitor<'de> for ObjectVisitor<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.visitor.expecting(f)
    }
    fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<V::Value, A::Error> {
        self.visitor.visit_map(Members::new(LenientAccess(access), self.spellings))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<V::Value, A::Error> {
        if access.next_element::<IgnoredAny>()?.is_some() {
            return Err(A::Error::custom("an object was expected, found a list with elements"));
        }
        self.visitor.visit_map(MapDeserializer::<_, A::Error>::new(std::iter::empty::<((), ())>()))
    }
}

/// The members of an object that has been opened already, for a type that looks at what it is given first.
pub(crate) struct Object<A>(pub(crate) A);

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Object<A> {
    type Error = A::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        visitor.visit_map(Members::new(self.0, spellings(name)))
    }
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_map(self.0)
    }
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, A::Error> {
        visitor.visit_newtype_struct(self)
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple tuple_struct map enum identifier ignored_any
    }
}

/// Members of one object; a second spelling of one that was there is handed on under a name that no member has.
struct Members<A> {
    access: A,
    spellings: &'static [Names],
    seen: Seen,
}

/// Which of the spellings of an object were there, one bit for each.
#[derive(Default)]
struct Seen {
    members: u32,
    /// Those of them whose value was null.
    nulls: u32,
    /// The one whose value comes next; none for a name without others.
    current: u32,
}

/// The name of no member.
const NOBODY: &str = "\0";

/// A derived reader takes a member once, so a null that came first has to be hidden before the object is read.
const EMPTY_FIRST: &str = "two spellings of one member, the first of them null";

impl<A> Members<A> {
    fn new(access: A, spellings: &'static [Names]) -> Self {
        Self { access, spellings, seen: Seen::default() }
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Members<A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, A::Error> {
        if self.spellings.is_empty() {
            return self.access.next_key_seed(seed);
        }
        self.access.next_key_seed(Key { inner: seed, spellings: self.spellings, seen: &mut self.seen })
    }
    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, A::Error> {
        if self.seen.current == 0 {
            return self.access.next_value_seed(seed);
        }
        let null = Cell::new(false);
        let value = self.access.next_value_seed(Noticing(seed, &null))?;
        if null.get() {
            self.seen.nulls |= self.seen.current;
        }
        Ok(value)
    }
    fn size_hint(&self) -> Option<usize> {
        self.access.size_hint()
    }
}

/// A key on its way: as a seed, as the deserializer given to that seed, and as the visitor that sees the text.
struct Key<'a, T> {
    inner: T,
    spellings: &'static [Names],
    seen: &'a mut Seen,
}

impl<T> Key<'_, T> {
    /// Whether the member was there already, under this or another name.
    fn is_again<E: Error>(&mut self, key: &str) -> Result<bool, E> {
        self.seen.current = 0;
        let Some(at) = self.spellings.iter().position(|names| names.contains(&key)) else { return Ok(false) };
        let bit = 1 << at;
        if self.seen.nulls & bit != 0 {
            return Err(E::custom(EMPTY_FIRST));
        }
        if self.seen.members & bit != 0 {
            return Ok(true);
        }
        (self.seen.members, self.seen.current) = (self.seen.members | bit, bit);
        Ok(false)
    }
}

impl<'de, K: DeserializeSeed<'de>> DeserializeSeed<'de> for Key<'_, K> {
    type Value = K::Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<K::Value, D::Error> {
        let Self { inner: seed, spellings, seen } = self;
        seed.deserialize(Key { inner: deserializer, spellings, seen })
    }
}

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Key<'_, D> {
    type Error = D::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
        let Self { inner, spellings, seen } = self;
        inner.deserialize_identifier(Key { inner: visitor, spellings, seen })
    }
    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Key<'_, V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.expecting(f)
    }
    fn visit_str<E: Error>(mut self, key: &str) -> Result<V::Value, E> {
        let again = self.is_again(key)?;
        self.inner.visit_str(if again { NOBODY } else { key })
    }
}

#[cfg(test)]
mod tests;
