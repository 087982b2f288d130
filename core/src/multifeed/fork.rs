//! Feeds whose author signed two histories.
//!
//! Rule: that it did counts once the proof is durable; from then on the feed stays as it is held,
//! and peers that hold it are told.

use super::Multifeed;
use crate::error::StoreFailure;
use crate::feed::fork;
use crate::feed::proof::{Proof, ProofRead};
use crate::id::{ConnectionId, FeedId};
use crate::io::{Answer, Event};
use crate::peer::connection::Connection;
use crate::replicate;
use crate::wire::fork::SignedHead;

impl Multifeed {
    /// What a peer's head is held against was read.
    pub(super) fn on_signed_head_read(
        &mut self,
        (connection, dispute): (ConnectionId, SignedHead),
        read: ProofRead,
        answer: Answer,
    ) {
        let id = read.feed();
        let Some(feed) = self.feeds.get(id).filter(|feed| feed.is_accepted()) else {
            return self.stop_proving(connection, id);
        };
        let is_outdated = read.is_outdated(feed);
        let found = match answer {
            Answer::Values(values) => read.take_nodes(feed, values),
            Answer::Failed(failure) => Err(failure),
            // Replies are made from their requests, so no other can be.
            _ => Err(StoreFailure::Damaged),
        };
        match found {
            Ok(Proof { before, upgrade, head, .. }) => {
                let forked = fork::prove(dispute, &head, &before, &upgrade);
                let (_, mut context) = self.split(connection);
                // What a peer disputes without reason gains it nothing, and is no crime.
                let _ = replicate::store_fork(&mut context, id, &forked);
                self.stop_proving(connection, id);
            }
            Err(_) if is_outdated => {
                let (peer, mut context) = self.split(connection);
                if let Some(session) = peer.and_then(Connection::session_mut) {
                    session.compare_with_signed_head(&mut context, id, dispute);
                }
            }
            Err(failure) => {
                self.outbox.event(Event::FeedBroken { feed: id, failure });
                self.stop_proving(connection, id);
            }
        }
    }

    /// A proof was made, and goes on to the store, or was not.
    fn stop_proving(&mut self, connection: ConnectionId, feed: FeedId) {
        let (peer, context) = self.split(connection);
        if let Some(session) = peer.and_then(Connection::session_mut) {
            session.update_proving(context.feeds, feed);
            self.settle(connection);
        }
    }

    /// The proof that a feed has two histories is durable.
    pub(super) fn forked(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        let was_taken = log.is_accepted();
        log.on_fork_committed();
        self.turn(feed, was_taken);
        self.cancel_downloads(feed);
        self.outbox.event(Event::Forked { feed });
        self.each_session(|session, context| session.notify_fork(context.feeds, feed));
    }
}
