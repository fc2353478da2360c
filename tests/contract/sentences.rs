//! The sentences that were seen of the real service, each said by the simulator where it was seen.

use qc_api::endpoints::account::Authenticate;
use qc_api::endpoints::backtests::CreateBacktest;
use qc_api::endpoints::collaboration::{AcquireLock, CreateCollaborator};
use qc_api::ids::ProjectId;
use qc_sim::{Sim, SimOptions, seed};
use serde_json::{Value, json};

use crate::by_hand::ask;
use crate::{algorithm, built, project_with};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);
const JSON: &str = "Content-Type: application/json";
const FORM: &str = "Content-Type: application/x-www-form-urlencoded";

/// Posts and gives the sentence of the refusal, which comes with HTTP 200.
async fn said(sim: &Sim, path: &str, kind: &str, body: &str) -> String {
    let answer = ask(sim, &format!("POST /{path}"), &[kind], body.as_bytes()).await;
    assert_eq!(answer.status, 200, "{path}");
    let answer = answer.json();
    assert_eq!(answer["success"], false, "{path}: {answer}");
    answer["errors"][0].as_str().unwrap_or_else(|| panic!("{path}: {answer}")).to_owned()
}

async fn refused(sim: &Sim, path: &str, body: Value) -> String {
    said(sim, path, JSON, &body.to_string()).await
}

#[tokio::test]
async fn each_sentence_is_said_where_it_was_seen() {
    let options = SimOptions { backtests_per_minute: Some(3), ..SimOptions::default() };
    let sim = Sim::start_with(options).await.unwrap();
    let client = sim.client().unwrap();
    let organization = seed::ORGANIZATION_ID;

    // Credentials.
    let sign = async |user: &str, token: &str| {
        let client = sim.client_of(user.parse().unwrap(), token).unwrap();
        client.send(&Authenticate {}).await.unwrap_err().messages().join("; ")
    };
    assert!(sign("123456", "not-the-token").await.starts_with("Hash doesn't match."));
    assert!(sign("77", seed::TOKEN).await.starts_with("UserID not valid"));

    // live/read without a project; empty content; nested settings in a form; a project never deployed.
    assert_eq!(refused(&sim, "live/read", json!({})).await, "Invalid argument");
    let empty = json!({ "projectId": PAIR.0, "name": "a.py", "content": "" });
    assert!(refused(&sim, "files/create", empty.clone()).await.starts_with("File content not valid. content: "));
    let files = json!({ "projectId": PAIR.0, "files": [{ "name": "a.py", "content": "" }] });
    assert!(refused(&sim, "projects/update", files).await.starts_with("File content not valid. content: "));
    let compile_id = built(&sim, &client, PAIR).await;
    let form = format!(
        "versionId=-1&projectId={}&compileId={compile_id}&nodeId=x&brokerage[id]=QuantConnectBrokerage",
        PAIR.0
    );
    assert_eq!(said(&sim, "live/create", FORM, &form).await, "Brokerage data must be an array");
    assert!(refused(&sim, "live/read", json!({ "projectId": PAIR.0 })).await.contains("No live deployment found"));

    // Two nodes, three starts a minute.
    let start = json!({ "projectId": PAIR.0, "compileId": compile_id, "backtestName": "x" });
    let request =
        CreateBacktest { project_id: PAIR, compile_id, backtest_name: "x".into(), ..CreateBacktest::default() };
    client.send(&request).await.unwrap();
    client.send(&request).await.unwrap();
    assert_eq!(
        refused(&sim, "backtests/create", start.clone()).await,
        "There are no spare nodes available in your cluster. To launch a new backtest please stop an existing running \
         backtest or add more compute nodes to your organization."
    );
    sim.clock().advance(std::time::Duration::from_secs(40));
    client.send(&request).await.unwrap();
    assert_eq!(refused(&sim, "backtests/create", start).await, "Too many backtest requests; please slow down.");

    // Downloads of a plan without them; a search for nothing.
    let get = json!({ "organizationId": organization, "keys": ["x"] });
    assert_eq!(refused(&sim, "object/get", get).await, "Organization does not have derivative export enabled");
    let search = json!({ "language": "Py", "criteria": [] });
    assert_eq!(
        refused(&sim, "ai/tools/search", search).await,
        "Failed to process request data, please try again shortly."
    );

    // Somebody else holds the edit lock of a shared project.
    let shared = project_with(&client, "Shared", &algorithm(&["pass"])).await;
    let invite = CreateCollaborator {
        project_id: shared,
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        collaboration_live_control: false,
        collaboration_write: true,
    };
    client.send(&invite).await.unwrap();
    let lock = AcquireLock { project_id: shared, code_source_id: "Theirs".into() };
    crate::second_client(&sim).send(&lock).await.unwrap();
    let update = json!({ "projectId": shared, "description": "x", "codeSourceId": "cli" });
    assert!(refused(&sim, "projects/update", update).await.contains("write permission"));

    // The wordless answer of unknown data.
    let unknown = json!({ "filePath": "equity/usa/daily/nosuchticker" });
    let answer = ask(&sim, "POST /data/list", &[JSON], unknown.to_string().as_bytes()).await;
    assert_eq!((answer.status, answer.body.len()), (500, 0));
}

#[tokio::test]
async fn everything_simulated_says_that_the_code_was_not_run() {
    let sim = Sim::start().await.unwrap();
    let client = sim.client().unwrap();
    let backtest = crate::backtested(&sim, &client, PAIR).await;
    let deploy_id = crate::live::deployed(&sim, &client, PAIR).await;
    let body = json!({ "projectId": PAIR.0, "backtestId": backtest.backtest_id, "start": 0, "end": 200, "query": "",
        "algorithmId": deploy_id, "startLine": 0, "endLine": 250, "format": "json", "language": "Py",
        "files": [{ "name": "main.py", "content": algorithm(&["pass"]) }] });
    let post = async |path: &str| {
        ask(&sim, &format!("POST /{path}"), &[JSON], body.to_string().as_bytes()).await.text().to_lowercase()
    };
    post("backtests/read/report").await;
    sim.clock().advance(std::time::Duration::from_secs(60));
    for path in ["backtests/read/log", "backtests/read/report", "live/logs/read", "ai/tools/backtest-init"] {
        let text = post(path).await;
        assert!(text.contains("simulated") && text.contains("not run"), "{path}: {text:.600}");
    }
    for path in ["backtests/read/log", "backtests/read/report", "live/logs/read"] {
        assert!(post(path).await.contains("synthetic"), "{path}");
    }
}
