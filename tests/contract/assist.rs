//! Help with code: a check that finds something is an answer, not a refusal.

use qc_api::endpoints::assist::{AssistState, CheckSyntax};
use qc_api::endpoints::projects::FileContent;
use qc_api::model::Language;

use crate::{algorithm, session};

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
