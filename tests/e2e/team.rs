//! The real `qc-mcp-http` for several people: tokens of an issuer, credentials by headers, limits, sessions, TLS.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test may stop at the first surprise, in its helpers too, and reads its own length"
)]

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use qc_sim::seed;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use support::process::{Answer, Process, forms_of};

mod server;

use server::{PROGRAM, Server, call, initialize, post};

const ISSUER: &str = "http://127.0.0.1:9/issuer";
const AUDIENCE: &str = "http://localhost/mcp";

fn keys() -> Value {
    serde_json::from_str(include_str!("keys.json")).unwrap()
}

/// Serves a set of keys, and counts how often it is asked.
fn key_server() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _ = stream.read(&mut [0; 4096]);
            count.fetch_add(1, Ordering::SeqCst);
            let body = json!({"keys": [keys()["ours"]["jwk"]]}).to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    (address, asked)
}

fn issued(key_server: SocketAddr) -> [(&'static str, String); 3] {
    [
        ("QC_MCP_JWT_ISSUER", ISSUER.to_owned()),
        ("QC_MCP_JWT_AUDIENCE", AUDIENCE.to_owned()),
        ("QC_MCP_JWKS_URL", format!("http://{key_server}/keys")),
    ]
}

fn borrowed<'a>(list: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    list.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

fn claims(subject: &str, scope: &str, seconds: i64) -> Value {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    json!({"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "scope": scope, "exp": now.saturating_add_signed(seconds)})
}

fn token(key: &str, kid: &str, claims: &Value) -> String {
    let der = BASE64_URL_SAFE_NO_PAD.decode(keys()[key]["pkcs8"].as_str().unwrap()).unwrap();
    let mut header = Header::new(Algorithm::ES256);
    header.kid = Some(kid.to_owned());
    header.jku = Some("http://127.0.0.1:9/evil".to_owned());
    format!("Authorization: Bearer {}", jsonwebtoken::encode(&header, claims, &EncodingKey::from_ec_der(&der)).unwrap())
}

fn said(answer: &Answer) -> Value {
    serde_json::from_str(&answer.body).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
}

/// The text of a tool's answer, and whether it is an error.
fn told(answer: &Answer) -> (String, bool) {
    let result = said(answer)["result"].clone();
    (result["content"][0]["text"].as_str().unwrap_or_default().to_owned(), result["isError"] == json!(true))
}

#[test]
fn tokens_of_the_issuer_open_the_door_and_others_do_not() {
    let (address, asked) = key_server();
    let environment = issued(address);
    let server = Server::start(&[], &borrowed(&environment));
    let refused = server.post(&initialize(), &[]);
    assert_eq!(refused.status, 401);
    let challenge =
        "www-authenticate: bearer resource_metadata=\"http://localhost/.well-known/oauth-protected-resource/mcp\"";
    assert!(refused.headers.contains(challenge), "{}", refused.headers);

    let good = token("ours", "ours", &claims("ann", "", 600));
    assert_eq!(server.post(&initialize(), &[&good]).status, 200);
    let mut other = claims("ann", "", 600);
    other["aud"] = json!("http://localhost/other");
    let mut alien = claims("ann", "", 600);
    alien["iss"] = json!("http://127.0.0.1:9/issuer2");
    for bad in [
        token("foreign", "ours", &claims("ann", "", 600)),
        token("foreign", "foreign", &claims("ann", "", 600)),
        token("ours", "ours", &claims("ann", "", -90)),
        token("ours", "ours", &other),
        token("ours", "ours", &alien),
        "Authorization: Bearer x.y.z".to_owned(),
    ] {
        let refused = server.post(&initialize(), &[&bad]);
        assert_eq!(refused.status, 401, "{bad}");
        assert!(refused.headers.contains("error=\"invalid_token\""), "{}", refused.headers);
        assert_eq!(server.get("/metrics", &["Host: localhost", &bad]).status, 401);
    }
    assert_eq!(asked.load(Ordering::SeqCst), 1, "an unknown key is no reason to ask again within a minute");

    for path in ["/.well-known/oauth-protected-resource/mcp", "/.well-known/oauth-protected-resource"] {
        let metadata = server.get(path, &["Host: localhost"]);
        assert_eq!(metadata.status, 200);
        let metadata = said(&metadata);
        assert_eq!((&metadata["resource"], &metadata["authorization_servers"]), (&json!(AUDIENCE), &json!([ISSUER])));
        assert_eq!(server.get(path, &["Host: evil.com"]).status, 403);
    }
    assert_eq!(server.get("/metrics", &["Host: localhost", &good]).status, 200);
    let log = server.process.log();
    let secret = good.rsplit('.').next().unwrap();
    assert!(!log.contains(secret), "{log}");
}

#[test]
fn deleting_needs_a_scope_of_the_token() {
    let (address, _) = key_server();
    let environment = issued(address);
    let server = Server::start(&["--toolsets", "all"], &borrowed(&environment));
    let delete = call("delete_project", json!({"project_id": 1}));
    let plain = token("ours", "ours", &claims("ann", "openid profile", 600));
    let (text, is_error) = told(&server.post(&delete, &[&plain]));
    assert!(is_error && text.contains("quantconnect:delete") && text.contains("nothing was sent"), "{text}");
    let scoped = token("ours", "ours", &claims("ann", "openid quantconnect:delete", 600));
    let (text, is_error) = told(&server.post(&delete, &[&scoped]));
    assert!(is_error && !text.contains("quantconnect:delete"), "{text}");
    let (text, is_error) = told(&server.post(&call("list_quantbook_instances", json!({})), &[&plain]));
    assert!(!is_error, "{text}");
}

#[test]
fn two_subjects_of_one_issuer_have_workbooks_of_their_own() {
    let (address, _) = key_server();
    let environment = issued(address);
    let server = Server::start(&[], &borrowed(&environment));
    let (ann, bob) = (token("ours", "ours", &claims("ann", "", 600)), token("ours", "ours", &claims("bob", "", 600)));
    let (text, is_error) =
        told(&server.post(&call("initialize_quantbook", json!({"instance_name": "of-ann"})), &[&ann]));
    assert!(!is_error, "{text}");
    let list = call("list_quantbook_instances", json!({}));
    assert!(server.post(&list, &[&ann]).body.contains("of-ann"));
    assert!(!server.post(&list, &[&bob]).body.contains("of-ann"));
}

#[test]
fn keys_by_http_are_for_a_simulated_quantconnect_only() {
    let local = [
        ("QC_MCP_JWT_ISSUER", "https://id.example.com"),
        ("QC_MCP_JWT_AUDIENCE", "https://qc.example.com/mcp"),
        ("QC_MCP_JWKS_URL", "http://127.0.0.1:9/keys"),
    ];
    let mut process = Process::start(PROGRAM, &["--port", "0"], &local);
    let (_, status, _) = process.ending();
    assert!(!status.success() && process.log().contains("QC_MCP_JWKS_URL"), "{}", process.log());
}

const ANN: [&str; 2] = ["X-QuantConnect-User-Id: 123456", "X-QuantConnect-Api-Token: simulated-token-of-no-value"];
const BOB: [&str; 2] = ["X-QuantConnect-User-Id: 654321", "X-QuantConnect-Api-Token: another-token-of-no-value"];
/// The right user with a wrong token.
const EVE: [&str; 2] = ["X-QuantConnect-User-Id: 123456", "X-QuantConnect-Api-Token: guessed-0123456789abcdef"];

#[test]
fn the_seeded_accounts_are_these() {
    assert!(ANN[0].ends_with(&seed::USER_ID.to_string()) && ANN[1].ends_with(seed::TOKEN));
    assert!(BOB[0].ends_with(&seed::COLLABORATOR_ID.to_string()) && BOB[1].ends_with(seed::COLLABORATOR_TOKEN));
}

#[test]
fn credentials_come_with_every_request_or_nothing_is_done() {
    let server = Server::start(&["--credentials", "headers"], &[("LOG_LEVEL", "TRACE")]);
    for headers in [&[] as &[&str], &ANN[..1], &ANN[1..]] {
        assert_eq!(server.post(&initialize(), headers).status, 401, "{headers:?}");
    }
    let status = call("get_auth_status", json!({}));
    let (text, is_error) = told(&server.post(&status, &ANN));
    assert!(!is_error && text.contains("the headers of this request"), "{text}");
    let (text, is_error) = told(&server.post(&status, &EVE));
    assert!(is_error && text.contains("did not accept"), "{text}");
    for tool in ["configure_quantconnect_auth", "clear_quantconnect_auth"] {
        let arguments = if tool.starts_with("conf") { json!({"user_id": "1", "api_token": "t"}) } else { json!({}) };
        let (text, is_error) = told(&server.post(&call(tool, arguments), &ANN));
        assert!(is_error && text.contains("X-QuantConnect-User-Id") && text.contains("nothing was changed"), "{text}");
    }
    let log = server.process.log();
    for secret in [seed::TOKEN, "guessed-0123456789abcdef"] {
        for form in forms_of("123456", secret) {
            assert!(!log.contains(&form), "the log holds {form}");
        }
    }
    assert!(log.contains("request="), "log lines name the request: {log}");
}

#[test]
fn headers_refuse_an_account_in_the_environment_and_its_own_account_refuses_headers() {
    let environment = [("QUANTCONNECT_USER_ID", "123456"), ("QUANTCONNECT_API_TOKEN", seed::TOKEN)];
    let mut process = Process::start(PROGRAM, &["--port", "0", "--credentials", "headers"], &environment);
    let (_, status, _) = process.ending();
    let log = process.log();
    assert!(!status.success() && log.contains("QUANTCONNECT_API_TOKEN") && !log.contains(seed::TOKEN), "{log}");
    let server = Server::start(&[], &[]);
    assert_eq!(server.post(&initialize(), &ANN).status, 400);
}

#[test]
fn what_one_tenant_makes_is_no_others() {
    let server = Server::start(&["--credentials", "headers"], &[]);
    let pca = call(
        "perform_pca_analysis",
        json!({"symbols": ["GOOGL", "AMZN"], "start_date": "2023-01-03", "end_date": "2023-12-29"}),
    );
    let research = server.post(&pca, &ANN);
    let at = research.body.find("qc://research/").unwrap_or_else(|| panic!("{research:?}"));
    let uri = research.body[at..].split(['"', '\\']).next().unwrap();
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}});
    assert!(server.post(&read, &ANN).body.contains("explained_variance_ratio"));
    let unknown = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read",
        "params": {"uri": "qc://research/00000000000000000000000000000000"}});
    for stranger in [&BOB, &EVE] {
        let theirs = server.post(&read, stranger);
        assert!(!theirs.body.contains("explained_variance_ratio"), "{theirs:?}");
        assert!(said(&theirs)["error"].is_object(), "{theirs:?}");
    }
    let (theirs, never) = (server.post(&read, &BOB), server.post(&unknown, &BOB));
    let (theirs, never) = (said(&theirs)["error"].clone(), said(&never)["error"].clone());
    assert_eq!((&theirs["code"], &theirs["message"]), (&never["code"], &never["message"]), "like one that never was");
    // Besides, the address that was asked for comes back, and nothing else.
    assert_eq!(theirs["data"], json!({ "uri": uri }));
    let made = server.post(&call("create_project", json!({"name": "secret of ann"})), &ANN);
    let id = said(&made)["result"]["structuredContent"]["project_id"].clone();
    assert!(id.is_number(), "{made:?}");
    for tool in ["read_project", "read_file", "read_project_nodes"] {
        let theirs = server.post(&call(tool, json!({"project_id": id})), &BOB);
        assert!(!theirs.body.contains("secret of ann"), "{theirs:?}");
    }
}

