//! What the application wants of feeds: to refuse them, and to accept them again.
//!
//! Rule: a ruling holds for every connection from the call on, and is said to last once it does.

use alloc::vec::Vec;

use super::Multifeed;
use crate::error::Misuse;
use crate::feed::FeedStatus;
use crate::feed::record::{Decision, Ruling};
use crate::id::{ConnectionId, FeedId, FeedKey, RequestId};
use crate::io::Event;
use crate::outbox::Job;
use crate::peer::connection::Connection;
use crate::record::Step;
use crate::replicate::{Context, Session};

impl Multifeed {
    /// Refuses a feed, here or never seen: it is neither taken nor given from now on, and peers
    /// are told so. What is held of it stays. Answered by [`Event::Ruled`](crate::Event::Ruled).
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyRulings`]; [`Misuse::FeedRemoved`] while the feed is being removed;
    /// [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn refuse(&mut self, key: &FeedKey) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::Refuse { key: *key });
        self.check_ready()?;
        self.check_requests()?;
        self.policy.check_room(key, self.limits.rulings)?;
        let feed = self.feeds.find(key);
        self.check_staying(feed)?;
        let known = self.policy.find(key);
        let (signed, decision) = match known {
            Some(Ruling { signed, decision: Decision::Removed, .. }) => (signed, Decision::Removed),
            known => (known.map_or(0, |ruling| ruling.signed), Decision::Refused),
        };
        let write = self.policy.rule(key, Ruling { decision, signed, leaving: None });
        let request = self.request();
        self.outbox.commit(Job::Rule { request, key: *key }, Vec::from([write]));
        if let Some(feed) = feed {
            self.set_status(feed, FeedStatus::Refused);
        }
        Ok(request)
    }

    /// Takes and gives a feed again, or takes it before it was ever seen. It is asked of the peers
    /// that offer it. One that has two histories stays as it is until it is removed; one that was
    /// [full](crate::Event::Full) is tried once more.
    /// Answered by [`Event::Ruled`](crate::Event::Ruled).
    ///
    /// # Errors
    ///
    /// [`Misuse::TooManyRulings`]; [`Misuse::FeedRemoved`] while the feed is being removed;
    /// [`Misuse::TooManyRequests`], [`Misuse::NotReady`].
    pub fn accept(&mut self, key: &FeedKey) -> Result<RequestId, Misuse> {
        self.record_step(|| Step::Accept { key: *key });
        self.check_ready()?;
        self.check_requests()?;
        self.policy.check_room(key, self.limits.rulings)?;
        let feed = self.feeds.find(key);
        self.check_staying(feed)?;
        let length = feed.map_or(0, |feed| self.length(feed));
        let write = self.policy.accept(key, length);
        let (request, is_new) = (self.request(), write.is_some());
        match write {
            Some(write) => {
                let writes = [write].into_iter().chain(self.sets.known.forget_all()).collect();
                self.outbox.commit(Job::Rule { request, key: *key }, writes);
            }
            None => self.answered(Event::Ruled { request, key: *key }),
        }
        match feed {
            Some(feed) => self.set_status(feed, FeedStatus::Accepted),
            None => self.admit(key),
        }
        if is_new {
            self.each_session(Session::accept_more);
        }
        if let Some(feed) = feed {
            self.reopen_full(feed);
        }
        Ok(request)
    }

    /// Whether a feed is neither taken nor given: it is refused, was removed, is being removed, or
    /// has two histories.
    pub fn is_refused(&self, key: &FeedKey) -> bool {
        let feed = self.feeds.find(key).and_then(|feed| self.feeds.get(feed));
        feed.is_some_and(|feed| !feed.is_accepted()) || self.policy.is_refused(key)
    }

    /// Whether a writer may be opened: what was signed before a removal must not be signed again.
    pub(super) fn check_tombstone(
        &self,
        key: &FeedKey,
        feed: Option<FeedId>,
    ) -> Result<(), Misuse> {
        self.check_staying(feed)?;
        let Some(ruling) = self.policy.find(key) else { return Ok(()) };
        if ruling.decision == Decision::Removed {
            return Err(Misuse::FeedRemoved);
        }
        match ruling.signed > feed.map_or(0, |feed| self.length(feed)) {
            true => Err(Misuse::FeedBehind),
            false => Ok(()),
        }
    }

    fn check_staying(&self, feed: Option<FeedId>) -> Result<(), Misuse> {
        let feed = feed.and_then(|feed| self.feeds.get(feed));
        match feed.is_some_and(|feed| feed.status == FeedStatus::Removing) {
            true => Err(Misuse::FeedRemoved),
            false => Ok(()),
        }
    }

    /// What was ruled before this process began holds for the feeds that are here.
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

    /// Every session learns how a feed stands now.
    pub(super) fn set_status(&mut self, feed: FeedId, standing: FeedStatus) {
        let Some(log) = self.feeds.get_mut(feed) else { return };
        let was_taken = log.is_accepted();
        log.status = standing;
        self.turn(feed, was_taken);
    }

    /// The same, once something about it may have changed that decides whether it is taken.
    pub(super) fn turn(&mut self, feed: FeedId, was_taken: bool) {
        let Some(log) = self.feeds.get(feed) else { return };
        let (length, is_accepted) = (log.length(), log.is_accepted());
        if was_taken == is_accepted {
            return;
        }
        self.update_hypercore_sessions(feed);
        let Some(log) = self.feeds.get(feed).filter(|log| log.is_of_group()) else { return };
        let (key, public_key) = (log.key, log.public_key);
        match is_accepted {
            true => self.sets.change(feed, &key, 0, length),
            false => self.sets.change(feed, &key, length, 0),
        }
        self.each_session(|session, context| match is_accepted {
            true => session.accept(feed, length),
            false => session.refuse(context.sources, feed, (public_key, length)),
        });
    }

    /// A feed that peers offered before it was accepted.
    fn admit(&mut self, key: &FeedKey) {
        let mut sessions = self.connections.values().filter_map(Connection::session);
        let author = sessions.find_map(|session| session.author_of(key));
        let Some(public_key) = author.filter(|_| self.feeds.has_room(&self.limits)) else {
            return;
        };
        let feed = self.feeds.insert(*key, public_key);
        self.each_session(|session, _| session.admit(feed, key));
    }

    pub(super) fn each_session(&mut self, mut change: impl FnMut(&mut Session, &mut Context<'_>)) {
        let ids: Vec<ConnectionId> = self.connections.keys().copied().collect();
        for id in ids {
            let (peer, mut context) = self.split(id);
            if let Some(session) = peer.and_then(Connection::session_mut) {
                change(session, &mut context);
                self.settle(id);
            }
        }
    }
}
