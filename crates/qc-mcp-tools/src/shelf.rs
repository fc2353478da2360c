//! Where a tool stands: its group, and what it may change. Everything a client is told about a tool's
//! danger follows from its shelf, never from its author.

use rmcp::{handler::server::tool::ToolRouter, model::ToolAnnotations};

use crate::server::QcServer;

/// What a tool may change, as a ladder: each rung may do what the rungs below it do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Changes nothing.
    Read,
    /// Makes something new; calling twice makes two.
    Create,
    /// Changes something that exists; calling twice changes nothing more.
    Update,
    /// Removes something.
    Delete,
    /// Touches a running algorithm or a market.
    Live,
}

impl Access {
    /// The four MCP hints (and the title) of a tool on this rung.
    pub(crate) fn annotations(self, title: Option<String>, open_world: bool) -> ToolAnnotations {
        let (read_only, destructive, idempotent) = match self {
            Access::Read => (true, false, true),
            Access::Create => (false, false, false),
            Access::Update => (false, false, true),
            Access::Delete => (false, true, true),
            Access::Live => (false, true, false),
        };
        ToolAnnotations::from_raw(title, Some(read_only), Some(destructive), Some(idempotent), Some(open_world))
    }

    /// The word used in the generated reference.
    pub fn id(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Create => "create",
            Access::Update => "update",
            Access::Delete => "delete",
            Access::Live => "live",
        }
    }
}

/// Declares [`Group`] and its facts in one table, so that the README, `--toolsets` and the docs agree.
macro_rules! groups {
    ($($variant:ident $id:literal $title:literal $reach:ident $default:ident $about:literal;)*) => {
        /// A family of tools, named as `--toolsets` names it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Group { $(#[doc = $about] $variant,)* }

        impl Group {
            /// Every group, in the order of the reference.
            pub const ALL: &'static [Group] = &[$(Group::$variant,)*];

            /// The name used in `--toolsets`.
            pub fn id(self) -> &'static str { match self { $(Group::$variant => $id,)* } }

            /// The name for people.
            pub fn title(self) -> &'static str { match self { $(Group::$variant => $title,)* } }

            /// One line about the group.
            pub fn about(self) -> &'static str { match self { $(Group::$variant => $about,)* } }

            /// Whether its tools talk to QuantConnect (and not only to this server and local data).
            pub fn reaches_account(self) -> bool { match self { $(Group::$variant => groups!(@reach $reach),)* } }

            /// Whether the group is in the toolset `default`.
            pub fn in_default(self) -> bool { match self { $(Group::$variant => groups!(@default $default),)* } }
        }
    };
    (@reach account) => { true };
    (@reach local) => { false };
    (@default on) => { true };
    (@default off) => { false };
}

groups! {
    System       "system"        "This server"     local   on  "What this server is, its mode, account and guards.";
    Auth         "auth"          "Sign-in"         account   on  "Credentials of QuantConnect: set, check, forget.";
    Account      "account"       "Account"         account on  "Account, organisations, credit and nodes.";
    Projects     "projects"      "Projects"        account on  "Create, read, change and delete projects.";
    Files        "files"         "Files"           account on  "Source files of a project: read, write, edit.";
    Compile      "compile"       "Compile"         account on  "Compile a project and read the errors.";
    Backtests    "backtests"     "Backtests"       account on  "Run backtests; read statistics, charts, orders, trades and logs.";
    Optimizations "optimizations" "Optimizations"  account off "Estimate, start, read and stop optimizations.";
    Live         "live"          "Live trading"    account on  "Deploy, watch, stop and liquidate live algorithms.";
    ObjectStore  "object_store"  "Object store"    account off "Objects kept in QuantConnect's object store.";
    Assist       "assist"        "Coding help"     account off "Code checked, completed, explained and looked through; QuantConnect's documentation searched.";
    Quantbook    "quantbook"     "Workbooks"       local   on  "Named research workbooks of this server.";
    Data         "data"          "Market data"     local   on  "Prices, chains and other data of a LEAN data folder or of your own tables, and what they hold.";
    Analysis     "analysis"      "Analysis"        local   on  "Statistics of prices: cointegration, components, correlation, mean reversion, hedge ratios, regimes, alpha.";
    Portfolio    "portfolio"     "Portfolios"      local   on  "Weights by a rule, how portfolios and pairs did.";
    Universe     "universe"      "Universes"       local   on  "Members of exchange traded funds on a day; assets chosen and screened.";
    Discover     "discover"      "Finding tools"   account off "Four tools that find, describe and call the others, but for those that delete, trade or spend.";
    Workflows    "workflows"     "Workflows"       account on  "Whole jobs in one call.";
}

impl Group {
    /// The group of that `--toolsets` name.
    pub fn from_id(id: &str) -> Option<Group> {
        Group::ALL.iter().copied().find(|group| group.id() == id)
    }

    /// Whether its tools change nothing but this server (and so exist in every mode).
    pub(crate) fn stays_here(self) -> bool {
        matches!(self, Group::System | Group::Auth | Group::Discover) || self.is_research()
    }

    /// Whether its tools take the shared research arguments.
    pub(crate) fn is_research(self) -> bool {
        matches!(self, Group::Quantbook | Group::Data | Group::Analysis | Group::Portfolio | Group::Universe)
    }
}

/// Some tools of one group that may change the same things.
#[derive(Clone, Copy)]
pub struct Shelf {
    /// The family.
    pub group: Group,
    /// What its tools may change.
    pub access: Access,
    /// The tools themselves, as `#[tool_router]` made them.
    pub tools: fn() -> ToolRouter<QcServer>,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("group", &self.group).field("access", &self.access).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_follow_from_the_rung() {
        let hints = |access: Access| {
            let a = access.annotations(None, true);
            (a.read_only_hint, a.destructive_hint, a.idempotent_hint, a.open_world_hint)
        };
        assert_eq!(hints(Access::Read), (Some(true), Some(false), Some(true), Some(true)));
        assert_eq!(hints(Access::Create), (Some(false), Some(false), Some(false), Some(true)));
        assert_eq!(hints(Access::Update), (Some(false), Some(false), Some(true), Some(true)));
        assert_eq!(hints(Access::Delete), (Some(false), Some(true), Some(true), Some(true)));
        assert_eq!(hints(Access::Live), (Some(false), Some(true), Some(false), Some(true)));
    }

    #[test]
    fn the_ladder_is_ordered() {
        assert!(Access::Read < Access::Create && Access::Create < Access::Update);
        assert!(Access::Update < Access::Delete && Access::Delete < Access::Live);
    }

    #[test]
    fn group_names_are_unique_and_found_again() {
        for group in Group::ALL {
            assert_eq!(Group::from_id(group.id()), Some(*group));
        }
    }
}
