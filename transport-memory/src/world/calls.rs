//! Calls of a node's application.

use bytes::Bytes;
use multifeed_core::{Event, FeedKey, KeyPair, Misuse, Multifeed, RequestId};

use super::World;
use super::connections::answers;
use crate::node::{NodeId, Writer};
use crate::trace::code;

impl World {
    /// A node's multifeed, if it is running.
    pub fn multifeed(&self, node: NodeId) -> Option<&Multifeed> {
        self.node(node).multifeed.as_ref()
    }

    /// Calls a node's multifeed and drains its outputs; `None` if the node is down. The trace
    /// records that there was a call, but not its arguments.
    pub fn call<R>(&mut self, node: NodeId, call: impl FnOnce(&mut Multifeed) -> R) -> Option<R> {
        self.trace.note(self.now, code::CALL, [node.0, 0], &[]);
        let result = call(self.node_mut(node).multifeed.as_mut()?);
        self.drain(node);
        Some(result)
    }

    /// Opens a writer of a node, with a key pair derived from the seed. It is opened again whenever
    /// the node starts.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::writer`]; [`Misuse::NotReady`] if the node is down.
    pub fn writer(&mut self, node: NodeId, name: &str) -> Result<FeedKey, Misuse> {
        let seed = self.node(node).writer_seed(name);
        self.writer_of_seed(node, name, seed)
    }

    /// Opens a writer with the key pair of this seed.
    ///
    /// # Errors
    ///
    /// As for [`writer`](Self::writer).
    pub fn writer_of_seed(
        &mut self,
        node: NodeId,
        name: &str,
        seed: [u8; 32],
    ) -> Result<FeedKey, Misuse> {
        self.trace.note(self.now, code::WRITER, [node.0, 0], name.as_bytes());
        let place = self.node_mut(node);
        let is_honest = !place.is_adversary();
        let multifeed = place.multifeed.as_mut().ok_or(Misuse::NotReady)?;
        let feed = multifeed.writer(name, KeyPair::from_seed(&seed))?;
        let feed = multifeed.feed(feed).ok_or(Misuse::UnknownFeed)?;
        let (key, public_key) = (feed.key, feed.public_key);
        if !place.writers.iter().any(|writer| writer.key == key) {
            place.writers.push(Writer { name: name.to_owned(), seed, key, public_key });
        }
        if let Some(laws) = self.laws.as_mut().filter(|_| is_honest) {
            laws.author(public_key);
        }
        self.drain(node);
        Ok(key)
    }

    /// Appends blocks to one of a node's own feeds.
    ///
    /// # Errors
    ///
    /// Those of [`Multifeed::append`]; [`Misuse::NotReady`] if the node is down.
    pub fn append(
        &mut self,
        node: NodeId,
        feed: &FeedKey,
        blocks: &[&[u8]],
    ) -> Result<RequestId, Misuse> {
        let place = self.node_mut(node);
        let multifeed = place.multifeed.as_mut().ok_or(Misuse::NotReady)?;
        let found = multifeed.find(feed).ok_or(Misuse::UnknownFeed)?;
        let (id, author) = (found.id, found.public_key);
        let request = multifeed.append(id, blocks)?;
        if let Some(laws) = self.laws.as_mut().filter(|laws| laws.knows(&author)) {
            laws.signed(author, blocks);
        }
        for block in blocks {
            self.trace.note(self.now, code::APPEND, [node.0, 0], block);
        }
        self.drain(node);
        Ok(request)
    }

    /// Reads back and verifies every block of a feed that a node holds, outside virtual time. Stops
    /// at a damaged block.
    pub fn blocks(&mut self, node: NodeId, feed: &FeedKey) -> Vec<Bytes> {
        let mut all = Vec::new();
        while let Some(next) = self.read(node, feed, all.len() as u64) {
            all.extend(next);
        }
        all
    }

    /// Reads blocks of a feed from `start`, outside virtual time; `None` if there are none or they
    /// cannot be read.
    pub fn read(&mut self, node: NodeId, feed: &FeedKey, start: u64) -> Option<Vec<Bytes>> {
        match self.read_event(node, feed, start)? {
            Event::Blocks { blocks, .. } => Some(blocks),
            _ => None,
        }
    }

    /// The reply to a read of a feed from `start`, outside virtual time.
    pub(super) fn read_event(&mut self, node: NodeId, feed: &FeedKey, start: u64) -> Option<Event> {
        let multifeed = self.node_mut(node).multifeed.as_mut()?;
        let (id, length) = multifeed.find(feed).map(|feed| (feed.id, feed.length))?;
        let request = multifeed.read(id, start, length).ok()?;
        self.at_once = true;
        self.drain(node);
        self.at_once = false;
        self.node_mut(node).take_event(|event| answers(event, request))
    }

    /// Takes the events that a node's multifeed reported, in order. Only the latest
    /// [`EVENTS_KEPT_MAX`](crate::EVENTS_KEPT_MAX) are kept.
    pub fn take_events(&mut self, node: NodeId) -> Vec<Event> {
        self.node_mut(node).take_events()
    }

    /// The number of dropped events of a node.
    pub fn events_lost(&self, node: NodeId) -> u64 {
        self.node(node).events_lost
    }
}
