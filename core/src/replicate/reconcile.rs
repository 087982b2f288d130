//! The comparison of both sides' sets on one connection: claimed, reconciled, or listed where that
//! takes fewer bytes.
//!
//! Rule: until the sets are reconciled or listed, nothing else is said about feeds that the other
//! side did not name. The peer is taken to hold what we hold only once roots over whole keys were
//! equal.

mod progress;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use progress::{Base, RemoteListing, RemoteSet, Renaming};

use super::context::Context;
use super::partial::Partial;
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::Feed;
use crate::feed::checkpoint::{Digest, PeerTag};
use crate::id::{FeedId, Role};
use crate::reconcile::Listing;
use crate::reconcile::known::{BasePair, LogPosition};
use crate::reconcile::session::{
    Delta, Initiator, Outcome, Params, Responder, SessionError, StepResult, prefix_bits,
};
use crate::reconcile::sets::{Sets, Snapshot};
use crate::reconcile::token::Salt;
use crate::reconcile::view::{OwnedSnapshot, SharedSnapshot, SnapshotView};
use crate::time::Instant;
use crate::wire::multifeed::{Claim, Kind, put};
use crate::wire::reconcile::{self as wire, Fallback, Message, SetKind};

/// Largest set for which both sides build a sketch under a fresh shared salt. Takes 2 ms at this
/// size. Larger sets use the sketch under the group's salt, which all connections share.
const FRESH_FEEDS_MAX: u64 = 16_384;

/// A part of fewer bytes is no progress: every part of a message except the last fills a frame.
const PART_BYTES_MIN: usize = 1_024;

/// The state machine of one side of a session.
#[derive(Debug)]
enum State {
    Initiator(Box<Initiator>),
    Responder(Box<Responder>),
    Known(Box<Delta>),
}

/// How a session finds the differences.
#[derive(Debug)]
enum Strategy {
    /// Each side lists its changes since both were in sync.
    Changes(BasePair),
    /// From the cells of a sketch.
    Sketch(SetKind),
}

/// A session in progress.
#[derive(Debug)]
struct Running {
    state: State,
    snapshot: Snapshot,
    shared: SharedSnapshot,
    /// Bytes of [`Sets::lent_bytes`] that the snapshot uses.
    bytes: usize,
}

/// The progress of the reconciliation.
#[derive(Debug)]
enum Stage {
    /// We have claimed our sets; the peer has not.
    Claimed(Snapshot),
    Running(Box<Running>),
    /// Every feed is listed.
    Listing(Listing),
    /// Every difference is known.
    Agreed,
}

/// The reconciliation of one connection.
#[derive(Debug)]
pub(crate) struct Reconciliation {
    role: Role,
    handshake_hash: [u8; 64],
    stage: Stage,
    /// Messages to send: the answer to one message at most.
    outgoing: VecDeque<(Kind, Vec<u8>)>,
    partial: Partial,
    /// The checkpoint that our claim offers.
    offered_base: Option<BasePair>,
    base: Base,
    /// The log position when the sets were claimed, if no writes were in flight then.
    position: Option<LogPosition>,
    /// The generation of our rulings when the sets were claimed.
    generation: u64,
    /// Feeds that are known to differ in the latest session.
    different: BTreeSet<FeedId>,
    /// Both claims were equal.
    equal_claims: Option<(Digest, LogPosition)>,
    /// The number of earlier attempts.
    attempt: u8,
    /// Leading bits of ids in the messages of the latest session.
    id_bits: u32,
    /// Feeds to which we assigned aliases in it that the peer has not used: if the session fails,
    /// the peer may not know them.
    locally_named: BTreeSet<FeedId>,
    /// Feeds to which the peer assigned aliases in it.
    remotely_named: Vec<FeedId>,
    renaming: Renaming,
    remote_listing: RemoteListing,
    remote_set: RemoteSet,
    /// When the peer last sent a message of the reconciliation.
    last_progress: Instant,
}

