//! Both sides' sets on one connection: claimed, compared, and listed where that is less.
//!
//! Rule: until the sets are reconciled or listed, nothing else is said about feeds that the other
//! side did not name; and that the peer holds what we hold is taken for granted only once roots
//! over whole keys agreed.

mod turn;

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::vec::Vec;

use super::session::Context;
use crate::error::{CloseReason, Limit, Violation};
use crate::feed::Feed;
use crate::feed::checkpoint::{Digest, PeerTag};
use crate::feed::tree::LENGTH_MAX;
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
use crate::wire::reconcile as wire;
use crate::wire::reconcile::SetKind;
use crate::wire::reconcile::{Fallback, Message};

/// Up to so many feeds both sides make a sketch under a salt that nobody else knew before: 2 ms.
/// Above, the one under the group's salt serves everybody.
const FRESH_FEEDS_MAX: u64 = 16_384;

/// A part of fewer bytes is no progress: each but the last of a message fills a frame.
const PART_BYTES_MIN: usize = 1_024;

/// What one side of a session does.
#[derive(Debug)]
enum State {
    Initiator(Box<Initiator>),
    Responder(Box<Responder>),
    Known(Box<Delta>),
}

/// How a session finds out what differs.
#[derive(Debug)]
enum Strategy {
    /// Each side tells what has changed since both knew all of each other.
    Told(BasePair),
    /// From cells.
    Decoded(SetKind),
}

/// A session that is under way.
#[derive(Debug)]
struct Running {
    machine: State,
    pin: Snapshot,
    picture: SharedSnapshot,
    /// Bytes that the picture takes of [`Sets::lent_bytes`].
    bytes: usize,
}

/// How far two sides are.
#[derive(Debug)]
enum Stage {
    /// We have claimed what our sets are; the peer has not.
    Claimed(Snapshot),
    Running(Box<Running>),
    /// Every feed is listed.
    Listing(Listing),
    /// Every difference is known.
    Agreed,
}

/// Two sets on one connection.
#[derive(Debug)]
pub(crate) struct Reconciliation {
    role: Role,
    handshake_hash: [u8; 64],
    stage: Stage,
    /// What is to be said next: the answer to one message at most.
    say: VecDeque<(Kind, Vec<u8>)>,
    /// The beginning of a message of the peer.
    part: Vec<u8>,
    /// What we remember of the peer, as our claim says.
    base: Option<BasePair>,
    /// When the sets were claimed, if nothing was on its way to the store then.
    stamp: Option<LogPosition>,
    /// The peer remembers the same: what was agreed on, or is being, rests on that.
    matches_claim: bool,
    /// When that was agreed on, one side had refused what the other held.
    is_apart: bool,
    /// What we wanted of peers when the sets were claimed.
    generation: u64,
    /// Feeds that differ, as far as this was found out in the latest session.
    different: BTreeSet<FeedId>,
    /// Both sets were found to be the same.
    same: Option<(Digest, LogPosition)>,
    /// How often it was tried before.
    attempt: u8,
    /// Leading bits of ids in the messages of the latest session.
    width: u32,
    /// Feeds that we named in it, and whose numbers the peer has not used: if it fails, it may not
    /// have heard of them.
    given: BTreeSet<FeedId>,
    /// Feeds that the peer did.
    taken: Vec<FeedId>,
    /// A session has failed, so feeds may be named as new that have been named.
    has_failed: bool,
    /// The peer has listed all that it offers.
    is_listed: bool,
    /// The peer claimed to hold nothing.
    is_peer_empty: bool,
    /// When the peer last said something of it.
    progress: Instant,
}

impl Reconciliation {
    /// Begins by saying what our sets are.
    pub(crate) fn new(
        (role, peer): (Role, PeerTag),
        handshake_hash: [u8; 64],
        context: &mut Context<'_>,
    ) -> Self {
        let mut reconciliation = Self {
            role,
            handshake_hash,
            stage: Stage::Agreed,
            say: VecDeque::new(),
            part: Vec::new(),
            base: None,
            stamp: None,
            matches_claim: false,
            is_apart: false,
            generation: 0,
            different: BTreeSet::new(),
            same: None,
            attempt: 0,
            width: 0,
            given: BTreeSet::new(),
            taken: Vec::new(),
            has_failed: false,
            is_listed: false,
            is_peer_empty: false,
            progress: context.now,
        };
        let pin = context.sets.snapshot(context.feeds);
        reconciliation.base = context.sets.known.base(&peer, context.feeds, &pin.roots.heads);
        reconciliation.claim(context, pin);
        reconciliation
    }

