//! Accounts at brokerages: a redirect to a login, refusals until somebody has signed in, then tokens.

use qc_api::endpoints::connections::{AuthorizeConnection, Connection, ReadConnection};

use crate::by_hand::open;
use crate::{second_client, sentence, session};

#[tokio::test]
async fn tokens_come_after_the_login_and_only_for_who_asked() {
    let (sim, client) = session().await;
    let read = |brokerage: &Connection| ReadConnection { brokerage: brokerage.clone() };
    for brokerage in [Connection::Alpaca, Connection::TradeStation, Connection::CharlesSchwab, Connection::Tastytrade] {
        assert!(sentence(client.send(&read(&brokerage)).await).contains("No authorization found"));
        let page = client.send(&AuthorizeConnection { brokerage: brokerage.clone() }).await.unwrap();
        // The redirect was not followed: nobody has signed in yet.
        sentence(client.send(&read(&brokerage)).await);
        assert!(open(page.location.expose()).await.text().contains("no brokerage was contacted"));
        let tokens = client.send(&read(&brokerage)).await.unwrap().authorization.unwrap();
        assert_eq!(tokens.accounts.len(), 1);
        assert!(!tokens.settings.is_empty(), "{brokerage:?}");
        let somebody_else = second_client(&sim);
        sentence(somebody_else.send(&read(&brokerage)).await);
    }
    let unknown = AuthorizeConnection { brokerage: Connection::Other("oanda".into()) };
    assert_eq!(sentence(client.send(&unknown).await), "Invalid argument");
}

#[tokio::test]
async fn a_login_nobody_asked_for_is_no_login() {
    let (sim, client) = session().await;
    let root = sim.base_url().strip_suffix("/api/v2").unwrap().to_owned();
    assert_eq!(open(&format!("{root}/login/00000000000000000000000000000000")).await.status, 403);
    sentence(client.send(&ReadConnection { brokerage: Connection::Alpaca }).await);
}
