//! Answers of QuantConnect read without a connection: one reader per request type, and the bodies of the fuzz
//! targets, which any bytes must survive.

use qc_api::endpoints::{
    account, assist, backtests, collaboration, community, compile, connections, data, files, lean, libraries, live,
    live_commands, nodes, object_store, optimizations, organizations, projects,
};
use qc_api::wire::{date, display, flag, form, list, map, number, object, span, text};
use qc_api::{Endpoint, Error, model, read_reply};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads an answer (HTTP status and body) and gives the typed reading back as JSON.
pub type Reader = fn(u16, &[u8]) -> Result<Value, Error>;

/// Reads an answer of `E`. What was read must survive being written and read again.
fn read<E>(status: u16, body: &[u8]) -> Result<Value, Error>
where
    E: Endpoint,
    E::Reply: Serialize + DeserializeOwned,
{
    let reply = read_reply::<E>(status, body)?;
    let written = serde_json::to_value(&reply).expect("a reply can be written");
    let again: E::Reply = serde_json::from_value(written.clone()).expect("what was written can be read");
    let rewritten = serde_json::to_value(&again).expect("a reply can be written");
    assert_eq!(written, rewritten, "{} changes when written and read again", E::PATH);
    Ok(written)
}

macro_rules! readers {
    ($($module:ident { $($request:ident),* $(,)? })*) => {
        /// The reader of every request type, by its name.
        pub const READERS: &[(&str, Reader)] = &[$($((stringify!($request), read::<$module::$request> as Reader),)*)*];
    };
}

readers! {
    account { Authenticate, ReadAccount, ReadUser }
    projects { CreateProject, ReadProjects, UpdateProject, DeleteProject }
    files { CreateFile, ReadFiles, UpdateFileContent, RenameFile, PatchFiles, DeleteFile }
    compile { CreateCompile, ReadCompile }
    backtests {
        CreateBacktest, ReadBacktest, ListBacktests, ReadBacktestChart, ReadBacktestOrders, ReadBacktestInsights,
        ReadBacktestTrades, ReadBacktestLogs, ReadBacktestReport, UpdateBacktest, UpdateBacktestTags, DeleteBacktest,
    }
    optimizations {
        EstimateOptimization, CreateOptimization, ReadOptimization, ListOptimizations, UpdateOptimization,
        AbortOptimization, DeleteOptimization,
    }
    organizations { ReadOrganization, ListOrganizations, ListEncryptionKeys }
    collaboration { CreateCollaborator, ReadCollaborators, UpdateCollaborator, DeleteCollaborator, AcquireLock }
    nodes { ReadNodes, ReadProjectNodes, UpdateProjectNodes }
    libraries { AddLibrary, RemoveLibrary }
    lean { ReadLeanVersions, ReadLeanEnvironments }
    live {
        CreateLive, ReadLive, ListLive, ReadLivePortfolio, ReadLiveChart, ReadLiveOrders, ReadLiveTrades,
        ReadLiveInsights, ReadLiveLogs, StopLive, LiquidateLive,
    }
    live_commands { CreateLiveCommand, BroadcastLiveCommand }
    connections { AuthorizeConnection, ReadConnection }
    object_store { SetObject, StartDownload, ReadDownload, ReadObjectProperties, ListObjects, DeleteObject }
    data { ReadData, ListData, ReadDataPrices, ListDatasets, ListModules, ReadModule }
    assist { CheckInitialization, CompleteCode, EnhanceError, ConvertPep8, CheckSyntax, SearchAssist }
    community { CreateDataIssue, ListDataIssues, ReadNews }
}

/// The reader of a request type.
pub fn reader(name: &str) -> Option<Reader> {
    READERS.iter().find(|(known, _)| *known == name).map(|(_, reader)| *reader)
}

/// Fuzz body: the frame of an answer with several HTTP statuses, and its reading by every request type.
pub fn envelope(bytes: &[u8]) {
    for status in [302, 401, 429, 500] {
        drop(read::<account::ReadAccount>(status, bytes));
    }
    for (_, reader) in READERS {
        drop(reader(200, bytes));
    }
}

/// Bytes as JSON, read by one lenient function.
fn json<'a, T>(
    bytes: &'a [u8],
    read: fn(&mut serde_json::Deserializer<serde_json::de::SliceRead<'a>>) -> serde_json::Result<T>,
) -> Option<T> {
    read(&mut serde_json::Deserializer::from_slice(bytes)).ok()
}

/// Fuzz body: numbers. None of them is infinite or no number.
pub fn numbers(bytes: &[u8]) {
    let read = json(bytes, |json| number::option(json)).flatten();
    assert!(read.is_none_or(f64::is_finite));
    assert!(json(bytes, |json| number::float(json)).is_none_or(f64::is_finite));
    assert!(json(bytes, |json| number::or_zero(json)).is_none_or(f64::is_finite));
    let whole = json(bytes, |json| number::option_integer(json)).flatten();
    if let (Some(whole), Some(read)) = (whole, read) {
        assert!((whole as f64 - read).abs() <= read.abs() * f64::EPSILON, "{whole} is not {read}");
    }
    assert_eq!(json(bytes, |json| number::integer(json)), whole);
}

