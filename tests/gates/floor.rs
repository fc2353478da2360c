//! Ways around the guards that somebody thought of: each is tried, and the journal shows that nothing was sent.

use std::{fs, sync::Arc, time::Duration};

use qc_api::endpoints::{
    libraries::AddLibrary,
    projects::{CreateProject, UpdateProject},
};
use qc_sim::{Fault, SimOptions, seed};
use serde_json::{Value, json};
use support::session::Session;

use crate::{
    human::{Asked, ERAS, Era, Will},
    live::{BASKET, LIVE, PAIR, PAPER, REAL, deployment, live_changes, live_session, run, with},
};

#[tokio::test]
async fn what_was_previewed_is_deployed_or_nothing_is() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let profile = |brokerage: &str| format!(r#"{{"mine": {{"brokerage": {brokerage}}}}}"#);
    fs::write(file.path(), profile(PAPER)).unwrap();
    let path = file.path().display().to_string();
    let session = Session::with(&[&LIVE[..], &["--brokerage-profiles", &path]].concat(), SimOptions::default()).await;
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    let mut arguments = with(&deployment(&session, PAIR, PAPER).await, "credentials_profile", "mine");
    arguments.as_object_mut().unwrap().remove("brokerage_config");
    let preview = human.ok("create_live_algorithm", arguments.clone()).await;
    assert_eq!(preview["money"], "paper");
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    // The profile of that name is another one by now.
    fs::write(file.path(), profile(REAL)).unwrap();
    session.sim.journal().clear();
    let text = human.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("not what was previewed") && text.contains("nothing was sent"), "{text}");
    assert!(session.sim.journal().changes().is_empty() && human.questions().is_empty());
}

#[tokio::test]
async fn code_that_was_edited_after_the_preview_is_previewed_again() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.ok("create_file", json!({"project_id": PAIR, "name": "later.py", "content": "x = 1"})).await;
    session.sim.journal().clear();
    let text = session.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("files were changed after the preview"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.ok("create_live_algorithm", confirmed).await;
    assert_eq!(live_changes(&session.sim.journal()), ["live/create"]);
}

#[tokio::test]
async fn a_name_that_means_another_project_by_now_deploys_nothing() {
    let session = Session::start().await;
    let mut arguments = deployment(&session, PAIR, PAPER).await;
    arguments["project_id"] = json!("Pair of Staples");
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let client = session.sim.client().unwrap();
    let rename = |id: i64, name: &str| UpdateProject {
        project_id: id.into(),
        name: Some(name.into()),
        ..UpdateProject::default()
    };
    client.send(&rename(PAIR, "Elsewhere")).await.unwrap();
    client.send(&rename(BASKET, "Pair of Staples")).await.unwrap();
    session.sim.journal().clear();
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let text = session.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("not what was previewed"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn what_is_deployed_while_the_human_reads_stops_the_deed() {
    let session = Arc::new(live_session().await);
    let arguments = deployment(&session, PAIR, REAL).await;
    let world = session.clone();
    let meanwhile = move || -> futures::future::BoxFuture<'static, ()> {
        let world = world.clone();
        Box::pin(async move {
            run(&world, PAIR, PAPER).await;
        })
    };
    let human = Asked::while_asked(&session.server, Era::Legacy, Will::Yes, Some(Arc::new(meanwhile))).await;
    let preview = human.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let text = human.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("has not certainly ended"), "{text}");
    assert_eq!(human.questions().len(), 1);
    assert!(session.sim.journal().changes().is_empty(), "the journal was cleared behind the other deployment");
}

