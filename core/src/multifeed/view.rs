//! What the application sees of a multifeed.

use alloc::collections::BTreeMap;

use super::Multifeed;
use crate::config::Limits;
use crate::crypto::sign::PublicKey;
use crate::feed::{self, FeedStatus};
use crate::group::Group;
use crate::id::{ConnectionId, FeedId, FeedKey};
use crate::peer::connection::Connection;
use crate::replicate::Session;

/// One feed, as the application sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Feed<'a> {
    /// Its number here.
    pub id: FeedId,
    /// Its name everywhere.
    pub key: FeedKey,
    /// Its author's public key.
    pub public_key: PublicKey,
    /// Blocks held durably, from the first on.
    pub length: u64,
    /// Bytes of those blocks, the cleared ones included.
    pub byte_length: u64,
    /// What they count against [`Limits::feed_bytes`](crate::Limits::feed_bytes).
    pub bytes_counted: u64,
    /// Of those blocks, how many were cleared.
    pub cleared: u64,
    /// It is neither taken nor given.
    pub is_refused: bool,
    /// Its author signed two histories of it: it stays as it is held.
    pub is_forked: bool,
    /// It is taken no further: there is no room for more of it.
    pub is_full: bool,
    /// The local name of a writer, also before its key pair was given.
    pub name: Option<&'a str>,
    /// Whether we can append: its key pair was given, and it has one history.
    pub is_writable: bool,
}

/// One peer that proved to be a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Peer {
    /// The connection.
    pub connection: ConnectionId,
    /// Its public key.
    pub remote: PublicKey,
    /// Neither side lacks anything that the other offers and can give.
    pub is_synced: bool,
}

/// How far the sync is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct SyncStatus {
    /// Feeds of which a block is held.
    pub feeds: usize,
    /// Blocks held durably.
    pub have: u64,
    /// Blocks that we or a connected peer hold. What a peer offers is unproven until it is here.
    pub want: u64,
    /// Peers that proved to be members.
    pub peers: usize,
    /// Those of them with which we are in sync.
    pub synced: usize,
}

impl Multifeed {
    /// The group.
    pub fn group(&self) -> &Group {
        &self.group
    }

    /// The bounds that hold: those that it was opened with, brought to where they fit each other.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The public key by which peers know this process.
    pub fn public_key(&self) -> PublicKey {
        self.identity.public_key()
    }

    /// One feed.
    pub fn feed(&self, feed: FeedId) -> Option<Feed<'_>> {
        self.feeds.get(feed).filter(|held| is_shown(held)).map(|held| self.view(feed, held))
    }

    /// The feed of a key.
    pub fn find(&self, key: &FeedKey) -> Option<Feed<'_>> {
        self.feeds.find(key).and_then(|feed| self.feed(feed))
    }

    /// The hash that a signature of the feed's held length would cover, as hypercore's
    /// `treeHash()` says it.
    #[doc(alias = "treeHash")]
    pub fn tree_hash(&self, feed: FeedId) -> Option<[u8; 32]> {
        let roots = &self.feeds.get(feed)?.durable()?.roots;
        Some(feed::tree::tree_hash(roots))
    }

    /// Every feed of which a block is held or that we can write, in the order in which they came.
    pub fn feeds(&self) -> impl Iterator<Item = Feed<'_>> {
        let feeds = self.feeds.iter().filter(|(_, feed)| is_shown(feed));
        feeds.map(|(id, feed)| self.view(id, feed))
    }

    /// Every feed of which a block is held, with its tree.
    pub(crate) fn held(&self) -> impl Iterator<Item = &feed::Feed> {
        let feeds = self.feeds.iter().map(|(_, feed)| feed).filter(|feed| is_shown(feed));
        feeds.filter(|feed| feed.length() > 0)
    }

    /// Every peer that proved to be a member.
    pub fn peers(&self) -> impl Iterator<Item = Peer> {
        self.connections.iter().filter_map(|(connection, peer)| {
            let is_synced = peer.session()?.is_synced();
            Some(Peer { connection: *connection, remote: peer.remote()?, is_synced })
        })
    }

    /// How much of a feed each connected peer says that it holds durably.
    pub fn holders(&self, feed: FeedId) -> impl Iterator<Item = (ConnectionId, u64)> {
        let offered = self.feeds.get(feed).filter(|feed| feed.is_offered());
        let length = offered.map_or(0, |feed| feed.length());
        self.connections.iter().filter_map(move |(connection, peer)| {
            let of_session = peer.session().and_then(|session| session.offers_of(feed, length));
            Some((*connection, of_session.or_else(|| peer.hypercore().offers_of(feed))?))
        })
    }

    /// What all feeds count against [`Limits::group_bytes`](crate::Limits::group_bytes).
    pub fn bytes_counted(&self) -> u64 {
        self.feeds.bytes_counted()
    }

    /// How far the sync is. Costs a step for each feed at each peer.
    pub fn sync_status(&self) -> SyncStatus {
        let held = self.feeds.iter().filter(|(_, feed)| is_shown(feed) && feed.length() > 0);
        let mut most: BTreeMap<FeedId, u64> = held.map(|(id, feed)| (id, feed.length())).collect();
        let (feeds, have) = (most.len(), sum(&most));
        let sessions = || self.connections.values().filter_map(Connection::session);
        let links = self.connections.values().flat_map(|peer| peer.hypercore().offers());
        for (feed, length) in sessions().flat_map(Session::offers).chain(links) {
            let known = most.entry(feed).or_default();
            *known = length.max(*known);
        }
        let synced = sessions().filter(|session| session.is_synced()).count();
        SyncStatus { feeds, have, want: sum(&most), peers: sessions().count(), synced }
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
    // A peer can offer 2^40 blocks of each feed that it names: the sum must not wrap.
    lengths.values().fold(0, |sum, length| sum.saturating_add(*length))
}

/// A feed of the group that was only heard of is nothing to show.
fn is_shown(feed: &feed::Feed) -> bool {
    let is_held = feed.length() > 0 || feed.is_writable() || !feed.is_of_group();
    feed.status != FeedStatus::Removing && is_held
}
