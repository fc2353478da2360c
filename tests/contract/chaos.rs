//! Ten thousand mixed requests while every fault strikes: no create is lost, doubled or misreported, and the journal
//! proves it. [`reconcile`] is the proof, and is shown to fail on doctored records and on a client that sends twice.

mod reconcile;
mod run;

use std::collections::{BTreeMap, BTreeSet};

use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::data::ReadData;
use qc_api::endpoints::optimizations::CreateOptimization;
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::{Effect, Endpoint, EndpointInfo, Error, endpoints};
use qc_sim::{Fault, Sim};
use serde_json::{Value, json};

use self::reconcile::{Attempt, Record, Thing, Verdict, assert_falls, reconcile};
use self::run::{Chaos, OPTIMIZATION_QCC, faults};

const REQUESTS: usize = 10_000;

#[tokio::test]
async fn ten_thousand_requests_under_every_fault_lose_double_and_misreport_no_create() {
    let begun = std::time::Instant::now();
    let mut chaos = Chaos::start().await;
    let mut requests = 0;
    while requests < REQUESTS {
        chaos.step().await;
        requests = chaos.sim.journal().len();
    }
    let (record, sim, client) = chaos.take_stock().await;

    let struck: BTreeMap<&str, usize> =
        record.journal.iter().filter_map(|entry| entry.fault).fold(BTreeMap::new(), |mut counted, name| {
            *counted.entry(name).or_default() += 1;
            counted
        });
    for fault in faults() {
        assert!(20 < struck.get(fault.name()).copied().unwrap_or_default(), "{} struck too seldom", fault.name());
    }
    let figures = reconcile(&record).unwrap_or_else(|wrong| panic!("{} wrong:\n{}", wrong.len(), wrong.join("\n")));
    println!(
        "{requests} requests, {} creates in {:?}: {figures:?}\n{struck:?}",
        record.attempts.len(),
        begun.elapsed()
    );
    // No create is left out.
    for info in endpoints().filter(|info| info.effect == Effect::Create) {
        let asked = record.attempts.iter().filter(|attempt| attempt.path == info.path).count();
        assert!(20 < asked, "{} was asked for {asked} times", info.path);
    }
    // Each kind of end has been seen, so that the proof has something to say about each.
    assert!(1000 < figures.made && 200 < figures.refused && 200 < figures.maybe, "{figures:?}");
    assert!(50 < figures.maybe_done && figures.maybe_done < figures.maybe, "{figures:?}");

    // No money was spent twice either.
    let done = |path: &str| -> usize {
        record.journal.iter().filter(|entry| entry.path == path).map(|entry| entry.done).sum()
    };
    let bought: BTreeSet<&str> = record
        .journal
        .iter()
        .filter(|entry| entry.path == ReadData::PATH && 0 < entry.done)
        .filter_map(|entry| entry.body["filePath"].as_str())
        .collect();
    let spent = OPTIMIZATION_QCC * done(CreateOptimization::PATH) as f64 + bought.len() as f64;
    let balance = client.send(&ReadAccount::default()).await.unwrap().credit_balance.unwrap();
    assert!((10_000.0 - balance - spent).abs() < 1e-6, "balance {balance}, spent {spent}");
    drop(sim);

    // The same record, doctored, is not believed.
    assert_falls(&record);
}

#[tokio::test]
async fn a_client_that_sends_a_create_again_is_caught() {
    let sim = Sim::start().await.unwrap();
    let client = sim.client().unwrap();
    // The real client, told that this create may be repeated.
    let mut careless = EndpointInfo::of::<CreateProject>();
    careless.repeatable = true;
    careless.effect = Effect::Update;
    for (info, ends_well) in [(EndpointInfo::of::<CreateProject>(), true), (careless, false)] {
        sim.journal().clear();
        let name = format!("careless-{ends_well}");
        sim.faults().once(CreateProject::PATH, Fault::ServerErrorAfter);
        let answer: qc_api::Result<Value> = client.send_raw(&info, &json!({ "name": name, "language": "Py" })).await;
        let id = |answer: Value| answer["projects"][0]["projectId"].to_string();
        let verdict = match answer {
            Ok(answer) => Verdict::Made(Some(id(answer))),
            Err(Error::MaybeCreated { .. }) => Verdict::Maybe(None),
            Err(_) => Verdict::Refused,
        };
        let journal = sim.journal().entries();
        let sent = 0..journal.len();
        let listed = client.send(&ReadProjects::default()).await.unwrap().projects.into_iter();
        let things = listed.filter(|project| project.name.starts_with(&name)).map(|project| Thing {
            path: CreateProject::PATH,
            marker: name.clone(),
            id: project.project_id.to_string(),
        });
        let record = Record {
            things: things.collect(),
            attempts: vec![Attempt { path: CreateProject::PATH, marker: name.clone(), verdict, sent }],
            journal,
            listed: BTreeSet::from([CreateProject::PATH]),
        };
        let judged = reconcile(&record);
        assert_eq!(judged.is_ok(), ends_well, "{judged:?}");
        if let Err(wrong) = judged {
            assert!(wrong.iter().any(|sentence| sentence.starts_with("doubled")), "{wrong:?}");
        }
    }
}
