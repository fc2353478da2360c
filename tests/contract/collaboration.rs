//! Two accounts on one project: invitation, rights, lock, libraries.

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::backtests::{CreateBacktest, DeleteBacktest, UpdateBacktest, UpdateBacktestTags};
use qc_api::endpoints::collaboration::{
    AcquireLock, CreateCollaborator, DeleteCollaborator, ReadCollaborators, UpdateCollaborator,
};
use qc_api::endpoints::files::{ReadFiles, UpdateFileContent};
use qc_api::endpoints::libraries::{AddLibrary, RemoveLibrary};
use qc_api::endpoints::live::{LiquidateLive, StopLive};
use qc_api::endpoints::live_commands::CreateLiveCommand;
use qc_api::endpoints::nodes::UpdateProjectNodes;
use qc_api::endpoints::optimizations::{AbortOptimization, DeleteOptimization, UpdateOptimization};
use qc_api::endpoints::projects::{DeleteProject, ReadProjects, UpdateProject};
use qc_api::ids::ProjectId;
use qc_api::model::Permission;
use qc_sim::seed;

use crate::{backtested, built, grid, live, project_with, read, second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

fn invite(write: bool) -> CreateCollaborator {
    CreateCollaborator {
        project_id: PAIR,
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        collaboration_live_control: false,
        collaboration_write: write,
    }
}

fn edit(code_source_id: Option<&str>) -> UpdateFileContent {
    UpdateFileContent {
        project_id: PAIR,
        name: "main.py".into(),
        content: "x = 1\n".into(),
        code_source_id: code_source_id.map(str::to_owned),
    }
}

#[tokio::test]
async fn an_invited_account_sees_the_project_and_a_dismissed_one_does_not() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    assert!(second.send(&ReadProjects::one(PAIR)).await.unwrap_err().is_not_found());
    let people = client.send(&invite(false)).await.unwrap().collaborators;
    assert_eq!(people.iter().map(|person| person.owner).collect::<Vec<_>>(), [true, false]);
    assert!(!second.send(&ReadProjects::one(PAIR)).await.unwrap().projects[0].owner);
    let own = second.send(&ReadCollaborators { project_id: PAIR }).await.unwrap();
    assert_eq!((own.user_permissions, own.user_live_control), (Some(Permission::Read), Some(false)));
    assert!(sentence(second.send(&edit(None)).await).contains("write permission"));
    assert!(second.send(&DeleteProject { project_id: PAIR }).await.is_err());
    let delete = DeleteCollaborator { project_id: PAIR, collaborator_id: seed::COLLABORATOR_PUBLIC_ID.into() };
    assert_eq!(client.send(&delete).await.unwrap().collaborators.len(), 1);
    assert!(second.send(&ReadProjects::one(PAIR)).await.is_err());
    assert!(client.send(&delete).await.is_err());
}

#[tokio::test]
async fn a_shared_project_is_edited_by_whoever_holds_its_lock() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    client.send(&invite(true)).await.unwrap();
    let lock = AcquireLock { project_id: PAIR, code_source_id: "Mine".into() };
    assert!(sentence(client.send(&edit(Some("Mine"))).await).contains("write permission"));
    client.send(&lock).await.unwrap();
    client.send(&edit(Some("Mine"))).await.unwrap();
    // The other takes the lock over; then the first may not write until it asks again.
    second.send(&AcquireLock { code_source_id: "Theirs".into(), ..lock.clone() }).await.unwrap();
    assert!(sentence(client.send(&edit(Some("Mine"))).await).contains("write permission"));
    second.send(&edit(Some("Theirs"))).await.unwrap();
    client.send(&lock).await.unwrap();
    client.send(&edit(Some("Mine"))).await.unwrap();
}

#[tokio::test]
async fn rights_are_changed_and_unknown_people_refused() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    client.send(&invite(false)).await.unwrap();
    let update = UpdateCollaborator {
        project_id: PAIR,
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        live_control: true,
        write: true,
    };
    client.send(&update).await.unwrap();
    second.send(&edit(None)).await.unwrap();
    let stranger = CreateCollaborator { collaborator_user_id: "nobody".into(), ..invite(true) };
    assert!(client.send(&stranger).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn who_may_only_read_spends_and_destroys_nothing() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let run = backtested(&sim, &client, PAIR).await;
    let compile_id = built(&sim, &client, PAIR).await;
    client.send(&invite(false)).await.unwrap();
    let start = CreateBacktest {
        project_id: PAIR,
        compile_id: compile_id.clone(),
        backtest_name: "x".into(),
        ..Default::default()
    };
    let id = run.backtest_id.clone();
    let grid = grid(PAIR, compile_id);
    let made = client.send(&grid).await.unwrap().optimizations.remove(0).optimization_id;
    let delete = DeleteBacktest { project_id: PAIR, backtest_id: id.clone() };
    let said = [
        sentence(second.send(&start).await),
        sentence(second.send(&delete).await),
        sentence(
            second
                .send(&UpdateBacktest { project_id: PAIR, backtest_id: id.clone(), name: Some("x".into()), note: None })
                .await,
        ),
        sentence(
            second.send(&UpdateBacktestTags { project_id: PAIR, backtest_id: id.clone(), tags: Vec::new() }).await,
        ),
        sentence(second.send(&grid).await),
        sentence(second.send(&UpdateOptimization { optimization_id: made.clone(), name: "x".into() }).await),
        sentence(second.send(&AbortOptimization { optimization_id: made.clone() }).await),
        sentence(second.send(&DeleteOptimization { optimization_id: made.clone() }).await),
        sentence(second.send(&AddLibrary { project_id: PAIR, library_id: PAIR }).await),
        sentence(second.send(&UpdateProjectNodes { project_id: PAIR, nodes: Vec::new() }).await),
    ];
    for said in &said[..8] {
        assert!(said.contains("write permission"), "{said}");
    }
    assert_eq!(client.send(&ReadAccount::default()).await.unwrap().credit_balance, Some(9_990.0));
    // Reading stays possible, and the right to write makes the rest so.
    assert_eq!(read(&second, PAIR, id).await.name, "Run");
    client.send(&invite(true)).await.unwrap();
    second.send(&DeleteOptimization { optimization_id: made }).await.unwrap();
    second.send(&start).await.unwrap();
    second.send(&delete).await.unwrap();
}

