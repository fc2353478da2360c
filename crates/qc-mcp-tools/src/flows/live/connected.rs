//! Accounts that the user connected by signing in: the keys of such a brokerage are read from QuantConnect when they are
//! sent, live in that one request, and are neither shown nor kept.

use std::time::Duration;

use qc_api::{
    brokerage::Brokerage,
    endpoints::connections::{Authorization, Connection, ReadConnection},
};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{
    args::words_without_values,
    ctx::Ctx,
    error::{Kind, ToolError, Topic},
    gate::Deed,
};

/// How long the service may take to say whether somebody signed in; it would wait for minutes.
const PATIENCE: Duration = Duration::from_secs(20);
/// What stands for a key until it is sent.
const STAND_IN: &str = "read-when-it-is-sent";

/// The settings that a sign-in fills, by brokerage.
const FILLED: [(&str, Connection, &[&str]); 3] = [
    ("AlpacaBrokerage", Connection::Alpaca, &["alpaca-access-token"]),
    ("TradeStationBrokerage", Connection::TradeStation, &["trade-station-client-id", "trade-station-refresh-token"]),
    ("TastytradeBrokerage", Connection::Tastytrade, &["tastytrade-refresh-token"]),
];

/// Settings of a brokerage whose keys come from a connected account.
#[derive(Clone)]
pub(crate) struct Connected {
    connection: Connection,
    names: &'static [&'static str],
    config: Map<String, Value>,
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("connection", &self.connection).finish_non_exhaustive()
    }
}

/// The accounts that were connected, known again without being shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accounts(Vec<String>);

impl Connected {
    /// Settings of a brokerage with a sign-in that hold none of its keys.
    pub(crate) fn of(config: &Map<String, Value>) -> Option<Connected> {
        let id = config.get("id")?.as_str()?;
        let (_, connection, names) = FILLED.iter().find(|(known, ..)| *known == id)?;
        let holds_none = names.iter().all(|name| !config.contains_key(*name));
        holds_none.then(|| Connected { connection: connection.clone(), names, config: config.clone() })
    }

    /// The brokerage with something else where the keys will be: judged and previewed like the real one.
    pub(crate) fn stand_in(&self) -> Result<Brokerage, ToolError> {
        self.filled(&Map::from_iter(self.names.iter().map(|name| ((*name).to_owned(), Value::from(STAND_IN)))))
    }

    fn filled(&self, keys: &Map<String, Value>) -> Result<Brokerage, ToolError> {
        let mut config = self.config.clone();
        for name in self.names {
            config.insert((*name).to_owned(), keys.get(*name).cloned().unwrap_or_default());
        }
        let text = Zeroizing::new(Value::Object(config).to_string());
        Brokerage::from_json(&text).map_err(|error| {
            ToolError::argument(format!(
                "`brokerage_config`: {}; nothing was sent",
                words_without_values(&error.to_string())
            ))
        })
    }

    /// The accounts that are connected now.
    pub(crate) async fn accounts(&self, ctx: &Ctx) -> Result<Accounts, ToolError> {
        Ok(accounts_of(&self.read(ctx).await?))
    }

    /// The brokerage with its keys, for the one request that carries them; refused if other accounts are connected
    /// than the preview saw.
    pub(crate) async fn with_keys(&self, ctx: &Ctx, seen: &str) -> Result<Brokerage, ToolError> {
        let found = self.read(ctx).await?;
        if accounts_of(&found).fingerprint(ctx).await? != seen {
            let message = "another account is connected than in the preview; nothing was sent";
            return Err(ToolError::new(Kind::Forbidden, Topic::Preview, message));
        }
        let keys = found.settings.iter().map(|(name, value)| (name.clone(), value.clone()));
        self.filled(&Map::from_iter(keys))
    }

    async fn read(&self, ctx: &Ctx) -> Result<Authorization, ToolError> {
        let nobody = || {
            let message = format!(
                "no {} account is connected: `authorize_connection` gives the page to sign in at; nothing was sent",
                self.connection.as_str()
            );
            ToolError::new(Kind::NotReady, Topic::Live, message)
        };
        let request = ReadConnection { brokerage: self.connection.clone() };
        let permit = ctx.permit(Deed::new("read the keys of a connected account", &request)).await?;
        let found = match tokio::time::timeout(PATIENCE, ctx.door.send_with(permit, &request)).await {
            Ok(Ok(reply)) => reply.authorization.ok_or_else(nobody)?,
            Ok(Err(error)) if matches!(error.kind, Kind::Refused | Kind::NotFound | Kind::Unauthorized) => {
                return Err(nobody());
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(nobody()),
        };
        let is_key = |name: &&str| found.settings.get(*name).and_then(Value::as_str).is_some_and(|key| !key.is_empty());
        match self.names.iter().all(is_key) {
            true => Ok(found),
            false => Err(ToolError::new(
                Kind::BadAnswer,
                Topic::Live,
                "the connected account came without the keys that its brokerage needs; nothing was sent",
            )),
        }
    }
}

fn accounts_of(found: &Authorization) -> Accounts {
    let mut ids: Vec<String> = found.accounts.iter().map(|account| account.id.clone()).collect();
    ids.sort_unstable();
    Accounts(ids)
}

impl Accounts {
    /// Each hidden but for its last four characters.
    pub(crate) fn masked(&self) -> Vec<String> {
        let last = |id: &String| id.chars().rev().take(4).collect::<Vec<_>>().into_iter().rev().collect::<String>();
        let plain =
            |text: String| text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect::<String>();
        self.0.iter().map(|id| format!("****{}", plain(last(id)))).collect()
    }

    /// A keyed hash, to know them again.
    pub(crate) async fn fingerprint(&self, ctx: &Ctx) -> Result<String, ToolError> {
        Ok(ctx.door.account().await?.fingerprint(self.0.join("\n").as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn keys_are_filled_where_none_came_and_no_key_is_shown() {
        let none = config(r#"{"id": "AlpacaBrokerage", "alpaca-environment": "paper"}"#);
        let connected = Connected::of(&none).unwrap();
        let brokerage = connected.stand_in().unwrap();
        assert_eq!((brokerage.id(), brokerage.environment()), ("AlpacaBrokerage", Some("paper")));
        assert!(!format!("{connected:?}").contains("paper"));
        for typed in [
            r#"{"id": "AlpacaBrokerage", "alpaca-access-token": "t", "alpaca-environment": "paper"}"#,
            r#"{"id": "TradeStationBrokerage", "trade-station-client-id": "c"}"#,
            r#"{"id": "QuantConnectBrokerage"}"#,
            r#"{"id": 7}"#,
        ] {
            assert!(Connected::of(&config(typed)).is_none(), "{typed}");
        }
    }

    #[test]
    fn accounts_show_their_last_four_characters() {
        let accounts = Accounts(vec!["SIM-0001".into(), "x\n".into()]);
        assert_eq!(accounts.masked(), ["****0001", "****x-"]);
    }
}
