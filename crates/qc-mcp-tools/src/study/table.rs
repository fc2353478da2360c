//! How a table becomes an answer: shown rows, all rows kept or saved, provenance.

use serde::Serialize;
use serde_json::Value;

use super::{Study, is_csv};
use crate::{
    desk::Finding,
    error::ToolError,
    reply::{CAP, Reply},
    sheet::{DEFAULT_LIMIT, Sheet},
};

impl Study<'_> {
    /// Keeps or saves all rows of a table and makes the reply.
    ///
    /// # Errors
    /// When `save_as` names a file that cannot be made.
    pub(crate) async fn finish_table<A: Serialize>(
        &self,
        tool: &'static str,
        arguments: &A,
        sheet: &Sheet,
    ) -> Result<Reply, ToolError> {
        /// Room for what stands around rows that were asked for.
        const AROUND: usize = 6_000;
        let drawn = self.draw(None).await?;
        let mut finding = Finding {
            tool,
            arguments: self.effective(arguments),
            seed: None,
            provenance: sheet.provenance.clone(),
            data: self.data_read().await?,
            warnings: sheet.warnings.clone(),
            result: Value::Null,
        };
        let shown = sheet.shown();
        let size = shown.to_string().len();
        let mut reply = Reply::new(sheet.summary.as_str()).data(&sheet.facts).field(sheet.name, shown);
        if sheet.is_cut() {
            let which = if sheet.shows_last { "last" } else { "first" };
            reply = reply.field("shown", format!("the {which} {} of {} rows", sheet.limit, sheet.rows.len()));
        }
        if !sheet.warnings.is_empty() {
            reply = reply.field("warnings", &sheet.warnings);
        }
        reply = reply.field("provenance", &sheet.provenance);
        if sheet.can_be_kept() || self.save_name().is_some_and(|name| !is_csv(name)) {
            finding.result = sheet.full();
        }
        let table = if self.save_name().is_some_and(is_csv) { Some(sheet.csv()?) } else { None };
        let saved = self.save(&finding, table.as_ref(), &drawn)?;
        let is_saved = saved.is_some();
        if let Some(file) = saved {
            reply = reply.field("saved_as", file);
        }
        if let Some(next) = sheet.next {
            reply = reply.next(next);
        }
        reply = self.show(reply, drawn, None)?;
        let kept = if sheet.can_be_kept() { self.keep(&finding)? } else { None };
        reply = match kept {
            Some(kept) => {
                reply.field("research_id", &kept.id).link(kept.uri, format!("{tool} result"), "application/json")
            }
            None if is_saved => reply.field("full_rows", "too many to keep as a resource; they are in the file"),
            None => reply
                .field("full_rows", "too many to keep as a resource: pass save_as=name.csv to get them all in a file"),
        };
        Ok(if sheet.limit == DEFAULT_LIMIT { reply } else { reply.allow((size + AROUND).max(CAP)) })
    }
}
