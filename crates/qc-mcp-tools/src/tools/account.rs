//! The account: its organisation and its credit.

use qc_api::{endpoints::account::ReadAccount, ids::OrganizationId};
use rmcp::{handler::server::wrapper::Parameters, schemars::JsonSchema, tool, tool_router};
use serde::Deserialize;
use serde_json::json;

use crate::{Reply, ToolError, ctx::Ctx, flows::find, server::QcServer};

/// Arguments of `read_account`.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(crate = "rmcp::schemars")]
struct ReadArgs {
    /// Organisation; default yours
    organization_id: Option<String>,
}

#[tool_router(router = account_read, vis = "pub(crate)")]
impl QcServer {
    /// Read the account's organisation and its credit in QCC (100 QCC are 1 USD).
    #[tool(title = "Read account")]
    async fn read_account(&self, Parameters(args): Parameters<ReadArgs>, ctx: Ctx) -> Result<Reply, ToolError> {
        let organization_id = args.organization_id.as_deref().map(find::valid_id).transpose()?.map(OrganizationId);
        let account = ctx.door.send(&ReadAccount { organization_id }).await?;
        let credit = account.credit_balance.map_or_else(|| "not told".to_owned(), |credit| format!("{credit:.2} QCC"));
        // Of the card only whether there is one: the rest helps nobody here.
        Ok(Reply::new(format!("credit: {credit}")).data(json!({
            "organization_id": account.organization_id,
            "credit_balance_qcc": account.credit_balance,
            "has_card": account.card.is_some(),
        })))
    }
}
