//! What the client's own traces say: for programs that use it without the server's filters.

use qc_api::brokerage::Brokerage;
use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::live::CreateLive;
use qc_api::endpoints::object_store::{ReadDownload, SetObject, StartDownload};
use qc_api::wire::Map;
use qc_api::{Clock, Credentials};
use qc_sim::{Fault, Sim, SimOptions, Tier, seed};
use tracing_subscriber::EnvFilter;

use crate::secrets::Lines;

const BROKER_TOKEN: &str = "planted-broker-token-51e87f3a";
const WRONG_TOKEN: &str = "planted-wrong-token-9c0d7f3a";

#[tokio::test]
async fn no_key_in_any_line_of_any_crate_at_trace() {
    // A neighbour that sets the process's subscriber makes tracing forget this thread's for places met in that moment:
    // what was captured is searched each time, and captured again if it is not all.
    for _ in 0..10 {
        tracing::callsite::rebuild_interest_cache();
        if is_captured_and_clean().await {
            return;
        }
    }
    panic!("the log was not captured");
}

/// Does the work at the loudest level, finds no key in its log, and tells whether the whole log was captured.
async fn is_captured_and_clean() -> bool {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("trace"))
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    // Client, simulator and HTTP stack share this thread.
    let guard = tracing::subscriber::set_default(subscriber);

    let sim = Sim::start_with(SimOptions { tier: Tier::Institution, ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    let signed = client.credentials().stamp(sim.clock().now()).authorization().to_owned();
    for fault in [None, Some(Fault::ServerError), Some(Fault::HtmlPage), Some(Fault::Reset), Some(Fault::Unauthorized)]
    {
        if let Some(fault) = fault {
            sim.faults().once("account/read", fault);
        }
        drop(client.send(&ReadAccount::default()).await);
    }
    let stranger = Credentials::new(seed::USER_ID.to_string(), WRONG_TOKEN).unwrap();
    client.with_credentials(stranger).unwrap().send(&ReadAccount::default()).await.unwrap_err();

    let brokerage = format!(
        r#"{{"id": "AlpacaBrokerage", "alpaca-access-token": "{BROKER_TOKEN}", "alpaca-environment": "paper"}}"#
    );
    let deploy = CreateLive {
        version_id: (-1).into(),
        project_id: seed::PAIR_PROJECT_ID.into(),
        compile_id: "none".into(),
        node_id: "none".into(),
        brokerage: Brokerage::from_json(&brokerage).unwrap(),
        data_providers: Map::new(),
        automatic_redeploy: None,
        notification: None,
        parameters: Map::new(),
        signature: None,
    };
    client.send(&deploy).await.unwrap_err();
    assert!(!format!("{deploy:?}").contains(BROKER_TOKEN));

    let organization_id = || seed::ORGANIZATION_ID.into();
    let object = SetObject { organization_id: organization_id(), key: "a.txt".into(), data: b"hello".to_vec() };
    client.send(&object).await.unwrap();
    let start = StartDownload { organization_id: organization_id(), keys: vec!["a.txt".into()] };
    let job_id = client.send(&start).await.unwrap().job_id;
    let poll = ReadDownload { organization_id: organization_id(), job_id };
    let link = client.wait(&poll).await.unwrap().url.unwrap();
    assert!(client.download(&link).await.unwrap().starts_with(b"PK"));
    drop(guard);

    let logs = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let base64 = signed.trim_start_matches("Basic ");
    for secret in [seed::TOKEN, WRONG_TOKEN, BROKER_TOKEN, "Basic ", base64, link.expose()] {
        let found = logs.find(secret).map(|at| &logs[at.saturating_sub(200)..(at + 100).min(logs.len())]);
        assert!(found.is_none(), "{secret} in a log line: {}", found.unwrap_or_default());
    }
    ["qc_api", "again after a failure", "live/create", "object/get"].iter().all(|word| logs.contains(word))
}
