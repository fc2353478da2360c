//! What the client makes of a service that misbehaves, and what the journal says about it.

use std::time::Duration;

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::model::Language;
use qc_api::{Clock, Error};
use qc_sim::Fault;

use crate::session;

fn project(name: &str) -> CreateProject {
    CreateProject { name: name.into(), language: Language::Python, organization_id: None }
}

#[tokio::test]
async fn a_read_survives_every_passing_fault() {
    let faults = [
        Fault::ServerError,
        Fault::ServerErrorAfter,
        Fault::RateLimited { retry_after: Some(3) },
        Fault::HtmlPage,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::CutBody,
        Fault::Duplicate,
        Fault::DuplicateAnswer,
        Fault::Drip(Duration::ZERO),
        Fault::Slow(Duration::from_millis(5)),
    ];
    let (sim, client) = session().await;
    for fault in faults {
        sim.journal().clear();
        sim.faults().once("account/read", fault.clone());
        let answer = client.send(&ReadAccount::default()).await;
        assert!(answer.is_ok(), "{fault:?}: {answer:?}");
        assert_eq!(sim.faults().pending(), 0, "{fault:?}");
        assert_eq!(sim.journal().entries()[0].fault, Some(fault.name()));
    }
}

#[tokio::test]
async fn retry_after_is_waited_for_on_the_shared_clock() {
    let (sim, client) = session().await;
    sim.faults().once("account/read", Fault::RateLimited { retry_after: Some(17) });
    let before = sim.clock().now();
    client.send(&ReadAccount::default()).await.unwrap();
    let waited = sim.clock().now().duration_since(before).as_secs();
    assert!((17..60).contains(&waited), "{waited} s");
}

#[tokio::test]
async fn a_create_whose_answer_is_lost_is_sent_once_and_called_doubtful() {
    for fault in [Fault::ResetAfter, Fault::CutBody, Fault::ServerErrorAfter] {
        let (sim, client) = session().await;
        sim.faults().once("projects/create", fault.clone());
        let error = client.send(&project("Doubtful")).await.unwrap_err();
        assert!(error.may_have_created(), "{fault:?}: {error:?}");
        let sent = sim.journal().of("projects/create");
        assert_eq!((sent.len(), sent[0].accepted), (1, true), "{fault:?}");
        let projects = client.send(&ReadProjects::default()).await.unwrap().projects;
        assert_eq!(projects.iter().filter(|project| project.name == "Doubtful").count(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_create_that_never_arrived_is_not_sent_again_either() {
    let (sim, client) = session().await;
    sim.faults().once("projects/create", Fault::ServerError);
    assert!(client.send(&project("Lost")).await.is_err());
    let sent = sim.journal().of("projects/create");
    assert_eq!((sent.len(), sent[0].reached), (1, false));
}

#[tokio::test]
async fn pages_redirects_and_garbage_are_errors_of_their_own() {
    let (sim, client) = session().await;
    let mut outcome = Vec::new();
    for fault in [
        Fault::HtmlOk,
        Fault::Redirect("https://elsewhere.example/secret".into()),
        Fault::Body(b"{\"creditBalance\": {}}".to_vec()),
        Fault::Unauthorized,
        Fault::Refuse("Invalid argument".into()),
    ] {
        sim.faults().always("account/read", fault);
        outcome.push(client.send(&ReadAccount::default()).await.unwrap_err());
        sim.faults().clear();
    }
    assert!(matches!(outcome[0], Error::NotJson { status: 200, .. }), "{:?}", outcome[0]);
    assert!(matches!(&outcome[1], Error::Redirected { host: Some(host), .. } if host == "elsewhere.example"));
    assert!(matches!(&outcome[2], Error::Shape { path, .. } if path == "creditBalance"), "{:?}", outcome[2]);
    assert!(outcome[3].is_auth(), "{:?}", outcome[3]);
    assert_eq!(outcome[4].messages(), ["Invalid argument"]);
}
