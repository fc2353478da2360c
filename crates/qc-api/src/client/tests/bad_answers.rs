//! Answers that are none: each has an error of its own.

use super::*;

#[tokio::test]
async fn a_slow_drip_ends_in_a_timeout() {
    let head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n".to_vec();
    let server = Server::play(vec![Act::Drip(head)]).await;
    let (mut config, _) = setup(&server);
    config.timeout = Some(Duration::from_secs(1)); // long enough for the request to arrive
    config.retry.attempts = 2;
    let error = Client::new(config).unwrap().send(&read()).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
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
async fn an_unexpected_shape_names_the_place() {
    let server = Server::play(vec![json(r#"{"success":true,"backtest":{"backtestId":"b","progress":[]}}"#)]).await;
    let request = ReadBacktest { project_id: ProjectId(1), backtest_id: "b".into() };
    let error = client(&server).send(&request).await.unwrap_err();
    assert!(matches!(&error, Error::Shape { path, .. } if path == "backtest.progress"), "{error}");
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
        // Nothing but what must run out of time may do so, however busy the computer is.
        config.timeout = (expected == "timeout").then_some(Duration::from_secs(1));
        config.retry.attempts = 1;
        let error = Client::new(config).unwrap().send(&read()).await.unwrap_err();
        let holds: Vec<_> = PREDICATES.iter().filter(|(_, holds)| holds(&error)).map(|(name, _)| *name).collect();
        assert_eq!(holds, [expected], "{act:?}: {error}");
    }
}
