//! A simulator that saves its world goes on where it ended.

use qc_api::endpoints::projects::{CreateProject, ReadProjects};
use qc_api::model::Language;
use qc_sim::{Sim, SimOptions};

#[tokio::test]
async fn a_saved_world_is_read_again() {
    let home = tempfile::tempdir().unwrap();
    let options = || SimOptions { saved_world: Some(home.path().join("world.json")), ..SimOptions::default() };
    let create = CreateProject { name: "Kept".into(), language: Language::Python, organization_id: None };
    let first = Sim::start_with(options()).await.unwrap();
    first.client().unwrap().send(&create).await.unwrap();
    drop(first);
    let second = Sim::start_with(options()).await.unwrap();
    let projects = second.client().unwrap().send(&ReadProjects::default()).await.unwrap().projects;
    assert!(projects.iter().any(|project| project.name == "Kept"));
    std::fs::write(home.path().join("world.json"), "{").unwrap();
    assert!(Sim::start_with(options()).await.is_err());
}
