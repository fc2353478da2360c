//! Bytes of any kind: the simulator answers each request, with an error or not, and goes on serving.
//!
//! A handler that panicked would close its connection without an answer, which [`crate::by_hand`] does not accept.

use std::time::Duration;

use qc_api::endpoints::backtests::ListBacktests;
use qc_api::endpoints::projects::ReadProjects;
use qc_api::ids::ProjectId;
use qc_api::{Effect, Encoding, endpoints};
use qc_sim::{JobTimes, Sim, SimOptions, Tier, seed};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::{Map, Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::by_hand::{Answer, ask};
use crate::{algorithm, backtested, built, grid, live, project_with};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);
const JSON: &str = "Content-Type: application/json";

/// What an answer to a bad request may be: a JSON envelope, the web server's 413 or, of one path alone, the wordless 500
/// of unknown data.
#[track_caller]
fn is_orderly(answer: &Answer, path: &str, what: &str) {
    let endpoint = path.split('?').next().unwrap_or_default().trim_matches('/');
    match answer.status {
        200 => assert!(answer.json().is_object(), "{what}: {}", answer.text()),
        302 | 400 | 404 | 413 => {}
        500 => assert!(answer.body.is_empty() && endpoint == "data/list", "{what}"),
        status => panic!("{what}: status {status}: {}", answer.text()),
    }
    // JSON has no NaN; a figure that is one would be null where a number must stand.
    assert!(!answer.text().contains("NaN"), "{what}");
}

async fn still_serves(sim: &Sim) {
    let answer = sim.client().unwrap().send(&ReadProjects::default()).await.unwrap();
    assert!(!answer.projects.is_empty());
}

fn junk(random: &mut Xoshiro256PlusPlus) -> Value {
    let deep = |open: &str, close: &str, levels: usize| {
        serde_json::from_str::<Value>(&format!("{}1{}", open.repeat(levels), close.repeat(levels))).unwrap()
    };
    let all = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
        json!(1e308),
        json!(-1e308),
        json!(5e-324),
        json!(0.5),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("💥".repeat(300)),
        json!("inf"),
        json!("nan"),
        json!("-9".repeat(400)),
        json!("../../etc/passwd"),
        json!("2024-01-01"),
        json!("1e400"),
        json!([]),
        json!({}),
        json!([null, {}, [1, "x"]]),
        json!({ "": { "": "" }, "$type": 3 }),
        json!([{ "name": "x", "min": "-inf", "max": 1e300, "step": 1e-300 }]),
        json!([{ "key": "a", "value": null }, 7]),
        deep("[", "]", 100),
        deep("{\"a\":", "}", 100),
    ];
    all[usize::try_from(random.next_u64() % all.len() as u64).unwrap()].clone()
}

/// A world in which something of everything is there, and a body that names it all.
async fn furnished(seed: u64) -> (Sim, Map<String, Value>) {
    let options = SimOptions { jobs: Some(JobTimes::NONE), tier: Tier::Institution, seed, ..SimOptions::default() };
    let sim = Sim::start_with(options).await.unwrap();
    let client = sim.client().unwrap();
    let backtest = backtested(&sim, &client, PAIR).await;
    let compile_id = built(&sim, &client, PAIR).await;
    let deploy_id = live::deployed(&sim, &client, PAIR).await;
    let grid = grid(PAIR, compile_id.clone());
    let made = client.send(&grid).await.unwrap().optimizations.remove(0).optimization_id;
    let grid = serde_json::to_value(grid).unwrap();
    let body = json!({
        "projectId": PAIR.0, "organizationId": seed::ORGANIZATION_ID, "backtestId": backtest.backtest_id,
        "compileId": compile_id, "algorithmId": deploy_id, "deployId": deploy_id, "nodeId": "LN-x",
        "optimizationId": made, "start": 0, "end": 50, "startLine": 0,
        "endLine": 50, "count": 10, "name": "Strategy Equity", "query": "", "format": "json", "language": "Py",
        "backtestName": "x", "content": "x = 1\n", "newName": "new.py", "patch": "--- a/main.py\n+++ b/main.py\n@@ -1 +1 @@\n-a\n+b\n",
        "codeSourceId": "x", "collaboratorUserId": seed::COLLABORATOR_PUBLIC_ID, "collaborationLiveControl": true,
        "collaborationWrite": true, "collaboratorId": seed::COLLABORATOR_PUBLIC_ID, "liveControl": true, "write": true
    });
    let more = json!({
        "libraryId": seed::BASKET_PROJECT_ID, "nodes": [], "tags": ["x"], "files": [{ "name": "main.py", "content": "x" }],
        "libraries": [], "parameters": grid["parameters"], "target": grid["target"], "targetTo": "max",
        "strategy": grid["strategy"], "nodeType": "O2-8", "parallelNodes": 1, "estimatedCost": 0.01, "constraints": [],
        "command": { "$type": "OrderCommand", "symbol": { "value": "KO" }, "quantity": 1, "order_type": "market" },
        "key": "x", "keys": ["x"], "path": "/", "filePath": "equity/usa/daily/", "versionId": "-1", "productId": 1,
        "fileName": "x", "brokerage": { "id": "QuantConnectBrokerage" }, "dataProviders": {}, "ticker": "KO",
        "security": "Equity", "market": "usa", "resolution": "Daily", "from-date": "2024-01-01",
        "to-date": "2024-01-02", "missing-points": "missing-points", "sentence": "self.add_eq",
        "error": { "message": "x" }, "criteria": [{ "input": "x", "type": "Docs", "count": 1 }],
    });
    let (Value::Object(mut body), Value::Object(more)) = (body, more) else { panic!("two maps") };
    body.extend(more);
    (sim, body)
}

