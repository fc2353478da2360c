//! The object store of an organisation: upload, list, describe, download, delete.

use qc_api::{
    endpoints::object_store::{DeleteObject, DownloadReply, ListObjects, SetObject},
    ids::OrganizationId,
};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Reply, ToolError, Untrusted,
    args::quote,
    ctx::Ctx,
    error::{Kind, Topic},
    flows::{find, objects},
    gate::Deed,
    server::QcServer,
};

/// The largest local file uploaded.
const MOST_BYTES: u64 = 100 << 20;
/// Most keys of one download.
const MOST_KEYS: usize = 100;

/// Arguments of `upload_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct UploadArgs {
    /// Key, e.g. models/weights.json; an object of that key is replaced
    key: String,
    /// The text
    #[schemars(extend("x-empty-ok" = true))]
    content: Option<String>,
    /// Or a local file this server may read
    path: Option<String>,
    /// Organisation; default yours
    organization_id: Option<String>,
    /// The text, under the official server's name
    #[schemars(extend("x-hidden" = true, "x-empty-ok" = true))]
    object_data: Option<String>,
}

/// Arguments of `read_object_properties`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct KeyArgs {
    /// Key of an object, not of a folder
    key: String,
    /// Organisation; default yours
    organization_id: Option<String>,
}

/// Arguments of `list_object_store_files`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ListArgs {
    /// Folder; default the root
    path: Option<String>,
    /// Page, from 1
    #[schemars(range(min = 1))]
    page: Option<i64>,
    /// Organisation; default yours
    organization_id: Option<String>,
}

/// Arguments of `download_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DownloadArgs {
    /// Keys; a folder stands for all in it
    keys: Option<Vec<String>>,
    /// Job of an earlier call, instead of keys
    job_id: Option<String>,
    /// Organisation; default yours
    organization_id: Option<String>,
}

/// Arguments of `delete_object`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct DeleteArgs {
    /// Key of an object or folder
    key: String,
    /// Needed for a folder: everything in it goes
    recursive: Option<bool>,
    /// Organisation; default yours
    organization_id: Option<String>,
}

#[tool_router(router = object_store_read, vis = "pub(crate)")]
impl QcServer {
    /// Read size, hash, dates and the beginning of an object.
    #[tool(title = "Read object properties")]
    async fn read_object_properties(
        &self,
        Parameters(args): Parameters<KeyArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let key = objects::key(&args.key)?;
        let organization = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
        let Some(found) = objects::look(&ctx.door, &organization, &key).await? else {
            return Err(ToolError::new(
                Kind::NotFound,
                Topic::Object,
                format!("there is no object `{}` (folders have no properties)", quote(&key)),
            ));
        };
        let size = found.size.map_or_else(|| "of unknown size".to_owned(), |size| format!("of {size} bytes"));
        Ok(Reply::new(format!("an object {size}")).data(json!({
            "organization_id": organization,
            "key": Untrusted::new(found.key).shortened(512),
            "bytes": found.size,
            "created": found.created,
            "modified": found.modified,
            "md5": found.md5.filter(|md5| md5.bytes().all(|b| b.is_ascii_hexdigit())),
            "mime": found.mime.map(|mime| Untrusted::new(mime).shortened(60)),
            "preview": found.preview.map(|preview| Untrusted::new(preview).shortened(1000)),
        })))
    }

    /// List a folder of the object store: keys, sizes, dates. Folders below it are rows of their own.
    #[tool(title = "List object store")]
    async fn list_object_store_files(
        &self,
        Parameters(args): Parameters<ListArgs>,
        ctx: Ctx,
    ) -> Result<Reply, ToolError> {
        let path = args.path.as_deref().map(str::trim).filter(|path| !path.trim_matches('/').is_empty());
        let path = path.map(objects::key).transpose()?;
        let organization_id = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
        let request = ListObjects { organization_id, path, page: args.page.filter(|page| 1 < *page) };
        let found = ctx.door.send(&request).await?;
        let rows: Vec<Value> = found
            .objects
            .iter()
            .map(|one| {
                json!({
                    "key": Untrusted::new(one.key.as_str()).shortened(512),
                    "is_folder": one.is_folder(),
                    "bytes": one.size,
                    "modified": one.modified,
                })
            })
            .collect();
        let pages = found.total_pages.unwrap_or(1).max(1);
        let page = found.page.or(args.page).unwrap_or(1);
        let summary = match rows.len() {
            0 if 1 < page => format!("page {page} is empty; there are {pages}"),
            0 => "nothing lies there; `upload_object` makes an object".to_owned(),
            n => format!("{n} entries, page {page} of {pages}"),
        };
        let reply = Reply::new(summary).data(json!({
            "organization_id": request.organization_id,
            "page": page,
            "total_pages": pages,
            "objects": rows,
            "bytes_used_by_organization": found.object_storage_used,
        }));
        Ok(if args.page.is_some() { reply.allow(60_000) } else { reply })
    }
}

