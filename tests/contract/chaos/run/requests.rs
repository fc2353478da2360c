//! What is asked: creates, reads, changes, deletes, each of things that may or may not be there.

use qc_api::Endpoint;
use qc_api::endpoints::account::ReadAccount;
use qc_api::endpoints::backtests::{
    CreateBacktest, DeleteBacktest, ListBacktests, ReadBacktest, ReadBacktestOrders, UpdateBacktestTags,
};
use qc_api::endpoints::community::{CreateDataIssue, DataFaults};
use qc_api::endpoints::compile::ReadCompile;
use qc_api::endpoints::files::{CreateFile, DeleteFile, ReadFiles, UpdateFileContent};
use qc_api::endpoints::lean::ReadLeanVersions;
use qc_api::endpoints::live::{CreateLive, LiquidateLive, ListLive, StopLive};
use qc_api::endpoints::object_store::{ListObjects, SetObject};
use qc_api::endpoints::optimizations::{CreateOptimization, DeleteOptimization, GRID_SEARCH};
use qc_api::endpoints::projects::{ReadProjects, UpdateProject};
use qc_api::ids::{BacktestId, CompileId, ProjectId};
use qc_api::lookup::LookUp;
use qc_api::model::{OptimizationNode, OptimizationParameter, OptimizationTarget, TargetDirection};
use qc_sim::seed;

use super::Chaos;
use crate::chaos::reconcile::{Attempt, Verdict};

impl Chaos {
    pub(super) async fn create_file(&mut self) {
        // One in eight is there already.
        let again =
            if self.below(8) == 0 && !self.files.is_empty() { Some(self.below(self.files.len())) } else { None };
        let (project_id, name) = match again.map(|at| self.files[at].clone()) {
            Some(known) => known,
            None => (self.project(), format!("{}.py", self.name("file"))),
        };
        let request =
            CreateFile { project_id, name: name.clone(), content: Some("# chaos\n".into()), ..CreateFile::default() };
        let marker = format!("{project_id}/{name}");
        if again.is_some() {
            // What is there cannot be told from what a lost answer may have made.
            self.create(marker, &request, |_| None).await;
            return;
        }
        let id = marker.clone();
        self.create_found(
            marker.clone(),
            &request,
            |_| Some(id.clone()),
            |found| format!("{project_id}/{}", found.name),
        )
        .await;
        if let Some(Attempt { verdict: Verdict::Made(_), .. }) = self.record.attempts.last() {
            self.files.push((project_id, name));
        }
    }

    /// A compile and the project it belongs to: mostly one that has had time to build.
    pub(super) fn compile(&mut self) -> Option<(ProjectId, CompileId)> {
        let at = self.below(self.compiles.len().max(1));
        self.compiles.get(at).cloned()
    }

    pub(super) async fn create_backtest(&mut self) {
        let Some((project_id, compile_id)) = self.compile() else { return };
        let name = self.name("backtest");
        let request =
            CreateBacktest { project_id, compile_id, backtest_name: name.clone(), ..CreateBacktest::default() };
        let id = |reply: &<CreateBacktest as Endpoint>::Reply| Some(reply.backtest.backtest_id.to_string());
        self.create_found(name, &request, id, |found| found.backtest_id.to_string()).await;
        if let Some(Attempt { verdict: Verdict::Made(Some(id)), .. }) = self.record.attempts.last() {
            self.backtests.push((project_id, id.as_str().into()));
        }
    }

    pub(super) async fn create_optimization(&mut self) {
        let Some((project_id, compile_id)) = self.compile() else { return };
        let name = self.name("optimization");
        let request = CreateOptimization {
            project_id,
            name: name.clone(),
            target: OptimizationTarget::SharpeRatio,
            target_to: TargetDirection::Max,
            target_value: None,
            strategy: GRID_SEARCH.into(),
            compile_id,
            parameters: vec![OptimizationParameter::range("fast", 1.0, 2.0, 1.0).unwrap()],
            constraints: Vec::new(),
            estimated_cost: 0.02,
            node_type: OptimizationNode::O2_8,
            parallel_nodes: 1,
        };
        let id =
            |reply: &<CreateOptimization as Endpoint>::Reply| Some(reply.optimizations[0].optimization_id.to_string());
        self.create_found(name, &request, id, |found| found.optimization_id.to_string()).await;
    }

    pub(super) async fn create_live(&mut self) {
        let Some((project_id, compile_id)) = self.compile() else { return };
        let request = CreateLive {
            version_id: (-1).into(),
            project_id,
            compile_id,
            node_id: self.node.clone(),
            brokerage: qc_api::brokerage::Brokerage::paper(),
            data_providers: Default::default(),
            automatic_redeploy: None,
            notification: None,
            parameters: Default::default(),
            signature: None,
        };
        let id = |reply: &<CreateLive as Endpoint>::Reply| reply.deployment().map(ToString::to_string);
        let found = |found: &<CreateLive as LookUp>::Found| found.deploy_id.as_ref().unwrap().to_string();
        self.create_found(project_id.to_string(), &request, id, found).await;
    }

