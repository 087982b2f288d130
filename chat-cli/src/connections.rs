//! Tracks which targets were reached and which peers are connected.
//!
//! Rule: the state depends on node events only. This module neither dials nor prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use multifeed_core::{ConnectionId, Event, PublicKey, Role};
use multifeed_tcp::{Ending, NodeEvent};

use crate::ids::hex;
use crate::lines::{self, PeerState};
use crate::sanitize::{self, Clean};

pub mod discovery;
mod reason;

use self::discovery::{Ladder, Rung};
use self::reason::ending;

/// Connections, and the addresses that the user asked for.
#[derive(Debug, Default)]
pub struct Links {
    targets: Vec<Target>,
    connections: BTreeMap<ConnectionId, Link>,
    /// Peers that were in sync at least once.
    synced: BTreeSet<PublicKey>,
    /// Peers that were connected at least once.
    met: BTreeSet<PublicKey>,
    /// Set if discovery is on.
    ladder: Option<Ladder>,
}

/// A peer to reach: a name with all addresses it resolves to.
#[derive(Debug)]
pub struct Target {
    name: String,
    addresses: Vec<SocketAddr>,
    remote: Option<PublicKey>,
    /// Why the last attempt failed.
    trouble: Option<String>,
}

impl Target {
    /// Creates a target from what the user typed and its addresses.
    pub fn new(name: String, addresses: Vec<SocketAddr>) -> Self {
        Self { name, addresses, remote: None, trouble: None }
    }

    /// Creates a target that is known to be unreachable.
    pub fn lost(name: String, trouble: String) -> Self {
        Self { name, addresses: Vec::new(), remote: None, trouble: Some(trouble) }
    }

    /// Returns the name as typed.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the addresses to dial.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Returns why it was not reached, if known.
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }
}

#[derive(Debug)]
struct Link {
    addr: SocketAddr,
    role: Role,
    remote: Option<PublicKey>,
}

/// A change to report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A peer connected.
    Up {
        /// The key of the connection.
        remote: PublicKey,
        /// Its address.
        addr: SocketAddr,
    },
    /// A peer disconnected.
    Down {
        /// The key of the connection.
        remote: PublicKey,
        /// Why.
        why: String,
    },
    /// An address does not lead to a member. Reported once until it does.
    OutOfReach {
        /// The name as typed.
        name: String,
        /// Why.
        why: String,
    },
    /// Discovery made a step.
    Rung(Rung),
    /// A feed cannot be read any more.
    Damaged,
    /// No more messages of an author are received.
    Stopped {
        /// The key of the author's feed.
        key: [u8; 32],
        /// The author's name.
        who: Clean,
        /// Whether the author is the user.
        is_own: bool,
        /// Why.
        why: Stop,
    },
}

/// Why no more messages of an author are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The feed has two signed histories.
    Forked,
    /// The feed reached a storage limit.
    Full,
}

impl Change {
    /// Returns the line to show to people.
    pub fn text(&self) -> String {
        match self {
            Self::Up { remote, addr } => format!("{} connected ({addr})", peer_name(remote)),
            Self::Down { remote, why } => format!("{} disconnected: {why}", peer_name(remote)),
            Self::OutOfReach { name, why } => format!("cannot reach {name}: {why}"),
            Self::Rung(rung) => rung.text(),
            Self::Damaged => {
                "part of the store is damaged: some messages cannot be shown; run  multichat doctor"
                    .to_string()
            }
            Self::Stopped { is_own: true, why: Stop::Forked, .. } => {
                "your history split: this profile was copied or run twice, or an old copy was \
                 restored. Nothing more can be sent from here; create a new profile:  \
                 multichat --profile NAME join INVITE"
                    .to_string()
            }
            Self::Stopped { who, why: Stop::Forked, .. } => format!(
                "{who}'s profile was copied or run twice, so their history split. Messages before the \
                 split are kept; later ones are ignored."
            ),
            Self::Stopped { who, why: Stop::Full, .. } => format!(
                "the storage limit for {who} is reached: stored messages are kept, later ones are not \
                 received. To receive more, raise author-mib or room-mib:  multichat config edit"
            ),
        }
    }

    /// Returns the JSON line for programs, if there is one.
    pub fn line(&self) -> Option<lines::Line> {
        let (state, remote) = match self {
            Self::Up { remote, .. } => (PeerState::Up, remote),
            Self::Down { remote, .. } => (PeerState::Down, remote),
            Self::OutOfReach { .. } | Self::Damaged => return None,
            Self::Stopped { key, who, is_own, why } => {
                let (key, nick, own) = (hex(key), who.clone(), *is_own);
                let state = match why {
                    Stop::Forked => "forked",
                    Stop::Full => "full",
                };
                return Some(lines::Event::Author { key, nick, own, state }.into());
            }
            Self::Rung(rung) => return Some(rung.line()),
        };
        let key = hex(&remote.0);
        Some(lines::Event::Peer { state, key, via: "tcp", rtt_ms: None }.into())
    }
}