/// Fuzz body: texts and flags.
pub fn texts_and_flags(bytes: &[u8]) {
    let option = json(bytes, |json| text::option(json));
    assert_eq!(json(bytes, |json| text::string(json)), option.map(Option::unwrap_or_default));
    let flag = json(bytes, |json| flag::option(json));
    assert_eq!(json(bytes, |json| flag::or_false(json)), flag.map(|flag| flag == Some(true)));
}

/// A moment under the three ways it is written.
#[derive(Serialize, serde::Deserialize)]
struct Moments {
    #[serde(with = "date::iso")]
    iso: Option<jiff::Timestamp>,
    #[serde(with = "date::spaced")]
    spaced: Option<jiff::Timestamp>,
    #[serde(with = "date::unix")]
    unix: Option<jiff::Timestamp>,
}

/// Fuzz body: moments. What was read can be written in all three ways and read again.
pub fn dates(bytes: &[u8]) {
    drop(date::parse(&String::from_utf8_lossy(bytes)));
    let Some(Some(moment)) = json(bytes, |json| date::iso::deserialize(json)) else { return };
    let moments = Moments { iso: Some(moment), spaced: Some(moment), unix: Some(moment) };
    let written = serde_json::to_string(&moments).expect("a moment can be written");
    let again: Moments = serde_json::from_str(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    let apart = |again: Option<jiff::Timestamp>| {
        let again = again.unwrap_or_else(|| panic!("{written} lost a moment"));
        moment.duration_since(again).as_secs_f64().abs()
    };
    assert_eq!(again.iso, Some(moment), "{written}");
    assert!(apart(again.spaced) < 1.0 && apart(again.unix) < 1e-3, "{written}");
}

/// Fuzz body: spans of time.
pub fn spans(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for read in [span::parse(&text), json(bytes, |json| span::deserialize(json)).flatten()].into_iter().flatten() {
        assert_eq!(span::parse(&span::format(read)).map(|again| again.as_secs()), Some(read.as_secs()));
    }
}

/// Fuzz body: figures made for people.
pub fn figures(bytes: &[u8]) {
    if let Some(figure) = display::parse(&String::from_utf8_lossy(bytes)) {
        assert!(figure.value.is_finite() && figure.fraction().is_finite());
    }
}

/// Fuzz body: lists, maps and objects in all their forms.
pub fn collections(bytes: &[u8]) {
    drop(json(bytes, |json| list::of::<_, i64>(json)));
    drop(json(bytes, |json| list::of_texts(json)));
    drop(json(bytes, |json| map::of::<_, Value>(json)));
    drop(json(bytes, |json| map::of_texts(json)));
    let object: Option<Option<model::OrderSubmissionData>> = json(bytes, |json| object::option(json));
    let _ = object;
}

/// Fuzz body: words and codes. Unknown ones survive being written and read again.
pub fn open_enums(bytes: &[u8]) {
    fn survives<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
        if let Ok(word) = serde_json::from_slice::<T>(bytes) {
            let written = serde_json::to_vec(&word).expect("a word can be written");
            assert_eq!(serde_json::from_slice::<T>(&written).expect("what was written can be read"), word);
        }
    }
    survives::<model::OrderStatus>(bytes);
    survives::<model::OrderEventStatus>(bytes);
    survives::<model::LiveStatus>(bytes);
    survives::<model::Symbol>(bytes);
}

/// Fuzz body: forms with PHP's brackets.
pub fn forms(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
    drop(form::encode(&form::decode(pairs)));
}

/// Fuzz body: the points of a chart.
pub fn chart_points(bytes: &[u8]) {
    inside(bytes, r#"{"success":true,"chart":{"series":{"a":{"values":"#, "}}}}", "ReadBacktestChart");
}

/// Fuzz body: orders.
pub fn orders(bytes: &[u8]) {
    inside(bytes, r#"{"success":true,"orders":"#, "}", "ReadBacktestOrders");
}

fn inside(bytes: &[u8], before: &str, after: &str, name: &str) {
    let body = [before.as_bytes(), bytes, after.as_bytes()].concat();
    if let Some(reader) = reader(name) {
        drop(reader(200, &body));
    }
}

/// Feeds any bytes to one decoder.
pub type FuzzBody = fn(&[u8]);

/// Every fuzz body by name; `tests/fuzz` has a target for each.
pub const FUZZ_BODIES: &[(&str, FuzzBody)] = &[
    ("envelope", envelope),
    ("numbers", numbers),
    ("texts_and_flags", texts_and_flags),
    ("dates", dates),
    ("spans", spans),
    ("figures", figures),
    ("collections", collections),
    ("open_enums", open_enums),
    ("forms", forms),
    ("chart_points", chart_points),
    ("orders", orders),
];