impl Reconciliation {
    /// Starts and claims our sets.
    pub(crate) fn new(
        role: Role,
        peer: PeerTag,
        handshake_hash: [u8; 64],
        context: &mut Context<'_>,
    ) -> Self {
        let mut reconciliation = Self {
            role,
            handshake_hash,
            stage: Stage::Agreed,
            outgoing: VecDeque::new(),
            partial: Partial::default(),
            offered_base: None,
            base: Base::None,
            position: None,
            generation: 0,
            different: BTreeSet::new(),
            equal_claims: None,
            attempt: 0,
            id_bits: 0,
            locally_named: BTreeSet::new(),
            remotely_named: Vec::new(),
            renaming: Renaming::Forbidden,
            remote_listing: RemoteListing::Open,
            remote_set: RemoteSet::Unknown,
            last_progress: context.now,
        };
        let snapshot = context.sets.snapshot(context.feeds);
        reconciliation.offered_base =
            context.sets.known.base(&peer, context.feeds, &snapshot.roots.heads);
        reconciliation.claim(context, snapshot);
        reconciliation
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Feeds that have grown between our claim and the start of the session, which is notified of
    /// later growth.
    pub(crate) fn changed_since_claimed(&self, context: &Context<'_>) -> BTreeSet<FeedId> {
        let Stage::Claimed(snapshot) = &self.stage else { return BTreeSet::new() };
        // If the snapshot is too old, all feeds will be listed.
        let changed = context.sets.since(snapshot).unwrap_or_default();
        let is_offered = |feed: &FeedId| context.feeds.get(*feed).is_some_and(Feed::is_offered);
        changed.into_keys().filter(is_offered).collect()
    }

    /// Takes the body of our claim, which the initiator sends in its hello.
    pub(crate) fn claimed_in_handshake(mut self) -> (Self, Vec<u8>) {
        let claim = self.outgoing.pop_front().map(|(_, body)| body).unwrap_or_default();
        (self, claim)
    }

    /// Claims our sets.
    fn claim(&mut self, context: &mut Context<'_>, mut snapshot: Snapshot) {
        self.position = (!context.outbox.is_growing()).then(|| context.sets.known.stamp());
        self.generation = context.sets.known.generation();
        let (hash, base) = (&self.handshake_hash, self.offered_base.as_ref());
        let claim = Params::claim(hash, self.role, snapshot.feeds, &mut snapshot.roots, base);
        let mut body = Vec::new();
        put(&mut body, &claim);
        self.outgoing.push_back((Kind::Claim, body));
        self.stage = Stage::Claimed(snapshot);
    }

    /// The next message to send, or a part of it with `bytes_max` bytes.
    pub(crate) fn next(&mut self, bytes_max: usize) -> Option<(Kind, Vec<u8>)> {
        let (_, body) = self.outgoing.front_mut()?;
        if body.len() <= bytes_max {
            return self.outgoing.pop_front();
        }
        let rest = body.split_off(bytes_max);
        Some((Kind::Part, core::mem::replace(body, rest)))
    }

    /// Whether no message waits to be sent.
    pub(crate) fn has_sent_all(&self) -> bool {
        self.outgoing.is_empty()
    }

    /// Whether feeds may be announced.
    pub(crate) fn may_announce(&self) -> bool {
        matches!(self.stage, Stage::Listing(_) | Stage::Agreed)
    }

    /// Whether each side knows all that the other offers.
    pub(crate) fn is_over(&self) -> bool {
        self.outgoing.is_empty()
            && match &self.stage {
                Stage::Agreed => true,
                Stage::Listing(listing) => {
                    listing.is_done() && self.remote_listing == RemoteListing::Complete
                }
                Stage::Claimed(_) | Stage::Running(_) => false,
            }
    }

    /// Whether the peer holds exactly what we hold of each feed that was not named since.
    pub(crate) fn sets_equal(&self) -> bool {
        self.is_agreed() && self.base != Base::Diverged
    }

    /// Whether the latest session started from a checkpoint at which both sets were equal.
    pub(crate) fn had_equal_sets(&self) -> bool {
        self.base == Base::Equal
    }

    /// Whether the peer holds what we hold of each feed that was not named since, or has refused
    /// it.
    pub(crate) fn is_agreed(&self) -> bool {
        matches!(self.stage, Stage::Agreed)
    }

    /// The rest of the listing, if feeds are listed.
    pub(crate) fn listing(&mut self) -> Option<&mut Listing> {
        match &mut self.stage {
            Stage::Listing(listing) if !listing.is_done() => Some(listing),
            _ => None,
        }
    }

    /// The peer has listed all that it offers.
    pub(crate) fn on_listed(&mut self) {
        self.remote_listing = RemoteListing::Complete;
    }

    /// Whether the peer held nothing when the connection began.
    pub(crate) fn is_peer_empty(&self) -> bool {
        self.remote_set == RemoteSet::Empty
    }

    /// Whether feeds may be named as new that were named before.
    pub(crate) fn may_rename(&self) -> bool {
        self.renaming == Renaming::Allowed
    }

    /// We assigned an alias to a feed in this session.
    pub(crate) fn on_locally_named(&mut self, feed: FeedId) {
        self.locally_named.insert(feed);
        self.different.insert(feed);
    }

    /// The peer used our alias of a feed, so it knows it.
    pub(crate) fn on_local_alias_used(&mut self, feed: FeedId) {
        self.locally_named.remove(&feed);
    }

    /// The peer assigned an alias to a feed in this session.
    pub(crate) fn on_remotely_named(&mut self, feed: FeedId) {
        self.remotely_named.push(feed);
    }

    /// Takes the feeds whose aliases become invalid because the session failed.
    pub(crate) fn take_named(&mut self) -> Named {
        Named {
            locally: core::mem::take(&mut self.locally_named),
            remotely: core::mem::take(&mut self.remotely_named),
        }
    }

    /// A feed differs between both sides.
    pub(crate) fn mark_different(&mut self, feed: FeedId) {
        self.different.insert(feed);
    }

    pub(crate) fn is_different(&self, feed: FeedId) -> bool {
        self.different.contains(&feed)
    }

    /// The session ended: the feeds that differ are not needed any more.
    pub(crate) fn clear_different(&mut self) {
        self.different.clear();
    }

    /// Received bytes of an incomplete message.
    pub(crate) fn part_bytes(&self) -> usize {
        self.partial.len()
    }

    /// When the peer last continued a message that is incomplete.
    pub(crate) fn partial_since(&self) -> Option<Instant> {
        (self.partial.len() > 0).then_some(self.last_progress)
    }

    /// Returns what all sessions share, when the connection ends.
    pub(crate) fn release(&mut self, sets: &mut Sets) {
        self.release_shared(sets);
        self.partial.drop_all(sets);
    }

    /// Since when we wait for the peer's next message.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        matches!(self.stage, Stage::Claimed(_) | Stage::Running(_)).then_some(self.last_progress)
    }