#[tokio::test]
async fn members_of_every_request_may_be_anything() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(20_260_105);
    let mut asked = 0;
    for round in 0..3 {
        let (sim, whole) = furnished(round).await;
        let served = Sim::served_paths();
        let mut rows: Vec<_> = endpoints().filter(|info| served.contains(&info.path)).collect();
        // What ends things comes last, or nothing is left to ask about.
        rows.sort_by_key(|info| (info.effect == Effect::Delete, info.path.contains("update/")));
        for info in rows.into_iter().filter(|info| info.encoding != Encoding::Multipart) {
            for turn in 0..if info.effect == Effect::Delete { 6 } else { 18 } {
                let mut body = whole.clone();
                if info.name != "RenameFile" {
                    body.remove("newName");
                }
                if !info.path.starts_with("optimizations/") {
                    body.insert("parameters".into(), json!({}));
                }
                for _ in 0..turn.min(3) {
                    let at = usize::try_from(random.next_u64() % body.len() as u64).unwrap();
                    let key = body.keys().nth(at).unwrap().clone();
                    if random.random_bool(0.2) {
                        body.remove(&key);
                    } else {
                        body.insert(key, junk(&mut random));
                    }
                }
                let text = Value::Object(body).to_string();
                let answer = ask(&sim, &format!("POST /{}", info.path), &[JSON], text.as_bytes()).await;
                is_orderly(&answer, info.path, &format!("{} with {text}", info.path));
                asked += 1;
            }
        }
        still_serves(&sim).await;
    }
    assert!(3000 < asked, "{asked}");
}

#[tokio::test]
async fn bodies_paths_and_queries_may_be_any_bytes() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(7);
    let (sim, whole) = furnished(7).await;
    let whole = Value::Object(whole).to_string();
    let kinds = [
        JSON,
        "Content-Type: application/x-www-form-urlencoded",
        "Content-Type: multipart/form-data; boundary=x",
        "Content-Type: multipart/form-data",
        "Content-Type: text/plain",
        "X-Nothing: 1",
    ];
    let parts: [&[u8]; 9] = [
        b"--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\n",
        b"--x\r\nContent-Disposition: form-data; name=\"objectData\"; filename=\"f\"\r\n\r\n",
        b"\r\n--x--\r\n",
        b"projectId=20000001&",
        b"p[0][a]=%C3%28&p[][][][]=1&p[0]=2&=&&[]=3&%5B=%",
        b"{\"projectId\":",
        b"[[[[[[[[",
        b"\xff\xfe\x00",
        b"organizationId",
    ];
    let paths = [
        "projects/read",
        "projects/read/",
        "/projects//read",
        "object/set",
        "files/create",
        "live/create",
        "",
        "..",
        "%00",
        "projects/read/%2e%2e/x?a=%",
        "data/list?filePath=%ff%fe",
        "backtests/read/no/such/thing",
        "x".repeat(3000).as_str(),
    ]
    .map(str::to_owned);
    for turn in 0..900 {
        let mut body: Vec<u8> = Vec::new();
        for _ in 0..random.random_range(0..6) {
            match random.random_range(0..4) {
                0 => body.extend((0..random.random_range(0..200)).map(|_| random.random::<u8>())),
                1 => {
                    let cut = random.random_range(0..whole.len());
                    body.extend(&whole.as_bytes()[..cut]);
                }
                _ => body.extend(parts[random.random_range(0..parts.len())]),
            }
        }
        let path = &paths[turn % paths.len()];
        let kind = kinds[random.random_range(0..kinds.len())];
        let method = ["POST", "GET", "PUT", "DELETE"][random.random_range(0..4)];
        let answer = ask(&sim, &format!("{method} /{path}"), &[kind], &body).await;
        is_orderly(&answer, path, &format!("{method} {path}"));
    }
    // A body nested beyond all measure, and one that is all brackets.
    for body in ["[".repeat(100_000), format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000))] {
        is_orderly(&ask(&sim, "POST /projects/read", &[JSON], body.as_bytes()).await, "projects/read", "deep");
    }
    let form = format!("a{}=1", "[a]".repeat(20_000));
    is_orderly(&ask(&sim, "POST /projects/read", &[kinds[1]], form.as_bytes()).await, "projects/read", "deep form");
    still_serves(&sim).await;
}

#[test]
fn a_wordless_500_is_an_answer_of_one_path_alone() {
    let wordless = || Answer { status: 500, head: String::new(), body: Vec::new() };
    is_orderly(&wordless(), "/data/list?filePath=x", "");
    for path in ["projects/read", "data/list/more", "projects/read?filePath=data/list"] {
        assert!(std::panic::catch_unwind(|| is_orderly(&wordless(), path, "data/list")).is_err(), "{path}");
    }
}

