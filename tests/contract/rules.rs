//! The rules that are documented or were observed, one after the other: unknown things are refused everywhere, windows
//! have their limits, identifiers their forms. What belongs to one resource alone stands in that resource's story, what
//! plans allow in [`quotas`](crate::quotas).

use std::time::Duration;

use qc_api::endpoints::projects::CreateProject;
use qc_api::ids::ProjectId;
use qc_api::model::Language;
use qc_api::{Client, Encoding, Error, endpoints};
use qc_sim::{Sim, seed};
use serde_json::{Value, json};

use crate::{backtested, built, second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

/// Sends a body to the request type of this name and gives the sentence of the refusal.
#[track_caller]
fn refusal(client: &Client, name: &str, body: Value) -> impl Future<Output = String> {
    let client = client.clone();
    let info = *endpoints().find(|info| info.name == name).unwrap_or_else(|| panic!("no request {name}"));
    let name = name.to_owned();
    async move {
        match client.send_raw(&info, &body).await {
            Err(Error::Refused { messages, .. }) => messages.join("; "),
            other => panic!("{name}: expected a refusal, found {other:?}"),
        }
    }
}

fn with(mut body: Value, more: &Value) -> Value {
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    body
}

/// Every request that names a project, with what else it needs.
fn on_projects() -> Vec<(&'static str, Value)> {
    let window = json!({ "start": 0, "end": 10 });
    let backtest = json!({ "backtestId": "x" });
    let grid = json!({
        "name": "x", "target": "TotalPerformance.PortfolioStatistics.SharpeRatio", "targetTo": "max", "compileId": "x",
        "strategy": "QuantConnect.Optimizer.Strategies.GridSearchOptimizationStrategy",
        "parameters": [{ "name": "a", "min": 1, "max": 2, "step": 1 }],
        "estimatedCost": 0.1, "nodeType": "O2-8", "parallelNodes": 1,
    });
    let person = json!({ "collaboratorUserId": "x", "collaborationLiveControl": false, "collaborationWrite": false,
        "liveControl": false, "write": false, "collaboratorId": "x" });
    let file = json!({ "name": "main.py", "content": "x = 1", "newName": "y.py", "patch": "x" });
    let live =
        json!({ "versionId": "-1", "compileId": "x", "nodeId": "x", "brokerage": { "id": "QuantConnectBrokerage" } });
    let chart = json!({ "name": "Strategy Equity", "count": 10, "start": 0, "end": 10 });
    let none = json!({});
    let mut all = Vec::new();
    let mut add = |names: &[&'static str], body: &Value| all.extend(names.iter().map(|name| (*name, body.clone())));
    add(&["ReadProjects", "UpdateProject", "DeleteProject", "CreateCompile", "ListBacktests"], &none);
    add(&["ReadProjectNodes", "UpdateProjectNodes", "ListOptimizations", "ReadCollaborators", "ReadFiles"], &none);
    add(&["ReadLive", "ListLive", "ReadLivePortfolio", "StopLive", "LiquidateLive"], &none);
    add(&["CreateFile", "RenameFile", "UpdateFileContent", "PatchFiles", "DeleteFile"], &file);
    add(&["CreateCollaborator", "UpdateCollaborator", "DeleteCollaborator"], &person);
    add(&["AcquireLock"], &json!({ "codeSourceId": "x" }));
    add(&["AddLibrary", "RemoveLibrary"], &json!({ "libraryId": seed::BASKET_PROJECT_ID }));
    add(&["ReadCompile"], &json!({ "compileId": "x" }));
    add(&["CreateBacktest"], &json!({ "compileId": "x", "backtestName": "x" }));
    add(&["ReadBacktest", "UpdateBacktest", "DeleteBacktest", "ReadBacktestReport"], &backtest);
    add(&["UpdateBacktestTags"], &with(backtest.clone(), &json!({ "tags": [] })));
    add(&["ReadBacktestChart"], &with(backtest.clone(), &chart));
    add(&["ReadBacktestOrders", "ReadBacktestInsights", "ReadBacktestTrades"], &with(backtest.clone(), &window));
    add(&["ReadBacktestLogs"], &with(with(backtest, &window), &json!({ "query": "" })));
    add(&["EstimateOptimization", "CreateOptimization"], &grid);
    add(&["CreateLive"], &live);
    add(&["ReadLiveChart"], &chart);
    add(&["ReadLiveOrders", "ReadLiveTrades", "ReadLiveInsights"], &window);
    add(&["ReadLiveLogs"], &json!({ "algorithmId": "x", "startLine": 0, "endLine": 10, "format": "json" }));
    add(&["CreateLiveCommand"], &json!({ "command": {} }));
    all
}

#[tokio::test]
async fn an_unknown_project_is_refused_everywhere() {
    let (sim, client) = session().await;
    for (name, body) in on_projects() {
        for project in [-1, 999] {
            let said = refusal(&client, name, with(body.clone(), &json!({ "projectId": project }))).await;
            assert!(said.contains(&format!("Project ID {project} not found")), "{name}: {said}");
        }
        // Somebody else's project is as unknown.
        let said = refusal(&second_client(&sim), name, with(body, &json!({ "projectId": PAIR.0 }))).await;
        assert!(said.contains("not found"), "{name}: {said}");
    }
}

/// What every request would need, but for the project.
fn everything_else() -> Value {
    json!({ "organizationId": seed::ORGANIZATION_ID, "optimizationId": "x", "start": 0, "end": 10, "name": "x", "count": 10,
        "language": "Py", "files": [{ "name": "main.py", "content": "x" }], "key": "x", "keys": ["x"], "format": "link",
        "filePath": "equity/usa/daily/ko", "productId": 1, "fileName": "x", "brokerage": "alpaca", "command": {},
        "ticker": "KO", "security": "Equity", "market": "usa", "resolution": "Daily", "from-date": "2024-01-01",
        "to-date": "2024-01-02", "missing-points": "missing-points", "content": "x", "sentence": "x", "error": { "message": "x" },
        "criteria": [{ "input": "x", "type": "Docs", "count": 1 }], "jobId": "x", "newName": "x" })
}

#[tokio::test]
async fn the_list_of_requests_that_name_a_project_is_complete() {
    let (sim, client) = session().await;
    let served = Sim::served_paths();
    let listed = on_projects();
    let optional = ["ReadProjects", "ListLive"];
    for info in endpoints().filter(|info| served.contains(&info.path) && info.encoding != Encoding::Multipart) {
        let own = listed.iter().find(|(name, _)| *name == info.name).map(|(_, body)| body.clone());
        sim.journal().clear();
        let mut body = own.clone().unwrap_or_else(everything_else);
        if info.name == "StartDownload" {
            body.as_object_mut().unwrap().remove("jobId");
        }
        let _ = client.send_raw(info, &body).await;
        // The journal says what a body lacks; the service itself only says "Invalid argument".
        let entry = sim.journal().of(info.path).remove(0);
        let lacks = entry.refusal.filter(|said| said.starts_with("Invalid argument (")).unwrap_or_default();
        match own {
            Some(_) if optional.contains(&info.name) => assert_eq!(lacks, "", "{}", info.name),
            Some(_) => assert!(lacks.contains("missing field `projectId`"), "{}: {lacks}", info.name),
            None => assert_eq!(lacks, "", "{} is missing in the list, or its body above", info.name),
        }
    }
}

#[tokio::test]
async fn unknown_backtests_optimizations_compiles_and_nodes_are_refused() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    for (name, body) in on_projects().into_iter().filter(|(_, body)| body.get("backtestId").is_some()) {
        let said = refusal(&client, name, with(body, &json!({ "projectId": PAIR.0, "backtestId": " " }))).await;
        assert!(said.contains("Backtest not found"), "{name}: {said}");
    }
    for name in ["ReadOptimization", "UpdateOptimization", "AbortOptimization", "DeleteOptimization"] {
        let said = refusal(&client, name, json!({ "optimizationId": " ", "name": "x" })).await;
        assert!(said.contains("Optimization not found"), "{name}: {said}");
    }
    for (name, body) in on_projects().into_iter().filter(|(_, body)| body.get("compileId").is_some()) {
        if name != "EstimateOptimization" {
            let said = refusal(&client, name, with(body, &json!({ "projectId": PAIR.0 }))).await;
            assert!(said.contains("Compile ID not found"), "{name}: {said}");
        }
    }
    let live = json!({ "versionId": "-1", "projectId": PAIR.0, "compileId": compile_id, "nodeId": " ",
        "brokerage": { "id": "QuantConnectBrokerage" } });
    assert!(refusal(&client, "CreateLive", live.clone()).await.contains("Node not found"));
    let flat = with(live, &json!({ "brokerage": "QuantConnectBrokerage" }));
    assert_eq!(refusal(&client, "CreateLive", flat).await, "Brokerage data must be an array");
}

#[tokio::test]
async fn a_foreign_organization_is_refused_everywhere() {
    let (_sim, client) = session().await;
    let key = json!({ "key": "x", "keys": ["x"], "jobId": "x", "command": {}, "format": "link", "filePath": "x",
        "productId": 1, "fileName": "x", "name": "x", "language": "Py" });
    for name in [
        "ReadAccount",
        "ReadUser",
        "ReadOrganization",
        "ListEncryptionKeys",
        "ReadNodes",
        "CreateProject",
        "StartDownload",
        "ReadDownload",
        "ReadObjectProperties",
        "ListObjects",
        "DeleteObject",
        "BroadcastLiveCommand",
        "ReadData",
        "ReadDataPrices",
        "ListModules",
        "ReadModule",
    ] {
        let mut body = key.clone();
        if name == "StartDownload" {
            body.as_object_mut().unwrap().remove("jobId");
        }
        for id in [" ", seed::COLLABORATOR_ORGANIZATION_ID] {
            let said = refusal(&client, name, with(body.clone(), &json!({ "organizationId": id }))).await;
            assert!(said.contains(&format!("Organization ID {id} not found")), "{name}: {said}");
        }
    }
    let set = qc_api::endpoints::object_store::SetObject {
        organization_id: " ".into(),
        key: "x".into(),
        data: b"x".to_vec(),
    };
    assert!(sentence(client.send(&set).await).contains("Organization ID"));
}

#[tokio::test]
async fn windows_have_a_width_and_a_direction() {
    let (sim, client) = session().await;
    let backtest = backtested(&sim, &client, PAIR).await;
    let compile_id = built(&sim, &client, PAIR).await;
    let nodes = json!({ "projectId": PAIR.0 });
    let info = |name: &str| *endpoints().find(|info| info.name == name).unwrap();
    let nodes = client.send_raw(&info("ReadProjectNodes"), &nodes).await.unwrap();
    let live = json!({ "versionId": "-1", "projectId": PAIR.0, "compileId": compile_id,
        "nodeId": nodes["nodes"]["live"][0]["id"], "brokerage": { "id": "QuantConnectBrokerage" } });
    let live = client.send_raw(&info("CreateLive"), &live).await.unwrap();
    sim.clock().advance(Duration::from_secs(60));
    let body = json!({ "projectId": PAIR.0, "backtestId": backtest.backtest_id, "query": "", "format": "json",
        "algorithmId": live["deployId"], "name": "Strategy Equity", "count": 10 });
    for (name, limit, [start, end]) in [
        ("ReadBacktestOrders", 100, ["start", "end"]),
        ("ReadBacktestInsights", 100, ["start", "end"]),
        ("ReadBacktestTrades", 100, ["start", "end"]),
        ("ReadBacktestLogs", 200, ["start", "end"]),
        ("ReadLiveOrders", 1000, ["start", "end"]),
        ("ReadLiveTrades", 1000, ["start", "end"]),
        ("ReadLiveInsights", 1000, ["start", "end"]),
        ("ReadLiveLogs", 250, ["startLine", "endLine"]),
    ] {
        let window = |from: i64, to: i64| with(body.clone(), &json!({ start: from, end: to }));
        let said = refusal(&client, name, window(0, limit + 1)).await;
        assert!(said.contains(&format!("must be {limit} or less, got {}", limit + 1)), "{name}: {said}");
        for (from, to) in [(5, 5), (5, 4), (-1, 4)] {
            let said = refusal(&client, name, window(from, to)).await;
            assert!(said.contains("Range not valid"), "{name} {from}..{to}: {said}");
        }
        client.send_raw(&info(name), &window(7, 7 + limit)).await.unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    for name in ["ReadBacktestChart", "ReadLiveChart", "ReadProjects"] {
        for (start, end) in [(5, 5), (5, 4)] {
            let body = with(body.clone(), &json!({ "start": start, "end": end }));
            assert!(refusal(&client, name, body).await.contains("Range not valid"), "{name}");
        }
    }
    // The official library asks for the whole chart of a backtest with two zeros.
    let whole = with(body, &json!({ "start": 0, "end": 0 }));
    client.send_raw(&info("ReadBacktestChart"), &whole).await.unwrap();
}

#[tokio::test]
async fn identifiers_have_the_service_s_forms() {
    let (sim, client) = session().await;
    let hex = |text: &str| text.len() == 32 && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let raw = async |name: &str, body: Value| {
        let info = *endpoints().find(|info| info.name == name).unwrap();
        client.send_raw(&info, &body).await.unwrap()
    };
    let project = raw("ReadProjects", json!({ "projectId": PAIR.0 })).await["projects"][0].clone();
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned();
    assert!(project["projectId"].is_i64() && project["ownerId"].is_i64() && hex(&text(&project["organizationId"])));
    let (head, channel) =
        text(&project["channelId"]).split_once('-').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    assert!(head == format!("P{}", PAIR.0) && hex(&channel));
    let compile = text(&raw("CreateCompile", json!({ "projectId": PAIR.0 })).await["compileId"]);
    let (first, signature) = compile.split_once('-').unwrap();
    assert!(hex(first) && hex(signature), "{compile}");
    sim.clock().advance(Duration::from_secs(60));
    let run = json!({ "projectId": PAIR.0, "compileId": compile, "backtestName": "x" });
    let run = raw("CreateBacktest", run).await["backtest"].clone();
    assert!(hex(&text(&run["backtestId"])) && run["snapshotId"].is_i64());
    assert_eq!(
        (&run["status"], &run["completed"], &run["parameterSet"]),
        (&json!("In Queue..."), &json!(false), &json!([]))
    );
    let grid = with(
        on_projects().into_iter().find(|(name, _)| *name == "CreateOptimization").unwrap().1,
        &json!({
            "projectId": PAIR.0, "compileId": compile,
        }),
    );
    assert!(hex(text(&raw("CreateOptimization", grid).await["optimizations"][0]["optimizationId"])
        .strip_prefix("O-")
        .unwrap()));
    let nodes = raw("ReadProjectNodes", json!({ "projectId": PAIR.0 })).await;
    let node = text(&nodes["nodes"]["live"][0]["id"]);
    assert!(hex(node.strip_prefix("LN-").unwrap()) && nodes["autoSelectNode"] == true);
    assert_eq!(nodes["nodes"]["live"][0]["hasGpu"], 0);
    // The version goes out as text or as a number and comes back as a number.
    for version in [json!("-1"), json!(-1)] {
        let live = json!({ "versionId": version, "projectId": PAIR.0, "compileId": compile, "nodeId": node,
            "brokerage": { "id": "QuantConnectBrokerage" }, "automaticRedeploy": true,
            "notification": { "events": ["insight"], "targets": [] } });
        let live = raw("CreateLive", live).await;
        assert!(hex(text(&live["deployId"]).strip_prefix("L-").unwrap()) && live["versionId"].is_i64());
        sim.clock().advance(Duration::from_secs(60));
        raw("StopLive", json!({ "projectId": PAIR.0 })).await;
    }
    // Flags of the live form are text, as they were for years.
    let form = raw("ReadProjects", json!({ "projectId": PAIR.0 })).await["projects"][0]["liveForm"].clone();
    let flags = ["notifyInsights", "notifyOrderEvents", "autoRestart"].map(|flag| form[flag].clone());
    assert_eq!(flags, ["true", "false", "true"].map(|flag| json!(flag)));
    assert_eq!(form["brokerageData"]["QuantConnectBrokerage"]["id"], "QuantConnectBrokerage");
}

#[tokio::test]
async fn changes_answer_success_and_nothing_else() {
    let (_sim, client) = session().await;
    for (name, more) in [
        ("CreateFile", json!({ "name": "new.py", "content": "x = 1" })),
        ("UpdateFileContent", json!({ "name": "new.py", "content": "x = 2" })),
        ("RenameFile", json!({ "name": "new.py", "newName": "old.py" })),
        ("DeleteFile", json!({ "name": "old.py" })),
        ("UpdateProject", json!({ "description": "x" })),
    ] {
        let info = *endpoints().find(|info| info.name == name).unwrap();
        let answer = client.send_raw(&info, &with(json!({ "projectId": PAIR.0 }), &more)).await.unwrap();
        assert_eq!(answer, json!({ "success": true }), "{name}");
    }
}

#[tokio::test]
async fn files_that_are_not_there_are_refused_and_names_may_begin_with_a_slash() {
    let (_sim, client) = session().await;
    let body = json!({ "projectId": PAIR.0, "name": "none.py", "content": "x", "newName": "y.py" });
    for name in ["ReadFiles", "RenameFile", "UpdateFileContent", "DeleteFile"] {
        assert!(refusal(&client, name, body.clone()).await.contains("File not found"), "{name}");
    }
    let bad = "--- a/none.py\n+++ b/none.py\n@@ -1 +1 @@\n-a\n+b\n";
    for patch in [bad, "not a patch"] {
        let body = json!({ "projectId": PAIR.0, "patch": patch });
        assert!(refusal(&client, "PatchFiles", body).await.contains("Patch not valid"));
    }
    for name in ["UpdateFileContent", "UpdateProject"] {
        let body = json!({ "projectId": PAIR.0, "name": "main.py", "content": "",
            "files": [{ "name": "main.py", "content": "" }] });
        assert!(refusal(&client, name, body).await.starts_with("File content not valid. content:"), "{name}");
    }
    let slash = CreateProject { name: "/Folder/Slash".into(), language: Language::Python, organization_id: None };
    assert_eq!(client.send(&slash).await.unwrap().projects[0].name, "Folder/Slash");
}
