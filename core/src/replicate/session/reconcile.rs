//! What a step of the reconciliation brings to a session: aliases, lengths, queued offers.
//!
//! Rule: both sides assign aliases to the feeds of a step in the same order, including those that
//! they drop.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::{Session, length_of};
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::manifest;
use crate::feed::set::Feeds;
use crate::id::{FeedId, Role};
use crate::policy::KeyRuling;
use crate::reconcile::session::StepResult;
use crate::replicate::context::Context;
use crate::replicate::push::count_new;
use crate::replicate::range::check_length;
use crate::replicate::reconcile::Named;
use crate::wire::multifeed::{self as message, FeedRef, Kind, Reject};
use crate::wire::reconcile::Entry;

impl Session {
    pub(super) fn on_claim(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let step = self.reconciliation.on_claim(context, message::decode(body)?)?;
        self.on_step(context, step)?;
        if let Some((digest, position)) = self.reconciliation.take_equal_claims() {
            self.checkpoint.on_equal_claims(digest, position);
        }
        Ok(())
    }

    pub(super) fn on_reconcile_message(
        &mut self,
        context: &mut Context<'_>,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let step = self.reconciliation.on_message(context, kind, body)?;
        self.on_step(context, step)
    }

    /// We accept a feed that was refused. If both sides knew that it was refused, the peer has not
    /// said what it holds of it.
    pub(crate) fn accept_more(&mut self, context: &mut Context<'_>) {
        self.checkpoint.set_diverged();
        if self.reconciliation.restart(context) {
            self.invalidate_aliases(context);
        }
    }

    /// The peer has not continued for too long: lists all feeds.
    pub(crate) fn stop_reconciling(&mut self, context: &mut Context<'_>) {
        self.reconciliation.fall_back(context.sets);
        self.invalidate_aliases(context);
    }

    /// A session failed, so either side may have dropped the messages that assigned aliases to
    /// these feeds: they are named again. Requests by these aliases are not answered.
    fn invalidate_aliases(&mut self, context: &mut Context<'_>) {
        self.offers.clear_queued();
        let Named { locally, remotely } = self.reconciliation.take_named();
        for feed in remotely {
            let length = length_of(context.feeds, feed);
            self.peer_feeds.update(feed, length, |peer_feed| peer_feed.set_remote_alias(None));
            self.downloads.release(context.assignments, feed);
        }
        for feed in locally {
            if self.knows(feed) {
                let length = length_of(context.feeds, feed);
                self.peer_feeds.update(feed, length, |peer_feed| peer_feed.set_local_alias(None));
            }
        }
    }

    /// The feed that a peer's message refers to. An alias that the peer uses is valid, even if we
    /// had taken it for invalid.
    pub(super) fn resolve(
        &mut self,
        feeds: &Feeds,
        feed_ref: FeedRef,
    ) -> Result<Option<FeedId>, Violation> {
        let Some(id) = self.aliases.resolve(feed_ref)? else { return Ok(None) };
        let Some(peer_feed) = self.peer_feeds.get(id) else { return Ok(Some(id)) };
        match feed_ref {
            FeedRef::Receiver(number) => {
                let has_alias = peer_feed.has_local_alias();
                self.reconciliation.on_local_alias_used(id);
                if !has_alias {
                    let alias = self.aliases.local_alias(number);
                    let length = length_of(feeds, id);
                    self.peer_feeds.update(id, length, |it| it.set_local_alias(alias));
                }
            }
            FeedRef::Sender(number) if !peer_feed.has_remote_alias() => {
                let alias = self.aliases.remote_alias(number);
                let length = length_of(feeds, id);
                self.peer_feeds.update(id, length, |it| it.set_remote_alias(alias));
            }
            _ => (),
        }
        Ok(Some(id))
    }

    fn on_step(&mut self, context: &mut Context<'_>, step: StepResult) -> Result<(), CloseReason> {
        let StepResult { say, naming, named, learned, skipped, outcome } = step;
        let had_equal_sets = self.reconciliation.had_equal_sets();
        let new: usize = say.iter().map(|message| count_new(message, had_equal_sets)).sum();
        for _ in 0..skipped {
            self.aliases.assign_remote(None)?;
        }
        self.on_naming(context, naming, new);
        for entry in named {
            self.on_named_entry(context, entry)?;
        }
        for entry in learned {
            let key = manifest::feed_key(context.group.feed_namespace(), &entry.public_key());
            if let Some(feed) = context.feeds.find(&key) {
                self.reconciliation.mark_different(feed);
                self.on_length(context, feed, entry.head.length, entry.head.fork)?;
            }
        }
        let changed = self.reconciliation.end_step(context, &say, outcome);
        match (outcome, changed) {
            (_, Some(changed)) => {
                self.record_changed(context, &changed);
                self.record_equal(context, &changed);
                if self.reconciliation.restart(context) {
                    self.invalidate_aliases(context);
                }
            }
            (Some(_), None) => self.invalidate_aliases(context),
            (None, None) => return Ok(()),
        }
        self.reconciliation.clear_different();
        Ok(())
    }

