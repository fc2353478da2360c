//! Accounts at brokerages, connected by a login that takes place on the simulator's own page.
//!
//! `live/auth0/authorize` answers with a redirect to that page; whoever opens it is signed in, and from then on
//! `live/auth0/read` gives tokens, which open nothing and say so.

use qc_api::endpoints::connections::{
    Authorization, AuthorizeConnection, ConnectedAccount, Connection, ConnectionReply, LoginPage, ReadConnection,
};
use serde_json::Value;

use crate::refuse::{self, Answer};
use crate::world::{Call, Login, World};

/// A token of the simulator: not a secret, for it opens nothing.
const TOKEN: &str = "simulated-token-of-no-value";

/// The answer is the address in a `Location` header.
pub(crate) fn authorize(world: &mut World, call: &Call<'_>, request: AuthorizeConnection) -> Answer<LoginPage> {
    settings(&request.brokerage)?;
    let state = world.draw_id();
    let location = format!("{}/login/{state}", call.root);
    let brokerage = request.brokerage.as_str().to_owned();
    world.logins.insert(state, Login { account: call.user, brokerage, done: false });
    Ok(LoginPage { location: location.as_str().into() })
}

/// Refused until somebody has signed in.
pub(crate) fn read(world: &mut World, call: &Call<'_>, request: ReadConnection) -> Answer<ConnectionReply> {
    let names = settings(&request.brokerage)?;
    let brokerage = request.brokerage.as_str();
    let mine = |login: &Login| login.done && login.account == call.user && login.brokerage == brokerage;
    if !world.logins.values().any(mine) {
        return Err(refuse::not_authorized(brokerage));
    }
    Ok(ConnectionReply {
        authorization: Some(Authorization {
            accounts: vec![ConnectedAccount { id: "SIM-0001".to_owned(), name: "Simulated account".to_owned() }],
            settings: names.iter().map(|name| ((*name).to_owned(), Value::from(TOKEN))).collect(),
        }),
    })
}

/// The settings a login fills in, by brokerage.
fn settings(brokerage: &Connection) -> Answer<&'static [&'static str]> {
    match brokerage {
        Connection::Alpaca => Ok(&["alpaca-access-token"]),
        Connection::TradeStation => Ok(&["trade-station-client-id", "trade-station-refresh-token"]),
        Connection::CharlesSchwab => Ok(&["charles-schwab-refresh-token"]),
        Connection::Tastytrade => Ok(&["tastytrade-refresh-token"]),
        Connection::Other(_) => Err(refuse::invalid_argument()),
    }
}
