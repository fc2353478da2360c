//! The tools for people who write algorithms, as far as reading the code answers them.

use qc_api::endpoints::assist::{AssistState, CheckInitialization, CheckSyntax};
use qc_api::endpoints::projects::FileContent;
use qc_api::model::Language;
use qc_api::{Client, endpoints};
use serde_json::json;

use crate::{algorithm, sentence, session};

async fn initialized(client: &Client, code: &str) -> (AssistState, String) {
    let files = vec![FileContent { name: "main.py".into(), content: code.into() }];
    let reply = client.send(&CheckInitialization { language: Language::Python, files }).await.unwrap();
    (reply.state.unwrap(), reply.payload)
}

#[tokio::test]
async fn an_algorithm_that_would_not_start_is_told_why() {
    let (_sim, client) = session().await;
    let (state, said) = initialized(&client, &algorithm(&["self.add_equity(\"KO\")"])).await;
    assert!(state == AssistState::End && said.contains("not run"), "{said}");
    let (state, said) = initialized(&client, &algorithm(&["raise ValueError(\"no luck\")"])).await;
    assert!(state == AssistState::Error && said.contains("no luck") && said.contains("line 5"), "{said}");
    let (state, said) = initialized(&client, &algorithm(&["self.add_equity(\"KO\""])).await;
    assert!(state == AssistState::Error && said.starts_with("main.py Line:"), "{said}");
    // What goes wrong later than initialize is not the question.
    let later = format!("{}\n    def on_data(self, data):\n        raise ValueError(\"late\")\n", algorithm(&["pass"]));
    assert_eq!(initialized(&client, &later).await.0, AssistState::End);
}

#[tokio::test]
async fn the_main_file_is_required() {
    let (_sim, client) = session().await;
    let files = vec![FileContent { name: "helper.py".into(), content: "x = 1\n".into() }];
    for language in [Language::Python, Language::CSharp] {
        let request = CheckInitialization { language, files: files.clone() };
        assert!(sentence(client.send(&request).await).contains("not found"));
    }
}

#[tokio::test]
async fn the_answers_come_without_an_envelope() {
    let (_sim, client) = session().await;
    let info = endpoints().find(|info| info.path == "ai/tools/backtest-init").unwrap();
    let body = json!({ "language": "Py", "files": [{ "name": "main.py", "content": algorithm(&["pass"]) }] });
    let answer = client.send_raw(info, &body).await.unwrap();
    assert!(answer.get("success").is_none() && answer["state"] == "End", "{answer}");
}

#[tokio::test]
async fn a_check_names_file_line_and_column_or_nothing() {
    let (_sim, client) = session().await;
    let main = |content: String| CheckSyntax {
        language: Language::Python,
        files: vec![FileContent { name: "main.py".into(), content }],
    };
    let clean = client.send(&main(algorithm(&["self.set_cash(100000)"]))).await.unwrap();
    assert_eq!((clean.state, clean.payload.len()), (Some(AssistState::End), 0));
    let broken = client.send(&main("x = 1\n\ndef f()\n    pass\n".into())).await.unwrap();
    assert_eq!(broken.state, Some(AssistState::Error));
    assert!(broken.payload[0].starts_with("main.py:3:0: "), "{:?}", broken.payload);
}
