//! The object store of an organization: set, list, describe, download in two steps, delete.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest, Md5};
use qc_api::endpoints::Done;
use qc_api::endpoints::object_store::{
    DeleteObject, DownloadReply, ListObjects, ObjectProperties, ObjectPropertiesReply, ObjectSummary, ObjectsReply,
    ReadDownload, ReadObjectProperties, SetObject, StartDownload,
};

use crate::clock::later;
use crate::refuse::{self, Answer};
use crate::world::{Call, Download, Object, Tier, World};

/// Entries of one page of a listing.
const PAGE: usize = 100;
/// Characters of the preview.
const PREVIEW: usize = 1000;

/// Overwrites what is there.
pub(crate) fn set(world: &mut World, call: &Call<'_>, request: SetObject) -> Answer<Done> {
    let key = clean(&request.key);
    if key.is_empty() || key.ends_with('/') {
        return Err(refuse::object_key_not_valid(&request.key));
    }
    let organization = world.organization_mut(call, request.organization_id.as_str())?;
    let created = organization.objects.get(&key).map_or(call.now, |object| object.created);
    let object = Object { data: STANDARD.encode(&request.data), size: request.data.len(), created, modified: call.now };
    organization.objects.insert(key, object);
    Ok(Done {})
}

/// Starts a download; a directory stands for everything in it, and one key that is there is enough.
pub(crate) fn download(world: &mut World, call: &Call<'_>, request: StartDownload) -> Answer<DownloadReply> {
    let organization = world.organization_mut(call, request.organization_id.as_str())?;
    if organization.tier != Tier::Institution {
        return Err(refuse::export_not_enabled());
    }
    let wanted: Vec<String> = request.keys.iter().map(|key| clean(key)).collect();
    let found = organization.objects.keys().filter(|key| wanted.iter().any(|wanted| covers(wanted, key)));
    let keys: Vec<String> = found.cloned().collect();
    if keys.is_empty() {
        return Err(refuse::object_not_found(&request.keys.join(", ")));
    }
    let organization = organization.id.clone();
    let job_id = world.draw_id();
    let job = Download { organization, keys, ready: later(call.now, call.jobs.download) };
    world.downloads.insert(job_id.clone(), job);
    Ok(DownloadReply { job_id, url: None })
}

pub(crate) fn poll(world: &mut World, call: &Call<'_>, request: ReadDownload) -> Answer<DownloadReply> {
    let organization = world.organization_mut(call, request.organization_id.as_str())?.id.clone();
    let job = world.downloads.get(&request.job_id).filter(|job| job.organization == organization);
    let job = job.ok_or_else(|| refuse::object_not_found(&request.job_id))?;
    let url = format!("{}/download/{}", call.root, request.job_id);
    let url = (job.ready <= call.now).then(|| url.as_str().into());
    Ok(DownloadReply { job_id: request.job_id, url })
}

pub(crate) fn properties(
    world: &mut World,
    call: &Call<'_>,
    request: ReadObjectProperties,
) -> Answer<ObjectPropertiesReply> {
    let organization = world.organization_mut(call, request.organization_id.as_str())?;
    let key = clean(&request.key);
    let object = organization.objects.get(&key).ok_or_else(|| refuse::object_not_found(&request.key))?;
    let bytes = object.bytes();
    let text = std::str::from_utf8(&bytes).ok();
    let metadata = ObjectProperties {
        key,
        modified: Some(object.modified),
        created: Some(object.created),
        size: i64::try_from(object.size).ok(),
        md5: Some(hex::encode(Md5::digest(&bytes))),
        mime: Some(mime(text.is_some()).to_owned()),
        preview: Some(text.unwrap_or_default().chars().take(PREVIEW).collect()),
    };
    Ok(ObjectPropertiesReply { metadata })
}

/// The entries directly below a path: objects, and folders once each.
pub(crate) fn list(world: &mut World, call: &Call<'_>, request: ListObjects) -> Answer<ObjectsReply> {
    let organization = world.organization_mut(call, request.organization_id.as_str())?;
    let folder = clean(request.path.as_deref().unwrap_or("/"));
    let prefix = if folder.is_empty() { String::new() } else { format!("{}/", folder.trim_end_matches('/')) };
    let mut entries: Vec<ObjectSummary> = Vec::new();
    for (key, object) in &organization.objects {
        let Some(rest) = key.strip_prefix(&prefix) else { continue };
        let entry = match rest.split_once('/') {
            Some((name, _)) => {
                let key = format!("{prefix}{name}");
                if entries.iter().any(|entry| entry.folder && entry.key == key) {
                    continue;
                }
                ObjectSummary {
                    key,
                    name: name.to_owned(),
                    modified: Some(object.modified),
                    mime: Some("directory".to_owned()),
                    folder: true,
                    size: None,
                }
            }
            None => ObjectSummary {
                key: key.clone(),
                name: rest.to_owned(),
                modified: Some(object.modified),
                mime: Some(mime(std::str::from_utf8(&object.bytes()).is_ok()).to_owned()),
                folder: false,
                size: i64::try_from(object.size).ok(),
            },
        };
        entries.push(entry);
    }
    let used: usize = organization.objects.values().map(|object| object.size).sum();
    let pages = entries.len().div_ceil(PAGE).max(1);
    let page = usize::try_from(request.page.unwrap_or(1)).ok().filter(|page| (1..=pages).contains(page));
    let page = page.ok_or_else(refuse::invalid_argument)?;
    Ok(ObjectsReply {
        path: request.path.unwrap_or_else(|| "/".to_owned()),
        objects: entries.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(),
        page: i64::try_from(page).ok(),
        total_pages: i64::try_from(pages).ok(),
        object_storage_used: i64::try_from(used).ok(),
        object_storage_used_human: Some(human(used)),
    })
}

/// A directory goes with everything in it; a key that is not there is refused.
pub(crate) fn delete(world: &mut World, call: &Call<'_>, request: DeleteObject) -> Answer<Done> {
    let organization = world.organization_mut(call, request.organization_id.as_str())?;
    let key = clean(&request.key);
    let before = organization.objects.len();
    organization.objects.retain(|other, _| !covers(&key, other));
    if organization.objects.len() == before { Err(refuse::object_not_found(&request.key)) } else { Ok(Done {}) }
}

/// Keys are kept without a slash at their beginning.
fn clean(key: &str) -> String {
    key.trim_start_matches('/').to_owned()
}

fn covers(wanted: &str, key: &str) -> bool {
    let folder = wanted.trim_end_matches('/');
    !folder.is_empty() && (key == folder || key.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')))
}

fn mime(is_text: bool) -> &'static str {
    if is_text { "text/plain" } else { "application/octet-stream" }
}

fn human(bytes: usize) -> String {
    let mut size = bytes as f64;
    for unit in ["B", "KB", "MB"] {
        if size < 1024.0 {
            return format!("{size:.2} {unit}");
        }
        size /= 1024.0;
    }
    format!("{size:.2} GB")
}
