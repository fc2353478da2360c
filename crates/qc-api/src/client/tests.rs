//! What happens on the wire, against a server that plays a script. Virtual time: nothing waits between attempts.

use std::io::Write as _;

use base64::Engine as _;
use sha2::Digest as _;

use super::*;
use crate::endpoint::Effect;
use crate::endpoints::account::ReadAccount;
use crate::endpoints::backtests::{CreateBacktest, DeleteBacktest, ReadBacktest};
use crate::endpoints::compile::{CreateCompile, ReadCompile};
use crate::endpoints::connections::{AuthorizeConnection, Connection, Secret};
use crate::endpoints::files::{CreateFile, ReadFiles};
use crate::endpoints::live_commands::BroadcastLiveCommand;
use crate::endpoints::object_store::{ListObjects, SetObject};
use crate::endpoints::projects::{DeleteProject, ReadProjects};
use crate::ids::ProjectId;
use crate::testing::{Act, Server, VirtualClock, answer, json};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const PROJECTS: &str = r#"{"projects":[{"projectId":7,"name":"a"}],"success":true}"#;
const COMPILED: &str = r#"{"compileId":"a-b","state":"InQueue","success":true}"#;

fn setup(server: &Server) -> (Config, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::default());
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.base_url = server.base.clone();
    config.clock = clock.clone();
    (config, clock)
}

fn client(server: &Server) -> Client {
    Client::new(setup(server).0).unwrap()
}

fn read() -> ReadProjects {
    ReadProjects::default()
}

fn create() -> CreateCompile {
    CreateCompile { project_id: ProjectId(1) }
}

#[tokio::test]
async fn a_read_is_repeated_after_a_500_and_waits_on_the_clock() {
    let server = Server::play(vec![answer("503 Busy", "", ""), json(PROJECTS)]).await;
    let (config, clock) = setup(&server);
    let reply = Client::new(config).unwrap().send(&read()).await.unwrap();
    assert_eq!(reply.projects[0].project_id, ProjectId(7));
    assert_eq!(server.seen().len(), 2);
    let waited = clock.elapsed().as_millis();
    assert!((250..=500).contains(&waited), "{waited}");
}

