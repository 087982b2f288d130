//! The border as signatures; the machine follows.

use alloc::vec::Vec;

use bytes::BytesMut;

use crate::config::Config;
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::error::Misuse;
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId};
use crate::io::{Input, Output};
use crate::time::Instant;

/// A set of feeds and its peers, as a state machine.
#[derive(Debug)]
pub struct Multifeed {
    config: Config,
}

/// One feed, as the application sees it.
#[derive(Debug, Clone, Copy)]
pub struct Feed<'a> {
    /// Its number here.
    pub id: FeedId,
    /// Its name everywhere.
    pub key: FeedKey,
    /// Its author's public key.
    pub public_key: PublicKey,
    /// Blocks held durably, from the first on.
    pub length: u64,
    /// Bytes of those blocks.
    pub byte_length: u64,
    /// The writer's local name, if we can append.
    pub name: Option<&'a str>,
}

/// One peer on an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// The peer's public key.
    pub remote: PublicKey,
    /// Neither side lacks anything that the other can give.
    pub synced: bool,
}

/// How far the sync is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SyncStatus {
    /// Feeds held.
    pub feeds: usize,
    /// Blocks held durably.
    pub have: u64,
    /// Blocks that we or a connected peer hold: what a peer claims is unproven until it came.
    pub want: u64,
    /// Peers that proved to be members.
    pub peers: usize,
    /// Of those, the ones with which we are in sync.
    pub synced: usize,
}

impl Multifeed {
    /// Opens a multifeed.
    pub fn open(config: Config) -> Self {
        Self { config }
    }
    /// Takes an input. It never fails: the world can be late, never wrong.
    pub fn handle(&mut self, _now: Instant, _input: Input<'_>) {}
    /// The next output; `None`: nothing left to do.
    pub fn poll(&mut self) -> Option<Output> {
        None
    }
    /// Pulls up to `limit` bytes for a connection; how many were put into `buf`.
    pub fn poll_transmit(
        &mut self,
        _connection: ConnectionId,
        _buf: &mut BytesMut,
        _limit: usize,
    ) -> usize {
        0
    }
    /// When to call with `Input::Timeout`.
    pub fn deadline(&self) -> Option<Instant> {
        None
    }
    /// The public key by which peers know us.
    pub fn public_key(&self) -> PublicKey {
        PublicKey([0; 32])
    }
    /// Opens, or makes, our own feed of a local name.
    pub fn writer(&mut self, _name: &str, _key_pair: KeyPair) -> Result<FeedId, Misuse> {
        Err(Misuse::NotReady)
    }
    /// Appends blocks; answered by `Event::Appended`.
    pub fn append(&mut self, _feed: FeedId, _blocks: &[&[u8]]) -> Result<RequestId, Misuse> {
        Err(Misuse::NotReady)
    }
    /// Reads blocks; answered by `Event::Blocks`.
    pub fn read(&mut self, _feed: FeedId, _start: u64, _end: u64) -> Result<RequestId, Misuse> {
        Err(Misuse::NotReady)
    }
    /// Closes a connection.
    pub fn disconnect(&mut self, _connection: ConnectionId) {}
    /// One feed.
    pub fn feed(&self, _feed: FeedId) -> Option<Feed<'_>> {
        None
    }
    /// The feed of a key.
    pub fn find(&self, _key: &FeedKey) -> Option<FeedId> {
        None
    }
    /// Every feed that holds a block or that we can write.
    pub fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        Vec::new().into_iter()
    }
    /// Every peer that proved to be a member.
    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        Vec::new().into_iter()
    }
    /// How far the sync is.
    pub fn sync_status(&self) -> SyncStatus {
        SyncStatus::default()
    }
    /// The group.
    pub fn group(&self) -> &crate::Group {
        &self.config.group
    }
}
