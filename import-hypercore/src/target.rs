//! The multifeed that blocks are brought into.
//!
//! Rule: it is driven here alone, in one thread, without a network and without a clock.

use bytes::{Bytes, BytesMut};
use multifeed_core::{
    CloseReason, Config, ConnectionId, Event, FeedId, FeedKey, Input, Instant, Misuse, Multifeed,
    Output, RequestId, StoreFailure,
};
use multifeed_store::{Store, execute};

use crate::error::ImportError;

/// A multifeed on a store.
#[derive(Debug)]
pub struct Target<S> {
    pub(crate) multifeed: Multifeed,
    store: S,
    /// Events that were not looked at yet.
    pub(crate) events: Vec<Event>,
    /// Why a connection closed.
    pub(crate) closed: Option<CloseReason>,
}

/// What an import brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Imported {
    /// The feed's key in the multifeed.
    pub key: FeedKey,
    /// Its blocks.
    pub length: u64,
    /// Bytes of those blocks.
    pub byte_length: u64,
    /// Blocks that were there before.
    pub before: u64,
}

/// Bytes that are taken from the multifeed at once.
const PULL_BYTES: usize = 64 * 1024;

impl<S: Store> Target<S> {
    /// Opens the multifeed of a store.
    ///
    /// An import is a decision of the user, so the limits on bytes of a feed and of the group do
    /// not apply here, and hypercore's channel is on. A multifeed that is opened later with smaller
    /// limits keeps the imported blocks and does not grow the feed.
    ///
    /// # Errors
    ///
    /// [`ImportError::StoreFailed`].
    pub fn open(mut config: Config, store: S) -> Result<Self, ImportError> {
        config.limits.feed_bytes = u64::MAX;
        config.limits.group_bytes = u64::MAX;
        config.limits.hypercore_channels = config.limits.hypercore_channels.max(1);
        let multifeed = Multifeed::open(config);
        let mut target = Self { multifeed, store, events: Vec::new(), closed: None };
        target.drain();
        let failure = target.events.iter().find_map(|event| match event {
            Event::OpenFailed(failure) => Some(*failure),
            _ => None,
        });
        match failure {
            Some(failure) => Err(ImportError::StoreFailed(failure)),
            None => Ok(target),
        }
    }

    /// Ends it and returns the store.
    pub fn close(self) -> S {
        self.store
    }

    /// The multifeed.
    pub fn multifeed(&self) -> &Multifeed {
        &self.multifeed
    }

    /// Reads blocks that are held.
    ///
    /// # Errors
    ///
    /// [`ImportError::Misuse`] if they are not held, [`ImportError::StoreFailed`].
    pub fn read(&mut self, feed: FeedId, start: u64, end: u64) -> Result<Vec<Bytes>, ImportError> {
        let mut all = Vec::new();
        let mut at = start;
        while at < end {
            let request = self.multifeed.read(feed, at, end)?;
            match self.answer(request)? {
                Event::Blocks { blocks, .. } => {
                    at += blocks.len() as u64;
                    all.extend(blocks);
                }
                _ => return Err(ImportError::Misuse(Misuse::OutOfRange)),
            }
        }
        Ok(all)
    }

    /// The answer to a request.
    pub(crate) fn answer(&mut self, request: RequestId) -> Result<Event, ImportError> {
        self.drain();
        let failed = ImportError::StoreFailed(StoreFailure::Closed);
        let mut events = std::mem::take(&mut self.events).into_iter();
        let answer = events.find_map(|event| match event {
            Event::Failed { request: of, failure } if of == request => {
                Some(Err(ImportError::StoreFailed(failure)))
            }
            Event::Blocks { request: of, .. }
            | Event::Missing { request: of, .. }
            | Event::Appended { request: of, .. }
            | Event::Canceled { request: of }
                if of == request =>
            {
                Some(Ok(event))
            }
            _ => None,
        });
        answer.unwrap_or(Err(failed))
    }

    /// Handles an input and executes what follows.
    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.multifeed.handle(Instant::ZERO, input);
        self.drain();
    }

    /// Takes what the multifeed sends on a connection.
    pub(crate) fn pull(&mut self, connection: ConnectionId) -> BytesMut {
        let mut bytes = BytesMut::new();
        loop {
            self.drain();
            if self.multifeed.poll_transmit(connection, &mut bytes, PULL_BYTES) == 0 {
                self.drain();
                return bytes;
            }
        }
    }

    /// Executes the requests of the multifeed; those that it makes at once are one group.
    pub(crate) fn drain(&mut self) {
        loop {
            let mut requests = Vec::new();
            while let Some(output) = self.multifeed.poll() {
                match output {
                    Output::Store(request) => requests.push(request),
                    Output::Event(event) => self.events.push(event),
                    Output::Disconnect { reason, .. } => self.closed = Some(reason),
                    Output::Transmit { .. } => (),
                }
            }
            if requests.is_empty() {
                return;
            }
            let multifeed = &mut self.multifeed;
            execute(&mut self.store, requests, |reply| {
                multifeed.handle(Instant::ZERO, Input::Stored(reply));
            });
        }
    }

    /// Why an import of this feed did not end, as far as the events say.
    pub(crate) fn failure(&self, feed: FeedId, length: u64) -> ImportError {
        let failure = self.events.iter().find_map(|event| match event {
            Event::FeedBroken { feed: of, failure } if *of == feed => {
                Some(ImportError::StoreFailed(*failure))
            }
            Event::ChannelClosed { feed: of, limit, .. } if *of == feed => {
                Some(not_accepted(length, (*limit).into()))
            }
            Event::Full { feed: of, .. } if *of == feed => {
                Some(ImportError::Misuse(Misuse::FeedFull))
            }
            _ => None,
        });
        failure.unwrap_or(ImportError::NotAccepted { length, reason: self.closed })
    }
}

fn not_accepted(length: u64, reason: CloseReason) -> ImportError {
    ImportError::NotAccepted { length, reason: Some(reason) }
}