#[tokio::test]
async fn a_read_gives_up_after_four_attempts_with_the_last_failure() {
    let server = Server::play(vec![answer("500 Error", "", "")]).await;
    let error = client(&server).send(&read()).await.unwrap_err();
    assert_eq!(error, Error::Status { endpoint: "projects/read".into(), status: 500, messages: vec![] });
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn every_attempt_carries_its_own_valid_signature() {
    let server = Server::play(vec![answer("503 Busy", "", ""), answer("503 Busy", "", ""), json(PROJECTS)]).await;
    let (mut config, _) = setup(&server);
    config.retry.base = Duration::from_secs(4);
    Client::new(config).unwrap().send(&read()).await.unwrap();
    let seen = server.seen();
    for request in &seen {
        let timestamp = request.header("timestamp");
        let hash = hex::encode(sha2::Sha256::digest(format!("{TOKEN}:{timestamp}")));
        let expected = base64::engine::general_purpose::STANDARD.encode(format!("42:{hash}"));
        assert_eq!(request.header("authorization"), format!("Basic {expected}"));
        assert!(request.head.starts_with("POST /api/v2/projects/read HTTP/1.1"), "{}", request.head);
        assert_eq!(request.body, "{}");
        assert!(!request.head.contains(TOKEN));
    }
    assert_ne!(seen[0].header("timestamp"), seen[2].header("timestamp"));
}

#[tokio::test]
async fn a_create_leaves_once_and_says_when_its_fate_is_unknown() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"compileId\":".to_vec();
    for act in [
        answer("500 Error", "", ""),
        answer("502 Bad Gateway", "Content-Type: text/html\r\n", "<html><title>Bad Gateway</title></html>"),
        answer("200 OK", "", "<html>hello</html>"),
        answer("200 OK", "", ""),
        json(r#"{"compileId":{},"success":true}"#),
        json(r#"{"compileId":"","success":true}"#),
        json(r#"{"success":true}"#),
        Act::Say(cut),
        Act::Close,
    ] {
        let server = Server::play(vec![act.clone(), json(COMPILED)]).await;
        let error = client(&server).send(&create()).await.unwrap_err();
        assert!(error.may_have_created(), "{act:?}: {error}");
        assert!(!error.is_retryable());
        assert_eq!(server.seen().len(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_create_that_was_refused_is_not_uncertain() {
    for act in [
        json(r#"{"errors":["Invalid argument"],"success":false}"#),
        answer("500 Error", "", r#"{"errors":["Internal"],"success":false}"#),
        answer("401 Unauthorized", "", ""),
        answer("429 Slow", "Retry-After: 1\r\n", ""),
        answer("404 Not Found", "", "<html></html>"),
    ] {
        let server = Server::play(vec![act.clone()]).await;
        let error = client(&server).send(&create()).await.unwrap_err();
        assert!(!error.may_have_created(), "{act:?}: {error}");
        assert_eq!(server.seen().len(), 1, "{act:?}");
    }
}

#[tokio::test]
async fn a_create_that_times_out_may_have_happened() {
    let server = Server::play(vec![Act::SayAndHang(vec![])]).await;
    let (mut config, _) = setup(&server);
    config.timeout = Some(Duration::from_millis(80));
    let error = Client::new(config).unwrap().send(&create()).await.unwrap_err();
    assert!(error.may_have_created(), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_connection_that_never_stood_created_nothing() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.base_url = base;
    let error = Client::new(config).unwrap().send(&create()).await.unwrap_err();
    assert!(error.is_unreachable() && error.is_retryable() && !error.may_have_created(), "{error}");
}

#[tokio::test]
async fn a_delete_leaves_once() {
    let server = Server::play(vec![answer("503 Busy", "", "")]).await;
    let error = client(&server).send(&DeleteProject { project_id: ProjectId(1) }).await.unwrap_err();
    assert!(matches!(error, Error::Status { status: 503, .. }));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_slow_drip_ends_in_a_timeout() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    let server = Server::play(vec![Act::Drip(head)]).await;
    let (mut config, _) = setup(&server);
    config.timeout = Some(Duration::from_millis(60));
    config.retry.attempts = 2;
    let error = Client::new(config).unwrap().send(&read()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_cut_body_is_read_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"projects\":[".to_vec();
    let server = Server::play(vec![Act::Say(cut), json(PROJECTS)]).await;
    assert!(client(&server).send(&read()).await.is_ok());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_page_instead_of_json_is_named_by_its_title() {
    let page = "<!doctype html><html><head><title>Maintenance</title></head><body>x</body></html>";
    let server = Server::play(vec![answer("200 OK", "Content-Type: text/html\r\n", page)]).await;
    let error = client(&server).send(&read()).await.unwrap_err();
    let Error::NotJson { status: 200, content_type, excerpt, .. } = error else { panic!("{error}") };
    assert_eq!((content_type.as_deref(), excerpt.as_str()), (Some("text/html"), "Maintenance"));
}

#[tokio::test]
async fn a_huge_answer_is_not_read() {
    let bomb = {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(&vec![b' '; 1 << 22]).unwrap();
        gzip.finish().unwrap()
    };
    assert!(bomb.len() < 50_000);
    let chunked = {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n".to_vec();
        bytes.extend(vec![b' '; 0x10000]);
        bytes.extend(b"\r\n0\r\n\r\n");
        bytes
    };
    for act in [
        answer("200 OK", "", vec![b' '; 60_000]),
        answer("200 OK", "Content-Encoding: gzip\r\n", &bomb),
        Act::Say(chunked),
        Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n{".to_vec()),
    ] {
        let server = Server::play(vec![act]).await;
        let (mut config, _) = setup(&server);
        config.max_response_bytes = 50_000;
        let error = Client::new(config).unwrap().send(&read()).await.unwrap_err();
        assert_eq!(error, Error::TooLarge { endpoint: "projects/read".into(), limit: 50_000 });
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stranger = Server::play(vec![json(PROJECTS)]).await;
    let place = format!("Location: {}/projects/read?secret=1\r\n", stranger.base);
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let server = Server::play(vec![answer(status, &place, "")]).await;
        let error = client(&server).send(&read()).await.unwrap_err();
        assert!(matches!(&error, Error::Redirected { host: Some(host), .. } if host == "127.0.0.1"), "{error}");
        assert!(!error.to_string().contains("secret"));
    }
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn a_wrong_clock_is_noticed_and_the_request_signed_again_once() {
    // The client's clock stands at 2023-11-14 22:13:20; the service says it is three hours later.
    let refused = answer("401 Unauthorized", "Date: Wed, 15 Nov 2023 01:13:20 GMT\r\n", "");
    let server = Server::play(vec![refused, json(COMPILED), json(COMPILED)]).await;
    let client = client(&server);
    client.send(&create()).await.unwrap();
    assert_eq!(client.clock_skew(), Some(SignedDuration::from_hours(3)));
    client.send(&create()).await.unwrap();
    let times: Vec<_> = server.seen().iter().map(|request| request.header("timestamp").to_owned()).collect();
    assert_eq!(times, ["1700000000", "1700010800", "1700010800"]);
}

#[tokio::test]
async fn wrong_keys_are_not_tried_again() {
    for act in [
        answer("401 Unauthorized", "Date: Tue, 14 Nov 2023 22:13:21 GMT\r\n", ""),
        json(r#"{"success":false,"errors":["Hash doesn't match. Please check"]}"#),
        json(r#"{"success":false,"errors":["UserID not valid"]}"#),
        answer("500 Error", "", r#"{"success":false,"errors":["Hash doesn't match."]}"#),
    ] {
        let server = Server::play(vec![act]).await;
        let error = client(&server).send(&read()).await.unwrap_err();
        assert!(error.is_auth(), "{error}");
        assert!(!error.to_string().contains(TOKEN));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn the_services_wait_is_kept() {
    let limited = answer("429 Slow Down", "Retry-After: 7\r\n", "");
    let dated = answer(
        "429 Slow Down",
        "Date: Wed, 15 Nov 2023 01:00:00 GMT\r\nRetry-After: Wed, 15 Nov 2023 01:00:09 GMT\r\n",
        "",
    );
    let server = Server::play(vec![limited, dated, json(PROJECTS)]).await;
    let (config, clock) = setup(&server);
    Client::new(config).unwrap().send(&read()).await.unwrap();
    assert_eq!(clock.elapsed(), Duration::from_secs(16));
}

#[tokio::test]
async fn file_calls_name_the_editing_program_unless_they_do_themselves() {
    let server = Server::play(vec![json(r#"{"success":true,"files":[]}"#)]).await;
    let (mut config, _) = setup(&server);
    config.code_source = Some("my editor".into());
    let client = Client::new(config).unwrap();
    client.send(&ReadFiles { project_id: ProjectId(1), ..Default::default() }).await.unwrap();
    let own = CreateFile { name: "a.py".into(), code_source_id: Some("theirs".into()), ..Default::default() };
    client.send(&own).await.unwrap();
    client.send(&read()).await.unwrap_err();
    let bodies: Vec<Value> = server.seen().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    assert_eq!(bodies[0]["codeSourceId"], "my editor");
    assert_eq!(bodies[1]["codeSourceId"], "theirs");
    assert!(bodies[2].get("codeSourceId").is_none());
}

#[tokio::test]
async fn no_more_requests_at_once_than_allowed() {
    let server = Server::play(vec![json(PROJECTS)]).await;
    let (mut config, _) = setup(&server);
    config.max_concurrent = 2;
    let client = Client::new(config).unwrap();
    let twin = client.with_credentials(client.credentials().clone()).unwrap();
    let sends = (0..12).map(|at| {
        let client = if at % 2 == 0 { client.clone() } else { twin.clone() };
        async move { client.send(&read()).await }
    });
    assert!(futures::future::join_all(sends).await.iter().all(Result::is_ok));
    assert_eq!((server.seen().len(), server.most_at_once()), (12, 2));
}

#[tokio::test]
async fn raw_json_goes_the_same_way() {
    let server = Server::play(vec![json(COMPILED)]).await;
    let info = EndpointInfo::of::<ReadCompile>();
    let body = serde_json::json!({"projectId": 1, "compileId": "a-b"});
    let reply = client(&server).send_raw(&info, &body).await.unwrap();
    assert_eq!(reply["state"], "InQueue");
    assert_eq!(serde_json::from_str::<Value>(&server.seen()[0].body).unwrap(), body);
}

#[tokio::test]
async fn an_unexpected_shape_names_the_place() {
    let server = Server::play(vec![json(r#"{"success":true,"backtest":{"backtestId":"b","progress":[]}}"#)]).await;
    let request = ReadBacktest { project_id: ProjectId(1), backtest_id: "b".into() };
    let error = client(&server).send(&request).await.unwrap_err();
    assert!(matches!(&error, Error::Shape { path, .. } if path == "backtest.progress"), "{error}");
}

#[tokio::test]
async fn credentials_of_lean_cli_stay_at_home() {
    let folder = std::env::temp_dir().join(format!("qc-api-test-{}", std::process::id()));
    std::fs::write(&folder, format!(r#"{{"user-id": 42, "api-token": "{TOKEN}"}}"#)).unwrap();
    let credentials = Credentials::from_lean_cli(&folder).unwrap().unwrap();
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(Credentials::from_lean_cli(&folder), Ok(None));
    for (base, allowed) in [
        ("https://www.quantconnect.com/api/v2", true),
        ("https://beta.quantconnect.com/api/v2", true),
        ("http://localhost:5612/api/v2", true),
        ("https://quantconnect.com.evil.example/api/v2", false),
        ("https://evilquantconnect.com/api/v2", false),
    ] {
        let mut config = Config::new(credentials.clone());
        config.base_url = base.into();
        assert_eq!(Client::new(config).is_ok(), allowed, "{base}");
    }
}

#[test]
fn nothing_of_a_client_prints_the_token() {
    let client = Client::new(Config::new(Credentials::new("42", TOKEN).unwrap())).unwrap();
    assert!(!format!("{client:?}").contains(TOKEN));
    assert!(!format!("{:?}", Config::new(client.credentials().clone())).contains(TOKEN));
}

#[test]
fn creates_and_deletes_are_what_they_say() {
    assert_eq!(EndpointInfo::of::<CreateBacktest>().effect, Effect::Create);
    assert_eq!(EndpointInfo::of::<DeleteBacktest>().effect, Effect::Delete);
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

#[tokio::test]
async fn gzip_is_asked_for_and_read() {
    let server = Server::play(vec![answer("200 OK", "Content-Encoding: gzip\r\n", gzipped(PROJECTS.as_bytes()))]).await;
    let reply = client(&server).send(&read()).await.unwrap();
    assert_eq!(reply.projects[0].project_id, ProjectId(7));
    assert_eq!(server.seen()[0].header("accept-encoding"), "gzip");
}

#[tokio::test]
async fn every_bad_answer_has_an_error_of_its_own_with_one_predicate() {
    type Predicate = (&'static str, fn(&Error) -> bool);
    const PREDICATES: [Predicate; 9] = [
        ("refused", Error::is_refused),
        ("auth", Error::is_auth),
        ("rate", Error::is_rate_limited),
        ("server", Error::is_server_failure),
        ("redirect", Error::is_redirect),
        ("timeout", Error::is_timeout),
        ("unreachable", Error::is_unreachable),
        ("malformed", Error::is_malformed),
        ("large", Error::is_too_large),
    ];
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    for (act, expected) in [
        (answer("500 Error", "", ""), "server"),
        (answer("502 Bad Gateway", "Content-Type: text/html\r\n", "<html></html>"), "server"),
        (json(r#"{"something":1}"#), "malformed"), // neither `success` nor the payload
        (json(r#"{"success":true}"#), "malformed"),
        (json(r#"{"success":false,"errors":"Invalid argument"}"#), "refused"),
        (json(r#"{"errors":["Invalid argument"]}"#), "refused"),
        (answer("200 OK", "Content-Type: text/html\r\n", "<html></html>"), "malformed"),
        (answer("200 OK", "", ""), "malformed"),
        (answer("302 Found", "Location: https://elsewhere.example/\r\n", ""), "redirect"),
        (answer("401 Unauthorized", "", ""), "auth"),
        (answer("429 Slow Down", "", ""), "rate"),
        (Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 2147483648\r\n\r\n{".to_vec()), "large"),
        (Act::Drip(drip), "timeout"),
        (Act::SayAndHang(Vec::new()), "timeout"),
        (Act::Close, "unreachable"),
    ] {
        let server = Server::play(vec![act.clone()]).await;
        let (mut config, _) = setup(&server);
        config.timeout = Some(Duration::from_millis(300));
        config.retry.attempts = 1;
        let error = Client::new(config).unwrap().send(&read()).await.unwrap_err();
        let holds: Vec<_> = PREDICATES.iter().filter(|(_, holds)| holds(&error)).map(|(name, _)| *name).collect();
        assert_eq!(holds, [expected], "{act:?}: {error}");
    }
}

#[tokio::test]
async fn a_login_page_is_given_not_visited() {
    let stranger = Server::play(vec![json("{}")]).await;
    let place = format!("Location: {}/login?state=s3cr3t\r\n", stranger.base);
    let server = Server::play(vec![answer("302 Found", &place, "")]).await;
    let request = AuthorizeConnection { brokerage: Connection::Alpaca };
    let page = client(&server).send(&request).await.unwrap();
    assert!(page.location.expose().ends_with("/login?state=s3cr3t"));
    assert!(!format!("{page:?}").contains("s3cr3t"));
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn dropping_the_future_ends_the_request() {
    let server = Server::play(vec![Act::SayAndHang(Vec::new()), json(PROJECTS)]).await;
    let (mut config, _) = setup(&server);
    config.max_concurrent = 1;
    let client = Client::new(config).unwrap();
    let request = read();
    let abandoned = tokio::time::timeout(Duration::from_millis(100), client.send(&request)).await;
    assert!(abandoned.is_err(), "the first answer never comes");
    // Its place among the requests in flight is free again, or this would wait for ever.
    tokio::time::timeout(Duration::from_secs(20), client.send(&request)).await.unwrap().unwrap();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn the_rate_holds_on_the_clients_clock() {
    let server = Server::play(vec![json(PROJECTS)]).await;
    let (mut config, clock) = setup(&server);
    config.rate = Some(Rate { per_second: 2.0, burst: 3 });
    let client = Client::new(config).unwrap();
    for _ in 0..7 {
        client.send(&read()).await.unwrap();
    }
    assert_eq!(clock.elapsed(), Duration::from_secs(2), "three at once, then two a second");
}

#[test]
fn the_address_of_a_proxy_does_not_print() {
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.proxy = Some("http://user:s3cr3t@proxy.example:3128".into());
    assert!(!format!("{config:?}").contains("s3cr3t"));
    assert!(!format!("{:?}", Client::new(config).unwrap()).contains("s3cr3t"));
}

/// The link to a file of the tiny server.
fn link(server: &Server) -> Secret {
    Secret::from(format!("{}/file.zip?signature=s3cr3t", server.base.trim_end_matches("/api/v2")).as_str())
}

#[tokio::test]
async fn a_download_carries_no_signature_and_gives_the_bytes_as_they_are() {
    let stored = gzipped(b"kept packed");
    let server = Server::play(vec![answer("200 OK", "", &stored)]).await;
    assert_eq!(client(&server).download(&link(&server)).await.unwrap(), stored);
    let seen = server.seen().remove(0);
    assert!(seen.head.starts_with("GET /file.zip?signature=s3cr3t HTTP/1.1"), "{}", seen.head);
    let names: Vec<_> =
        seen.head.lines().filter_map(|line| line.split_once(": ")).map(|(name, _)| name.to_ascii_lowercase()).collect();
    for name in ["authorization", "timestamp", "referer", "cookie"] {
        assert!(!names.iter().any(|seen| seen == name), "{name} was sent: {names:?}");
    }
}

#[tokio::test]
async fn a_download_follows_no_redirect_and_tells_nothing_of_the_link() {
    let stranger = Server::play(vec![answer("200 OK", "", "x")]).await;
    let place = format!("Location: {}/elsewhere?signature=s3cr3t\r\n", stranger.base);
    for (act, holds) in [
        (answer("302 Found", &place, ""), Error::is_redirect as fn(&Error) -> bool),
        (answer("403 Forbidden", "", "<Error>expired: s3cr3t</Error>"), |error| {
            matches!(error, Error::Status { status: 403, .. })
        }),
        (answer("500 Error", "", "s3cr3t"), Error::is_server_failure),
        (answer("200 OK", "", vec![b'x'; 60_000]), Error::is_too_large),
        (Act::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec()), Error::is_unreachable),
        (Act::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n".to_vec()), Error::is_timeout),
    ] {
        let server = Server::play(vec![act.clone()]).await;
        let (mut config, _) = setup(&server);
        config.max_download_bytes = 50_000;
        config.timeout = Some(Duration::from_millis(200));
        config.retry.attempts = 1;
        let error = Client::new(config).unwrap().download(&link(&server)).await.unwrap_err();
        assert!(holds(&error), "{act:?}: {error}");
        assert!(!format!("{error} {error:?}").contains("s3cr3t"), "{error:?}");
    }
    assert!(stranger.seen().is_empty());
}

#[tokio::test]
async fn a_download_without_a_length_is_capped_as_it_comes() {
    let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n".to_vec();
    bytes.extend(vec![b' '; 0x10000]);
    bytes.extend(b"\r\n0\r\n\r\n");
    let server = Server::play(vec![Act::Say(bytes)]).await;
    let (mut config, _) = setup(&server);
    config.max_download_bytes = 50_000;
    let error = Client::new(config).unwrap().download(&link(&server)).await.unwrap_err();
    assert_eq!(error, Error::TooLarge { endpoint: "download".into(), limit: 50_000 });
}

#[tokio::test]
async fn a_broken_download_is_begun_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".to_vec();
    let server = Server::play(vec![Act::Say(cut), answer("503 Busy", "", ""), answer("200 OK", "", "whole")]).await;
    let (config, clock) = setup(&server);
    assert_eq!(Client::new(config).unwrap().download(&link(&server)).await.unwrap(), b"whole");
    assert_eq!(server.seen().len(), 3);
    assert!(Duration::from_millis(750) <= clock.elapsed(), "waits on the client's clock");
}

#[tokio::test]
async fn a_file_may_be_read_piece_by_piece() {
    let server = Server::play(vec![answer("200 OK", "", vec![7; 40_000])]).await;
    let mut download = client(&server).open(&link(&server)).await.unwrap();
    assert_eq!(download.length(), Some(40_000));
    assert!(!format!("{download:?}").contains("s3cr3t"));
    let mut bytes = 0;
    while let Some(chunk) = download.chunk().await.unwrap() {
        bytes += chunk.len();
    }
    assert_eq!(bytes, 40_000);
}

#[tokio::test]
async fn a_service_on_the_open_network_cannot_send_us_to_this_computer() {
    let server = Server::play(vec![answer("200 OK", "", "x")]).await;
    let client = Client::new(Config::new(Credentials::new("42", TOKEN).unwrap())).unwrap();
    let error = client.download(&link(&server)).await.unwrap_err();
    assert!(matches!(&error, Error::Config(words) if words.contains("this computer")), "{error}");
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn the_organization_of_the_credentials_stands_where_a_request_names_none() {
    let server = Server::play(vec![json(r#"{"success":true,"organizationId":"o","projects":[],"objects":[]}"#)]).await;
    let (mut config, _) = setup(&server);
    config.credentials = Credentials::new("42", TOKEN).unwrap().with_organization("0rg");
    let client = Client::new(config).unwrap();
    client.send(&ReadAccount::default()).await.unwrap();
    client.send(&ReadAccount { organization_id: Some("theirs".into()) }).await.unwrap();
    client.send(&ListObjects::default()).await.unwrap();
    client.send(&read()).await.unwrap();
    let broadcast = BroadcastLiveCommand { organization_id: "".into(), command: Value::Null, exclude_project_id: None };
    client.send(&broadcast).await.unwrap();
    let bodies: Vec<Value> = server.seen().iter().map(|seen| serde_json::from_str(&seen.body).unwrap()).collect();
    let named: Vec<_> = bodies.iter().map(|body| body.get("organizationId").and_then(Value::as_str)).collect();
    // A list of projects is not narrowed, and what reaches every algorithm of an organization names it itself.
    assert_eq!(named, [Some("0rg"), Some("theirs"), Some("0rg"), None, Some("")]);
    let object = SetObject { organization_id: "".into(), key: "a".into(), data: vec![1] };
    client.send(&object).await.unwrap();
    assert!(server.seen().last().unwrap().body.contains("0rg"));
}

#[tokio::test]
async fn what_a_lost_answer_made_is_looked_up() {
    let listed = r#"{"success":true,"backtests":[{"backtestId":"old","name":"run","created":"2023-11-14 22:10:00"},
        {"backtestId":"new","name":"run","created":"2023-11-14 22:13:20"}]}"#;
    let server = Server::play(vec![Act::Close, json(listed)]).await;
    let client = client(&server);
    let request = CreateBacktest { backtest_name: "run".into(), ..CreateBacktest::default() };
    let left = client.clock().now();
    assert!(client.send(&request).await.unwrap_err().may_have_created());
    let found = client.look_up(&request, left).await.unwrap();
    assert_eq!(found.iter().map(|row| row.backtest_id.as_str()).collect::<Vec<_>>(), ["new"]);
}
