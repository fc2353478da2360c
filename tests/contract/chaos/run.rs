//! The run: what is asked, when something goes wrong, and what the caller made of each answer.

mod requests;

use std::time::Duration;

use jiff::SignedDuration;
use qc_api::endpoints::backtests::{CreateBacktest, ListBacktests};
use qc_api::endpoints::collaboration::CreateCollaborator;
use qc_api::endpoints::community::{CreateDataIssue, ListDataIssues};
use qc_api::endpoints::compile::CreateCompile;
use qc_api::endpoints::data::{ListData, ReadData};
use qc_api::endpoints::files::{CreateFile, ReadFiles};
use qc_api::endpoints::live::{CreateLive, ListLive};
use qc_api::endpoints::live_commands::{BroadcastLiveCommand, CreateLiveCommand};
use qc_api::endpoints::nodes::ReadNodes;
use qc_api::endpoints::object_store::StartDownload;
use qc_api::endpoints::optimizations::{CreateOptimization, ListOptimizations};
use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::ids::{BacktestId, CompileId, NodeId, ProjectId};
use qc_api::lookup::LookUp;
use qc_api::model::Language;
use qc_api::{Client, Clock, Config, Effect, Endpoint};
use qc_sim::{Fault, Sim, SimOptions, Tier, seed};
use rand::{Rng, RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use serde_json::json;

use super::reconcile::{Attempt, Record, Thing, Verdict};
use crate::{algorithm, project_with};

const SEED: u64 = 20_260_105;
/// Projects that compile, run and trade; all others only come into being.
const WORKSHOPS: usize = 12;
/// What one optimization of the run costs: two hundredths of a dollar, in QCC.
pub(super) const OPTIMIZATION_QCC: f64 = 2.0;

/// A run in progress.
pub(super) struct Chaos {
    pub(super) sim: Sim,
    client: Client,
    /// A client that soon gives up.
    hasty: Client,
    random: Xoshiro256PlusPlus,
    record: Record,
    workshops: Vec<ProjectId>,
    projects: Vec<ProjectId>,
    compiles: Vec<(ProjectId, CompileId)>,
    files: Vec<(ProjectId, String)>,
    backtests: Vec<(ProjectId, BacktestId)>,
    node: NodeId,
    to_buy: Vec<String>,
    next: usize,
}

impl Chaos {
    pub(super) async fn start() -> Self {
        let options = SimOptions { tier: Tier::Institution, ..SimOptions::default() };
        let sim = Sim::start_with(options).await.unwrap();
        let config = || {
            let mut config = Config::new(sim.credentials().unwrap());
            config.base_url = sim.base_url().to_owned();
            config.clock = sim.clock();
            // Waits of no length, so that virtual time does not depend on the client's own dice.
            config.retry.base = Duration::ZERO;
            config
        };
        let client = Client::new(config()).unwrap();
        let mut soon = config();
        soon.timeout = Some(Duration::from_millis(150));
        let hasty = Client::new(soon).unwrap();
        let code = algorithm(&[
            "self.set_start_date(2024, 1, 2)",
            "self.set_end_date(2024, 1, 12)",
            "self.add_equity(\"KO\")",
        ]);
        let mut workshops = Vec::new();
        for number in 0..WORKSHOPS {
            workshops.push(project_with(&client, &format!("Workshop {number}w"), &code).await);
        }
        let nodes = client.send(&ReadNodes { organization_id: seed::ORGANIZATION_ID.into() }).await.unwrap();
        let to_buy = client.send(&ListData { file_path: "equity/usa/daily/".into() }).await.unwrap().objects;
        sim.journal().clear();
        Self {
            node: nodes.free_live().unwrap().id.clone(),
            to_buy: to_buy.into_iter().map(|path| format!("equity/{path}")).collect(),
            sim,
            client,
            hasty,
            random: Xoshiro256PlusPlus::seed_from_u64(SEED),
            record: Record::default(),
            projects: workshops.clone(),
            workshops,
            compiles: Vec::new(),
            files: Vec::new(),
            backtests: Vec::new(),
            next: 0,
        }
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.random.next_u64() % end as u64).unwrap()
    }

    fn workshop(&mut self) -> ProjectId {
        let at = self.below(self.workshops.len());
        self.workshops[at]
    }

    fn project(&mut self) -> ProjectId {
        let at = self.below(self.projects.len());
        self.projects[at]
    }

    /// A name nobody has used yet.
    fn name(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}-{}", self.next)
    }

    /// Lets something go wrong, now and then, for the next request to `path` or for the next ones whatever they are.
    ///
    /// Gives the client to send with, and whether it is the one that gives up.
    fn trouble(&mut self, path: &str) -> (Client, bool) {
        let skew = match self.below(150) {
            0 => Some(SignedDuration::from_hours(3)),
            1 => Some(SignedDuration::from_hours(-5)),
            2 | 3 => Some(SignedDuration::ZERO),
            _ => None,
        };
        if let Some(skew) = skew {
            self.sim.faults().skew_clock(skew);
        }
        if self.random.random_bool(0.35) {
            let faults = faults();
            let fault = faults[self.below(faults.len())].clone();
            if self.random.random_bool(0.2) {
                let times = 1 + self.below(3);
                self.sim.faults().anywhere(fault, times);
            } else {
                self.sim.faults().once(path, fault);
            }
        } else if self.random.random_bool(0.004) {
            // Longer than the hasty client waits.
            self.sim.faults().once(path, Fault::Slow(Duration::from_millis(300)));
            return (self.hasty.clone(), true);
        }
        (self.client.clone(), false)
    }

    /// Waits until a request whose sender may have hung up is on record, or will never be.
    ///
    /// When this process stalls the client may give up before the simulator has read the request. Both share a thread
    /// and a machine: what was sent is read within a few turns of the runtime, however long each takes; hence turns are
    /// counted, and not time.
    async fn settle(&self, before: usize) {
        let (mut seen, mut quiet) = (self.sim.journal().len(), 0);
        for _ in 0..100 {
            if before < seen && 5 <= quiet {
                return;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
            let now = self.sim.journal().len();
            quiet = if now == seen { quiet + 1 } else { 0 };
            seen = now;
        }
    }

    /// Sends what does not create; its fate does not matter, only that it is not sent twice when it deletes.
    async fn other<E: Endpoint>(&mut self, request: E) {
        let (client, is_hasty) = self.trouble(E::PATH);
        let before = self.sim.journal().len();
        let _ = client.send(&request).await;
        if is_hasty {
            self.settle(before).await;
        }
        let reached = self.sim.journal().since(before).iter().filter(|e| e.path == E::PATH && e.reached).count();
        assert!(E::EFFECT != Effect::Delete || reached <= 1, "{} was carried out {reached} times", E::PATH);
    }

    /// Sends a create and notes what it was said to have done.
    async fn create<E: Endpoint>(&mut self, marker: String, request: &E, id: impl Fn(&E::Reply) -> Option<String>) {
        let (client, is_hasty) = self.trouble(E::PATH);
        let before = self.sim.journal().len();
        let verdict = match client.send(request).await {
            Ok(reply) => Verdict::Made(id(&reply)),
            Err(error) if error.may_have_created() => Verdict::Maybe(None),
            Err(_) => Verdict::Refused,
        };
        if is_hasty {
            self.settle(before).await;
        }
        let sent = before..self.sim.journal().len();
        self.record.attempts.push(Attempt { path: E::PATH, marker, verdict, sent });
    }

    /// The same, and looks the thing up when its fate is unknown.
    async fn create_found<E: LookUp>(
        &mut self,
        marker: String,
        request: &E,
        id: impl Fn(&E::Reply) -> Option<String>,
        found: impl Fn(&E::Found) -> String,
    ) {
        let left = self.sim.clock().now();
        self.create(marker, request, id).await;
        let Some(Attempt { verdict: verdict @ Verdict::Maybe(None), .. }) = self.record.attempts.last_mut() else {
            return;
        };
        // A look that fails is repeated, as any caller would.
        for _ in 0..20 {
            if let Ok(listed) = self.client.send(&request.listing()).await {
                *verdict = Verdict::Maybe(Some(request.candidates(listed, left).iter().map(&found).collect()));
                return;
            }
        }
        panic!("{} could not be looked up", E::PATH);
    }

    pub(super) async fn step(&mut self) {
        let pause = 1 + self.below(20) as u64;
        self.sim.clock().advance(Duration::from_secs(pause));
        match self.below(100) {
            0..=2 => {
                let name = self.name("project");
                let request = CreateProject { name: name.clone(), language: Language::Python, organization_id: None };
                let id = |reply: &<CreateProject as Endpoint>::Reply| Some(reply.projects[0].project_id.to_string());
                self.create_found(name, &request, id, |found| found.project_id.to_string()).await;
                if let Some(Attempt { verdict: Verdict::Made(Some(id)), .. }) = self.record.attempts.last() {
                    self.projects.push(ProjectId(id.parse().unwrap()));
                }
            }
            3..=10 => self.create_file().await,
            11..=16 => {
                let project_id = self.workshop();
                let marker = self.name("compile");
                let id = |reply: &<CreateCompile as Endpoint>::Reply| Some(reply.compile_id.to_string());
                self.create(marker, &CreateCompile { project_id }, id).await;
                if let Some(Attempt { verdict: Verdict::Made(Some(id)), .. }) = self.record.attempts.last() {
                    self.compiles.push((project_id, id.as_str().into()));
                }
            }
            17..=24 => self.create_backtest().await,
            25 | 26 => self.create_optimization().await,
            27 | 28 => self.create_live().await,
            29 | 30 => {
                let request = CreateLiveCommand { project_id: self.workshop(), command: json!({ "buy": 1 }) };
                let marker = self.name("command");
                self.create(marker, &request, |_| None).await;
            }
            31 => {
                let request = BroadcastLiveCommand {
                    organization_id: seed::ORGANIZATION_ID.into(),
                    command: json!({ "all": true }),
                    exclude_project_id: None,
                };
                let marker = self.name("broadcast");
                self.create(marker, &request, |_| None).await;
            }
            32 => {
                let request = CreateCollaborator {
                    project_id: self.project(),
                    collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
                    collaboration_live_control: false,
                    collaboration_write: true,
                };
                let marker = self.name("invitation");
                self.create(marker, &request, |_| None).await;
            }
            33 => {
                let request =
                    StartDownload { organization_id: seed::ORGANIZATION_ID.into(), keys: vec!["chaos/0".into()] };
                let marker = self.name("download");
                self.create(marker, &request, |reply| Some(reply.job_id.clone())).await;
            }
            34 | 35 => self.create_issue().await,
            36 => {
                if let Some(path) = self.to_buy.pop() {
                    let request = ReadData::link(path.clone(), seed::ORGANIZATION_ID);
                    self.create(path, &request, |_| None).await;
                }
            }
            37..=60 => self.read().await,
            61..=90 => self.change().await,
            _ => self.delete().await,
        }
    }

    /// Lists everything that is there, with nothing in the way.
    pub(super) async fn take_stock(mut self) -> (Record, Sim, Client) {
        self.sim.faults().clear();
        let mut record = self.record;
        record.journal = self.sim.journal().entries();
        let client = self.client;
        let mut add = |path: &'static str, marker: String, id: String| {
            record.listed.insert(path);
            record.things.push(Thing { path, marker, id });
        };
        for project in client.send(&ReadProjects::default()).await.unwrap().projects {
            // A project that a proxy made twice has a number behind its name.
            let marker = project.name.split(' ').next().unwrap().to_owned();
            add(CreateProject::PATH, marker, project.project_id.to_string());
        }
        self.projects.dedup();
        for project_id in self.projects {
            for file in client.send(&ReadFiles { project_id, ..ReadFiles::default() }).await.unwrap().files {
                let id = format!("{project_id}/{}", file.name);
                add(CreateFile::PATH, id.clone(), id);
            }
        }
        for project_id in self.workshops {
            let list = ListBacktests { project_id, include_statistics: None };
            for backtest in client.send(&list).await.unwrap().backtests {
                add(CreateBacktest::PATH, backtest.name, backtest.backtest_id.to_string());
            }
            for found in client.send(&ListOptimizations { project_id }).await.unwrap().optimizations {
                add(CreateOptimization::PATH, found.name, found.optimization_id.to_string());
            }
        }
        for live in client.send(&ListLive::default()).await.unwrap().live {
            add(CreateLive::PATH, live.project_id.to_string(), live.deploy_id.unwrap().to_string());
        }
        let issues = ListDataIssues { end: Some(100_000), ..ListDataIssues::default() };
        for issue in client.send(&issues).await.unwrap().results {
            add(CreateDataIssue::PATH, issue.ticker, issue.discussion_id.unwrap().to_string());
        }
        (record, self.sim, client)
    }
}

/// One fault of each kind.
pub(super) fn faults() -> Vec<Fault> {
    vec![
        Fault::ServerError,
        Fault::ServerErrorAfter,
        Fault::RateLimited { retry_after: None },
        Fault::RateLimited { retry_after: Some(2) },
        Fault::HtmlPage,
        Fault::HtmlOk,
        Fault::Slow(Duration::from_millis(1)),
        Fault::Drip(Duration::ZERO),
        Fault::CutBody,
        Fault::Reset,
        Fault::ResetAfter,
        Fault::Duplicate,
        Fault::DuplicateAnswer,
        Fault::Redirect("https://elsewhere.example/".into()),
        Fault::Body(b"{\"unexpected\": 1}".to_vec()),
        Fault::Body(b"{\"success\": tr".to_vec()),
        Fault::Unauthorized,
        Fault::Refuse("Internal Error 21".into()),
    ]
}
