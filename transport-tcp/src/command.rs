//! What a handle asks of the driver.

use std::net::SocketAddr;
use std::ops::Range;

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{ConnectionId, FeedId, FeedKey, KeyPair, Peer, SyncStatus};

use crate::error::NodeError;
use crate::node::{Appended, FeedInfo};

/// Commands that wait for the driver. Callers wait beyond it: each holds its own blocks anyway.
pub(crate) const COMMANDS_MAX: usize = 64;

/// One call.
pub(crate) enum Command {
    Writer { name: String, key_pair: KeyPair, reply: Reply<Result<FeedId, NodeError>> },
    Append { feed: FeedId, blocks: Vec<Vec<u8>>, reply: Reply<Result<Appended, NodeError>> },
    Read { feed: FeedId, range: Range<u64>, reply: Reply<Result<Vec<Bytes>, NodeError>> },
    Feeds { reply: Reply<Result<Vec<FeedInfo>, NodeError>> },
    Feed { key: FeedKey, reply: Reply<Result<Option<FeedInfo>, NodeError>> },
    FeedOf { id: FeedId, reply: Reply<Result<Option<FeedInfo>, NodeError>> },
    Holders { id: FeedId, reply: Reply<Result<Vec<(ConnectionId, u64)>, NodeError>> },
    Peers { reply: Reply<Result<Vec<Peer>, NodeError>> },
    SyncStatus { reply: Reply<Result<SyncStatus, NodeError>> },
    Dial { addr: SocketAddr, reply: Reply<Result<(), NodeError>> },
    Listen { addr: SocketAddr, reply: Reply<Result<SocketAddr, NodeError>> },
    LocalAddrs { reply: Reply<Result<Vec<SocketAddr>, NodeError>> },
}

/// Where the answer to one call goes. Dropping it says that the node closed.
#[derive(Debug)]
pub(crate) struct Reply<T>(Sender<T>);

impl<T> Reply<T> {
    pub(crate) fn new() -> (Self, Receiver<T>) {
        let (sender, receiver) = async_channel::bounded(1);
        (Self(sender), receiver)
    }

    pub(crate) fn send(self, answer: T) {
        // It fails only when the caller has stopped waiting.
        let _ = self.0.try_send(answer);
    }
}
