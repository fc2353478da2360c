//! The tools for people who write algorithms, as far as reading the code answers them.

use qc_api::endpoints::assist::{
    AssistState, CheckInitialization, CheckSyntax, CodeError, CompleteCode, ConvertPep8, EnhanceError, FoundIn,
    SearchAssist, SearchCriterion, SearchPlace,
};
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

#[tokio::test]
async fn a_word_is_completed_in_the_spelling_of_its_language() {
    let (_sim, client) = session().await;
    let complete = async |sentence: &str, language, response_size_limit| {
        let request = CompleteCode { language, sentence: sentence.into(), response_size_limit };
        client.send(&request).await.unwrap().payload
    };
    assert_eq!(complete("self.add_eq", Language::Python, None).await, ["self.add_equity"]);
    assert_eq!(complete("AddEq", Language::CSharp, None).await, ["AddEquity"]);
    assert_eq!(
        complete("self.set_", Language::Python, Some(2)).await,
        ["self.set_benchmark", "self.set_brokerage_model"]
    );
    assert!(complete("self.nothing_like_it", Language::Python, None).await.is_empty());
    assert_eq!(complete("é.set_ca", Language::Python, None).await, ["é.set_cash"]);
}

#[tokio::test]
async fn names_get_their_underscores_and_errors_are_not_explained() {
    let (_sim, client) = session().await;
    let content = "class A(QCAlgorithm):\n    def Initialize(self):\n        self.AddEquity(\"KO\")  # AddEquity\n        self.MyOwn()\n";
    let request = ConvertPep8 { files: vec![FileContent { name: "main.py".into(), content: content.into() }] };
    let converted = client.send(&request).await.unwrap().payload;
    let expected = content.replace("def Initialize", "def initialize").replace("self.AddEquity", "self.add_equity");
    assert_eq!(converted["main.py"], expected);
    let error = CodeError { message: "name 'x' is not defined".into(), stacktrace: Some("at main.py: line 3".into()) };
    let said = client.send(&EnhanceError { language: Language::Python, error }).await.unwrap().payload;
    assert!(
        said.starts_with("name 'x' is not defined\nat main.py: line 3") && said.contains("no language model"),
        "{said}"
    );
}

#[tokio::test]
async fn a_search_finds_what_there_is_the_best_first() {
    let (_sim, client) = session().await;
    let criterion = |input: &str, place, count| SearchCriterion { input: input.into(), place, count };
    let search = async |criteria| {
        let request = SearchAssist { language: Language::Python, criteria };
        client.send(&request).await.unwrap().results
    };
    let found = search(vec![
        criterion("first day of a backtest", SearchPlace::Docs, 1),
        criterion("add_equity", SearchPlace::Examples, 5),
        criterion("anything", SearchPlace::Forum, 5),
    ])
    .await;
    assert!(found[0].content.starts_with("set_start_date:") && found[0].found_in == Some(FoundIn::Docs), "{found:?}");
    assert!(1 < found.len() && found[1..].iter().all(|page| page.found_in == Some(FoundIn::Examples)));
    assert!(found.iter().all(|page| page.url.contains("simulated") && 0.0 < page.score.unwrap()));
    assert!(search(vec![criterion("zzz", SearchPlace::Stubs, 5)]).await.is_empty());
}

#[tokio::test]
async fn files_that_no_project_may_hold_are_not_read() {
    let (_sim, client) = session().await;
    let files = vec![FileContent { name: "main.py".into(), content: format!("# {}\n", "x".repeat(128 * 1024)) }];
    let language = Language::Python;
    let check = CheckSyntax { language: language.clone(), files: files.clone() };
    assert!(sentence(client.send(&check).await).contains("larger than 128 KB"));
    let start = CheckInitialization { language, files: files.clone() };
    assert!(sentence(client.send(&start).await).contains("larger than 128 KB"));
    assert!(sentence(client.send(&ConvertPep8 { files }).await).contains("larger than 128 KB"));
}
