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

use self::discovery::{Ladder, Rung};
use self::reason::ending;

/// Connections and the addresses that the user asked for.
#[derive(Debug, Default)]
pub struct Links {
    targets: Vec<Target>,
    connections: BTreeMap<ConnectionId, Link>,
    /// Everybody with whom we were in sync once.
    synced: BTreeSet<PublicKey>,
    /// Everybody who was ever here.
    met: BTreeSet<PublicKey>,
    /// Set when others are looked for.
    ladder: Option<Ladder>,
}

/// Somebody to be reached: one name with all addresses that it stands for.
#[derive(Debug)]
pub struct Target {
    name: String,
    addresses: Vec<SocketAddr>,
    remote: Option<PublicKey>,
    /// Why the last attempt failed.
    trouble: Option<String>,
}

impl Target {
    /// A target as the user wrote it, and where that is.
    pub fn new(name: String, addresses: Vec<SocketAddr>) -> Self {
        Self { name, addresses, remote: None, trouble: None }
    }

    /// The same, already known to be out of reach.
    pub fn lost(name: String, trouble: String) -> Self {
        Self { name, addresses: Vec::new(), remote: None, trouble: Some(trouble) }
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

/// What is worth telling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
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
    OutOfReach {
        /// As the user wrote it.
        name: String,
        /// Why.
        why: String,
    },
    /// The search for others is so far.
    Rung(Rung),
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
        why: Stop,
    },
}

/// Why nothing more is taken of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// Two histories of the feed are signed.
    Forked,
    /// There is no room for more of it.
    Full,
}

impl Change {
    /// For people: one line.
    pub fn text(&self) -> String {
        match self {
            Self::Up { remote, addr } => format!("{} is here ({addr})", peer_name(remote)),
            Self::Down { remote, why } => format!("{} is gone: {why}", peer_name(remote)),
            Self::OutOfReach { name, why } => format!("cannot reach {name}: {why}"),
            Self::Rung(rung) => rung.text(),
            Self::Damaged => {
                "a part of the store is damaged: some messages cannot be shown".to_string()
            }
            Self::Stopped { is_own: true, why: Stop::Forked, .. } => {
                "you have written two different histories: this profile was copied, or an old copy \
                 of it came back; nothing more can be sent from here: be somebody new with  \
                 multichat --profile NAME join TICKET"
                    .to_string()
            }
            Self::Stopped { who, why: Stop::Forked, .. } => format!(
                "{who} has written two different histories: that program was run twice on one \
                 folder, or the folder was copied; what came first is kept, and no more is taken"
            ),
            Self::Stopped { who, why: Stop::Full, .. } => format!(
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

/// A peer as it is shown. Its key is no author's: who is connected is not linked to who wrote.
pub fn peer_name(remote: &PublicKey) -> String {
    format!("peer {}", sanitize::key_chars(&remote.0))
}

impl Links {
    /// Links to these, none of which is reached yet.
    pub fn new(targets: Vec<Target>) -> Self {
        Self { targets, ..Self::default() }
    }

    /// Tells of the search for others from now on.
    pub fn climb(&mut self) {
        self.ladder = Some(Ladder::default());
    }

    /// Those who were to be reached.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }

    /// Takes note of what the node told.
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

    /// Puts right what events were missed: everybody who is connected, and whether in sync.
    pub fn refresh(&mut self, peers: &[(ConnectionId, PublicKey, bool)]) {
        self.connections.retain(|id, _| peers.iter().any(|(known, ..)| known == id));
        for (id, remote, is_synced) in peers {
            if self.connections.contains_key(id) {
                self.opened(*id, *remote);
            } else {
                // Its address was in an event that is lost.
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

    /// The peers that are here now, each once.
    pub fn here(&self) -> BTreeSet<PublicKey> {
        self.connections.values().filter_map(|link| link.remote).collect()
    }

    /// The peer at the other end of a connection, and where that is.
    pub fn peer(&self, connection: ConnectionId) -> Option<(PublicKey, SocketAddr)> {
        let link = self.connections.get(&connection)?;
        Some((link.remote?, link.addr))
    }

    /// How many peers there were, and how many of those we were in sync with once.
    pub fn met(&self) -> (usize, usize) {
        (self.met.len(), self.synced.len())
    }

    /// Whether everybody who was to be reached was here once.
    pub fn all_reached(&self) -> bool {
        self.targets.iter().all(|target| target.remote.is_some())
    }

    /// Those with whom we were never in sync.
    pub fn out_of_sync(&self) -> impl Iterator<Item = &Target> {
        let synced = |target: &Target| target.remote.is_some_and(|key| self.synced.contains(&key));
        self.targets.iter().filter(move |target| !synced(target))
    }

    /// Whether each target was either reached or tried in vain.
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
            // The same peer may be here over another connection.
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
