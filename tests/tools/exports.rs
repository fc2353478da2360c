//! Strategies written as code: what comes out compiles and runs on the simulator, and bad input writes nothing.

use qc_sim::{FolderMode, SimOptions};
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn weights_become_a_program_that_runs() {
    let options = SimOptions { folder: FolderMode::Temporary, ..SimOptions::default() };
    let session = Session::with(&["--toolsets", "all", "--demo"], options).await;
    let weights = session
        .ok(
            "optimize_portfolio",
            json!({"symbols": ["KO", "PEP", "AAPL"], "start_date": "2021-01-04",
        "end_date": "2021-12-31", "method": "min_variance"}),
        )
        .await;
    let id = format!("qc://research/{}", weights["research_id"].as_str().unwrap());
    let ask = json!({"kind": "target_weights", "weights": id, "start_date": "2022-01-03", "end_date": "2022-12-30", "max_loss": 0.2});
    let made = session.ok("export_strategy", ask).await;
    let code = made["content"].as_str().unwrap();
    assert!(
        code.contains("class TargetWeights(QCAlgorithm)")
            && code.contains("START: tuple[int, int, int] = (2022, 1, 3)")
    );
    for name in ["KO", "PEP", "AAPL"] {
        let weight = weights["optimized_weights"][name].as_f64().unwrap();
        assert!(weight == 0.0 || code.contains(&format!("\"{name}\": {weight:?},")), "{name} {weight}: {code}");
    }
    let mut run = session.ok("run_backtest", json!({"project": "Exported", "files": {"main.py": code}})).await;
    while run["status"] != "completed" {
        assert_ne!(run["status"], "failed", "{run}");
        run = session.ok("wait_for_job", json!({"job": run["job"]})).await;
    }
}

#[tokio::test]
async fn pairs_and_container_files_are_written_and_bad_input_is_not() {
    let session = Session::start().await;
    let pair = json!({"kind": "pairs", "symbols": ["KO", "PEP"], "hedge_ratio": 0.8, "intercept": 0.1, "spread_std": 0.02,
        "confirm_days": 2});
    let made = session.ok("export_strategy", pair.clone()).await;
    assert!(made["content"].as_str().unwrap().contains("CONFIRM_DAYS: int = 2"), "{made}");
    let file = session.ok("export_strategy", json!({"kind": "dockerfile"})).await;
    assert!(file["content"].as_str().unwrap().contains("FROM quantconnect/lean:"), "{file}");
    for (bad, word) in [
        (json!({"kind": "pairs", "symbols": ["KO"]}), "two symbols"),
        (json!({"kind": "pairs", "symbols": ["KO", "PEP"]}), "spread_std"),
        (json!({"kind": "target_weights", "symbols": ["KO"]}), "weights are missing"),
        (json!({"kind": "target_weights", "symbols": ["KO\"; import os"], "weights": [1.0]}), "no ticker"),
        (json!({"kind": "target_weights", "symbols": ["KO"], "weights": [1.0], "max_loss": 2}), "max_loss"),
        (json!({"kind": "dockerfile", "image": "lean; rm"}), "image"),
    ] {
        let text = session.err("export_strategy", bad.clone()).await;
        assert!(text.contains(word), "{bad}: {text}");
    }
}
