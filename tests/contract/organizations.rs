//! Organizations, their nodes, and who uses them.

use qc_api::endpoints::backtests::CreateBacktest;
use qc_api::endpoints::lean::{ReadLeanEnvironments, ReadLeanVersions};
use qc_api::endpoints::nodes::{ReadNodes, ReadProjectNodes, UpdateProjectNodes};
use qc_api::endpoints::organizations::{ListEncryptionKeys, ListOrganizations, ReadOrganization};
use qc_api::endpoints::projects::ReadProjects;
use qc_api::ids::ProjectId;
use qc_sim::seed;

use crate::{built, second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

#[tokio::test]
async fn a_member_reads_the_organization_and_a_stranger_does_not() {
    let (sim, client) = session().await;
    let list = client.send(&ListOrganizations {}).await.unwrap().organizations;
    assert_eq!((list.len(), list[0].id.as_str(), list[0].preferred), (1, seed::ORGANIZATION_ID, true));
    let read = ReadOrganization { organization_id: Some(seed::ORGANIZATION_ID.into()) };
    let organization = client.send(&read).await.unwrap().organization;
    assert_eq!(organization.members[0].id, Some(seed::USER_ID));
    assert_eq!(organization.credit.unwrap().balance, Some(10_000.0));
    assert!(organization.products.iter().any(|p| p.name == "Backtest Node" && p.items[0].quantity == Some(2.0)));
    assert!(second_client(&sim).send(&read).await.unwrap_err().is_not_found());
    let keys = ListEncryptionKeys { organization_id: seed::ORGANIZATION_ID.into() };
    assert!(client.send(&keys).await.unwrap().keys.is_empty());
}

#[tokio::test]
async fn a_new_project_selects_its_node_itself_until_told_otherwise() {
    let (_sim, client) = session().await;
    let read = ReadProjectNodes { project_id: PAIR };
    let nodes = client.send(&read).await.unwrap();
    assert!(nodes.auto_select_node && nodes.nodes.backtest.iter().all(|node| !node.active));
    let chosen = nodes.nodes.backtest[1].id.clone();
    let update = UpdateProjectNodes { project_id: PAIR, nodes: vec![chosen.clone()] };
    let nodes = client.send(&update).await.unwrap();
    let active: Vec<_> = nodes.nodes.backtest.iter().filter(|node| node.active).map(|node| node.id.clone()).collect();
    assert_eq!((nodes.auto_select_node, active), (false, vec![chosen]));
    // Unknown nodes are not refused, and none chosen means automatic again.
    client.send(&UpdateProjectNodes { project_id: PAIR, nodes: vec!["nope".into()] }).await.unwrap();
    let reset = client.send(&UpdateProjectNodes { project_id: PAIR, nodes: Vec::new() }).await.unwrap();
    assert!(reset.auto_select_node);
}

#[tokio::test]
async fn a_running_backtest_keeps_its_node_busy() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let request =
        CreateBacktest { project_id: PAIR, compile_id, backtest_name: "Run".into(), ..CreateBacktest::default() };
    client.send(&request).await.unwrap();
    let read = ReadNodes { organization_id: seed::ORGANIZATION_ID.into() };
    let busy = client.send(&read).await.unwrap().backtest.into_iter().filter(|node| node.busy).collect::<Vec<_>>();
    assert_eq!((busy.len(), busy[0].project_id), (1, Some(PAIR)));
    sim.clock().advance(std::time::Duration::from_secs(120));
    assert!(client.send(&read).await.unwrap().backtest.iter().all(|node| !node.busy));
}

#[tokio::test]
async fn a_project_bound_to_one_node_waits_for_that_node() {
    let (sim, client) = session().await;
    let compile_id = built(&sim, &client, PAIR).await;
    let nodes = client.send(&ReadProjectNodes { project_id: PAIR }).await.unwrap().nodes.backtest;
    let update = UpdateProjectNodes { project_id: PAIR, nodes: vec![nodes[1].id.clone()] };
    client.send(&update).await.unwrap();
    let request =
        CreateBacktest { project_id: PAIR, compile_id, backtest_name: "Run".into(), ..CreateBacktest::default() };
    let first = client.send(&request).await.unwrap().backtest;
    assert_eq!(first.node_name.as_deref(), Some(nodes[1].name.as_str()));
    assert!(sentence(client.send(&request).await).contains("no spare nodes"));
}

#[tokio::test]
async fn versions_and_environments_are_listed() {
    let (_sim, client) = session().await;
    let versions = client.send(&ReadLeanVersions {}).await.unwrap().versions;
    let project = client.send(&ReadProjects::one(PAIR)).await.unwrap().projects.remove(0);
    assert!(versions.iter().any(|version| Some(version.id) == project.lean_version_id));
    let environments = client.send(&ReadLeanEnvironments {}).await.unwrap().environments;
    assert!(environments.iter().any(|environment| environment.id == project.lean_environment));
}
