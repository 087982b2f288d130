//! Peers that broke the protocol, and until when nothing is heard from them.
//!
//! Rule: a key costs a stranger nothing, so a ban protects only from members' programs that fail
//! again and again; what one connection can cost is bounded elsewhere.

use std::collections::BTreeMap;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

#[cfg(test)]
mod tests;

/// hypercore bans for as long.
const BAN_S: u64 = 600;

/// Past it the ban that ends first makes room.
const BANS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(crate) struct Bans(BTreeMap<PublicKey, Instant>);

impl Bans {
    pub(crate) fn add(&mut self, now: Instant, remote: PublicKey) {
        self.0.retain(|_, until| *until > now);
        if self.0.len() >= BANS_MAX
            && let Some((first, _)) = self.0.iter().min_by_key(|(_, until)| **until)
        {
            let first = *first;
            self.0.remove(&first);
        }
        self.0.insert(remote, now + Duration::from_secs(BAN_S));
    }

    /// Until when a peer is banned, if it is.
    pub(crate) fn until(&self, now: Instant, remote: &PublicKey) -> Option<Instant> {
        self.0.get(remote).copied().filter(|until| *until > now)
    }
}
