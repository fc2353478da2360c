//! What each mode lets pass. One table for all: requests that any mode may send plainly, requests that need a permit,
//! and what the permit depends on.

use qc_api::{Cost, Effect, EndpointInfo, Reach};

use super::deed::Deed;
use crate::settings::{Mode, Settings};

/// What the mode says about a deed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ruling {
    /// It may be done.
    Free,
    /// It may be done when a human consents.
    Ask,
    /// It may not, for this reason.
    Refuse(String),
}

/// Whether an endpoint changes nothing, costs nothing and reveals no secret.
pub(crate) fn is_harmless(endpoint: &EndpointInfo) -> bool {
    endpoint.effect == Effect::Read && endpoint.cost == Cost::Nothing && endpoint.reach == Reach::None
}

/// Whether a request needs a permit: it touches running algorithms or other people, costs credit or a node, deletes,
/// replaces or takes away what running algorithms may read, or handles a brokerage's tokens.
pub(crate) fn is_gated(endpoint: &EndpointInfo) -> bool {
    matches!(endpoint.reach, Reach::Live | Reach::People)
        || (endpoint.cost != Cost::Nothing && endpoint.effect != Effect::Read)
        || endpoint.effect == Effect::Delete
        || matches!(endpoint.path, "object/set" | "projects/library/delete")
        || endpoint.path.starts_with("live/auth0/")
}

/// Whether `mode` lets a request leave that needs no permit.
pub(super) fn allows_plain(endpoint: &EndpointInfo, mode: Mode) -> bool {
    !is_gated(endpoint) && (endpoint.effect == Effect::Read || mode != Mode::ReadOnly)
}

/// What the mode of these settings says about a deed, before budgets and previews.
pub(super) fn rule(settings: &Settings, deed: &Deed) -> Ruling {
    let mode = settings.mode;
    let row = &deed.endpoint;
    let refuse = |why: &str| Ruling::Refuse(format!("mode {} does not allow {}: {why}", mode.id(), row.path));
    if mode == Mode::ReadOnly {
        return refuse("it changes something or handles keys");
    }
    let live = row.reach == Reach::Live || row.path.starts_with("live/");
    if mode == Mode::Research && live {
        return refuse("it concerns live trading");
    }
    if row.path == "live/commands/broadcast" && !names(&settings.allow_broadcast_orgs, deed.organization.as_deref()) {
        return refuse("broadcasts are off unless QC_MCP_ALLOW_BROADCAST_ORGS names the organisation");
    }
    if row.path == "live/create" && deed.ticket.is_none() {
        return refuse("it was not previewed");
    }
    if deed.is_real() && !deed.is_end() {
        if mode != Mode::Live {
            return refuse("it moves real money, or nobody can say that it does not; that takes QC_MCP_MODE=live");
        }
        if !names(&settings.allow_live_orgs, deed.organization.as_deref()) {
            return refuse("QC_MCP_ALLOW_LIVE_ORGS does not name the project's organisation");
        }
    }
    if deed.is_real() || deed.needs_human || row.reach == Reach::People {
        return Ruling::Ask;
    }
    Ruling::Free
}

fn names(list: &[String], id: Option<&str>) -> bool {
    id.is_some_and(|id| list.iter().any(|named| named == id))
}

#[cfg(test)]
mod tests {
    use qc_api::{
        brokerage::Money,
        endpoints::{
            live::{LiquidateLive, StopLive},
            live_commands::{BroadcastLiveCommand, CreateLiveCommand},
            projects::DeleteProject,
        },
    };

    use super::*;
    use crate::settings::Transport;

    const MODES: [Mode; 4] = [Mode::ReadOnly, Mode::Research, Mode::Paper, Mode::Live];

    fn settings(mode: Mode) -> Settings {
        let flags = ["--mode", mode.id(), "--allow-live-orgs", "abc", "--allow-broadcast-orgs", "abc"];
        Settings::isolated(Transport::Stdio, flags).unwrap()
    }

    fn free_in(deed: &Deed) -> Vec<&'static str> {
        MODES.into_iter().filter(|mode| rule(&settings(*mode), deed) == Ruling::Free).map(Mode::id).collect()
    }

    fn asked_in(deed: &Deed) -> Vec<&'static str> {
        MODES.into_iter().filter(|mode| rule(&settings(*mode), deed) == Ruling::Ask).map(Mode::id).collect()
    }

    #[test]
    fn read_only_sends_reads_alone_and_no_mode_sends_grave_things_plainly() {
        for row in qc_api::endpoints() {
            assert!(!allows_plain(row, Mode::ReadOnly) || row.effect == Effect::Read, "{}", row.path);
            let grave = row.effect != Effect::Read
                && (row.cost == Cost::Credit || matches!(row.reach, Reach::Live | Reach::People));
            for mode in MODES {
                assert!(!grave || !allows_plain(row, mode), "{} in {}", row.path, mode.id());
            }
        }
        let plain = |path: &str| {
            qc_api::endpoints().filter(|row| row.path == path).all(|row| allows_plain(row, Mode::Research))
        };
        assert!(
            plain("backtests/read") && plain("files/update") && plain("compile/create") && plain("projects/create")
        );
        for path in ["live/create", "live/auth0/read", "backtests/create", "projects/delete", "object/set", "data/read"]
        {
            assert!(!plain(path), "{path}");
        }
    }

    #[test]
    fn ending_real_money_is_asked_and_paper_is_free() {
        let stop = Deed::new("stop", &StopLive { project_id: 1.into() });
        assert_eq!(free_in(&stop.clone().money(Money::Paper)), ["paper", "live"]);
        assert_eq!(asked_in(&stop.clone().money(Money::Real)), ["paper", "live"]);
        assert_eq!(asked_in(&stop), ["paper", "live"], "what nobody knows is real");
        let sell = Deed::new("liquidate", &LiquidateLive { project_id: 1.into() });
        assert_eq!(asked_in(&sell), ["paper", "live"]);
    }

    #[test]
    fn commands_to_real_money_need_the_organisation_and_a_human() {
        let command = CreateLiveCommand { project_id: 1.into(), command: serde_json::json!({}) };
        let deed = Deed::new("command", &command);
        assert_eq!((free_in(&deed), asked_in(&deed)), (vec![], vec![]), "organisation unknown");
        assert_eq!(asked_in(&deed.clone().organization("abc")), ["live"]);
        assert_eq!(asked_in(&deed.clone().organization("abcd")), Vec::<&str>::new());
        assert_eq!(free_in(&deed.money(Money::Paper)), ["paper", "live"]);
    }

    #[test]
    fn broadcasts_are_off_unless_named() {
        let broadcast = BroadcastLiveCommand {
            organization_id: "abc".into(),
            command: serde_json::json!({}),
            exclude_project_id: None,
        };
        let deed = Deed::new("broadcast", &broadcast).money(Money::Paper).organization("abc");
        assert_eq!(free_in(&deed), ["paper", "live"]);
        let off = Settings::isolated(Transport::Stdio, ["--mode", "paper"]).unwrap();
        assert!(matches!(rule(&off, &deed), Ruling::Refuse(_)));
    }

    #[test]
    fn a_delete_is_for_every_mode_that_writes() {
        let deed = Deed::new("delete", &DeleteProject { project_id: 1.into() });
        assert_eq!(free_in(&deed), ["research", "paper", "live"]);
        assert_eq!(asked_in(&deed.needs_human()), ["research", "paper", "live"]);
    }
}
