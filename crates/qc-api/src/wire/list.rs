//! Lists: sometimes a map from position to element, sometimes null, sometimes one bare element.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::Deserializer;
use serde::de::{IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::text::Text;

/// Reads a list from `[..]`, from the values of `{..}`, or from null (empty).
///
/// # Errors
/// When the value is a text, a number or a boolean, or an element has the wrong shape.
pub fn of<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    deserializer.deserialize_any(ListVisitor { one: None, element: PhantomData })
}

/// Reads a list of texts; one bare text is a list of one, the empty text of none.
///
/// # Errors
/// When an element is an array or an object.
pub fn of_texts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let texts: Vec<Text> =
        deserializer.deserialize_any(ListVisitor { one: Some(|text| Text(text.to_owned())), element: PhantomData })?;
    Ok(texts.into_iter().map(|text| text.0).collect())
}

struct ListVisitor<T> {
    /// Makes an element of a bare text, where that is allowed.
    one: Option<fn(&str) -> T>,
    element: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        // The hint comes from the far end, so it is not trusted with memory.
        let mut list = Vec::with_capacity(access.size_hint().unwrap_or(0).min(1024));
        while let Some(element) = access.next_element()? {
            list.push(element);
        }
        Ok(list)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some((IgnoredAny, element)) = access.next_entry::<IgnoredAny, T>()? {
            list.push(element);
        }
        Ok(list)
    }
    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
        match self.one {
            _ if text.is_empty() => Ok(Vec::new()),
            Some(one) => Ok(vec![one(text)]),
            None => Err(E::invalid_type(serde::de::Unexpected::Str(text), &self)),
        }
    }
    absent!(Vec::new());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_maps_and_nothing() {
        let read = |json: &str| of::<_, i64>(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(read("[1,2]"), [1, 2]);
        assert_eq!(read("{\"3\":1,\"5\":2}"), [1, 2]);
        assert!(read("null").is_empty());
    }

    #[test]
    fn one_bare_text_is_a_list_of_one() {
        let read = |json: &str| of_texts(&mut serde_json::Deserializer::from_str(json)).unwrap();
        assert_eq!(read("\"Invalid argument\""), ["Invalid argument"]);
        assert_eq!(read("[\"a\", null, 3]"), ["a", "", "3"]);
    }
}
