//! How a deed is permitted: mode, size, budget, the human where it must be, the audit. In this order, so that nobody is
//! asked about what would be refused anyway, and nothing leaves that is not written down.

use super::{
    Door,
    audit::{self, Event, Scene},
    budget::{self, Budget, Charge},
    consent::{self, Question, Reply},
    deed::{Deed, Permit},
    mode::{self, Ruling},
    money,
    token::Call,
};
use crate::{
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    settings::Settings,
    store::{self, Store as _},
};

impl Ctx {
    /// Permits a deed, or says why not; nothing was sent then.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when mode, budget or the human does not allow it.
    pub async fn permit(&self, deed: Deed) -> Result<Permit, ToolError> {
        let mut permits = self.permit_all(vec![deed]).await?;
        permits.pop().ok_or_else(|| ToolError::new(Kind::Internal, Topic::General, "no deed to permit"))
    }

    /// Permits all of these deeds or none, with one question for all.
    ///
    /// # Errors
    /// As [`Ctx::permit`].
    pub async fn permit_all(&self, mut deeds: Vec<Deed>) -> Result<Vec<Permit>, ToolError> {
        let call = self.guarded()?;
        // A request may have asked for a lower mode than the server's.
        let settings = &Settings { mode: self.door.mode(), ..self.door.settings().clone() };
        for deed in &mut deeds {
            if is_delicate(deed, settings) && money::is_in_real_use(&self.door, in_project(deed)).await {
                deed.needs_human = true;
                deed.lines.push("an algorithm that trades real money runs from this, or may read it".into());
            }
        }
        let mut asks = false;
        for deed in &deeds {
            match mode::rule(settings, deed) {
                Ruling::Free => {}
                Ruling::Ask => asks = true,
                Ruling::Refuse(why) => return Err(self.refuse(call, &deeds, Topic::Live, &why)),
            }
        }
        let is_end = deeds.iter().all(Deed::is_end);
        let charge = Charge { runs: deeds.iter().map(|deed| deed.runs).sum(), qcc: deeds.iter().map(Deed::cost).sum() };
        if !is_end {
            let objects = deeds.iter().map(|deed| u64::from(deed.objects)).sum();
            let sized =
                budget::check_deletes(settings, objects).and_then(|()| budget::check_runs(settings, charge.runs));
            sized.map_err(|error| self.note(call, &deeds, error))?;
            let account = self.door.account().await?.name;
            let now = self.door.now().await?;
            let budget = Budget { store: self.door.state(), account: &account, settings, now };
            budget.check(charge).map_err(|error| self.note(call, &deeds, error))?;
        }
        if asks {
            self.consent(call, &deeds).await?;
        }
        if !is_end {
            let account = self.door.account().await?.name;
            let now = self.door.now().await?;
            let budget = Budget { store: self.door.state(), account: &account, settings, now };
            budget.take(charge).map_err(|error| self.note(call, &deeds, error))?;
        }
        let why = if asks { "a human said yes" } else { "" };
        for deed in &deeds {
            let written =
                audit::write(self.door.state(), self.door.scene(&call.tool), Event::Permitted, Some(deed), why);
            if let Err(reason) = written {
                tracing::error!(%reason, "the audit cannot be written");
                if !is_end {
                    return Err(ToolError::new(
                        Kind::Forbidden,
                        Topic::Audit,
                        "the audit cannot be written, so nothing that needs it is done; nothing was sent",
                    ));
                }
            }
        }
        Ok(deeds.into_iter().map(|deed| Permit { deed, tool: call.tool.clone() }).collect())
    }

    /// Whether the budget has room for this much credit now, so that nothing is previewed or begun that could not be
    /// ended; takes nothing.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] when it has not; as [`Door::account`].
    pub(crate) async fn can_spend(&self, qcc: f64) -> Result<(), ToolError> {
        let (account, now) = (self.door.account().await?.name, self.door.now().await?);
        let (store, settings) = (self.door.state(), self.door.settings());
        Budget { store, account: &account, settings, now }.check(Charge { runs: 0, qcc })
    }

    /// Says whether mode and budgets would refuse a deed now; takes nothing and asks nobody. For previews, so that nobody
    /// agrees to what will not be done.
    ///
    /// # Errors
    /// [`Kind::Forbidden`].
    pub async fn foresee(&self, deed: &Deed) -> Result<(), ToolError> {
        let settings = &Settings { mode: self.door.mode(), ..self.door.settings().clone() };
        if let Ruling::Refuse(why) = mode::rule(settings, deed) {
            return Err(ToolError::new(Kind::Forbidden, Topic::General, why));
        }
        budget::check_runs(settings, deed.runs)?;
        let (account, now) = (self.door.account().await?.name, self.door.now().await?);
        let budget = Budget { store: self.door.state(), account: &account, settings, now };
        budget.check(Charge { runs: deed.runs, qcc: deed.cost() })
    }

    /// Says what the mode says about a deed that is not yet complete, so that a preview of what is refused anyway sends
    /// nothing.
    ///
    /// # Errors
    /// [`Kind::Forbidden`].
    pub fn refuse_early(&self, deed: &Deed, why: &str) -> ToolError {
        match self.guarded() {
            Ok(call) => self.refuse(call, std::slice::from_ref(deed), Topic::Live, why),
            Err(error) => error,
        }
    }

