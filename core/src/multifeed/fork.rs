//! Feeds whose author signed two histories.
//!
//! Rule: a fork takes effect once its proof is durable. From then on the feed does not change, and
//! peers that hold it are notified.

use alloc::vec::Vec;

use bytes::Bytes;

use super::Multifeed;
use crate::error::StoreFailure;
use crate::feed::fork;
use crate::feed::proof::{Proof, ProofRead};
use crate::id::{ConnectionId, FeedId};
use crate::io::Event;
use crate::peer::connection::Connection;
use crate::replicate;
use crate::wire::fork::SignedHead;

impl Multifeed {
    /// The nodes were read with which a peer's signed head is compared.
    pub(super) fn on_signed_head_read(
        &mut self,
        connection: ConnectionId,
        theirs: SignedHead,
        read: ProofRead,
        values: Result<Vec<Option<Bytes>>, StoreFailure>,
    ) {
        let id = read.feed();
        let Some(feed) = self.feeds.get(id).filter(|feed| feed.is_accepted()) else {
            return self.stop_proving(connection, id);
        };
        let is_outdated = read.is_outdated(feed);
        match values.and_then(|values| read.take_nodes(feed, values)) {
            Ok(Proof { before, upgrade, head, .. }) => {
                let forked = fork::prove(theirs, &head, &before, &upgrade);
                let (_, mut context) = self.split(connection);
                // A signed head that proves no fork has no effect, and is not a violation.
                let _ = replicate::store_fork(&mut context, id, &forked);
                self.stop_proving(connection, id);
            }
            Err(_) if is_outdated => {
                let (peer, mut context) = self.split(connection);
                if let Some(session) = peer.and_then(Connection::session_mut) {
                    session.compare_with_signed_head(&mut context, id, theirs);
                }
            }
            Err(failure) => {
                self.report_broken(id, failure);
                self.stop_proving(connection, id);
            }
        }
    }

    /// The comparison of a signed head has ended, with or without a proof.
    fn stop_proving(&mut self, connection: ConnectionId, feed: FeedId) {
        let (peer, context) = self.split(connection);
        if let Some(session) = peer.and_then(Connection::session_mut) {
            session.update_proving(context.feeds, feed);
            self.after_change(connection);
        }
    }

    /// The proof of a feed's fork is durable.
    pub(super) fn on_forked(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        let (key, was_accepted) = (log.key, log.is_accepted());
        log.on_fork_committed();
        self.on_status_changed(feed, was_accepted);
        self.cancel_downloads(feed);
        self.outbox.event(Event::Forked { feed, key });
        self.each_session(|session, context| session.notify_fork(context.feeds, feed));
    }
}
