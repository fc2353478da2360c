//! A simulator that saves its world goes on where it ended, also when it was killed.

use std::time::Duration;

use qc_api::Clock;
use qc_api::endpoints::backtests::{ListBacktests, ReadBacktest};
use qc_api::endpoints::live::{ReadLive, ReadLiveLogs};
use qc_api::endpoints::object_store::{ListObjects, SetObject};
use qc_api::endpoints::optimizations::ListOptimizations;
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::ids::ProjectId;
use qc_api::model::{Language, LiveStatus};
use qc_sim::{Sim, SimOptions, seed};

use crate::{backtested, live};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

fn kept_in(home: &tempfile::TempDir) -> SimOptions {
    SimOptions { saved_world: Some(home.path().join("world.json")), ..SimOptions::default() }
}

#[tokio::test]
async fn a_saved_world_is_read_again() {
    let home = tempfile::tempdir().unwrap();
    let create = CreateProject { name: "Kept".into(), language: Language::Python, organization_id: None };
    let first = Sim::start_with(kept_in(&home)).await.unwrap();
    first.client().unwrap().send(&create).await.unwrap();
    drop(first);
    let second = Sim::start_with(kept_in(&home)).await.unwrap();
    let projects = second.client().unwrap().send(&ReadProjects::default()).await.unwrap().projects;
    assert!(projects.iter().any(|project| project.name == "Kept"));
    std::fs::write(home.path().join("world.json"), "{").unwrap();
    assert!(Sim::start_with(kept_in(&home)).await.is_err());
}

#[tokio::test]
async fn what_was_under_way_goes_on_and_is_the_same() {
    let home = tempfile::tempdir().unwrap();
    let sim = Sim::start_with(kept_in(&home)).await.unwrap();
    let client = sim.client().unwrap();
    let done = backtested(&sim, &client, PAIR).await;
    let deploy_id = live::deployed(&sim, &client, PAIR).await;
    let data = SetObject { organization_id: seed::ORGANIZATION_ID.into(), key: "a/b".into(), data: vec![0, 255] };
    client.send(&data).await.unwrap();
    let ended = sim.clock().now();
    // Killed: nothing is said goodbye to, and half a file lies beside the world.
    std::fs::write(home.path().join("world.json.new"), "{\"half").unwrap();
    drop(sim);

    let sim = Sim::start_with(kept_in(&home)).await.unwrap();
    let client = sim.client().unwrap();
    assert_eq!(sim.clock().now(), ended, "virtual time goes on");
    let again = client.send(&ReadBacktest { project_id: PAIR, backtest_id: done.backtest_id.clone() }).await.unwrap();
    assert_eq!((&again.backtest.statistics, again.backtest.note), (&done.statistics, None));
    let running = client.send(&ReadLive { project_id: PAIR, deploy_id: None }).await.unwrap();
    assert_eq!((running.status, running.deploy_id.as_ref()), (Some(LiveStatus::Running), Some(&deploy_id)));
    let logs = ReadLiveLogs {
        project_id: PAIR,
        algorithm_id: deploy_id,
        start_line: 0,
        end_line: 250,
        format: "json".into(),
        deployment_logs: None,
        query: None,
    };
    assert_eq!(client.send(&logs).await.unwrap().length, Some(4));
    let list = ListObjects { organization_id: seed::ORGANIZATION_ID.into(), path: Some("a".into()), page: None };
    assert_eq!(client.send(&list).await.unwrap().objects[0].size, Some(2));
    assert!(client.send(&ListOptimizations { project_id: PAIR }).await.unwrap().optimizations.is_empty());
    // New identifiers are new.
    sim.clock().advance(Duration::from_secs(60));
    let next = backtested(&sim, &client, PAIR).await;
    let list = client.send(&ListBacktests { project_id: PAIR, include_statistics: None }).await.unwrap().backtests;
    assert_eq!(list.iter().map(|row| &row.backtest_id).collect::<Vec<_>>(), [&next.backtest_id, &done.backtest_id]);
}

#[cfg(unix)]
#[tokio::test]
async fn its_tokens_are_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let sim = Sim::start_with(kept_in(&home)).await.unwrap();
    let create = CreateProject { name: "Kept".into(), language: Language::Python, organization_id: None };
    sim.client().unwrap().send(&create).await.unwrap();
    let path = home.path().join("world.json");
    assert!(std::fs::read_to_string(&path).unwrap().contains(seed::TOKEN));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1);
}
