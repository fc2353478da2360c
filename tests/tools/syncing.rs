//! A folder and a project against the simulator: planned first, done as planned, conflicts left, nothing lost.

use std::path::Path;

use qc_sim::SimOptions;
use serde_json::{Value, json};
use support::session::Session;

async fn session(folder: &Path) -> (Session, Value) {
    let flags = ["--toolsets", "all", "--file-roots", folder.to_str().unwrap()];
    let session = Session::with(&flags, SimOptions::default()).await;
    let made = session.ok("create_project", json!({"name": "Synced"})).await;
    (session, made["project_id"].clone())
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn actions(answer: &Value) -> Vec<(String, String)> {
    let row = |row: &Value| {
        let name = row["untrusted_name"].as_str().unwrap_or_else(|| panic!("{row}")).to_owned();
        (name, row["action"].as_str().unwrap().to_owned())
    };
    answer["files"].as_array().unwrap().iter().map(row).collect()
}

/// The plan, then the same with it.
async fn synced(session: &Session, ask: &Value) -> Value {
    let plan = session.ok("sync_project", ask.clone()).await;
    let mut again = ask.clone();
    again["plan"] = plan["plan"].clone();
    session.ok("sync_project", again).await
}

async fn file(session: &Session, project: &Value, name: &str) -> String {
    session.call("read_file", json!({"project_id": project, "name": name})).await.text()
}

#[tokio::test]
async fn a_folder_is_pushed_and_pulled_and_conflicts_are_left() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("work");
    put(&folder, "main.py", "# mine\n");
    put(&folder, "lib/alpha.py", "# alpha\n");
    put(&folder, "drafts/x.py", "# no\n");
    put(&folder, ".gitignore", "drafts/\n");
    let (session, project) = session(home.path()).await;
    let ask = json!({"project_id": project, "folder": "work", "direction": "push", "prefer": "local"});
    let plan = session.ok("sync_project", ask.clone()).await;
    assert!(actions(&plan).contains(&("lib/alpha.py".into(), "create_there".into())), "{plan}");
    assert!(!plan.to_string().contains("drafts"), "{plan}");
    let writes = || session.sim.journal().of("files/create").len() + session.sim.journal().of("files/update").len();
    let before = writes();
    assert_eq!((before, plan["plan"].is_string()), (writes(), true), "a plan writes nothing");
    let done = synced(&session, &ask).await;
    assert!(done["summary"].as_str().unwrap().contains("changed"), "{done}");
    assert!(file(&session, &project, "lib/alpha.py").await.contains("# alpha"));
    assert!(file(&session, &project, "main.py").await.contains("# mine"));
    // One changes here, one there, one on both sides.
    put(&folder, "main.py", "# mine 2\n");
    let there = json!({"project_id": project, "name": "lib/alpha.py", "content": "# alpha 2\n"});
    session.ok("update_file_content", there).await;
    let both = json!({"project_id": project, "folder": "work"});
    let done = synced(&session, &both).await;
    let found = actions(&done);
    assert!(found.contains(&("main.py".into(), "update_there".into())), "{done}");
    assert!(found.contains(&("lib/alpha.py".into(), "update_here".into())), "{done}");
    assert_eq!(std::fs::read_to_string(folder.join("lib/alpha.py")).unwrap(), "# alpha 2\n");
    put(&folder, "main.py", "# mine 3\n");
    session.ok("update_file_content", json!({"project_id": project, "name": "main.py", "content": "# theirs\n"})).await;
    let plan = session.ok("sync_project", both.clone()).await;
    assert!(actions(&plan).contains(&("main.py".into(), "conflict".into())) && plan.get("plan").is_none(), "{plan}");
    assert_eq!(std::fs::read_to_string(folder.join("main.py")).unwrap(), "# mine 3\n");
    let mut mine = both.clone();
    mine["prefer"] = json!("cloud");
    synced(&session, &mine).await;
    assert_eq!(std::fs::read_to_string(folder.join("main.py")).unwrap(), "# theirs\n");
    let same = session.ok("sync_project", both).await;
    assert!(same["summary"].as_str().unwrap().contains("have the same"), "{same}");
}

#[tokio::test]
async fn files_gone_here_go_there_only_if_asked_and_none_goes_here() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("work");
    put(&folder, "main.py", "# mine\n");
    put(&folder, "old.py", "# old\n");
    let (session, project) = session(home.path()).await;
    let ask = json!({"project_id": project, "folder": "work", "prefer": "local"});
    synced(&session, &ask).await;
    std::fs::remove_file(folder.join("old.py")).unwrap();
    let plan = session.ok("sync_project", ask.clone()).await;
    assert_eq!(actions(&plan), [("old.py".into(), "gone_here".into())], "{plan}");
    let mut deleting = ask.clone();
    deleting["delete"] = json!(true);
    let done = synced(&session, &deleting).await;
    assert_eq!(actions(&done), [("old.py".into(), "delete_there".into())], "{done}");
    assert!(session.call("read_file", json!({"project_id": project, "name": "old.py"})).await.is_error());
    session.ok("delete_file", json!({"project_id": project, "name": "main.py"})).await;
    let plan = session.ok("sync_project", deleting).await;
    assert!(actions(&plan).contains(&("main.py".into(), "gone_there".into())), "{plan}");
    assert!(folder.join("main.py").exists());
}

#[tokio::test]
async fn an_old_plan_does_nothing_and_folders_outside_are_unknown() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("work");
    put(&folder, "main.py", "# mine\n");
    let (session, project) = session(home.path()).await;
    let ask = json!({"project_id": project, "folder": "work", "prefer": "local"});
    let plan = session.ok("sync_project", ask.clone()).await;
    put(&folder, "more.py", "# more\n");
    let mut old = ask.clone();
    old["plan"] = plan["plan"].clone();
    session.sim.journal().clear();
    let text = session.err("sync_project", old).await;
    assert!(text.contains("nothing was done"), "{text}");
    assert!(session.sim.journal().of("files/create").is_empty() && session.sim.journal().of("files/update").is_empty());
    for outside in ["/etc", "../..", "work/../../x", "nowhere"] {
        let text = session.err("sync_project", json!({"project_id": project, "folder": outside})).await;
        assert!(
            text.contains("QC_MCP_FILE_ROOTS") || text.contains("folder") || text.contains("path"),
            "{outside}: {text}"
        );
    }
}

#[tokio::test]
async fn what_is_no_text_or_has_no_name_there_is_refused_and_told_and_the_rest_goes() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("work");
    put(&folder, "main.py", "# mine\n");
    put(&folder, "empty.py", "");
    std::fs::write(folder.join("latin.py"), [b'#', b' ', 0xe9, b'\n']).unwrap();
    let (session, project) = session(home.path()).await;
    // A name from the cloud that no folder of Windows can hold.
    session.ok("create_file", json!({"project_id": project, "name": "con.py", "content": "# theirs\n"})).await;
    let ask = json!({"project_id": project, "folder": "work", "prefer": "local"});
    let done = synced(&session, &ask).await;
    let of = |wanted: &str| {
        let rows = done["files"].as_array().unwrap();
        rows.iter()
            .find(|row| row["untrusted_name"] == wanted)
            .unwrap_or_else(|| panic!("{wanted}: {done}"))
            .to_string()
    };
    assert!(of("latin.py").contains("refused") && of("latin.py").contains("UTF-8"), "{done}");
    assert!(of("con.py").contains("refused"), "{done}");
    assert!(of("empty.py").contains("empty"), "{done}");
    assert!(!folder.join("con.py").exists() && file(&session, &project, "main.py").await.contains("# mine"));
}
