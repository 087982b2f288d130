//! What one turn of a reconciliation brings to a session: numbers, edges, feeds to be had.
//!
//! Rule: both sides number the feeds of a turn in the same order, those that it drops too.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::check_length;
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::manifest;
use crate::feed::set::Feeds;
use crate::id::{FeedId, Role};
use crate::policy::KeyRuling;
use crate::reconcile::session::{DIFFERENCE_MAX, StepResult};
use crate::replicate::aliases::FeedAlias;
use crate::replicate::peer_feed::Credit;
use crate::replicate::policy::Offer;
use crate::replicate::push::brings;
use crate::replicate::session::{Context, Session};
use crate::wire::multifeed::{self as message, Claim, FeedRef, HeadEntry, Kind, Reject};
use crate::wire::reconcile::{Entry, HeadOf};

/// Feeds that wait to be made candidates: all that two tries can bring. Each takes 60 bytes.
const HEARD_MAX: usize = 2 * DIFFERENCE_MAX as usize;

impl Session {
    pub(in crate::replicate) fn on_claim(
        &mut self,
        context: &mut Context<'_>,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let claim: Claim = message::decode(body)?;
        self.reconciliation.progress = context.now;
        let turn = self.reconciliation.on_claim(context, claim)?;
        self.on_step(context, turn)?;
        self.take_equal_claims();
        Ok(())
    }

    /// A feed is accepted that was refused. What the peer holds of it, it had no need to say if
    /// both knew that it was refused.
    pub(crate) fn accept_more(&mut self, context: &mut Context<'_>) {
        self.settling.set_diverged();
        if self.reconciliation.restart(context) {
            self.take_aliases_back(context);
        }
    }

    pub(in crate::replicate) fn on_reconcile_message(
        &mut self,
        context: &mut Context<'_>,
        kind: Kind,
        body: &[u8],
    ) -> Result<(), CloseReason> {
        let turn = self.reconciliation.take(context, kind, body)?;
        self.on_step(context, turn)
    }

    /// The peer has said nothing for too long: everything is listed.
    pub(crate) fn stop_reconciling(&mut self, context: &mut Context<'_>) {
        self.reconciliation.give_up(context.sets);
        self.take_aliases_back(context);
    }

    /// A session has failed: either side may have dropped what gave these feeds their numbers, so
    /// they are named anew. What was asked for by such a number is not answered.
    fn take_aliases_back(&mut self, context: &mut Context<'_>) {
        self.heard.clear();
        self.retracted_offers.clear();
        for feed in core::mem::take(&mut self.reconciliation.taken) {
            let length = context.feeds.get(feed).map_or(0, |feed| feed.length());
            self.edges.update(feed, length, |edge| edge.yours = None);
            self.give_up(context.sources, feed);
        }
        for feed in core::mem::take(&mut self.reconciliation.given) {
            let length = context.feeds.get(feed).map_or(0, |feed| feed.length());
            if self.knows(feed) {
                self.edges.update(feed, length, |edge| edge.mine = None);
            }
        }
    }

    /// The feed that a peer's message is about. A number that it uses it knows: that one is not
    /// taken back, and comes back if it was.
    pub(in crate::replicate) fn resolve(
        &mut self,
        feeds: &Feeds,
        name: FeedRef,
    ) -> Result<Option<FeedId>, Violation> {
        let Some(id) = self.names.resolve(name)? else { return Ok(None) };
        let Some(edge) = self.edges.get(id) else { return Ok(Some(id)) };
        let length = feeds.get(id).map_or(0, |feed| feed.length());
        match name {
            FeedRef::Receiver(number) => {
                self.reconciliation.given.remove(&id);
                if edge.mine.is_none() {
                    let number = self.names.given(number);
                    self.edges.update(id, length, |edge| edge.mine = number);
                }
            }
            FeedRef::Sender(number) if edge.yours.is_none() => {
                let number = self.names.taken(number);
                self.edges.update(id, length, |edge| edge.yours = number);
            }
            _ => (),
        }
        Ok(Some(id))
    }

    /// Whether a feed may be named as new though it has been named.
    pub(in crate::replicate) fn may_rename(&self) -> bool {
        self.reconciliation.has_failed
    }

