//! Files of a project through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

async fn new_project(session: &Session) -> i64 {
    session.ok("create_project", json!({"name": "Files"})).await["project_id"].as_i64().unwrap()
}

#[tokio::test]
async fn the_untouched_template_is_replaced_and_the_next_create_is_refused() {
    let session = Session::start().await;
    let id = new_project(&session).await;
    let code = "from AlgorithmImports import *\nclass A(QCAlgorithm):\n    def initialize(self):\n        self.set_holdings(\"SPY\", 1)\n";
    let first = session.ok("create_file", json!({"project_id": id, "name": "main.py", "content": code})).await;
    assert_eq!(first["replaced_template"], true);
    assert!(!first.to_string().contains("set_holdings"), "the content comes back: {first}");

    // It looks like a template and is as young as one, but it was written on purpose.
    let text = session.err("create_file", json!({"project_id": id, "name": "main.py", "content": "x = 1\n"})).await;
    assert!(text.contains("already has a file `main.py`") && text.contains("update_file_content"), "{text}");
    let read = session.call("read_file", json!({"project_id": id, "name": "main.py"})).await;
    assert!(read.text().contains("set_holdings"));

    let extra =
        session.ok("create_file", json!({"project_id": id, "name": "lib/alpha.py", "content": "x = 1\n"})).await;
    assert_eq!((&extra["replaced_template"], &extra["lines"]), (&json!(false), &json!(1)));
}

#[tokio::test]
async fn own_code_in_an_older_project_is_never_replaced_by_create() {
    let session = Session::start().await;
    let text = session
        .err("create_file", json!({"project_id": seed::PAIR_PROJECT_ID, "name": "main.py", "content": "x = 1\n"}))
        .await;
    assert!(text.contains("already has a file"), "{text}");
    assert!(session.sim.journal().of("files/update").is_empty());
}

#[tokio::test]
async fn extensions_outside_the_documentation_are_refused_before_sending() {
    let session = Session::start().await;
    for name in ["prices.csv", "config.yaml", "data.json"] {
        let text = session
            .err("create_file", json!({"project_id": seed::PAIR_PROJECT_ID, "name": name, "content": "x"}))
            .await;
        assert!(text.contains("nothing was sent") && text.contains("Python module"), "{text}");
    }
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn lists_and_reads_by_lines() {
    let session = Session::start().await;
    let list = session.ok("read_file", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    let names: Vec<&str> =
        list["files"].as_array().unwrap().iter().filter_map(|file| file["untrusted_name"].as_str()).collect();
    assert_eq!(names, ["main.py", "research.ipynb"]);
    assert!(!list.to_string().contains("AlgorithmImports"), "a list holds no contents");

    let whole = session.call("read_file", json!({"project": "Pair of Staples", "name": "main.py"})).await;
    assert!(whole.0.structured_content.is_none(), "code is text only");
    let part = session
        .call(
            "read_file",
            json!({"project_id": seed::PAIR_PROJECT_ID, "name": "main.py", "start_line": 2, "end_line": 2}),
        )
        .await;
    assert!(
        part.text().contains("from AlgorithmImports import *") && !part.text().contains("region imports"),
        "{}",
        part.text()
    );
    let text = session
        .err("read_file", json!({"project_id": seed::PAIR_PROJECT_ID, "name": "main.py", "start_line": 9000}))
        .await;
    assert!(text.contains("the file has"), "{text}");
    let text = session.err("read_file", json!({"project_id": seed::PAIR_PROJECT_ID, "name": "other.py"})).await;
    assert!(text.contains("has no file `other.py`") && text.contains("hint: "), "{text}");
}

#[tokio::test]
async fn edits_one_unique_snippet() {
    let session = Session::start().await;
    let id = new_project(&session).await;
    session.ok("create_file", json!({"project_id": id, "name": "a.py", "content": "x = 1\ny = 1\n"})).await;
    let text =
        session.err("edit_file", json!({"project_id": id, "name": "a.py", "old_text": "1", "new_text": "2"})).await;
    assert!(text.contains("occurs 2 times"), "{text}");
    let text =
        session.err("edit_file", json!({"project_id": id, "name": "a.py", "old_text": "z", "new_text": "2"})).await;
    assert!(text.contains("read_file"), "{text}");
    let edited =
        session.ok("edit_file", json!({"project_id": id, "name": "a.py", "old_text": "y = 1\n", "new_text": ""})).await;
    assert_eq!((&edited["line"], &edited["lines"]), (&json!(2), &json!(1)));
}

#[tokio::test]
async fn writes_renames_and_deletes() {
    let session = Session::start().await;
    let id = new_project(&session).await;
    // The official server's name and its nested argument.
    session
        .ok("update_file_contents", json!({"model": {"projectId": id, "name": "main.py", "content": "x = 2\n"}}))
        .await;
    let read = session.call("read_file", json!({"project_id": id, "name": "main.py"})).await;
    assert!(read.text().contains("x = 2"));
    session.ok("update_file_name", json!({"project_id": id, "old_file_name": "main.py", "new_name": "app.py"})).await;
    session.ok("delete_file", json!({"project_id": id, "name": "app.py"})).await;
    let list = session.ok("read_file", json!({"project_id": id})).await;
    assert!(!list.to_string().contains("app.py"), "{list}");
    let text = session.err("update_file_content", json!({"project_id": id, "name": "a.py", "content": ""})).await;
    assert!(text.contains("`content` is empty") && text.contains("nothing was sent"), "{text}");
}

#[tokio::test]
async fn patches_and_refuses_what_is_no_patch() {
    let session = Session::start().await;
    let id = new_project(&session).await;
    session.ok("create_file", json!({"project_id": id, "name": "a.py", "content": "x = 1\ny = 2\n"})).await;
    let patch = "diff --git a/a.py b/a.py\n--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n x = 1\n-y = 2\n+y = 3\n";
    session.ok("patch_file", json!({"project_id": id, "patch": patch})).await;
    assert!(session.call("read_file", json!({"project_id": id, "name": "a.py"})).await.text().contains("y = 3"));
    let text = session.err("patch_file", json!({"project_id": id, "patch": patch})).await;
    assert!(text.contains("refused") || text.contains("found nothing"), "{text}");
    session.sim.journal().clear();
    session.err("patch_file", json!({"project_id": id, "patch": "make it faster"})).await;
    let elsewhere = "--- a/../x.py\n+++ b/../x.py\n@@ -1 +1 @@\n-a\n+b\n";
    let text = session.err("patch_file", json!({"project_id": id, "patch": elsewhere})).await;
    assert!(text.contains("`../x.py` is no file name"), "{text}");
    assert!(session.sim.journal().is_empty());
}
