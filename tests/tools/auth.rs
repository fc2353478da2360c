//! Credentials: set in memory, validated, shown masked, forgotten.

use qc_sim::{SimOptions, seed};
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn configure_validate_clear() {
    let session = Session::configured(&[], SimOptions::default()).await;
    let text = session.err("validate_quantconnect_auth", json!({})).await;
    assert!(text.contains("configure_quantconnect_auth"), "{text}");
    assert!(session.sim.journal().is_empty(), "nothing leaves without credentials");

    let answer =
        session.call("configure_quantconnect_auth", json!({"user_id": seed::USER_ID, "api_token": seed::TOKEN})).await;
    assert!(!answer.is_error(), "{}", answer.text());
    assert!(!answer.text().contains(seed::TOKEN), "the answer repeats the token");
    assert!(session.sim.journal().is_empty(), "setting credentials sends nothing");

    let valid = session.ok("validate_quantconnect_auth", json!({})).await;
    assert_eq!(valid["valid"], true);
    assert_eq!(session.sim.journal().paths(), ["authenticate"]);

    let cleared = session.ok("clear_quantconnect_auth", json!({})).await;
    assert_eq!((&cleared["forgotten"], &cleared["account"]["configured"]), (&json!(true), &json!(false)));
}

#[tokio::test]
async fn wrong_credentials_are_a_clear_error_and_the_server_keeps_serving() {
    let session =
        Session::configured(&["--user-id", "123456", "--api-token", "wrong-token-0123456789"], SimOptions::default())
            .await;
    let text = session.err("validate_quantconnect_auth", json!({})).await;
    assert!(text.starts_with("QuantConnect did not accept the credentials"), "{text}");
    assert!(text.contains("hint: ") && !text.contains("wrong-token"), "{text}");
    session.ok("get_server_status", json!({})).await;
}

#[tokio::test]
async fn status_says_where_credentials_came_from_and_sends_nothing() {
    let session =
        Session::configured(&["--user-id", "123456", "--api-token", seed::TOKEN], SimOptions::default()).await;
    let status = session.ok("get_auth_status", json!({})).await;
    assert_eq!(status["user_id"], "123456");
    assert!(status["source"].as_str().unwrap().contains("settings"));
    assert!(session.sim.journal().is_empty());
    session.ok("validate_quantconnect_auth", json!({})).await;
    let status = session.ok("get_auth_status", json!({})).await;
    assert!(status["clock_skew_seconds"].is_i64(), "{status}");
}

#[tokio::test]
async fn another_account_needs_a_human() {
    let session =
        Session::configured(&["--user-id", "123456", "--api-token", seed::TOKEN], SimOptions::default()).await;
    let text = session
        .err("configure_quantconnect_auth", json!({"user_id": "999", "api_token": "another-token-0123456789"}))
        .await;
    assert!(text.contains("human"), "{text}");
    let status = session.ok("get_auth_status", json!({})).await;
    assert_eq!(status["user_id"], "123456");
    // The same account's token may be renewed.
    session.ok("configure_quantconnect_auth", json!({"user_id": "123456", "api_token": seed::TOKEN})).await;
}

#[tokio::test]
async fn a_renewed_token_stays_in_its_organisation() {
    let session = Session::configured(&[], SimOptions::default()).await;
    let first = json!({"user_id": "123456", "api_token": "an-old-token-0123456789", "organization_id": "org-1"});
    session.ok("configure_quantconnect_auth", first).await;
    let renewed = json!({"user_id": "123456", "api_token": seed::TOKEN});
    let renewed = session.ok("configure_quantconnect_auth", renewed).await;
    assert_eq!(renewed["account"]["organization_id"], "org-1");
    assert!(renewed["summary"].as_str().unwrap().contains("for everybody who may call it"), "{renewed}");
}

#[tokio::test]
async fn what_is_no_credential_is_refused_without_repeating_it() {
    let session = Session::configured(&[], SimOptions::default()).await;
    let text = session
        .err("configure_quantconnect_auth", json!({"user_id": "me", "api_token": "planted-secret-0123456789"}))
        .await;
    assert!(text.contains("user id must be a number") && !text.contains("planted-secret"), "{text}");
}

#[tokio::test]
async fn the_api_test_reaches_only_harmless_reads() {
    let session = Session::start().await;
    let answer = session.ok("test_quantconnect_api", json!({})).await;
    assert_eq!(answer["endpoint"], "authenticate");
    session.ok("test_quantconnect_api", json!({"endpoint": "projects/read", "method": "post"})).await;
    session.sim.journal().clear();
    for endpoint in
        ["projects/create", "backtests/create", "projects/delete", "projects/read/", "/authenticate", "nothing"]
    {
        let text = session.err("test_quantconnect_api", json!({"endpoint": endpoint})).await;
        assert!(text.contains("nothing was sent") && text.contains("authenticate"), "{text}");
    }
    session.err("test_quantconnect_api", json!({"method": "GET"})).await;
    assert!(session.sim.journal().is_empty());
}
