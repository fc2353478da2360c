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

/// Finds of the fuzzer, kept as files, replay here.
#[test]
fn saved_finds_never_panic() {
    let folder = corpus::folder().join("finds");
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        survives(&std::fs::read(entry.path()).unwrap());
    }
}