#[tokio::test]
async fn what_is_no_http_at_all_disturbs_nobody() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(11);
    let (sim, _) = furnished(11).await;
    let host = sim.base_url().strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    for turn in 0..200 {
        let mut line = TcpStream::connect(&host).await.unwrap();
        let mut bytes: Vec<u8> = (0..random.random_range(0..400)).map(|_| random.random::<u8>()).collect();
        if turn % 3 == 0 {
            bytes.splice(
                0..0,
                *b"POST /api/v2/projects/read HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nTimestamp: \xff\r\n",
            );
        }
        line.write_all(&bytes).await.ok();
        line.shutdown().await.ok();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(5), line.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "a connection that was closed is not let go");
    }
    still_serves(&sim).await;
}

/// Links for whoever holds them take any token.
#[tokio::test]
async fn links_take_no_other_token_and_no_path() {
    let (sim, _) = furnished(13).await;
    let root = sim.base_url().strip_suffix("/api/v2").unwrap();
    for path in [
        "download/x",
        "data/../world.json",
        "data/%2e%2e/x",
        "login/",
        "login/x/y",
        "download/",
        "data",
        "",
        "agreement/x",
    ] {
        let answer = crate::by_hand::open(&format!("{root}/{path}")).await;
        assert!([403, 404].contains(&answer.status), "{path}: {}", answer.status);
    }
}

#[tokio::test]
async fn code_of_any_text_builds_or_not_and_runs_to_figures() {
    const WORDS: [&str; 30] = [
        "class A(QCAlgorithm):\n",
        "  def initialize(self):\n",
        "    ",
        "self.",
        "add_equity",
        "AddEquity",
        "(",
        ")",
        "\"KO\"",
        "'SPY'",
        "set_start_date",
        "set_end_date",
        "set_cash",
        "2024, 1, 2",
        "99999, 99, 99",
        "2020, 1, 3",
        "1e308",
        "1e400",
        "0",
        "-5",
        "\n",
        "raise ",
        "ValueError('x')",
        "#",
        "\"\"\"",
        "month_start",
        "Insight",
        "@\"",
        "\u{1F4A5}",
        "\\",
    ];
    let mut random = Xoshiro256PlusPlus::seed_from_u64(17);
    let options = SimOptions { jobs: Some(JobTimes::NONE), ..SimOptions::default() };
    let sim = Sim::start_with(options).await.unwrap();
    let client = sim.client().unwrap();
    let mut ran = 0;
    for turn in 0..60 {
        let length = random.random_range(0..60);
        let soup: String = (0..length).map(|_| WORDS[random.random_range(0..WORDS.len())]).collect();
        // Half of them build.
        let code = match turn % 4 {
            0 => soup,
            1 => algorithm(&["self.add_equity(\"KO\")", "self.set_cash(1e308)", "self.set_start_date(2025, 6, 1)"]),
            2 => algorithm(&[
                "self.add_equity(\"KO\")",
                "self.set_start_date(2025, 6, 2)",
                "self.set_end_date(2025, 6, 1)",
            ]),
            _ => algorithm(&["self.add_equity(\"KO\")", "self.set_start_date(2030, 1, 1)", "self.set_cash(0.01)"]),
        };
        let project_id = project_with(&client, &format!("Soup {turn}"), &format!("{code}\n")).await;
        let compile = crate::compiled(&sim, &client, project_id).await;
        if !compile.errors.is_empty() || compile.state.as_str() != "BuildSuccess" {
            continue;
        }
        ran += 1;
        let run = json!({ "projectId": project_id, "compileId": compile.compile_id, "backtestName": "x" });
        let create = ask(&sim, "POST /backtests/create", &[JSON], run.to_string().as_bytes()).await.json();
        let mut body = json!({ "projectId": project_id, "backtestId": create["backtest"]["backtestId"], "start": 0, "end": 100,
            "query": "", "name": "Strategy Equity", "count": 10, "includeStatistics": true });
        for path in ["read", "list", "orders/read", "trades/read", "read/insights", "read/log", "read/report"] {
            let answer = ask(&sim, &format!("POST /backtests/{path}"), &[JSON], body.to_string().as_bytes()).await;
            is_orderly(&answer, &format!("backtests/{path}"), path);
            assert_eq!(answer.json()["success"], true, "{path}: {code}\n{}", answer.text());
            assert!(
                !answer.text().contains("inf\"") && !answer.text().contains("inf%"),
                "{path}: {}",
                &answer.text()[..200]
            );
        }
        body["end"] = json!(4_000_000_000_i64);
        let path = "backtests/chart/read";
        is_orderly(&ask(&sim, &format!("POST /{path}"), &[JSON], body.to_string().as_bytes()).await, path, "chart");
        let listed = client.send(&ListBacktests { project_id, include_statistics: Some(true) }).await.unwrap();
        assert_eq!(listed.count, Some(1));
    }
    assert!(30 <= ran, "{ran}");
}
