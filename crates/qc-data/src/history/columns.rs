//! The numbers of one symbol: named columns of equal length.

use crate::pool::Column;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// What a column holds. Prices are in the security's currency, sizes in shares or contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Field {
    /// Last ask of the bar.
    AskClose,
    /// Highest ask.
    AskHigh,
    /// Lowest ask.
    AskLow,
    /// First ask.
    AskOpen,
    /// Ask of a tick.
    AskPrice,
    /// Size at the ask.
    AskSize,
    /// Last bid of the bar.
    BidClose,
    /// Highest bid.
    BidHigh,
    /// Lowest bid.
    BidLow,
    /// First bid.
    BidOpen,
    /// Bid of a tick.
    BidPrice,
    /// Size at the bid.
    BidSize,
    /// Last trade of the bar, or the last mid price where there are only quotes.
    Close,
    /// Highest trade.
    High,
    /// Price of a tick; of a quote the mid or the only side.
    LastPrice,
    /// Lowest trade.
    Low,
    /// First trade.
    Open,
    /// Contracts open.
    OpenInterest,
    /// Size of a tick.
    Quantity,
    /// 1 where the exchange marked the tick as suspicious.
    Suspicious,
    /// Shares, contracts or coins traded.
    Volume,
}

/// Every field with QuantBook's column name, in QuantBook's order.
const FIELDS: [(Field, &str); 21] = [
    (Field::AskClose, "askclose"),
    (Field::AskHigh, "askhigh"),
    (Field::AskLow, "asklow"),
    (Field::AskOpen, "askopen"),
    (Field::AskPrice, "askprice"),
    (Field::AskSize, "asksize"),
    (Field::BidClose, "bidclose"),
    (Field::BidHigh, "bidhigh"),
    (Field::BidLow, "bidlow"),
    (Field::BidOpen, "bidopen"),
    (Field::BidPrice, "bidprice"),
    (Field::BidSize, "bidsize"),
    (Field::Close, "close"),
    (Field::High, "high"),
    (Field::LastPrice, "lastprice"),
    (Field::Low, "low"),
    (Field::Open, "open"),
    (Field::OpenInterest, "openinterest"),
    (Field::Quantity, "quantity"),
    (Field::Suspicious, "suspicious"),
    (Field::Volume, "volume"),
];

impl Field {
    /// QuantBook's column name.
    pub fn name(self) -> &'static str {
        FIELDS.iter().find(|(f, _)| *f == self).map_or("", |(_, name)| name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Field {
    type Err = crate::Error;

    fn from_str(text: &str) -> crate::Result<Field> {
        let plain: String = text.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_ascii_lowercase();
        FIELDS.iter().find(|(_, name)| *name == plain).map(|(f, _)| *f).ok_or_else(|| crate::Error::Unknown {
            what: "field",
            text: crate::error::shown(text),
            known: "open, high, low, close, volume, bidopen .. bidclose, bidsize, askopen .. askclose, asksize, openinterest; ticks: lastprice, quantity, bidprice, askprice, suspicious",
        })
    }
}

/// Columns of one symbol, sorted by name as pandas sorts them. A missing cell is NaN.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Columns {
    list: Vec<(Field, Column)>,
}

impl Columns {
    /// Puts columns in order.
    pub(crate) fn new(mut list: Vec<(Field, Column)>) -> Columns {
        list.sort_by_key(|(field, _)| *field);
        Columns { list }
    }

    /// Takes the columns apart.
    pub(crate) fn into_list(self) -> Vec<(Field, Column)> {
        self.list
    }

    /// One column.
    pub fn get(&self, field: Field) -> Option<&[f64]> {
        self.list.iter().find(|(f, _)| *f == field).map(|(_, values)| values.as_slice())
    }

    /// All columns in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Field, &[f64])> {
        self.list.iter().map(|(field, values)| (*field, values.as_slice()))
    }

    /// Which columns there are.
    pub fn fields(&self) -> Vec<Field> {
        self.list.iter().map(|(field, _)| *field).collect()
    }

    /// The columns that QuantBook's frame would show: those with any cell that is neither zero nor missing.
    pub fn visible_fields(&self) -> Vec<Field> {
        let any = |values: &[f64]| values.iter().any(|v| !v.is_nan() && *v != 0.0);
        self.list.iter().filter(|(_, values)| any(values)).map(|(field, _)| *field).collect()
    }

    /// Keeps only these columns; none named keeps all.
    pub(crate) fn retain(&mut self, fields: &[Field]) {
        self.list.retain(|(field, _)| fields.is_empty() || fields.contains(field));
    }

    /// Keeps only the columns that QuantBook's frame would show.
    pub fn drop_empty(&mut self) {
        let visible = self.visible_fields();
        self.list.retain(|(field, _)| visible.contains(field));
    }
}