    fn on_step(&mut self, context: &mut Context<'_>, turn: StepResult) -> Result<(), CloseReason> {
        let StepResult { say, naming, named, learned, skipped, outcome } = turn;
        let had_equal_sets = self.reconciliation.matches_claim && !self.reconciliation.is_apart;
        let brought: usize = say.iter().map(|message| brings(message, had_equal_sets)).sum();
        let shared = naming.len().saturating_sub(brought);
        for _ in 0..skipped {
            self.names.take(None, 2 * context.limits.feeds)?;
        }
        for (place, feed) in naming.into_iter().enumerate() {
            let number = self.names.give(feed);
            self.reconciliation.given.insert(feed);
            self.reconciliation.different.insert(feed);
            let Some(held) = context.feeds.get(feed) else { continue };
            let (length, is_refused) = (held.length(), !held.is_accepted());
            self.edges.update(feed, length, |edge| {
                edge.mine = Some(number);
                edge.refused |= is_refused;
            });
            if is_refused {
                // It was refused while the sets were reconciled as they had been.
                self.nos.insert((FeedRef::Sender(number.get()), Reject::Declined));
            }
            if place >= shared {
                self.push(context, feed, 0);
            }
        }
        for entry in named {
            self.on_named_entry(context, entry)?;
        }
        for entry in learned {
            let key = manifest::feed_key(context.group.feed_namespace(), &entry.public_key());
            if let Some(feed) = context.feeds.find(&key) {
                self.reconciliation.different.insert(feed);
                self.on_length(context, feed, entry.head.length, entry.head.fork)?;
            }
        }
        let changed = self.reconciliation.end_turn(context, &say, outcome);
        match (outcome, changed) {
            (_, Some(changed)) => {
                self.remember_changed(context, &changed);
                self.remember_same(context, &changed);
                if self.reconciliation.restart(context) {
                    self.take_aliases_back(context);
                }
            }
            (Some(_), None) => self.take_aliases_back(context),
            (None, None) => return Ok(()),
        }
        self.reconciliation.different.clear();
        Ok(())
    }

    /// Makes edges for what has changed since both sides held it alike, so that a feed without one
    /// has not.
    fn remember_changed(&mut self, context: &Context<'_>, changed: &BTreeMap<FeedId, u64>) {
        for (feed, before) in changed {
            let Some(held) = context.feeds.get(*feed) else { continue };
            if self.edges.get(*feed).is_none() {
                let is_refused = !held.is_accepted();
                self.edges.update(*feed, held.length(), |edge| {
                    (edge.theirs, edge.refused) = (*before, is_refused);
                });
                if is_refused && *before > 0 {
                    self.nos.insert((FeedRef::New(held.public_key), Reject::Declined));
                    self.notify_fork(context.feeds, *feed);
                }
            }
        }
    }

    /// What did not differ the peer holds as we did, also of feeds that either side spoke of
    /// before: what they said may have been of a time when one of them refused it.
    fn remember_same(&mut self, context: &Context<'_>, changed: &BTreeMap<FeedId, u64>) {
        if !self.reconciliation.sets_equal() {
            return;
        }
        let spoken_of: Vec<FeedId> = self.edges.iter().map(|(feed, _)| feed).collect();
        for feed in spoken_of {
            let held = context.feeds.get(feed).filter(|held| held.is_of_group());
            let Some(held) = held.filter(|_| !self.reconciliation.different.contains(&feed)) else {
                continue;
            };
            let offered = if held.is_offered() { held.length() } else { 0 };
            let then = changed.get(&feed).copied().unwrap_or(offered);
            self.edges.update(feed, held.length(), |edge| edge.theirs = edge.theirs.max(then));
        }
        // What changed before the sets were claimed once more was a part of them.
        let Self { changed, edges, .. } = self;
        changed.retain(|feed| edges.get(*feed).is_some());
    }

    /// The peer holds a feed, and has given it its next number.
    fn on_named_entry(
        &mut self,
        context: &mut Context<'_>,
        entry: Entry,
    ) -> Result<(), CloseReason> {
        let key = manifest::feed_key(context.group.feed_namespace(), &entry.public_key());
        let known = context.feeds.find(&key);
        let number = self.names.take(known, 2 * context.limits.feeds)?;
        let Some(id) = known else {
            check_length(entry.head.length)?;
            let admission = context.policy.admit(&key);
            if admission != KeyRuling::Accepted {
                self.decline_queued_offer(context, number, &entry, admission);
                return Ok(());
            }
            if self.heard.len() + self.retracted_offers.len() >= HEARD_MAX {
                return Err(Limit::ReconcileBytes.into());
            }
            self.heard.insert(number.get(), (number, entry));
            return Ok(());
        };
        if let Some(feed) = context.feeds.get_mut(id) {
            // It may have been adopted by its key, before anybody knew that it is of the group.
            feed.set_origin(manifest::Origin::Group, entry.public_key());
        }
        let feed = context.feeds.get(id);
        let length = feed.map_or(0, |feed| feed.length());
        let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
        self.reconciliation.taken.push(id);
        self.reconciliation.different.insert(id);
        self.edges.update(id, length, |edge| {
            edge.yours = Some(number);
            edge.refused |= is_refused;
        });
        if is_refused {
            self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
        } else if self.reconciliation.role == Role::Initiator && length > 0 {
            // The responder named it for it has the leading bits of another's id, and does not
            // know that we hold it.
            self.changed.insert(id);
        }
        self.on_length(context, id, entry.head.length, entry.head.fork)
    }

