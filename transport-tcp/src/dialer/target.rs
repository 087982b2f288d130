//! One address that may be dialled, and what is known of it.

use std::net::SocketAddr;
use std::time::Duration;

use multifeed_core::{Instant, PublicKey};

use crate::discovery::Origin;
use crate::events::{DialFailure, Ending};

/// One address that a node may dial, as [`Node::addresses`](crate::Node::addresses) tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Address {
    /// Where.
    pub addr: SocketAddr,
    /// Who named it.
    pub origin: Origin,
    /// Who answers there: proved, or else as the source says.
    pub remote: Option<PublicKey>,
    /// What is being done about it.
    pub state: AddressState,
    /// Attempts since it was named or a connection held.
    pub attempts: u32,
    /// Why the last attempt failed or the last connection ended.
    pub trouble: Option<Trouble>,
}

/// What a node does about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddressState {
    /// It is dialled after this time, or later where there is no room.
    Waiting(Duration),
    /// It is being dialled, or its peer has yet to prove itself.
    Dialling,
    /// A connection that was dialled there is open.
    Connected,
    /// Its peer is connected some other way.
    Reached,
    /// It never worked; it is dialled when a source names it again.
    Resting,
    /// There is nothing to do there, unless it is named by hand again.
    Done,
}

/// Why an address is not connected.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Nobody answered.
    Dial(DialFailure),
    /// A connection ended.
    Ended(Ending),
}

/// Where an address is in its life.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// To be dialled then.
    Waiting { until: Instant },
    /// Being dialled since, or connected over a stream that we dialled; since when it is open.
    Dialled { since: Instant, opened: Option<Instant> },
    /// Whoever answered there last is connected over another stream.
    Reached,
    /// Not dialled until anybody names it again.
    Resting,
    /// Not dialled until it is named by hand again.
    Done,
}

#[derive(Debug)]
pub(super) struct Target {
    pub(super) origin: Origin,
    pub(super) state: State,
    /// Attempts since the address was named or a connection held.
    pub(super) attempts: u32,
    /// Who answered there last, or who should.
    pub(super) remote: Option<PublicKey>,
    /// Whether a member ever answered there.
    pub(super) worked: bool,
    /// When a connection with its peer ended last that held, or was another stream's.
    pub(super) lost: Option<Instant>,
    pub(super) trouble: Option<Trouble>,
    /// Decides between those whose time comes in one instant, so that not all nodes that know the
    /// same addresses dial the same ones.
    pub(super) order: u64,
}

impl Target {
    /// Since when its time has come, if it has.
    pub(super) fn due(&self, now: Instant) -> Option<Instant> {
        match self.state {
            State::Waiting { until } if until <= now => Some(until),
            _ => None,
        }
    }

    pub(super) fn address(&self, now: Instant, addr: SocketAddr) -> Address {
        let state = match self.state {
            State::Waiting { until } => AddressState::Waiting(until.since(now)),
            State::Dialled { opened: None, .. } => AddressState::Dialling,
            State::Dialled { opened: Some(_), .. } => AddressState::Connected,
            State::Reached => AddressState::Reached,
            State::Resting => AddressState::Resting,
            State::Done => AddressState::Done,
        };
        let (origin, remote, attempts) = (self.origin, self.remote, self.attempts);
        Address { addr, origin, remote, state, attempts, trouble: self.trouble.clone() }
    }
}
