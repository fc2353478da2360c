//! The one door to QuantConnect. Tools, flows, resources and jobs hold a [`Door`], never a client: the door reads
//! the endpoint's row (what it changes, costs and reaches), decides, and alone calls the client. What it refuses
//! was not sent.

use qc_api::{Cost, Effect, Endpoint, EndpointInfo, Reach};

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

    /// The name under which this server edits, as the edit lock of a shared project knows it.
    pub(crate) fn agent(&self) -> &str {
        &self.server.settings().agent_name
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
    endpoint.effect == Effect::Read && endpoint.cost == Cost::Nothing && endpoint.reach == Reach::None
}

/// Whether `mode` lets a request to `endpoint` leave. What may move money, spend credit or touch other people does
/// not leave in any mode: none of the tools needs it, so a way there would be a mistake.
fn admit(endpoint: &EndpointInfo, mode: Mode) -> Result<(), ToolError> {
    let changes = endpoint.effect != Effect::Read;
    let grave = changes && (matches!(endpoint.reach, Reach::Live | Reach::People) || endpoint.cost == Cost::Credit);
    if (changes && mode == Mode::ReadOnly) || grave {
        let message = format!("mode {} does not allow {}; nothing was sent", mode.id(), endpoint.path);
        return Err(ToolError::new(Kind::Forbidden, Topic::General, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(mode: Mode) -> Vec<&'static str> {
        qc_api::endpoints().filter(|row| admit(row, mode).is_err()).map(|row| row.path).collect()
    }

    #[test]
    fn read_only_lets_nothing_pass_that_changes_anything() {
        for row in qc_api::endpoints() {
            assert_eq!(admit(row, Mode::ReadOnly).is_ok(), row.effect == Effect::Read, "{}", row.path);
        }
    }

    #[test]
    fn no_mode_lets_money_credit_or_other_people_pass() {
        for mode in [Mode::ReadOnly, Mode::Research, Mode::Paper, Mode::Live] {
            let refused = refused(mode);
            for path in ["live/create", "live/update/liquidate", "live/update/stop", "optimizations/create"] {
                assert!(refused.contains(&path), "{} lets {path} pass", mode.id());
            }
            assert!(!refused.contains(&"backtests/read"));
        }
        assert!(!refused(Mode::Research).contains(&"backtests/create"));
    }
}
