//! Identifiers as types, so that a backtest id never lands where a compile id belongs.
//!
//! They are transparent in JSON. Decoding is lenient: the service writes some integers as text and, in old
//! payloads, some texts as integers.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::wire;

macro_rules! number_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                wire::number::integer(deserializer).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = std::num::ParseIntError;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.trim().parse().map(Self)
            }
        }

        impl From<i64> for $name {
            fn from(number: i64) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

macro_rules! text_id {
    ($(#[$meta:meta])* $name:ident) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The identifier as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                wire::text::string(deserializer).map(Self)
            }
        }

        impl FromStr for $name {
            type Err = std::convert::Infallible;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self(text.trim().to_owned()))
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

number_id! {
    /// A project: a positive integer.
    ProjectId
}
number_id! {
    /// A LEAN version: a positive integer, or -1 for the newest.
    VersionId
}
text_id! {
    /// A backtest: 32 hexadecimal digits.
    BacktestId
}
text_id! {
    /// A compile job: two blocks of 32 hexadecimal digits; the second is the signature of the code.
    CompileId
}
text_id! {
    /// A node: for live nodes `LN-` and 32 hexadecimal digits.
    NodeId
}
text_id! {
    /// A live deployment: `L-` and 32 hexadecimal digits.
    DeployId
}
text_id! {
    /// An optimization: `O-` and 32 hexadecimal digits.
    OptimizationId
}
text_id! {
    /// An organization: 32 hexadecimal digits.
    OrganizationId
}

impl CompileId {
    /// The signature of the compiled code: what follows the hyphen.
    #[must_use]
    pub fn signature(&self) -> Option<&str> {
        self.0.split_once('-').map(|(_, signature)| signature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_both_spellings() {
        assert_eq!(serde_json::from_str::<ProjectId>("12").unwrap(), ProjectId(12));
        assert_eq!(serde_json::from_str::<ProjectId>("\"12\"").unwrap(), ProjectId(12));
        assert_eq!(serde_json::from_str::<OrganizationId>("77").unwrap(), OrganizationId::from("77"));
        assert!(serde_json::from_str::<ProjectId>("\"x\"").is_err());
    }

    #[test]
    fn a_compile_id_ends_in_its_signature() {
        assert_eq!(CompileId::from("aa-bb").signature(), Some("bb"));
        assert_eq!(CompileId::from("aa").signature(), None);
    }
}
