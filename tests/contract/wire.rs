//! What the service accepts and sends on the wire: verbs, bodies, paths, compression.

use std::io::Read;

use qc_sim::{Sim, seed};
use serde_json::{Value, json};

use crate::by_hand::{Answer, ask, signature};
use crate::session;

const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

async fn pair(sim: &Sim) -> Value {
    let body = json!({ "projectId": seed::PAIR_PROJECT_ID }).to_string();
    ask(sim, "POST /projects/read", &[JSON], body.as_bytes()).await.json()["projects"][0].clone()
}

#[tokio::test]
async fn one_question_may_be_asked_in_every_form() {
    let (sim, _client) = session().await;
    let id = seed::PAIR_PROJECT_ID;
    let expected = pair(&sim).await;
    let (basic, timestamp) = signature(&sim);
    let json = json!({ "projectId": id }).to_string();
    let parts = format!("--x\r\nContent-Disposition: form-data; name=\"projectId\"\r\n\r\n{id}\r\n--x--\r\n");
    let link = format!("GET /projects/read?authorization={basic}&timestamp={timestamp}&projectId={id}");
    let answers: [Answer; 6] = [
        ask(&sim, &format!("GET /projects/read?projectId={id}"), &[], b"").await,
        ask(&sim, "POST /projects/read", &[FORM], format!("projectId={id}").as_bytes()).await,
        ask(&sim, "POST /projects/read", &["Content-Type: multipart/form-data; boundary=x"], parts.as_bytes()).await,
        ask(&sim, "POST /projects/read/", &[JSON], json.as_bytes()).await,
        ask(&sim, "POST //projects/read", &[JSON], json.as_bytes()).await,
        ask(&sim, &link, &[], b"").await,
    ];
    for (at, answer) in answers.iter().enumerate() {
        assert_eq!((answer.status, &answer.json()["projects"][0]), (200, &expected), "form {at}");
    }
    // No body and no content type, as the official library asks for lists.
    assert_eq!(ask(&sim, "POST /projects/read", &[], b"").await.json()["projects"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn nested_values_come_in_brackets() {
    let (sim, _client) = session().await;
    let body = format!(
        "projectId={}&parameters[0][key]=fast&parameters%5B0%5D%5Bvalue%5D=a+%26+b&description=%C3%A9",
        seed::PAIR_PROJECT_ID
    );
    assert_eq!(ask(&sim, "POST /projects/update", &[FORM], body.as_bytes()).await.json()["success"], true);
    let shown = pair(&sim).await;
    assert_eq!((&shown["parameters"][0]["key"], &shown["parameters"][0]["value"]), (&json!("fast"), &json!("a & b")));
    assert_eq!(shown["description"], "é");
    let body = format!("projectId={}&parameters=", seed::PAIR_PROJECT_ID);
    ask(&sim, "POST /projects/update", &[FORM], body.as_bytes()).await;
    assert_eq!(pair(&sim).await["parameters"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_not_what_it_claims_is_refused() {
    let (sim, _client) = session().await;
    for body in [&b"{"[..], b"[1, 2]", b"\xff\xfe", b"null", b"{\"projectId\": {}}"] {
        let answer = ask(&sim, "POST /projects/read", &[JSON], body).await;
        assert_eq!((answer.status, answer.json()), (200, json!({ "errors": ["Invalid argument"], "success": false })));
    }
}

#[tokio::test]
async fn answers_are_compressed_for_whoever_accepts_it() {
    let (sim, _client) = session().await;
    let plain = ask(&sim, "POST /projects/read", &[JSON], b"{}").await;
    assert_eq!(plain.header("content-encoding"), None);
    for accepts in ["gzip", "br;q=1.0, gzip;q=0.8, *;q=0.1", "deflate, GZIP"] {
        let small = ask(&sim, "POST /projects/read", &[JSON, &format!("Accept-Encoding: {accepts}")], b"{}").await;
        assert_eq!(small.header("content-encoding"), Some("gzip"), "{accepts}");
        assert!(small.body.len() < plain.body.len());
        let mut text = String::new();
        flate2::read::GzDecoder::new(small.body.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(text, plain.text());
    }
    for refuses in ["gzip;q=0", "br, deflate", "identity"] {
        let whole = ask(&sim, "POST /projects/read", &[JSON, &format!("Accept-Encoding: {refuses}")], b"{}").await;
        assert_eq!((whole.header("content-encoding"), whole.text()), (None, plain.text()), "{refuses}");
    }
    // A short answer is not worth it.
    let short = ask(&sim, "POST /authenticate", &[JSON, "Accept-Encoding: gzip"], b"{}").await;
    assert_eq!(short.header("content-encoding"), None);
}

#[tokio::test]
async fn the_date_of_an_answer_is_the_simulator_s() {
    let (sim, _client) = session().await;
    let answer = ask(&sim, "GET /authenticate", &[], b"").await;
    assert_eq!(answer.header("date"), Some("Mon, 05 Jan 2026 14:30:00 GMT"));
}
