//! Live algorithms: deployments, what they hold, what they say.
//!
//! Source: API description, `LiveAlgorithmResults`; LEAN's `Holding` (short names) and `AlgorithmStatus`.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::ids::{DeployId, ProjectId};
use crate::model::{Chart, ProjectFile, Statistics, Symbol};
use crate::wire::open_enum::open_enum;
use crate::wire::{Map, date, flag, list, map, number, object, text};

open_enum! {
    /// How far a deployment is.
    pub enum LiveStatus {
        /// It could not be started.
        DeployError = "DeployError",
        /// Waiting for its node.
        InQueue = "InQueue",
        /// At work.
        Running = "Running",
        /// Ended; holdings were kept.
        Stopped = "Stopped",
        /// Ended; holdings were sold.
        Liquidated = "Liquidated",
        /// Gone.
        Deleted = "Deleted",
        /// Ended by itself.
        Completed = "Completed",
        /// Ended by an error of the algorithm.
        RuntimeError = "RuntimeError" | "Runtime Error",
        /// Not usable.
        Invalid = "Invalid",
        /// Signing in at the brokerage.
        LoggingIn = "LoggingIn",
        /// Starting.
        Initializing = "Initializing",
        /// Reading its past.
        History = "History",
        /// Waiting for somebody's answer.
        PendingInput = "PendingInput",
        /// Doing nothing.
        Idle = "Idle",
        /// The service knows of none.
        Undefined = "Undefined",
    }
}

impl LiveStatus {
    /// Whether it is certain that nothing runs any more. Unknown words are not.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        matches!(
            self,
            Self::DeployError
                | Self::Stopped
                | Self::Liquidated
                | Self::Deleted
                | Self::Completed
                | Self::RuntimeError
                | Self::Invalid
        )
    }

    /// Whether it is on its way to running.
    #[must_use]
    pub fn is_starting(&self) -> bool {
        matches!(self, Self::InQueue | Self::LoggingIn | Self::Initializing | Self::History)
    }
}

/// A deployment as `live/read` gives it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveAlgorithm {
    /// What the service says about it.
    #[serde(deserialize_with = "text::option")]
    pub message: Option<String>,
    /// The deployment.
    pub deploy_id: Option<DeployId>,
    /// How far it is.
    pub status: Option<LiveStatus>,
    /// The project it was cloned from.
    #[serde(deserialize_with = "number::option_integer")]
    pub clone_id: Option<i64>,
    /// When it was started.
    #[serde(with = "date::spaced")]
    pub launched: Option<Timestamp>,
    /// When it ended; absent while it runs.
    #[serde(with = "date::spaced")]
    pub stopped: Option<Timestamp>,
    /// The brokerage, such as `PaperBrokerage`.
    #[serde(deserialize_with = "text::option")]
    pub brokerage: Option<String>,
    /// Kinds of securities.
    #[serde(deserialize_with = "text::option")]
    pub security_types: Option<String>,
    /// Where it runs.
    #[serde(deserialize_with = "text::option")]
    pub datacenter: Option<String>,
    /// Whether its charts are public.
    #[serde(deserialize_with = "flag::or_false")]
    pub is_public_streaming: bool,
    /// Whether it is public.
    #[serde(deserialize_with = "flag::or_false")]
    pub public: bool,
    /// What its owner wrote about it.
    #[serde(deserialize_with = "text::option")]
    pub description: Option<String>,
    /// The code that runs.
    #[serde(deserialize_with = "list::of")]
    pub files: Vec<ProjectFile>,
    /// Statistics as LEAN shows them.
    pub runtime_statistics: Statistics,
    /// Figures of the machine.
    #[serde(deserialize_with = "map::of_texts")]
    pub server_statistics: Map<String>,
    /// The charts it has; names only.
    #[serde(deserialize_with = "map::of")]
    pub charts: Map<Chart>,
    /// The project's name.
    #[serde(deserialize_with = "text::option")]
    pub project_name: Option<String>,
}

