//! The data market: one synthetic data set, its files, their prices, and links that are paid from credit.

use qc_api::endpoints::connections::Secret;
use qc_api::endpoints::data::{
    DataFiles, DataLink, DataPrice, DataPrices, Dataset, DatasetTag, DatasetsReply, ListData, ListDatasets,
    ListModules, ModuleFiles, ModuleLink, ReadData, ReadDataPrices, ReadModule,
};
use serde_json::json;

use crate::refuse::{self, Answer};
use crate::world::{Call, Purchase, World};

/// Number of the one data set.
const DATASET: i64 = 1;
/// Whose data it is, said so that nobody takes a price for an observation.
const VENDOR: &str = "Simulator (synthetic prices)";
/// What files cost in QCC, by folder; the first that fits counts. The figures are invented.
const PRICES: [(&str, f64); 5] = [
    ("equity/usa/map_files", 0.0),
    ("equity/usa/factor_files", 0.0),
    ("equity/usa/daily", 1.0),
    ("equity/usa/hour", 5.0),
    ("equity", 5.0),
];
/// Folders a listing must at least name.
const DEPTH: usize = 3;

/// Files whose path begins so, without the first folder of the path. As at the real service, an unknown beginning is
/// answered by an HTTP 500 without a word.
pub(crate) fn list(_: &mut World, call: &Call<'_>, request: ListData) -> Answer<DataFiles> {
    let prefix = request.file_path.trim_start_matches('/');
    if prefix.split('/').filter(|step| !step.is_empty()).count() < DEPTH {
        return Err(refuse::invalid_argument());
    }
    let without_first = |path: &str| path.split_once('/').map_or(path, |(_, rest)| rest).to_owned();
    let objects: Vec<String> = call.shelf.beginning_with(prefix).map(without_first).collect();
    if objects.is_empty() { Err(refuse::wordless()) } else { Ok(DataFiles { objects }) }
}

pub(crate) fn prices(world: &mut World, call: &Call<'_>, request: ReadDataPrices) -> Answer<DataPrices> {
    world.organization(call, Some(request.organization_id.as_str()))?;
    let price = |(folder, price): (&str, f64)| DataPrice {
        vendor_name: VENDOR.to_owned(),
        regex: format!("/^{}\\/.*/m", folder.replace('/', "\\/")),
        price: Some(price),
        kind: Some("Trade".to_owned()),
        subscribed: Some(price == 0.0),
        product_id: Some(DATASET),
        paths: vec![format!("{folder}/")],
    };
    let about = json!({ "name": "Synthetic US Equities", "requirements": {}, "options": [], "paths": [] });
    Ok(DataPrices {
        prices: PRICES.map(price).into(),
        datasources: [(DATASET.to_string(), about)].into_iter().collect(),
        agreement: Some(format!("{}/agreement", call.root)),
    })
}

/// Buys a file. Each organization pays for a file once.
pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadData) -> Answer<DataLink> {
    if request.format != "link" {
        return Err(refuse::invalid_argument());
    }
    let organization = world.organization(call, Some(request.organization_id.as_str()))?.id.clone();
    let path = request.file_path.trim_start_matches('/').to_owned();
    let price = price_of(&path).filter(|_| call.shelf.has(&path)).ok_or_else(|| refuse::data_not_found(&path))?;
    let bought = world.purchases.values().any(|old| old.organization == organization && old.path == path);
    let cost = if bought { 0.0 } else { price };
    let payer = world.organization_mut(call, &organization)?;
    if 0.0 < cost {
        payer.spend(call.now, cost, format!("Data file {path}"))?;
    }
    let balance = payer.credit;
    let token = world.draw_id();
    let link = Secret::from(format!("{}/data/{token}", call.root).as_str());
    world.purchases.insert(token, Purchase { organization, path });
    Ok(DataLink { link, balance: Some(balance), cost: Some(cost) })
}

pub(crate) fn datasets(_: &mut World, _: &Call<'_>, _: ListDatasets) -> Answer<DatasetsReply> {
    let dataset = Dataset {
        id: Some(DATASET),
        name: "Synthetic US Equities".to_owned(),
        delivery: Some("cloud & download".to_owned()),
        vendor_name: Some(VENDOR.to_owned()),
        tags: vec![DatasetTag { name: "Synthetic".to_owned() }],
        pending: false,
    };
    Ok(DatasetsReply { list: vec![dataset] })
}

/// No organization of the simulator has bought a module, so that none has files.
pub(crate) fn modules(world: &mut World, call: &Call<'_>, request: ListModules) -> Answer<ModuleFiles> {
    world.organization(call, Some(request.organization_id.as_str()))?;
    Ok(ModuleFiles::default())
}

/// See [`modules`].
pub(crate) fn module(world: &mut World, call: &Call<'_>, request: ReadModule) -> Answer<ModuleLink> {
    world.organization(call, Some(request.organization_id.as_str()))?;
    Err(refuse::module_not_bought(request.product_id))
}

fn price_of(path: &str) -> Option<f64> {
    let inside = |folder: &str| path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'));
    PRICES.iter().find(|(folder, _)| inside(folder)).map(|(_, price)| *price)
}
