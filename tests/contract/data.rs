//! The data market: what there is, what it costs, and files that are paid once.

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::data::{ListData, ListDatasets, ListModules, ReadData, ReadDataPrices, ReadModule};
use qc_api::endpoints::organizations::ReadOrganization;
use qc_api::{Client, Error};
use qc_sim::{Sim, SimOptions, seed};

use crate::by_hand::open;
use crate::{sentence, session};

const KO: &str = "equity/usa/daily/ko.zip";

async fn balance(client: &Client) -> f64 {
    client.send(&ReadAccount::default()).await.unwrap().credit_balance.unwrap()
}

#[tokio::test]
async fn a_file_is_listed_priced_bought_once_and_downloaded() {
    let (_sim, client) = session().await;
    let files = client.send(&ListData { file_path: "equity/usa/daily/k".into() }).await.unwrap().objects;
    // The first folder of the path is left out.
    assert!(files.contains(&"usa/daily/ko.zip".to_owned()), "{files:?}");
    let prices = ReadDataPrices { organization_id: seed::ORGANIZATION_ID.into() };
    let prices = client.send(&prices).await.unwrap();
    let daily = prices.prices.iter().find(|price| price.pattern().starts_with("^equity\\/usa\\/daily")).unwrap();
    assert!(prices.agreement.is_some() && !prices.datasources.is_empty());

    let before = balance(&client).await;
    let request = ReadData::link(KO, seed::ORGANIZATION_ID);
    let bought = client.send(&request).await.unwrap();
    assert_eq!((bought.cost, bought.balance), (daily.price, Some(before - daily.price.unwrap())));
    assert_eq!(Some(balance(&client).await), bought.balance);
    let again = client.send(&request).await.unwrap();
    assert_eq!((again.cost, again.balance), (Some(0.0), bought.balance));
    let read = ReadOrganization { organization_id: None };
    let movements = client.send(&read).await.unwrap().organization.credit.unwrap().movements;
    assert_eq!((movements.len(), movements[0].amount), (1, daily.price.map(|price| -price)));

    let file = open(bought.link.expose()).await;
    assert_eq!((file.status, &file.body[..2]), (200, &b"PK"[..]));
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body)).unwrap();
    let rows = std::io::read_to_string(zip.by_index(0).unwrap()).unwrap();
    assert!(2000 < rows.lines().count(), "{} rows", rows.lines().count());
    assert_eq!(open(&bought.link.expose().replace("/data/", "/data/0")).await.status, 403);
    let agreement = open(prices.agreement.as_ref().unwrap()).await;
    assert!(agreement.status == 200 && agreement.text().contains("Synthetic"));
}

#[tokio::test]
async fn the_folder_on_disk_is_the_one_that_is_sold() {
    let home = tempfile::tempdir().unwrap();
    let folder = qc_sim::FolderMode::At(home.path().to_owned());
    let sim = Sim::start_with(SimOptions { folder, ..SimOptions::default() }).await.unwrap();
    let bought = sim.client().unwrap().send(&ReadData::link(KO, seed::ORGANIZATION_ID)).await.unwrap();
    assert_eq!(open(bought.link.expose()).await.body, std::fs::read(home.path().join(KO)).unwrap());
}

#[tokio::test]
async fn what_is_not_for_sale_is_refused_and_costs_nothing() {
    let (sim, client) = session().await;
    // An unknown beginning is answered by an HTTP 500 without a word, and not asked again.
    let unknown = client.send(&ListData { file_path: "equity/usa/daily/nosuch".into() }).await.unwrap_err();
    assert!(matches!(unknown, Error::Status { status: 500, .. }), "{unknown:?}");
    assert_eq!(sim.journal().of("data/list").len(), 1);
    sentence(client.send(&ListData { file_path: "equity/usa".into() }).await);
    for path in ["equity/usa/daily/nosuch.zip", "../../etc/passwd", "equity/usa/daily/../daily/ko.zip", ""] {
        assert!(client.send(&ReadData::link(path, seed::ORGANIZATION_ID)).await.unwrap_err().is_not_found(), "{path}");
    }
    let wrong = ReadData { format: "csv".into(), ..ReadData::link(KO, seed::ORGANIZATION_ID) };
    assert_eq!(sentence(client.send(&wrong).await), "Invalid argument");
    sentence(client.send(&ReadData::link(KO, seed::COLLABORATOR_ORGANIZATION_ID)).await);
    assert_eq!(balance(&client).await, 10_000.0);
    // The second account has no credit at all: map files are free, prices are not.
    let poor = crate::second_client(&sim);
    let free = ReadData::link("equity/usa/map_files/ko.csv", seed::COLLABORATOR_ORGANIZATION_ID);
    assert_eq!(poor.send(&free).await.unwrap().cost, Some(0.0));
    let dear = ReadData::link(KO, seed::COLLABORATOR_ORGANIZATION_ID);
    assert!(sentence(poor.send(&dear).await).contains("Not enough credit"));
}

#[tokio::test]
async fn the_market_place_says_what_is_synthetic_and_nobody_owns_modules() {
    let (_sim, client) = session().await;
    let list = client.send(&ListDatasets {}).await.unwrap().list;
    assert!(list.iter().all(|dataset| dataset.vendor_name.as_ref().unwrap().contains("synthetic")), "{list:?}");
    let organization_id = || seed::ORGANIZATION_ID.into();
    let modules = ListModules { product_id: 1, organization_id: organization_id() };
    assert!(client.send(&modules).await.unwrap().files.is_empty());
    let module = ReadModule { product_id: 1, organization_id: organization_id(), file_name: "x".into() };
    assert!(sentence(client.send(&module).await).contains("does not own"));
    let foreign = ListModules { organization_id: " ".into(), ..modules };
    sentence(client.send(&foreign).await);
}