    /// Assigns aliases to the feeds that our messages name. The peer lacks the last `new` of them.
    fn on_naming(&mut self, context: &mut Context<'_>, naming: Vec<FeedId>, new: usize) {
        let shared = naming.len().saturating_sub(new);
        for (index, feed) in naming.into_iter().enumerate() {
            let alias = self.aliases.assign_local(feed);
            self.reconciliation.on_locally_named(feed);
            let Some(log) = context.feeds.get(feed) else { continue };
            let (length, is_refused) = (log.length(), !log.is_accepted());
            self.peer_feeds.update(feed, length, |peer_feed| {
                peer_feed.set_local_alias(Some(alias));
                if is_refused {
                    peer_feed.refuse();
                }
            });
            if is_refused {
                // It was refused after the sets were claimed.
                self.announcements.reject(FeedRef::Sender(alias.get()), Reject::Declined);
            }
            if index >= shared {
                self.push(context, feed, 0);
            }
        }
    }

    /// Records what has changed since both sides held the same blocks. A feed without a record has
    /// not changed.
    fn record_changed(&mut self, context: &Context<'_>, changed: &BTreeMap<FeedId, u64>) {
        for (feed, before) in changed {
            let Some(log) = context.feeds.get(*feed) else { continue };
            if self.peer_feeds.contains(*feed) {
                continue;
            }
            let is_refused = !log.is_accepted();
            self.peer_feeds.update(*feed, log.length(), |peer_feed| {
                peer_feed.set_remote_length(*before);
                if is_refused {
                    peer_feed.refuse();
                }
            });
            if is_refused && *before > 0 {
                self.announcements.reject(FeedRef::New(log.public_key), Reject::Declined);
                self.notify_fork(context.feeds, *feed);
            }
        }
    }

    /// Records that the peer holds what we held of each feed that did not differ. It may have said
    /// otherwise while one side refused the feed.
    fn record_equal(&mut self, context: &Context<'_>, changed: &BTreeMap<FeedId, u64>) {
        if !self.reconciliation.sets_equal() {
            return;
        }
        let named: Vec<FeedId> = self.feeds().collect();
        for feed in named {
            let log = context.feeds.get(feed).filter(|log| log.is_of_group());
            let Some(log) = log.filter(|_| !self.reconciliation.is_different(feed)) else {
                continue;
            };
            let offered = if log.is_offered() { log.length() } else { 0 };
            let before = changed.get(&feed).copied().unwrap_or(offered);
            self.peer_feeds.update(feed, log.length(), |it| it.raise_remote_length(before));
        }
        // Changes before the sets were claimed again are part of the claim.
        let Self { announcements, peer_feeds, .. } = self;
        announcements.retain_changed(|feed| peer_feeds.contains(*feed));
    }

    /// The peer holds a feed, and has assigned its next alias to it.
    fn on_named_entry(
        &mut self,
        context: &mut Context<'_>,
        entry: Entry,
    ) -> Result<(), CloseReason> {
        let key = manifest::feed_key(context.group.feed_namespace(), &entry.public_key());
        let known = context.feeds.find(&key);
        let alias = self.aliases.assign_remote(known)?;
        let Some(id) = known else {
            check_length(entry.head.length)?;
            let admission = context.policy.admit(&key);
            if admission != KeyRuling::Accepted {
                self.decline_queued_offer(context, alias, &entry, admission);
                return Ok(());
            }
            if !self.offers.can_queue() {
                return Err(Limit::ReconcileBytes.into());
            }
            self.offers.queue(alias, entry);
            return Ok(());
        };
        if let Some(feed) = context.feeds.get_mut(id) {
            // It may have been adopted by its key before anyone knew that it is of the group.
            feed.set_origin(manifest::Origin::Group, entry.public_key());
        }
        let feed = context.feeds.get(id);
        let length = feed.map_or(0, |feed| feed.length());
        let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
        self.reconciliation.on_remotely_named(id);
        self.reconciliation.mark_different(id);
        self.peer_feeds.update(id, length, |peer_feed| {
            peer_feed.set_remote_alias(Some(alias));
            if is_refused {
                peer_feed.refuse();
            }
        });
        if is_refused {
            self.announcements.reject(FeedRef::Receiver(alias.get()), Reject::Declined);
        } else if self.reconciliation.role() == Role::Initiator && length > 0 {
            // The responder named it because it has the leading bits of another id, and does not
            // know that we hold it.
            self.announcements.announce(id);
        }
        self.on_length(context, id, entry.head.length, entry.head.fork)
    }
}
