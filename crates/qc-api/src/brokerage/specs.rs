//! The table of brokerages: which settings each takes, as the service documents them.

/// What a setting may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Text,
    /// One of these words, exactly so spelled.
    OneOf(&'static [&'static str]),
    /// A whole number.
    Integer,
    /// True or false.
    Flag,
    /// `hh:mm:ss`, UTC.
    Time,
}

/// A setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Whether it must be there.
    pub required: bool,
    /// What it may be.
    pub form: Form,
}

/// Whether a brokerage takes holdings or cash to start with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extra {
    /// It does not.
    No,
    /// It may.
    Optional,
    /// It must.
    Required,
}

/// Whether a brokerage is a source of data as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Provider {
    /// With the same settings.
    Same,
    /// With its id alone.
    IdOnly,
    /// With settings of its own.
    Own(&'static [Field]),
    /// It is not.
    None,
}

/// A row of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// The brokerage's id.
    pub id: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The member and its value that tell this row from others of the same id.
    pub when: Option<(&'static str, &'static str)>,
    /// Its settings.
    pub fields: &'static [Field],
    /// Whether it takes holdings.
    pub holdings: Extra,
    /// Whether it takes cash.
    pub cash: Extra,
    /// Whether it gives data.
    pub provider: Provider,
}

const fn text(name: &'static str) -> Field {
    Field { name, required: true, form: Form::Text }
}
const fn one_of(name: &'static str, words: &'static [&'static str]) -> Field {
    Field { name, required: true, form: Form::OneOf(words) }
}
const fn optional(name: &'static str, form: Form) -> Field {
    Field { name, required: false, form }
}
/// A brokerage that takes neither holdings nor cash and gives data with the same settings.
const fn usual(id: &'static str, title: &'static str, fields: &'static [Field]) -> Spec {
    Spec { id, title, when: None, fields, holdings: Extra::No, cash: Extra::No, provider: Provider::Same }
}
/// A brokerage that takes holdings and cash and gives no data.
const fn desk(id: &'static str, title: &'static str, fields: &'static [Field]) -> Spec {
    let (holdings, cash) = (Extra::Optional, Extra::Optional);
    Spec { id, title, when: None, fields, holdings, cash, provider: Provider::None }
}

const LIVE_OR_PAPER: &[&str] = &["live", "paper"];

/// QuantConnect's own paper trading.
pub const PAPER: Spec = Spec {
    id: "QuantConnectBrokerage",
    title: "QuantConnect paper trading",
    when: None,
    fields: &[],
    holdings: Extra::Optional,
    cash: Extra::Optional,
    provider: Provider::IdOnly,
};

/// A source of data that is no brokerage.
pub const POLYGON: &str = "Polygon";
/// Its settings.
pub const POLYGON_FIELDS: &[Field] = &[text("polygon-api-key")];

/// One of Binance's exchanges, by the name that tells them apart.
const fn binance(exchange: &'static str, title: &'static str, fields: &'static [Field]) -> Spec {
    Spec {
        id: "BinanceBrokerage",
        title,
        when: Some(("binance-exchange-name", exchange)),
        fields,
        holdings: Extra::Optional,
        cash: Extra::No,
        provider: Provider::Same,
    }
}

/// Every brokerage the service documents.
pub const BROKERAGES: &[Spec] = &[
    PAPER,
    usual(
        "InteractiveBrokersBrokerage",
        "Interactive Brokers",
        &[
            text("ib-user-name"),
            text("ib-account"),
            text("ib-password"),
            Field { name: "ib-weekly-restart-utc-time", required: true, form: Form::Time },
            optional("ib-financial-advisors-group-filter", Form::Text),
            optional("ib-trading-mode", Form::OneOf(&["paper", "live"])),
        ],
    ),
    usual(
        "TradierBrokerage",
        "Tradier",
        &[text("tradier-account-id"), text("tradier-access-token"), one_of("tradier-environment", LIVE_OR_PAPER)],
    ),
    usual("BitfinexBrokerage", "Bitfinex", &[text("bitfinex-api-key"), text("bitfinex-api-secret")]),
    Spec {
        holdings: Extra::Optional,
        ..usual("CoinbaseBrokerage", "Coinbase", &[text("coinbase-api-name"), text("coinbase-api-private-key")])
    },
    binance(
        "Binance",
        "Binance",
        &[
            one_of("binance-exchange-name", &["Binance"]),
            text("binance-api-key"),
            text("binance-api-secret"),
            one_of("binance-use-testnet", LIVE_OR_PAPER),
        ],
    ),
    binance(
        "BinanceUS",
        "Binance US",
        &[one_of("binance-exchange-name", &["BinanceUS"]), text("binanceus-api-key"), text("binanceus-api-secret")],
    ),
    binance(
        "Binance-USDM-Futures",
        "Binance USDM futures",
        &[
            one_of("binance-exchange-name", &["Binance-USDM-Futures"]),
            text("binance-api-key"),
            text("binance-api-secret"),
        ],
    ),
    binance(
        "Binance-COIN-Futures",
        "Binance COIN futures",
        &[
            one_of("binance-exchange-name", &["Binance-COIN-Futures"]),
            text("binance-api-key"),
            text("binance-api-secret"),
        ],
    ),
    Spec {
        cash: Extra::Required,
        holdings: Extra::No,
        ..desk(
            "TradingTechnologiesBrokerage",
            "Trading Technologies",
            &[
                text("tt-user-name"),
                text("tt-session-password"),
                text("tt-account-name"),
                text("tt-rest-app-key"),
                text("tt-rest-app-secret"),
                one_of("tt-rest-environment", &["live", "uat"]),
                text("tt-order-routing-sender-comp-id"),
            ],
        )
    },
    usual(
        "KrakenBrokerage",
        "Kraken",
        &[
            text("kraken-api-key"),
            text("kraken-api-secret"),
            one_of("kraken-verification-tier", &["Starter", "Intermediate", "Pro"]),
        ],
    ),
    Spec {
        holdings: Extra::Optional,
        ..usual(
            "BybitBrokerage",
            "Bybit",
            &[
                text("bybit-api-key"),
                text("bybit-api-secret"),
                one_of(
                    "bybit-vip-level",
                    &[
                        "VIP0",
                        "VIP1",
                        "VIP2",
                        "VIP3",
                        "VIP4",
                        "VIP5",
                        "SupremeVIP",
                        "Pro1",
                        "Pro2",
                        "Pro3",
                        "Pro4",
                        "Pro5",
                    ],
                ),
                optional("bybit-use-testnet", Form::OneOf(LIVE_OR_PAPER)),
            ],
        )
    },
    usual(
        "OandaBrokerage",
        "OANDA",
        &[text("oanda-account-id"), text("oanda-access-token"), one_of("oanda-environment", &["Practice", "Trade"])],
    ),
    desk("WolverineBrokerage", "Wolverine", &[text("wolverine-on-behalf-of-comp-id"), text("wolverine-account")]),
    usual("CharlesSchwabBrokerage", "Charles Schwab", &[text("charles-schwab-account-number")]),
    desk("RBIBrokerage", "RBI", &[text("rbi-on-behalf-of-comp-id"), text("rbi-account")]),
    desk(
        "TerminalLinkBrokerage",
        "Bloomberg Terminal Link",
        &[
            one_of("terminal-link-connection-type", &["SAPI"]),
            text("terminal-link-server-auth-id"),
            one_of("terminal-link-environment", &["Production", "Beta"]),
            text("terminal-link-server-host"),
            Field { name: "terminal-link-server-port", required: true, form: Form::Integer },
            text("terminal-link-emsx-broker"),
            text("terminal-link-emsx-account"),
            text("terminal-link-openfigi-api-key"),
            optional("terminal-link-emsx-team", Form::Text),
        ],
    ),
    usual(
        "TradeStationBrokerage",
        "TradeStation",
        &[
            text("trade-station-client-id"),
            text("trade-station-account-id"),
            text("trade-station-refresh-token"),
            one_of("trade-station-environment", LIVE_OR_PAPER),
        ],
    ),
    usual(
        "TastytradeBrokerage",
        "Tastytrade",
        &[
            Field { name: "tastytrade-account-number", required: true, form: Form::Integer },
            text("tastytrade-refresh-token"),
        ],
    ),
    Spec {
        provider: Provider::Own(&[text("alpaca-api-key"), text("alpaca-api-secret")]),
        ..usual(
            "AlpacaBrokerage",
            "Alpaca",
            &[text("alpaca-access-token"), one_of("alpaca-environment", LIVE_OR_PAPER)],
        )
    },
    Spec {
        provider: Provider::None,
        ..usual(
            "WebullBrokerage",
            "Webull",
            &[
                text("webull-app-key"),
                text("webull-app-secret"),
                text("webull-account-id"),
                optional("webull-use-2fa", Form::Flag),
            ],
        )
    },
    Spec {
        provider: Provider::None,
        ..usual("PublicBrokerage", "Public", &[text("public-secret-key"), text("public-account-number")])
    },
    desk(
        "BloombergFixBrokerage",
        "Bloomberg FIX",
        &[
            text("bloomberg-fix-sender-sub-id"),
            text("bloomberg-fix-on-behalf-of-comp-id"),
            text("bloomberg-fix-deliver-to-comp-id"),
            one_of("bloomberg-fix-environment", &["Live"]),
        ],
    ),
];