/// Seconds of the race of two tenants; the short form runs with the other tests.
fn race_seconds() -> u64 {
    std::env::var("QC_TEST_RACE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(4)
}

#[test]
fn two_tenants_at_the_same_time_never_see_each_others_data() {
    let limits = ["--credentials", "headers", "--rate-per-caller", "1000000", "--rate-total", "10000000"];
    let server = Server::start(&limits, &[]);
    let (address, until) = (server.address, Instant::now() + Duration::from_secs(race_seconds()));
    let race = |racer: usize, own: &'static [&'static str; 2], mine: &'static str, theirs: &'static str| {
        std::thread::spawn(move || {
            let ask = |message: &Value| post(address, "/mcp", message, own).body;
            let mut rounds = 0;
            while Instant::now() < until {
                let name = format!("{mine}-{racer}-{rounds}");
                let mut seen = ask(&call("initialize_quantbook", json!({"instance_name": name})));
                seen += &ask(&call("create_project", json!({"name": name})));
                let books = ask(&call("list_quantbook_instances", json!({})));
                let projects = ask(&call("read_project", json!({})));
                assert!(books.contains(&name), "{books}");
                for text in [&seen, &books, &projects] {
                    assert!(!text.contains(theirs), "{mine} sees {theirs}: {text}");
                }
                ask(&call("remove_quantbook_instance", json!({"instance_name": name})));
                rounds += 1;
            }
            rounds
        })
    };
    let racers = [
        race(0, &ANN, "belongs-to-ann", "belongs-to-bob"),
        race(1, &BOB, "belongs-to-bob", "belongs-to-ann"),
        race(2, &ANN, "belongs-to-ann", "belongs-to-bob"),
        race(3, &BOB, "belongs-to-bob", "belongs-to-ann"),
    ];
    let rounds: Vec<usize> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
    assert!(rounds.iter().all(|rounds| 1 < *rounds), "{rounds:?}");
}