/// A deployment in a list.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct LiveSummary {
    /// The project.
    pub project_id: ProjectId,
    /// The deployment.
    pub deploy_id: Option<DeployId>,
    /// How far it is.
    pub status: Option<LiveStatus>,
    /// When it was started.
    #[serde(with = "date::spaced")]
    pub launched: Option<Timestamp>,
    /// When it ended.
    #[serde(with = "date::spaced")]
    pub stopped: Option<Timestamp>,
    /// The brokerage.
    #[serde(deserialize_with = "text::option")]
    pub brokerage: Option<String>,
    /// The channel of its messages.
    #[serde(deserialize_with = "text::option")]
    pub subscription: Option<String>,
    /// Equity, in the account's currency.
    #[serde(deserialize_with = "number::option")]
    pub equity: Option<f64>,
    /// The environment; its words are not documented, so nothing is concluded from it.
    #[serde(deserialize_with = "text::option")]
    pub environment: Option<String>,
    /// What its owner wrote about it.
    #[serde(deserialize_with = "text::option")]
    pub description: Option<String>,
    /// What stopped it.
    #[serde(deserialize_with = "text::option")]
    pub error: Option<String>,
    /// Competitions it takes part in.
    #[serde(deserialize_with = "list::of_texts")]
    pub leagues: Vec<String>,
}

/// What a deployment holds, as of some minutes ago.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Portfolio {
    /// Holdings by security identifier. Closed ones are gone.
    #[serde(deserialize_with = "map::of")]
    pub holdings: Map<Holding>,
    /// Cash by currency.
    #[serde(deserialize_with = "map::of")]
    pub cash: Map<Cash>,
}

/// A holding. LEAN leaves out members that are zero.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Holding {
    /// Mean price paid.
    #[serde(rename = "a", alias = "averagePrice", deserialize_with = "number::or_zero")]
    pub average_price: f64,
    /// Units; negative is short.
    #[serde(rename = "q", alias = "quantity", deserialize_with = "number::or_zero")]
    pub quantity: f64,
    /// Price now.
    #[serde(rename = "p", alias = "marketPrice", deserialize_with = "number::or_zero")]
    pub market_price: f64,
    /// Value now.
    #[serde(rename = "v", alias = "marketValue", deserialize_with = "number::or_zero")]
    pub market_value: f64,
    /// Profit or loss not yet taken.
    #[serde(rename = "u", alias = "unrealizedPnl", alias = "unrealizedPnL", deserialize_with = "number::or_zero")]
    pub unrealized: f64,
    /// The same in percent.
    #[serde(rename = "up", alias = "unrealizedPnLPercent", deserialize_with = "number::or_zero")]
    pub unrealized_percent: f64,
    /// Currency symbol; left out for the dollar.
    #[serde(rename = "c", alias = "currencySymbol", deserialize_with = "text::option")]
    pub currency_symbol: Option<String>,
    /// Conversion into the account's currency; left out when 1.
    #[serde(rename = "r", alias = "conversionRate", deserialize_with = "number::option")]
    pub conversion_rate: Option<f64>,
    /// The security, in long answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub symbol: Option<Symbol>,
}

/// Cash in one currency.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cash {
    /// The currency, such as `USD`.
    #[serde(deserialize_with = "text::string")]
    pub symbol: String,
    /// How much of it.
    #[serde(deserialize_with = "number::or_zero")]
    pub amount: f64,
    /// Conversion into the account's currency.
    #[serde(deserialize_with = "number::option")]
    pub conversion_rate: Option<f64>,
    /// Its symbol.
    #[serde(deserialize_with = "text::option")]
    pub currency_symbol: Option<String>,
    /// How much it is in the account's currency.
    #[serde(deserialize_with = "number::option")]
    pub value_in_account_currency: Option<f64>,
    /// The securities its conversion comes from.
    #[serde(deserialize_with = "list::of")]
    pub security_symbols: Vec<Symbol>,
}

