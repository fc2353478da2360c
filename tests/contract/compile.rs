//! Compiling: in queue, then built or not; both are answers, not refusals.

use qc_api::endpoints::compile::{CompileState, CreateCompile, ReadCompile};
use qc_api::ids::ProjectId;
use qc_sim::seed;

use crate::{compiled, project_with, sentence, session};

#[tokio::test]
async fn a_build_waits_in_the_queue_and_then_succeeds() {
    let (sim, client) = session().await;
    let project_id = ProjectId(seed::PAIR_PROJECT_ID);
    let created = client.send(&CreateCompile { project_id }).await.unwrap();
    assert_eq!(created.state, CompileState::InQueue);
    assert_eq!(created.compile_id.signature(), created.signature.as_deref());
    let read = ReadCompile { project_id, compile_id: created.compile_id };
    assert_eq!(client.send(&read).await.unwrap().state, CompileState::InQueue);
    sim.clock().advance(std::time::Duration::from_secs(30));
    let done = client.send(&read).await.unwrap();
    assert_eq!(done.state, CompileState::BuildSuccess);
    assert!(done.logs[0].starts_with("Build Request Successful for Project ID: 20000001"), "{:?}", done.logs);
}

#[tokio::test]
async fn a_mistake_is_named_by_file_and_line_and_the_answer_is_still_a_success() {
    let (sim, client) = session().await;
    for (name, code, place) in [
        ("bracket", "x = (1,\n", "File: main.py Line:1 Column:4"),
        ("word", "x = 1\nSYNTAX_ERROR\n", "File: main.py Line:2 Column:0"),
        ("colon", "x = 1\n\ndef f()\n    pass\n", "File: main.py Line:3 Column:0"),
    ] {
        let project_id = project_with(&client, name, code).await;
        let reply = compiled(&sim, &client, project_id).await;
        assert_eq!(reply.state, CompileState::BuildError);
        assert!(reply.logs.iter().any(|line| line.contains(place)), "{:?}", reply.logs);
    }
}

#[tokio::test]
async fn an_unknown_compile_is_refused() {
    let (_sim, client) = session().await;
    let read = ReadCompile { project_id: ProjectId(seed::PAIR_PROJECT_ID), compile_id: "nope".into() };
    assert!(sentence(client.send(&read).await).contains("not found"));
}
