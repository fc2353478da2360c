//! The one door to QuantConnect. Tools, flows, resources and jobs hold a [`Door`], never a client: the door reads
//! the endpoint's row (what it changes, costs and reaches), decides, and alone calls the client. What it refuses
//! was not sent.
//!
//! Plain requests go through [`Door::send`]. Requests that may move money, spend credit, reach other people, start
//! backtests or delete need a [`Permit`]: a tool describes what it is about to do as a [`Deed`],
//! [`crate::ctx::Ctx::permit`] lets mode, budgets, the human and the audit judge it, and [`Door::send_with`] sends
//! exactly the request that was judged, once.

mod audit;
mod budget;
mod consent;
mod deed;
mod mode;
pub mod money;
mod page;
mod permit;
mod token;

use futures::FutureExt as _;
use qc_api::{Endpoint, EndpointInfo, ids::ProjectId};

pub use consent::Ask;
pub(crate) use consent::{ASKING, Question};
pub use deed::{Deed, Permit};
pub(crate) use deed::{page, shown_id};
pub(crate) use mode::is_harmless;
pub(crate) use page::Opened;
pub(crate) use token::Call;
pub use token::{Preview, Ticket};

use crate::{
    caller::{Account, Caller, CallerKey},
    error::{Kind, ToolError, Topic},
    flows::{files::Written, lock, running::Running},
    server::QcServer,
    settings::Settings,
    state::State,
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

    /// Sends a request that needs no permit, if the mode allows it.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when the mode does not allow it or it needs a permit (nothing was sent),
    /// [`Kind::NotConfigured`] without credentials, otherwise whatever the client answered.
    pub async fn send<E: Endpoint>(&self, request: &E) -> Result<E::Reply, ToolError> {
        let endpoint = EndpointInfo::of::<E>();
        if !mode::allows_plain(&endpoint, self.mode()) {
            let why = if mode::is_gated(&endpoint) { "without a permit" } else { "" };
            let message =
                format!("mode {} does not allow {} {why}", self.mode().id(), endpoint.path).trim_end().to_owned();
            return Err(ToolError::new(Kind::Forbidden, Topic::General, format!("{message}; nothing was sent")));
        }
        let client = self.server.client(&self.caller).await?;
        client.send(request).await.map_err(|error| ToolError::of_change(&endpoint, error))
    }

    /// The name under which this server edits, as the edit lock of a shared project knows it.
    pub(crate) fn agent(&self) -> &str {
        &self.server.settings().agent_name
    }

    /// Sends the request that was permitted.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] if it is another request, or its preview was used in the meantime (nothing was sent);
    /// otherwise whatever the client answered.
    pub async fn send_with<E: Endpoint>(&self, permit: Permit, request: &E) -> Result<E::Reply, ToolError> {
        let permit = self.checked(permit, request).await?;
        self.exchange(&permit, request).await
    }

    /// As [`Door::send_with`], but what QuantConnect refused, which did nothing, leaves the permit with the caller: the same
    /// request may be sent later without being counted again.
    ///
    /// # Errors
    /// As [`Door::send_with`].
    pub(crate) async fn send_or_keep<E: Endpoint>(
        &self,
        permit: Permit,
        request: &E,
    ) -> Result<E::Reply, (ToolError, Option<Permit>)> {
        let permit = self.checked(permit, request).await.map_err(|error| (error, None))?;
        self.exchange(&permit, request).await.map_err(|error| {
            let kept = (error.kind == Kind::Refused).then_some(permit);
            (error, kept)
        })
    }

    /// As [`Door::send_with`], for a write that QuantConnect may refuse because somebody else holds the project's edit
    /// lock: then the lock is taken and the same request sent again, for a refused one did nothing. The second value
    /// says whether it was.
    ///
    /// # Errors
    /// As [`Door::send_with`].
    pub(crate) async fn send_locked<E: Endpoint>(
        &self,
        permit: Permit,
        request: &E,
        project: ProjectId,
    ) -> Result<(E::Reply, bool), ToolError> {
        let permit = self.checked(permit, request).await?;
        lock::held(self, project, || self.exchange(&permit, request).boxed()).await
    }

    /// The permit, if it is for this request and its preview is still to be used; it is used then.
    async fn checked<E: Endpoint>(&self, permit: Permit, request: &E) -> Result<Permit, ToolError> {
        let refuse = |topic, why: &str| Err(ToolError::new(Kind::Forbidden, topic, format!("{why}; nothing was sent")));
        let deed = &permit.deed;
        if deed.endpoint != EndpointInfo::of::<E>() || deed.body != deed::body_of(request).0 {
            return refuse(Topic::General, "this is not the request that was permitted");
        }
        // Without credentials nothing is used up.
        self.server.client(&self.caller).await?;
        if let Some(ticket) = &deed.ticket
            && !self.spend(ticket)?
        {
            return refuse(Topic::Preview, "this confirm_token was used before");
        }
        Ok(permit)
    }

    /// Sends, and writes down what became of it.
    async fn exchange<E: Endpoint>(&self, permit: &Permit, request: &E) -> Result<E::Reply, ToolError> {
        let Permit { deed, tool } = permit;
        let outcome = self.server.client(&self.caller).await?.send(request).await;
        if deed.endpoint.reach == qc_api::Reach::Live {
            self.server.running().forget(&self.caller.key);
        }
        // What the service said is foreign text and may hold anything; the kind of failure is ours.
        let why = outcome.as_ref().err().map(kind_of).unwrap_or_default();
        let outcome = outcome.map_err(|error| ToolError::of_change(&deed.endpoint, error));
        let event = match &outcome {
            Ok(_) => audit::Event::Done,
            Err(error) if error.kind == Kind::MaybeCreated => audit::Event::Unknown,
            Err(_) => audit::Event::Failed,
        };
        if let Err(reason) = audit::write(self.state(), self.scene(tool), event, Some(deed), &why) {
            tracing::error!(%reason, "the audit cannot be written");
        }
        outcome
    }

    /// Fetches what a bought link points to, in memory: without signature, from public addresses only.
    ///
    /// # Errors
    /// [`Kind::TooLarge`] above `limit` bytes; whatever the client answered.
    pub(crate) async fn fetch(
        &self,
        link: &qc_api::endpoints::connections::Secret,
        limit: u64,
    ) -> Result<Vec<u8>, ToolError> {
        let client = self.server.client(&self.caller).await?;
        let mut file = client.open(link).await?;
        let too_large = || {
            let message = format!("the file has more than {limit} bytes, which could not be read again");
            ToolError::new(Kind::TooLarge, Topic::General, message)
        };
        if file.length().is_some_and(|length| limit < length) {
            return Err(too_large());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = file.chunk().await? {
            if limit < (bytes.len() + piece.len()) as u64 {
                return Err(too_large());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// How far this caller's requests may go.
    pub(crate) fn mode(&self) -> crate::settings::Mode {
        self.caller.mode(self.settings())
    }

    /// The settings of the server.
    pub(crate) fn settings(&self) -> &Settings {
        self.server.settings()
    }

    /// What lasts.
    pub(crate) fn state(&self) -> &State {
        self.server.state()
    }

    /// The name under which everything of this caller is kept.
    pub(crate) fn caller_key(&self) -> &str {
        self.caller.key.as_str()
    }

    /// The account at QuantConnect, as state knows it.
    ///
    /// # Errors
    /// [`Kind::NotConfigured`] without credentials; when state cannot be used.
    pub(crate) async fn account(&self) -> Result<Account, ToolError> {
        let Some((credentials, _)) = self.server.credentials(&self.caller).await? else {
            // The client says it best.
            self.server.client(&self.caller).await?;
            return Err(ToolError::new(Kind::NotConfigured, Topic::Credentials, "no credentials; nothing was sent"));
        };
        Ok(Account::new(self.state().key()?, &credentials))
    }

    /// Backtests of the last minute and day, and credit spent within the last day.
    ///
    /// # Errors
    /// As [`Door::account`].
    pub(crate) async fn used(&self) -> Result<(u64, u64, f64), ToolError> {
        let account = self.account().await?;
        Ok(budget::usage(self.state(), &account.name)?.figures(self.now().await?))
    }

    /// The time at QuantConnect's side.
    ///
    /// # Errors
    /// Only if the demo world cannot start.
    pub(crate) async fn now(&self) -> Result<jiff::Timestamp, ToolError> {
        Ok(self.server.world().await?.clock.now())
    }

    /// Whether QuantConnect is played on this computer, so that no money can be real.
    pub(crate) fn is_simulated(&self) -> bool {
        self.server.is_demo() || self.settings().api_is_loopback()
    }

    /// What was seen of running algorithms lately, and for whom.
    pub(crate) fn seen_running(&self) -> (&Running, &CallerKey) {
        (self.server.running(), &self.caller.key)
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

/// Our word for a failure.
fn kind_of(error: &qc_api::Error) -> String {
    use qc_api::Error as E;
    match error {
        _ if error.is_auth() => "unauthorized".into(),
        E::MaybeCreated { .. } => "the answer was lost".into(),
        E::Refused { .. } => "refused by QuantConnect".into(),
        E::RateLimited { .. } => "rate limited".into(),
        E::Status { status, .. } => format!("http status {status}"),
        E::Transport { timeout: true, .. } => "no answer in time".into(),
        E::Transport { .. } => "not reached".into(),
        _ => "an answer that could not be read".into(),
    }
}
