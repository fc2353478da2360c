//! After a lost answer: which of the things there now is the one that a creating request may have made?
//!
//! [`crate::Error::MaybeCreated`] leaves open whether something came into being. For requests whose results can be
//! listed, [`LookUp`] says what to read and which rows fit: same name, made no earlier than the request left.

use jiff::{SignedDuration, Timestamp};

use crate::endpoint::Endpoint;
use crate::endpoints::backtests::{BacktestsReply, CreateBacktest, ListBacktests};
use crate::endpoints::files::{CreateFile, FilesReply, ReadFiles};
use crate::endpoints::live::{CreateLive, ListLive, LiveListReply};
use crate::endpoints::optimizations::{CreateOptimization, ListOptimizations, OptimizationsReply};
use crate::endpoints::projects::{CreateProject, ProjectsReply, ReadProjects};
use crate::model::{BacktestSummary, LiveSummary, OptimizationSummary, Project, ProjectFile};

/// How much the service's clock may be behind ours: its moments are cut to the second, and clocks differ a little.
const TOLERANCE: SignedDuration = SignedDuration::from_secs(5);

/// A creating request whose result can be found again by reading.
///
/// ```no_run
/// use qc_api::Client;
/// use qc_api::endpoints::backtests::CreateBacktest;
/// use qc_api::lookup::LookUp;
///
/// # async fn example(client: Client, request: CreateBacktest) -> qc_api::Result<()> {
/// let left = client.clock().now();
/// match client.send(&request).await {
///     Err(error) if error.may_have_created() => {
///         let found = client.look_up(&request, left).await?;
///         assert!(found.len() <= 1, "several runs fit");
///     }
///     other => drop(other?),
/// }
/// # Ok(())
/// # }
/// ```
pub trait LookUp: Endpoint {
    /// The request that lists what this one makes.
    type Listing: Endpoint;
    /// What is found.
    type Found;
    /// The request that lists what this one makes.
    fn listing(&self) -> Self::Listing;
    /// The rows that this request, having left at `left`, may have made. None: it was not carried out, or not yet.
    fn candidates(&self, listed: <Self::Listing as Endpoint>::Reply, left: Timestamp) -> Vec<Self::Found>;
}

/// Whether something made at `made` may come from a request that left at `left`. An unknown moment may.
fn may_come_from(made: Option<Timestamp>, left: Timestamp) -> bool {
    made.is_none_or(|made| left <= made.saturating_add(TOLERANCE).unwrap_or(made))
}

impl LookUp for CreateBacktest {
    type Listing = ListBacktests;
    type Found = BacktestSummary;
    fn listing(&self) -> ListBacktests {
        ListBacktests { project_id: self.project_id, include_statistics: Some(false) }
    }
    fn candidates(&self, listed: BacktestsReply, left: Timestamp) -> Vec<BacktestSummary> {
        let fits = |row: &BacktestSummary| row.name == self.backtest_name && may_come_from(row.created, left);
        listed.backtests.into_iter().filter(fits).collect()
    }
}

impl LookUp for CreateProject {
    type Listing = ReadProjects;
    type Found = Project;
    fn listing(&self) -> ReadProjects {
        ReadProjects { organization_id: self.organization_id.clone(), ..ReadProjects::default() }
    }
    fn candidates(&self, listed: ProjectsReply, left: Timestamp) -> Vec<Project> {
        let wanted = self.name.trim_start_matches('/');
        let fits = |row: &Project| {
            // A taken name gets a number appended.
            let rest = row.name.trim_start_matches('/').strip_prefix(wanted);
            let named = rest.is_some_and(|rest| rest.trim().bytes().all(|byte| byte.is_ascii_digit()));
            named && may_come_from(row.created, left)
        };
        listed.projects.into_iter().filter(fits).collect()
    }
}

impl LookUp for CreateFile {
    type Listing = ReadFiles;
    type Found = ProjectFile;
    fn listing(&self) -> ReadFiles {
        ReadFiles { project_id: self.project_id, ..ReadFiles::default() } // one missing file would be a refusal
    }
    fn candidates(&self, listed: FilesReply, left: Timestamp) -> Vec<ProjectFile> {
        let fits = |row: &ProjectFile| row.name == self.name && !row.is_library && may_come_from(row.modified, left);
        listed.files.into_iter().filter(fits).collect()
    }
}

impl LookUp for CreateOptimization {
    type Listing = ListOptimizations;
    type Found = OptimizationSummary;
    fn listing(&self) -> ListOptimizations {
        ListOptimizations { project_id: self.project_id }
    }
    fn candidates(&self, listed: OptimizationsReply, left: Timestamp) -> Vec<OptimizationSummary> {
        let fits = |row: &OptimizationSummary| row.name == self.name && may_come_from(row.created, left);
        listed.optimizations.into_iter().filter(fits).collect()
    }
}

impl LookUp for CreateLive {
    type Listing = ListLive;
    type Found = LiveSummary;
    fn listing(&self) -> ListLive {
        ListLive { project_id: Some(self.project_id), ..ListLive::default() }
    }
    fn candidates(&self, listed: LiveListReply, left: Timestamp) -> Vec<LiveSummary> {
        let fits = |row: &LiveSummary| row.project_id == self.project_id && may_come_from(row.launched, left);
        listed.live.into_iter().filter(fits).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Language;

    #[test]
    fn a_project_is_found_under_its_suffixed_name_and_only_if_new() {
        let left: Timestamp = "2024-01-02T03:04:05.9Z".parse().unwrap();
        let row = |name: &str, created: &str| Project {
            name: name.into(),
            created: created.parse().ok(),
            ..Project::default()
        };
        let request = CreateProject { name: "Pairs".into(), language: Language::Python, organization_id: None };
        let listed = ProjectsReply {
            projects: vec![
                row("Pairs", "2023-01-01T00:00:00Z"),
                row("Pairs 1", "2024-01-02T03:04:05Z"),
                row("Pairs and more", "2024-01-02T03:04:06Z"),
                row("Other", "2024-01-02T03:04:06Z"),
            ],
            versions: vec![],
        };
        let found: Vec<_> = request.candidates(listed, left).into_iter().map(|project| project.name).collect();
        assert_eq!(found, ["Pairs 1"]);
    }

    #[test]
    fn a_backtest_is_found_by_name_and_time() {
        let left: Timestamp = "2024-01-02T03:04:05Z".parse().unwrap();
        let row = |id: &str, name: &str, seconds: i64| BacktestSummary {
            backtest_id: id.into(),
            name: name.into(),
            created: Some(left + SignedDuration::from_secs(seconds)),
            ..BacktestSummary::default()
        };
        let request = CreateBacktest { backtest_name: "run".into(), ..CreateBacktest::default() };
        let backtests = vec![row("a", "run", 2), row("b", "run", -60), row("c", "walk", 2)];
        let found = request.candidates(BacktestsReply { backtests, count: None }, left);
        assert_eq!(found.iter().map(|row| row.backtest_id.as_str()).collect::<Vec<_>>(), ["a"]);
    }
}
