//! How peers find each other: sources that name addresses for the dialler.
//!
//! Rule: a source only names. Whether, when and how often an address is dialled is the dialler's
//! to say, and whoever answers there has to prove that it knows the group's key. So a source that
//! lies costs some dials and nothing else.
//!
//! [`Node::dial`](crate::Node::dial) is the source that the user is. [`Lan`] finds peers on the
//! local network (feature `lan`), [`Dht`] on the HyperDHT (feature `dht`); any other
//! implements [`Source`]. What a source shows to strangers is derived from the group's topic, never
//! its key.
//!
//! ```
//! use multifeed_tcp::discovery::{Meeting, Origin, Source, Step};
//! use multifeed_tcp::runtime::BoxFuture;
//!
//! /// Names one address that everybody knows.
//! struct Landmark;
//!
//! impl Source for Landmark {
//!     fn origin(&self) -> Origin {
//!         Origin::Other
//!     }
//!
//!     fn run(self: Box<Self>, meeting: Meeting) -> BoxFuture<'static, ()> {
//!         Box::pin(async move {
//!             meeting.tell(Step::Looking).await;
//!             meeting.found(None, vec![([192, 0, 2, 1], 4_977).into()]).await;
//!             meeting.left().await;
//!         })
//!     }
//! }
//! ```

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use async_channel::{Receiver, Sender};
use multifeed_core::{Group, KeyPair, PublicKey};

use crate::driver::Notice;
use crate::runtime::{BoxFuture, Runtime};

#[cfg(feature = "dht")]
mod dht;
#[cfg(any(feature = "lan", feature = "dht"))]
mod endpoints;
#[cfg(feature = "lan")]
mod lan;

#[cfg(feature = "dht")]
pub use self::dht::{Bootstrap, Dht, DhtNode};
#[cfg(feature = "lan")]
pub use self::lan::Lan;

/// How long a source may take to say good-bye when its node closes.
pub(crate) const LEAVE_MS: u64 = 1_500;

/// Where peers are found.
pub trait Source: Send + 'static {
    /// What its findings are marked with.
    fn origin(&self) -> Origin;

    /// Makes this node known, and finds others, until [`Meeting::left`] resolves; then it may take
    /// back what it said, for a second and a half. It is dropped later, and the node closes.
    fn run(self: Box<Self>, meeting: Meeting) -> BoxFuture<'static, ()>;
}

/// Who named an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Origin {
    /// The user, or the application.
    Named,
    /// The local network.
    Lan,
    /// The HyperDHT.
    Dht,
    /// A source of the application.
    Other,
}

/// How far a source has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Its network is reached.
    Bootstrapped {
        /// Nodes of that network that are known.
        nodes: usize,
        /// From where they see this one come, if enough of them say so, and alike.
        seen_as: Option<IpAddr>,
    },
    /// This node can be found.
    Announced {
        /// Where others find it.
        addresses: Vec<SocketAddr>,
    },
    /// It looks for others.
    Looking,
    /// It has looked.
    Found {
        /// Peers that it found, without this node itself.
        peers: usize,
    },
    /// It failed, and tries again if that may help.
    Failed(SourceFailure),
}

/// Why a source failed.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum SourceFailure {
    /// None of the nodes through which its network is entered answers.
    NobodyAnswers,
    /// The operating system does not let it.
    Io(Arc<io::Error>),
    /// The library under it says so; the words are its own.
    Library(Arc<str>),
    /// It needs an address on which this node listens, and there is none.
    NotListening,
    /// The router that was asked to let others in does not; why, in the words of a library.
    NotForwarded(Arc<str>),
    /// It ended, which it should not.
    Ended,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Named => "named",
            Self::Lan => "lan",
            Self::Dht => "dht",
            Self::Other => "other",
        })
    }
}

impl fmt::Display for SourceFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NobodyAnswers => f.write_str("none of its entry nodes answers"),
            Self::Io(error) => error.fmt(f),
            Self::Library(words) => f.write_str(words),
            Self::NotListening => f.write_str("this node listens nowhere"),
            Self::NotForwarded(why) => write!(f, "the router does not let others in: {why}"),
            Self::Ended => f.write_str("it ended by itself"),
        }
    }
}

/// What a source knows of its node, and where it tells what it finds.
pub struct Meeting {
    pub(crate) group: Group,
    pub(crate) key_pair: Arc<KeyPair>,
    pub(crate) listening: Vec<SocketAddr>,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) origin: Origin,
    pub(crate) notices: Sender<Notice>,
    pub(crate) left: Receiver<Infallible>,
}

impl Meeting {
    /// The group whose members look for each other. Its key must not leave this process.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The pair by whose public key peers know this node.
    pub fn key_pair(&self) -> &KeyPair {
        &self.key_pair
    }

    /// The addresses on which the node accepts connections, as they were when the source was
    /// started. An address of all interfaces is there as such.
    pub fn listening(&self) -> &[SocketAddr] {
        &self.listening
    }

    /// Names addresses of one peer, with its key where that is known. Waits while the node is busy.
    pub async fn found(&self, remote: Option<PublicKey>, addrs: Vec<SocketAddr>) {
        self.notice(Notice::Found { origin: self.origin, remote, addrs }).await;
    }

    /// Tells the node's subscribers how far it is.
    pub async fn tell(&self, step: Step) {
        self.notice(Notice::Step { origin: self.origin, step }).await;
    }

    /// Resolves after `duration`, on the node's runtime.
    pub async fn sleep(&self, duration: Duration) {
        self.runtime.sleep(duration).await;
    }

    /// Resolves when the node closes.
    pub async fn left(&self) {
        let _ = self.left.recv().await;
    }

    async fn notice(&self, notice: Notice) {
        // It fails only when the node is gone, and then nobody wants to know.
        let _ = self.notices.send(notice).await;
    }
}
