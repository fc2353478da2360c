//! Maps: an empty one comes as `[]`, because PHP has one word for lists and maps.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::{MapAccess, SeqAccess, Visitor};

use super::Map;
use super::text::Text;

/// Reads a map from `{..}`, `[]`, `null`; a list becomes a map by position, for PHP writes a map whose keys
/// happen to be 0, 1, 2 as a list.
///
/// # Errors
/// When the value is a text, a number or a boolean (but the empty text is an empty map), or an element has
/// the wrong shape.
pub fn of<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Map<T>, D::Error> {
    deserializer.deserialize_any(MapVisitor(PhantomData))
}

/// Like [`of`] for texts; numbers and booleans become their text, null the empty text.
///
/// # Errors
/// As [`of`].
pub fn of_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String>, D::Error> {
    let map: Map<Text> = of(deserializer)?;
    Ok(map.into_iter().map(|(key, text)| (key, text.0)).collect())
}

struct MapVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for MapVisitor<T> {
    type Value = Map<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map (or an empty list for an empty map)")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = access.next_entry()? {
            map.insert(key, value);
        }
        Ok(map)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut map = Map::new();
        while let Some(value) = access.next_element()? {
            map.insert(map.len().to_string(), value);
        }
        Ok(map)
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        if text.is_empty() { Ok(Map::new()) } else { Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)) }
    }
    absent!(Map::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_empty_form_is_an_empty_map() {
        for json in ["[]", "{}", "null", "\"\""] {
            let map: Map<i64> = of(&mut serde_json::Deserializer::from_str(json)).unwrap();
            assert!(map.is_empty(), "{json}");
        }
    }

    #[test]
    fn a_list_is_a_map_by_position() {
        let map = of_texts(&mut serde_json::Deserializer::from_str("[\"a\", 2]")).unwrap();
        assert_eq!(map.get("0").map(String::as_str), Some("a"));
        assert_eq!(map.get("1").map(String::as_str), Some("2"));
    }
}
