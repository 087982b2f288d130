//! Tracks which targets were reached and which peers are connected.
//!
//! Rule: the state depends on node events only. This module neither dials nor prints.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use multifeed_core::{ConnectionId, Event, PublicKey, Role, StoreFailure};
use multifeed_tcp::{DisconnectReason, NodeEvent};

use crate::ids::hex;
use crate::lines::{self, PeerState};
use crate::sanitize::{self, Clean};

pub mod discovery;
mod reason;

use self::discovery::{DiscoveryStatus, Stage};
use self::reason::disconnect_text;

/// Connections, and the addresses that the user asked for.
#[derive(Debug, Default)]
pub struct Connections {
    targets: Vec<DialTarget>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Peers that were in sync at least once.
    synced: BTreeSet<PublicKey>,
    /// Peers that were connected at least once.
    peers: BTreeSet<PublicKey>,
    /// Set if discovery is on.
    discovery: Option<DiscoveryStatus>,
    /// Why the store failed first, if it did.
    store_failure: Option<StoreFailure>,
    /// Whether a feed has two histories, here or at a peer.
    has_forks: bool,
    /// Whether a storage limit stopped a feed.
    has_full: bool,
}

/// A peer to reach: a name with all addresses it resolves to.
#[derive(Debug)]
pub struct DialTarget {
    name: String,
    addresses: Vec<SocketAddr>,
    remote: Option<PublicKey>,
    /// The addresses that failed at least once.
    failed: BTreeSet<SocketAddr>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl DialTarget {
    /// Creates a target from what the user typed and its addresses.
    pub fn new(name: String, addresses: Vec<SocketAddr>) -> Self {
        Self { name, addresses, remote: None, failed: BTreeSet::new(), error: None }
    }

    /// Creates a target that is known to be unreachable.
    pub fn unresolved(name: String, error: String) -> Self {
        Self { error: Some(error), ..Self::new(name, Vec::new()) }
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
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns whether it was reached, or all of its addresses failed at least once.
    fn is_tried(&self) -> bool {
        self.remote.is_some() || self.addresses.iter().all(|addr| self.failed.contains(addr))
    }
}

#[derive(Debug)]
struct Connection {
    addr: SocketAddr,
    role: Role,
    remote: Option<PublicKey>,
}

/// A connected peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectedPeer {
    /// Its connection.
    pub connection: ConnectionId,
    /// The key of the connection.
    pub remote: PublicKey,
    /// Whether both sides hold the same messages.
    pub is_synced: bool,
}

/// The number of peers since the room was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCounts {
    /// Peers that were connected at least once.
    pub connected: usize,
    /// Peers that were in sync at least once.
    pub synced: usize,
}

/// A change of connections or feeds to report to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
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
    Unreachable {
        /// The name as typed.
        name: String,
        /// Why.
        why: String,
    },
    /// Discovery made a step.
    Stage(Stage),
    /// A feed cannot be read any more.
    Damaged,
    /// The store failed and takes nothing more until it is opened again.
    StoreFailed(StoreFailure),
    /// No more messages of an author are received.
    Stopped {
        /// The key of the author's feed.
        key: [u8; 32],
        /// The author's name.
        who: Clean,
        /// Whether the author is the user.
        is_own: bool,
        /// Why.
        why: StopReason,
    },
}

/// Why no more messages of an author are received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// The feed has two signed histories.
    Forked,
    /// A peer has another history of the feed, and no proof of two is known yet.
    Contested,
    /// The feed reached a storage limit.
    Full,
}

