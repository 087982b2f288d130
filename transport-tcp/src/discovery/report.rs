//! What a source reports: where an address comes from, progress and failures.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::{fmt, io};

/// The most addresses of one peer that are used from one report. A judgement: two interfaces with
/// IPv4, and IPv6 with temporary addresses, plus a forwarded port. Eight addresses of IPv6 make a
/// record of 225 bytes, which fits in one packet of any DHT node.
pub(crate) const ADDRESSES_PER_PEER_MAX: usize = 8;

/// Where an address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The user or the application specified it.
    Manual,
    /// The local network.
    Lan,
    /// The HyperDHT.
    Dht,
    /// A source of the application.
    Other,
}

/// The progress of a source.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// It has joined its network.
    Bootstrapped {
        /// Number of known nodes of that network.
        nodes: usize,
        /// Our address as those nodes observe it, if enough of them report the same one.
        observed_ip: Option<IpAddr>,
    },
    /// Other peers can find this node.
    Announced {
        /// The announced addresses.
        addresses: Vec<SocketAddr>,
    },
    /// It searches for peers.
    Searching,
    /// A search is complete.
    Found {
        /// Number of peers found, without this node.
        peers: usize,
    },
    /// It failed. It retries if that may help.
    Failed(SourceFailure),
}

/// Why a source failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SourceFailure {
    /// No node of its network answers.
    NoResponse,
    /// The operating system reported an error.
    Io(Arc<io::Error>),
    /// The library that it uses reported an error.
    Library(Arc<str>),
    /// The node listens on no address, so there is nothing to announce.
    NotListening,
    /// The router did not forward the port, for this reason.
    NotForwarded(Arc<str>),
    /// Its task ended unexpectedly.
    Ended,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            // Scripts may read this name in logs, so it outlives the name of the variant.
            Self::Manual => "named",
            Self::Lan => "lan",
            Self::Dht => "dht",
            Self::Other => "other",
        })
    }
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoResponse => f.write_str("no bootstrap node answers"),
            Self::Io(error) => error.fmt(f),
            Self::Library(message) => f.write_str(message),
            Self::NotListening => f.write_str("cannot announce: not listening"),
            Self::NotForwarded(reason) => {
                write!(f, "the router did not forward the port: {reason}")
            }
            Self::Ended => f.write_str("the source ended unexpectedly"),
        }
    }
}