    /// Makes candidates of feeds that were heard of in a reconciliation, as many as one peer may
    /// have us hold at a time.
    pub(in crate::replicate) fn open_queued_offers(&mut self, context: &mut Context<'_>) {
        while self.queued_offer_credit > 0
            && let Some((_, (number, entry))) = self.heard.pop_first()
        {
            let public_key = entry.public_key();
            let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
            let has_room = context.feeds.has_room(context.limits);
            let admission = context.policy.admit(&key);
            let id = match context.feeds.find(&key) {
                Some(id) => id,
                None if has_room && admission == KeyRuling::Accepted => {
                    context.feeds.insert(key, public_key)
                }
                None => {
                    self.decline_queued_offer(context, number, &entry, admission);
                    continue;
                }
            };
            self.names.admit(number.get(), id);
            if let Some(feed) = context.feeds.get_mut(id) {
                feed.set_origin(manifest::Origin::Group, public_key);
            }
            let feed = context.feeds.get(id);
            let length = feed.map_or(0, |feed| feed.length());
            let is_refused = feed.is_some_and(|feed| !feed.is_accepted());
            let is_candidate = length == 0 && !is_refused;
            self.reconciliation.taken.push(id);
            self.queued_offer_credit -= u32::from(is_candidate);
            self.edges.update(id, length, |edge| {
                edge.credit = is_candidate.then_some(Credit::QueuedOffer);
                edge.yours = Some(number);
                edge.refused |= is_refused;
            });
            if is_refused {
                self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
            }
            // Its length was checked when it was heard of.
            let _ = self.on_length(context, id, entry.head.length, entry.head.fork);
        }
    }

    /// The peer holds a feed that is not taken, or that there is no room for.
    fn decline_queued_offer(
        &mut self,
        context: &mut Context<'_>,
        number: FeedAlias,
        entry: &Entry,
        admission: KeyRuling,
    ) {
        let public_key = entry.public_key();
        let key = manifest::feed_key(context.group.feed_namespace(), &public_key);
        self.nos.insert((FeedRef::Receiver(number.get()), Reject::Declined));
        let offer = Offer { key, public_key, length: entry.head.length };
        self.remember_offer(context, number, offer, admission);
    }

    /// A feed has grown at the peer that was not taken when it was named, because one of us
    /// declined it: if it is taken by now, it waits to be made a candidate.
    pub(in crate::replicate) fn update_queued_offer(
        &mut self,
        context: &Context<'_>,
        entry: &HeadEntry,
    ) {
        let FeedRef::Sender(number) = entry.name else { return };
        let Some(Offer { key, public_key, length }) = self.offered.get(&number).copied() else {
            return;
        };
        let is_accepted = context.policy.admit(&key) == KeyRuling::Accepted;
        if let Some(id) = context.feeds.find(&key).filter(|_| is_accepted) {
            // Others gave it meanwhile.
            return self.admit(id, &key);
        }
        let has_room = self.heard.len() + self.retracted_offers.len() < HEARD_MAX
            && context.feeds.has_room(context.limits);
        if let Some(place) = self.names.taken(number).filter(|_| is_accepted && has_room) {
            let head = HeadOf { length, fork: entry.fork };
            self.offered.remove(&number);
            self.heard.insert(number, (place, Entry { key: public_key.0, head }));
        }
    }

    /// Whether a feed was heard of and waits to be made a candidate.
    pub(in crate::replicate) fn waits_to_be_opened(&self, name: FeedRef) -> bool {
        matches!(name, FeedRef::Sender(number) if self.heard.contains_key(&number))
    }

    /// A change of a feed that waits to be made a candidate. Returns whether it is one.
    pub(in crate::replicate) fn retake_retracted(&mut self, entry: &HeadEntry) -> bool {
        let FeedRef::Sender(number) = entry.name else { return false };
        if let Some(retracted_offers) = self.retracted_offers.remove(&number) {
            self.heard.insert(number, retracted_offers);
        }
        let Some((_, heard)) = self.heard.get_mut(&number) else { return false };
        heard.head.length = heard.head.length.max(entry.length);
        true
    }
}
