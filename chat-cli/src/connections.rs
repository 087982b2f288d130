//! Who was to be reached, and who was.
//!
//! Rule: this is a function of what the node told. It dials nothing and prints nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use multifeed_core::{ConnectionId, Event, PublicKey, Role};
use multifeed_tcp::{Ending, NodeEvent};

use crate::ids::hex;
use crate::lines::{self, PeerState};
use crate::sanitize::{self, Clean};

pub mod discovery;
mod reason;

use self::discovery::{DiscoveryStatus, Stage};
use self::reason::disconnect_text;

/// Connections and the addresses that the user asked for.
#[derive(Debug, Default)]
pub struct Connections {
    targets: Vec<DialTarget>,
    connections: BTreeMap<ConnectionId, Connection>,
    /// Everybody with whom we were in sync once.
    synced: BTreeSet<PublicKey>,
    /// Everybody who was ever here.
    peers: BTreeSet<PublicKey>,
    /// Set when others are looked for.
    discovery: Option<DiscoveryStatus>,
}

/// Somebody to be reached: one name with all addresses that it stands for.
#[derive(Debug)]
pub struct DialTarget {
    name: String,
    addresses: Vec<SocketAddr>,
    remote: Option<PublicKey>,
    /// Why the last attempt failed.
    error: Option<String>,
}

impl DialTarget {
    /// A target as the user wrote it, and where that is.
    pub fn new(name: String, addresses: Vec<SocketAddr>) -> Self {
        Self { name, addresses, remote: None, error: None }
    }

    /// The same, already known to be out of reach.
    pub fn unresolved(name: String, error: String) -> Self {
        Self { name, addresses: Vec::new(), remote: None, error: Some(error) }
    }

    /// As the user wrote it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where to dial.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Why it was not reached, if something is known.
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }
}

#[derive(Debug)]
struct Connection {
    addr: SocketAddr,
    role: Role,
    remote: Option<PublicKey>,
}

/// A peer that the node is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectedPeer {
    /// The connection to it.
    pub connection: ConnectionId,
    /// The key of the connection.
    pub remote: PublicKey,
    /// Whether both sides hold the same.
    pub is_synced: bool,
}

/// The number of peers since the room was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCounts {
    /// Those that were connected once.
    pub connected: usize,
    /// Those that were in sync once.
    pub synced: usize,
}

/// A change of the connections or feeds, to be reported to the user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// A member is here.
    Up {
        /// The key of the connection.
        remote: PublicKey,
        /// Where from.
        addr: SocketAddr,
    },
    /// A member went.
    Down {
        /// The key of the connection.
        remote: PublicKey,
        /// Why.
        why: String,
    },
    /// An address does not lead to a member; told once, until it did.
    Unreachable {
        /// As the user wrote it.
        name: String,
        /// Why.
        why: String,
    },
    /// The search for others is so far.
    Stage(Stage),
    /// A feed cannot be read here any more.
    Damaged,
    /// Nothing more is taken of an author.
    Stopped {
        /// The key of the author's feed.
        key: [u8; 32],
        /// What the author is called.
        who: Clean,
        /// Whether it is the user.
        is_own: bool,
        /// Why.
        why: StopReason,
    },
}

/// Why nothing more is taken of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Two histories of the feed are signed.
    Forked,
    /// There is no room for more of it.
    Full,
}

impl Notice {
    /// For people: one line.
    pub fn text(&self) -> String {
        match self {
            Self::Up { remote, addr } => format!("{} is here ({addr})", peer_name(remote)),
            Self::Down { remote, why } => format!("{} is gone: {why}", peer_name(remote)),
            Self::Unreachable { name, why } => format!("cannot reach {name}: {why}"),
            Self::Stage(stage) => stage.text(),
            Self::Damaged => {
                "a part of the store is damaged: some messages cannot be shown".to_string()
            }
            Self::Stopped { is_own: true, why: StopReason::Forked, .. } => {
                "you have written two different histories: this profile was copied, or an old copy \
                 of it came back; nothing more can be sent from here: be somebody new with  \
                 multichat --profile NAME join INVITE"
                    .to_string()
            }
            Self::Stopped { who, why: StopReason::Forked, .. } => format!(
                "{who} has written two different histories: that program was run twice on one \
                 folder, or the folder was copied; what came first is kept, and no more is taken"
            ),
            Self::Stopped { who, why: StopReason::Full, .. } => format!(
                "there is no room for more of {who}: what is here is kept; to take more, raise \
                 author-mib or room-mib in  multichat config edit"
            ),
        }
    }

