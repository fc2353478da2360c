//! Other people on a project, and the lock that says who edits.

use qc_api::endpoints::Done;
use qc_api::endpoints::collaboration::{
    AcquireLock, CollaboratorsReply, CreateCollaborator, DeleteCollaborator, ReadCollaborators, UpdateCollaborator,
};
use qc_api::model::{Collaborator, Permission};

use crate::refuse::{self, Answer};
use crate::world::{Account, Call, Lock, Project, Share, World};

pub(crate) fn create(world: &mut World, call: &Call<'_>, request: CreateCollaborator) -> Answer<CollaboratorsReply> {
    owned(world, call, request.project_id.0)?;
    let account = by_public_id(world, &request.collaborator_user_id)?;
    let project = owned(world, call, request.project_id.0)?;
    if account == project.owner {
        return Err(refuse::collaborator_not_found(&request.collaborator_user_id));
    }
    project.collaborators.retain(|share| share.account != account);
    project.collaborators.push(Share {
        account,
        live_control: request.collaboration_live_control,
        write: request.collaboration_write,
    });
    everybody(world, call, request.project_id.0)
}

pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadCollaborators) -> Answer<CollaboratorsReply> {
    let project = world.project(call, request.project_id.0)?;
    let own = project.collaborators.iter().find(|share| share.account == call.user);
    Ok(CollaboratorsReply {
        collaborators: of(world, project)?,
        user_live_control: Some(own.is_none_or(|share| share.live_control)),
        user_permissions: Some(permission(own.is_none_or(|share| share.write))),
    })
}

pub(crate) fn update(world: &mut World, call: &Call<'_>, request: UpdateCollaborator) -> Answer<CollaboratorsReply> {
    owned(world, call, request.project_id.0)?;
    let account = by_public_id(world, &request.collaborator_user_id)?;
    let project = owned(world, call, request.project_id.0)?;
    let share = project.collaborators.iter_mut().find(|share| share.account == account);
    let share = share.ok_or_else(|| refuse::collaborator_not_found(&request.collaborator_user_id))?;
    share.live_control = request.live_control;
    share.write = request.write;
    everybody(world, call, request.project_id.0)
}

pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteCollaborator) -> Answer<CollaboratorsReply> {
    owned(world, call, request.project_id.0)?;
    let account = by_public_id(world, &request.collaborator_id)?;
    let project = owned(world, call, request.project_id.0)?;
    let before = project.collaborators.len();
    project.collaborators.retain(|share| share.account != account);
    if project.collaborators.len() == before {
        return Err(refuse::collaborator_not_found(&request.collaborator_id));
    }
    project.lock = project.lock.take().filter(|lock| lock.account != account);
    everybody(world, call, request.project_id.0)
}

/// Whoever asks last edits. No release is documented, nor how long a lock lasts.
pub(crate) fn acquire_lock(world: &mut World, call: &Call<'_>, request: AcquireLock) -> Answer<Done> {
    let project = world.project_mut(call, request.project_id.0)?;
    project.lock = Some(Lock { account: call.user, code_source: request.code_source_id });
    Ok(Done {})
}

/// The people of a project as the service shows them, the owner first.
pub(crate) fn of(world: &World, project: &Project) -> Answer<Vec<Collaborator>> {
    let mut people = vec![shown(world.account(project.owner)?, true, true, true)];
    for share in &project.collaborators {
        people.push(shown(world.account(share.account)?, share.live_control, share.write, false));
    }
    Ok(people)
}

fn everybody(world: &World, call: &Call<'_>, id: i64) -> Answer<CollaboratorsReply> {
    let collaborators = of(world, world.project(call, id)?)?;
    Ok(CollaboratorsReply { collaborators, ..CollaboratorsReply::default() })
}

/// Only the owner invites and dismisses.
fn owned<'a>(world: &'a mut World, call: &Call<'_>, id: i64) -> Answer<&'a mut Project> {
    let project = world.project_mut(call, id)?;
    if project.owner == call.user { Ok(project) } else { Err(refuse::no_write_permission()) }
}

fn by_public_id(world: &World, public_id: &str) -> Answer<i64> {
    let found = world.accounts.iter().find(|account| account.public_id == public_id);
    found.map(|account| account.id).ok_or_else(|| refuse::collaborator_not_found(public_id))
}

fn permission(write: bool) -> Permission {
    if write { Permission::Write } else { Permission::Read }
}

fn shown(account: &Account, live_control: bool, write: bool, owner: bool) -> Collaborator {
    Collaborator {
        uid: Some(account.id),
        live_control,
        permission: Some(permission(write)),
        public_id: Some(account.public_id.clone()),
        profile_image: Some(format!("https://cdn.quantconnect.com/web/i/users/profile/{}.jpeg", account.public_id)),
        email: Some(account.email.clone()),
        name: account.name.clone(),
        bio: None,
        owner,
    }
}
