//! The object store: keys that can be meant, what lies under them, and downloads in two steps.

use std::time::Duration;

use qc_api::{
    endpoints::object_store::{
        DownloadReply, ListObjects, ObjectProperties, ReadDownload, ReadObjectProperties, StartDownload,
    },
    ids::OrganizationId,
};

use super::patience::Patience;
use crate::{
    args::quote,
    ctx::Progress,
    error::{Kind, ToolError, Topic},
    gate::Door,
};

/// The longest key taken.
const LONGEST_KEY: usize = 512;
/// Most objects counted below a folder.
const MOST_KEYS: usize = 10_000;
/// Most pages asked for that.
const MOST_LISTINGS: usize = 200;
/// Pause between two looks at a download that is being packed.
const PAUSE: Duration = Duration::from_secs(3);
/// How long one call waits for it.
const WAIT: Duration = Duration::from_secs(45);

/// A key as the service keeps it, without a slash at its beginning; refuses what names the whole store, leaves it or hides.
pub(crate) fn key(text: &str) -> Result<String, ToolError> {
    let wrong = |reason: &str| {
        Err(ToolError::argument(format!("`{}` is no object key: {reason}; nothing was sent", quote(text))))
    };
    let key = text.trim().trim_matches('/');
    if key.is_empty() {
        return wrong("it is empty or names the whole store");
    }
    if LONGEST_KEY < key.len() {
        return wrong(&format!("keys have at most {LONGEST_KEY} bytes, this one {}", key.len()));
    }
    if key.chars().any(|c| c.is_control() || c == '\\') {
        return wrong("it holds a control character or a backslash; folders are separated by /");
    }
    if key.split('/').any(|part| part.is_empty() || part == "." || part == "..") {
        return wrong("a folder in it is empty, `.` or `..`");
    }
    Ok(key.to_owned())
}

/// What is known of the object under a key; `None` if there is none.
pub(crate) async fn look(
    door: &Door,
    organization_id: &OrganizationId,
    key: &str,
) -> Result<Option<ObjectProperties>, ToolError> {
    let request = ReadObjectProperties { organization_id: organization_id.clone(), key: key.to_owned() };
    match door.send(&request).await {
        Ok(reply) => Ok(Some(reply.metadata)),
        Err(error) if error.kind == Kind::NotFound => Ok(None),
        // The words for an absent key are in no document: a refusal is an absence where the key's folder, which can be
        // listed, does not list it.
        Err(error) if error.kind == Kind::Refused => match listed(door, organization_id, key).await {
            Ok(false) => Ok(None),
            Ok(true) | Err(_) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// Whether the folder of a key lists it.
async fn listed(door: &Door, organization_id: &OrganizationId, key: &str) -> Result<bool, ToolError> {
    let folder = key.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut page = 1;
    loop {
        let request = ListObjects {
            organization_id: organization_id.clone(),
            path: (!folder.is_empty()).then(|| folder.to_owned()),
            page: (1 < page).then_some(page),
        };
        let found = match door.send(&request).await {
            Ok(found) => found,
            Err(error) if error.kind == Kind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        // A page that is not the one asked for cannot show that something is absent.
        if found.page.is_some_and(|told| told != page) || MOST_LISTINGS < page as usize {
            return Ok(true);
        }
        if found.objects.iter().any(|one| one.key.trim_matches('/') == key) {
            return Ok(true);
        }
        if found.objects.is_empty() || found.total_pages.is_none_or(|total| total <= page) {
            return Ok(false);
        }
        page += 1;
    }
}

/// The keys of all objects below a folder, however deep; refused when there are too many to count.
pub(crate) async fn below(
    door: &Door,
    organization_id: &OrganizationId,
    folder: &str,
) -> Result<Vec<String>, ToolError> {
    let mut keys = Vec::new();
    let mut folders = vec![folder.to_owned()];
    let mut asked = 0;
    while let Some(folder) = folders.pop() {
        let mut page = 1;
        loop {
            asked += 1;
            if MOST_LISTINGS < asked || MOST_KEYS < keys.len() {
                let message = format!(
                    "more than {MOST_KEYS} objects or {MOST_LISTINGS} folders are below it; nothing was sent that changes anything"
                );
                return Err(ToolError::new(Kind::TooLarge, Topic::Object, message));
            }
            let request = ListObjects {
                organization_id: organization_id.clone(),
                path: Some(folder.clone()),
                page: (1 < page).then_some(page),
            };
            let found = match door.send(&request).await {
                Ok(found) => found,
                Err(error) if error.kind == Kind::NotFound => break,
                Err(error) => return Err(error),
            };
            if found.page.is_some_and(|told| told != page) {
                let message = format!(
                    "the service gave page {} of a folder for page {page}, so what lies in it cannot be counted; nothing was deleted",
                    found.page.unwrap_or_default()
                );
                return Err(ToolError::new(Kind::BadAnswer, Topic::Object, message));
            }
            for one in &found.objects {
                let key = one.key.trim_matches('/').to_owned();
                // A service that does not know the folder may answer with the root: what is not below it does not count.
                if !key.strip_prefix(&folder).is_some_and(|rest| rest.starts_with('/')) {
                    continue;
                }
                if one.is_folder() { folders.push(key) } else { keys.push(key) }
            }
            if found.objects.is_empty() || found.total_pages.is_none_or(|total| total <= page) {
                break;
            }
            page += 1;
        }
    }
    Ok(keys)
}

/// A download: its job, and the link once it is packed.
pub(crate) async fn download(
    door: &Door,
    organization_id: OrganizationId,
    keys: Vec<String>,
    progress: &Progress,
) -> Result<DownloadReply, ToolError> {
    let started = door.send(&StartDownload { organization_id: organization_id.clone(), keys }).await?;
    if started.url.is_some() {
        return Ok(started);
    }
    packed(door, organization_id, started.job_id, progress).await
}

/// Waits until the zip of a job is packed, but not longer than one call may take.
pub(crate) async fn packed(
    door: &Door,
    organization_id: OrganizationId,
    job_id: String,
    progress: &Progress,
) -> Result<DownloadReply, ToolError> {
    let request = ReadDownload { organization_id, job_id };
    let patience = Patience::begin(door, WAIT).await?;
    loop {
        let reply = match patience.look(door.send(&request)).await {
            Ok(reply) => reply,
            // The packing goes on and its job is known: that is worth more to the caller than the failed look.
            Err(error) if error.retryable || error.kind == Kind::BadAnswer => {
                return Ok(DownloadReply { job_id: request.job_id, url: None });
            }
            Err(error) => return Err(error),
        };
        let has_link = reply.url.as_ref().is_some_and(|url| !url.expose().is_empty());
        let waited = patience.passed(door).await?;
        if has_link || patience.most() <= waited {
            return Ok(DownloadReply { job_id: request.job_id, url: reply.url.filter(|_| has_link) });
        }
        progress.report(waited.as_secs_f64(), Some(patience.most().as_secs_f64()), "the objects are packed");
        door.sleep(PAUSE).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn keys_lose_the_slashes_around_them() {
        assert_eq!(key("/models/a.json").unwrap(), "models/a.json");
        assert_eq!(key(" models/ ").unwrap(), "models");
    }

    #[test]
    fn what_names_the_whole_store_or_leaves_it_is_refused() {
        for bad in ["", "/", "//", ".", "..", "a/../b", "./a", "a//b", "a\\b", "a\u{0}", &"x".repeat(513)] {
            assert!(key(bad).is_err(), "{bad:?}");
        }
    }
}
