//! The handle of a running multifeed.
//!
//! Rule: it owns nothing but the way to the driver, so it is cheap to clone and safe to drop
//! anywhere.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::ops::Range;

use async_channel::{Receiver, Sender};
use bytes::Bytes;
use multifeed_core::{
    ConnectionId, Feed, FeedId, FeedKey, KeyPair, Peer, PublicKey, StoreFailure, SyncStatus,
};

use crate::command::{Answer, Command, Reply};
use crate::dialer::Address;
use crate::discovery::Source;
use crate::driver;
use crate::error::NodeError;
use crate::events::{Events, Subscribers};
use crate::options::NodeOptions;

/// A multifeed that runs: kept in a store, in sync with its peers over TCP.
///
/// Clones are handles of the same node. When [`close`](Self::close) was called, or the last handle
/// is gone, the node flushes its connections and its store and ends all its tasks.
///
/// Every call may be dropped before it resolves. It then has either not begun, or goes on without
/// a listener: blocks of a dropped [`append`](Self::append) may be in the feed or not.
#[derive(Clone)]
pub struct Node {
    commands: Sender<Command>,
    subscribers: Subscribers,
    public_key: PublicKey,
    /// Nothing is ever sent: it ends when the node's last task has ended.
    ended: Receiver<Infallible>,
}

/// Blocks that were appended, durably.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Index of the first of them.
    pub start: u64,
    /// The feed's length with them.
    pub end: u64,
}

/// What a node knows of one feed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FeedInfo {
    /// Its number in this node, until it closes.
    pub id: FeedId,
    /// Its name everywhere.
    pub key: FeedKey,
    /// Its author's public key.
    pub public_key: PublicKey,
    /// Blocks held durably, from the first on.
    pub length: u64,
    /// Bytes of those blocks.
    pub byte_length: u64,
    /// What they count against [`Limits::feed_bytes`](multifeed_core::Limits::feed_bytes).
    pub bytes_counted: u64,
    /// Its author signed two histories of it: it stays as it is held.
    pub is_forked: bool,
    /// It is taken no further: there is no room for more of it.
    pub is_full: bool,
    /// The local name of a writer, also before its key pair was given.
    pub name: Option<String>,
    /// Whether we can append: its key pair was given.
    pub is_writable: bool,
}

impl From<Feed<'_>> for FeedInfo {
    fn from(feed: Feed<'_>) -> Self {
        Self {
            id: feed.id,
            key: feed.key,
            public_key: feed.public_key,
            length: feed.length,
            byte_length: feed.byte_length,
            bytes_counted: feed.bytes_counted,
            is_forked: feed.is_forked,
            is_full: feed.is_full,
            name: feed.name.map(str::to_owned),
            is_writable: feed.is_writable,
        }
    }
}

impl Node {
    /// Opens the store, binds all addresses, and starts to accept and to dial.
    ///
    /// It resolves when the store is read. Peers of `options` may be dialled before the caller can
    /// [`subscribe`](Self::subscribe); whoever wants each event gives them to
    /// [`dial`](Self::dial) afterwards.
    ///
    /// # Errors
    /// When an address cannot be bound or the store cannot be read; nothing is left running.
    pub async fn open(options: NodeOptions) -> Result<Self, NodeError> {
        let subscribers = Subscribers::new(options.events_max);
        let (driver, started) = driver::start(options, subscribers.clone()).await?;
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

    /// The key by which peers know this process.
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// Opens, or makes, our own feed of a local name.
    ///
    /// # Errors
    /// When the name or the key pair belongs to another writer.
    pub async fn writer(&self, name: &str, key_pair: KeyPair) -> Result<FeedId, NodeError> {
        let (name, key_pair) = (name.to_owned(), Box::new(key_pair));
        self.call(|reply| Command::Writer { name, key_pair, reply }).await
    }

    /// Takes a feed of another origin, such as a stock hypercore's, by its key. It comes and goes
    /// over hypercore's channel, which [`Limits::hypercore_channels`](multifeed_core::Limits)
    /// must allow.
    ///
    /// # Errors
    /// When there are as many feeds as there may be.
    pub async fn adopt(&self, key: FeedKey) -> Result<FeedId, NodeError> {
        self.call(|reply| Command::Adopt { key, reply }).await
    }

    /// Gets one block of a feed of another origin, from 0, by the feed's key: from the store, or
    /// from a peer over hypercore's channel, verified and without keeping anything. A feed that
    /// was not [adopted](Self::adopt) stays so. As [`Multifeed::get`](multifeed_core::Multifeed)
    /// says, it waits for as long as no connected peer has the block: whoever waits no longer
    /// drops the call, and the next one takes it back.
    ///
    /// # Errors
    /// When the feed is refused, or is the group's own and the block not held; when there are as
    /// many feeds or open requests as there may be, or the store fails.
    pub async fn get(&self, key: FeedKey, index: u64) -> Result<Bytes, NodeError> {
        let block = self.call(|reply| Command::Get { key, index, reply }).await?;
        // The core answers with one block, or fails.
        block.into_iter().next().ok_or(NodeError::Failed(StoreFailure::Damaged))
    }

    /// Refuses a feed, here or never seen: it is neither taken nor given from now on. What is held
    /// of it stays. Resolves when that lasts.
    ///
    /// # Errors
    /// When as many feeds are ruled about as there may be, or the store fails.
    pub async fn refuse(&self, key: FeedKey) -> Result<(), NodeError> {
        self.call(|reply| Command::Refuse { key, reply }).await
    }

    /// Takes and gives a feed again. Resolves when that lasts.
    ///
    /// # Errors
    /// When as many feeds are ruled about as there may be, or the store fails.
    pub async fn accept(&self, key: FeedKey) -> Result<(), NodeError> {
        self.call(|reply| Command::Accept { key, reply }).await
    }

    /// Removes a feed with all that the store has of it, and refuses it. Resolves when it is gone.
    ///
    /// # Errors
    /// When there is no such feed, or the store fails.
    pub async fn remove(&self, feed: FeedId) -> Result<(), NodeError> {
        self.call(|reply| Command::Remove { feed, reply }).await
    }

    /// Whether a feed is refused or removed.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn is_refused(&self, key: FeedKey) -> Result<bool, NodeError> {
        self.call(|reply| Command::IsRefused { key, reply }).await
    }

