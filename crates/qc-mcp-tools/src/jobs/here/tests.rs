//! Jobs of other processes: looked at, taken up, or left.

use serde_json::{Value, json};

use super::*;

/// A QuantConnect at which nobody ever answers, but which knows whether somebody came.
fn nobody() -> (std::net::TcpListener, crate::Upstream) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base_url = format!("http://{}/api/v2", listener.local_addr().unwrap());
    let start: crate::server::StartWorld = Arc::new(move || {
        let base_url = base_url.clone();
        Box::pin(async move {
            Ok(crate::UpstreamWorld {
                base_url,
                credentials: qc_api::Credentials::new("7", "token").unwrap(),
                clock: Arc::new(qc_api::SystemClock),
                data_folder: None,
                keep_alive: Box::new(()),
            })
        })
    });
    (listener, crate::Upstream::Lazy(start))
}

fn left_behind(tool: &str, arguments: Value, held: bool) -> Record {
    let now = Timestamp::now();
    let until = if held { now.checked_add(LEASE).unwrap() } else { now };
    Record {
        tool: tool.into(),
        arguments: arguments.as_object().cloned().unwrap(),
        status: Status::Running,
        step: Step { name: "begun".into(), done: 1.0, total: Some(4.0) },
        began: now,
        changed: now,
        lease: Some(Lease { holder: "another process".into(), until }),
        answer: None,
    }
}

/// What `wait_for_job` says of a record that another process left behind, and how often QuantConnect was called.
async fn asked(flags: &[&str], owner: &str, record: &Record, arguments: Value) -> (Value, usize, QcServer) {
    use rmcp::ServiceExt as _;
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
    let (listener, upstream) = nobody();
    let flags = ["--toolsets", "all"].iter().chain(flags);
    let settings = crate::Settings::isolated(crate::Transport::Stdio, flags).unwrap();
    let server = QcServer::new(settings, upstream).unwrap();
    server.write(owner, ID, record).unwrap();
    let (near, far) = tokio::io::duplex(1 << 20);
    let serving = server.clone();
    tokio::spawn(async move { serving.serve(far).await.unwrap().waiting().await });
    let (read, mut write) = tokio::io::split(near);
    let mut call = json!({"job": handle::of_record(ID)});
    call.as_object_mut().unwrap().extend(arguments.as_object().cloned().unwrap());
    let opening =
        json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}});
    for message in [
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": opening}),
        json!({"jsonrpc": "2.0", "method": "notifications/initialized"}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "wait_for_job", "arguments": call}}),
    ] {
        write.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }
    let mut lines = BufReader::new(read).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("an answer");
        let answer: Value = serde_json::from_str(&line).unwrap();
        if answer["id"] == 2 {
            let calls = std::iter::from_fn(|| listener.accept().ok()).count();
            return (answer["result"].clone(), calls, server);
        }
    }
}

const ID: &str = "0123456789abcdef0123456789abcdef";

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().unwrap()
}

fn create() -> Value {
    json!({"project_id": 1, "compile_id": "0123-4567", "backtest_name": "x"})
}

#[tokio::test]
async fn what_would_be_done_twice_is_not_taken_up_again() {
    let record = left_behind("create_backtest", create(), false);
    let (result, calls, _) = asked(&[], "owner", &record, json!({})).await;
    assert_eq!(result["structuredContent"]["status"], "interrupted", "{result}");
    assert!(text(&result).contains("look what it had done"), "{result}");
    assert_eq!(calls, 0);
}

#[tokio::test]
async fn a_job_is_taken_up_under_the_mode_of_then() {
    let record = left_behind("create_backtest", create(), false);
    let (result, calls, server) = asked(&["--mode", "read-only"], "owner", &record, json!({})).await;
    assert!(result["isError"] == true && text(&result).contains("not offered in this mode"), "{result}");
    assert_eq!((calls, server.record("owner", ID).unwrap().status), (0, Status::Running), "it waits");
}

#[tokio::test]
async fn what_another_process_drives_is_only_looked_at() {
    let record = left_behind("find_cointegrated_pairs", json!({}), true);
    let (result, calls, server) = asked(&[], "owner", &record, json!({"wait_seconds": 0})).await;
    let facts = &result["structuredContent"];
    assert_eq!((&facts["status"], &facts["progress"]), (&json!("running"), &json!(0.25)), "{result}");
    assert_eq!((calls, server.jobs().count("owner")), (0, 0));
}

#[tokio::test]
async fn a_lapsed_job_that_only_computes_is_done_again() {
    let ask = json!({"symbols": ["KO", "PEP"], "start_date": "2020-01-02", "end_date": "2020-12-31"});
    let record = left_behind("find_cointegrated_pairs", ask, false);
    let (result, calls, server) = asked(&[], "owner", &record, json!({})).await;
    // It ran: this server has no data folder, and that is the tool's own answer.
    assert!(result["isError"] == true && text(&result).contains("data folder"), "{result}");
    assert_eq!((calls, server.record("owner", ID).unwrap().status), (0, Status::Failed));
}

#[tokio::test]
async fn a_strangers_job_is_unknown() {
    let record = left_behind("find_cointegrated_pairs", json!({}), true);
    for arguments in [json!({}), json!({"cancel": true})] {
        let (result, calls, server) = asked(&[], "somebody else", &record, arguments).await;
        assert!(result["isError"] == true && text(&result).contains("no job with that handle"), "{result}");
        assert_eq!((calls, server.record("somebody else", ID).unwrap().status), (0, Status::Running));
    }
}