impl Notice {
    /// Returns the line to show to people.
    pub fn text(&self) -> String {
        match self {
            Self::Up { remote, addr } => format!("{} connected ({addr})", peer_name(remote)),
            Self::Down { remote, why } => format!("{} disconnected: {why}", peer_name(remote)),
            Self::Unreachable { name, why } => format!("cannot reach {name}: {why}"),
            Self::Stage(stage) => stage.text(),
            Self::Damaged => {
                "part of the store is damaged: some messages cannot be shown; run  multichat doctor"
                    .to_string()
            }
            Self::StoreFailed(StoreFailure::Full) => {
                "the disk is full: nothing more is stored; free some space, then start again"
                    .to_string()
            }
            Self::StoreFailed(failure) => {
                format!("nothing more is stored: {failure}; check the disk, then start again")
            }
            Self::Stopped { is_own: true, why: StopReason::Forked, .. } => {
                "your history split: this profile was copied or run twice, or an old copy was \
                 restored. Nothing more can be sent from here; create a new profile:  \
                 multichat --profile NAME join INVITE"
                    .to_string()
            }
            Self::Stopped { who, why: StopReason::Forked, .. } => format!(
                "{who}'s profile was copied or run twice, so their history split. Messages before \
                 the split are kept; later ones are ignored."
            ),
            Self::Stopped { is_own: true, why: StopReason::Contested, .. } => {
                "a peer has another history of your messages: this profile may have been copied or \
                 run twice, or an old copy was restored. Use it in one place only"
                    .to_string()
            }
            Self::Stopped { who, why: StopReason::Contested, .. } => format!(
                "a peer has another history of {who}'s messages: nothing more of them is exchanged \
                 with that peer. Their profile may have been copied or run twice"
            ),
            Self::Stopped { who, why: StopReason::Full, .. } => format!(
                "the storage limit for {who} is reached: stored messages are kept, later ones are \
                 not received. To receive more, raise author-mib or room-mib:  \
                 multichat config edit"
            ),
        }
    }

