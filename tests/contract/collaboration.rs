//! Two accounts on one project: invitation, rights, lock, libraries.

use qc_api::endpoints::collaboration::{
    AcquireLock, CreateCollaborator, DeleteCollaborator, ReadCollaborators, UpdateCollaborator,
};
use qc_api::endpoints::files::{ReadFiles, UpdateFileContent};
use qc_api::endpoints::libraries::{AddLibrary, RemoveLibrary};
use qc_api::endpoints::projects::{DeleteProject, ReadProjects};
use qc_api::ids::ProjectId;
use qc_api::model::Permission;
use qc_sim::seed;

use crate::{second_client, sentence, session};

const PAIR: ProjectId = ProjectId(seed::PAIR_PROJECT_ID);

fn invite(write: bool) -> CreateCollaborator {
    CreateCollaborator {
        project_id: PAIR,
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        collaboration_live_control: false,
        collaboration_write: write,
    }
}

fn edit(code_source_id: Option<&str>) -> UpdateFileContent {
    UpdateFileContent {
        project_id: PAIR,
        name: "main.py".into(),
        content: "x = 1\n".into(),
        code_source_id: code_source_id.map(str::to_owned),
    }
}

#[tokio::test]
async fn an_invited_account_sees_the_project_and_a_dismissed_one_does_not() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    assert!(second.send(&ReadProjects::one(PAIR)).await.unwrap_err().is_not_found());
    let people = client.send(&invite(false)).await.unwrap().collaborators;
    assert_eq!(people.iter().map(|person| person.owner).collect::<Vec<_>>(), [true, false]);
    assert!(!second.send(&ReadProjects::one(PAIR)).await.unwrap().projects[0].owner);
    let own = second.send(&ReadCollaborators { project_id: PAIR }).await.unwrap();
    assert_eq!((own.user_permissions, own.user_live_control), (Some(Permission::Read), Some(false)));
    assert!(sentence(second.send(&edit(None)).await).contains("write permission"));
    assert!(second.send(&DeleteProject { project_id: PAIR }).await.is_err());
    let delete = DeleteCollaborator { project_id: PAIR, collaborator_id: seed::COLLABORATOR_PUBLIC_ID.into() };
    assert_eq!(client.send(&delete).await.unwrap().collaborators.len(), 1);
    assert!(second.send(&ReadProjects::one(PAIR)).await.is_err());
    assert!(client.send(&delete).await.is_err());
}

#[tokio::test]
async fn a_shared_project_is_edited_by_whoever_holds_its_lock() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    client.send(&invite(true)).await.unwrap();
    let lock = AcquireLock { project_id: PAIR, code_source_id: "Mine".into() };
    assert!(sentence(client.send(&edit(Some("Mine"))).await).contains("write permission"));
    client.send(&lock).await.unwrap();
    client.send(&edit(Some("Mine"))).await.unwrap();
    // The other takes the lock over; then the first may not write until it asks again.
    second.send(&AcquireLock { code_source_id: "Theirs".into(), ..lock.clone() }).await.unwrap();
    assert!(sentence(client.send(&edit(Some("Mine"))).await).contains("write permission"));
    second.send(&edit(Some("Theirs"))).await.unwrap();
    client.send(&lock).await.unwrap();
    client.send(&edit(Some("Mine"))).await.unwrap();
}

#[tokio::test]
async fn rights_are_changed_and_unknown_people_refused() {
    let (sim, client) = session().await;
    let second = second_client(&sim);
    client.send(&invite(false)).await.unwrap();
    let update = UpdateCollaborator {
        project_id: PAIR,
        collaborator_user_id: seed::COLLABORATOR_PUBLIC_ID.into(),
        live_control: true,
        write: true,
    };
    client.send(&update).await.unwrap();
    second.send(&edit(None)).await.unwrap();
    let stranger = CreateCollaborator { collaborator_user_id: "nobody".into(), ..invite(true) };
    assert!(client.send(&stranger).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn files_of_a_library_appear_in_the_project_that_uses_it() {
    let (_sim, client) = session().await;
    let library_id = ProjectId(seed::BASKET_PROJECT_ID);
    client.send(&AddLibrary { project_id: PAIR, library_id }).await.unwrap();
    let files = client.send(&ReadFiles { project_id: PAIR, ..ReadFiles::default() }).await.unwrap().files;
    assert_eq!(files.iter().filter(|file| file.is_library).count(), 2);
    let shown = client.send(&ReadProjects::one(PAIR)).await.unwrap().projects.remove(0).libraries;
    assert_eq!(shown[0].library_name, "Technology Basket");
    client.send(&RemoveLibrary { project_id: PAIR, library_id }).await.unwrap();
    assert!(client.send(&RemoveLibrary { project_id: PAIR, library_id }).await.is_err());
}
