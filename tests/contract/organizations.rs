//! Organizations, their nodes, and who uses them.

use qc_api::Client;
use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::backtests::CreateBacktest;
use qc_api::endpoints::compile::CreateCompile;
use qc_api::endpoints::files::CreateFile;
use qc_api::endpoints::lean::{ReadLeanEnvironments, ReadLeanVersions};
use qc_api::endpoints::nodes::{ReadNodes, ReadProjectNodes, UpdateProjectNodes};
use qc_api::endpoints::optimizations::CreateOptimization;
use qc_api::endpoints::organizations::{ListEncryptionKeys, ListOrganizations, ReadOrganization};
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::ids::ProjectId;
use qc_api::model::Language;
use qc_sim::{Sim, SimAccount, SimOptions, SimOrganization, Tier, seed};

use crate::{built, grid, second_client, sentence, session};

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

/// 32 digits each.
const THIRD: &str = "11111111111111111111111111111111";
const FIRM: &str = "22222222222222222222222222222222";

/// The seeded account is in two organizations, and a third account in both, by default in the one it does not own.
async fn two_organizations() -> Sim {
    let organization = |id: &str, name: &str, tier, members: &[i64], credit| SimOrganization {
        id: id.into(),
        name: name.into(),
        tier,
        members: members.into(),
        credit,
    };
    let options = SimOptions {
        organizations: vec![
            organization(THIRD, "Third", Tier::Free, &[777, seed::USER_ID], 5.0),
            organization(FIRM, "Firm", Tier::TradingFirm, &[seed::USER_ID, 777], 50.0),
        ],
        accounts: vec![SimAccount {
            id: 777,
            token: "third-token".into(),
            name: "Third User".into(),
            public_id: "third-user".into(),
            organization: FIRM.into(),
        }],
        ..SimOptions::default()
    };
    Sim::start_with(options).await.unwrap()
}

#[tokio::test]
async fn an_account_in_several_organizations_has_a_default_and_may_name_another() {
    let sim = two_organizations().await;
    let (client, third) = (sim.client().unwrap(), sim.client_of(777, "third-token").unwrap());
    let listed = async |client: &Client| {
        let list = client.send(&ListOrganizations {}).await.unwrap().organizations;
        list.into_iter().map(|o| (o.name, o.owner_name.unwrap(), o.preferred)).collect::<Vec<_>>()
    };
    let row = |name: &str, owner: &str, preferred| (name.to_owned(), owner.to_owned(), preferred);
    let own = [row("Demo Research", "You", true), row("Third", "Third User", false), row("Firm", "You", false)];
    assert_eq!(listed(&client).await, own);
    assert_eq!(listed(&third).await, [row("Third", "You", false), row("Firm", "Demo User", true)]);
    assert_eq!(listed(&second_client(&sim)).await, [row("Second Research", "You", true)]);
    // Balances and nodes are those of the organization that is meant.
    let account = |organization_id: Option<&str>| ReadAccount { organization_id: organization_id.map(Into::into) };
    let balance = async |client: &Client, of| client.send(&account(of)).await.unwrap().credit_balance;
    assert_eq!([balance(&client, None).await, balance(&client, Some(THIRD)).await], [Some(10_000.0), Some(5.0)]);
    assert_eq!([balance(&third, None).await, balance(&third, Some(THIRD)).await], [Some(50.0), Some(5.0)]);
    assert!(third.send(&account(Some(seed::ORGANIZATION_ID))).await.unwrap_err().is_not_found());
    let nodes = third.send(&ReadNodes { organization_id: THIRD.into() }).await.unwrap();
    assert_eq!((nodes.backtest[0].sku.as_str(), nodes.live.len()), ("B-MICRO", 0));
}

#[tokio::test]
async fn projects_of_one_account_have_the_quotas_nodes_and_purse_of_their_organization() {
    let sim = two_organizations().await;
    let client = sim.client().unwrap();
    let mut projects = Vec::new();
    for organization in [THIRD, FIRM] {
        let create =
            CreateProject { name: "P".into(), language: Language::Python, organization_id: Some(organization.into()) };
        let project = client.send(&create).await.unwrap().projects.remove(0);
        assert_eq!(project.organization_id.as_ref().unwrap().as_str(), organization);
        projects.push(project.project_id);
    }
    let [free, firm] = projects[..] else { panic!("{projects:?}") };
    let of_firm = ReadProjects { organization_id: Some(FIRM.into()), ..ReadProjects::default() };
    assert_eq!(client.send(&of_firm).await.unwrap().projects.len(), 1);
    let large = |project_id| CreateFile {
        project_id,
        name: "large.py".into(),
        content: Some("#".repeat(200 * 1024)),
        ..CreateFile::default()
    };
    assert!(sentence(client.send(&large(free)).await).contains("32 KB"));
    client.send(&large(firm)).await.unwrap();
    // The one node of the free plan is busy; those of the others are not.
    let start = async |project_id| {
        let compile_id = client.send(&CreateCompile { project_id }).await.unwrap().compile_id;
        sim.clock().advance(std::time::Duration::from_secs(5));
        CreateBacktest { project_id, compile_id, backtest_name: "x".into(), ..CreateBacktest::default() }
    };
    let slow = start(free).await;
    let node = client.send(&slow).await.unwrap().backtest.node_name.unwrap();
    assert!(node.contains("B-MICRO"), "{node}");
    assert!(sentence(client.send(&slow).await).contains("no spare nodes"));
    client.send(&start(firm).await).await.unwrap();
    client.send(&start(firm).await).await.unwrap();
    client.send(&start(PAIR).await).await.unwrap();
    // Nobody else's nodes are busy by it.
    let busy = async |organization: &str| {
        let nodes = client.send(&ReadNodes { organization_id: organization.into() }).await.unwrap();
        nodes.backtest.into_iter().filter(|node| node.busy).count()
    };
    assert_eq!([busy(THIRD).await, busy(FIRM).await, busy(seed::ORGANIZATION_ID).await], [1, 2, 1]);
    // An optimization is paid by the organization of its project.
    let compile_id = start(free).await.compile_id;
    let grid = CreateOptimization { estimated_cost: 0.03, ..grid(free, compile_id) };
    client.send(&grid).await.unwrap();
    assert!(sentence(client.send(&grid).await).contains("Not enough credit: needed 3.00 QCC, balance 2.00 QCC"));
    let balance = client.send(&ReadAccount::default()).await.unwrap().credit_balance;
    assert_eq!(balance, Some(10_000.0));
}