    /// Asks the human about these deeds.
    async fn consent(&self, call: &Call, deeds: &[Deed]) -> Result<(), ToolError> {
        if let Some(why) = Question::too_long(deeds) {
            return Err(self.refuse(call, deeds, Topic::Consent, &why));
        }
        let question = Question::of(deeds, self.door.is_simulated());
        let ticket = deeds.iter().find_map(|deed| deed.ticket.as_ref());
        let reply = match (self.ask.is_mute(), ticket) {
            (Some(why), _) => Reply::Mute(why),
            // The question of a preview is put once; a second call only brings its answer.
            (None, Some(ticket)) if !self.ask.has_reply() && !self.ask_once(ticket).await? => {
                Reply::No("the question for this preview was put before")
            }
            _ => {
                if !self.ask.has_reply() {
                    self.note_each(call, deeds, Event::Asked, "");
                }
                self.ask.put(&question, ticket.map_or("", |ticket| ticket.id.as_str())).await?
            }
        };
        match reply {
            Reply::Yes => return Ok(()),
            Reply::Pending => return Err(consent::pending()),
            Reply::No(_) | Reply::Mute(_) => {}
        }
        if let Some(ticket) = ticket {
            self.door.spend(ticket)?;
        }
        let why = match reply {
            Reply::No(why) => why.to_owned(),
            Reply::Mute(why) => format!("this needs a human's consent, and {why}"),
            Reply::Yes | Reply::Pending => String::new(),
        };
        Err(self.refuse(call, deeds, Topic::Consent, &why))
    }

    /// A refusal, written down; for what ends an algorithm with the page where a human can do it.
    fn refuse(&self, call: &Call, deeds: &[Deed], topic: Topic, why: &str) -> ToolError {
        let mut message = format!("{why}; nothing was sent");
        let live = deeds.iter().filter(|deed| deed.endpoint.reach == qc_api::Reach::Live || deed.needs_human);
        let mut pages: Vec<String> = live.map(Deed::page).collect();
        pages.dedup();
        if !pages.is_empty() {
            message.push_str("; a human can do it at ");
            message.push_str(&pages.join(" "));
        }
        self.note(call, deeds, ToolError::new(Kind::Forbidden, topic, message))
    }

    /// Writes a refusal down.
    fn note(&self, call: &Call, deeds: &[Deed], error: ToolError) -> ToolError {
        self.note_each(call, deeds, Event::Refused, &error.message);
        error
    }

    /// Writes down what happened to each of these deeds; nothing waits for it.
    fn note_each(&self, call: &Call, deeds: &[Deed], event: Event, why: &str) {
        for deed in deeds {
            if let Err(reason) = audit::write(self.door.state(), self.door.scene(&call.tool), event, Some(deed), why) {
                tracing::error!(%reason, "the audit cannot be written");
            }
        }
    }
}

impl Door {
    /// The permit of a deed that a human agreed to beforehand: the end of a deployment whose watcher they set up. The mode
    /// is asked again; a human is not, and a failing audit is no obstacle to an end.
    ///
    /// # Errors
    /// [`Kind::Forbidden`] where the mode does not allow it any more, or for a deed that ends nothing.
    pub(crate) fn agreed(&self, tool: &str, deed: Deed, why: &str) -> Result<Permit, ToolError> {
        let settings = &Settings { mode: self.mode(), ..self.settings().clone() };
        let refusal = match mode::rule(settings, &deed) {
            Ruling::Refuse(why) => Some(why),
            _ if !deed.is_end() => Some("only an end is agreed to beforehand".to_owned()),
            _ => None,
        };
        let (event, reason) = match &refusal {
            Some(refusal) => (Event::Refused, refusal.clone()),
            None => (Event::Permitted, format!("a human agreed to it at set-up; {why}")),
        };
        if let Err(reason) = audit::write(self.state(), self.scene(tool), event, Some(&deed), &reason) {
            tracing::error!(%reason, "the audit cannot be written");
        }
        match refusal {
            Some(why) => Err(ToolError::new(Kind::Forbidden, Topic::Live, format!("{why}; nothing was sent"))),
            None => Ok(Permit { deed, tool: tool.to_owned() }),
        }
    }

    /// Writes down what happened to a watcher; nothing was sent.
    pub(crate) fn write_down(&self, tool: &str, deed: &Deed, what: &str) {
        if let Err(reason) = audit::write(self.state(), self.scene(tool), Event::Noted, Some(deed), what) {
            tracing::error!(%reason, "the audit cannot be written");
        }
    }

    /// Who does what where, for the audit.
    pub(super) fn scene<'a>(&'a self, tool: &'a str) -> Scene<'a> {
        Scene { mode: self.mode(), tool, caller: self.caller.key.prefix(), simulated: self.is_simulated() }
    }

    /// Writes down that a call was refused before it was clear what it would do.
    pub(super) fn note_refusal(&self, call: &Call, why: &str) {
        if let Err(reason) = audit::write(self.state(), self.scene(&call.tool), Event::Refused, None, why) {
            tracing::error!(%reason, "the audit cannot be written");
        }
    }

    /// Takes a ticket out of the store: only one request gets it.
    pub(super) fn spend(&self, ticket: &super::token::Ticket) -> Result<bool, ToolError> {
        Ok(self.state().remove(self.caller_key(), store::Kind::Preview, &ticket.id)?)
    }
}

/// Whether what running algorithms need may be touched: projects and files deleted, libraries taken away, objects
/// replaced or deleted but for those that the settings leave open.
fn is_delicate(deed: &Deed, settings: &Settings) -> bool {
    let is_open = || deed.object.as_deref().is_some_and(|key| settings.leaves_open(key));
    match deed.endpoint.path {
        "projects/delete" | "files/delete" | "projects/library/delete" => true,
        "object/delete" => !is_open(),
        "object/set" => 0 < deed.objects && !is_open(),
        _ => false,
    }
}

/// The project a deed is about, where it is about one alone.
fn in_project(deed: &Deed) -> Option<qc_api::ids::ProjectId> {
    deed.project.filter(|_| !deed.endpoint.path.starts_with("object/"))
}
