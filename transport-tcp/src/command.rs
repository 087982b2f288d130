//! The calls of a handle, as messages to the driver.

use std::net::SocketAddr;
use std::ops::Range;

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{ConnectionId, FeedId, FeedKey, FeedSelector, KeyPair, Peer, SyncStatus};

use crate::dialer::target::Address;
use crate::discovery::source::Source;
use crate::error::NodeError;
use crate::feed_info::{Appended, FeedInfo};

/// The most commands that wait for the driver; further callers wait for room. A judgement: four
/// rounds of the driver (`ROUND_INPUTS_MAX`). Each caller owns its own blocks, so a longer queue
/// would bound no additional memory.
pub(crate) const COMMANDS_MAX: usize = 64;

/// One call.
pub(crate) enum Command {
    Writer { name: String, key_pair: Box<KeyPair>, reply: Answer<FeedId> },
    Adopt { key: FeedKey, reply: Answer<FeedId> },
    Get { feed: FeedSelector, index: u64, reply: Answer<Vec<Bytes>> },
    Refuse { feed: FeedSelector, reply: Answer<()> },
    Accept { feed: FeedSelector, reply: Answer<()> },
    Remove { feed: FeedSelector, reply: Answer<()> },
    IsRefused { feed: FeedSelector, reply: Answer<bool> },
    Append { feed: FeedSelector, blocks: Vec<Vec<u8>>, reply: Answer<Appended> },
    Read { feed: FeedSelector, range: Range<u64>, reply: Answer<Vec<Bytes>> },
    Feeds { reply: Answer<Vec<FeedInfo>> },
    Feed { feed: FeedSelector, reply: Answer<Option<FeedInfo>> },
    Holders { feed: FeedSelector, reply: Answer<Vec<(ConnectionId, u64)>> },
    Peers { reply: Answer<Vec<Peer>> },
    SyncStatus { reply: Answer<SyncStatus> },
    Dial { addr: SocketAddr, reply: Answer<()> },
    Discover { source: Box<dyn Source>, reply: Answer<()> },
    Addresses { reply: Answer<Vec<Address>> },
    Disconnect { addr: SocketAddr, reply: Answer<()> },
    Listen { addr: SocketAddr, reply: Answer<SocketAddr> },
    LocalAddrs { reply: Answer<Vec<SocketAddr>> },
}

/// The reply channel of a call.
pub(crate) type Answer<T> = Reply<Result<T, NodeError>>;

/// A call that is answered by a later event of the core.
pub(crate) enum PendingCall {
    Append(Answer<Appended>),
    Read(Answer<Vec<Bytes>>),
    /// Refuse, accept or remove: answered once the change is durable.
    FeedPolicy(Answer<()>),
}

/// The sending half of a reply channel. Dropping it tells the caller that the node closed.
#[derive(Debug)]
pub(crate) struct Reply<T>(Sender<T>);

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, Receiver<T>) {
        let (sender, receiver) = async_channel::bounded(1);
        (Self(sender), receiver)
    }

    /// Returns whether the caller has stopped waiting.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) fn send(self, answer: T) {
        // Fails only if the caller has stopped waiting.
        let _ = self.0.try_send(answer);
    }
}