/// Returns the name to show for a peer. It is not derived from an author's key: connections are
/// not linked to authors.
pub fn peer_name(remote: &PublicKey) -> String {
    format!("peer {}", sanitize::key_chars(&remote.0))
}

impl Links {
    /// Creates the links to these targets; none is reached yet.
    pub fn new(targets: Vec<Target>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Starts reporting discovery.
    pub fn climb(&mut self) {
        self.ladder = Some(Ladder::default());
    }

    /// Returns the targets.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Updates the state from an event.
    pub fn take(&mut self, event: &NodeEvent) -> Option<Change> {
        let change = self.peer_changed(event);
        let rung = self.ladder.as_mut().and_then(|ladder| ladder.take(event));
        change.or(rung.map(Change::Rung))
    }

    fn peer_changed(&mut self, event: &NodeEvent) -> Option<Change> {
        match event {
            NodeEvent::Connected { connection, addr, role } => {
                let link = Link { addr: *addr, role: *role, remote: None };
                self.connections.insert(*connection, link);
                None
            }
            NodeEvent::Multifeed(Event::Opened { connection, remote }) => {
                self.opened(*connection, *remote)
            }
            NodeEvent::Multifeed(Event::Synced { connection }) => {
                let link = self.connections.get(connection);
                self.synced.extend(link.and_then(|link| link.remote));
                None
            }
            NodeEvent::Disconnected { connection, addr, reason, .. } => {
                self.closed(*connection, *addr, reason)
            }
            NodeEvent::Multifeed(Event::FeedBroken { .. }) => Some(Change::Damaged),
            NodeEvent::DialFailed { addr, reason, .. } => self.failed(*addr, reason.to_string()),
            _ => None,
        }
    }

    /// Corrects the state after missed events: the connected peers, and whether they are in sync.
    pub fn refresh(&mut self, peers: &[(ConnectionId, PublicKey, bool)]) {
        self.connections.retain(|id, _| peers.iter().any(|(known, ..)| known == id));
        for (id, remote, is_synced) in peers {
            if self.connections.contains_key(id) {
                self.opened(*id, *remote);
            } else {
                // The event with its address was missed.
                let addr = SocketAddr::from(([0, 0, 0, 0], 0));
                let link = Link { addr, role: Role::Responder, remote: Some(*remote) };
                self.connections.insert(*id, link);
                self.met.insert(*remote);
            }
            if *is_synced {
                self.synced.insert(*remote);
            }
        }
    }

    /// Returns the connected peers, each once.
    pub fn here(&self) -> BTreeSet<PublicKey> {
        self.connections.values().filter_map(|link| link.remote).collect()
    }

    /// Returns the peer of a connection and its address.
    pub fn peer(&self, connection: ConnectionId) -> Option<(PublicKey, SocketAddr)> {
        let link = self.connections.get(&connection)?;
        Some((link.remote?, link.addr))
    }

    /// Returns how many peers were ever connected, and how many of them were ever in sync.
    pub fn met(&self) -> (usize, usize) {
        (self.met.len(), self.synced.len())
    }

    /// Returns whether every target was reached at least once.
    pub fn all_reached(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some())
    }

    /// Returns the targets that were never in sync.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &Target> {
        let synced = |target: &Target| target.remote.is_some_and(|key| self.synced.contains(&key));
        self.targets.iter().filter(move |target| !synced(target))
    }

    /// Returns whether every target was reached or failed at least once.
    pub fn all_tried(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some() || target.trouble.is_some())
    }

    fn opened(&mut self, connection: ConnectionId, remote: PublicKey) -> Option<Change> {
        let link = self.connections.get_mut(&connection)?;
        let is_new = link.remote.replace(remote).is_none();
        let (addr, role) = (link.addr, link.role);
        if role == Role::Initiator
            && let Some(target) = target(&mut self.targets, addr)
        {
            target.remote = Some(remote);
            target.trouble = None;
        }
        self.met.insert(remote);
        let others = self
            .connections
            .iter()
            .any(|(id, link)| *id != connection && link.remote == Some(remote));
        (is_new && !others).then_some(Change::Up { remote, addr })
    }

    fn closed(
        &mut self,
        connection: ConnectionId,
        addr: SocketAddr,
        reason: &Ending,
    ) -> Option<Change> {
        let link = self.connections.remove(&connection)?;
        let why = ending(reason);
        match link.remote {
            // The same peer may still have another connection.
            Some(remote) if self.here().contains(&remote) => None,
            Some(remote) => Some(Change::Down { remote, why }),
            None if link.role == Role::Initiator => self.failed(addr, why),
            None => None,
        }
    }

    fn failed(&mut self, addr: SocketAddr, why: String) -> Option<Change> {
        let target = target(&mut self.targets, addr)?;
        if target.remote.is_some() {
            return None;
        }
        let known = target.trouble.replace(why.clone());
        let name = target.name.clone();
        known.is_none().then_some(Change::OutOfReach { name, why })
    }
}

fn target(targets: &mut [Target], addr: SocketAddr) -> Option<&mut Target> {
    targets.iter_mut().find(|target| target.addresses.contains(&addr))
}

#[cfg(test)]
mod tests;