#[tokio::test]
async fn a_command_is_shown_whole_and_in_letters_that_show_or_not_sent() {
    let session = live_session().await;
    run(&session, PAIR, REAL).await;
    for era in ERAS {
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let long = json!({"project_id": PAIR, "command": {"a": "x".repeat(1_500), "b": "LiquidateCommand"}});
        let text = human.err("create_live_command", long).await;
        assert!(text.contains("at most 1500") && human.questions().is_empty(), "{text}");
        assert!(session.sim.journal().changes().is_empty());
    }
    let human = Asked::connect(&session.server, Era::Modern, Will::Decline).await;
    let hidden =
        json!({"project_id": PAIR, "command": {"a": "x".repeat(200), "note": "\u{202e}\u{200b}é", "z": "sell"}});
    human.err("create_live_command", hidden).await;
    let question = &human.questions()[0];
    assert!(question.contains(r"\u{202e}\u{200b}\u{e9}") && question.contains("\"z\":\"sell\"}"), "{question}");
    assert!(question.is_ascii());
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn an_emergency_stop_works_without_the_list_and_every_refusal_names_a_page() {
    let session = Session::start().await;
    run(&session, PAIR, PAPER).await;
    session.sim.faults().always("live/list", Fault::HtmlPage);
    let named = json!({"project_ids": [PAIR.to_string()], "action": "stop"});
    let text = session.err("stop_live_algorithms", named.clone()).await;
    assert!(text.contains(&format!("quantconnect.com/project/{PAIR}")), "{text}");
    let text = session.err("stop_live_algorithms", json!({"project_ids": ["all"], "action": "stop"})).await;
    assert!(text.contains("https://www.quantconnect.com/terminal"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("stop_live_algorithms", named).await;
    assert!(human.questions()[0].contains("REAL MONEY") && human.questions()[0].contains("could not be read"));
    assert_eq!(live_changes(&session.sim.journal()), ["live/update/stop"]);
    session.sim.faults().clear();
    let both = json!({"project_ids": [PAIR.to_string(), BASKET.to_string()], "action": "stop"});
    let told = session.ok("stop_live_algorithms", both).await;
    assert_eq!(told["not_running"], json!([PAIR, BASKET]), "{told}");
    let text = session.err("stop_live_algorithm", json!({"project_id": 7})).await;
    assert!(text.contains("https://www.quantconnect.com/"), "{text}");
    let text = session.err("stop_live_algorithm", json!({"project_id": "no such name"})).await;
    assert!(text.contains("https://www.quantconnect.com/terminal"), "{text}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_state_folder_that_cannot_be_used_names_the_page_of_what_it_keeps_from_ending() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display().to_string();
    let session = Session::with(&["--toolsets", "all", "--state-dir", &path], SimOptions::default()).await;
    run(&session, PAIR, REAL).await;
    for era in ERAS {
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let answer = human.call("liquidate_live_algorithm", json!({"project_id": PAIR})).await;
        match era {
            Era::Legacy => assert!(!answer.is_error(), "{}", answer.text()),
            _ => assert!(answer.text().contains(&format!("quantconnect.com/project/{PAIR}")), "{}", answer.text()),
        }
        session.sim.journal().clear();
        if era == Era::Legacy {
            session.sim.clock().advance(Duration::from_secs(600));
            run(&session, PAIR, REAL).await;
        }
    }
}

#[tokio::test]
async fn forgetting_one_account_and_setting_another_is_a_switch() {
    let session = Session::configured(&["--toolsets", "all"], SimOptions::default()).await;
    let first = json!({"user_id": seed::USER_ID.to_string(), "api_token": seed::TOKEN});
    let other = json!({"user_id": seed::COLLABORATOR_ID.to_string(), "api_token": seed::COLLABORATOR_TOKEN});
    session.ok("configure_quantconnect_auth", first.clone()).await;
    session.ok("clear_quantconnect_auth", json!({})).await;
    let text = session.err("configure_quantconnect_auth", other.clone()).await;
    assert!(text.contains("consent"), "{text}");
    session.ok("configure_quantconnect_auth", first).await;
    session.ok("clear_quantconnect_auth", json!({})).await;
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("configure_quantconnect_auth", other).await;
    assert!(human.questions()[0].contains(&format!("user {} to user {}", seed::USER_ID, seed::COLLABORATOR_ID)));
}

/// A library of the pair's project, and its id.
async fn library(session: &Session) -> i64 {
    let client = session.sim.client().unwrap();
    let made = client
        .send(&CreateProject {
            name: "Shared".into(),
            language: qc_api::model::Language::Python,
            organization_id: None,
        })
        .await
        .unwrap();
    let id = made.projects[0].project_id;
    client.send(&AddLibrary { project_id: PAIR.into(), library_id: id }).await.unwrap();
    id.0
}

#[tokio::test]
async fn a_library_is_taken_from_real_money_with_a_human_only() {
    let session = Session::with(&["--toolsets", "all,discover"], SimOptions::default()).await;
    let library_id = library(&session).await;
    let remove = json!({"project_id": PAIR, "library_id": library_id});
    run(&session, PAIR, REAL).await;
    for (tool, arguments) in [
        ("remove_project_library", remove.clone()),
        ("delete_file", json!({"project_id": library_id, "name": "main.py"})),
    ] {
        let text = session.err(tool, arguments).await;
        assert!(text.contains("consent") && text.contains("nothing was sent"), "{tool}: {text}");
    }
    let text = session.err("call_tool", json!({"tool": "remove_project_library", "arguments": remove})).await;
    assert!(text.contains("nothing was"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("remove_project_library", remove).await;
    assert!(human.questions()[0].contains(&format!("library {library_id}")), "{}", human.questions()[0]);
    session.ok("add_project_library", json!({"project_id": BASKET, "library_id": library_id})).await;
    session.ok("remove_project_library", json!({"project_id": BASKET, "library_id": library_id})).await;
}

#[tokio::test]
async fn objects_stay_as_they_are_while_real_money_runs_but_for_folders_left_open() {
    let flags = ["--toolsets", "all", "--open-object-prefixes", "cache,models/drafts/"];
    let session = Session::with(&flags, SimOptions::default()).await;
    let put = |key: &str| json!({"key": key, "content": "x"});
    for key in ["cache/a", "cached/a", "models/drafts/a", "models/a"] {
        session.ok("upload_object", put(key)).await;
    }
    run(&session, PAIR, REAL).await;
    for key in ["cached/a", "models/a"] {
        for (tool, arguments) in [("upload_object", put(key)), ("delete_object", json!({"key": key}))] {
            let text = session.err(tool, arguments).await;
            assert!(text.contains("consent"), "{tool} {key}: {text}");
        }
    }
    let text = session.err("delete_object", json!({"key": "models", "recursive": true})).await;
    assert!(text.contains("consent"), "a folder above an open one is not open: {text}");
    assert!(session.sim.journal().changes().is_empty());
    session.ok("upload_object", put("models/new")).await;
    for key in ["cache/a", "models/drafts/a"] {
        session.ok("upload_object", put(key)).await;
        session.ok("delete_object", json!({"key": key})).await;
    }
    for wrong in ["", "/", ".", "a/../b", "*"] {
        let flags = ["--open-object-prefixes", wrong];
        let settings = qc_mcp_tools::Settings::isolated(qc_mcp_tools::Transport::Stdio, flags);
        assert!(settings.is_err(), "{wrong:?} would leave everything open");
    }
}

#[tokio::test]
async fn an_edit_of_what_runs_live_is_free_and_says_so() {
    let session = Session::start().await;
    let library_id = library(&session).await;
    let file = |project: i64, name: &str| json!({"project_id": project, "name": name, "content": "x = 1"});
    let before = session.ok("create_file", file(PAIR, "a.py")).await;
    assert!(before["live"].is_null(), "{before}");
    session.ok("create_live_algorithm", confirmed(&session).await).await;
    let edit = json!({"project_id": PAIR, "name": "a.py", "old_text": "x = 1", "new_text": "x = 2"});
    for (tool, arguments) in [
        ("create_file", file(PAIR, "b.py")),
        ("update_file_content", file(PAIR, "b.py")),
        ("edit_file", edit),
        ("update_file_name", json!({"project_id": PAIR, "old_file_name": "b.py", "new_name": "c.py"})),
        ("create_file", file(library_id, "d.py")),
    ] {
        let told: Value = session.ok(tool, arguments).await;
        assert!(
            told["live"].as_str().is_some_and(|note| note.contains("its running code is unchanged")),
            "{tool}: {told}"
        );
    }
    let other = session.ok("create_file", file(BASKET, "a.py")).await;
    assert!(other["live"].is_null(), "{other}");
    assert_eq!(session.sim.journal().of("live/list").len(), 2, "one look of the deployment, one of five edits");
}

/// The second call of a paper deployment.
async fn confirmed(session: &Session) -> Value {
    let arguments = deployment(session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    session.sim.journal().clear();
    with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap())
}

#[tokio::test]
async fn an_ending_whose_answer_was_lost_is_told_as_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let session = Session::with(&["--toolsets", "all", "--state-dir", &path], SimOptions::default()).await;
    for (fault, path) in
        [(Fault::ResetAfter, "live/update/liquidate"), (Fault::ServerErrorAfter, "live/update/liquidate")]
    {
        run(&session, PAIR, PAPER).await;
        session.sim.faults().once(path, fault);
        let text = session.err("liquidate_live_algorithm", json!({"project_id": PAIR})).await;
        assert!(text.contains("may have been carried out") && text.contains("list_live_algorithms"), "{text}");
        assert_eq!(session.sim.journal().of(path).len(), 1, "never sent twice");
        session.sim.clock().advance(Duration::from_secs(600));
    }
    run(&session, PAIR, PAPER).await;
    session.sim.faults().once("live/update/liquidate", Fault::CutBody);
    let many = json!({"project_ids": ["all"], "action": "liquidate"});
    let told = session.ok("stop_live_algorithms", many).await;
    assert!(told["summary"].as_str().unwrap().contains("the answer was LOST"), "{told}");
    assert_eq!((&told["results"][0]["done"], &told["results"][0]["answer_lost"]), (&json!(false), &json!(true)));
    let audit = fs::read_to_string(folder.path().join("audit.jsonl")).unwrap();
    assert_eq!(audit.matches(r#""event":"unknown""#).count(), 3, "{audit}");
    // Other changes that are sent once say so, too.
    session.sim.faults().once("files/delete", Fault::ResetAfter);
    let text = session.err("delete_file", json!({"project_id": BASKET, "name": "main.py"})).await;
    assert!(text.contains("files/delete may have been carried out"), "{text}");
    session.sim.faults().once("files/update", Fault::ResetAfter);
    let rename = json!({"project_id": PAIR, "old_file_name": "main.py", "new_name": "other.py"});
    let text = session.err("update_file_name", rename).await;
    assert!(text.contains("files/update may have been carried out"), "{text}");
}

#[tokio::test]
async fn a_backtest_counts_as_this_code_only_if_this_server_saw_it_compiled() {
    let session = Session::start().await;
    let compile = session.ok("compile_project", json!({"project_id": PAIR})).await;
    let backtest = json!({"project_id": PAIR, "compile_id": compile["compile_id"], "backtest_name": "b"});
    session.ok("create_backtest", backtest).await;
    session.sim.clock().advance(Duration::from_secs(600));
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    assert_eq!(preview["newest_backtest"]["code"], "this code", "{preview}");
    session.ok("create_file", json!({"project_id": PAIR, "name": "more.py", "content": "x = 1"})).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    assert_eq!(preview["newest_backtest"]["code"], "code not known to be the same", "{preview}");
    // This compile was another program's.
    let client = session.sim.client().unwrap();
    let compile = client.send(&qc_api::endpoints::compile::CreateCompile { project_id: PAIR.into() }).await.unwrap();
    session.sim.clock().advance(Duration::from_secs(60));
    let backtest = json!({"project_id": PAIR, "compile_id": compile.compile_id, "backtest_name": "c"});
    session.ok("create_backtest", backtest).await;
    session.sim.clock().advance(Duration::from_secs(600));
    let preview = session.ok("create_live_algorithm", arguments).await;
    assert_eq!(preview["newest_backtest"]["code"], "code not known to be the same", "{preview}");
}

/// Opens a page as the user's browser would.
async fn open(link: &str) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let (host, path) = link.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut stream = tokio::net::TcpStream::connect(host).await.unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("no brokerage was contacted"), "{answer}");
}

#[tokio::test]
async fn the_keys_of_a_connected_account_are_sent_and_never_seen() {
    const KEY: &str = "simulated-token-of-no-value";
    let config = r#"{"id": "AlpacaBrokerage", "alpaca-environment": "paper"}"#;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let session = Session::with(&["--toolsets", "all", "--state-dir", &path], SimOptions::default()).await;
    let arguments = deployment(&session, PAIR, config).await;
    let text = session.err("create_live_algorithm", arguments.clone()).await;
    assert!(text.contains("authorize_connection"), "{text}");
    let page = session.ok("authorize_connection", json!({"brokerage": "alpaca"})).await;
    open(page["url"].as_str().unwrap()).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    assert_eq!((&preview["money"], &preview["environment"]), (&json!("paper"), &json!("paper")), "{preview}");
    assert_eq!(preview["connected_accounts"], json!(["****0001"]), "{preview}");
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let deployed = session.ok("create_live_algorithm", confirmed).await;
    let sent = &session.sim.journal().of("live/create")[0].body["brokerage"];
    assert!(sent.is_object(), "{sent}");
    for told in [&preview, &deployed] {
        assert!(!told.to_string().contains(KEY) && !told.to_string().contains("read-when-it-is-sent"), "{told}");
    }
    for entry in fs::read_dir(folder.path()).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        assert!(!String::from_utf8_lossy(&bytes).contains(KEY), "a key in the state folder");
    }
    // Real money needs its mode before any key is read.
    session.sim.journal().clear();
    let real = with(&arguments, "brokerage_config", json!({"id": "AlpacaBrokerage", "alpaca-environment": "live"}));
    let text = session.err("create_live_algorithm", real).await;
    assert!(text.contains("QC_MCP_MODE=live"), "{text}");
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn a_human_is_asked_once_for_a_file_whose_lock_others_hold() {
    use qc_api::endpoints::collaboration::{AcquireLock, CreateCollaborator};
    let session = Session::start().await;
    let invite = CreateCollaborator {
        project_id: PAIR.into(),
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        collaboration_live_control: false,
        collaboration_write: true,
    };
    run(&session, PAIR, REAL).await;
    session.sim.client().unwrap().send(&invite).await.unwrap();
    let other = session.sim.client_of(seed::COLLABORATOR_ID, seed::COLLABORATOR_TOKEN).unwrap();
    other.send(&AcquireLock { project_id: PAIR.into(), code_source_id: "their editor".into() }).await.unwrap();
    for era in ERAS {
        session.sim.journal().clear();
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let name = if era == Era::Legacy { "research.ipynb" } else { "main.py" };
        human.ok("delete_file", json!({"project_id": PAIR, "name": name})).await;
        assert_eq!(human.questions().len(), 1, "{era:?}");
        other.send(&AcquireLock { project_id: PAIR.into(), code_source_id: "their editor".into() }).await.unwrap();
    }
}

#[tokio::test]
async fn a_sign_in_page_goes_to_the_client_and_to_no_model() {
    for era in [Era::UrlOnly, Era::ModernUrl] {
        let session = Session::start().await;
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let told = human.ok("authorize_connection", json!({"brokerage": "alpaca"})).await;
        assert_eq!(human.pages().len(), 1, "{era:?}");
        let page = &human.pages()[0];
        assert!(page.starts_with("http://127.0.0.1:") && !told.to_string().contains("login"), "{era:?}: {told}");
        assert_eq!(session.sim.journal().paths(), ["live/auth0/authorize"], "{era:?}: one page, asked for once");
        open(page).await;
        let declines = Asked::connect(&session.server, era, Will::Decline).await;
        let text = declines.err("authorize_connection", json!({"brokerage": "alpaca"})).await;
        assert!(text.contains("the page was not opened") && !text.contains("login"), "{era:?}: {text}");
    }
}

#[tokio::test]
async fn lists_of_a_running_algorithm_come_whole_behind_a_link() {
    let session = Session::start().await;
    run(&session, PAIR, PAPER).await;
    session.sim.clock().advance(Duration::from_secs(3 * 86_400));
    for (tool, name) in
        [("read_live_orders", "orders"), ("read_live_trades", "trades"), ("read_live_insights", "insights")]
    {
        let answer = session.call(tool, json!({"project_id": PAIR, "all": true})).await;
        assert!(!answer.is_error(), "{tool}: {}", answer.text());
        let uri = format!("qc://live/{PAIR}/{name}.csv");
        assert_eq!(answer.links().first(), Some(&uri));
        let count = answer.structured()["count"].as_u64().unwrap();
        let csv = session.read(&uri).await.unwrap();
        assert_eq!(csv.lines().count() as u64, count + 1, "a head and each row: {csv}");
        let page = session.ok(tool, json!({"project_id": PAIR})).await;
        let table = &page[name];
        let rows = table["rows"].as_array().or(table["untrusted_rows"].as_array()).map_or(0, Vec::len) as u64;
        assert_eq!(rows, count.min(100), "{tool}: {page}");
        let text = session.err(tool, json!({"project_id": PAIR, "all": true, "start": 0})).await;
        assert!(text.contains("leave start and end out"), "{text}");
    }
}
