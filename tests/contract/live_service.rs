//! Does QuantConnect agree? `QC_LIVE=1` runs the reading part against the real service, with the credentials of the
//! environment. Nothing is created, changed or spent, and no answer is printed.

use qc_api::endpoints::account::{Authenticate, ReadAccount};
use qc_api::endpoints::backtests::{ListBacktests, ReadBacktest, ReadBacktestOrders};
use qc_api::endpoints::files::ReadFiles;
use qc_api::endpoints::lean::ReadLeanVersions;
use qc_api::endpoints::live::ListLive;
use qc_api::endpoints::nodes::ReadProjectNodes;
use qc_api::endpoints::optimizations::ListOptimizations;
use qc_api::endpoints::organizations::ListOrganizations;
use qc_api::endpoints::projects::ReadProjects;
use qc_api::{Client, Config, Credentials, Effect, Endpoint, Result};
use support::paths::skipping;

/// Sends, but only what reads.
async fn read<E: Endpoint>(client: &Client, request: &E) -> Result<E::Reply> {
    assert_eq!(E::EFFECT, Effect::Read, "{} does not only read", E::PATH);
    client.send(request).await
}

#[tokio::test]
async fn the_reading_part_agrees_with_the_real_service() {
    if std::env::var("QC_LIVE").as_deref() != Ok("1") {
        return skipping("QC_LIVE is not 1: the real service is not asked");
    }
    let credentials = Credentials::from_env().unwrap().expect("QC_LIVE=1 needs credentials in the environment");
    let client = Client::new(Config::new(credentials)).unwrap();
    read(&client, &Authenticate {}).await.unwrap();
    read(&client, &ReadAccount::default()).await.unwrap();
    read(&client, &ListOrganizations {}).await.unwrap();
    assert!(!read(&client, &ReadLeanVersions {}).await.unwrap().versions.is_empty());
    read(&client, &ListLive::default()).await.unwrap();

    let window = ReadProjects { start: Some(0), end: Some(5), ..ReadProjects::default() };
    for project in read(&client, &window).await.unwrap().projects {
        let project_id = project.project_id;
        read(&client, &ReadFiles { project_id, ..ReadFiles::default() }).await.unwrap();
        read(&client, &ReadProjectNodes { project_id }).await.unwrap();
        read(&client, &ListOptimizations { project_id }).await.unwrap();
        let list = ListBacktests { project_id, include_statistics: Some(true) };
        for summary in read(&client, &list).await.unwrap().backtests.into_iter().take(3) {
            let backtest_id = summary.backtest_id;
            let backtest = ReadBacktest { project_id, backtest_id: backtest_id.clone() };
            assert_eq!(read(&client, &backtest).await.unwrap().backtest.backtest_id, backtest_id);
            read(&client, &ReadBacktestOrders { project_id, backtest_id, start: 0, end: 100 }).await.unwrap();
        }
    }
}
