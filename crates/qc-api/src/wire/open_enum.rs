//! Enumerations that keep words they do not know: the service adds some, and an old client must still read.

/// Declares an enumeration of words. Known words match exactly or else without regard to case; the rest is kept
/// in `Other`. Alternatives after `|` are read as well, the first word is what is written.
macro_rules! open_enum {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $word:literal $(| $alias:literal)*),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A word this version does not know, as it came.
            Other(String),
        }

        impl $name {
            /// Every known value.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// The word the service uses.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)*
                    Self::Other(word) => word,
                }
            }

            /// Reads a word; unknown ones are kept.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                match word {
                    $($word $(| $alias)* => return Self::$variant,)*
                    _ => {}
                }
                $(if word.eq_ignore_ascii_case($word) $(|| word.eq_ignore_ascii_case($alias))* {
                    return Self::$variant;
                })*
                Self::Other(word.to_owned())
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                Self::from_word(word)
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;
            fn from_str(word: &str) -> Result<Self, Self::Err> {
                Ok(Self::from_word(word))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::wire::text::string(deserializer).map(|word| Self::from_word(&word))
            }
        }
    };
}
pub(crate) use open_enum;

/// Declares an enumeration of LEAN's integer codes. Numbers, their texts and LEAN's own names are read (names
/// without regard to case); the number is written. Unknown ones are kept in `Other`.
macro_rules! open_code {
    ($(#[$meta:meta])* pub enum $name:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $code:literal),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$variant_meta])* $variant,)*
            /// A code or name this version does not know, as it came.
            Other(String),
        }

        impl $name {
            /// Every known value.
            pub const KNOWN: &'static [Self] = &[$(Self::$variant),*];

            /// LEAN's integer for it.
            #[must_use]
            pub fn code(&self) -> Option<i64> {
                match self {
                    $(Self::$variant => Some($code),)*
                    Self::Other(word) => word.parse().ok(),
                }
            }

            /// LEAN's name for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => stringify!($variant),)*
                    Self::Other(word) => word,
                }
            }

            /// The value of a code.
            #[must_use]
            pub fn from_code(code: i64) -> Self {
                match code {
                    $($code => Self::$variant,)*
                    _ => Self::Other(code.to_string()),
                }
            }

            /// Reads a code written as text, or a name.
            #[must_use]
            pub fn from_word(word: &str) -> Self {
                if let Ok(code) = word.trim().parse() {
                    return Self::from_code(code);
                }
                $(if word.eq_ignore_ascii_case(stringify!($variant)) {
                    return Self::$variant;
                })*
                Self::Other(word.to_owned())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self.code() {
                    Some(code) => serializer.serialize_i64(code),
                    None => serializer.serialize_str(self.as_str()),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any($crate::wire::open_enum::Code).map(|code| match code {
                    Ok(code) => Self::from_code(code),
                    Err(word) => Self::from_word(&word),
                })
            }
        }
    };
}
pub(crate) use open_code;

/// Reads a code without making a text of it first: orders hold five codes each.
pub(crate) struct Code;

impl serde::de::Visitor<'_> for Code {
    type Value = Result<i64, String>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a code or a name")
    }
    fn visit_i64<E: serde::de::Error>(self, code: i64) -> Result<Self::Value, E> {
        Ok(Ok(code))
    }
    fn visit_u64<E: serde::de::Error>(self, code: u64) -> Result<Self::Value, E> {
        Ok(i64::try_from(code).map_err(|_| code.to_string()))
    }
    fn visit_f64<E: serde::de::Error>(self, code: f64) -> Result<Self::Value, E> {
        Ok(super::number::whole(code).ok_or_else(|| code.to_string()))
    }
    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Self::Value, E> {
        Ok(Err(word.to_owned()))
    }
}

#[cfg(test)]
#[allow(unreachable_pub)] // the macros write `pub`, as every user of them wants
mod tests {
    open_enum! {
        /// Two words.
        pub enum Side {
            /// One way.
            Buy = "buy" | "long",
            /// The other.
            Sell = "sell",
        }
    }
    open_code! {
        /// Two codes.
        pub enum Kind {
            /// At once.
            Market = 0,
            /// At a price.
            Limit = 1,
        }
    }

    #[test]
    fn unknown_words_survive_a_round_trip() {
        for (json, side) in
            [("\"buy\"", Side::Buy), ("\"LONG\"", Side::Buy), ("\"hedge\"", Side::Other("hedge".to_owned()))]
        {
            assert_eq!(serde_json::from_str::<Side>(json).unwrap(), side);
        }
        assert_eq!(serde_json::to_string(&Side::Other("hedge".to_owned())).unwrap(), "\"hedge\"");
        assert_eq!(Side::KNOWN, [Side::Buy, Side::Sell]);
    }

    #[test]
    fn codes_come_as_numbers_texts_and_names() {
        for json in ["1", "1.0", "\"1\"", "\"limit\""] {
            assert_eq!(serde_json::from_str::<Kind>(json).unwrap(), Kind::Limit, "{json}");
        }
        let unknown = serde_json::from_str::<Kind>("42").unwrap();
        assert_eq!(serde_json::to_string(&unknown).unwrap(), "42");
        assert_eq!(Kind::KNOWN, [Kind::Market, Kind::Limit]);
    }
}