#[tool_router(router = object_store_create, vis = "pub(crate)")]
impl QcServer {
    /// Pack objects into a zip and give the link to it, which opens it for whoever has it. Only Institution plans may.
    #[tool(title = "Download objects")]
    async fn download_object(&self, Parameters(args): Parameters<DownloadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let keys = args.keys.iter().flatten().map(|key| objects::key(key)).collect::<Result<Vec<_>, _>>()?;
        if MOST_KEYS < keys.len() {
            return Err(ToolError::argument(format!("{} keys, at most {MOST_KEYS} are taken", keys.len())));
        }
        let job = args.job_id.as_deref().map(find::valid_id).transpose()?;
        let wanted = match (keys.is_empty(), job) {
            (false, None) => Err(keys),
            (true, Some(job)) => Ok(job),
            (true, None) => {
                return Err(ToolError::argument("needed `keys`, or `job_id` of an earlier call; none came"));
            }
            (false, Some(_)) => return Err(ToolError::argument("`keys` and `job_id` both came; give one of them")),
        };
        let organization = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
        let found = match wanted {
            Err(keys) => objects::download(&ctx.door, organization.clone(), keys, &ctx.progress).await?,
            Ok(job) => objects::packed(&ctx.door, organization.clone(), job, &ctx.progress).await?,
        };
        Ok(downloaded(&organization, &found))
    }
}

#[tool_router(router = object_store_update, vis = "pub(crate)")]
impl QcServer {
    /// Store a text or a local file under a key of the object store, where algorithms and notebooks read it.
    #[tool(title = "Upload object")]
    async fn upload_object(&self, Parameters(args): Parameters<UploadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let key = objects::key(&args.key)?;
        let data = match (args.content.or(args.object_data), &args.path) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(path)) => self.desk().read_bytes(path, MOST_BYTES)?.0,
            (Some(_), Some(_)) => return Err(ToolError::argument("`content` and `path` both came; give one of them")),
            (None, None) => return Err(ToolError::argument("needed `content` or `path`; none came")),
        };
        let organization_id = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
        let before = objects::look(&ctx.door, &organization_id, &key).await?;
        let bytes = data.len();
        let request = SetObject { organization_id: organization_id.clone(), key: key.clone(), data };
        let what = if before.is_some() { "replace an object" } else { "store an object" };
        let deed = Deed::new(what, &request)
            .organization(organization_id.as_str())
            .objects(u32::from(before.is_some()))
            .object(key.as_str())
            .foreign("key", Untrusted::new(key.as_str()));
        ctx.door.send_with(ctx.permit(deed).await?, &request).await?;
        let what = if before.is_some() { "replaced" } else { "stored" };
        Ok(Reply::new(format!("{what} {}, {bytes} bytes", quote(&key))).data(json!({
            "organization_id": organization_id,
            "bytes": bytes,
            "replaced": before.is_some(),
        })))
    }
}

#[tool_router(router = object_store_delete, vis = "pub(crate)")]
impl QcServer {
    /// Delete an object, or with recursive=true a folder and everything in it. There is no undo.
    #[tool(title = "Delete object")]
    async fn delete_object(&self, Parameters(args): Parameters<DeleteArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let key = objects::key(&args.key)?;
        let organization_id = find::organization(&ctx.door, args.organization_id.as_deref()).await?;
        let itself = objects::look(&ctx.door, &organization_id, &key).await?.is_some();
        let below = objects::below(&ctx.door, &organization_id, &key).await?;
        let n = below.len() + usize::from(itself);
        if n == 0 {
            return Err(ToolError::new(
                Kind::NotFound,
                Topic::Object,
                format!("there is nothing under `{}`", quote(&key)),
            ));
        }
        if !below.is_empty() && args.recursive != Some(true) {
            return Err(ToolError::argument(format!(
                "`{}` is a folder with {} object(s) in it; recursive=true deletes them all; nothing was deleted",
                quote(&key),
                below.len()
            )));
        }
        let request = DeleteObject { organization_id: organization_id.clone(), key };
        let deed = Deed::new("delete objects", &request)
            .organization(organization_id.as_str())
            .objects(u32::try_from(n).unwrap_or(u32::MAX))
            .object(request.key.as_str())
            .line(format!("{n} object(s) of the object store"))
            .foreign("key", Untrusted::new(request.key.as_str()));
        let permit = ctx.permit(deed).await?;
        ctx.door.send_with(permit, &request).await?;
        let shown: Vec<Untrusted> =
            below.iter().take(20).map(|key| Untrusted::new(key.as_str()).shortened(200)).collect();
        Ok(Reply::new(format!("{n} object(s) deleted; lists may show them for some minutes"))
            .field("organization_id", organization_id)
            .field("deleted", n)
            .field("keys", shown))
    }
}

/// The answer of a download: the link itself, in this answer only.
fn downloaded(organization: &OrganizationId, found: &DownloadReply) -> Reply {
    let job = Untrusted::new(found.job_id.as_str()).shortened(128);
    match &found.url {
        Some(link) => {
            Reply::new("the zip is ready; the link opens it without signing in, for some time: hand it to nobody else")
                .field("organization_id", organization)
                .field("link", Untrusted::new(link.expose()))
        }
        None => Reply::new("the zip is still being packed; call `download_object` again with this job_id")
            .field("organization_id", organization)
            .field("job_id", job.as_str())
            .next("download_object"),
    }
}
