//! The edit lock of a shared project: a write that QuantConnect refuses for it is tried once more after the lock was
//! taken, and the answer says so.

use futures::future::BoxFuture;
use qc_api::{endpoints::collaboration::AcquireLock, ids::ProjectId};

use crate::{
    error::{Kind, ToolError},
    gate::Door,
};

/// Said in the answer of a write for which the lock was taken.
pub(crate) const TAKEN: &str =
    "; the project's edit lock was taken first, others may have edited before: read the file again";

/// Takes the lock.
pub(crate) async fn take(door: &Door, project_id: ProjectId) -> Result<(), ToolError> {
    door.send(&AcquireLock { project_id, code_source_id: door.agent().to_owned() }).await?;
    Ok(())
}

/// Does `work`; if it is refused for the lock, takes the lock and does it again. The second value says whether it did.
///
/// # Errors
/// Those of `work`. When the lock cannot be taken either (the account may only read), the first refusal.
pub(crate) async fn held<'a, T>(
    door: &Door,
    project_id: ProjectId,
    work: impl Fn() -> BoxFuture<'a, Result<T, ToolError>>,
) -> Result<(T, bool), ToolError> {
    match work().await {
        Err(refusal) if is_for_the_lock(&refusal) => match take(door, project_id).await {
            Ok(()) => Ok((work().await?, true)),
            Err(_) => Err(refusal),
        },
        done => done.map(|done| (done, false)),
    }
}

/// QuantConnect says the same when somebody else edits and when the account may only read.
fn is_for_the_lock(error: &ToolError) -> bool {
    error.kind == Kind::Refused
        && error.said.as_ref().is_some_and(|said| said.as_str().to_lowercase().contains("write permission"))
}
