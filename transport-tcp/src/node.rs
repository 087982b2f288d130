//! The handle of a running multifeed.
//!
//! Rule: a handle owns only channels to the driver, so it is cheap to clone and safe to drop
//! anywhere.

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::ops::Range;

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{
    ConnectionId, FeedId, FeedKey, FeedSelector, Fork, KeyPair, Peer, PublicKey, StoreFailure,
    SyncStatus,
};

use crate::command::{Answer, Command, Reply};
use crate::dialer::target::Address;
use crate::discovery::source::Source;
use crate::driver::start::start;
use crate::error::NodeError;
use crate::events::{Events, Subscribers};
use crate::feed_info::{Appended, FeedInfo};
use crate::options::NodeOptions;

/// A running multifeed: it is kept in a store and synced with peers over TCP.
///
/// Clones are handles of the same node. After [`close`](Self::close), or when the last handle is
/// dropped, the node flushes its connections and its store and ends all its tasks.
///
/// Every future may be dropped before it resolves. The call has then either not begun or completes
/// without an answer: blocks of a dropped [`append`](Self::append) may be in the feed or not.
#[derive(Clone)]
pub struct Node {
    commands: Sender<Command>,
    subscribers: Subscribers,
    public_key: PublicKey,
    /// Closes when the node's last task has ended; nothing is ever sent.
    ended: Receiver<Infallible>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut node = f.debug_struct("Node");
        node.field("public_key", &self.public_key).field("is_closed", &self.commands.is_closed());
        node.finish_non_exhaustive()
    }
}

impl Node {
    /// Opens the store, binds all addresses, and starts to accept and dial.
    ///
    /// Resolves once the store is read. The node may dial the peers of `options` before the caller
    /// can [`subscribe`](Self::subscribe). A caller that needs every event passes the addresses to
    /// [`dial`](Self::dial) afterwards instead.
    ///
    /// # Errors
    /// If an address cannot be bound or the store cannot be read. No task is left running.
    pub async fn open(options: NodeOptions) -> Result<Self, NodeError> {
        let subscribers = Subscribers::new(options.events_max);
        let (driver, started) = start(options, subscribers.clone()).await?;
        let node = Self {
            commands: started.commands,
            subscribers,
            public_key: started.public_key,
            ended: started.ended,
        };
        driver.spawn();
        match started.ready.recv().await {
            Ok(Ok(())) => Ok(node),
            Ok(Err(failure)) => {
                node.close().await;
                Err(failure.into())
            }
            Err(_) => Err(NodeError::Closed),
        }
    }

    /// Returns the public key by which peers know this node.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Opens our own feed with this local name, or creates it.
    ///
    /// # Errors
    /// If the name or the key pair belongs to another writer.
    pub async fn writer(&self, name: &str, key_pair: KeyPair) -> Result<FeedId, NodeError> {
        let (name, key_pair) = (name.to_owned(), Box::new(key_pair));
        self.call(|reply| Command::Writer { name, key_pair, reply }).await
    }

    /// Adds a feed from outside the group, such as a stock hypercore, by its key. It is replicated
    /// over hypercore's own channel; [`Limits::hypercore_channels`](multifeed_core::Limits) must
    /// allow one.
    ///
    /// # Errors
    /// If the limit on feeds is reached.
    pub async fn adopt(&self, key: FeedKey) -> Result<FeedId, NodeError> {
        self.call(|reply| Command::Adopt { key, reply }).await
    }

    /// Returns one block of a feed from outside the group, known or not, by an index from 0.
    ///
    /// The block comes from the store, or from a peer over hypercore's channel. It is verified and
    /// not stored, and the feed is not [adopted](Self::adopt). The call waits until a connected
    /// peer has the block, see [`Multifeed::get`](multifeed_core::Multifeed). To give up, drop the
    /// future; the next call of `get` cancels the request.
    ///
    /// # Errors
    /// If the feed is refused, if it belongs to the group and the block is not held, if the limit
    /// on feeds or open requests is reached, or if the store fails.
    pub async fn get(&self, feed: impl Into<FeedSelector>, index: u64) -> Result<Bytes, NodeError> {
        let feed = feed.into();
        let block = self.call(|reply| Command::Get { feed, index, reply }).await?;
        // The core answers with exactly one block, or fails.
        block.into_iter().next().ok_or(NodeError::Failed(StoreFailure::Damaged))
    }

