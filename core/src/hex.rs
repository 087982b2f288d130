//! Keys as text.
//!
//! Rule: a key is 64 hexadecimal digits in text and in formats that people read, such as JSON, and
//! its 32 bytes in all others. Digits are written in lower case and read in either case.

use core::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The text is not a key, which has 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ParseKeyError;

impl fmt::Display for ParseKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key has 64 hexadecimal digits")
    }
}

impl core::error::Error for ParseKeyError {}

/// Writes bytes as lower-case hexadecimal.
pub(crate) fn write(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads a key of 64 hexadecimal digits.
pub(crate) fn parse(text: &str) -> Result<[u8; 32], ParseKeyError> {
    let mut key = [0; 32];
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != key.len() || !rest.is_empty() {
        return Err(ParseKeyError);
    }
    for (byte, pair) in key.iter_mut().zip(pairs) {
        let [high, low] = pair.map(|digit| char::from(digit).to_digit(16));
        let (high, low) = high.zip(low).ok_or(ParseKeyError)?;
        *byte = (16 * high + low) as u8;
    }
    Ok(key)
}

/// Serializes a key: its text for people, its bytes for programs.
pub(crate) fn serialize<S: Serializer>(
    text: &impl fmt::Display,
    key: &[u8; 32],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    if serializer.is_human_readable() {
        serializer.collect_str(text)
    } else {
        key.serialize(serializer)
    }
}

/// Deserializes what [`serialize`] made.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<[u8; 32], D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_str(Text)
    } else {
        <[u8; 32]>::deserialize(deserializer)
    }
}

/// Reads a key from the string of a format that people read.
struct Text;

impl de::Visitor<'_> for Text {
    type Value = [u8; 32];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("64 hexadecimal digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        parse(text).map_err(E::custom)
    }
}

/// Implements the text and serde forms of a type that holds 32 bytes.
macro_rules! key_as_text {
    ($key:ident) => {
        impl core::fmt::Display for $key {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                $crate::hex::write(f, &self.0)
            }
        }

        impl core::str::FromStr for $key {
            type Err = $crate::hex::ParseKeyError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                $crate::hex::parse(text).map(Self)
            }
        }

        impl serde::Serialize for $key {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::hex::serialize(self, &self.0, serializer)
            }
        }

        impl<'de> serde::Deserialize<'de> for $key {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::hex::deserialize(deserializer).map(Self)
            }
        }
    };
}

pub(crate) use key_as_text;
