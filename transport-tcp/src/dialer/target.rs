//! One address to dial, and its state.

use std::net::SocketAddr;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

use crate::discovery::report::Origin;
use crate::events::{DialFailure, DisconnectReason};

/// The least time between two dials of an address because sources report another peer there than
/// the one that answered last. A judgement: an address that moved to another peer is found within a
/// minute, and false reports cost one packet a minute.
pub(super) const RECHECK_S: u64 = 60;

/// An address that a node may dial, as returned by [`Node::addresses`](crate::Node::addresses).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Address {
    /// The address.
    pub addr: SocketAddr,
    /// Where it comes from.
    pub origin: Origin,
    /// The peer there: proved by a handshake, or else as the source reports.
    pub remote: Option<PublicKey>,
    /// What the node does about it.
    pub state: AddressState,
    /// Attempts since it was added or the last stable connection ended.
    pub attempts: u32,
    /// Why the last attempt failed or the last connection ended.
    pub last_error: Option<ConnectError>,
}

/// What a node does about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressState {
    /// The node dials it after this time, or later if a limit is reached.
    Waiting(Duration),
    /// A dial is in progress, or the peer has not proved yet to be a member.
    Dialling,
    /// A connection that was dialled there is open.
    Connected,
    /// Its peer is connected over another stream.
    ConnectedElsewhere,
    /// It never worked. The node dials it when a source reports it again.
    Suspended,
    /// There is no reason to dial it again, unless the user adds it again.
    Finished,
}

/// Why an address is not connected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The dial failed.
    Dial(DialFailure),
    /// The connection ended.
    Disconnected(DisconnectReason),
}

/// The state of an address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Due at `until`.
    Waiting { until: Instant },
    /// Dialled at `since`; connected since `opened`, once the peer has proved to be a member.
    Dialled { since: Instant, opened: Option<Instant> },
    /// The peer that answered last is connected over another stream.
    ConnectedElsewhere,
    /// Not dialled until it is added or reported again.
    Suspended,
    /// Not dialled until the user adds it again.
    Finished,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) origin: Origin,
    pub(super) state: State,
    /// Attempts since the address was added or the last stable connection ended.
    pub(super) attempts: u32,
    /// The peer that answered last: it has proved its key at this address.
    pub(super) remote: Option<PublicKey>,
    /// The peer that a source expects here. Anybody can report anybody's address, so this decides
    /// about the order of dials and about nothing else. `None` if the user specified the address or
    /// sources disagree.
    pub(super) hint: Option<PublicKey>,
    /// Whether a member ever answered here.
    pub(super) has_worked: bool,
    /// When the last stable connection with the peer ended, or one over another stream.
    pub(super) lost_at: Option<Instant>,
    pub(super) last_error: Option<ConnectError>,
    /// Random order among addresses that are due at the same time, so that nodes with the same
    /// addresses do not all dial the same ones.
    pub(super) order: u64,
}

impl Target {
    /// Returns the rank of the address among those that are due, if it is: the smallest is dialled
    /// first. Addresses that the user specified come first, whatever sources report.
    pub(super) fn precedence(&self, now: Instant) -> Option<(bool, Instant, u64)> {
        match self.state {
            State::Waiting { until } if until <= now => {
                Some((self.origin != Origin::Manual, until, self.order))
            }
            _ => None,
        }
    }

    /// Handles the report that `remote` is here. Dials again if the address is suspended, or if
    /// another peer answered here before.
    pub(super) fn on_reported(&mut self, now: Instant, until: Instant, remote: Option<PublicKey>) {
        if self.hint != remote {
            self.hint = None;
        }
        if self.state == State::Suspended {
            self.state = State::Waiting { until };
            self.attempts = 0;
        }
        let is_other = remote.is_some() && self.remote.is_some() && remote != self.remote;
        if self.state == State::ConnectedElsewhere && is_other {
            self.state = State::Waiting { until: now + Duration::from_secs(RECHECK_S) };
            self.remote = None;
        }
    }

    /// Returns the peer that answered last, or else the one that a source expects.
    pub(super) fn expected(&self) -> Option<PublicKey> {
        self.remote.or(self.hint)
    }

    pub(super) fn address(&self, now: Instant, addr: SocketAddr) -> Address {
        let state = match self.state {
            State::Waiting { until } => AddressState::Waiting(until.since(now)),
            State::Dialled { opened: None, .. } => AddressState::Dialling,
            State::Dialled { opened: Some(_), .. } => AddressState::Connected,
            State::ConnectedElsewhere => AddressState::ConnectedElsewhere,
            State::Suspended => AddressState::Suspended,
            State::Finished => AddressState::Finished,
        };
        let (origin, remote, attempts) = (self.origin, self.expected(), self.attempts);
        Address { addr, origin, remote, state, attempts, last_error: self.last_error.clone() }
    }
}
