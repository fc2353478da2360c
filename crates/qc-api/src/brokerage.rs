//! Brokerage and data-provider settings: checked before they are sent, masked wherever they show, and judged by
//! one function: is this certainly not real money?
//!
//! A value of [`Brokerage`] can only be made of settings that fit the table in [`specs`]: every required member,
//! no unknown and no doubled one, environments in the service's own spelling. What was judged is what is sent.

mod json;
pub mod specs;

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::wire::{Map, number, text};
use specs::{Extra, Field, Form, Provider, Spec};

/// Whether a deployment moves real money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Money {
    /// It certainly does not.
    Paper,
    /// It does, or nobody can say that it does not.
    Real,
}

impl Money {
    /// Whether a running deployment moves real money, by the name that `live/read` and `live/list` give its
    /// brokerage: [`Money::Paper`] only for `PaperBrokerage`, exactly so spelled.
    ///
    /// Brokerages with a paper environment of their own answer under their own name, so they count as real here.
    #[must_use]
    pub fn of_running(brokerage: Option<&str>) -> Self {
        if brokerage == Some("PaperBrokerage") { Self::Paper } else { Self::Real }
    }
}

/// The value of a setting. Wiped from memory when dropped.
#[derive(Clone, PartialEq)]
enum Setting {
    Text(Zeroizing<String>),
    Integer(i64),
    Flag(bool),
}

/// The settings of a brokerage.
///
/// ```
/// use qc_api::brokerage::{Brokerage, Money};
///
/// let paper = Brokerage::from_json(r#"{"id": "QuantConnectBrokerage"}"#)?;
/// assert_eq!(paper.money(), Money::Paper);
/// let error = Brokerage::from_json(r#"{"id": "KrakenBrokerage", "kraken-api-key": "k"}"#).unwrap_err();
/// assert!(error.to_string().contains("kraken-api-secret"));
/// # Ok::<(), qc_api::Error>(())
/// ```
#[derive(Clone, PartialEq)]
pub struct Brokerage {
    spec: &'static Spec,
    settings: Map<Setting>,
    holdings: Option<Vec<StartHolding>>,
    cash: Option<Vec<StartCash>>,
}

/// A holding a deployment starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartHolding {
    /// The security identifier.
    pub symbol_id: String,
    /// The ticker.
    pub symbol: String,
    /// Units; negative is short.
    #[serde(deserialize_with = "number::float")]
    pub quantity: f64,
    /// Mean price paid.
    #[serde(deserialize_with = "number::float")]
    pub average_price: f64,
}

/// Cash a deployment starts with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartCash {
    /// How much.
    #[serde(deserialize_with = "number::float")]
    pub amount: f64,
    /// Of which currency, such as `USD`.
    #[serde(deserialize_with = "text::string")]
    pub currency: String,
}

impl Brokerage {
    /// QuantConnect's own paper trading.
    #[must_use]
    pub fn paper() -> Self {
        Self { spec: &specs::PAPER, settings: Map::new(), holdings: None, cash: None }
    }

