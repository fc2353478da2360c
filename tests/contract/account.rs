//! Signing in, and whose account it is.

use jiff::SignedDuration;
use qc_api::endpoints::account::{Authenticate, ReadAccount, ReadUser};
use qc_api::endpoints::organizations::ReadOrganization;
use qc_api::{Client, Config, Credentials, Error};
use qc_sim::{AuthFailure, Sim, SimOptions, seed};

use crate::session;

fn stranger(sim: &Sim, user: &str, token: &str) -> Client {
    let mut config = Config::new(Credentials::new(user, token).unwrap());
    config.base_url = sim.base_url().to_owned();
    config.clock = sim.clock();
    Client::new(config).unwrap()
}

#[tokio::test]
async fn the_right_token_signs_in_and_reads_the_account() {
    let (sim, client) = session().await;
    client.send(&Authenticate {}).await.unwrap();
    let account = client.send(&ReadAccount::default()).await.unwrap();
    assert_eq!(account.organization_id.as_str(), seed::ORGANIZATION_ID);
    assert_eq!(account.credit_balance, Some(10_000.0));
    assert!(sim.journal().entries().iter().all(qc_sim::Entry::is_authenticated));
}

#[tokio::test]
async fn a_user_has_a_name_that_others_see_too() {
    let (_sim, client) = session().await;
    let user = client.send(&ReadUser::default()).await.unwrap().user;
    let organization = client.send(&ReadOrganization { organization_id: None }).await.unwrap().organization;
    assert_eq!((user.name.as_str(), user.badge), (organization.members[0].name.as_str(), None));
    assert!(user.profile.unwrap().starts_with("https://www.quantconnect.com/u/"));
    let foreign = ReadUser { organization_id: Some(seed::COLLABORATOR_ORGANIZATION_ID.into()) };
    assert!(client.send(&foreign).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_from_other_refusals_however_the_service_says_it() {
    for failure in [AuthFailure::Sentence, AuthFailure::Unauthorized] {
        let sim = Sim::start_with(SimOptions { auth_failure: failure, ..SimOptions::default() }).await.unwrap();
        let user = seed::USER_ID.to_string();
        for client in [stranger(&sim, &user, "not-the-token"), stranger(&sim, "77", seed::TOKEN)] {
            let error = client.send(&Authenticate {}).await.unwrap_err();
            assert!(error.is_auth(), "{failure:?}: {error:?}");
        }
        assert!(sim.journal().entries().iter().all(|entry| !entry.reached && !entry.is_authenticated()));
    }
}

#[tokio::test]
async fn wrong_credentials_may_be_answered_without_a_word() {
    let options = SimOptions { auth_failure: AuthFailure::ServerError, ..SimOptions::default() };
    let sim = Sim::start_with(options).await.unwrap();
    let wrong = stranger(&sim, "77", seed::TOKEN);
    assert!(matches!(wrong.send(&Authenticate {}).await.unwrap_err(), Error::Status { status: 500, .. }));
    assert!(sim.journal().entries().iter().all(|entry| !entry.reached && !entry.is_authenticated()));
    sim.client().unwrap().send(&Authenticate {}).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_differs_is_measured_and_the_request_signed_again() {
    let (sim, client) = session().await;
    sim.faults().skew_clock(SignedDuration::from_hours(3));
    client.send(&ReadAccount::default()).await.unwrap();
    let entries = sim.journal().entries();
    assert_eq!(entries.iter().map(qc_sim::Entry::is_authenticated).collect::<Vec<_>>(), [false, true]);
    let skew = client.clock_skew().unwrap().as_secs();
    assert!((skew - 3 * 3600).abs() <= 1, "{skew}");
}

#[tokio::test]
async fn a_foreign_organization_is_not_shown() {
    let (_sim, client) = session().await;
    let request = ReadAccount { organization_id: Some(" ".into()) };
    assert!(matches!(client.send(&request).await, Err(Error::Refused { .. })));
}
