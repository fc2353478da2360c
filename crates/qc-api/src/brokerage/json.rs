//! Settings as JSON: read without losing sight of doubled members, checked, written as they were judged.

use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::{Brokerage, DataProvider, Raw, Setting, StartCash, StartHolding};
use crate::wire::{Map, list};

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of settings")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Raw, A::Error> {
        let (mut id, mut settings, mut holdings, mut cash) = (None, Map::new(), None, None);
        while let Some(name) = access.next_key::<String>()? {
            let doubled = match name.as_str() {
                "id" => id.replace(access.next_value::<String>()?).is_some(),
                "holdings" => holdings.replace(access.next_value::<Listed<StartHolding>>()?.0).is_some(),
                "cash" => cash.replace(access.next_value::<Listed<StartCash>>()?.0).is_some(),
                _ => settings.insert(name.clone(), access.next_value::<Setting>()?).is_some(),
            };
            if doubled {
                return Err(A::Error::custom(format!("{} stands twice", name.chars().take(60).collect::<String>())));
            }
        }
        let id = id.ok_or_else(|| A::Error::custom("id is missing"))?;
        Ok(Raw { id, settings, holdings, cash })
    }
}

/// A list in any of its forms, in a place where serde wants a type.
struct Listed<T>(Vec<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Listed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        list::of(deserializer).map(Self)
    }
}

impl<'de> Deserialize<'de> for Setting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SettingVisitor;
        impl Visitor<'_> for SettingVisitor {
            type Value = Setting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a whole number or a boolean")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Setting, E> {
                Ok(Setting::Text(Zeroizing::new(text.to_owned())))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Setting, E> {
                Ok(Setting::Integer(number))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Setting, E> {
                i64::try_from(number).map(Setting::Integer).map_err(|_| E::custom("a number is too large"))
            }
            fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Setting, E> {
                Err(E::custom("a setting must be a text, a whole number or a boolean")) // serde would quote it
            }
            fn visit_bool<E: serde::de::Error>(self, flag: bool) -> Result<Setting, E> {
                Ok(Setting::Flag(flag))
            }
        }
        deserializer.deserialize_any(SettingVisitor)
    }
}

impl<'de> Deserialize<'de> for Brokerage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor).and_then(|raw| Self::check(raw).map_err(D::Error::custom))
    }
}

impl<'de> Deserialize<'de> for DataProvider {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RawVisitor).and_then(|raw| Self::check(raw).map_err(D::Error::custom))
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Flag(flag) => serializer.serialize_bool(*flag),
        }
    }
}

impl Serialize for Brokerage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("id", self.spec.id)?;
        for (name, setting) in &self.settings {
            members.serialize_entry(name, setting)?;
        }
        if let Some(holdings) = &self.holdings {
            members.serialize_entry("holdings", holdings)?;
        }
        if let Some(cash) = &self.cash {
            members.serialize_entry("cash", cash)?;
        }
        members.end()
    }
}

impl Serialize for DataProvider {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry("id", &self.id)?;
        for (name, setting) in &self.settings {
            members.serialize_entry(name, setting)?;
        }
        members.end()
    }
}
