//! What plans allow: files, log text, nodes.

use std::time::Duration;

use qc_api::Client;
use qc_api::endpoints::backtests::{CreateBacktest, DeleteBacktest, ReadBacktestLogs};
use qc_api::endpoints::files::{CreateFile, ReadFiles};
use qc_api::endpoints::optimizations::DeleteOptimization;
use qc_api::endpoints::projects::{CreateProject, FileContent, UpdateProject};
use qc_api::ids::ProjectId;
use qc_api::model::{Backtest, Language};
use qc_sim::{Quotas, Sim, SimOptions, Tier, seed};

use crate::{algorithm, backtested, built, grid, project_with, read, second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

/// Fills a project up to its plan's quotas.
async fn fill(client: &Client, project_id: ProjectId, organization: &str, quotas: Quotas) {
    let file = |name: String, bytes: usize| CreateFile {
        project_id,
        name,
        content: Some("#".repeat(bytes)),
        ..CreateFile::default()
    };
    let largest = quotas.file_kb * 1024;
    client.send(&file("largest.py".into(), largest)).await.unwrap();
    let said = sentence(client.send(&file("larger.py".into(), largest + 1)).await);
    assert!(said.contains(&format!("{} KB", quotas.file_kb)), "{organization}: {said}");
    let there = client.send(&ReadFiles { project_id, ..ReadFiles::default() }).await.unwrap().files.len();
    for number in there..quotas.files {
        client.send(&file(format!("f{number}.py"), 1)).await.unwrap();
    }
    let said = sentence(client.send(&file("one-more.py".into(), 1)).await);
    assert!(said.contains(&format!("{} files", quotas.files)), "{organization}: {said}");
    // Replacing all files at once does not get around it.
    let files = (0..=quotas.files).map(|n| FileContent { name: format!("f{n}.py"), content: "#".into() }).collect();
    let replace = UpdateProject { project_id, files: Some(files), ..UpdateProject::default() };
    assert!(sentence(client.send(&replace).await).contains("files"));
}

#[tokio::test]
async fn every_plan_has_its_quota_of_files() {
    // As the documentation lists them: files per project and KB per file.
    let plans = [
        (Tier::Free, 25, 32),
        (Tier::Researcher, 50, 64),
        (Tier::Team, 75, 128),
        (Tier::TradingFirm, 100, 256),
        (Tier::Institution, 250, 256),
    ];
    for (tier, files, file_kb) in plans {
        let sim = Sim::start_with(SimOptions { tier, ..SimOptions::default() }).await.unwrap();
        let quotas = tier.quotas();
        assert_eq!((quotas.files, quotas.file_kb), (files, file_kb));
        fill(&sim.client().unwrap(), PAIR, &format!("{tier:?}"), quotas).await;
    }
}

#[tokio::test]
async fn each_organization_has_the_quotas_of_its_own_plan() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let own = CreateProject { name: "Own".into(), language: Language::Python, organization_id: None };
    let own = second.send(&own).await.unwrap().projects[0].clone();
    assert_eq!(own.organization_id.as_ref().unwrap().as_str(), seed::COLLABORATOR_ORGANIZATION_ID);
    let kb = |kb: usize, project_id| CreateFile {
        project_id,
        name: "a.py".into(),
        content: Some("#".repeat(kb * 1024)),
        ..CreateFile::default()
    };
    client.send(&kb(33, PAIR)).await.unwrap();
    assert!(sentence(second.send(&kb(33, own.project_id)).await).contains("32 KB"));
}

/// Reads the whole log of a backtest; gives its bytes with the line ends.
async fn logged(client: &Client, project_id: ProjectId, backtest: &Backtest) -> usize {
    let (mut bytes, mut start) = (0, 0);
    loop {
        let request = ReadBacktestLogs {
            project_id,
            backtest_id: backtest.backtest_id.clone(),
            start,
            end: start + 200,
            query: String::new(),
        };
        let page = client.send(&request).await.unwrap().logs;
        bytes += page.iter().map(|line| line.len() + 1).sum::<usize>();
        start += 200;
        if page.is_empty() {
            return bytes;
        }
    }
}

/// An algorithm with a log of more than 15 KB.
fn talks() -> String {
    algorithm(&[
        "self.set_start_date(2016, 1, 4)",
        "for ticker in ['KO', 'PEP', 'IBM', 'AAPL']:",
        "    self.add_equity(ticker)",
        "self.schedule.on(self.date_rules.month_start(), self.time_rules.midnight, self.rebalance)",
    ])
}

