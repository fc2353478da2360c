//! Deploying and ending live algorithms: paper goes, real money needs its settings and its human, and what is refused
//! was not sent.

use std::time::Duration;

use qc_api::{
    brokerage::Brokerage,
    endpoints::{compile::CreateCompile, live::CreateLive, nodes::ReadProjectNodes},
};
use qc_sim::{Journal, SimOptions, seed};
use serde_json::{Value, json};
use support::session::{Session, connect};

use crate::human::{Asked, ERAS, Era, Will};

pub(crate) const PAIR: i64 = seed::PAIR_PROJECT_ID;
pub(crate) const BASKET: i64 = seed::BASKET_PROJECT_ID;
/// A brokerage with real money, and one whose own environment is paper.
pub(crate) const REAL: &str =
    r#"{"id": "AlpacaBrokerage", "alpaca-access-token": "planted-broker-token-77", "alpaca-environment": "live"}"#;
const OWN_PAPER: &str =
    r#"{"id": "AlpacaBrokerage", "alpaca-access-token": "planted-broker-token-77", "alpaca-environment": "paper"}"#;
pub(crate) const PAPER: &str = r#"{"id": "QuantConnectBrokerage"}"#;
pub(crate) const LIVE: [&str; 6] =
    ["--toolsets", "all", "--mode", "live", "--allow-live-orgs", "5cad178b20a1d52567b534553413b691"];

/// A session in which real money may move.
pub(crate) async fn live_session() -> Session {
    Session::with(&LIVE, SimOptions::default()).await
}

/// Changes of live trading that were sent, by path.
pub(crate) fn live_changes(journal: &Journal) -> Vec<String> {
    let changes = journal.changes().into_iter().map(|entry| entry.path);
    changes.filter(|path| path.starts_with("live/")).collect()
}

/// A free live node, by the simulator's own client.
pub(crate) async fn node(session: &Session, project: i64) -> String {
    let nodes = session.sim.client().unwrap().send(&ReadProjectNodes { project_id: project.into() }).await.unwrap();
    nodes.nodes.live.iter().find(|node| !node.busy).unwrap().id.to_string()
}

/// A compile of the project, by the simulator's own client.
pub(crate) async fn compiled(session: &Session, project: i64) -> String {
    let client = session.sim.client().unwrap();
    let compile = client.send(&CreateCompile { project_id: project.into() }).await.unwrap();
    session.sim.clock().advance(Duration::from_secs(60));
    compile.compile_id.to_string()
}

/// Arguments of a deployment that fits the simulator.
pub(crate) async fn deployment(session: &Session, project: i64, brokerage: &str) -> Value {
    let config: Value = serde_json::from_str(brokerage).unwrap();
    json!({"project_id": project, "compile_id": compiled(session, project).await, "node_id": node(session, project).await,
        "brokerage_config": config})
}

pub(crate) fn with(arguments: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut more = arguments.clone();
    more[name] = value.into();
    more
}

/// Something running that this server did not deploy.
pub(crate) async fn run(session: &Session, project: i64, brokerage: &str) -> String {
    let compile_id = compiled(session, project).await;
    let node_id = node(session, project).await;
    let request = CreateLive {
        version_id: (-1).into(),
        project_id: project.into(),
        compile_id: compile_id.as_str().into(),
        node_id: node_id.as_str().into(),
        brokerage: Brokerage::from_json(brokerage).unwrap(),
        data_providers: Default::default(),
        automatic_redeploy: None,
        notification: None,
        parameters: Default::default(),
        signature: None,
    };
    let reply = session.sim.client().unwrap().send(&request).await.unwrap();
    session.sim.clock().advance(Duration::from_secs(600));
    session.sim.journal().clear();
    reply.deployment().unwrap().to_string()
}

