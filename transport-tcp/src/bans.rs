//! Peers that violated the protocol, and until when they are banned.
//!
//! Rule: a ban protects only against members whose program fails repeatedly. An adversarial peer
//! makes new keys at no cost; other limits bound what one connection can cost.

use std::collections::BTreeMap;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

#[cfg(test)]
mod tests;

/// How long a ban lasts. Ten minutes is hyperswarm's longest retry delay (`BACKOFF_X` in
/// lib/retry-timer.js, version 4). A judgement: long enough that a faulty program costs little,
/// short enough that its user, after an update, waits for no restart of the peers. hyperswarm's own
/// bans end only when the application lifts them (`ban` in lib/peer-info.js).
const BAN_S: u64 = 600;

/// The most bans. When it is exceeded, the ban that ends first is dropped. A judgement: 16 times
/// the default number of connections; about 40 KiB of keys and times.
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

    /// Returns when the ban of a peer ends, if the peer is banned.
    pub(crate) fn until(&self, now: Instant, remote: &PublicKey) -> Option<Instant> {
        self.0.get(remote).copied().filter(|until| *until > now)
    }
}
