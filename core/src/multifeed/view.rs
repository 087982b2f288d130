//! The state of a multifeed as the application sees it.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use super::Multifeed;
use crate::config::Limits;
use crate::crypto::hash::{Hash, blake2b};
use crate::crypto::sign::PublicKey;
use crate::feed::{self, FeedStatus, Fork};
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, FeedKey, FeedSelector};
use crate::peer::connection::Connection;
use crate::replicate::Session;

/// One feed, as the application sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Feed<'a> {
    /// Its id in this multifeed.
    pub id: FeedId,
    /// Its key, the same everywhere.
    pub key: FeedKey,
    /// Its author's public key.
    pub public_key: PublicKey,
    /// The number of blocks held durably, from the first on.
    pub length: u64,
    /// The bytes of those blocks, including cleared ones.
    pub byte_length: u64,
    /// The bytes that count against [`Limits::feed_bytes`](crate::Limits::feed_bytes).
    pub bytes_counted: u64,
    /// How many of those blocks are cleared.
    pub cleared: u64,
    /// Whether it is neither fetched nor served.
    pub is_refused: bool,
    /// Whether its author signed two histories of it. It does not change any more.
    pub is_forked: bool,
    /// Whether a limit on bytes keeps it from growing.
    pub is_full: bool,
    /// The local name of a writer, even before its key pair was given.
    pub name: Option<&'a str>,
    /// Whether blocks can be appended: its key pair was given, and it has not forked.
    pub is_writable: bool,
}

/// One peer that has proved to be a member of the group, or to know the key of a feed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// Its public key.
    pub remote: PublicKey,
    /// Whether both sides hold everything that the other offers and can give.
    pub is_synced: bool,
    /// Whether it is a member of the group. Otherwise it is a stock peer.
    pub is_member: bool,
}

/// The progress of replication with all peers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SyncStatus {
    /// Feeds with at least one held block.
    pub feeds: usize,
    /// Blocks held durably.
    pub have: u64,
    /// Blocks up to the longest length of each feed that we hold or a connected peer announces. The
    /// offers of peers are unproven, and a stock peer may have holes.
    pub want: u64,
    /// Connected peers that have proved to be members.
    pub peers: usize,
    /// Those of them that we are in sync with. Being in sync says nothing about the feeds that
    /// `forked` and `contested` count: of these, peers may hold different blocks.
    pub synced: usize,
    /// Connected stock peers.
    pub stock_peers: usize,
    /// Those of them that we are in sync with.
    pub stock_synced: usize,
    /// Feeds whose author signed two histories, which is proved: they do not change any more. See
    /// [`Multifeed::fork`].
    pub forked: usize,
    /// Further feeds whose history at a connected peer is not ours: it is not proved which one is
    /// the author's.
    pub contested: usize,
}

impl Multifeed {
    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The limits in force: those of the configuration, adjusted to be consistent.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The public key that identifies this process to peers.
    pub fn public_key(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// The feed of an id or a key.
    pub fn feed(&self, feed: impl Into<FeedSelector>) -> Option<Feed<'_>> {
        let feed = self.resolve(feed).ok()?;
        self.feeds.get(feed).map(|held| self.view(feed, held))
    }