    /// Refuses a feed, known or not: the node neither downloads nor uploads it from now on. Blocks
    /// already held stay. Resolves once the decision is durable.
    ///
    /// # Errors
    /// If the limit on such decisions is reached, or the store fails.
    pub async fn refuse(&self, feed: impl Into<FeedSelector>) -> Result<(), NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Refuse { feed, reply }).await
    }

    /// Replicates a refused feed again. Resolves once the decision is durable.
    ///
    /// # Errors
    /// If the limit on such decisions is reached, or the store fails.
    pub async fn accept(&self, feed: impl Into<FeedSelector>) -> Result<(), NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Accept { feed, reply }).await
    }

    /// Deletes a feed from the store, and refuses it. Resolves once it is deleted.
    ///
    /// # Errors
    /// If there is no such feed, or the store fails.
    pub async fn remove(&self, feed: impl Into<FeedSelector>) -> Result<(), NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Remove { feed, reply }).await
    }

    /// Returns whether a feed is refused or removed.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn is_refused(&self, feed: impl Into<FeedSelector>) -> Result<bool, NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::IsRefused { feed, reply }).await
    }

    /// Appends blocks to our own feed, all or none. Resolves once they are durable.
    ///
    /// # Errors
    /// If there is no such feed any more, the feed is not ours, the blocks are too large, or the
    /// store fails.
    pub async fn append(
        &self,
        feed: impl Into<FeedSelector>,
        blocks: Vec<Vec<u8>>,
    ) -> Result<Appended, NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Append { feed, blocks, reply }).await
    }

    /// Reads a range of blocks. All of them are in memory at once, so read a long feed in parts.
    ///
    /// # Errors
    /// If some block is not held, or the store fails.
    pub async fn read(
        &self,
        feed: impl Into<FeedSelector>,
        range: Range<u64>,
    ) -> Result<Vec<Bytes>, NodeError> {
        let feed = feed.into();
        let mut blocks: Vec<Bytes> = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let range = start..range.end;
            let part = self.call(|reply| Command::Read { feed, range, reply }).await?;
            if part.is_empty() {
                // The core answers with at least one block, or fails.
                return Err(StoreFailure::Damaged.into());
            }
            start = start.saturating_add(part.len() as u64);
            blocks.extend(part);
        }
        Ok(blocks)
    }

    /// Returns every feed that holds a block or that we can append to.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn feeds(&self) -> Result<Vec<FeedInfo>, NodeError> {
        self.call(|reply| Command::Feeds { reply }).await
    }

    /// Returns the feed with this key or id, if the node has it.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn feed(&self, feed: impl Into<FeedSelector>) -> Result<Option<FeedInfo>, NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Feed { feed, reply }).await
    }

    /// Returns the two histories that the author of a feed signed; `None` unless that is proved, as
    /// [`Event::Forked`](multifeed_core::Event::Forked) reports.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn fork(&self, feed: impl Into<FeedSelector>) -> Result<Option<Fork>, NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Fork { feed, reply }).await
    }

    /// Returns the durable length of a feed that each connected peer has reported.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn holders(
        &self,
        feed: impl Into<FeedSelector>,
    ) -> Result<Vec<(ConnectionId, u64)>, NodeError> {
        let feed = feed.into();
        self.call(|reply| Command::Holders { feed, reply }).await
    }

    /// Returns every connected peer that has proved to be a member.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn peers(&self) -> Result<Vec<Peer>, NodeError> {
        self.call(|reply| Command::Peers { reply }).await
    }

    /// Returns the progress of the sync.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn sync_status(&self) -> Result<SyncStatus, NodeError> {
        self.call(|reply| Command::SyncStatus { reply }).await
    }

    /// Subscribes to all events from now on. A subscriber that falls behind loses the oldest events
    /// and gets their number in [`NodeEvent::Lagged`](crate::NodeEvent::Lagged). It delays neither
    /// the node nor other subscribers.
    pub fn subscribe(&self) -> Events {
        self.subscribers.subscribe()
    }

    /// Adds an address to dial: the node keeps a connection there until
    /// [`disconnect`](Self::disconnect) or [`close`](Self::close), with retries. A known address
    /// that is not connected is dialled at once.
    ///
    /// # Errors
    /// If the limit on addresses is reached.
    pub async fn dial(&self, addr: SocketAddr) -> Result<(), NodeError> {
        self.call(|reply| Command::Dial { addr, reply }).await
    }

    /// Starts a peer source, which runs until the node closes. It announces the addresses on which
    /// the node listens at this moment, and the node dials the peers that it finds.
    ///
    /// # Errors
    /// If the limit on sources is reached.
    pub async fn discover(&self, source: impl Source) -> Result<(), NodeError> {
        let source = Box::new(source);
        self.call(|reply| Command::Discover { source, reply }).await
    }

    /// Returns every known address and its state.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn addresses(&self) -> Result<Vec<Address>, NodeError> {
        self.call(|reply| Command::Addresses { reply }).await
    }

    /// Removes an address, and closes the connection that was dialled there.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn disconnect(&self, addr: SocketAddr) -> Result<(), NodeError> {
        self.call(|reply| Command::Disconnect { addr, reply }).await
    }

    /// Accepts connections on another address. Returns it with the port that the system chose.
    ///
    /// # Errors
    /// If it cannot be bound, or the limit on listeners is reached.
    pub async fn listen(&self, addr: SocketAddr) -> Result<SocketAddr, NodeError> {
        self.call(|reply| Command::Listen { addr, reply }).await
    }

    /// Returns the addresses on which the node listens.
    ///
    /// # Errors
    /// If the node is closed.
    pub async fn local_addrs(&self) -> Result<Vec<SocketAddr>, NodeError> {
        self.call(|reply| Command::LocalAddrs { reply }).await
    }

    /// Closes the node: completes earlier calls, and flushes connections and store. Once this
    /// resolves, all tasks have ended, and the addresses and the folder are free. A peer that does
    /// not read delays this by at most two seconds.
    pub async fn close(&self) {
        self.commands.close();
        let _ = self.ended.recv().await;
    }

    async fn call<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, NodeError> {
        let (reply, answer) = Reply::new();
        self.commands.send(command(reply)).await.map_err(|_| NodeError::Closed)?;
        answer.recv().await.map_err(|_| NodeError::Closed)?
    }
}
