//! Projects: created, listed, changed, moved to the recycle bin.

use qc_api::endpoints::files::ReadFiles;
use qc_api::endpoints::projects::{CreateProject, DeleteProject, ReadProjects, UpdateProject};
use qc_api::ids::ProjectId;
use qc_api::model::Language;

use crate::{sentence, session};

fn new(name: &str, language: Language) -> CreateProject {
    CreateProject { name: name.into(), language, organization_id: None }
}

#[tokio::test]
async fn a_new_project_has_its_default_files_and_its_owner() {
    let (_sim, client) = session().await;
    for (language, main) in [(Language::Python, "main.py"), (Language::CSharp, "Main.cs")] {
        let project = client.send(&new("Story", language.clone())).await.unwrap().projects.remove(0);
        assert_eq!(project.language, Some(language));
        assert!(project.owner && project.collaborators.iter().any(|person| person.owner));
        let files =
            client.send(&ReadFiles { project_id: project.project_id, ..ReadFiles::default() }).await.unwrap().files;
        assert_eq!((files.len(), files[0].name.as_str()), (2, main));
    }
}

#[tokio::test]
async fn a_taken_name_gets_a_number_when_created_and_is_refused_when_renamed() {
    let (_sim, client) = session().await;
    let first = client.send(&new("Folder/Same", Language::Python)).await.unwrap().projects.remove(0);
    let second = client.send(&new("Folder/Same", Language::Python)).await.unwrap().projects.remove(0);
    assert_eq!((first.name.as_str(), second.name.as_str()), ("Folder/Same", "Folder/Same 1"));
    let rename =
        UpdateProject { project_id: second.project_id, name: Some("Folder/Same".into()), ..UpdateProject::default() };
    assert!(sentence(client.send(&rename).await).contains("already exists"));
    let describe =
        UpdateProject { project_id: second.project_id, description: Some("second".into()), ..UpdateProject::default() };
    client.send(&describe).await.unwrap();
    let read = client.send(&ReadProjects::one(second.project_id)).await.unwrap().projects.remove(0);
    assert_eq!((read.name.as_str(), read.description.as_str()), ("Folder/Same 1", "second"));
}

#[tokio::test]
async fn a_deleted_project_lies_in_the_recycle_bin_and_cannot_be_deleted_twice() {
    let (_sim, client) = session().await;
    let project_id = client.send(&new("Gone", Language::Python)).await.unwrap().projects[0].project_id;
    client.send(&DeleteProject { project_id }).await.unwrap();
    let read = client.send(&ReadProjects::one(project_id)).await.unwrap().projects.remove(0);
    assert_eq!(read.name, "Recycle Bin/Gone");
    assert!(sentence(client.send(&DeleteProject { project_id }).await).contains("not found"));
}

#[tokio::test]
async fn unknown_projects_and_empty_windows_are_refused() {
    let (_sim, client) = session().await;
    for id in [-1, 0, 999] {
        let error = client.send(&ReadProjects::one(ProjectId(id))).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
    }
    let window = |start, end| ReadProjects { start: Some(start), end: Some(end), ..ReadProjects::default() };
    assert!(sentence(client.send(&window(1, 1)).await).contains("Range"));
    assert_eq!(client.send(&window(0, 1)).await.unwrap().projects.len(), 1);
    assert_eq!(client.send(&ReadProjects::default()).await.unwrap().projects.len(), 2);
}

#[tokio::test]
async fn parameters_are_kept_and_cleared() {
    use qc_api::endpoints::projects::ParameterValue;
    let (_sim, client) = session().await;
    let project_id = client.send(&new("Parameters", Language::Python)).await.unwrap().projects[0].project_id;
    let set = |parameters| UpdateProject { project_id, parameters: Some(parameters), ..UpdateProject::default() };
    let parameter = ParameterValue { key: "lookback".into(), value: "30".into() };
    client.send(&set(vec![parameter])).await.unwrap();
    let shown = client.send(&ReadProjects::one(project_id)).await.unwrap().projects.remove(0).parameters;
    assert_eq!(shown.iter().map(|p| (p.key.as_str(), p.value.as_str())).collect::<Vec<_>>(), [("lookback", "30")]);
    client.send(&set(Vec::new())).await.unwrap();
    assert!(client.send(&ReadProjects::one(project_id)).await.unwrap().projects[0].parameters.is_empty());
}
