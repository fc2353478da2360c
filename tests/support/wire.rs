//! Answers of QuantConnect read without a connection: one reader per request type, and the bodies of the fuzz
//! targets, which any bytes must survive.

use qc_api::endpoints::{
    account, assist, backtests, collaboration, community, compile, connections, data, files, lean, libraries, live,
    live_commands, nodes, object_store, optimizations, organizations, projects,
};
use qc_api::wire::{date, display, span};
use qc_api::{Endpoint, Error, read_reply};
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

/// Fuzz body: every lenient type that reads a text.
pub fn lenient_types(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    drop(date::parse(&text));
    if let Some(read) = span::parse(&text) {
        assert_eq!(span::parse(&span::format(read)).map(|again| again.as_secs()), Some(read.as_secs()));
    }
    if let Some(figure) = display::parse(&text) {
        assert!(figure.value.is_finite());
    }
    let pairs: Vec<(&str, &str)> = text.split('&').filter_map(|pair| pair.split_once('=')).collect();
    drop(qc_api::wire::form::decode(pairs));
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

/// Every fuzz body by name.
pub const FUZZ_BODIES: &[(&str, FuzzBody)] =
    &[("envelope", envelope), ("lenient_types", lenient_types), ("chart_points", chart_points), ("orders", orders)];