    /// Settings from their JSON text, where doubled members are still visible.
    ///
    /// # Errors
    /// [`Error::Config`] naming every member that is missing, unknown, doubled or of the wrong form; never a value.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|error| Error::Config(without_place(&error)))
    }

    /// The brokerage's id, such as `AlpacaBrokerage`.
    #[must_use]
    pub fn id(&self) -> &'static str {
        self.spec.id
    }

    /// The row of the table that these settings fit.
    #[must_use]
    pub fn spec(&self) -> &'static Spec {
        self.spec
    }

    /// Whether this deployment moves real money: [`Money::Paper`] only for the settings listed below, exactly so
    /// spelled; [`Money::Real`] for everything else.
    ///
    /// QuantConnectBrokerage; `paper` as environment of Alpaca, Tradier or TradeStation; Oanda's `Practice`;
    /// Trading Technologies' `uat`; Binance (the exchange of that name) and Bybit on their `paper` testnet; an
    /// Interactive Brokers account of `DU` and digits whose trading mode is absent or `paper`.
    #[must_use]
    pub fn money(&self) -> Money {
        let is = |name: &str, expected: &str| self.text(name) == Some(expected);
        let paper = match self.spec.id {
            "QuantConnectBrokerage" => true,
            "AlpacaBrokerage" => is("alpaca-environment", "paper"),
            "TradierBrokerage" => is("tradier-environment", "paper"),
            "TradeStationBrokerage" => is("trade-station-environment", "paper"),
            "OandaBrokerage" => is("oanda-environment", "Practice"),
            "TradingTechnologiesBrokerage" => is("tt-rest-environment", "uat"),
            "BinanceBrokerage" => is("binance-exchange-name", "Binance") && is("binance-use-testnet", "paper"),
            "BybitBrokerage" => is("bybit-use-testnet", "paper"),
            "InteractiveBrokersBrokerage" => {
                let account = self.text("ib-account").and_then(|account| account.strip_prefix("DU"));
                let digits = account.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|it| it.is_ascii_digit()));
                digits && (!self.settings.contains_key("ib-trading-mode") || is("ib-trading-mode", "paper"))
            }
            _ => false,
        };
        if paper { Money::Paper } else { Money::Real }
    }

    /// The account these settings trade on, hidden but for its last four characters.
    #[must_use]
    pub fn masked_account(&self) -> Option<String> {
        let (_, setting) = self.settings.iter().find(|(name, _)| name.contains("account"))?;
        let account = match setting {
            Setting::Text(text) => text.to_string(),
            Setting::Integer(number) => number.to_string(),
            Setting::Flag(_) => return None,
        };
        let letters: Vec<char> = account.chars().collect();
        let shown: String =
            letters.iter().skip(letters.len().saturating_sub(4).max(letters.len().min(4) / 2)).collect();
        Some(format!("****{shown}"))
    }

    /// The environment in the settings (`live`, `paper`, `Practice`, ...), if the brokerage has such a member.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.spec.fields.iter().filter(|field| matches!(field.form, Form::OneOf(_))).find_map(|field| {
            let telling = ["environment", "testnet", "trading-mode"].iter().any(|word| field.name.contains(word));
            if telling { self.text(field.name) } else { None }
        })
    }

    /// Holdings the deployment starts with.
    #[must_use]
    pub fn holdings(&self) -> &[StartHolding] {
        self.holdings.as_deref().unwrap_or_default()
    }

    /// Cash the deployment starts with.
    #[must_use]
    pub fn cash(&self) -> &[StartCash] {
        self.cash.as_deref().unwrap_or_default()
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.settings.get(name) {
            Some(Setting::Text(text)) => Some(text),
            _ => None,
        }
    }

    fn check(raw: Raw) -> Result<Self, String> {
        let Raw { id, settings, holdings, cash } = raw;
        let candidates: Vec<&'static Spec> = specs::BROKERAGES.iter().filter(|spec| spec.id == id).collect();
        let spec = choose(&id, &candidates, &settings)?;
        let mut wrong = wrong_settings(spec.fields, &settings);
        for (name, extra, given) in [
            ("holdings", spec.holdings, holdings.is_some()),
            ("cash", spec.cash, cash.as_ref().is_some_and(|cash| !cash.is_empty())),
        ] {
            match extra {
                Extra::No if given => wrong.push(format!("{name} is not taken")),
                Extra::Required if !given => wrong.push(format!("{name} is missing")),
                _ => {}
            }
        }
        if wrong.is_empty() {
            Ok(Self { spec, settings: formed(spec.fields, settings), holdings, cash })
        } else {
            Err(format!("{id}: {}", wrong.join(", ")))
        }
    }
}

/// The row of the table; several share an id and are told apart by one member.
fn choose(id: &str, candidates: &[&'static Spec], settings: &Map<Setting>) -> Result<&'static Spec, String> {
    match candidates {
        [] => Err(format!("no brokerage is called {:?}", id.chars().take(40).collect::<String>())),
        [only] => Ok(only),
        several => {
            let fits = |spec: &&&'static Spec| match spec.when {
                Some((name, value)) => {
                    matches!(settings.get(name), Some(Setting::Text(text)) if text.as_str() == value)
                }
                None => true,
            };
            let names: Vec<_> = several.iter().filter_map(|spec| spec.when).collect();
            several.iter().find(fits).copied().ok_or_else(|| {
                let member = names.first().map_or("id", |(name, _)| name);
                let values: Vec<_> = names.iter().map(|(_, value)| *value).collect();
                format!("{id}: {member} must be one of {}", values.join(", "))
            })
        }
    }
}

/// Every member that is missing, unknown or of the wrong form.
fn wrong_settings(fields: &[Field], settings: &Map<Setting>) -> Vec<String> {
    let mut wrong = Vec::new();
    for field in fields {
        match settings.get(field.name) {
            None if field.required => wrong.push(format!("{} is missing", field.name)),
            Some(setting) => {
                if let Some(form) = misfit(field, setting) {
                    wrong.push(format!("{} must be {form}", field.name));
                }
            }
            None => {}
        }
    }
    for name in settings.keys().filter(|name| fields.iter().all(|field| field.name != name.as_str())) {
        wrong.push(format!("{} is not known", name.chars().take(60).collect::<String>()));
    }
    wrong
}

/// What a setting should be, if it is not.
fn misfit(field: &Field, setting: &Setting) -> Option<String> {
    let fits = match (field.form, setting) {
        (Form::Text, Setting::Text(text)) => !text.trim().is_empty(),
        (Form::OneOf(words), Setting::Text(text)) => words.contains(&text.as_str()),
        (Form::Integer, Setting::Integer(_)) => true,
        (Form::Integer, Setting::Text(text)) => text.parse::<i64>().is_ok(),
        (Form::Flag, Setting::Flag(_)) => true,
        (Form::Flag, Setting::Text(text)) => matches!(text.as_str(), "true" | "false"),
        (Form::Time, Setting::Text(text)) => text.len() == 8 && text.parse::<jiff::civil::Time>().is_ok(),
        // Account numbers and the like may come unquoted.
        (Form::Text, Setting::Integer(_)) => true,
        _ => false,
    };
    if fits {
        return None;
    }
    Some(match field.form {
        Form::Text => "a text that is not empty".to_owned(),
        Form::OneOf(words) => format!("one of {}", words.join(", ")),
        Form::Integer => "a whole number".to_owned(),
        Form::Flag => "true or false".to_owned(),
        Form::Time => "a time such as 22:00:00".to_owned(),
    })
}

/// Settings in the type the service wants: numbers where it wants numbers, texts where it wants texts.
fn formed(fields: &[Field], settings: Map<Setting>) -> Map<Setting> {
    let form_of = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.form);
    let form = |name: &str, setting| match (form_of(name), setting) {
        (Some(Form::Integer), Setting::Text(text)) => {
            text.parse().map_or_else(|_| Setting::Text(text), Setting::Integer)
        }
        (Some(Form::Flag), Setting::Text(text)) => Setting::Flag(text.as_str() == "true"),
        (Some(Form::Text), Setting::Integer(number)) => Setting::Text(Zeroizing::new(number.to_string())),
        (_, setting) => setting,
    };
    settings
        .into_iter()
        .map(|(name, setting)| {
            let setting = form(&name, setting);
            (name, setting)
        })
        .collect()
}

