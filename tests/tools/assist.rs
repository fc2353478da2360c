//! Help with code through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn a_clean_project_is_told_so_and_the_next_call_is_a_compile() {
    let session = Session::start().await;
    let clean = session.ok("check_syntax", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert_eq!((&clean["state"], &clean["n_remarks"]), (&json!("End"), &json!(0)), "{clean}");
    assert_eq!(clean["next"], "compile_project");
}

#[tokio::test]
async fn a_mistake_in_given_files_is_named_by_place() {
    let session = Session::start().await;
    let files = json!([{"name": "main.py", "content": "x = 1\n\ndef f()\n    pass\n"}]);
    let found = session.ok("check_syntax", json!({"files": files})).await;
    assert_eq!((&found["state"], &found["next"]), (&json!("Error"), &json!("edit_file")), "{found}");
    assert!(found["untrusted_remarks"][0].as_str().unwrap().starts_with("main.py:3:0"), "{found}");
}

#[tokio::test]
async fn needs_files_or_a_project_and_not_both() {
    let session = Session::start().await;
    let file = json!([{"name": "main.py", "content": ""}]);
    for (args, part) in [
        (json!({}), "none came"),
        (json!({"files": []}), "none came"),
        (json!({"files": file, "project_id": seed::PAIR_PROJECT_ID}), "both came"),
        (json!({"files": file, "language": "cobol"}), "neither Py nor C#"),
    ] {
        let text = session.err("check_syntax", args).await;
        assert!(text.contains(part), "{text}");
    }
    assert!(session.sim.journal().of("ai/tools/syntax-check").is_empty());
}

#[tokio::test]
async fn an_algorithm_that_does_not_start_is_told_so() {
    let session = Session::start().await;
    let fine = session.ok("check_initialization_errors", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert_eq!((&fine["state"], &fine["next"]), (&json!("End"), &json!("compile_project")), "{fine}");
    let code = "from AlgorithmImports import *\nclass A(QCAlgorithm):\n    def initialize(self):\n        raise ValueError(\"no\")\n";
    let bad = session
        .ok("check_initialization_errors", json!({"language": "Py", "files": [{"name": "main.py", "content": code}]}))
        .await;
    assert_eq!((&bad["state"], &bad["next"]), (&json!("Error"), &json!("edit_file")), "{bad}");
    assert!(bad["untrusted_said"].as_str().unwrap().contains("no"), "{bad}");
}

#[tokio::test]
async fn code_is_completed_explained_and_rewritten() {
    let session = Session::start().await;
    let found = session.ok("complete_code", json!({"language": "Py", "sentence": "self.set_sta"})).await;
    assert!(found["untrusted_proposals"].to_string().contains("set_start_date"), "{found}");
    let text = session
        .call(
            "enhance_error_message",
            json!({"language": "Py", "error": {"message": "KeyError: SPY", "stacktrace": "line 3"}}),
        )
        .await;
    assert!(text.text().contains("KeyError: SPY") && text.text().contains("line 3"), "{}", text.text());
    let files = json!([{"name": "main.py", "content": "self.SetStartDate(2020, 1, 1)\n"}]);
    let new = session.ok("update_code_to_pep8", json!({"files": files})).await;
    assert!(new["files"][0]["untrusted_content"].as_str().unwrap().contains("set_start_date"), "{new}");
    // A file too large for one answer is named and never given in part.
    let large = format!("self.SetStartDate(2020, 1, 1)\n{}", "x = 1\n".repeat(10_000));
    let files = json!([{"name": "large.py", "content": large}, {"name": "main.py", "content": "self.SetCash(1)\n"}]);
    let new = session.ok("update_code_to_pep8", json!({"files": files})).await;
    assert_eq!(new["untrusted_too_large_for_one_answer"], json!(["large.py"]), "{new}");
    assert_eq!((new["files"].as_array().unwrap().len(), &new["files"][0]["untrusted_name"]), (1, &json!("main.py")));
    let text = session.err("update_code_to_pep8", json!({"files": [{"name": "Main.cs", "content": "x"}]})).await;
    assert!(text.contains("no .py file"), "{text}");
}

#[tokio::test]
async fn search_takes_a_plain_query_and_the_official_servers_criteria() {
    let session = Session::start().await;
    let plain = session.ok("search_quantconnect", json!({"query": "add equity", "count": 2})).await;
    assert!(
        plain["results"].as_array().unwrap().len() <= 2 && plain["results"][0]["untrusted_content"].is_string(),
        "{plain}"
    );
    let official =
        json!({"model": {"language": "Py", "criteria": [{"input": "add equity", "type": "Stubs", "count": 1}]}});
    let found = session.ok("search_quantconnect", official).await;
    assert_eq!(found["results"][0]["found_in"], "stubs", "{found}");
    let text = session.err("search_quantconnect", json!({})).await;
    assert!(text.contains("missing query"), "{text}");
}

#[tokio::test]
async fn versions_of_lean_come_newest_first() {
    let session = Session::start().await;
    let list = session.ok("read_lean_versions", json!({"limit": 1})).await;
    assert_eq!(list["versions"].as_array().unwrap().len(), 1, "{list}");
    assert!(list["versions"][0]["version_id"].is_number(), "{list}");
}

#[tokio::test]
async fn lint_looks_at_code_here_and_says_what_it_cannot_see() {
    let session = Session::start().await;
    let code = "class A(QCAlgorithm):\n    def initialize(self):\n        self.rsi = self.rsi(\"SPY\", 14)\n    def on_data(self, data):\n        self.log(f\"{data['SPY'].close}\")\n";
    let found = session.ok("lint_algorithm", json!({"files": [{"name": "main.py", "content": code}]})).await;
    let rules: Vec<(&str, i64)> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| (finding["rule"].as_str().unwrap(), finding["line"].as_i64().unwrap()))
        .collect();
    assert_eq!(rules, [("overwritten", 3), ("export", 5)], "{found}");
    assert!(found["cannot_see"].as_str().unwrap().contains("no proof"), "{found}");
    assert!(session.sim.journal().is_empty());
    let clean = session.ok("lint_algorithm", json!({"project_id": seed::PAIR_PROJECT_ID})).await;
    assert_eq!(clean["findings"], json!([]), "{clean}");
}