#[test]
fn a_request_may_ask_for_less_and_never_for_more() {
    let server = Server::start(&[], &[]);
    let list = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"});
    let careful = "X-QuantConnect-MCP-Mode: read-only";
    assert!(server.post(&list, &[]).body.contains("\"create_project\""));
    let lowered = server.post(&list, &[careful]).body;
    assert!(!lowered.contains("\"create_project\"") && lowered.contains("\"initialize_quantbook\""), "{lowered}");
    let create = call("create_project", json!({"name": "x"}));
    assert!(server.post(&create, &[careful]).body.contains("unknown tool"));
    assert_eq!(server.post(&create, &["X-QuantConnect-MCP-Mode: everything"]).status, 400);

    let low = Server::start(&["--mode", "read-only"], &[]);
    let raised = low.post(&list, &["X-QuantConnect-MCP-Mode: live"]).body;
    assert!(!raised.contains("\"create_project\""));
}

#[test]
fn haste_is_slowed_down_by_caller() {
    let server = Server::start(&["--credentials", "headers", "--rate-per-caller", "5"], &[]);
    let answers: Vec<Answer> = (0..7).map(|_| server.post(&initialize(), &ANN)).collect();
    assert!(answers[..5].iter().all(|answer| answer.status == 200));
    let slowed = answers.last().unwrap();
    assert!(slowed.status == 429 && slowed.headers.contains("retry-after:"), "{slowed:?}");
    assert_eq!(server.post(&initialize(), &BOB).status, 200);
    assert_eq!(server.get("/health", &["Host: localhost"]).status, 200);
}

