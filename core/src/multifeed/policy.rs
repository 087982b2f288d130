//! The application's rulings on feeds: refused or accepted.
//!
//! Rule: a ruling takes effect on every connection with the call, and is reported once it is
//! durable.

use alloc::vec::Vec;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::FeedStatus;
use crate::feed::record::{Decision, Ruling};
use crate::id::{ConnectionId, FeedId, FeedKey, FeedSelector, RequestId};
use crate::io::Event;
use crate::outbox::CommitJob;
use crate::peer::connection::Connection;
use crate::replicate::{Context, Session};
use crate::step::Step;

impl Multifeed {
    /// Refuses a feed, known or not: it is neither fetched nor served any more, and peers are
    /// informed. The held blocks stay. Answered by [`Event::Ruled`](crate::Event::Ruled).
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyRulings`]; [`Misuse::FeedRemoved`] while the feed is being removed;
    /// [`Misuse::UnknownFeed`] for an id; [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn refuse(&mut self, feed: impl Into<FeedSelector>) -> Result<RequestId, Misuse> {
        let key = &self.resolve_key(feed)?;
        self.record_step(|| Step::Refuse { key: *key });
        self.check_ready()?;
        self.check_requests()?;
        self.policy.check_room(key, self.limits.rulings)?;
        let feed = self.feeds.find(key);
        self.check_not_removing(feed)?;
        let known = self.policy.find(key);
        let (signed, decision) = match known {
            Some(Ruling { signed, decision: Decision::Removed, .. }) => (signed, Decision::Removed),
            known => (known.map_or(0, |ruling| ruling.signed), Decision::Refused),
        };
        let write = self.policy.rule(key, Ruling { decision, signed, leaving: None });
        let request = self.requests.begin();
        self.outbox.commit(CommitJob::Rule { request, key: *key }, Vec::from([write]));
        if let Some(feed) = feed {
            self.set_status(feed, FeedStatus::Refused);
        }
        Ok(request)
    }

    /// Accepts a feed: it is fetched and served again, or from its first offer on. Peers that offer
    /// it are asked for it. A forked feed stays as it is until it is removed. A
    /// [full](crate::Event::Full) feed is tried again. Answered by
    /// [`Event::Ruled`](crate::Event::Ruled).
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyRulings`]; [`Misuse::FeedRemoved`] while the feed is being removed;
    /// [`Misuse::UnknownFeed`] for an id; [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn accept(&mut self, feed: impl Into<FeedSelector>) -> Result<RequestId, Misuse> {
        let key = &self.resolve_key(feed)?;
        self.record_step(|| Step::Accept { key: *key });
        self.check_ready()?;
        self.check_requests()?;
        self.policy.check_room(key, self.limits.rulings)?;
        let feed = self.feeds.find(key);
        self.check_not_removing(feed)?;
        let length = feed.map_or(0, |feed| self.length(feed));
        let write = self.policy.accept(key, length);
        let (request, is_new) = (self.requests.begin(), write.is_some());
        match write {
            Some(write) => {
                let writes = [write].into_iter().chain(self.sets.known.forget_all()).collect();
                self.outbox.commit(CommitJob::Rule { request, key: *key }, writes);
            }
            None => self.answer_request(Event::Ruled { request, key: *key }),
        }
        match feed {
            Some(feed) => self.set_status(feed, FeedStatus::Accepted),
            None => self.admit(key),
        }
        if is_new {
            self.each_session(Session::accept_more);
        }
        if let Some(feed) = feed {
            self.clear_full(feed);
        }
        Ok(request)
    }

    /// Whether a feed is neither fetched nor served: it is refused, removed, being removed, or
    /// forked. `false` for the id of no feed.
    pub fn is_refused(&self, feed: impl Into<FeedSelector>) -> bool {
        self.resolve_key(feed).is_ok_and(|key| self.is_key_refused(&key))
    }

    pub(super) fn is_key_refused(&self, key: &FeedKey) -> bool {
        let feed = self.feeds.find(key).and_then(|feed| self.feeds.get(feed));
        feed.is_some_and(|feed| !feed.is_accepted()) || self.policy.is_refused(key)
    }

    /// Fails if a writer must not be opened: an index that was signed before a removal must not be
    /// signed again.
    pub(super) fn check_tombstone(
        &self,
        key: &FeedKey,
        feed: Option<FeedId>,
    ) -> Result<(), Misuse> {
        self.check_not_removing(feed)?;
        let Some(ruling) = self.policy.find(key) else { return Ok(()) };
        if ruling.decision == Decision::Removed {
            return Err(Misuse::FeedRemoved);
        }
        let length = feed.map_or(0, |feed| self.length(feed));
        if ruling.signed > length { Err(Misuse::FeedBehind) } else { Ok(()) }
    }

    fn check_not_removing(&self, feed: Option<FeedId>) -> Result<(), Misuse> {
        let feed = feed.and_then(|feed| self.feeds.get(feed));
        let is_removing = feed.is_some_and(|feed| feed.status == FeedStatus::Removing);
        if is_removing { Err(Misuse::FeedRemoved) } else { Ok(()) }
    }

    /// Applies the stored rulings to the stored feeds.
    pub(super) fn apply_rulings(&mut self) {
        let refused =
            self.policy.iter().filter(|(_, ruling)| ruling.decision != Decision::Accepted);
        let refused: Vec<_> = refused.filter_map(|(key, _)| self.feeds.find(key)).collect();
        for feed in refused {
            if let Some(log) = self.feeds.get_mut(feed) {
                log.status = FeedStatus::Refused;
            }
        }
    }

    /// Sets the status of a feed and informs every session.
    pub(super) fn set_status(&mut self, feed: FeedId, status: FeedStatus) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        let was_accepted = log.is_accepted();
        log.status = status;
        self.on_status_changed(feed, was_accepted);
    }

    /// The status or the forks of a feed changed: informs every session if it is accepted now and
    /// was not, or the reverse.
    pub(super) fn on_status_changed(&mut self, feed: FeedId, was_accepted: bool) {
        let Some(log) = self.feeds.get(feed) else { return };
        let (length, is_accepted) = (log.length(), log.is_accepted());
        if was_accepted == is_accepted {
            return self.end_shared_prefix(feed);
        }
        self.update_hypercore_sessions(feed);
        let Some(log) = self.feeds.get(feed).filter(|log| log.is_of_group()) else { return };
        let (key, public_key) = (log.key, log.public_key);
        let (before, after) = if is_accepted { (0, length) } else { (length, 0) };
        self.sets.change(feed, &key, before, after);
        self.each_session(|session, context| {
            if is_accepted {
                session.accept(feed, length);
            } else {
                session.refuse(context.assignments, feed, public_key, length);
            }
        });
    }

    /// Refuses a forked feed to peers that are being given a part of it, if it was ruled out.
    fn end_shared_prefix(&mut self, feed: FeedId) {
        let Some(log) = self.feeds.get(feed).filter(|log| log.is_forked()) else { return };
        if log.has_shared_prefix() {
            return;
        }
        let (public_key, length) = (log.public_key, log.length());
        self.each_session(|session, context| {
            if session.knows(feed) {
                session.refuse(context.assignments, feed, public_key, length);
            }
        });
    }

    /// Adds a feed that peers offered before it was accepted.
    fn admit(&mut self, key: &FeedKey) {
        let mut sessions = self.connections.values().filter_map(Connection::session);
        let author = sessions.find_map(|session| session.author_of(key));
        let Some(public_key) = author.filter(|_| self.feeds.has_room(&self.limits)) else {
            return;
        };
        let feed = self.feeds.insert(*key, public_key);
        self.each_session(|session, _| session.admit(feed, key));
    }

    /// Changes every session, and then does what follows from the change.
    pub(super) fn each_session(&mut self, mut change: impl FnMut(&mut Session, &mut Context<'_>)) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, mut context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                change(session, &mut context);
                self.after_change(id);
            }
        }
    }
}