#[tokio::test]
async fn paper_is_previewed_deployed_watched_and_stopped_without_a_question() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    assert!(preview["summary"].as_str().unwrap().starts_with("SIMULATED: preview, nothing is deployed yet: paper"));
    assert_eq!((&preview["money"], &preview["files"].as_u64().is_some_and(|n| 0 < n)), (&json!("paper"), &true));
    assert!(live_changes(&session.sim.journal()).is_empty(), "a preview deploys nothing");
    let token = preview["confirm_token"].as_str().unwrap();
    let deployed = session.ok("create_live_algorithm", with(&arguments, "confirm_token", token)).await;
    let sent = session.sim.journal().of("live/create");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].body["compileId"], preview["compile_id"], "what was previewed is what is deployed");
    assert_ne!(sent[0].body["compileId"], arguments["compile_id"], "the preview compiles for itself");
    session.sim.clock().advance(Duration::from_secs(600));
    let read = session.ok("read_live_algorithm", json!({"project_id": PAIR})).await;
    assert_eq!((&read["status"], &read["money"]), (&json!("Running"), &json!("paper")));
    assert_eq!(read["deploy_id"], deployed["deploy_id"]);
    let list = session.ok("list_live_algorithms", json!({"status": "running"})).await;
    assert_eq!((&list["total"], &list["live"][0]["project_id"]), (&json!(1), &json!(PAIR)));
    for tool in ["read_live_portfolio", "read_live_orders", "read_live_trades", "read_live_insights"] {
        let part = session.ok(tool, json!({"project_id": PAIR})).await;
        assert_eq!(part["snapshot_age_seconds_at_most"], 600, "{tool}");
    }
    let chart = session.ok("read_live_chart", json!({"project_id": PAIR, "name": "Strategy Equity"})).await;
    assert!(chart.to_string().contains("points"), "{chart}");
    let logs = session.call("read_live_logs", json!({"project_id": PAIR})).await;
    assert!(!logs.is_error(), "{}", logs.text());
    let command = json!({"project_id": PAIR, "command": {"$type": "OrderCommand", "ticker": "KO"}});
    session.ok("create_live_command", command).await;
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert_eq!(live_changes(&session.sim.journal()), ["live/create", "live/commands/create", "live/update/stop"]);
    let text = session.err("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert!(text.contains("nothing runs in project"), "{text}");
}

#[tokio::test]
async fn a_token_is_for_one_use_one_caller_of_one_call_and_ten_minutes() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let token = preview["confirm_token"].as_str().unwrap().to_owned();
    let other_node = with(&arguments, "node_id", "LN-0000000000000000000000000000000a");
    let other_version = with(&arguments, "version_id", "15000");
    let mut other_money = arguments.clone();
    other_money["brokerage_config"] =
        json!({"id": "QuantConnectBrokerage", "cash": [{"amount": 1, "currency": "USD"}]});
    let other_project = with(&arguments, "project_id", BASKET);
    for changed in [other_node, other_version, other_money, other_project] {
        let text = session.err("create_live_algorithm", with(&changed, "confirm_token", token.as_str())).await;
        assert!(text.contains("nothing was sent"), "{text}");
    }
    for forged in ["x", "0123456789abcdef0123456789abcdef.0.00", &token[..token.len() - 1]] {
        let text = session.err("create_live_algorithm", with(&arguments, "confirm_token", forged)).await;
        assert!(text.contains("confirm_token is unknown, used, over"), "{text}");
    }
    assert!(live_changes(&session.sim.journal()).is_empty());
    session.sim.clock().advance(Duration::from_secs(601));
    let text = session.err("create_live_algorithm", with(&arguments, "confirm_token", token.as_str())).await;
    assert!(text.contains("over"), "{text}");
    assert!(live_changes(&session.sim.journal()).is_empty());

    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let token = preview["confirm_token"].as_str().unwrap().to_owned();
    let confirmed = with(&arguments, "confirm_token", token.as_str());
    session.ok("create_live_algorithm", confirmed.clone()).await;
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    let text = session.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("nothing was sent"), "{text}");
    assert_eq!(session.sim.journal().of("live/create").len(), 1);
}

#[tokio::test]
async fn a_token_is_spent_even_when_the_answer_is_lost() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.sim.faults().once("live/create", qc_sim::Fault::ServerError);
    let text = session.err("create_live_algorithm", confirmed.clone()).await;
    assert!(text.contains("may have been carried out") && text.contains("list_live_algorithms"), "{text}");
    session.err("create_live_algorithm", confirmed).await;
    assert_eq!(session.sim.journal().of("live/create").len(), 1, "never sent twice");
}

