//! What the tests of research tools share: a server over a folder, called through rmcp's own client in process.

use std::{path::Path, sync::LazyLock};

use qc_mcp_tools::{QcServer, Settings, Transport, Upstream};
use rmcp::{
    RoleClient, ServiceExt,
    model::{CallToolRequestParams, ReadResourceRequestParams, ResourceContents},
    service::RunningService,
};
use serde_json::{Value, json};

/// The synthetic market, written once for all tests of this target.
pub static MARKET: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    qc_sim::market::write(folder.path(), qc_sim::market::DEMO_SEED).unwrap();
    folder
});

/// A client of a server of its own.
pub struct Desk {
    client: RunningService<RoleClient, ()>,
}

/// The answer of a tool.
#[derive(Debug)]
pub struct Answer {
    pub is_error: bool,
    pub text: String,
    pub data: Value,
}

impl Desk {
    /// A server over the synthetic market.
    pub async fn synthetic() -> Self {
        Desk::over(MARKET.path()).await
    }

    /// A server over a data folder.
    pub async fn over(folder: &Path) -> Self {
        Desk::with(&["--data-folder", folder.to_str().unwrap()]).await
    }

    /// A server with these flags.
    pub async fn with(flags: &[&str]) -> Self {
        let flags = ["--toolsets", "all"].iter().chain(flags);
        let settings = Settings::isolated(Transport::Stdio, flags).unwrap();
        let server = QcServer::new(settings, Upstream::Configured).unwrap();
        let (near, far) = tokio::io::duplex(1 << 20);
        tokio::spawn(async move {
            if let Ok(running) = server.serve(far).await {
                let _ = running.waiting().await;
            }
        });
        Desk { client: ().serve(near).await.unwrap() }
    }

    /// Calls a tool; a protocol error fails the test.
    pub async fn call(&self, tool: &'static str, arguments: Value) -> Answer {
        let Value::Object(arguments) = arguments else { panic!("arguments must be an object") };
        let result = self.client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap();
        let text = result.content.first().and_then(|block| block.as_text()).map(|text| text.text.clone());
        Answer {
            is_error: result.is_error == Some(true),
            text: text.unwrap_or_default(),
            data: result.structured_content.unwrap_or_default(),
        }
    }

    /// Calls a tool that must succeed, and gives the PNG in its answer too.
    pub async fn drawn(&self, tool: &'static str, arguments: Value) -> (Value, Option<Vec<u8>>) {
        use base64::Engine as _;
        let Value::Object(arguments) = arguments else { panic!("arguments must be an object") };
        let result = self.client.call_tool(CallToolRequestParams::new(tool).with_arguments(arguments)).await.unwrap();
        assert!(result.is_error != Some(true), "{tool}: {:?}", result.content.first());
        let images: Vec<Vec<u8>> = result
            .content
            .iter()
            .filter_map(|block| block.as_image())
            .map(|image| {
                assert_eq!(image.mime_type, "image/png");
                base64::prelude::BASE64_STANDARD.decode(&image.data).unwrap()
            })
            .collect();
        assert!(images.len() <= 1, "{tool}: one picture at most");
        (result.structured_content.unwrap_or_default(), images.into_iter().next())
    }

    /// A resource as text; `None` if the server has none of that address.
    pub async fn text(&self, uri: &str) -> Option<(String, Option<String>)> {
        let result = self.client.read_resource(ReadResourceRequestParams::new(uri)).await.ok()?;
        match result.contents.into_iter().next()? {
            ResourceContents::TextResourceContents { text, mime_type, .. } => Some((text, mime_type)),
            _ => None,
        }
    }

    /// Calls a tool that must succeed.
    pub async fn ok(&self, tool: &'static str, arguments: Value) -> Value {
        let answer = self.call(tool, arguments).await;
        assert!(!answer.is_error, "{tool}: {}", answer.text);
        answer.data
    }

    /// Calls a tool that must refuse; answers the text the model reads.
    pub async fn refused(&self, tool: &'static str, arguments: Value) -> String {
        let answer = self.call(tool, arguments).await;
        assert!(answer.is_error, "{tool} should refuse: {}", answer.text);
        assert!(answer.text.contains("\nhint: "), "every refusal says what to do next: {}", answer.text);
        answer.text
    }

    /// The kept result that an answer points to.
    pub async fn kept(&self, answer: &Value) -> Value {
        let id = answer["research_id"].as_str().expect("an answer names its kept result");
        self.resource(&format!("qc://research/{id}")).await.expect("the kept result can be read")
    }

    /// A resource as JSON; `None` if the server has none of that address.
    pub async fn resource(&self, uri: &str) -> Option<Value> {
        let result = self.client.read_resource(ReadResourceRequestParams::new(uri)).await.ok()?;
        match result.contents.into_iter().next()? {
            ResourceContents::TextResourceContents { text, .. } => serde_json::from_str(&text).ok(),
            _ => None,
        }
    }
}

/// A copy of the synthetic market that a test may damage.
pub fn market_copy() -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    copy_folder(MARKET.path(), copy.path());
    copy
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A number in an answer.
pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("expected a number, found {value}"))
}

/// Symbols and a window, as most tools take them.
pub fn over(symbols: &[&str], start: &str, end: &str) -> Value {
    json!({"symbols": symbols, "start_date": start, "end_date": end})
}

/// Two numbers equal up to `relative` of the larger one.
#[track_caller]
pub fn close(found: &Value, expected: f64, relative: f64) {
    let found = number(found);
    let scale = found.abs().max(expected.abs()).max(1e-300);
    assert!((found - expected).abs() <= relative * scale, "found {found:e}, expected {expected:e}");
}

/// Removes the daily bars of `first` to `last` (YYYYMMDD, both included) of a symbol of a copied market.
pub fn drop_days(folder: &Path, symbol: &str, first: &str, last: &str) {
    use std::io::{Read, Write};
    let path = folder.join(format!("equity/usa/daily/{symbol}.zip"));
    let mut archive = zip::ZipArchive::new(std::fs::File::open(&path).unwrap()).unwrap();
    let mut entry = archive.by_index(0).unwrap();
    let name = entry.name().unwrap().into_owned();
    let mut text = String::new();
    entry.read_to_string(&mut text).unwrap();
    drop(entry);
    let keep = |line: &&str| !(first <= &line[..8] && &line[..8] <= last);
    let kept: Vec<&str> = text.lines().filter(keep).collect();
    assert!(kept.len() < text.lines().count(), "some days must be dropped");
    let mut writer = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    writer.write_all(kept.join("\n").as_bytes()).unwrap();
    writer.finish().unwrap();
}
