//! Any bytes: noise, and answers of the corpus with something changed. Nothing panics, and what reads survives
//! being written and read again (the readers assert that).

use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use support::wire::FUZZ_BODIES;

use crate::corpus;

/// Pieces of JSON that make trouble where something else was.
const PIECES: &[&str] = &[
    "null",
    "[]",
    "{}",
    "\"\"",
    "true",
    "-1",
    "1e308",
    "-1e400",
    "18446744073709551616",
    "\"NaN\"",
    "\"1e999\"",
    "\"\\ud800\"",
    "\"0001-01-01T00:00:00\"",
    "\"9999-12-31T23:59:59.9999999Z\"",
    "\"-99999999.23:59:59\"",
    "[[[[",
    "}}",
    ",",
    ":",
    "\u{feff}",
    "\"$-1,2,3.4\"",
    "\"Running: 1e9%\"",
    "9223372036854775807",
    "-9223372036854775808",
    "0.1",
];

fn noise(random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let length = random.random_range(0..200);
    (0..length).map(|_| random.next_u64() as u8).collect()
}

/// Changes up to four places: a byte, a stretch taken out, a piece put in or over something.
fn spoil(answer: &[u8], random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let mut bytes = answer.to_vec();
    for _ in 0..random.random_range(1..=4) {
        let at = random.random_range(0..=bytes.len());
        let to = (at + random.random_range(0..12)).min(bytes.len());
        let piece = PIECES[random.random_range(0..PIECES.len())].as_bytes();
        match random.random_range(0..4) {
            0 if at < bytes.len() => bytes[at] = random.next_u64() as u8,
            1 => drop(bytes.drain(at..to)),
            2 => drop(bytes.splice(at..at, piece.iter().copied())),
            _ => drop(bytes.splice(at..to, piece.iter().copied())),
        }
    }
    bytes
}

/// Replaces one value inside valid JSON, so that the frame stays readable and the types are what is tried.
fn swap_value(answer: &[u8], random: &mut Xoshiro256PlusPlus) -> Vec<u8> {
    let Ok(mut json) = serde_json::from_slice::<serde_json::Value>(answer) else { return answer.to_vec() };
    let mut place = &mut json;
    for _ in 0..random.random_range(1..8) {
        let size = match place {
            serde_json::Value::Array(list) => list.len(),
            serde_json::Value::Object(members) => members.len(),
            _ => 0,
        };
        if size == 0 {
            break;
        }
        let pick = random.random_range(0..size);
        place = match place {
            serde_json::Value::Array(list) => &mut list[pick],
            serde_json::Value::Object(members) => members.values_mut().nth(pick).unwrap(),
            _ => unreachable!("only lists and maps have a size"),
        };
    }
    let piece = PIECES[random.random_range(0..PIECES.len())];
    *place = serde_json::from_str(piece).unwrap_or_else(|_| piece.into());
    json.to_string().into_bytes()
}

fn survives(bytes: &[u8]) {
    for (_, body) in FUZZ_BODIES {
        body(bytes);
    }
}

#[test]
fn noise_never_panics() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    for _ in 0..500 {
        survives(&noise(&mut random));
    }
}

#[test]
fn spoiled_answers_never_panic() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    for answer in corpus::answers() {
        for _ in 0..6 {
            survives(&spoil(&answer, &mut random));
            survives(&swap_value(&answer, &mut random));
        }
    }
}

#[test]
fn pieces_alone_and_deep_nesting_never_panic() {
    for piece in PIECES {
        survives(piece.as_bytes());
        survives(format!("{{\"{piece}\":{piece}}}").as_bytes());
    }
    for opening in ["[", "{\"a\":", "{\"chart\":[", "{\"errors\":["] {
        survives(opening.repeat(10_000).as_bytes());
    }
    survives(format!("a{}=1", "[b]".repeat(10_000)).as_bytes());
}

/// Finds of the fuzzer, kept as files, replay here: whatever body they broke, every body must survive them.
#[test]
fn saved_finds_never_panic() {
    let finds = finds();
    assert!(!finds.is_empty(), "no find was read");
    for (name, bytes) in finds {
        for (body, run) in FUZZ_BODIES {
            let outcome = std::panic::catch_unwind(|| run(&bytes));
            assert!(outcome.is_ok(), "{name} breaks {body}");
        }
    }
}

fn finds() -> Vec<(String, Vec<u8>)> {
    let mut finds: Vec<_> = std::fs::read_dir(corpus::folder().join("finds"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_none_or(|ending| ending != "md"))
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    finds.sort();
    finds
}

/// The fuzzer's package has a target for every body and none besides.
#[test]
fn every_fuzz_body_has_its_target() {
    let fuzz = support::paths::workspace_root().join("tests/fuzz");
    let manifest = std::fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in FUZZ_BODIES {
        let target = std::fs::read_to_string(fuzz.join(format!("targets/{name}.rs"))).unwrap_or_default();
        assert!(target.contains(&format!("wire::{name}(bytes)")), "targets/{name}.rs does not run {name}");
        assert!(manifest.contains(&format!("path = \"targets/{name}.rs\"")), "{name} is not in the manifest");
    }
    // Those of the readers of files belong to the suite `lean`.
    let of_readers = manifest.matches("name = \"data_").count();
    assert_eq!(manifest.matches("[[bin]]").count() - of_readers, FUZZ_BODIES.len());
}

/// As long as one likes, where the fuzzer is not installed: `QC_FUZZ_SECONDS=600 cargo test --locked -p qc-tests
/// --test wire -- --ignored --nocapture`. Prints how many inputs it took; a failure prints its input.
#[test]
#[ignore = "runs for a minute unless told otherwise"]
fn a_long_run_of_every_body() {
    let seconds = std::env::var("QC_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60);
    let (began, budget) = (std::time::Instant::now(), std::time::Duration::from_secs(seconds));
    let seed = std::env::var("QC_FUZZ_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(3);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut seeds: Vec<Vec<u8>> = corpus::answers();
    seeds.extend(finds().into_iter().map(|(_, bytes)| bytes));
    seeds.extend(scalars(&seeds));
    let mut inputs = 0_u64;
    while began.elapsed() < budget {
        let origin = &seeds[random.random_range(0..seeds.len())];
        let bytes = match random.random_range(0..8) {
            0 => noise(&mut random),
            1..=4 => spoil(origin, &mut random),
            _ => swap_value(origin, &mut random),
        };
        for (body, run) in FUZZ_BODIES {
            let outcome = std::panic::catch_unwind(|| run(&bytes));
            assert!(outcome.is_ok(), "{body} does not survive {:?}", String::from_utf8_lossy(&bytes));
        }
        inputs += 1;
    }
    println!("{inputs} inputs through {} bodies in {seconds} s, seed {seed}", FUZZ_BODIES.len());
}

/// Every scalar inside the answers as JSON of its own: what the bodies of single types begin from.
fn scalars(answers: &[Vec<u8>]) -> Vec<Vec<u8>> {
    fn walk(value: &serde_json::Value, into: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Array(list) => list.iter().for_each(|value| walk(value, into)),
            serde_json::Value::Object(members) => members.values().for_each(|value| walk(value, into)),
            scalar => drop(into.insert(scalar.to_string())),
        }
    }
    let mut found = std::collections::BTreeSet::new();
    answers.iter().filter_map(|bytes| serde_json::from_slice(bytes).ok()).for_each(|value| walk(&value, &mut found));
    found.into_iter().map(String::into_bytes).collect()
}