#[test]
fn outsiders_do_not_use_up_what_callers_may_send() {
    let (address, _) = key_server();
    let environment = issued(address);
    let server = Server::start(&["--rate-total", "5"], &borrowed(&environment));
    let wrong = token("foreign", "ours", &claims("ann", "", 600));
    assert!((0..20).all(|_| server.post(&initialize(), &[&wrong]).status == 401));
    let good = token("ours", "ours", &claims("ann", "", 600));
    let answers: Vec<u16> = (0..6).map(|_| server.post(&initialize(), &[&good]).status).collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 429]);
}

#[test]
fn quantconnect_is_not_asked_again_and_again_about_refused_credentials() {
    let server = Server::start(&["--credentials", "headers"], &[]);
    let status = call("get_auth_status", json!({}));
    let (first, is_error) = told(&server.post(&status, &EVE));
    assert!(is_error && first.contains("did not accept") && !first.contains("seconds ago"), "{first}");
    let (again, is_error) = told(&server.post(&status, &EVE));
    assert!(is_error && again.contains("less than 30 seconds ago"), "{again}");
    let (right, is_error) = told(&server.post(&status, &ANN));
    assert!(!is_error, "the right token of the same user: {right}");
}

#[test]
fn without_an_issuer_whose_keys_can_be_had_nobody_is_called_a_liar() {
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let environment = issued(nowhere);
    let server = Server::start(&[], &borrowed(&environment));
    let refused = server.post(&initialize(), &[&token("ours", "ours", &claims("ann", "", 600))]);
    assert!(refused.status == 503 && refused.headers.contains("retry-after:"), "{refused:?}");
}