    /// For programs: a line, where there is one for it.
    pub fn line(&self) -> Option<lines::Line> {
        let (state, remote) = match self {
            Self::Up { remote, .. } => (PeerState::Up, remote),
            Self::Down { remote, .. } => (PeerState::Down, remote),
            Self::Unreachable { .. } | Self::Damaged => return None,
            Self::Stopped { key, who, is_own, why } => {
                let (key, nick, own) = (hex(key), who.clone(), *is_own);
                let state = match why {
                    StopReason::Forked => "forked",
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

/// A peer as it is shown. Its key is no author's: who is connected is not linked to who wrote.
pub fn peer_name(remote: &PublicKey) -> String {
    format!("peer {}", sanitize::key_chars(&remote.0))
}

impl Connections {
    /// Links to these, none of which is reached yet.
    pub fn new(targets: Vec<DialTarget>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Tells of the search for others from now on.
    pub fn report_discovery(&mut self) {
        self.discovery = Some(DiscoveryStatus::default());
    }

    /// Those who were to be reached.
    pub fn targets(&self) -> &[DialTarget] {
        &self.targets
    }

    /// Takes note of what the node told.
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
            NodeEvent::Multifeed(Event::FeedBroken { .. }) => Some(Notice::Damaged),
            NodeEvent::DialFailed { addr, reason, .. } => {
                self.on_dial_failed(*addr, reason.to_string())
            }
            _ => None,
        }
    }

    /// Puts right what events were missed: everybody who is connected, and whether in sync.
    pub fn refresh(&mut self, peers: &[ConnectedPeer]) {
        self.connections.retain(|id, _| peers.iter().any(|peer| peer.connection == *id));
        for ConnectedPeer { connection: id, remote, is_synced } in peers {
            if self.connections.contains_key(id) {
                self.on_opened(*id, *remote);
            } else {
                // Its address was in an event that is lost.
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

    /// The peers that are here now, each once.
    pub fn online(&self) -> BTreeSet<PublicKey> {
        self.connections.values().filter_map(|connection| connection.remote).collect()
    }

    /// The peer at the other end of a connection, and where that is.
    pub fn peer(&self, id: ConnectionId) -> Option<(PublicKey, SocketAddr)> {
        let connection = self.connections.get(&id)?;
        Some((connection.remote?, connection.addr))
    }

    /// The number of peers since the room was opened.
    pub fn peer_counts(&self) -> PeerCounts {
        PeerCounts { connected: self.peers.len(), synced: self.synced.len() }
    }

    /// Whether everybody who was to be reached was here once.
    pub fn all_reached(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some())
    }

    /// Those with whom we were never in sync.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &DialTarget> {
        let synced =
            |target: &DialTarget| target.remote.is_some_and(|key| self.synced.contains(&key));
        self.targets.iter().filter(move |target| !synced(target))
    }

    /// Whether each target was either reached or tried in vain.
    pub fn all_tried(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some() || target.error.is_some())
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
        reason: &Ending,
    ) -> Option<Notice> {
        let connection = self.connections.remove(&closed)?;
        let why = disconnect_text(reason);
        match connection.remote {
            // The same peer may be here over another connection.
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
        let known = target.error.replace(why.clone());
        let name = target.name.clone();
        known.is_none().then_some(Notice::Unreachable { name, why })
    }
}

fn target(targets: &mut [DialTarget], addr: SocketAddr) -> Option<&mut DialTarget> {
    targets.iter_mut().find(|target| target.addresses.contains(&addr))
}

#[cfg(test)]
mod tests;
