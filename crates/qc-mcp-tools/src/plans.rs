//! What QuantConnect's plans allow, as its documentation says: files of a project, their size, log text.

use qc_api::endpoints::organizations::Organization;

/// The limits of one plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Our word for it.
    pub(crate) name: &'static str,
    /// Most files of a project.
    pub(crate) files: usize,
    /// Largest file in KB (of 1024 bytes).
    pub(crate) file_kb: usize,
    /// Log text of one backtest in KB; `None` is unlimited.
    pub(crate) log_kb: Option<usize>,
    /// Log text of all backtests of a day in KB; `None` is unlimited.
    pub(crate) daily_log_kb: Option<usize>,
}

/// Source: QuantConnect's documentation, Resources, quotas of projects and logs.
const PLANS: [Plan; 5] = [
    Plan { name: "Free", files: 25, file_kb: 32, log_kb: Some(10), daily_log_kb: Some(3 * 1024) },
    Plan { name: "Quant Researcher", files: 50, file_kb: 64, log_kb: Some(100), daily_log_kb: Some(3 * 1024) },
    Plan { name: "Team", files: 75, file_kb: 128, log_kb: Some(1024), daily_log_kb: Some(10 * 1024) },
    Plan { name: "Trading Firm", files: 100, file_kb: 256, log_kb: Some(5 * 1024), daily_log_kb: Some(50 * 1024) },
    Plan { name: "Institution", files: 250, file_kb: 256, log_kb: None, daily_log_kb: None },
];

/// The plan that an organisation's tier means, whatever its exact spelling.
pub(crate) fn of(organization: &Organization) -> Option<Plan> {
    named(organization.kind.as_deref()?)
}

/// The plan of a name such as `Team` or `Quant Researcher plan`.
pub(crate) fn named(word: &str) -> Option<Plan> {
    const MARKS: [&str; 5] = ["free", "researcher", "team", "firm", "institution"];
    let word = word.to_lowercase();
    MARKS.iter().zip(PLANS).find(|(mark, _)| word.contains(**mark)).map(|(_, plan)| plan)
}

/// The plans whose largest file is smaller than `bytes`.
pub(crate) fn too_small_for(bytes: usize) -> Vec<&'static str> {
    PLANS.iter().filter(|plan| plan.file_kb * 1024 < bytes).map(|plan| plan.name).collect()
}

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn a_plan_is_known_in_every_spelling_and_others_are_not_guessed() {
        assert_eq!(named("Quant Researcher plan").unwrap().file_kb, 64);
        assert_eq!(named("TRADING FIRM").unwrap().files, 100);
        assert_eq!(named("platinum"), None);
    }
}