    /// Ends any session and lists all feeds.
    fn list(&mut self, sets: &mut Sets) {
        self.fail(sets);
        self.stage = Stage::Listing(Listing::default());
    }

    /// Ends a session without result, if it has begun.
    fn fail(&mut self, sets: &mut Sets) {
        if !matches!(self.stage, Stage::Claimed(_)) {
            self.renaming = Renaming::Allowed;
        }
        self.release_shared(sets);
    }

    /// Returns the snapshot bytes that the session uses.
    fn release_shared(&mut self, sets: &mut Sets) {
        if let Stage::Running(running) = core::mem::replace(&mut self.stage, Stage::Agreed) {
            debug_assert!(sets.lent_bytes >= running.bytes, "the snapshot bytes were lent");
            sets.lent_bytes -= running.bytes;
        }
    }

    /// The peer claims its sets.
    pub(crate) fn on_claim(
        &mut self,
        context: &mut Context<'_>,
        theirs: Claim,
    ) -> Result<StepResult, CloseReason> {
        self.last_progress = context.now;
        let snapshot = match &self.stage {
            Stage::Claimed(snapshot) => snapshot.clone(),
            // The peer sent it before it knew that we fell back to listing.
            Stage::Listing(_) => return Ok(StepResult::default()),
            _ => return Err(Violation::UnexpectedMessage.into()),
        };
        self.remote_set = if theirs.feeds == 0 { RemoteSet::Empty } else { RemoteSet::Unknown };
        let is_shared = self.attempt == 0 && snapshot.feeds.max(theirs.feeds) > FRESH_FEEDS_MAX;
        let salt = if is_shared {
            Salt::group(context.group.key())
        } else {
            Salt::fresh(&self.handshake_hash, self.attempt)
        };
        let (handshake_hash, feeds) = (self.handshake_hash, snapshot.feeds);
        let roots = snapshot.roots.clone();
        let mut params = Params { handshake_hash, salt, feeds, roots, theirs };
        let compared = params.compare(self.role);
        let base = self.offered_base.take();
        if compared == Err(Outcome::Agreed) {
            let digest = params.roots.heads.digest();
            self.equal_claims = self.position.map(|position| (digest, position));
            return Ok(StepResult::end(Outcome::Agreed));
        }
        let base = base.filter(|base| params.matches_claim(self.role, base));
        self.base = match &base {
            None => Base::None,
            Some(base) if base.sets_equal() => Base::Equal,
            Some(_) => Base::Diverged,
        };
        if let Some(base) = &base
            && !base.sets_equal()
            && base.changed.is_empty()
            && params.change_count() == 0
        {
            // The sets differ by what one side refuses, as they did at the checkpoint.
            return Ok(StepResult::end(Outcome::Agreed));
        }
        let strategy = match (base, compared) {
            (Some(base), _) => Strategy::Changes(base),
            (None, Ok(set)) => Strategy::Sketch(set),
            (None, Err(outcome)) => return Ok(StepResult::end(outcome)),
        };
        self.start(context, snapshot, params, strategy, is_shared)
    }

