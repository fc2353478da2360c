//! What a caller's name means: a project by id or name, a backtest by id or `latest`.

use qc_api::{
    endpoints::{account::ReadAccount, backtests::ListBacktests, projects::ReadProjects},
    ids::{BacktestId, OrganizationId, ProjectId},
    model::Project,
};

use crate::{
    args::{BacktestArg, ProjectArg, quote},
    error::{Kind, ToolError, Topic},
    gate::Door,
};

/// The id of a project given by id or by name; names are looked up.
pub(crate) async fn project(door: &Door, wanted: &ProjectArg) -> Result<ProjectId, ToolError> {
    match wanted {
        ProjectArg::Id(id) if *id <= 0 => {
            Err(ToolError::argument(format!("`{id}` is no project id: ids are above 0; nothing was sent")))
        }
        ProjectArg::Id(id) => Ok(ProjectId(*id)),
        ProjectArg::Name(name) => by_name(all_projects(door).await?, name),
    }
}

/// Every project of the account.
pub(crate) async fn all_projects(door: &Door) -> Result<Vec<Project>, ToolError> {
    Ok(door.send(&ReadProjects::default()).await?.projects)
}

/// The project of that name: exactly, else ignoring case.
fn by_name(projects: Vec<Project>, name: &str) -> Result<ProjectId, ToolError> {
    let name = name.trim();
    let of = |same: &dyn Fn(&str) -> bool| -> Vec<ProjectId> {
        projects.iter().filter(|project| same(project.name.trim())).map(|project| project.project_id).collect()
    };
    let exact = of(&|other| other == name);
    let found = if exact.is_empty() { of(&|other| other.to_lowercase() == name.to_lowercase()) } else { exact };
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(ToolError::new(
            Kind::NotFound,
            Topic::Project,
            format!("no project is named `{}` ({} projects seen)", quote(name), projects.len()),
        )),
        several => {
            let ids: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(ToolError::argument(format!(
                "{} projects are named `{}`; give one of the ids {}",
                several.len(),
                quote(name),
                ids.join(", ")
            )))
        }
    }
}

/// The id of a backtest; `latest` is the one created last.
pub(crate) async fn backtest(
    door: &Door,
    project_id: ProjectId,
    wanted: &BacktestArg,
) -> Result<BacktestId, ToolError> {
    if !wanted.is_latest() {
        return valid_id(&wanted.0).map(BacktestId);
    }
    let list = door.send(&ListBacktests { project_id, include_statistics: Some(false) }).await?.backtests;
    let newest = list.into_iter().reduce(|newest, next| if newest.created < next.created { next } else { newest });
    newest.map(|backtest| backtest.backtest_id).ok_or_else(|| {
        ToolError::new(Kind::NotFound, Topic::Backtest, format!("project {project_id} has no backtests"))
    })
}

/// The organization of that id, else the one that the account works in.
pub(crate) async fn organization(door: &Door, wanted: Option<&str>) -> Result<OrganizationId, ToolError> {
    match wanted {
        Some(id) => valid_id(id).map(OrganizationId),
        None => Ok(door.send(&ReadAccount::default()).await?.organization_id),
    }
}

/// An id as the service writes them: letters, digits and hyphens.
pub(crate) fn valid_id(text: &str) -> Result<String, ToolError> {
    const LONGEST: usize = 128;
    let id = text.trim();
    let fine = !id.is_empty()
        && id.len() <= LONGEST
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if fine {
        Ok(id.to_owned())
    } else {
        Err(ToolError::argument(format!("`{}` is no id: ids are letters, digits and hyphens", quote(text))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(id: i64, name: &str) -> Project {
        Project { project_id: ProjectId(id), name: name.into(), ..Project::default() }
    }

    #[test]
    fn an_exact_name_wins_over_another_spelling() {
        let projects = vec![project(1, "alpha"), project(2, "Alpha")];
        assert_eq!(by_name(projects.clone(), "Alpha"), Ok(ProjectId(2)));
        assert_eq!(by_name(projects, " alpha "), Ok(ProjectId(1)));
    }

    #[test]
    fn a_name_that_fits_two_is_refused_with_both_ids() {
        let error = by_name(vec![project(1, "A"), project(2, "a")], "ａ").unwrap_err();
        assert_eq!(error.kind, Kind::NotFound);
        let error = by_name(vec![project(1, "aB"), project(2, "Ab")], "ab").unwrap_err();
        assert!(error.message.contains("1, 2"), "{error}");
    }

    #[test]
    fn ids_are_checked_before_they_leave() {
        assert!(valid_id("O-0123abc").is_ok());
        for bad in ["", "a b", "../x", "a/b", "a\nb"] {
            assert!(valid_id(bad).is_err(), "{bad}");
        }
    }
}