/// Where the service sends word of orders and insights. Headers and bot tokens do not print.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum NotificationTarget {
    /// An e-mail.
    Email {
        /// To whom.
        address: String,
        /// The subject line.
        subject: String,
    },
    /// A POST to an address of one's own.
    Webhook {
        /// The address.
        address: String,
        /// Headers to send along; they may hold secrets.
        #[serde(default)]
        headers: Map<String>,
    },
    /// A text message.
    #[serde(rename_all = "camelCase")]
    Sms {
        /// The number.
        phone_number: String,
    },
    /// A Telegram message.
    Telegram {
        /// The chat.
        id: String,
        /// The bot's token, if not QuantConnect's own bot.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<String>,
    },
}

impl fmt::Debug for NotificationTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Email { address, subject } => {
                f.debug_struct("Email").field("address", address).field("subject", subject).finish()
            }
            Self::Webhook { address, headers } => {
                // The path and the query of a hook are often its key.
                let host = address
                    .split_once("://")
                    .map_or("****", |(_, rest)| rest.split(['/', '?']).next().unwrap_or_default());
                f.debug_struct("Webhook").field("host", &host).field("headers", &headers.keys()).finish_non_exhaustive()
            }
            Self::Sms { phone_number } => f.debug_struct("Sms").field("phone_number", phone_number).finish(),
            Self::Telegram { id, token } => {
                f.debug_struct("Telegram").field("id", id).field("token", &token.as_ref().map(|_| "****")).finish()
            }
        }
    }
}

open_enum! {
    /// What is announced.
    pub enum NotificationEvent {
        /// Orders.
        Orders = "orderEvent",
        /// Insights.
        Insights = "insight",
    }
}

/// Who hears of what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Notifications {
    /// What is announced.
    #[serde(deserialize_with = "list::of")]
    pub events: Vec<NotificationEvent>,
    /// To whom.
    #[serde(deserialize_with = "list::of")]
    pub targets: Vec<NotificationTarget>,
}

/// A portfolio, or none.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PortfolioReply {
    /// What the deployment holds.
    #[serde(deserialize_with = "object::option")]
    pub portfolio: Option<Portfolio>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holdings_read_short_and_long_names_and_missing_zeros() {
        for json in [
            r#"{"holdings":{"SPY R735QTJ8XC9X":{"a":"10.5","q":2,"p":11}},"cash":[]}"#,
            r#"{"holdings":{"SPY R735QTJ8XC9X":{"averagePrice":10.5,"quantity":2,"marketPrice":11}},"cash":{}}"#,
        ] {
            let portfolio: Portfolio = serde_json::from_str(json).unwrap();
            let holding = &portfolio.holdings["SPY R735QTJ8XC9X"];
            assert_eq!((holding.average_price, holding.quantity, holding.unrealized), (10.5, 2.0, 0.0), "{json}");
        }
        assert!(serde_json::from_str::<Portfolio>(r#"{"holdings":[],"cash":[]}"#).unwrap().holdings.is_empty());
    }

    #[test]
    fn only_known_ends_are_ends() {
        assert!(LiveStatus::from("Liquidated").is_terminal());
        for word in ["Running", "Undefined", "LoggingIn", "Sleeping"] {
            assert!(!LiveStatus::from(word).is_terminal(), "{word}");
        }
    }

    #[test]
    fn targets_are_told_apart_by_their_members() {
        for (json, expected) in [
            (r#"{"address":"a@b.c","subject":"s"}"#, "Email"),
            (r#"{"address":"https://x","headers":{"a":"b"}}"#, "Webhook"),
            (r#"{"phoneNumber":"1"}"#, "Sms"),
            (r#"{"id":"1","token":"t"}"#, "Telegram"),
        ] {
            let target: NotificationTarget = serde_json::from_str(json).unwrap();
            assert!(format!("{target:?}").starts_with(expected));
        }
    }

    #[test]
    fn keys_in_targets_do_not_print() {
        for json in [
            r#"{"address":"https://hook.example/s3cr3t?k=s3cr3t","headers":{"x-key":"s3cr3t"}}"#,
            r#"{"address":"user:s3cr3t","headers":{}}"#,
            r#"{"id":"1","token":"s3cr3t"}"#,
        ] {
            let targets = vec![serde_json::from_str(json).unwrap()];
            let shown = format!("{:?}", Notifications { events: vec![], targets });
            assert!(!shown.contains("s3cr3t"), "{shown}");
        }
    }
}