    /// Starts a session after both claims are known.
    fn start(
        &mut self,
        context: &mut Context<'_>,
        snapshot: Snapshot,
        params: Params,
        strategy: Strategy,
        is_shared: bool,
    ) -> Result<StepResult, CloseReason> {
        // The peer may continue until it learns that we did not.
        self.id_bits = prefix_bits(params.responder_feeds(self.role));
        let (shared, bytes) = match share_snapshot(context, snapshot.clone(), &params, is_shared) {
            Ok(shared) => shared,
            Err(fallback) => return Ok(StepResult::fall_back(fallback)),
        };
        let Context { sets, feeds, group, .. } = context;
        let Ok(view) = SnapshotView::new(&shared, sets, feeds, group) else {
            return Ok(StepResult::fall_back(Fallback::FreshSalt));
        };
        let (state, step) = match (strategy, self.role) {
            (Strategy::Changes(base), role) => {
                let (delta, step) = Delta::new(params, role, base, &view);
                (State::Known(Box::new(delta)), step.map_err(reason_of)?)
            }
            (Strategy::Sketch(set), Role::Initiator) => {
                (State::Initiator(Box::new(Initiator::new(params, set))), StepResult::default())
            }
            (Strategy::Sketch(set), Role::Responder) => {
                let (responder, step) = Responder::new(params, set, &view);
                (State::Responder(Box::new(responder)), step)
            }
        };
        drop(view);
        sets.lent_bytes += bytes;
        self.stage = Stage::Running(Box::new(Running { state, snapshot, shared, bytes }));
        Ok(step)
    }

    /// Handles a message of the session. Messages of a session that we ended are dropped.
    pub(crate) fn on_message(
        &mut self,
        context: &mut Context<'_>,
        kind: Kind,
        body: &[u8],
    ) -> Result<StepResult, CloseReason> {
        let limit = context.limits.reconcile_bytes;
        if self.partial.len().saturating_add(body.len()) > limit {
            return Err(Limit::ReconcileBytes.into());
        }
        if kind == Kind::Part {
            self.partial.push(context.sets, body);
            if body.len() >= PART_BYTES_MIN {
                self.last_progress = context.now;
            }
            return Ok(StepResult::default());
        }
        let whole = self.partial.complete(context.sets, body);
        let Some(message) = wire::decode(kind, &whole, self.id_bits)? else {
            return Ok(StepResult::default());
        };
        let skipped = message.names();
        let Stage::Running(running) = &mut self.stage else {
            return Ok(StepResult { skipped, ..self.on_late_message(message) });
        };
        self.last_progress = context.now;
        let Running { state, shared, .. } = &mut **running;
        let Ok(view) = SnapshotView::new(shared, context.sets, context.feeds, context.group) else {
            return Ok(StepResult { skipped, ..StepResult::fall_back(Fallback::FreshSalt) });
        };
        let step = match state {
            State::Initiator(initiator) => initiator.handle(&view, message),
            State::Responder(responder) => responder.handle(&view, message),
            State::Known(delta) => delta.handle(&view, message),
        };
        step.map_err(reason_of)
    }

    /// Handles a message while no session runs.
    fn on_late_message(&self, message: Message) -> StepResult {
        match (&self.stage, message) {
            (Stage::Listing(_), _) => StepResult::default(),
            // Both sides ended the session at once, and the peer's claim follows.
            (Stage::Claimed(_), Message::FallBack(Fallback::FreshSalt)) => StepResult::default(),
            (Stage::Agreed, Message::FallBack(Fallback::FreshSalt)) if self.base != Base::None => {
                StepResult::end(Outcome::Retry)
            }
            // The session has ended here, and there is nothing to retry with. The peer claims again
            // and needs an answer.
            (Stage::Agreed, Message::FallBack(Fallback::FreshSalt)) => {
                StepResult::fall_back(Fallback::List)
            }
            (_, Message::FallBack(_)) => StepResult::end(Outcome::List),
            _ => StepResult::default(),
        }
    }

    /// Takes the digest of both sets, if the claims were equal.
    pub(crate) fn take_equal_claims(&mut self) -> Option<(Digest, LogPosition)> {
        self.equal_claims.take()
    }