    /// Feeds that have grown since the sets were claimed, which is before there is a session that
    /// is told of it.
    pub(super) fn changed_since_claimed(&self, context: &Context<'_>) -> BTreeSet<FeedId> {
        let Stage::Claimed(pin) = &self.stage else { return BTreeSet::new() };
        // If it is too long ago, all feeds will be listed.
        let changed = context.sets.since(pin).unwrap_or_default();
        let is_offered = |feed: &FeedId| context.feeds.get(*feed).is_some_and(Feed::is_offered);
        changed.into_keys().filter(is_offered).collect()
    }

    /// Says it elsewhere: with the body of the claim.
    pub(crate) fn claimed_in_handshake(mut self) -> (Self, Vec<u8>) {
        let claim = self.say.pop_front().map(|(_, body)| body).unwrap_or_default();
        (self, claim)
    }

    /// Says what our sets are.
    fn claim(&mut self, context: &mut Context<'_>, mut pin: Snapshot) {
        self.stamp = (!context.outbox.is_growing()).then(|| context.sets.known.stamp());
        self.generation = context.sets.known.generation();
        let (hash, base) = (&self.handshake_hash, self.base.as_ref());
        let claim = Params::claim(hash, self.role, pin.feeds, &mut pin.roots, base);
        let mut body = Vec::new();
        put(&mut body, &claim);
        self.say.push_back((Kind::Claim, body));
        self.stage = Stage::Claimed(pin);
    }

    /// What is to be said next, up to `bytes_max` bytes of it.
    pub(super) fn next(&mut self, bytes_max: usize) -> Option<(Kind, Vec<u8>)> {
        let (_, body) = self.say.front_mut()?;
        if body.len() <= bytes_max {
            return self.say.pop_front();
        }
        let rest = body.split_off(bytes_max);
        Some((Kind::Part, core::mem::replace(body, rest)))
    }

    /// Whether nothing of it waits to be said.
    pub(super) fn has_sent_all(&self) -> bool {
        self.say.is_empty()
    }