#[test]
fn connections_beyond_the_places_are_hung_up_on_and_places_come_back() {
    let server = Server::start(&["--concurrent-total", "1"], &[]);
    let idle: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let hung_up = idle.iter().filter(|stream| {
        stream.set_read_timeout(Some(Duration::from_millis(if stream.peer_addr().is_ok() { 20 } else { 1 }))).unwrap();
        let mut stream = *stream;
        !matches!(stream.read(&mut [0; 1]), Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    });
    assert_eq!(hung_up.count(), 300 - 257);
    assert_eq!(server.process.log().matches("too many connections").count(), 1);
    drop(idle);
    let begun = Instant::now();
    let is_up = || {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let asked = stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let mut answer = String::new();
        asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.ends_with("ok")
    };
    while !is_up() {
        assert!(begun.elapsed() < Duration::from_secs(20), "no place came back");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_head_has_a_limit() {
    let server = Server::start(&[], &[]);
    let padded = |bytes: usize| format!("X-Padding: {}", "x".repeat(bytes));
    assert_eq!(server.post(&initialize(), &[&padded(30_000)]).status, 200);
    assert_eq!(server.post(&initialize(), &[&padded(100_000)]).status, 431);
}

#[test]
fn the_counts_of_all_are_not_for_whoever_brings_an_account() {
    let server = Server::start(&["--credentials", "headers"], &[]);
    server.post(&call("get_server_status", json!({})), &BOB);
    for headers in [&["Host: localhost"][..], &["Host: localhost", ANN[0], ANN[1]]] {
        let refused = server.get("/metrics", headers);
        assert!(refused.status == 403 && refused.body.contains("QC_MCP_AUTH_TOKEN"), "{refused:?}");
    }
    let read = json!({"jsonrpc": "2.0", "id": 1, "method": "resources/read",
        "params": {"uri": "resource://quantconnect/performance/metrics"}});
    let sums = server.post(&read, &ANN).body;
    assert!(sums.contains("calls") && !sums.contains("get_server_status"), "{sums}");
    let (metrics, _) = told(&server.post(&call("get_server_status", json!({"section": "metrics"})), &ANN));
    assert!(!metrics.contains("get_server_status"), "{metrics}");
}

#[test]
fn the_counts_name_no_caller() {
    let token = ["Authorization: Bearer 0123456789abcdef0123456789abcdef"];
    let server = Server::start(&["--credentials", "headers"], &[("QC_MCP_AUTH_TOKEN", &token[0][22..])]);
    server.post(&call("get_server_status", json!({})), &[&ANN[..], &token].concat());
    server.post(&call("read_file", json!({"project_id": 77_777_777})), &[&BOB[..], &token].concat());
    assert_eq!(server.get("/metrics", &["Host: localhost"]).status, 401);
    let counts = server.get("/metrics", &["Host: localhost", token[0]]);
    assert_eq!(counts.status, 200);
    let line = "qc_mcp_tool_calls_total{tool=\"get_server_status\",outcome=\"ok\",transport=\"streamable-http\"} 1";
    assert!(counts.body.contains(line), "{}", counts.body);
    assert!(counts.body.contains("tool=\"read_file\",outcome=\"tool_error\",transport=\"streamable-http\"} 1"));
    for label in counts.body.lines().filter_map(|line| line.split_once('{')).flat_map(|(_, rest)| rest.split("\",")) {
        let name = label.split('=').next().unwrap();
        assert!(["tool", "outcome", "transport"].contains(&name), "{label}");
    }
    for theirs in ["123456", "654321", "77777777", seed::TOKEN] {
        assert!(!counts.body.contains(theirs), "{theirs} in {}", counts.body);
    }
}

#[test]
fn a_session_is_its_callers_alone() {
    let server = Server::start(&["--credentials", "headers", "--http-sessions"], &[]);
    let opened = server.post(&initialize(), &ANN);
    let session =
        opened.headers.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().trim().to_owned();
    let named = format!("Mcp-Session-Id: {session}");
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.post(&done, &[&ANN[..], &[&named]].concat()).status, 202);
    for stranger in [&BOB, &EVE] {
        assert_eq!(server.post(&list, &[&stranger[..], &[&named]].concat()).status, 404);
    }
    assert_eq!(server.post(&list, &[&ANN[..], &["Mcp-Session-Id: 00000000"]].concat()).status, 404);
    assert!(server.post(&list, &[&ANN[..], &[&named]].concat()).body.contains("\"tools\""));
}

#[test]
fn a_caller_cannot_fill_the_server_with_sessions_whatever_revision_is_named() {
    let server = Server::start(&["--credentials", "headers", "--http-sessions", "--rate-per-caller", "1000"], &[]);
    let mut newest = initialize();
    newest["params"]["protocolVersion"] = json!("2026-07-28");
    let named = [&ANN[..], &["MCP-Protocol-Version: 2026-07-28"]].concat();
    let answers: Vec<u16> = (0..251).map(|_| server.post(&newest, &named).status).collect();
    assert_eq!((answers.iter().filter(|status| **status == 200).count(), answers[250]), (250, 503));
    assert_eq!(server.post(&newest, &[&BOB[..], &["MCP-Protocol-Version: 2026-07-28"]].concat()).status, 200);
}

#[test]
fn who_listens_may_still_ask() {
    let server = Server::start(&["--http-sessions", "--concurrent-per-caller", "1"], &[]);
    let opened = server.post(&initialize(), &[]);
    let session =
        opened.headers.lines().find_map(|line| line.strip_prefix("mcp-session-id: ")).unwrap().trim().to_owned();
    let named = format!("Mcp-Session-Id: {session}");
    let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    assert_eq!(server.post(&done, &[&named]).status, 202);
    let mut listening = TcpStream::connect(server.address).unwrap();
    write!(listening, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n{named}\r\n\r\n").unwrap();
    let mut head = [0; 12];
    listening.read_exact(&mut head).unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    let list = json!({"jsonrpc": "2.0", "id": 2, "method": "tools/list"});
    assert!(server.post(&list, &[&named]).body.contains("\"tools\""));
}

#[test]
fn with_a_certificate_the_server_speaks_https() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/e2e/tls");
    let (cert, key) = (format!("{folder}/cert.pem"), format!("{folder}/key.pem"));
    let arguments = ["--demo", "--port", "0", "--tls-cert", &cert, "--tls-key", &key];
    let mut process = Process::start(PROGRAM, &arguments, &[]);
    let line = process.logged("listening on https://");
    let address: SocketAddr = line.split_once("https://").unwrap().1.split('/').next().unwrap().parse().unwrap();

    use rustls::pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(rustls::pki_types::CertificateDer::from_pem_file(&cert).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let mut stream = rustls::StreamOwned::new(client, TcpStream::connect(address).unwrap());
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");

    let mut plain = TcpStream::connect(address).unwrap();
    plain.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut bytes = Vec::new();
    let _ = plain.read_to_end(&mut bytes);
    assert!(!String::from_utf8_lossy(&bytes).contains("200 OK"));

    let mut broken = Process::start(PROGRAM, &["--demo", "--port", "0", "--tls-cert", &key, "--tls-key", &cert], &[]);
    let (_, status, _) = broken.ending();
    assert!(!status.success() && broken.log().contains("QC_MCP_TLS_"), "{}", broken.log());
}

#[test]
fn log_lines_can_be_json() {
    let mut process = Process::start(PROGRAM, &["--demo", "--port", "0", "--log-format", "json"], &[]);
    let line = process.logged("listening on http://");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["level"], "INFO");
}
