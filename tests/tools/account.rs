//! The account through the tools.

use qc_sim::seed;
use serde_json::json;
use support::session::Session;

#[tokio::test]
async fn tells_organisation_and_credit_and_nothing_of_the_card() {
    let session = Session::start().await;
    let account = session.ok("read_account", json!({})).await;
    assert_eq!(account["organization_id"], seed::ORGANIZATION_ID);
    assert!(account["credit_balance_qcc"].is_number(), "{account}");
    assert!(account.get("card").is_none());
}
