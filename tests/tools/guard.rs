//! A limit of loss in an algorithm's own code: shown first, written on demand, once.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn the_change_is_shown_then_written_and_the_code_still_compiles() {
    let session = Session::start().await;
    let project = json!(seed::PAIR_PROJECT_ID);
    let ask = json!({"project_id": project, "max_loss": 5, "basis": "peak"});
    let shown = session.ok("guard_live_algorithm", ask.clone()).await;
    assert!(session.sim.journal().changes().is_empty(), "a preview writes nothing");
    assert_eq!(shown["main.py"].as_array().map(Vec::len), Some(2), "{shown}");
    assert!(shown["main.py"][1]["text"].as_str().unwrap().contains("LossGuard(self, 5.0, \"percent\", \"peak\", 60)"));
    assert!(shown["limits"].as_str().unwrap().contains("not run in LEAN"));
    let mut go = ask;
    go["write"] = json!(true);
    session.ok("guard_live_algorithm", go.clone()).await;
    let sent: Vec<String> = session.sim.journal().changes().into_iter().map(|entry| entry.path).collect();
    // The guard before what imports it.
    assert_eq!(sent, ["files/create", "files/update"]);
    let main = session.call("read_file", json!({"project_id": project, "name": "main.py"})).await;
    assert!(main.text().contains("self._loss_guard = LossGuard("), "{}", main.text());
    let file = session.call("read_file", json!({"project_id": project, "name": "qc_guard.py"})).await;
    assert!(file.text().contains("class LossGuard"), "{}", file.text());
    let compiled = session.ok("compile_project", json!({"project_id": project})).await;
    assert!(
        compiled["summary"].as_str().unwrap().contains("succe") || compiled["state"] == "BuildSuccess",
        "{compiled}"
    );
    // A second guard is refused, shown or written.
    let text = session.err("guard_live_algorithm", go).await;
    assert!(text.contains("holds a guard"), "{text}");
}

#[tokio::test]
async fn limits_that_are_none_and_code_without_a_clear_beginning_are_refused_unwritten() {
    let session = Session::start().await;
    let project = json!(seed::PAIR_PROJECT_ID);
    for wrong in [json!({"max_loss": 0}), json!({"max_loss": 150}), json!({"max_loss": 5, "sigma_window": 3})] {
        let mut ask = wrong;
        ask["project_id"] = project.clone();
        ask["write"] = json!(true);
        session.err("guard_live_algorithm", ask).await;
    }
    session.ok("update_file_content", json!({"project_id": project, "name": "main.py", "content": "x = 1\n"})).await;
    session.sim.journal().clear();
    let text = session.err("guard_live_algorithm", json!({"project_id": project, "max_loss": 5, "write": true})).await;
    assert!(text.contains("AlgorithmImports"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
}
