//! The real `qc-mcp-http`, started for a test, and raw requests to it.
#![allow(dead_code, clippy::unwrap_used, reason = "each suite picks what it needs, and may stop at the first surprise")]

use serde_json::{Value, json};
use std::net::SocketAddr;
use support::process::{Answer, Process, http, opening};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_qc-mcp-http");

/// A started server and the address it got.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
}

impl Server {
    pub(crate) fn start(arguments: &[&str], environment: &[(&str, &str)]) -> Server {
        let arguments: Vec<&str> = ["--demo", "--port", "0"].iter().chain(arguments).copied().collect();
        let mut process = Process::start(PROGRAM, &arguments, environment);
        let line = process.logged("listening on http://");
        let (_, url) = line.split_once("http://").unwrap();
        let (address, path) = url.split_once('/').unwrap();
        Server { process, address: address.parse().unwrap(), path: format!("/{path}") }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }

    pub(crate) fn post(&self, message: &Value, headers: &[&str]) -> Answer {
        post(self.address, &self.path, message, headers)
    }

    pub(crate) fn get(&self, path: &str, headers: &[&str]) -> Answer {
        let request = format!("GET {path} HTTP/1.1");
        let head: Vec<&str> = [request.as_str()].into_iter().chain(headers.iter().copied()).collect();
        http(self.address, &head, "")
    }
}

/// Posts a message of the protocol with further header lines.
pub(crate) fn post(address: SocketAddr, path: &str, message: &Value, headers: &[&str]) -> Answer {
    let request = format!("POST {path} HTTP/1.1");
    let host = format!("Host: {address}");
    let mut head = vec![request.as_str(), "Content-Type: application/json"];
    head.push("Accept: application/json, text/event-stream");
    if !headers.iter().any(|line| line.starts_with("Host:")) {
        head.push(&host);
    }
    head.extend(headers);
    http(address, &head, &message.to_string())
}

pub(crate) fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening()})
}

/// A call of a tool.
pub(crate) fn call(name: &str, arguments: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}})
}