    /// Returns the JSON line for programs, if there is one.
    pub fn line(&self) -> Option<lines::Line> {
        let (state, remote) = match self {
            Self::Up { remote, .. } => (PeerState::Up, remote),
            Self::Down { remote, .. } => (PeerState::Down, remote),
            Self::Unreachable { .. } | Self::Damaged | Self::StoreFailed(_) => return None,
            Self::Stopped { key, who, is_own, why } => {
                let (key, nick, own) = (hex(key), who.clone(), *is_own);
                let state = match why {
                    StopReason::Forked => "forked",
                    StopReason::Contested => "contested",
                    StopReason::Full => "full",
                };
                return Some(lines::Event::Author { key, nick, own, state }.into());
            }
            Self::Stage(stage) => return Some(stage.line()),
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

impl Connections {
    /// Creates the links to these targets; none is reached yet.
    pub fn new(targets: Vec<DialTarget>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Starts reporting discovery.
    pub fn report_discovery(&mut self) {
        self.discovery = Some(DiscoveryStatus::default());
    }

    /// Returns the targets.
    pub fn targets(&self) -> &[DialTarget] {
        &self.targets
    }

    /// Updates the state from an event.
    pub fn on_event(&mut self, event: &NodeEvent) -> Option<Notice> {
        let notice = self.connection_notice(event);
        let stage = self.discovery.as_mut().and_then(|discovery| discovery.on_event(event));
        notice.or(stage.map(Notice::Stage))
    }

    fn connection_notice(&mut self, event: &NodeEvent) -> Option<Notice> {
        match event {
            NodeEvent::Connected { connection, addr, role } => {
                let opened = Connection { addr: *addr, role: *role, remote: None };
                self.connections.insert(*connection, opened);
                None
            }
            NodeEvent::Multifeed(Event::Opened { connection, remote }) => {
                self.on_opened(*connection, *remote)
            }
            NodeEvent::Multifeed(Event::Synced { connection }) => {
                let synced = self.connections.get(connection);
                self.synced.extend(synced.and_then(|connection| connection.remote));
                None
            }
            NodeEvent::Disconnected { connection, addr, reason, .. } => {
                self.on_closed(*connection, *addr, reason)
            }
            NodeEvent::Multifeed(Event::FeedBroken { failure, .. }) => {
                self.on_store_failure(*failure)
            }
            NodeEvent::Multifeed(Event::Contested { .. } | Event::Forked { .. }) => {
                self.has_forks = true;
                None
            }
            NodeEvent::Multifeed(Event::Full { .. }) => {
                self.has_full = true;
                None
            }
            NodeEvent::DialFailed { addr, reason, .. } => {
                self.on_dial_failed(*addr, reason.to_string())
            }
            _ => None,
        }
    }

    /// Corrects the state after missed events: the connected peers, and whether they are in sync.
    pub fn refresh(&mut self, peers: &[ConnectedPeer]) {
        self.connections.retain(|id, _| peers.iter().any(|peer| peer.connection == *id));
        for ConnectedPeer { connection: id, remote, is_synced } in peers {
            if self.connections.contains_key(id) {
                self.on_opened(*id, *remote);
            } else {
                // The event with its address was missed.
                let addr = SocketAddr::from(([0, 0, 0, 0], 0));
                let connection = Connection { addr, role: Role::Responder, remote: Some(*remote) };
                self.connections.insert(*id, connection);
                self.peers.insert(*remote);
            }
            if *is_synced {
                self.synced.insert(*remote);
            }
        }
    }

    /// Returns the connected peers, each once.
    pub fn online(&self) -> BTreeSet<PublicKey> {
        self.connections.values().filter_map(|connection| connection.remote).collect()
    }

    /// Returns the peer of a connection and its address.
    pub fn peer(&self, id: ConnectionId) -> Option<(PublicKey, SocketAddr)> {
        let connection = self.connections.get(&id)?;
        Some((connection.remote?, connection.addr))
    }

    /// Returns how many peers were ever connected, and how many of them were ever in sync.
    pub fn peer_counts(&self) -> PeerCounts {
        PeerCounts { connected: self.peers.len(), synced: self.synced.len() }
    }

    /// Returns whether every target was reached at least once.
    pub fn all_reached(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some())
    }

    /// Returns the targets that were never in sync.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &DialTarget> {
        let synced =
            |target: &DialTarget| target.remote.is_some_and(|key| self.synced.contains(&key));
        self.targets.iter().filter(move |target| !synced(target))
    }

    /// Returns whether every target was reached, or failed at all of its addresses.
    pub fn all_tried(&self) -> bool {
        self.targets.iter().all(DialTarget::is_tried)
    }

    /// Returns why the store failed first and takes nothing more; `None` while it works.
    pub fn store_failure(&self) -> Option<StoreFailure> {
        self.store_failure
    }

    /// Returns whether a feed was found to have two histories, here or at a peer.
    pub fn has_forks(&self) -> bool {
        self.has_forks
    }

    /// Returns whether a storage limit stopped a feed.
    pub fn has_full(&self) -> bool {
        self.has_full
    }

    fn on_store_failure(&mut self, failure: StoreFailure) -> Option<Notice> {
        if failure == StoreFailure::Damaged {
            // One feed is affected; the others work.
            return Some(Notice::Damaged);
        }
        // Later failures are its consequences.
        let is_first = self.store_failure.is_none();
        let first = *self.store_failure.get_or_insert(failure);
        is_first.then_some(Notice::StoreFailed(first))
    }

    fn on_opened(&mut self, opened: ConnectionId, remote: PublicKey) -> Option<Notice> {
        let connection = self.connections.get_mut(&opened)?;
        let is_new = connection.remote.replace(remote).is_none();
        let (addr, role) = (connection.addr, connection.role);
        if role == Role::Initiator
            && let Some(target) = target(&mut self.targets, addr)
        {
            target.remote = Some(remote);
            target.error = None;
        }
        self.peers.insert(remote);
        let others = self
            .connections
            .iter()
            .any(|(id, connection)| *id != opened && connection.remote == Some(remote));
        (is_new && !others).then_some(Notice::Up { remote, addr })
    }

    fn on_closed(
        &mut self,
        closed: ConnectionId,
        addr: SocketAddr,
        reason: &DisconnectReason,
    ) -> Option<Notice> {
        let connection = self.connections.remove(&closed)?;
        let why = disconnect_text(reason);
        match connection.remote {
            // The same peer may still have another connection.
            Some(remote) if self.online().contains(&remote) => None,
            Some(remote) => Some(Notice::Down { remote, why }),
            None if connection.role == Role::Initiator => self.on_dial_failed(addr, why),
            None => None,
        }
    }

    fn on_dial_failed(&mut self, addr: SocketAddr, why: String) -> Option<Notice> {
        let target = target(&mut self.targets, addr)?;
        if target.remote.is_some() {
            return None;
        }
        let was_tried = target.is_tried();
        target.failed.insert(addr);
        target.error = Some(why.clone());
        let name = target.name.clone();
        (!was_tried && target.is_tried()).then_some(Notice::Unreachable { name, why })
    }
}

fn target(targets: &mut [DialTarget], addr: SocketAddr) -> Option<&mut DialTarget> {
    targets.iter_mut().find(|target| target.addresses.contains(&addr))
}

#[cfg(test)]
mod tests;
