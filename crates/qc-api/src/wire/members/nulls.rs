//! Members that are null and stand before another spelling of themselves: `{"generatedTime":null,"createdTime":1}`.
//!
//! A derived reader takes a member once, and which value comes is not known when its name is handed on. So the null is
//! hidden in the text: its name is overwritten, letter for letter, by one that no member has. Places in the text stay
//! where they are. This is for the rare text whose reading failed; [`super::Members`] sees to it that it fails.

use super::table::{Names, SPELLINGS};

/// What a hidden name is written with.
const NO_LETTER: u8 = b'~';

/// Objects within objects that are looked into; serde_json reads no deeper.
const DEEPEST: usize = 128;

/// For each member of an object seen so far that has several names: where its name stands if its value was null.
type Seen = Vec<(&'static Names, Option<(usize, usize)>)>;

/// The text without nulls that stand before another spelling; `None` where there are none. No JSON stays no JSON.
pub(crate) fn hidden(json: &[u8]) -> Option<Vec<u8>> {
    let masks = masks(json);
    if masks.is_empty() {
        return None;
    }
    let mut text = json.to_vec();
    for (start, end) in masks {
        text.iter_mut().take(end).skip(start).for_each(|letter| *letter = NO_LETTER);
    }
    Some(text)
}

/// Where the names of such nulls stand, without their quotes.
fn masks(json: &[u8]) -> Vec<(usize, usize)> {
    let (mut found, mut open, mut at) = (Vec::new(), Vec::<Seen>::new(), 0);
    while let Some(letter) = json.get(at) {
        match letter {
            b'{' if open.len() == DEEPEST => break,
            b'{' => open.push(Seen::new()),
            b'}' => drop(open.pop()),
            b'"' => {
                let (start, end) = (at + 1, end_of_text(json, at + 1));
                at = end;
                let value = value_behind(json, end).zip(open.last_mut());
                if let (Some((value, seen)), Some(name)) = (value, json.get(start..end)) {
                    let null = value.starts_with(b"null").then_some((start, end));
                    note(seen, name, null, &mut found);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

fn note(seen: &mut Seen, name: &[u8], null: Option<(usize, usize)>, found: &mut Vec<(usize, usize)>) {
    let all = SPELLINGS.iter().flat_map(|(_, members)| members.iter());
    for names in all.filter(|names| names.iter().any(|known| known.as_bytes() == name)) {
        match seen.iter_mut().find(|(known, _)| known == &names) {
            None => seen.push((names, null)),
            Some((_, earlier)) => {
                if let Some(masked) = earlier.take() {
                    found.push(masked);
                    *earlier = null;
                }
            }
        }
    }
}

/// Where the text that begins here ends: its closing quote.
fn end_of_text(json: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(letter) = json.get(at) {
        match letter {
            b'"' => break,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    at
}

/// The value of a member whose name ends here; `None` where a text is no name.
fn value_behind(json: &[u8], quote: usize) -> Option<&[u8]> {
    Some(json.get(quote + 1..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_nulls_before_another_spelling_are_hidden() {
        let hide = |json: &str| hidden(json.as_bytes()).map(|text| String::from_utf8(text).unwrap());
        for (json, expected) in [
            (r#"{"id":null,"Id":1}"#, r#"{"~~":null,"Id":1}"#),
            (r#"{"id" : null , "Id":null}"#, r#"{"~~" : null , "Id":null}"#),
            (r#"{"id":null,"ID":null,"Id":3}"#, r#"{"~~":null,"~~":null,"Id":3}"#),
            (
                r#"[{"a":[{"type":null}],"Type":1,"b":{"type":null,"Type":"\"}"}}]"#,
                r#"[{"a":[{"type":null}],"Type":1,"b":{"~~~~":null,"Type":"\"}"}}]"#,
            ),
        ] {
            assert_eq!(hide(json).as_deref(), Some(expected));
        }
        for json in [
            r#"{"id":1,"Id":null}"#,
            r#"{"id":null,"x":{"Id":1}}"#,
            r#"[{"id":null},{"Id":1}]"#,
            r#"{"x":"id","y":null,"Id":1}"#,
            r#"{"id":null,"Id"#,
            r#"{"id":null,"text\"#,
            "}}}",
            "",
        ] {
            assert_eq!(hide(json), None, "{json}");
        }
    }
}