    /// Whether feeds may be announced.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.stage, Stage::Listing(_) | Stage::Agreed)
    }

    /// Whether each side knows all that the other offers.
    pub(super) fn is_over(&self) -> bool {
        self.say.is_empty()
            && match &self.stage {
                Stage::Agreed => true,
                Stage::Listing(listing) => listing.is_done() && self.is_listed,
                Stage::Claimed(_) | Stage::Running(_) => false,
            }
    }

    /// Whether the peer holds just as much as we of each feed that was not named since.
    pub(super) fn sets_equal(&self) -> bool {
        self.is_agreed() && !self.is_apart
    }

    /// Whether the peer holds as much as we of each feed that was not named since, or has refused
    /// it.
    pub(super) fn is_agreed(&self) -> bool {
        matches!(self.stage, Stage::Agreed)
    }

    /// What is left to be listed, if it is listed.
    pub(super) fn listing(&mut self) -> Option<&mut Listing> {
        match &mut self.stage {
            Stage::Listing(listing) if !listing.is_done() => Some(listing),
            _ => None,
        }
    }

    /// The peer has listed all that it offers.
    pub(super) fn listed(&mut self) {
        self.is_listed = true;
    }

    /// Whether the peer held nothing when the connection began.
    pub(super) fn is_peer_empty(&self) -> bool {
        self.is_peer_empty
    }

    /// Bytes of a message of the peer that has not come to its end.
    pub(super) fn part_bytes(&self) -> usize {
        self.part.len()
    }

    /// Since when we wait for the peer to go on.
    pub(super) fn waits_since(&self) -> Option<Instant> {
        matches!(self.stage, Stage::Claimed(_) | Stage::Running(_)).then_some(self.progress)
    }

    /// Leaves the session, whatever it was at.
    fn list(&mut self, sets: &mut Sets) {
        self.fail(sets);
        self.stage = Stage::Listing(Listing::default());
    }

    /// Leaves a session that led nowhere, if it had begun.
    fn fail(&mut self, sets: &mut Sets) {
        self.has_failed |= !matches!(self.stage, Stage::Claimed(_));
        self.leave(sets);
    }

    /// Gives back what the session holds.
    pub(super) fn leave(&mut self, sets: &mut Sets) {
        if let Stage::Running(running) = core::mem::replace(&mut self.stage, Stage::Agreed) {
            sets.lent_bytes -= running.bytes;
        }
    }

    fn on_claim(
        &mut self,
        context: &mut Context<'_>,
        theirs: Claim,
    ) -> Result<StepResult, CloseReason> {
        let pin = match &self.stage {
            Stage::Claimed(pin) => pin.clone(),
            // It was said before the peer knew that we gave up.
            Stage::Listing(_) => return Ok(StepResult::default()),
            _ => return Err(Violation::UnexpectedMessage.into()),
        };
        self.is_peer_empty = theirs.feeds == 0;
        let many = pin.feeds.max(theirs.feeds);
        let is_shared = self.attempt == 0 && many > FRESH_FEEDS_MAX;
        let salt = match is_shared {
            true => Salt::group(context.group.key()),
            false => Salt::fresh(&self.handshake_hash, self.attempt),
        };
        let (handshake_hash, feeds, roots) = (self.handshake_hash, pin.feeds, pin.roots.clone());
        let mut terms = Params { handshake_hash, salt, feeds, roots, theirs };
        let compared = terms.compare(self.role);
        let base = self.base.take();
        if compared == Err(Outcome::Agreed) {
            let digest = terms.roots.heads.digest();
            self.same = self.stamp.map(|stamp| (digest, stamp));
            return Ok(StepResult::end(Outcome::Agreed));
        }
        let base = base.filter(|base| terms.matches_claim(self.role, base));
        self.matches_claim = base.is_some();
        self.is_apart = base.as_ref().is_some_and(|base| !base.sets_equal());
        if let Some(base) = &base
            && !base.sets_equal()
            && base.changed.is_empty()
            && terms.told_changes() == 0
        {
            // They differ by what one of them refuses, as they did when they agreed on that.
            return Ok(StepResult::end(Outcome::Agreed));
        }
        let way = match (base, compared) {
            (Some(base), _) => Strategy::Told(base),
            (None, Ok(set)) => Strategy::Decoded(set),
            (None, Err(outcome)) => return Ok(StepResult::end(outcome)),
        };
        // The peer may go on until it hears that we did not.
        self.width = prefix_bits(terms.responder_feeds(self.role));
        let (picture, bytes) = match picture(context, pin.clone(), &terms, is_shared) {
            Ok(picture) => picture,
            Err(fallback) => return Ok(StepResult::fall_back(fallback)),
        };
        let Context { sets, feeds, group, .. } = context;
        let Ok(view) = SnapshotView::new(&picture, sets, feeds, group) else {
            return Ok(StepResult::fall_back(Fallback::FreshSalt));
        };
        let (machine, turn) = match (way, self.role) {
            (Strategy::Told(base), role) => {
                let (delta, turn) = Delta::new(terms, role, base, &view);
                (State::Known(Box::new(delta)), turn.map_err(reason_of)?)
            }
            (Strategy::Decoded(set), Role::Initiator) => {
                (State::Initiator(Box::new(Initiator::new(terms, set))), StepResult::default())
            }
            (Strategy::Decoded(set), Role::Responder) => {
                let (responder, turn) = Responder::new(terms, set, &view);
                (State::Responder(Box::new(responder)), turn)
            }
        };
        drop(view);
        sets.lent_bytes += bytes;
        let running = Running { machine, pin, picture, bytes };
        self.stage = Stage::Running(Box::new(running));
        Ok(turn)
    }

    /// Takes a message of the session. What belongs to none, because we gave up, is dropped.
    fn take(
        &mut self,
        context: &mut Context<'_>,
        kind: Kind,
        body: &[u8],
    ) -> Result<StepResult, CloseReason> {
        let limit = context.limits.reconcile_bytes;
        if self.part.len().saturating_add(body.len()) > limit {
            return Err(Limit::ReconcileBytes.into());
        }
        if kind == Kind::Part {
            self.part.extend_from_slice(body);
            if body.len() >= PART_BYTES_MIN {
                self.progress = context.now;
            }
            return Ok(StepResult::default());
        }
        let mut whole = core::mem::take(&mut self.part);
        let whole = match whole.is_empty() {
            true => body,
            false => {
                whole.extend_from_slice(body);
                &whole
            }
        };
        let Some(message) = wire::decode(kind, whole, self.width)? else {
            return Ok(StepResult::default());
        };
        let skipped = message.names();
        let Stage::Running(running) = &mut self.stage else {
            let turn = match (&self.stage, message) {
                (Stage::Listing(_), _) => StepResult::default(),
                // Both gave up at once, and its claim follows.
                (Stage::Claimed(_), Message::GiveUp(Fallback::FreshSalt)) => StepResult::default(),
                (Stage::Agreed, Message::GiveUp(Fallback::FreshSalt)) if self.matches_claim => {
                    StepResult::end(Outcome::Retry)
                }
                // For us it was over, and there is nothing to try again with. The peer, which
                // claims anew, has to hear it.
                (Stage::Agreed, Message::GiveUp(Fallback::FreshSalt)) => {
                    StepResult::fall_back(Fallback::List)
                }
                (_, Message::GiveUp(_)) => StepResult::end(Outcome::List),
                _ => StepResult::default(),
            };
            return Ok(StepResult { skipped, ..turn });
        };
        self.progress = context.now;
        let Running { machine, picture, .. } = &mut **running;
        let Ok(view) = SnapshotView::new(picture, context.sets, context.feeds, context.group)
        else {
            return Ok(StepResult { skipped, ..StepResult::fall_back(Fallback::FreshSalt) });
        };
        let turn = match machine {
            State::Initiator(initiator) => initiator.handle(&view, message),
            State::Responder(responder) => responder.handle(&view, message),
            State::Known(delta) => delta.handle(&view, message),
        };
        turn.map_err(reason_of)
    }

    /// Both sets were found to be the same when they were claimed.
    pub(super) fn take_equal_claims(&mut self) -> Option<(Digest, LogPosition)> {
        self.same.take()
    }

    /// If what we want has changed, and the peer named nothing of what it took for refused: both
    /// claim anew, once they have agreed.
    pub(super) fn restart(&mut self, context: &mut Context<'_>) -> bool {
        let is_outdated = self.generation != context.sets.known.generation();
        let is_due = is_outdated && self.matches_claim && self.is_agreed();
        if is_due {
            self.say.push_back(wire::encode(&Message::GiveUp(Fallback::FreshSalt), 0));
            self.claim_unmet(context);
        }
        is_due
    }

    /// Claims anew, and this time the peer counts as unknown.
    fn claim_unmet(&mut self, context: &mut Context<'_>) {
        (self.matches_claim, self.is_apart, self.progress) = (false, false, context.now);
        self.fail(context.sets);
        let pin = context.sets.snapshot(context.feeds);
        self.claim(context, pin);
    }

    /// Queues what is to be said, and ends the session if it has ended. Returns, once both sides
    /// have agreed, which feeds have changed since our sets were claimed, and their lengths then.
    fn end_turn(
        &mut self,
        context: &mut Context<'_>,
        say: &[Message],
        outcome: Option<Outcome>,
    ) -> Option<BTreeMap<FeedId, u64>> {
        let width = self.width;
        self.say.extend(say.iter().map(|message| wire::encode(message, width)));
        match outcome {
            None => (),
            Some(Outcome::Agreed) => {
                let pin = match &self.stage {
                    Stage::Running(running) => Some(&running.pin),
                    Stage::Claimed(pin) => Some(pin),
                    _ => None,
                };
                let changed = pin.and_then(|pin| context.sets.since(pin).ok());
                match changed {
                    Some(_) => self.leave(context.sets),
                    // What they agreed on is too long ago to tell what has become of it.
                    None => self.give_up(context.sets),
                }
                return changed;
            }
            Some(Outcome::Retry) if self.matches_claim => self.claim_unmet(context),
            Some(Outcome::Retry) if self.attempt == 0 => {
                self.attempt = 1;
                self.claim_unmet(context);
            }
            Some(Outcome::Retry | Outcome::List) => self.list(context.sets),
        }
        None
    }

    /// Leaves the session, and says so.
    fn give_up(&mut self, sets: &mut Sets) {
        self.say.push_back(wire::encode(&Message::GiveUp(Fallback::List), 0));
        self.list(sets);
    }
}

