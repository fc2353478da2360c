//! The one door to QuantConnect. Tools, flows, resources and jobs hold a [`Door`], never a client: the door reads
//! the endpoint's row (what it changes, costs and reaches), decides, and alone calls the client. What it refuses
//! was not sent.

use qc_api::{Effect, Endpoint, EndpointInfo, Reach};

use crate::{
    caller::Caller,
    error::{Kind, ToolError, Topic},
    flows::files::Written,
    server::QcServer,
    settings::Mode,
};

/// A caller's way to QuantConnect.
#[derive(Debug, Clone)]
pub struct Door {
    server: QcServer,
    caller: Caller,
}

impl Door {
    pub(crate) fn new(server: QcServer, caller: Caller) -> Self {
        Door { server, caller }
    }

    /// Sends `request` if the mode allows it.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when the mode does not allow it (nothing was sent), [`Kind::NotConfigured`] without
    /// credentials, otherwise whatever the client answered.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Reply, ToolError> {
        admit(&EndpointInfo::of::<E>(), self.server.settings().mode)?;
        let client = self.server.client(&self.caller).await?;
        Ok(client.send(request).await?)
    }

    /// The files this server wrote.
    pub(crate) fn written(&self) -> &Written {
        self.server.written()
    }

    /// Sends an empty request to an endpoint of the table; reads without side effects only.
    ///
    /// # Errors
    /// As [`Door::send`]; [`Kind::Forbidden`] for every endpoint that is not a harmless read.
    pub async fn probe(&self, endpoint: &EndpointInfo) -> Result<serde_json::Value, ToolError> {
        if !is_harmless(endpoint) {
            return Err(ToolError::new(
                Kind::Forbidden,
                Topic::Argument,
                format!("{} is not a read without cost and secrets; nothing was sent", endpoint.path),
            ));
        }
        let client = self.server.client(&self.caller).await?;
        Ok(client.send_raw(endpoint, &serde_json::json!({})).await?)
    }

    /// By how much QuantConnect's clock differs from ours, as far as an answer has told. Sends nothing.
    ///
    /// # Errors
    /// Only if there are no credentials or the demo world cannot start.
    pub async fn clock_skew(&self) -> Result<Option<jiff::SignedDuration>, ToolError> {
        Ok(self.server.client(&self.caller).await?.clock_skew())
    }

    /// Waits on the clock of QuantConnect's side (virtual in the simulator).
    ///
    /// # Errors
    /// Only if the demo world cannot start.
    pub async fn sleep(&self, duration: std::time::Duration) -> Result<(), ToolError> {
        self.server.world().await?.clock.sleep(duration).await;
        Ok(())
    }
}

/// Whether an endpoint changes nothing, costs nothing and reveals no secret.
pub(crate) fn is_harmless(endpoint: &EndpointInfo) -> bool {
    endpoint.effect == Effect::Read && endpoint.cost == qc_api::Cost::Nothing && endpoint.reach == Reach::None
}

/// Whether `mode` lets a request to `endpoint` leave.
fn admit(endpoint: &EndpointInfo, mode: Mode) -> Result<(), ToolError> {
    let changes = endpoint.effect != Effect::Read;
    let admitted = match mode {
        Mode::ReadOnly => !changes,
        Mode::Research => !(changes && endpoint.reach == Reach::Live),
        Mode::Paper | Mode::Live => true,
    };
    if admitted {
        return Ok(());
    }
    Err(ToolError::new(
        Kind::Forbidden,
        Topic::General,
        format!("mode {} does not allow {}; nothing was sent", mode.id(), endpoint.path),
    ))
}
