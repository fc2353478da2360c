//! Every example runs offline to its end and says what it is there to show. `cargo test --workspace` builds them; alone,
//! `cargo build --workspace --examples` does.
#![allow(clippy::disallowed_methods, reason = "programs are started to be tested")]

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use qc_api::endpoints::account::Authenticate;
use qc_api::{Client, Config, Credentials};
use qc_sim::seed;

/// Each example with words of what it prints. The server is not here: it does not end by itself.
const PROGRAMS: &[(&str, &[&str])] = &[
    ("sign_in", &["signed in as user 123456", "a wrong token: "]),
    ("run_backtest", &["BuildSuccess", "Completed.", "Sharpe ratio"]),
    ("first_backtest", &["Sharpe Ratio", "orders;"]),
    ("page_orders", &["three orders took 1 request(s)", "log lines hold"]),
    ("sweep", &["9 backtests of about", "lookback=20", "QCC left"]),
    ("live_status", &["simulated deployment: Running", "1 running at", "USD"]),
    ("object_store", &["uploaded signals/2024.csv", "a zip of", "0 objects left"]),
    ("thousand_reads", &["round 10: 1000 reads, 0 failed"]),
    ("read_lean_folder", &[]),
    ("pca_of_a_basket", &[]),
    ("pair_check", &[]),
    ("quantbook", &[]),
    ("tear_sheet", &["2 pages: HTML, PDF, PNG and CSV", "Sharpe ratio"]),
    ("charts", &["7 pictures in", "correlation: "]),
    ("linfa_pipeline", &[]),
];

/// Long enough for a build without optimization on a busy machine.
const PATIENCE: Duration = Duration::from_secs(300);

/// The folder of the examples: beside the folder of the tests.
fn folder() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.ancestors().nth(2).unwrap().join("examples")
}

fn start(name: &str, arguments: &[&str], stderr: Stdio) -> Child {
    let program = folder().join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "{name} is not built: cargo build --workspace --examples");
    let mut command = Command::new(program);
    command.args(arguments).env_clear();
    for kept in ["PATH", "TMPDIR", "SYSTEMROOT"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr).spawn().unwrap()
}

/// Runs a program to its end; gives what it printed.
fn run(name: &str) -> String {
    let mut child = start(name, &[], Stdio::piped());
    let (mut stdout, mut stderr) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let said = std::thread::spawn(move || std::io::read_to_string(&mut stdout).unwrap());
    let complained = std::thread::spawn(move || std::io::read_to_string(&mut stderr).unwrap());
    let began = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if PATIENCE < began.elapsed() {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{name} does not end");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let (said, complained) = (said.join().unwrap(), complained.join().unwrap());
    assert!(status.success(), "{name} failed: {complained}\n{said}");
    said
}

#[test]
fn every_example_runs_offline_and_shows_what_it_is_for() {
    for (name, words) in PROGRAMS {
        let said = run(name);
        assert!(!said.trim().is_empty(), "{name} says nothing");
        for words in *words {
            assert!(said.contains(words), "{name} does not say {words:?}:\n{said}");
        }
    }
}

#[test]
fn every_example_of_the_manifest_is_run() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let named = manifest.split("[[example]]\nname = \"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut unknown: Vec<_> = named.filter(|name| !PROGRAMS.iter().any(|(known, _)| known == name)).collect();
    unknown.retain(|name| *name != "offline_server");
    assert!(unknown.is_empty(), "nobody runs {unknown:?}");
}

/// Ten lines run a backtest: the function between its braces.
#[test]
fn a_backtest_takes_ten_lines() {
    let source = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/run_backtest.rs")).unwrap();
    let body = source.split("async fn run(").nth(1).unwrap().split("\n}").next().unwrap();
    let lines = body.lines().skip(1).filter(|line| !line.trim().is_empty()).count();
    assert!(lines <= 10, "{lines} lines:\n{body}");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What follows `mark` in a line of output, if it comes in time. The output is read on to its end.
fn told(output: impl Read + Send + 'static, mark: &'static str, patience: Duration) -> Option<String> {
    let (tell, hear) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if let Some((_, rest)) = line.split_once(mark) {
                tell.send(rest.to_owned()).ok();
            }
        }
    });
    hear.recv_timeout(patience).ok()
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let (silent, _open) = std::io::pipe().unwrap();
    assert_eq!(told(silent, "simulated: ", Duration::from_millis(50)), None);
    assert_eq!(told(&b"noise\nsimulated: here\n"[..], "simulated: ", PATIENCE).as_deref(), Some("here"));
    assert_eq!(told(&b"it ended\n"[..], "simulated: ", PATIENCE), None);
}

#[tokio::test]
async fn the_offline_server_answers_on_its_port() {
    // Nobody reads its errors here: a pipe would fill up.
    let mut server = Killed(start("offline_server", &["--port", "0"], Stdio::inherit()));
    let address = told(server.0.stdout.take().unwrap(), "simulated: ", PATIENCE).expect("no address was told");
    let mut config = Config::new(Credentials::new(seed::USER_ID.to_string(), seed::TOKEN).unwrap());
    config.base_url = address;
    Client::new(config).unwrap().send(&Authenticate {}).await.unwrap();
}
