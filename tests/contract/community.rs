//! What everybody sees: reports of faulty data, and news.

use qc_api::endpoints::community::{CreateDataIssue, DataFaults, IssueFilter, IssueStatus, ListDataIssues, ReadNews};
use qc_sim::seed;

use crate::{second_client, sentence, session};

fn issue(ticker: &str) -> CreateDataIssue {
    CreateDataIssue {
        ticker: ticker.into(),
        security: "Equity".into(),
        market: "usa".into(),
        resolution: "Daily".into(),
        from_date: "2024-01-02".into(),
        to_date: "2024-01-31".into(),
        faults: DataFaults { missing_points: true, split_error: true, ..DataFaults::default() },
        content: "<p>Days are missing: run the project.</p>".into(),
        ..CreateDataIssue::default()
    }
}

#[tokio::test]
async fn a_report_is_seen_by_everybody() {
    let (sim, client) = session().await;
    let mut ids = Vec::new();
    for ticker in ["KO", "PEP", "KO"] {
        ids.push(client.send(&issue(ticker)).await.unwrap().discussion_id.unwrap());
    }
    let everybody = second_client(&sim);
    let listed = everybody.send(&ListDataIssues::default()).await.unwrap();
    let newest_first: Vec<i64> = listed.results.iter().filter_map(|issue| issue.discussion_id).collect();
    assert_eq!(newest_first, [ids[2], ids[1], ids[0]]);
    assert_eq!((listed.open_issues_count, listed.closed_issues_count), (Some(3), Some(0)));
    let shown = &listed.results[0];
    assert_eq!((shown.ticker.as_str(), shown.status.clone()), ("KO", Some(IssueStatus::InQueue)));
    assert!(shown.missing_points && shown.split_error && !shown.wrong_values && !shown.subscribed);

    let list = |change: fn(&mut ListDataIssues)| {
        let mut request = ListDataIssues::default();
        change(&mut request);
        let client = client.clone();
        async move { client.send(&request).await.unwrap() }
    };
    let of_ko = list(|request| request.search = Some("KO".into())).await;
    assert_eq!((of_ko.results.len(), of_ko.results_found), (2, Some(2)));
    assert!(list(|request| request.search = Some("K".into())).await.results.is_empty(), "the ticker is exact");
    assert!(list(|request| request.status = Some(IssueFilter::Closed)).await.results.is_empty());
    assert_eq!(list(|request| request.subscribed = Some(true)).await.results.len(), 3);
    let page = list(|request| (request.start, request.end) = (Some(1), Some(2))).await;
    assert_eq!((page.results[0].discussion_id, page.results_found), (Some(ids[1]), Some(3)));
    let backwards = ListDataIssues { start: Some(2), end: Some(2), ..ListDataIssues::default() };
    sentence(client.send(&backwards).await);
}

#[tokio::test]
async fn a_listing_without_an_end_has_twenty_rows() {
    let (_sim, client) = session().await;
    for number in 0..21 {
        client.send(&issue(&format!("T{number}"))).await.unwrap();
    }
    let listed = client.send(&ListDataIssues::default()).await.unwrap();
    assert_eq!((listed.results.len(), listed.results_found), (20, Some(21)));
}

#[tokio::test]
async fn incomplete_reports_are_refused() {
    let (_sim, client) = session().await;
    let changes: [fn(&mut CreateDataIssue); 11] = [
        |issue| issue.ticker.clear(),
        |issue| issue.security = "Share".into(),
        |issue| issue.market.clear(),
        |issue| issue.resolution = "Weekly".into(),
        |issue| issue.from_date = "02.01.2024".into(),
        |issue| issue.to_date = "2024-01-01".into(),
        |issue| issue.faults = DataFaults::default(),
        |issue| issue.content = " ".into(),
        |issue| issue.select_project = Some((-1).into()),
        |issue| issue.from_time = Some("9 o'clock".into()),
        // Less than a week of minutes without times of day.
        |issue| (issue.resolution, issue.to_date) = ("Minute".into(), "2024-01-08".into()),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut wrong = issue("KO");
        change(&mut wrong);
        assert!(!sentence(client.send(&wrong).await).is_empty(), "change {at}");
    }
    let mut week = issue("KO");
    (week.resolution, week.to_date) = ("Minute".into(), "2024-01-09".into());
    week.select_project = Some(seed::PAIR_PROJECT_ID.into());
    client.send(&week).await.unwrap();
    let mut timed = issue("KO");
    (timed.resolution, timed.to_date) = ("Second".into(), "2024-01-02".into());
    (timed.from_time, timed.to_time) = (Some("09:30".into()), Some("10:00".into()));
    client.send(&timed).await.unwrap();
    let listed = client.send(&ListDataIssues::default()).await.unwrap().results;
    assert_eq!(listed[0].from.as_deref(), Some("2024-01-02 09:30"));
    assert_eq!(listed.len(), 2);
}

#[tokio::test]
async fn there_is_no_news() {
    let (_sim, client) = session().await;
    assert!(client.send(&ReadNews {}).await.unwrap().news.is_empty());
}
