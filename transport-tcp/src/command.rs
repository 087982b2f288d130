//! What a handle asks of the driver.

use std::net::SocketAddr;
use std::ops::Range;

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{ConnectionId, FeedId, FeedKey, KeyPair, Peer, SyncStatus};

use crate::dialer::Address;
use crate::discovery::Source;
use crate::error::NodeError;
use crate::node::{Appended, FeedInfo};

/// Commands that wait for the driver. Callers wait beyond it: each holds its own blocks anyway.
pub(crate) const COMMANDS_MAX: usize = 64;

/// One call.
pub(crate) enum Command {
    Writer { name: String, key_pair: Box<KeyPair>, reply: Answer<FeedId> },
    Adopt { key: FeedKey, reply: Answer<FeedId> },
    Get { key: FeedKey, index: u64, reply: Answer<Vec<Bytes>> },
    Refuse { key: FeedKey, reply: Answer<()> },
    Accept { key: FeedKey, reply: Answer<()> },
    Remove { feed: FeedId, reply: Answer<()> },
    IsRefused { key: FeedKey, reply: Answer<bool> },
    Append { feed: FeedId, blocks: Vec<Vec<u8>>, reply: Answer<Appended> },
    Read { feed: FeedId, range: Range<u64>, reply: Answer<Vec<Bytes>> },
    Feeds { reply: Answer<Vec<FeedInfo>> },
    Feed { key: FeedKey, reply: Answer<Option<FeedInfo>> },
    FeedOf { id: FeedId, reply: Answer<Option<FeedInfo>> },
    Holders { id: FeedId, reply: Answer<Vec<(ConnectionId, u64)>> },
    Peers { reply: Answer<Vec<Peer>> },
    SyncStatus { reply: Answer<SyncStatus> },
    Dial { addr: SocketAddr, reply: Answer<()> },
    Discover { source: Box<dyn Source>, reply: Answer<()> },
    Addresses { reply: Answer<Vec<Address>> },
    HangUp { addr: SocketAddr, reply: Answer<()> },
    Listen { addr: SocketAddr, reply: Answer<SocketAddr> },
    LocalAddrs { reply: Answer<Vec<SocketAddr>> },
}

/// Where what a call resolves to goes.
pub(crate) type Answer<T> = Reply<Result<T, NodeError>>;

/// Where the answer to one call goes. Dropping it says that the node closed.
#[derive(Debug)]
pub(crate) struct Reply<T>(Sender<T>);

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, Receiver<T>) {
        let (sender, receiver) = async_channel::bounded(1);
        (Self(sender), receiver)
    }

    /// Whether the caller has stopped waiting.
    pub(crate) fn is_unheard(&self) -> bool {
        self.0.is_closed()
    }

    pub(crate) fn send(self, answer: T) {
        // It fails only when the caller has stopped waiting.
        let _ = self.0.try_send(answer);
    }
}
