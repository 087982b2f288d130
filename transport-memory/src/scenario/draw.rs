//! A number that each link has of its own.

use std::fmt;

use multifeed_core::rng::Rng;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};

/// One number for all, or `[least, most]`, of which each draws its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Draw {
    /// The smallest that is drawn.
    pub least: u64,
    /// The largest.
    pub most: u64,
}

impl Draw {
    /// The same for all.
    pub fn of(number: u64) -> Self {
        Self { least: number, most: number }
    }

    /// Draws one. A single number costs no chance.
    pub(crate) fn draw(self, chance: &mut Rng) -> u64 {
        let more = self.most - self.least;
        if more == 0 { self.least } else { self.least + chance.below(more.saturating_add(1)) }
    }
}

impl<'de> Deserialize<'de> for Draw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DrawVisitor)
    }
}

struct DrawVisitor;

impl<'de> Visitor<'de> for DrawVisitor {
    type Value = Draw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number from 0 on, or [least, most]")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Draw, E> {
        Ok(Draw::of(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Draw, E> {
        let number = u64::try_from(number);
        number.map(Draw::of).map_err(|_| E::custom("a number from 0 on is needed"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Draw, A::Error> {
        let (least, most, more) = (seq.next_element()?, seq.next_element()?, seq.next_element()?);
        match (least, most, more) {
            (Some(least), Some(most), None::<u64>) if least <= most => Ok(Draw { least, most }),
            _ => Err(A::Error::custom("a range is [least, most]")),
        }
    }
}
