//! Heads and wants of the peer, and the growth of our feeds.

use core::ops::Range;

use super::Session;
use crate::config::Limits;
use crate::crypto::sign::PublicKey;
use crate::error::{CloseReason, Violation};
use crate::feed::Feed;
use crate::feed::manifest::{self, Origin};
use crate::id::FeedId;
use crate::io::Event;
use crate::policy::KeyRuling;
use crate::replicate::aliases::Credit;
use crate::replicate::context::Context;
use crate::replicate::offers::Offer;
use crate::replicate::peer_feed::{Availability, PeerFeed};
use crate::replicate::range::check_length;
use crate::wire::multifeed::{FeedRef, HeadEntry, Reject, WantEntry};

impl Session {
    pub(super) fn on_head(
        &mut self,
        context: &mut Context<'_>,
        entry: HeadEntry,
    ) -> Result<(), CloseReason> {
        check_length(entry.length)?;
        if let FeedRef::Sender(number) = entry.name
            && self.offers.update_queued(number, entry.length)
        {
            return Ok(());
        }
        let feed = match entry.name {
            FeedRef::New(public_key) => self.on_new_feed(context, public_key, entry.length)?,
            feed_ref => self.resolve(context.feeds, feed_ref)?,
        };
        match feed {
            Some(feed) => self.on_length(context, feed, entry.length, entry.fork),
            None => {
                self.on_declined_head(context, &entry);
                Ok(())
            }
        }
    }

    /// The peer announces a length of a feed.
    pub(super) fn on_length(
        &mut self,
        context: &mut Context<'_>,
        id: FeedId,
        remote_length: u64,
        fork: u64,
    ) -> Result<(), CloseReason> {
        check_length(remote_length)?;
        let Some(feed) = context.feeds.get(id) else { return Ok(()) };
        if fork != 0 {
            self.checkpoint.set_diverged();
            // Unlike hypercore lib/replicator.js, a truncation by the author is not followed.
            if let Some(feed_ref) = self.peer_feeds.feed_ref(id) {
                self.announcements.reject(feed_ref, Reject::Declined);
            }
            self.return_credit(id, feed.length());
            return Ok(());
        }
        let (length, is_broken) = (feed.shared_length(), feed.broken().is_some());
        let (is_accepted, staged_length) = (feed.is_accepted(), feed.staged_length());
        let is_exchanged = is_accepted || feed.shares_up_to(remote_length);
        let (public_key, is_full) = (feed.public_key, context.feeds.is_full(id));
        self.reopen(id, 0, length);
        let is_contested = self.peer_feeds.get(id).is_some_and(PeerFeed::is_contested);
        let is_wanted = staged_length < remote_length && is_accepted && !is_broken && !is_contested;
        self.refuse_unannounced(id, length, is_exchanged);
        let blocks = if is_broken { Availability::Unavailable } else { Availability::Available };
        let is_longer = self
            .peer_feeds
            .update(id, length, |peer_feed| peer_feed.on_announced(remote_length, blocks));
        if is_wanted && is_full {
            self.reject_full(context.assignments, id, public_key, staged_length);
        } else if is_wanted {
            self.downloads.queue_unless_requested(id);
        }
        self.notify_fork(context.feeds, id);
        self.uploads.skip(id, remote_length);
        self.push(context, id, remote_length);
        if length > 0 && is_longer && is_accepted {
            let connection = self.connection;
            let length = remote_length;
            context.report(id, |key| Event::Held { connection, feed: id, key, length });
        }
        Ok(())
    }

