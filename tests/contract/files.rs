//! Files of a project, from creation to deletion.

use qc_api::endpoints::files::{CreateFile, DeleteFile, PatchFiles, ReadFiles, RenameFile, UpdateFileContent};
use qc_api::endpoints::projects::{FileContent, UpdateProject};
use qc_api::ids::ProjectId;
use qc_api::{Client, Effect};
use qc_sim::seed;

use crate::{sentence, session};

const PROJECT: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

fn create(name: &str, content: Option<&str>) -> CreateFile {
    CreateFile { project_id: PROJECT, name: name.into(), content: content.map(str::to_owned), ..CreateFile::default() }
}

async fn content(client: &Client, name: &str) -> String {
    let request = ReadFiles { project_id: PROJECT, name: Some(name.into()), ..ReadFiles::default() };
    client.send(&request).await.unwrap().files.remove(0).content
}

#[tokio::test]
async fn a_file_is_made_changed_patched_renamed_and_deleted() {
    let (sim, client) = session().await;
    client.send(&create("lib/alpha.py", Some("a = 1\nb = 2\n"))).await.unwrap();
    let update = UpdateFileContent {
        project_id: PROJECT,
        name: "lib/alpha.py".into(),
        content: "a = 1\nb = 3\n".into(),
        ..UpdateFileContent::default()
    };
    client.send(&update).await.unwrap();
    let patch = PatchFiles {
        project_id: PROJECT,
        patch: "--- a/lib/alpha.py\n+++ b/lib/alpha.py\n@@ -2 +2,2 @@\n-b = 3\n+b = 4\n+c = 5\n".into(),
        ..PatchFiles::default()
    };
    client.send(&patch).await.unwrap();
    assert_eq!(content(&client, "lib/alpha.py").await, "a = 1\nb = 4\nc = 5\n");
    // A second application no longer matches, and nothing of it is kept.
    assert!(sentence(client.send(&patch).await).contains("Patch not valid"));
    let rename = RenameFile {
        project_id: PROJECT,
        name: "lib/alpha.py".into(),
        new_name: "alpha.py".into(),
        ..RenameFile::default()
    };
    client.send(&rename).await.unwrap();
    assert_eq!(content(&client, "alpha.py").await, "a = 1\nb = 4\nc = 5\n");
    let delete = DeleteFile { project_id: PROJECT, name: "alpha.py".into(), ..DeleteFile::default() };
    client.send(&delete).await.unwrap();
    assert!(sentence(client.send(&delete).await).contains("not found"));
    let effects: Vec<Effect> = sim.journal().changes().iter().filter_map(|entry| entry.effect).collect();
    use Effect::{Create, Delete, Update};
    assert_eq!(effects, [Create, Update, Update, Update, Update, Delete, Delete]);
}

#[tokio::test]
async fn a_diff_that_comes_back_to_a_file_keeps_what_it_did_before() {
    let (_sim, client) = session().await;
    client.send(&create("two.py", Some("a\nb\nc\n"))).await.unwrap();
    let part =
        |at: usize, old: &str, new: &str| format!("--- a/two.py\n+++ b/two.py\n@@ -{at} +{at} @@\n-{old}\n+{new}\n");
    let patch = |parts: [String; 2]| PatchFiles { project_id: PROJECT, patch: parts.concat(), ..PatchFiles::default() };
    client.send(&patch([part(1, "a", "A"), part(3, "c", "C")])).await.unwrap();
    assert_eq!(content(&client, "two.py").await, "A\nb\nC\n");
    // All or nothing: the second part does not match, so that the first is not kept either.
    assert!(sentence(client.send(&patch([part(2, "b", "B"), part(1, "a", "x")])).await).contains("does not match"));
    assert_eq!(content(&client, "two.py").await, "A\nb\nC\n");
}

#[tokio::test]
async fn a_project_has_no_two_files_of_one_name() {
    let (_sim, client) = session().await;
    let file = |name: &str| FileContent { name: name.into(), content: "x = 1\n".into() };
    let all = |files| UpdateProject { project_id: PROJECT, files: Some(files), ..UpdateProject::default() };
    assert!(sentence(client.send(&all(vec![file("a.py"), file("a.py")])).await).contains("already exists: a.py"));
    assert!(content(&client, "main.py").await.contains("KO"), "a refused change keeps the files");
    client.send(&all(vec![file("a.py"), file("b.py")])).await.unwrap();
    let rename =
        RenameFile { project_id: PROJECT, name: "a.py".into(), new_name: "b.py".into(), ..RenameFile::default() };
    assert!(sentence(client.send(&rename).await).contains("already exists"));
}

#[tokio::test]
async fn bad_files_are_refused_in_the_service_s_words() {
    let (_sim, client) = session().await;
    assert!(sentence(client.send(&create("main.py", Some("x"))).await).contains("already exists"));
    assert!(sentence(client.send(&create("empty.py", Some(""))).await).starts_with("File content not valid. content:"));
    assert!(sentence(client.send(&create("grid.yaml", Some("a: 1"))).await).contains("extension"));
    assert!(sentence(client.send(&create("../up.py", Some("x"))).await).contains("name not valid"));
    let large = "#".repeat(200 * 1024);
    assert!(sentence(client.send(&create("large.py", Some(&large))).await).contains("128 KB"));
    let read = ReadFiles { project_id: PROJECT, name: Some("none.py".into()), ..ReadFiles::default() };
    assert!(client.send(&read).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn without_content_a_default_body_is_made() {
    let (_sim, client) = session().await;
    client.send(&create("fresh.py", None)).await.unwrap();
    assert!(!content(&client, "fresh.py").await.is_empty());
}

#[tokio::test]
async fn the_plan_limits_the_number_of_files() {
    let (_sim, client) = session().await;
    // A team's project holds 75 files, two of which are there.
    for number in 0..73 {
        client.send(&create(&format!("f{number}.py"), Some("x = 1"))).await.unwrap();
    }
    assert!(sentence(client.send(&create("f73.py", Some("x = 1"))).await).contains("75 files"));
}
