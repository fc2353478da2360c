//! A program started for a test, spoken to line by line or by HTTP, and never left running.

use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Long enough for a slow machine, short enough to fail a hung test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The environment of the tests' programs: nothing of the developer's own settings reaches them.
pub fn command(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    // Without HOME a program would ask the system for the developer's own.
    let home = std::env::temp_dir().join("quantconnect-mcp-test-home");
    command.args(arguments).env_clear().env("HOME", home).envs(environment.iter().copied());
    for kept in ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command
}

/// A running program with all three of its streams held.
#[derive(Debug)]
pub struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    log: Arc<Mutex<String>>,
    logging: Option<JoinHandle<()>>,
}

impl Process {
    /// Starts a program with no environment but the given one.
    pub fn start(program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> Process {
        let mut command = command(program, arguments, environment);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (send, lines) = channel();
        let stdout = child.stdout.take().unwrap();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, into) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let logging = thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut log = into.lock().unwrap();
                log.push_str(&line);
                log.push('\n');
            }
        });
        Process { stdin: child.stdin.take(), child, lines, log, logging: Some(logging) }
    }

    /// Everything said on stderr so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Waits until the log holds `text` and returns the line.
    pub fn logged(&mut self, text: &str) -> String {
        let begun = Instant::now();
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < PATIENCE, "never logged {text:?}; log:\n{}", self.log());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Writes to stdin as it is.
    pub fn write(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(text.as_bytes()).unwrap();
        stdin.flush().unwrap();
    }

    /// Sends a message of the protocol as one line.
    pub fn send(&mut self, message: &Value) {
        self.write(&format!("{message}\n"));
    }

    /// The next line of stdout, which must be a message of the protocol.
    pub fn message(&mut self) -> Value {
        let line = self.lines.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no answer; log:\n{}", self.log()));
        parsed(&line)
    }

    /// Asks and waits for the answer to exactly this question.
    pub fn ask(&mut self, id: u64, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        loop {
            let message = self.message();
            if message["id"] == json!(id) {
                return message;
            }
        }
    }

    /// The opening of clients up to the revision 2025-11-25.
    pub fn initialize(&mut self) -> Value {
        let answer = self.ask(0, "initialize", opening());
        self.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        answer
    }

    /// Closes stdin and returns how long the program took to end, how it ended, and what else it had to say.
    pub fn hang_up(&mut self) -> (Duration, ExitStatus, Vec<Value>) {
        drop(self.stdin.take());
        self.ending()
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) -> (Duration, ExitStatus, Vec<Value>) {
        self.signal("TERM");
        self.ending()
    }

    /// Waits for an end that needs no help.
    pub fn ending(&mut self) -> (Duration, ExitStatus, Vec<Value>) {
        let begun = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(begun.elapsed() < PATIENCE, "the program does not end; log:\n{}", self.log());
            thread::sleep(Duration::from_millis(2));
        };
        let took = begun.elapsed();
        // The readers end with the pipes; what they had read is still in the channel.
        let rest = self.lines.iter().map(|line| parsed(&line)).collect();
        if let Some(logging) = self.logging.take() {
            logging.join().unwrap();
        }
        (took, status, rest)
    }

    /// Sends a signal by its short name.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The shapes in which a secret could show: as it is, in base64, and in base64 behind the user id.
pub fn forms_of(user: &str, secret: &str) -> Vec<String> {
    let plain = BASE64.encode(secret);
    let pair = BASE64.encode(format!("{user}:{secret}"));
    // The last group depends on what follows the secret, so it is left out.
    let stem = |text: &str| text[..text.len() - 4].to_owned();
    vec![secret.to_owned(), stem(&plain), stem(&pair)]
}

/// Parameters of `initialize`.
pub fn opening() -> Value {
    json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "0"}})
}

fn parsed(line: &str) -> Value {
    let message: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} on stdout: {line:?}"));
    assert_eq!(message["jsonrpc"], "2.0", "on stdout: {line:?}");
    message
}

/// An answer of an HTTP server.
#[derive(Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Status line and headers in lower case.
    pub headers: String,
    /// What came after them.
    pub body: String,
}

/// Sends bytes as they are and reads until the server closes; `Connection: close` must be among the headers.
pub fn http(address: SocketAddr, head: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let length = format!("Content-Length: {}", body.len());
    let head: Vec<&str> = head.iter().copied().chain(["Connection: close", &length]).collect();
    // A server that refuses early may close before it has read the body.
    let _ = stream.write_all(format!("{}\r\n\r\n{body}", head.join("\r\n")).as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let (headers, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {text:?}"));
    let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, headers: headers.to_ascii_lowercase(), body: body.to_owned() }
}