    pub(super) async fn create_issue(&mut self) {
        let ticker = self.name("TICKER");
        let request = CreateDataIssue {
            ticker: ticker.clone(),
            security: "Equity".into(),
            market: "usa".into(),
            resolution: "Daily".into(),
            from_date: "2024-01-02".into(),
            to_date: "2024-01-31".into(),
            faults: DataFaults { missing_points: true, ..DataFaults::default() },
            content: "<p>chaos</p>".into(),
            ..CreateDataIssue::default()
        };
        self.create(ticker, &request, |reply| reply.discussion_id.map(|id| id.to_string())).await;
    }

    pub(super) async fn read(&mut self) {
        let project_id = self.project();
        match self.below(8) {
            0 => self.other(ReadAccount::default()).await,
            1 => {
                let start = self.below(40) as i64;
                let page = ReadProjects { start: Some(start), end: Some(start + 5), ..ReadProjects::default() };
                self.other(page).await;
            }
            2 => self.other(ReadFiles { project_id, ..ReadFiles::default() }).await,
            3 => {
                let project_id = self.workshop();
                self.other(ListBacktests { project_id, include_statistics: None }).await;
            }
            4 => {
                if let Some((project_id, backtest_id)) = self.known_backtest() {
                    self.other(ReadBacktest { project_id, backtest_id: backtest_id.clone() }).await;
                    self.other(ReadBacktestOrders { project_id, backtest_id, start: 0, end: 100 }).await;
                }
            }
            5 => self.other(ListLive::default()).await,
            6 => self.other(ReadLeanVersions {}).await,
            _ => {
                if let Some((project_id, compile_id)) = self.compile() {
                    self.other(ReadCompile { project_id, compile_id }).await;
                }
            }
        }
    }

    pub(super) async fn change(&mut self) {
        match self.below(6) {
            0 | 1 => {
                if !self.files.is_empty() {
                    let at = self.below(self.files.len());
                    let (project_id, name) = self.files[at].clone();
                    let content = format!("# changed {}\n", self.next);
                    self.other(UpdateFileContent { project_id, name, content, ..Default::default() }).await;
                }
            }
            2 => {
                let project_id = self.project();
                let description = Some(format!("step {}", self.next));
                self.other(UpdateProject { project_id, description, ..UpdateProject::default() }).await;
            }
            3 => {
                let key = format!("chaos/{}", self.below(5));
                let data = vec![b'x'; 64];
                let organization_id = seed::ORGANIZATION_ID.into();
                self.other(SetObject { organization_id, key, data }).await;
            }
            4 => {
                if let Some((project_id, backtest_id)) = self.known_backtest() {
                    let tags = vec!["chaos".to_owned()];
                    self.other(UpdateBacktestTags { project_id, backtest_id, tags }).await;
                }
            }
            _ => {
                let organization_id = seed::ORGANIZATION_ID.into();
                self.other(ListObjects { organization_id, path: None, page: None }).await;
            }
        }
    }

    pub(super) async fn delete(&mut self) {
        match self.below(5) {
            0 if !self.files.is_empty() => {
                let at = self.below(self.files.len());
                let (project_id, name) = self.files.swap_remove(at);
                self.other(DeleteFile { project_id, name, ..DeleteFile::default() }).await;
            }
            1 => {
                if let Some((project_id, backtest_id)) = self.known_backtest() {
                    self.other(DeleteBacktest { project_id, backtest_id }).await;
                }
            }
            2 => {
                if let Some(id) = self.known("optimizations/create") {
                    self.other(DeleteOptimization { optimization_id: id.as_str().into() }).await;
                }
            }
            3 => {
                let project_id = self.workshop();
                self.other(StopLive { project_id }).await;
            }
            _ => {
                let project_id = self.workshop();
                self.other(LiquidateLive { project_id }).await;
            }
        }
    }

    /// The id of something made by an earlier create of this path.
    pub(super) fn known(&mut self, path: &str) -> Option<String> {
        let at = self.below(self.record.attempts.len().max(1));
        let newer = self.record.attempts.iter().skip(at);
        let mut known = newer.filter(|attempt| attempt.path == path);
        known.find_map(|attempt| match &attempt.verdict {
            Verdict::Made(Some(id)) => Some(id.clone()),
            _ => None,
        })
    }

    pub(super) fn known_backtest(&mut self) -> Option<(ProjectId, BacktestId)> {
        let at = self.below(self.backtests.len().max(1));
        self.backtests.get(at).cloned()
    }
}
