//! What happens to connections, and what follows from it for the others.
//!
//! Rule: a session changes nothing outside itself. What it releases, reaches or lacks is taken from
//! it here and given to other sessions, downloads and the application.

use alloc::vec::Vec;

use zeroize::Zeroizing;

use super::{Multifeed, State};
use crate::error::{CloseReason, Limit};
use crate::id::{ConnectionId, FeedId, Role};
use crate::io::{Event, Mode, Output, Secure};
use crate::peer::connection::{Connection, Due};
use crate::peer::secure::Keys;
use crate::wire::multifeed::PUSHES;

impl Multifeed {
    /// A byte stream to a peer is open.
    pub(super) fn on_connected(
        &mut self,
        id: ConnectionId,
        role: Role,
        secure: Secure,
        mode: Mode,
    ) {
        if self.state != State::Ready || self.connections.contains_key(&id) {
            // The feeds are not read yet, or the id is in use.
            let reason = CloseReason::NotReady;
            return self.outbox.push(Output::Disconnect { connection: id, reason });
        }
        let rng = self.rng.child();
        let (features, now) = (self.features(), self.now);
        let ways = (role, secure, mode, features);
        let psk = Zeroizing::new(self.group.handshake_key());
        let keys = Keys {
            member: Some((&self.identity, &*psk)),
            stock: (self.limits.hypercore_channels > 0).then_some(&self.stock_identity),
        };
        let keys = (self.identity.public_key(), keys);
        let peer = Connection::new(id, ways, keys, rng, now);
        self.connections.insert(id, peer);
        // A stream that is encrypted already is open at once.
        self.on_received(id, &[]);
    }

    /// The features that are announced to a peer. Only a peer that is our only one may push: blocks
    /// that other peers send already would be pushed in vain.
    fn features(&self) -> u64 {
        let is_alone = self.connections.values().all(Connection::is_closed);
        if self.policy.admits_all() && is_alone { PUSHES } else { 0 }
    }

    /// Bytes of a peer have arrived.
    pub(super) fn on_received(&mut self, id: ConnectionId, bytes: &[u8]) {
        let (peer, mut context) = self.split(id);
        let Some(peer) = peer else { return };
        match peer.receive(&mut context, bytes) {
            Ok(()) => self.after_change(id),
            Err(reason) => self.close(id, reason),
        }
        self.bound_partial_messages();
        self.continue_downloads();
        self.send_gets();
    }

    /// Closes the connections whose incomplete messages have stalled for longest, while those of
    /// all peers take too much memory. The names in such a message are not known, so the session
    /// cannot go on without it.
    fn bound_partial_messages(&mut self) {
        while self.sets.partial_bytes > self.limits.partial_bytes {
            let partial = self.connections.iter().filter_map(|(id, peer)| {
                let since = peer.session()?.partial_since()?;
                Some((since, *id))
            });
            let Some((_, stalled)) = partial.min() else { return };
            self.close(stalled, CloseReason::Limit(Limit::ReconcileBytes));
        }
    }

    /// Does what follows from a change of a session: reads ahead for the peer, reassigns what the
    /// session released, reports full feeds, and asks for a pull if there are bytes to send.
    pub(super) fn after_change(&mut self, id: ConnectionId) {
        let (peer, mut context) = self.split(id);
        if let Some(session) = peer.and_then(Connection::session_mut) {
            session.read_ahead(&mut context);
        }
        self.after_session_progress(id);
        self.report_full();
        self.wake(id);
    }

    /// Reassigns what a session released, and reports that it is in sync.
    pub(super) fn after_session_progress(&mut self, id: ConnectionId) {
        let Some(peer) = self.connections.get_mut(&id) else { return };
        let freed = peer.hypercore_mut().take_unassigned();
        if !freed.is_empty() {
            self.reassign_fetches(freed);
            return self.after_session_progress(id);
        }
        self.finish_gets(id);
        let (peer, context) = self.split(id);
        let Some(peer) = peer else { return };
        if peer.hypercore_mut().take_became_synced() && peer.is_stock() {
            context.outbox.event(Event::Synced { connection: id });
        }
        let Some(session) = peer.session_mut() else { return };
        let freed = session.take_unassigned();
        let unavailable = session.take_unavailable();
        if session.take_became_synced() {
            context.outbox.event(Event::Synced { connection: id });
        }
        self.reassign_fetches(freed);
        for feed in unavailable {
            self.on_unavailable(feed, id);
        }
    }