    /// Claims our sets again after both sides agreed, if we take other feeds now and the session
    /// started from a checkpoint: the peer did not name what it knew to be refused. Returns whether
    /// it does.
    pub(crate) fn restart(&mut self, context: &mut Context<'_>) -> bool {
        let is_outdated = self.generation != context.sets.known.generation();
        let is_due = is_outdated && self.base != Base::None && self.is_agreed();
        if is_due {
            self.outgoing.push_back(wire::encode(&Message::FallBack(Fallback::FreshSalt), 0));
            self.claim_without_base(context);
        }
        is_due
    }

    /// Claims our sets again without a checkpoint.
    fn claim_without_base(&mut self, context: &mut Context<'_>) {
        (self.base, self.last_progress) = (Base::None, context.now);
        self.fail(context.sets);
        let snapshot = context.sets.snapshot(context.feeds);
        self.claim(context, snapshot);
    }

    /// Queues messages and ends the session if it has an outcome. Returns, once both sides agreed,
    /// the feeds that have changed since our claim, with their lengths at that time.
    pub(crate) fn end_step(
        &mut self,
        context: &mut Context<'_>,
        messages: &[Message],
        outcome: Option<Outcome>,
    ) -> Option<BTreeMap<FeedId, u64>> {
        let id_bits = self.id_bits;
        self.outgoing.extend(messages.iter().map(|message| wire::encode(message, id_bits)));
        match outcome {
            None => (),
            Some(Outcome::Agreed) => {
                let snapshot = match &self.stage {
                    Stage::Running(running) => Some(&running.snapshot),
                    Stage::Claimed(snapshot) => Some(snapshot),
                    _ => None,
                };
                let changed = snapshot.and_then(|snapshot| context.sets.since(snapshot).ok());
                if changed.is_some() {
                    self.release_shared(context.sets);
                } else {
                    // The snapshot is too old to know what has changed since.
                    self.fall_back(context.sets);
                }
                return changed;
            }
            Some(Outcome::Retry) if self.base != Base::None => self.claim_without_base(context),
            Some(Outcome::Retry) if self.attempt == 0 => {
                self.attempt = 1;
                self.claim_without_base(context);
            }
            Some(Outcome::Retry | Outcome::List) => self.list(context.sets),
        }
        None
    }

    /// Ends the session, tells the peer, and lists all feeds.
    pub(crate) fn fall_back(&mut self, sets: &mut Sets) {
        self.outgoing.push_back(wire::encode(&Message::FallBack(Fallback::List), 0));
        self.list(sets);
    }

    /// Panics if the state contradicts itself.
    pub(crate) fn check_invariants(&self, sets: &Sets, reconcile_bytes_max: usize) {
        if let Stage::Running(running) = &self.stage {
            assert!(running.bytes <= sets.lent_bytes, "the snapshot bytes are lent");
        }
        assert!(self.partial.len() <= reconcile_bytes_max, "a partial message is too long");
        assert!(self.attempt <= 1, "there are two attempts");
    }
}

/// Feeds that were named in a session.
#[derive(Debug)]
pub(crate) struct Named {
    pub(crate) locally: BTreeSet<FeedId>,
    pub(crate) remotely: Vec<FeedId>,
}

/// Returns the snapshot for a session and how many bytes of the shared snapshot budget it uses.
fn share_snapshot(
    context: &mut Context<'_>,
    snapshot: Snapshot,
    params: &Params,
    is_shared: bool,
) -> Result<(SharedSnapshot, usize), Fallback> {
    if is_shared {
        context.sets.sketch(context.group, context.feeds);
        return Ok((SharedSnapshot::Shared(snapshot), 0));
    }
    let bytes = OwnedSnapshot::bytes_of(snapshot.feeds, params.items());
    if context.sets.lent_bytes.saturating_add(bytes) > context.limits.snapshot_bytes {
        return Err(Fallback::List);
    }
    let changed = context.sets.since(&snapshot).map_err(|_| Fallback::FreshSalt)?;
    let own = OwnedSnapshot::new(params.salt, params.items(), context.feeds, &changed);
    Ok((SharedSnapshot::Own(snapshot, own), bytes))
}

fn reason_of(error: SessionError) -> CloseReason {
    match error {
        SessionError::OutOfTurn => Violation::UnexpectedMessage.into(),
        SessionError::Inconsistent => Violation::Inconsistent.into(),
        SessionError::TooMuch => Limit::ReconcileBytes.into(),
    }
}
