//! Signatures, clocks that differ, credentials that stay where they belong.

use super::*;

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
async fn under_a_wrong_clock_every_one_of_several_calls_is_signed_again() {
    // All leave before the first answer tells the time: the server lets nobody go before all have come.
    const CALLS: usize = 8;
    let refused = answer("401 Unauthorized", "Date: Wed, 15 Nov 2023 01:13:20 GMT\r\n", "");
    let mut script = vec![refused; CALLS];
    script.push(json(COMPILED));
    let server = Server::play_together(CALLS, script).await;
    let client = client(&server);
    let request = create();
    let sends = (0..CALLS).map(|_| client.send(&request));
    for outcome in futures::future::join_all(sends).await {
        outcome.unwrap();
    }
    let mut times: Vec<_> = server.seen().iter().map(|request| request.header("timestamp").to_owned()).collect();
    times.sort();
    assert_eq!(times, [vec!["1700000000"; CALLS], vec!["1700010800"; CALLS]].concat());
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
    let mut config = Config::new(client.credentials().clone());
    config.base_url = "https://user:s3cr3t@host.example/api?key=s3cr3t".into();
    let shown = format!("{config:?}");
    assert!(!shown.contains(TOKEN) && !shown.contains("s3cr3t") && shown.contains("host.example"), "{shown}");
}

#[test]
fn the_address_of_a_proxy_does_not_print() {
    let mut config = Config::new(Credentials::new("42", TOKEN).unwrap());
    config.proxy = Some("http://user:s3cr3t@proxy.example:3128".into());
    assert!(!format!("{config:?}").contains("s3cr3t"));
    assert!(!format!("{:?}", Client::new(config).unwrap()).contains("s3cr3t"));
}
