//! What is sent again and what leaves once, and what is known of a create afterwards.

use super::*;

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
    let endpoint = "projects/read".into();
    assert_eq!(error, Error::Status { endpoint, status: 500, safe_to_repeat: true, messages: vec![] });
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn a_create_leaves_once_and_says_when_its_fate_is_unknown() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"compileId\":".to_vec();
    for act in [
        answer("500 Error", "", ""),
        answer("502 Bad Gateway", "Content-Type: text/html\r\n", "<html><title>Bad Gateway</title></html>"),
        // Sentences say nothing about what was done before the failure, nor does the service's own `success: false`.
        answer("500 Error", "", r#"{"errors":["Internal Error 21"],"success":false}"#),
        answer("502 Bad Gateway", "", r#"{"errors":["upstream gave up"],"success":false}"#),
        answer("503 Busy", "", r#"{"message":"no healthy upstream"}"#),
        answer("504 Gateway Timeout", "", r#"{"errors":["timed out"]}"#),
        answer("500 Error", "", r#"{"errors":["Internal"]}"#),
        answer("500 Error", "", r#"{"errors":["Internal"],"success":true}"#),
        // What was made may be shown elsewhere.
        answer("302 Found", "Location: https://elsewhere.example/\r\n", ""),
        answer("303 See Other", "Location: https://elsewhere.example/\r\n", ""),
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
        answer("500 Error", "", r#"{"errors":["Hash doesn't match. x"],"success":false}"#),
        answer("500 Error", "", r#"{"errors":["Too many requests; please slow down."],"success":false}"#),
        answer("401 Unauthorized", "", ""),
        answer("429 Slow", "Retry-After: 1\r\n", ""),
        answer("404 Not Found", "", "<html></html>"),
        answer("307 Temporary", "Location: https://elsewhere.example/\r\n", ""), // "ask there", so nothing was done here
        answer("308 Permanent", "Location: https://elsewhere.example/\r\n", ""),
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
    config.timeout = Some(Duration::from_secs(1)); // long enough for the request to arrive
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
    assert!(matches!(error, Error::Status { status: 503, .. }) && !error.is_retryable(), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_cut_body_is_read_again() {
    let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"projects\":[".to_vec();
    let server = Server::play(vec![Act::Say(cut), json(PROJECTS)]).await;
    assert!(client(&server).send(&read()).await.is_ok());
    assert_eq!(server.seen().len(), 2);
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

#[test]
fn creates_and_deletes_are_what_they_say() {
    assert_eq!(EndpointInfo::of::<CreateBacktest>().effect, Effect::Create);
    assert_eq!(EndpointInfo::of::<DeleteBacktest>().effect, Effect::Delete);
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