#[tokio::test]
async fn a_preview_is_void_once_something_newer_was_deployed() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let compile_id = arguments["compile_id"].as_str().unwrap();
    let request = CreateLive {
        version_id: (-1).into(),
        project_id: PAIR.into(),
        compile_id: compile_id.into(),
        node_id: arguments["node_id"].as_str().unwrap().into(),
        brokerage: Brokerage::paper(),
        data_providers: Default::default(),
        automatic_redeploy: None,
        notification: None,
        parameters: Default::default(),
        signature: None,
    };
    let client = session.sim.client().unwrap();
    client.send(&request).await.unwrap();
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.sim.journal().clear();
    let text = session.err("create_live_algorithm", confirmed.clone()).await;
    assert!(text.contains("has not certainly ended"), "paper, too, never onto what runs: {text}");
    client.send(&qc_api::endpoints::live::StopLive { project_id: PAIR.into() }).await.unwrap();
    session.sim.journal().clear();
    let text = session.err("create_live_algorithm", confirmed).await;
    assert!(text.contains("deployed after the preview"), "{text}");
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn without_mode_live_real_money_sends_nothing_at_all() {
    for mode in ["paper", "research", "read-only"] {
        let session = Session::with(&["--mode", mode, "--toolsets", "all"], SimOptions::default()).await;
        for brokerage in [
            REAL,
            r#"{"id": "KrakenBrokerage", "kraken-api-key": "k", "kraken-api-secret": "s", "kraken-verification-tier": "Starter"}"#,
        ] {
            let config: Value = serde_json::from_str(brokerage).unwrap();
            let arguments =
                json!({"project_id": PAIR, "compile_id": "a-b", "node_id": "LN-1", "brokerage_config": config});
            match session.try_call("create_live_algorithm", arguments).await {
                Ok(answer) => {
                    assert!(answer.is_error() && mode == "paper");
                    assert!(answer.text().contains("QC_MCP_MODE=live"), "{}", answer.text());
                    assert!(!answer.text().contains("planted-broker-token"), "{}", answer.text());
                }
                Err(error) => assert!(mode != "paper" && error.to_string().contains("unknown tool"), "{error}"),
            }
        }
        assert!(session.sim.journal().is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn unknown_doubled_and_missing_settings_are_refused_before_anything_is_sent() {
    let session = Session::start().await;
    for config in [
        json!({"id": "NoSuchBrokerage"}),
        json!({"id": "QuantConnectBrokerage", "environment": "live"}),
        json!({"id": "AlpacaBrokerage", "alpaca-access-token": "planted-broker-token-77", "alpaca-environment": "Paper"}),
        json!({"id": "KrakenBrokerage", "kraken-api-key": "planted-broker-token-77"}),
        json!({}),
    ] {
        let arguments = json!({"project_id": PAIR, "compile_id": "a-b", "node_id": "LN-1", "brokerage_config": config});
        let text = session.err("create_live_algorithm", arguments).await;
        assert!(text.contains("nothing was sent") && !text.contains("planted-broker-token"), "{text}");
    }
    let neither = json!({"project_id": PAIR, "compile_id": "a-b", "node_id": "LN-1"});
    assert!(session.err("create_live_algorithm", neither).await.contains("credentials_profile"));
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn real_money_goes_live_with_mode_organisation_token_and_a_human_who_says_yes() {
    for era in ERAS {
        let session = live_session().await;
        let human = Asked::connect(&session.server, era, Will::Yes).await;
        let arguments = deployment(&session, PAIR, REAL).await;
        let preview = human.ok("create_live_algorithm", arguments.clone()).await;
        assert!(preview["summary"].as_str().unwrap().contains("REAL MONEY"), "{preview}");
        assert!(!preview.to_string().contains("planted-broker-token"), "{preview}");
        assert!(human.questions().is_empty(), "a preview asks nothing");
        let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
        let deployed = human.ok("create_live_algorithm", confirmed.clone()).await;
        assert_eq!(deployed["money"], "real", "{era:?}");
        let questions = human.questions();
        assert_eq!(questions.len(), 1, "{era:?}");
        let lines: Vec<&str> = questions[0].lines().collect();
        assert_eq!(lines[0], "SIMULATED: REAL MONEY");
        assert!(lines[1].contains(&format!("project {PAIR}")) && lines[1].contains("node LN-"), "{}", lines[1]);
        assert!(!questions[0].contains("planted-broker-token"));
        human.err("create_live_algorithm", confirmed).await;
        assert_eq!(session.sim.journal().of("live/create").len(), 1, "{era:?}: one use");
        assert_eq!(human.questions().len(), 1, "{era:?}: one question");
    }
}

#[tokio::test]
async fn anything_but_a_ticked_yes_is_a_no_and_the_token_is_gone() {
    for era in ERAS {
        for will in [Will::Decline, Will::Cancel, Will::Unticked, Will::Odd] {
            let session = live_session().await;
            let human = Asked::connect(&session.server, era, will).await;
            let arguments = deployment(&session, PAIR, REAL).await;
            let preview = human.ok("create_live_algorithm", arguments.clone()).await;
            let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
            let text = human.err("create_live_algorithm", confirmed.clone()).await;
            assert!(text.contains("nothing was sent"), "{era:?} {will:?}: {text}");
            let again = human.err("create_live_algorithm", confirmed).await;
            assert!(again.contains("nothing was sent"), "{again}");
            assert_eq!(human.questions().len(), 1, "{era:?} {will:?}: asked once");
            assert!(live_changes(&session.sim.journal()).is_empty(), "{era:?} {will:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_cannot_ask_moves_no_real_money_and_is_told_where_a_human_can() {
    let session = live_session().await;
    let arguments = deployment(&session, PAIR, REAL).await;
    let url_only = Asked::connect(&session.server, Era::UrlOnly, Will::Yes).await;
    for ask in [None, Some(&url_only)] {
        let call = async |arguments: Value| match ask {
            Some(human) => human.call("create_live_algorithm", arguments).await,
            None => session.call("create_live_algorithm", arguments).await,
        };
        let preview = call(arguments.clone()).await.structured();
        let refused = call(with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap())).await;
        assert!(refused.is_error(), "{}", refused.text());
        assert!(refused.text().contains(&format!("quantconnect.com/project/{PAIR}")), "{}", refused.text());
    }
    assert!(url_only.questions().is_empty());
    assert!(live_changes(&session.sim.journal()).is_empty());
}

#[tokio::test]
async fn an_organisation_that_is_not_named_trades_no_real_money() {
    let flags = ["--toolsets", "all", "--mode", "live", "--allow-live-orgs", seed::COLLABORATOR_ORGANIZATION_ID];
    let session = Session::with(&flags, SimOptions::default()).await;
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    let arguments = deployment(&session, PAIR, REAL).await;
    session.sim.journal().clear();
    let text = human.err("create_live_algorithm", arguments).await;
    assert!(text.contains("QC_MCP_ALLOW_LIVE_ORGS"), "{text}");
    assert!(session.sim.journal().changes().is_empty() && human.questions().is_empty());
}

#[tokio::test]
async fn stopping_real_money_needs_a_human_in_every_era() {
    for tool in ["stop_live_algorithm", "liquidate_live_algorithm"] {
        let session = Session::start().await;
        run(&session, PAIR, REAL).await;
        let text = session.err(tool, json!({"project_id": PAIR})).await;
        assert!(text.contains(&format!("quantconnect.com/project/{PAIR}")) && text.contains("human"), "{text}");
        let url_only = Asked::connect(&session.server, Era::UrlOnly, Will::Yes).await;
        url_only.err(tool, json!({"project_id": PAIR})).await;
        for era in ERAS {
            let human = Asked::connect(&session.server, era, Will::Decline).await;
            let text = human.err(tool, json!({"project_id": PAIR})).await;
            assert!(text.contains("did not consent") && text.contains("quantconnect.com/project"), "{text}");
        }
        assert!(session.sim.journal().changes().is_empty());
        let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
        human.ok(tool, json!({"project_id": PAIR})).await;
        assert_eq!(live_changes(&session.sim.journal()).len(), 1);
        assert!(human.questions()[0].starts_with("SIMULATED: REAL MONEY\n"), "{}", human.questions()[0]);
    }
}

#[tokio::test]
async fn a_paper_account_at_a_brokerage_is_known_again_only_if_this_server_deployed_it() {
    let session = Session::start().await;
    let arguments = deployment(&session, PAIR, OWN_PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    assert_eq!(preview["money"], "paper");
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    session.ok("create_live_algorithm", confirmed).await;
    session.sim.clock().advance(Duration::from_secs(600));
    assert_eq!(session.ok("read_live_algorithm", json!({"project_id": PAIR})).await["money"], "paper");
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;

    let session = Session::start().await;
    run(&session, PAIR, OWN_PAPER).await;
    assert_eq!(session.ok("read_live_algorithm", json!({"project_id": PAIR})).await["money"], "real");
    session.err("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert!(session.sim.journal().changes().is_empty());
}

#[tokio::test]
async fn what_cannot_be_read_counts_as_real_money_and_can_still_be_stopped() {
    let session = Session::start().await;
    run(&session, PAIR, PAPER).await;
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    session.sim.faults().always("live/read", qc_sim::Fault::HtmlPage);
    session.err("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert!(session.sim.journal().changes().is_empty());
    human.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    assert!(human.questions()[0].contains("REAL MONEY") && human.questions()[0].contains("could not be read"));
    assert_eq!(live_changes(&session.sim.journal()), ["live/update/stop"]);
}

#[tokio::test]
async fn many_are_ended_with_one_question_for_exactly_that_list() {
    let session = Session::start().await;
    let first = run(&session, PAIR, REAL).await;
    let second = run(&session, BASKET, PAPER).await;
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    let text = session.err("stop_live_algorithms", json!({"project_ids": ["all"], "action": "liquidate"})).await;
    assert!(text.contains(&format!("quantconnect.com/project/{PAIR}")), "{text}");
    assert!(session.sim.journal().changes().is_empty());
    let done = human.ok("stop_live_algorithms", json!({"project_ids": ["all"], "action": "liquidate"})).await;
    assert_eq!(done["results"].as_array().unwrap().len(), 2);
    let questions = human.questions();
    assert_eq!(questions.len(), 1);
    for part in [&first, &second, &PAIR.to_string(), &BASKET.to_string(), &"sell everything".to_owned()] {
        assert!(questions[0].contains(part), "{part} in {}", questions[0]);
    }
    let changes = live_changes(&session.sim.journal());
    assert_eq!(changes, ["live/update/liquidate", "live/update/liquidate"]);
}

#[tokio::test]
async fn the_rest_is_ended_when_one_of_many_fails() {
    let session = Session::start().await;
    run(&session, PAIR, PAPER).await;
    run(&session, BASKET, PAPER).await;
    session.sim.faults().once("live/update/stop", qc_sim::Fault::Refuse("no".into()));
    let done = session
        .ok("stop_live_algorithms", json!({"project_ids": [PAIR.to_string(), "Technology Basket"], "action": "stop"}))
        .await;
    let results = done["results"].as_array().unwrap();
    let n_done = results.iter().filter(|row| row["done"] == true).count();
    assert_eq!((results.len(), n_done), (2, 1));
    assert!(done["summary"].as_str().unwrap().contains("1 FAILED"), "{done}");
}

#[tokio::test]
async fn a_stop_whose_answer_was_lost_is_known_to_have_worked() {
    let session = Session::start().await;
    run(&session, PAIR, PAPER).await;
    session.sim.faults().once("live/update/stop", qc_sim::Fault::ResetAfter);
    session.ok("stop_live_algorithm", json!({"project_id": PAIR})).await;
    // Sent, lost, sent again and refused: it has ended all the same.
    assert_eq!(session.sim.journal().of("live/update/stop").len(), 2);
    let list = session.ok("list_live_algorithms", json!({"status": "Running"})).await;
    assert_eq!(list["live"].as_array().map(Vec::len), Some(0), "{list}");
}

#[tokio::test]
async fn commands_to_real_money_need_mode_live_and_a_human_each_time() {
    let command = json!({"project_id": PAIR, "command": {"$type": "LiquidateCommand"}});
    let session = Session::start().await;
    run(&session, PAIR, REAL).await;
    let human = Asked::connect(&session.server, Era::Legacy, Will::Yes).await;
    let text = human.err("create_live_command", command.clone()).await;
    assert!(text.contains("QC_MCP_MODE=live"), "{text}");
    assert!(session.sim.journal().changes().is_empty() && human.questions().is_empty());

    let session = live_session().await;
    run(&session, PAIR, REAL).await;
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    session.err("create_live_command", command.clone()).await;
    assert!(session.sim.journal().changes().is_empty());
    for _ in 0..2 {
        human.ok("create_live_command", command.clone()).await;
    }
    assert_eq!((human.questions().len(), live_changes(&session.sim.journal()).len()), (2, 2));
    let shown = "It sends, 28 characters in all: {\"$type\":\"LiquidateCommand\"}";
    assert!(human.questions()[0].contains(shown), "{}", human.questions()[0]);
}

#[tokio::test]
async fn broadcasts_are_off_unless_named() {
    let broadcast = json!({"organization_id": seed::ORGANIZATION_ID, "command": {"a": 1}});
    let session = Session::start().await;
    let text = session.err("broadcast_live_command", broadcast.clone()).await;
    assert!(text.contains("QC_MCP_ALLOW_BROADCAST_ORGS"), "{text}");
    assert!(session.sim.journal().is_empty());
    // Who else runs what in the organisation nobody here can list: also with no real money in sight it counts as real.
    let flags = ["--toolsets", "all", "--allow-broadcast-orgs", seed::ORGANIZATION_ID];
    let session = Session::with(&flags, SimOptions::default()).await;
    let text = session.err("broadcast_live_command", broadcast.clone()).await;
    assert!(text.contains("QC_MCP_MODE=live"), "{text}");
    assert!(session.sim.journal().is_empty());
    let flags = [&LIVE[..], &["--allow-broadcast-orgs", seed::ORGANIZATION_ID]].concat();
    let session = Session::with(&flags, SimOptions::default()).await;
    session.err("broadcast_live_command", broadcast.clone()).await;
    assert!(session.sim.journal().changes().is_empty(), "nobody to ask");
    let human = Asked::connect(&session.server, Era::Modern, Will::Yes).await;
    human.ok("broadcast_live_command", broadcast).await;
    assert_eq!(live_changes(&session.sim.journal()), ["live/commands/broadcast"]);
    assert!(human.questions()[0].contains("REAL MONEY") && human.questions()[0].contains("other members"));
}

#[tokio::test]
async fn a_sign_in_page_is_given_and_never_opened() {
    let session = Session::start().await;
    let page = session.ok("authorize_connection", json!({"brokerage": "alpaca"})).await;
    assert!(page["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{page}");
    assert_eq!(session.sim.journal().paths(), ["live/auth0/authorize"]);
    let text = session.err("authorize_connection", json!({"brokerage": "mybank"})).await;
    assert!(text.contains("nothing was sent"), "{text}");
    let session = Session::with(&["--mode", "research", "--toolsets", "all"], SimOptions::default()).await;
    assert!(session.try_call("authorize_connection", json!({"brokerage": "alpaca"})).await.is_err());
    assert!(session.sim.journal().is_empty());
}

#[tokio::test]
async fn a_profile_keeps_the_keys_out_of_the_conversation() {
    let profiles = format!(r#"{{"alpaca-paper": {{"brokerage": {OWN_PAPER}}}}}"#);
    let flags = ["--toolsets", "all", "--brokerage-profiles", profiles.as_str()];
    let session = Session::with(&flags, SimOptions::default()).await;
    let typed = deployment(&session, PAIR, OWN_PAPER).await;
    let mut arguments = typed.clone();
    arguments.as_object_mut().unwrap().remove("brokerage_config");
    let preview = session.ok("create_live_algorithm", with(&arguments, "credentials_profile", "alpaca-paper")).await;
    assert!(preview["notes"].is_null(), "{preview}");
    assert!(
        session.ok("create_live_algorithm", typed).await["notes"].to_string().contains("QC_MCP_BROKERAGE_PROFILES")
    );
    for name in ["../etc/passwd", "other"] {
        let text = session.err("create_live_algorithm", with(&arguments, "credentials_profile", name)).await;
        assert!(text.contains("profile") && !text.contains("planted-broker-token"), "{text}");
    }
}

#[tokio::test]
async fn another_caller_of_the_same_server_sees_the_same_world_but_not_the_refused() {
    // Two clients of one owner are one caller: the token of a preview may be used by either, once.
    let session = Session::start().await;
    let other = connect(&session.server).await;
    let arguments = deployment(&session, PAIR, PAPER).await;
    let preview = session.ok("create_live_algorithm", arguments.clone()).await;
    let confirmed = with(&arguments, "confirm_token", preview["confirm_token"].as_str().unwrap());
    let request = rmcp::model::CallToolRequestParams::new("create_live_algorithm")
        .with_arguments(support::session::object(confirmed.clone()));
    let (one, two) = tokio::join!(other.call_tool(request), session.call("create_live_algorithm", confirmed));
    let n_done = [one.unwrap().is_error == Some(true), two.is_error()].iter().filter(|failed| !**failed).count();
    assert_eq!((n_done, session.sim.journal().of("live/create").len()), (1, 1), "at once, and still once");
}