    /// Appends blocks to our own feed, all of them or none; resolves when they are durable.
    ///
    /// # Errors
    /// When the feed is not ours, the blocks are too large, or the store fails.
    pub async fn append(&self, feed: FeedId, blocks: Vec<Vec<u8>>) -> Result<Appended, NodeError> {
        self.call(|reply| Command::Append { feed, blocks, reply }).await
    }

    /// Reads the blocks of a range, which lie in memory together: a caller with a long feed reads
    /// it in parts.
    ///
    /// # Errors
    /// When some are not held, or the store fails.
    pub async fn read(&self, feed: FeedId, range: Range<u64>) -> Result<Vec<Bytes>, NodeError> {
        let mut blocks: Vec<Bytes> = Vec::new();
        let mut start = range.start;
        while start < range.end {
            let range = start..range.end;
            let some = self.call(|reply| Command::Read { feed, range, reply }).await?;
            if some.is_empty() {
                // The core answers with one block at least, or fails.
                return Err(StoreFailure::Damaged.into());
            }
            start = start.saturating_add(some.len() as u64);
            blocks.extend(some);
        }
        Ok(blocks)
    }

    /// Every feed that holds a block or that we can write.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn feeds(&self) -> Result<Vec<FeedInfo>, NodeError> {
        self.call(|reply| Command::Feeds { reply }).await
    }

    /// The feed of a key, if this node has it.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn feed(&self, key: FeedKey) -> Result<Option<FeedInfo>, NodeError> {
        self.call(|reply| Command::Feed { key, reply }).await
    }

    /// The feed of a number, as events name it.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn feed_of(&self, id: FeedId) -> Result<Option<FeedInfo>, NodeError> {
        self.call(|reply| Command::FeedOf { id, reply }).await
    }

    /// How much of a feed each connected peer says that it holds durably.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn holders(&self, id: FeedId) -> Result<Vec<(ConnectionId, u64)>, NodeError> {
        self.call(|reply| Command::Holders { id, reply }).await
    }

    /// Every peer that proved to be a member and is connected.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn peers(&self) -> Result<Vec<Peer>, NodeError> {
        self.call(|reply| Command::Peers { reply }).await
    }

    /// How far the sync is.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn sync_status(&self) -> Result<SyncStatus, NodeError> {
        self.call(|reply| Command::SyncStatus { reply }).await
    }

    /// Everything that happens from now on. A subscriber that does not keep up loses the oldest
    /// events and is told how many; it delays nobody.
    pub fn subscribe(&self) -> Events {
        self.subscribers.subscribe()
    }

    /// Dials an address from now on, again and again until the node closes. One that is already
    /// known is dialled at once if it is not connected.
    ///
    /// # Errors
    /// When there are too many.
    pub async fn dial(&self, addr: SocketAddr) -> Result<(), NodeError> {
        self.call(|reply| Command::Dial { addr, reply }).await
    }

    /// Makes this node known to a source of peers, and dials whom that finds, until the node
    /// closes. The source tells others the addresses on which the node listens by now.
    ///
    /// # Errors
    /// When there are too many sources.
    pub async fn discover(&self, source: impl Source) -> Result<(), NodeError> {
        let source = Box::new(source);
        self.call(|reply| Command::Discover { source, reply }).await
    }

    /// Every address that was named or found, and what is being done about it.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn addresses(&self) -> Result<Vec<Address>, NodeError> {
        self.call(|reply| Command::Addresses { reply }).await
    }

    /// Dials an address no more, and ends the connection that was dialled there.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn hang_up(&self, addr: SocketAddr) -> Result<(), NodeError> {
        self.call(|reply| Command::HangUp { addr, reply }).await
    }

    /// Accepts connections on one more address; the answer has the port that the system chose.
    ///
    /// # Errors
    /// When it cannot be bound, or there are too many.
    pub async fn listen(&self, addr: SocketAddr) -> Result<SocketAddr, NodeError> {
        self.call(|reply| Command::Listen { addr, reply }).await
    }

    /// The addresses on which connections are accepted.
    ///
    /// # Errors
    /// When the node is closed.
    pub async fn local_addrs(&self) -> Result<Vec<SocketAddr>, NodeError> {
        self.call(|reply| Command::LocalAddrs { reply }).await
    }

    /// Closes the node: calls made before are carried out, connections and store are flushed.
    /// When it resolves all tasks have ended, and addresses and folder are free. A peer that does
    /// not take what we flush delays this by no more than two seconds.
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