/// A source of data with its settings.
#[derive(Clone, PartialEq)]
pub struct DataProvider {
    id: String,
    fields: &'static [Field],
    settings: Map<Setting>,
}

impl DataProvider {
    /// QuantConnect's own data.
    #[must_use]
    pub fn quantconnect() -> Self {
        Self { id: specs::PAPER.id.to_owned(), fields: &[], settings: Map::new() }
    }

    /// The brokerage's data with the settings of its account, where the brokerage gives data.
    #[must_use]
    pub fn of(brokerage: &Brokerage) -> Option<Self> {
        let spec = brokerage.spec;
        match spec.provider {
            Provider::Same => {
                Some(Self { id: spec.id.to_owned(), fields: spec.fields, settings: brokerage.settings.clone() })
            }
            Provider::IdOnly => Some(Self { id: spec.id.to_owned(), fields: &[], settings: Map::new() }),
            Provider::Own(_) | Provider::None => None,
        }
    }

    /// The provider's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    fn check(raw: Raw) -> Result<Self, String> {
        let Raw { id, settings, holdings, cash } = raw;
        if holdings.is_some() || cash.is_some() {
            return Err(format!("{id}: a source of data takes neither holdings nor cash"));
        }
        let fields = if id == specs::POLYGON {
            specs::POLYGON_FIELDS
        } else {
            let candidates: Vec<_> = specs::BROKERAGES.iter().filter(|spec| spec.id == id).collect();
            let spec = choose(&id, &candidates, &settings)?;
            match spec.provider {
                Provider::Same => spec.fields,
                Provider::IdOnly => &[],
                Provider::Own(fields) => fields,
                Provider::None => return Err(format!("{id} gives no data")),
            }
        };
        let wrong = wrong_settings(fields, &settings);
        if wrong.is_empty() {
            Ok(Self { id, fields, settings: formed(fields, settings) })
        } else {
            Err(format!("{id}: {}", wrong.join(", ")))
        }
    }
}

/// Settings as they came, before they are checked.
struct Raw {
    id: String,
    settings: Map<Setting>,
    holdings: Option<Vec<StartHolding>>,
    cash: Option<Vec<StartCash>>,
}

/// Names and environments; every other value is hidden, for each may be a key or an account.
fn masked(f: &mut fmt::Formatter<'_>, title: &str, id: &str, fields: &[Field], settings: &Map<Setting>) -> fmt::Result {
    let mut shown = f.debug_struct(title);
    shown.field("id", &id);
    for (name, setting) in settings {
        let open = fields.iter().any(|field| field.name == name && matches!(field.form, Form::OneOf(_)));
        match setting {
            Setting::Text(text) if open => shown.field(name, &text.as_str()),
            _ => shown.field(name, &"****"),
        };
    }
    shown.finish_non_exhaustive()
}

impl fmt::Debug for Brokerage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "Brokerage", self.spec.id, self.spec.fields, &self.settings)
    }
}

impl fmt::Debug for DataProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        masked(f, "DataProvider", &self.id, self.fields, &self.settings)
    }
}

/// The words of a JSON error without line and column, which say nothing about settings.
fn without_place(error: &serde_json::Error) -> String {
    let words = error.to_string();
    words.split_once(" at line ").map_or(words.clone(), |(words, _)| words.to_owned())
}

#[cfg(test)]
mod tests;