/// What a session works on, and the bytes that it takes of what all may take.
fn picture(
    context: &mut Context<'_>,
    pin: Snapshot,
    terms: &Params,
    is_shared: bool,
) -> Result<(SharedSnapshot, usize), Fallback> {
    if is_shared {
        context.sets.sketch(context.group, context.feeds);
        return Ok((SharedSnapshot::Shared(pin), 0));
    }
    let bytes = OwnedSnapshot::bytes_of(pin.feeds, terms.items());
    if context.sets.lent_bytes.saturating_add(bytes) > context.limits.snapshot_bytes {
        return Err(Fallback::List);
    }
    let changed = context.sets.since(&pin).map_err(|_| Fallback::FreshSalt)?;
    let own = OwnedSnapshot::new(terms.salt, terms.items(), context.feeds, &changed);
    Ok((SharedSnapshot::Own(pin, own), bytes))
}

fn reason_of(fault: SessionError) -> CloseReason {
    match fault {
        SessionError::OutOfTurn => Violation::UnexpectedMessage.into(),
        SessionError::Inconsistent => Violation::Inconsistent.into(),
        SessionError::TooMuch => Limit::ReconcileBytes.into(),
    }
}

/// A length that a feed can have.
pub(super) fn check_length(length: u64) -> Result<(), Violation> {
    if length == 0 || length > LENGTH_MAX { Err(Violation::OutOfRange) } else { Ok(()) }
}
