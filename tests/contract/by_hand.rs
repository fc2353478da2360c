//! HTTP written by hand: what the wire itself says, which a client smooths over.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use qc_api::Clock;
use qc_sim::{Sim, seed};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An answer as it came.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Status line and headers, as text.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find_map(|(key, value)| key.eq_ignore_ascii_case(name).then_some(value))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }
}

/// Opens a link, as anybody may who holds it.
pub(crate) async fn open(link: &str) -> Answer {
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    exchange(host, &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"), b"").await
}

/// Asks the service, signed by the seeded account. `request` is a method and what follows the base URL, such as
/// `POST /projects/read`; `headers` are further lines.
pub(crate) async fn ask(sim: &Sim, request: &str, headers: &[&str], body: &[u8]) -> Answer {
    let (method, rest) = request.split_once(' ').unwrap();
    let base = sim.base_url().strip_prefix("http://").unwrap();
    let (host, prefix) = base.split_once('/').unwrap();
    let (basic, timestamp) = signature(sim);
    let mut head = format!(
        "{method} /{prefix}{rest} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Authorization: Basic {basic}\r\nTimestamp: {timestamp}\r\n",
        body.len()
    );
    for header in headers {
        head.push_str(header);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    exchange(host, &head, body).await
}

/// The two halves of a signature of the seeded account.
pub(crate) fn signature(sim: &Sim) -> (String, String) {
    let timestamp = sim.clock().now().as_second().to_string();
    let hash = hex::encode(Sha256::digest(format!("{}:{timestamp}", seed::TOKEN)));
    (STANDARD.encode(format!("{}:{hash}", seed::USER_ID)), timestamp)
}

async fn exchange(host: &str, head: &str, body: &[u8]) -> Answer {
    let mut line = TcpStream::connect(host).await.unwrap();
    line.write_all(head.as_bytes()).await.unwrap();
    line.write_all(body).await.unwrap();
    let mut answer = Vec::new();
    line.read_to_end(&mut answer).await.unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer with headers");
    let body = answer.split_off(end + 4);
    let head = String::from_utf8(answer).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body }
}