#[tokio::test]
async fn backtests_that_end_together_and_points_of_a_grid_use_the_same_quota() {
    let quotas = Quotas { log_kb: Some(10), daily_log_kb: Some(15), ..Tier::Team.quotas() };
    let sim = Sim::start_with(SimOptions { quotas: Some(quotas), ..SimOptions::default() }).await.unwrap();
    let client = sim.client().unwrap();
    let project_id = project_with(&client, "Talks", &talks()).await;
    let compile_id = built(&sim, &client, project_id).await;
    let run = CreateBacktest {
        project_id,
        compile_id: compile_id.clone(),
        backtest_name: "x".into(),
        ..CreateBacktest::default()
    };
    let mut together = Vec::new();
    for _ in 0..2 {
        together.push(client.send(&run).await.unwrap().backtest.backtest_id);
    }
    sim.clock().advance(Duration::from_secs(120));
    let mut kept = Vec::new();
    for id in together {
        let backtest = read(&client, project_id, id).await;
        kept.push(logged(&client, project_id, &backtest).await);
    }
    kept.sort_unstable();
    assert!(kept[0] <= 5 * 1024 && 9 * 1024 < kept[1] && kept[1] <= 10 * 1024, "{kept:?}");
    // The day after: the points of a grid use the quota up, and deleting them gives nothing back.
    sim.clock().advance(Duration::from_secs(24 * 3600));
    let optimization_id =
        client.send(&grid(project_id, compile_id)).await.unwrap().optimizations.remove(0).optimization_id;
    sim.clock().advance(Duration::from_secs(120));
    client.send(&DeleteOptimization { optimization_id }).await.unwrap();
    let after = backtested(&sim, &client, project_id).await;
    assert_eq!(logged(&client, project_id, &after).await, 0);
}

#[tokio::test]
async fn logs_have_a_quota_per_backtest_and_one_per_day_which_deleting_does_not_restore() {
    let code = talks();
    let unlimited = Quotas { log_kb: None, daily_log_kb: None, ..Tier::Team.quotas() };
    let start = async |quotas: Quotas| {
        let options = SimOptions { quotas: Some(quotas), ..SimOptions::default() };
        let sim = Sim::start_with(options).await.unwrap();
        let client = sim.client().unwrap();
        let project_id = project_with(&client, "Talks", &code).await;
        (sim, client, project_id)
    };
    let (sim, client, project_id) = start(unlimited).await;
    let backtest = backtested(&sim, &client, project_id).await;
    let all = logged(&client, project_id, &backtest).await;
    assert!(15 * 1024 < all, "the story needs a long log, has {all} bytes");

    // Ten KB each, 25 KB a day: the third gets what is left, the fourth nothing.
    let (sim, client, project_id) =
        start(Quotas { log_kb: Some(10), daily_log_kb: Some(25), ..Tier::Team.quotas() }).await;
    let mut backtests = Vec::new();
    for _ in 0..4 {
        backtests.push(backtested(&sim, &client, project_id).await);
    }
    let mut kept = Vec::new();
    for backtest in &backtests {
        kept.push(logged(&client, project_id, backtest).await);
    }
    // A line is not cut in two.
    let near = |bytes: usize, kb: usize| bytes <= kb * 1024 && kb * 1024 - 100 < bytes;
    assert!(near(kept[0], 10) && near(kept[1], 10) && near(kept[2], 5) && kept[3] == 0, "{kept:?}");
    for backtest in backtests {
        client.send(&DeleteBacktest { project_id, backtest_id: backtest.backtest_id }).await.unwrap();
    }
    let after = backtested(&sim, &client, project_id).await;
    assert_eq!(logged(&client, project_id, &after).await, 0);
    sim.clock().advance(Duration::from_secs(24 * 3600));
    let tomorrow = backtested(&sim, &client, project_id).await;
    assert!(near(logged(&client, project_id, &tomorrow).await, 10));
    assert_eq!(
        [Tier::Free, Tier::Researcher, Tier::Team, Tier::TradingFirm, Tier::Institution]
            .map(|tier| (tier.quotas().log_kb, tier.quotas().daily_log_kb)),
        [
            (Some(10), Some(3072)),
            (Some(100), Some(3072)),
            (Some(1024), Some(10_240)),
            (Some(5120), Some(51_200)),
            (None, None)
        ]
    );
}

#[tokio::test]
async fn the_free_node_lets_its_backtests_wait() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    let own = project_with(&second, "Own", &algorithm(&["self.add_equity(\"KO\")"])).await;
    let mut waits = Vec::new();
    for (client, project_id) in [(&client, PAIR), (&second, own)] {
        let compile_id = built(&sim, client, project_id).await;
        let start = CreateBacktest { project_id, compile_id, backtest_name: "x".into(), ..CreateBacktest::default() };
        let id = client.send(&start).await.unwrap().backtest.backtest_id;
        let mut waited = 0;
        while read(client, project_id, id.clone()).await.status.is_queued() {
            sim.clock().advance(Duration::from_secs(1));
            waited += 1;
        }
        waits.push(waited);
    }
    assert_eq!(waits[1] - waits[0], 20, "{waits:?}");
    // One node, one backtest.
    let compile_id = built(&sim, &second, own).await;
    let start = CreateBacktest { project_id: own, compile_id, backtest_name: "x".into(), ..CreateBacktest::default() };
    second.send(&start).await.unwrap();
    assert!(sentence(second.send(&start).await).starts_with("There are no spare nodes available"));
}
