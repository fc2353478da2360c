//! Objects under two spellings and as lists; and the table of spellings against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use super::table::SPELLINGS;
use super::*;
use crate::model::{Insight, Order, OrderEvent, Symbol};

fn read<T: DeserializeOwned>(json: &str) -> Result<T, String> {
    from_slice(json.as_bytes()).map_err(|error| error.to_string())
}

#[test]
fn of_two_spellings_the_first_written_counts_at_every_depth() {
    let insights: Vec<Insight> = read(
        r#"[{"generatedTime":1700000000,"createdTime":1700000009,"reference":1,"referenceValueFinal":2,
            "reference-final":3,"scoreIsFinal":true,"score-final":false},
            {"createdTime":1700000009,"generatedTime":1700000000}]"#,
    )
    .unwrap();
    let times: Vec<_> = insights.iter().map(|insight| insight.generated_time.unwrap().as_second()).collect();
    assert_eq!(times, [1_700_000_000, 1_700_000_009]);
    assert_eq!((insights[0].reference_final, insights[0].score_final), (Some(2.0), true));
    let order: Order = read(
        r#"{"id":1,"Id":2,"symbol":{"value":"A","Value":"B"},"trailingAsPercentage":true,"trailingPercentage":false,
            "events":[{"orderId":1,"order-id":2}]}"#,
    )
    .unwrap();
    assert_eq!((order.id, order.symbol.value.as_str(), order.trailing_percentage), (1, "A", Some(true)));
    assert_eq!(order.events[0].order_id, Some(1));
    let symbol: Symbol = read(r#"{"ID":"X 1","id":"Y 2","underlying":{"Value":"Z","value":"W"}}"#).unwrap();
    assert_eq!((symbol.id.as_str(), symbol.underlying.unwrap().value.as_str()), ("X 1", "Z"));
}

#[test]
fn a_null_does_not_hide_the_value_under_another_spelling() {
    let insights: Vec<Insight> = read(
        r#"[{"generatedTime":null,"createdTime":1700000000,"reference":null,"referenceValue":null,
            "scoreFinal":null,"score-final":true},{"generatedTime":1700000009,"createdTime":null}]"#,
    )
    .unwrap();
    let times: Vec<_> = insights.iter().map(|insight| insight.generated_time.unwrap().as_second()).collect();
    assert_eq!(times, [1_700_000_000, 1_700_000_009]);
    assert_eq!((insights[0].reference, insights[0].score_final), (None, true));
    let order: Order = read(
        r#"{"Id":null,"id":7,"symbol":{"value":null,"Value":"B"},"trailingAsPercentage":null,"trailingPercentage":true,
            "events":[{"orderId":null,"order-id":2}]}"#,
    )
    .unwrap();
    assert_eq!((order.id, order.symbol.value.as_str(), order.trailing_percentage), (7, "B", Some(true)));
    assert_eq!(order.events[0].order_id, Some(2));
    let whole: Order = read(r#"{"symbol":null,"Symbol":{"value":"A"}}"#).unwrap();
    assert_eq!(whole.symbol.value, "A");
}

#[test]
fn an_object_is_never_a_filled_list() {
    assert_eq!(read::<OrderEvent>("[]"), Ok(OrderEvent::default()), "PHP's empty object");
    let error = read::<OrderEvent>(r#"["a","b",1]"#).unwrap_err();
    assert!(error.contains("found a list"), "{error}");
    let error = read::<Vec<Order>>(r#"[[1,0,[]]]"#).unwrap_err();
    assert!(error.contains("found a list"), "{error}");
}

#[test]
fn a_member_written_twice_under_one_name_is_an_error_unless_it_has_others() {
    #[derive(Deserialize, Debug, PartialEq)]
    struct Plain {
        a: i64,
    }
    assert!(read::<Plain>(r#"{"a":1,"a":2}"#).unwrap_err().contains("duplicate"));
    assert_eq!(read::<Plain>(r#"{"a":1,"b":{"c":[[]]}}"#), Ok(Plain { a: 1 }));
}

/// Every alias in the sources of this crate stands in the table with the name it stands for, and nothing else does.
#[test]
fn the_table_knows_every_alias() {
    let mut found: BTreeMap<String, BTreeSet<BTreeSet<String>>> = BTreeMap::new();
    for file in ["model", "endpoints"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
        let mut folders = vec![folder];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    aliases(&std::fs::read_to_string(&path).unwrap(), &mut found);
                }
            }
        }
    }
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    let table: BTreeMap<_, BTreeSet<_>> = SPELLINGS
        .iter()
        .map(|(name, members)| ((*name).to_owned(), members.iter().map(|names| set(names)).collect()))
        .collect();
    assert_eq!(found, table);
}

/// Collects the members with an alias in one source file: attributes stand right above what they are for.
fn aliases(source: &str, into: &mut BTreeMap<String, BTreeSet<BTreeSet<String>>>) {
    let quoted = |text: &str, word: &str| -> Vec<String> {
        let word = format!("{word} = \"");
        text.split(&word).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let (mut attributes, mut name) = (String::new(), String::new());
    for line in source.lines().map(str::trim) {
        if let Some((_, rest)) = line.split_once("struct ").filter(|_| line.ends_with('{')) {
            name = rest.trim_end_matches(['{', ' ']).to_owned();
            attributes.clear();
        } else if line.ends_with(',') && line.contains(": ") && !line.contains('=') {
            let field = line.split(": ").next().unwrap().trim_start_matches("pub ").trim_start_matches("pub(crate) ");
            let mut names: BTreeSet<_> = quoted(&attributes, "alias").into_iter().collect();
            if !names.is_empty() {
                let renamed = quoted(&attributes, " rename").pop().or(quoted(&attributes, "(rename").pop());
                names.insert(renamed.unwrap_or_else(|| camel(field)));
                into.entry(name.clone()).or_default().insert(names);
            }
            attributes.clear();
        } else {
            attributes.push_str(line);
        }
    }
}

fn camel(field: &str) -> String {
    let mut parts = field.split('_');
    let first = parts.next().unwrap().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}