    /// The peer names a feed for the first time. `None`: we decline it.
    fn on_new_feed(
        &mut self,
        context: &mut Context<'_>,
        public_key: PublicKey,
        offered: u64,
    ) -> Result<Option<FeedId>, CloseReason> {
        self.aliases.use_remote_credit()?;
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        let known = context.feeds.find(&key);
        let has_room = context.feeds.has_room(context.limits);
        let admission = context.policy.admit(&key);
        let feed = match known {
            None if has_room && admission == KeyRuling::Accepted => {
                Some(context.feeds.insert(key, public_key))
            }
            known => known,
        };
        if let Some(feed) = feed.and_then(|id| context.feeds.get_mut(id)) {
            // It may have been adopted by its key before anyone knew that it is of the group.
            feed.set_origin(Origin::Group, public_key);
        }
        let alias = self.aliases.assign_remote(feed)?;
        let Some(id) = feed else {
            self.aliases.return_credit(Credit::Alias);
            self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
            let offer = Offer { key, public_key, length: offered };
            self.remember_offer(context, alias, offer, admission);
            return Ok(None);
        };
        let feed = context.feeds.get(id);
        let length = feed.map_or(0, |feed| feed.length());
        let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
        let is_candidate = length == 0 && !is_refused;
        if !is_candidate {
            self.aliases.return_credit(Credit::Alias);
        }
        let was_named = self.peer_feeds.update(id, length, |peer_feed| {
            peer_feed.set_credit(is_candidate.then_some(Credit::Alias));
            if is_refused {
                peer_feed.refuse();
            }
            peer_feed.set_remote_alias(Some(alias))
        });
        if is_refused {
            self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
        }
        if was_named && !self.reconciliation.may_rename() {
            return Err(Violation::BadName.into());
        }
        Ok(Some(id))
    }

    pub(super) fn on_want(
        &mut self,
        context: &mut Context<'_>,
        entry: WantEntry,
    ) -> Result<(), CloseReason> {
        let found = self.resolve(context.feeds, entry.name)?;
        let is_given = |id, feed: &Feed| {
            let is_refused = self.peer_feeds.get(id).is_some_and(PeerFeed::is_refused_by_us);
            feed.is_accepted() || feed.has_shared_prefix() && !is_refused
        };
        let given = |id| Some((id, context.feeds.get(id).filter(|feed| is_given(id, feed))?));
        let Some((id, feed)) = found.and_then(given) else {
            // The peer got a reject, but ignores rejects of feeds that it refuses, too.
            let feed_ref = found.and_then(|id| self.peer_feeds.feed_ref(id));
            let feed_ref = feed_ref.unwrap_or(entry.name.turned());
            self.announcements.reject(feed_ref, Reject::Declined);
            return Ok(());
        };
        let length = feed.shared_length();
        self.reopen(id, entry.start, length);
        if length == 0 || feed.broken().is_some() || feed.is_cleared(entry.start) {
            self.withhold(id, length);
            return Ok(());
        }
        let start =
            self.peer_feeds.update(id, length, |peer_feed| peer_feed.on_want(entry.start, length));
        if start < length {
            self.uploads.want(id, start, context.limits)?;
        }
        Ok(())
    }

    /// Tells the peer that we cannot give the blocks that we announced.
    pub(super) fn withhold(&mut self, feed: FeedId, length: u64) {
        self.withhold_as(feed, length, Reject::Unavailable);
    }

    pub(super) fn withhold_as(&mut self, feed: FeedId, length: u64, reject: Reject) {
        // The peer may lack blocks that were never announced, and must not store a checkpoint.
        self.checkpoint.set_diverged();
        let feed_ref = self.peer_feeds.update(feed, length, |peer_feed| {
            peer_feed.withhold();
            peer_feed.feed_ref()
        });
        if let Some(feed_ref) = feed_ref {
            self.announcements.reject(feed_ref, reject);
        }
    }

    /// A feed has grown durably by a run of blocks: pushes or announces them to the peer.
    pub(crate) fn on_feed_grown(&mut self, feed: FeedId, run: Range<u64>, limits: &Limits) {
        self.record_equal_length(feed, run.start);
        let push_start = match self.peer_feeds.get(feed) {
            Some(peer_feed) if peer_feed.is_contested() || peer_feed.is_refused_by_us() => {
                self.peer_feeds.update(feed, run.end, |_| ());
                return;
            }
            Some(peer_feed) => {
                let push_start = peer_feed.push_start(&run);
                let (is_offered_again, credit) =
                    self.peer_feeds.update(feed, run.end, |peer_feed| {
                        (peer_feed.on_grown(run.end), peer_feed.take_credit())
                    });
                if is_offered_again {
                    self.downloads.queue(feed);
                }
                if let Some(credit) = credit {
                    self.aliases.return_credit(credit);
                }
                push_start
            }
            None => None,
        };
        let is_pushed = match push_start {
            Some(_) if self.uploads.is_serving(feed) => true,
            Some(start) => self.uploads.want(feed, start, limits).is_ok(),
            None => false,
        };
        if !is_pushed {
            self.announcements.announce(feed);
        }
    }
}