    /// Asks the driver to pull bytes, unless it was asked already.
    pub(super) fn wake(&mut self, id: ConnectionId) {
        if self.connections.get_mut(&id).is_some_and(Connection::wake) {
            self.outbox.push(Output::Transmit { connection: id });
        }
    }

    /// Assigns feeds that their source released to other peers that offer them.
    fn reassign_fetches(&mut self, freed: Vec<FeedId>) {
        for feed in freed {
            self.wake_hypercore_sessions(feed);
            let staged_length = self.feeds.get(feed).map_or(0, |feed| feed.staged_length());
            let offers = self.connections.iter().filter_map(|(id, peer)| {
                Some((peer.session()?.source_cost(feed, staged_length)?, *id))
            });
            let offers: Vec<_> = offers.collect();
            // Only the peers that failed least: two that never answer would otherwise pass the feed
            // to each other, and never to a third.
            let least = offers.iter().map(|offer| offer.0).min();
            for (_, id) in offers.into_iter().filter(|offer| Some(offer.0) == least) {
                let peer = self.connections.get_mut(&id);
                if let Some(session) = peer.and_then(Connection::session_mut) {
                    session.assign(feed);
                }
                self.wake(id);
            }
        }
    }

    /// Closes a connection from our side.
    pub(super) fn close(&mut self, id: ConnectionId, reason: CloseReason) {
        if self.connections.get(&id).is_some_and(|peer| !peer.is_closed()) {
            self.forget_session(id);
            self.outbox.push(Output::Disconnect { connection: id, reason });
        }
    }

    /// A peer is gone: its fetches are assigned to others, and candidates that no other peer offers
    /// are forgotten.
    pub(super) fn forget_session(&mut self, id: ConnectionId) {
        let Some(peer) = self.connections.get_mut(&id) else { return };
        let session = peer.close(&mut self.assignments);
        let freed = peer.hypercore_mut().take_unassigned();
        self.reassign_fetches(freed);
        self.on_get_source_lost(id);
        let Some(mut session) = session else { return };
        session.release_all(&mut self.assignments);
        session.release_shared(&mut self.sets);
        for feed in session.feeds() {
            let is_candidate = self.feeds.get(feed).is_some_and(|feed| feed.is_candidate());
            let mut others = self.connections.values().filter_map(Connection::session);
            if is_candidate && !others.any(|other| other.knows(feed)) {
                self.feeds.forget(feed);
            }
        }
        self.reassign_fetches(session.take_unassigned());
        self.on_download_source_lost(id);
    }

    /// A deadline has passed.
    pub(super) fn on_timeout(&mut self) {
        let ids: Vec<_> = self.connections.keys().copied().collect();
        for id in ids {
            let timing = self.timing.clone();
            let (peer, mut context) = self.split(id);
            let Some(peer) = peer else { continue };
            let due = peer.due(&mut context, &timing);
            self.reassign_overdue(id);
            match due {
                Due::Nothing => self.after_session_progress(id),
                Due::Send => self.after_change(id),
                Due::Close(deadline) => self.close(id, CloseReason::Deadline(deadline)),
            }
        }
        self.reassign_downloads();
        self.send_gets();
    }

    /// Reassigns the feeds that a peer was asked for too long ago, though it sent others.
    fn reassign_overdue(&mut self, id: ConnectionId) {
        let Some(wait) = self.timing.request else { return };
        let session = self.connections.get(&id).and_then(Connection::session);
        let overdue = session.map(|session| session.overdue(self.now - wait)).unwrap_or_default();
        for feed in overdue {
            let held = self.feeds.get(feed);
            let [length, staged] =
                held.map_or([0; 2], |held| [held.length(), held.staged_length()]);
            let mut others = self.connections.iter().filter(|(other, _)| **other != id);
            let is_offered_elsewhere = others.any(|(_, other)| {
                let offer = other.session().and_then(|session| session.offers_of(feed, length));
                offer.is_some_and(|offer| offer > staged)
            });
            let (peer, context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                session.reassign(context.assignments, feed, is_offered_elsewhere, context.now);
            }
        }
    }
}