#[tokio::test]
async fn a_right_of_its_own_says_who_controls_deployments() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let deploy = live::request(&sim, &client, PAIR).await;
    // To write is not to trade, and the other way round.
    client.send(&invite(true)).await.unwrap();
    assert!(sentence(second.send(&deploy).await).contains("live control permission"));
    client.send(&deploy).await.unwrap();
    let command = CreateLiveCommand { project_id: PAIR, command: serde_json::json!({ "x": 1 }) };
    for said in [
        sentence(second.send(&StopLive { project_id: PAIR }).await),
        sentence(second.send(&LiquidateLive { project_id: PAIR }).await),
        sentence(second.send(&command).await),
    ] {
        assert!(said.contains("live control permission"), "{said}");
    }
    let trader = CreateCollaborator { collaboration_live_control: true, ..invite(false) };
    client.send(&trader).await.unwrap();
    second.send(&command).await.unwrap();
    second.send(&StopLive { project_id: PAIR }).await.unwrap();
    second.send(&deploy).await.unwrap();
    assert!(sentence(second.send(&edit(None)).await).contains("write permission"));
}

#[tokio::test]
async fn nobody_reads_a_foreign_project_by_calling_it_a_library() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let own = project_with(&second, "Own", "x = 1\n").await;
    let libraries =
        |libraries: Vec<ProjectId>| UpdateProject { project_id: own, libraries: Some(libraries), ..Default::default() };
    for foreign in [PAIR, ProjectId(999), own] {
        assert!(sentence(second.send(&libraries(vec![foreign])).await).contains("not found"), "{foreign}");
        assert!(
            sentence(second.send(&AddLibrary { project_id: own, library_id: foreign }).await).contains("not found")
        );
    }
    // While it may be read it is a library; afterwards its files are gone from the project, too.
    client.send(&invite(false)).await.unwrap();
    second.send(&libraries(vec![PAIR, PAIR])).await.unwrap();
    let files = async || second.send(&ReadFiles { project_id: own, ..ReadFiles::default() }).await.unwrap().files;
    assert_eq!(files().await.iter().filter(|file| file.is_library).count(), 2);
    let delete = DeleteCollaborator { project_id: PAIR, collaborator_id: seed::COLLABORATOR_PUBLIC_ID.into() };
    client.send(&delete).await.unwrap();
    assert_eq!(files().await.iter().filter(|file| file.is_library).count(), 0);
    let shown = second.send(&ReadProjects::one(own)).await.unwrap().projects.remove(0).libraries;
    assert_eq!((shown.len(), shown[0].access), (1, false));
}

#[tokio::test]
async fn a_collaborator_saves_a_project_with_a_library_he_may_not_read() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let library_id = ProjectId(seed::BASKET_PROJECT_ID);
    client.send(&AddLibrary { project_id: PAIR, library_id }).await.unwrap();
    client.send(&invite(true)).await.unwrap();
    let save = |libraries: Vec<ProjectId>| UpdateProject {
        project_id: PAIR,
        description: Some("saved".into()),
        libraries: Some(libraries),
        ..Default::default()
    };
    second.send(&save(vec![library_id])).await.unwrap();
    let shown = client.send(&ReadProjects::one(PAIR)).await.unwrap().projects.remove(0);
    assert_eq!((shown.description.as_str(), shown.libraries.len()), ("saved", 1));
    // Taken away it is a stranger's again.
    second.send(&save(Vec::new())).await.unwrap();
    assert!(sentence(second.send(&save(vec![library_id])).await).contains("not found"));
}

#[tokio::test]
async fn files_of_a_library_appear_in_the_project_that_uses_it() {
    let (_sim, client) = session().await;
    let library_id = ProjectId(seed::BASKET_PROJECT_ID);
    client.send(&AddLibrary { project_id: PAIR, library_id }).await.unwrap();
    let files = client.send(&ReadFiles { project_id: PAIR, ..ReadFiles::default() }).await.unwrap().files;
    assert_eq!(files.iter().filter(|file| file.is_library).count(), 2);
    let shown = client.send(&ReadProjects::one(PAIR)).await.unwrap().projects.remove(0).libraries;
    assert_eq!(shown[0].library_name, "Technology Basket");
    client.send(&RemoveLibrary { project_id: PAIR, library_id }).await.unwrap();
    assert!(client.send(&RemoveLibrary { project_id: PAIR, library_id }).await.is_err());
}
