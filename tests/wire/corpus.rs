//! The corpus: every documented oddity reads as it should, and what cannot be read says where and why.

use std::collections::BTreeSet;
use std::path::PathBuf;

use qc_api::Error;
use qc_api::wire::display::{self, Unit};
use serde::Deserialize;
use serde_json::{Map, Value};
use support::paths::workspace_root;
use support::wire::{READERS, reader};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    about: String,
    #[serde(default)]
    cases: Vec<Case>,
    #[serde(default)]
    figures: Vec<(String, Option<f64>, Option<String>)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// The request type whose answer this is.
    reads: String,
    #[serde(default = "ok")]
    status: u16,
    /// The answer; a text is sent as it is, anything else as JSON.
    answer: Value,
    /// Expected reading: JSON pointer to value.
    #[serde(default)]
    expect: Map<String, Value>,
    /// Expected kind of error instead.
    error: Option<String>,
    /// Words the error must hold: the place in the JSON, or a sentence.
    contains: Option<String>,
}

fn ok() -> u16 {
    200
}

pub(crate) fn folder() -> PathBuf {
    workspace_root().join("tests/golden/wire")
}

fn files() -> Vec<(String, File)> {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let file = serde_json::from_str(&std::fs::read_to_string(&path).unwrap());
            (name.clone(), file.unwrap_or_else(|error| panic!("{name}: {error}")))
        })
        .collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    files
}

/// Every answer of the corpus as bytes.
pub(crate) fn answers() -> Vec<Vec<u8>> {
    files().into_iter().flat_map(|(_, file)| file.cases).map(|case| bytes(&case.answer)).collect()
}

fn bytes(answer: &Value) -> Vec<u8> {
    match answer {
        Value::String(text) => text.clone().into_bytes(),
        json => json.to_string().into_bytes(),
    }
}

fn kind(error: &Error) -> &'static str {
    match error {
        Error::Refused { .. } => "Refused",
        Error::Unauthorized { .. } => "Unauthorized",
        Error::RateLimited { .. } => "RateLimited",
        Error::Status { .. } => "Status",
        Error::MaybeCreated { .. } => "MaybeCreated",
        Error::Shape { .. } => "Shape",
        Error::NotJson { .. } => "NotJson",
        _ => "another",
    }
}

/// Equal, where numbers are compared by value: 5 is 5.0.
fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((ka, a), (kb, b))| ka == kb && same(a, b))
        }
        (a, b) => a == b,
    }
}

/// Whether a member that is not there may stand for null: what it would be in is there, and some answer of the corpus or
/// its reading has a member of that name. A misspelt pointer meets neither.
fn may_be_left_out(reading: &Value, pointer: &str, names: &BTreeSet<String>) -> bool {
    let Some((place, name)) = pointer.rsplit_once('/') else { return false };
    reading.pointer(place).is_some_and(Value::is_object) && names.contains(name)
}

/// The names of all members in the answers of the corpus and in their readings.
fn member_names() -> BTreeSet<String> {
    fn walk(value: &Value, into: &mut BTreeSet<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| walk(value, into)),
            Value::Object(members) => {
                for (name, value) in members {
                    into.insert(name.clone());
                    walk(value, into);
                }
            }
            _ => {}
        }
    }
    let mut names = BTreeSet::new();
    for case in files().into_iter().flat_map(|(_, file)| file.cases) {
        let bytes = bytes(&case.answer);
        for json in
            [serde_json::from_slice(&bytes).ok(), reader(&case.reads).and_then(|read| read(case.status, &bytes).ok())]
        {
            json.iter().for_each(|json| walk(json, &mut names));
        }
    }
    names
}

fn check(case: &Case, names: &BTreeSet<String>) -> Result<(), String> {
    let read = reader(&case.reads).ok_or_else(|| format!("no request is called {}", case.reads))?;
    match (read(case.status, &bytes(&case.answer)), &case.error) {
        (Ok(_), Some(kind)) => Err(format!("{kind} was expected, but it reads")),
        (Err(error), None) => Err(format!("does not read: {error}")),
        (Err(error), Some(expected)) => {
            let words = case.contains.as_deref().unwrap_or_default();
            if kind(&error) != expected || !error.to_string().contains(words) {
                return Err(format!("{expected} with {words:?} was expected, found {}: {error}", kind(&error)));
            }
            Ok(())
        }
        (Ok(reading), None) => {
            for (pointer, expected) in &case.expect {
                let found = match reading.pointer(pointer) {
                    Some(found) => found,
                    None if expected.is_null() && may_be_left_out(&reading, pointer, names) => &Value::Null,
                    None => return Err(format!("at {pointer}: there is nothing, expected {expected}")),
                };
                if !same(found, expected) {
                    return Err(format!("at {pointer}: expected {expected}, found {found}"));
                }
            }
            Ok(())
        }
    }
}

#[test]
fn every_documented_oddity_reads_as_it_should() {
    let mut wrong = Vec::new();
    let mut count = 0;
    let names = member_names();
    for (file, content) in files() {
        assert!(!content.about.is_empty());
        for case in &content.cases {
            count += 1;
            if let Err(why) = check(case, &names) {
                wrong.push(format!("{file}: {}: {why}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(80 < count, "only {count} cases");
}

#[test]
fn every_displayed_figure_has_its_number_and_unit() {
    let mut count = 0;
    for (text, value, unit) in files().into_iter().flat_map(|(_, file)| file.figures) {
        count += 1;
        let read = display::parse(&text);
        assert_eq!(read.as_ref().map(|figure| figure.value), value, "{text}");
        let read_unit = read.map(|figure| match figure.unit {
            Unit::Plain => "plain".to_owned(),
            Unit::Percent => "percent".to_owned(),
            Unit::Currency(symbol) => symbol,
        });
        assert_eq!(read_unit, unit, "{text}");
    }
    assert!(20 < count, "only {count} figures");
}

#[test]
fn a_changed_expectation_fails() {
    let names = member_names();
    let (_, file) = files().into_iter().find(|(name, _)| name == "numbers").unwrap();
    let mut case = file.cases.into_iter().next().unwrap();
    assert_eq!(check(&case, &names), Ok(()));
    let (pointer, _) = case.expect.iter().next().unwrap();
    let pointer = pointer.clone();
    case.expect.insert(pointer, serde_json::json!(1.7071));
    assert!(check(&case, &names).is_err());
}

#[test]
fn a_null_expected_at_a_misspelt_place_fails() {
    let names = member_names();
    let case = |pointer: &str| Case {
        name: "a chart with nothing".into(),
        reads: "ReadBacktestChart".into(),
        status: 200,
        answer: serde_json::json!({"success": true, "chart": {"name": "a", "series": {}}}),
        expect: [(pointer.to_owned(), Value::Null)].into_iter().collect(),
        error: None,
        contains: None,
    };
    assert_eq!(check(&case("/progress"), &names), Ok(()), "a member that is left out when it is none");
    for misspelt in ["/progres", "/chart/nam", "/chrt/name", "progress", "/chart/series/0/name"] {
        assert!(check(&case(misspelt), &names).is_err(), "{misspelt}");
    }
}

#[test]
fn every_request_type_has_a_reader() {
    let known: BTreeSet<_> = READERS.iter().map(|(name, _)| *name).collect();
    let all: BTreeSet<_> = qc_api::endpoints().map(|endpoint| endpoint.name).collect();
    assert_eq!(known, all);
}