    /// The feed of a key.
    pub fn find(&self, key: &FeedKey) -> Option<Feed<'_>> {
        self.feed(key)
    }

    /// The hash that a signature of the feed's held length covers, as hypercore's `treeHash()`.
    #[doc(alias = "treeHash")]
    pub fn tree_hash(&self, feed: impl Into<FeedSelector>) -> Option<[u8; 32]> {
        let feed = self.resolve(feed).ok()?;
        let roots = &self.feeds.get(feed)?.durable()?.roots;
        Some(feed::tree::tree_hash(roots))
    }

    /// The two histories that the author of a feed signed; `None` unless that is
    /// [proved](crate::Event::Forked), and if the proof was dropped because newer ones take its
    /// place ([`Limits::forks`](crate::Limits::forks)).
    pub fn fork(&self, feed: impl Into<FeedSelector>) -> Option<Fork> {
        let feed = self.resolve(feed).ok()?;
        self.feeds.get(feed)?.fork_shown()
    }

    /// Every feed with a held block and every writer, in the order of their ids.
    pub fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        let feeds = self.feeds.iter().filter(|(_, feed)| feed.is_shown());
        feeds.map(|(id, feed)| self.view(id, feed))
    }

    /// The hash of every held feed's key, length and tree hash, in the order of the keys.
    pub(crate) fn state_hash(&self) -> Hash {
        let feeds = self.feeds.iter().map(|(_, feed)| feed).filter(|feed| feed.is_shown());
        let mut feeds: Vec<_> = feeds.filter(|feed| feed.length() > 0).collect();
        feeds.sort_by_key(|feed| feed.key);
        let mut text = Vec::new();
        for feed in feeds {
            text.extend_from_slice(&feed.key.0);
            text.extend_from_slice(&feed.length().to_le_bytes());
            let roots = feed.durable().map(|tip| &*tip.roots).unwrap_or_default();
            text.extend_from_slice(&feed::tree::tree_hash(roots));
        }
        blake2b(&[&text])
    }

    /// Every connected member of the group and every connected stock peer.
    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        self.connections.iter().filter_map(|(connection, peer)| {
            let (connection, remote) = (*connection, peer.remote()?);
            let is_synced = match peer.session() {
                Some(session) => session.is_synced(),
                None => peer.is_stock().then(|| peer.hypercore().is_in_sync())?,
            };
            Some(Peer { connection, remote, is_synced, is_member: peer.session().is_some() })
        })
    }

    /// The length of a feed that each connected peer claims to hold durably.
    pub fn holders(
        &self,
        feed: impl Into<FeedSelector>,
    ) -> impl Iterator<Item = (ConnectionId, u64)> {
        let feed = self.select(feed.into());
        let offered = feed.and_then(|feed| self.feeds.get(feed)).filter(|feed| feed.is_offered());
        let length = offered.map_or(0, |feed| feed.length());
        self.connections.iter().filter_map(move |(connection, peer)| {
            let feed = feed?;
            let of_session = peer.session().and_then(|session| session.offers_of(feed, length));
            Some((*connection, of_session.or_else(|| peer.hypercore().offers_of(feed))?))
        })
    }

    /// The bytes that count against [`Limits::group_bytes`](crate::Limits::group_bytes).
    pub fn bytes_counted(&self) -> u64 {
        self.feeds.bytes_counted()
    }

    /// The progress of replication. Takes time in proportion to the feeds of all peers.
    pub fn sync_status(&self) -> SyncStatus {
        let (mut most, mut forked) = (BTreeMap::new(), 0);
        for (id, feed) in self.feeds.iter().filter(|(_, feed)| feed.is_shown()) {
            forked += usize::from(feed.is_forked());
            if feed.length() > 0 {
                most.insert(id, feed.length());
            }
        }
        let (feeds, have) = (most.len(), sum(&most));
        let sessions = || self.connections.values().filter_map(Connection::session);
        let links = self.connections.values().flat_map(|peer| peer.hypercore().announced());
        for (feed, length) in sessions().flat_map(Session::offers).chain(links) {
            let known = most.entry(feed).or_default();
            *known = length.max(*known);
        }
        let contested: BTreeSet<FeedId> = sessions().flat_map(Session::contested).collect();
        let is_unproved = |id: &&FeedId| self.feeds.get(**id).is_some_and(|it| !it.is_forked());
        let mut status = SyncStatus {
            feeds,
            have,
            want: sum(&most),
            forked,
            contested: contested.iter().filter(is_unproved).count(),
            ..SyncStatus::default()
        };
        for peer in self.peers() {
            let (peers, synced) = if peer.is_member {
                (&mut status.peers, &mut status.synced)
            } else {
                (&mut status.stock_peers, &mut status.stock_synced)
            };
            *peers += 1;
            *synced += usize::from(peer.is_synced);
        }
        status
    }

    fn view<'a>(&self, id: FeedId, feed: &'a feed::Feed) -> Feed<'a> {
        Feed {
            id,
            key: feed.key,
            public_key: feed.public_key,
            length: feed.length(),
            byte_length: feed.byte_length(),
            bytes_counted: feed.bytes_counted(),
            cleared: feed.blocks_cleared(),
            is_refused: feed.status == FeedStatus::Refused,
            is_forked: feed.is_forked(),
            is_full: self.feeds.is_full(id),
            name: feed.name(),
            is_writable: feed.is_writable() && !feed.is_forked(),
        }
    }
}

fn sum(lengths: &BTreeMap<FeedId, u64>) -> u64 {
    // A peer can offer 2^40 blocks of each feed: the sum must not wrap.
    lengths.values().fold(0, |sum, length| sum.saturating_add(*length))
}
