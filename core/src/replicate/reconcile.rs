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
use crate::error::{Limit, Reason, Violation};
use crate::feed::Feed;
use crate::feed::tree::LENGTH_MAX;
use crate::id::{FeedId, Role};
use crate::reconcile::Listing;
use crate::reconcile::known::{Base, Digest, PeerName, Stamp};
use crate::reconcile::session::{
    Delta, Fallback, Fault, Initiator, Message, Outcome, Responder, Terms, Turn, prefix_bits,
};
use crate::reconcile::sets::{Pin, Sets};
use crate::reconcile::token::{Salt, SetKind};
use crate::reconcile::view::{Picture, Pictured, Snapshot};
use crate::time::Instant;
use crate::wire::multifeed::{Claim, Kind, put};
use crate::wire::reconcile as wire;

/// Up to so many feeds both sides make a sketch under a salt that nobody else knew before: 2 ms.
/// Above, the one under the group's salt serves everybody.
const FRESH_FEEDS_MAX: u64 = 16_384;

/// A part of fewer bytes is no progress: each but the last of a message fills a frame.
const PART_BYTES_MIN: usize = 1_024;

/// What one side of a session does.
#[derive(Debug)]
enum Machine {
    Initiator(Box<Initiator>),
    Responder(Box<Responder>),
    Known(Box<Delta>),
}

/// How a session finds out what differs.
#[derive(Debug)]
enum Way {
    /// Each side tells what has changed since both knew all of each other.
    Told(Base),
    /// From cells.
    Decoded(SetKind),
}

/// A session that is under way.
#[derive(Debug)]
struct Running {
    machine: Machine,
    pin: Pin,
    picture: Picture,
    /// Bytes that the picture takes of [`Sets::lent_bytes`].
    bytes: usize,
}

/// How far two sides are.
#[derive(Debug)]
enum Stage {
    /// We have claimed what our sets are; the peer has not.
    Claimed(Pin),
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
    base: Option<Base>,
    /// When the sets were claimed, if nothing was on its way to the store then.
    stamp: Option<Stamp>,
    /// The peer remembers the same: what was agreed on, or is being, rests on that.
    is_met: bool,
    /// When that was agreed on, one side had refused what the other held.
    is_apart: bool,
    /// What we wanted of peers when the sets were claimed.
    generation: u64,
    /// Feeds that differ, as far as this was found out in the latest session.
    different: BTreeSet<FeedId>,
    /// Both sets were found to be the same.
    same: Option<(Digest, Stamp)>,
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
        (role, peer): (Role, PeerName),
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
            is_met: false,
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
        let pin = context.sets.pin(context.feeds);
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
    pub(crate) fn claimed_early(mut self) -> (Self, Vec<u8>) {
        let claim = self.say.pop_front().map(|(_, body)| body).unwrap_or_default();
        (self, claim)
    }

    /// Says what our sets are.
    fn claim(&mut self, context: &mut Context<'_>, mut pin: Pin) {
        self.stamp = (!context.outbox.is_growing()).then(|| context.sets.known.stamp());
        self.generation = context.sets.known.generation();
        let (hash, base) = (&self.handshake_hash, self.base.as_ref());
        let claim = Terms::claim(hash, self.role, pin.feeds, &mut pin.roots, base);
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
    pub(super) fn has_said_all(&self) -> bool {
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
    pub(super) fn is_alike(&self) -> bool {
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

    fn take_claim(&mut self, context: &mut Context<'_>, theirs: Claim) -> Result<Turn, Reason> {
        let pin = match &self.stage {
            Stage::Claimed(pin) => pin.clone(),
            // It was said before the peer knew that we gave up.
            Stage::Listing(_) => return Ok(Turn::default()),
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
        let mut terms = Terms { handshake_hash, salt, feeds, roots, theirs };
        let compared = terms.compare(self.role);
        let base = self.base.take();
        if compared == Err(Outcome::Agreed) {
            let digest = terms.roots.heads.digest();
            self.same = self.stamp.map(|stamp| (digest, stamp));
            return Ok(Turn::end(Outcome::Agreed));
        }
        let base = base.filter(|base| terms.is_met(self.role, base));
        self.is_met = base.is_some();
        self.is_apart = base.as_ref().is_some_and(|base| !base.is_alike());
        if let Some(base) = &base
            && !base.is_alike()
            && base.changed.is_empty()
            && terms.told_changes() == 0
        {
            // They differ by what one of them refuses, as they did when they agreed on that.
            return Ok(Turn::end(Outcome::Agreed));
        }
        let way = match (base, compared) {
            (Some(base), _) => Way::Told(base),
            (None, Ok(set)) => Way::Decoded(set),
            (None, Err(outcome)) => return Ok(Turn::end(outcome)),
        };
        // The peer may go on until it hears that we did not.
        self.width = prefix_bits(terms.responder_feeds(self.role));
        let (picture, bytes) = match picture(context, pin.clone(), &terms, is_shared) {
            Ok(picture) => picture,
            Err(fallback) => return Ok(Turn::give_up(fallback)),
        };
        let Context { sets, feeds, group, .. } = context;
        let Ok(view) = Pictured::new(&picture, sets, feeds, group) else {
            return Ok(Turn::give_up(Fallback::Again));
        };
        let (machine, turn) = match (way, self.role) {
            (Way::Told(base), role) => {
                let (delta, turn) = Delta::new(terms, role, base, &view);
                (Machine::Known(Box::new(delta)), turn.map_err(reason_of)?)
            }
            (Way::Decoded(set), Role::Initiator) => {
                (Machine::Initiator(Box::new(Initiator::new(terms, set))), Turn::default())
            }
            (Way::Decoded(set), Role::Responder) => {
                let (responder, turn) = Responder::new(terms, set, &view);
                (Machine::Responder(Box::new(responder)), turn)
            }
        };
        drop(view);
        sets.lent_bytes += bytes;
        let running = Running { machine, pin, picture, bytes };
        self.stage = Stage::Running(Box::new(running));
        Ok(turn)
    }

    /// Takes a message of the session. What belongs to none, because we gave up, is dropped.
    fn take(&mut self, context: &mut Context<'_>, kind: Kind, body: &[u8]) -> Result<Turn, Reason> {
        let limit = context.limits.reconcile_bytes;
        if self.part.len().saturating_add(body.len()) > limit {
            return Err(Limit::ReconcileBytes.into());
        }
        if kind == Kind::Part {
            self.part.extend_from_slice(body);
            if body.len() >= PART_BYTES_MIN {
                self.progress = context.now;
            }
            return Ok(Turn::default());
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
            return Ok(Turn::default());
        };
        let skipped = message.names();
        let Stage::Running(running) = &mut self.stage else {
            let turn = match (&self.stage, message) {
                (Stage::Listing(_), _) => Turn::default(),
                // Both gave up at once, and its claim follows.
                (Stage::Claimed(_), Message::GiveUp(Fallback::Again)) => Turn::default(),
                (Stage::Agreed, Message::GiveUp(Fallback::Again)) if self.is_met => {
                    Turn::end(Outcome::Again)
                }
                // For us it was over, and there is nothing to try again with. The peer, which
                // claims anew, has to hear it.
                (Stage::Agreed, Message::GiveUp(Fallback::Again)) => Turn::give_up(Fallback::List),
                (_, Message::GiveUp(_)) => Turn::end(Outcome::List),
                _ => Turn::default(),
            };
            return Ok(Turn { skipped, ..turn });
        };
        self.progress = context.now;
        let Running { machine, picture, .. } = &mut **running;
        let Ok(view) = Pictured::new(picture, context.sets, context.feeds, context.group) else {
            return Ok(Turn { skipped, ..Turn::give_up(Fallback::Again) });
        };
        let turn = match machine {
            Machine::Initiator(initiator) => initiator.handle(&view, message),
            Machine::Responder(responder) => responder.handle(&view, message),
            Machine::Known(delta) => delta.handle(&view, message),
        };
        turn.map_err(reason_of)
    }

    /// Both sets were found to be the same when they were claimed.
    pub(super) fn take_same(&mut self) -> Option<(Digest, Stamp)> {
        self.same.take()
    }

    /// If what we want has changed, and the peer named nothing of what it took for refused: both
    /// claim anew, once they have agreed.
    pub(super) fn begin_again(&mut self, context: &mut Context<'_>) -> bool {
        let is_outdated = self.generation != context.sets.known.generation();
        let is_due = is_outdated && self.is_met && self.is_agreed();
        if is_due {
            self.say.push_back(wire::encode(&Message::GiveUp(Fallback::Again), 0));
            self.claim_unmet(context);
        }
        is_due
    }

    /// Claims anew, and this time the peer counts as unknown.
    fn claim_unmet(&mut self, context: &mut Context<'_>) {
        (self.is_met, self.is_apart, self.progress) = (false, false, context.now);
        self.fail(context.sets);
        let pin = context.sets.pin(context.feeds);
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
            Some(Outcome::Again) if self.is_met => self.claim_unmet(context),
            Some(Outcome::Again) if self.attempt == 0 => {
                self.attempt = 1;
                self.claim_unmet(context);
            }
            Some(Outcome::Again | Outcome::List) => self.list(context.sets),
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
    pin: Pin,
    terms: &Terms,
    is_shared: bool,
) -> Result<(Picture, usize), Fallback> {
    if is_shared {
        context.sets.sketch(context.group, context.feeds);
        return Ok((Picture::Shared(pin), 0));
    }
    let bytes = Snapshot::bytes_of(pin.feeds, terms.items());
    if context.sets.lent_bytes.saturating_add(bytes) > context.limits.snapshot_bytes {
        return Err(Fallback::List);
    }
    let changed = context.sets.since(&pin).map_err(|_| Fallback::Again)?;
    let own = Snapshot::new(terms.salt, terms.items(), context.feeds, &changed);
    Ok((Picture::Own(pin, own), bytes))
}

fn reason_of(fault: Fault) -> Reason {
    match fault {
        Fault::OutOfTurn => Violation::UnexpectedMessage.into(),
        Fault::Inconsistent => Violation::Inconsistent.into(),
        Fault::TooMuch => Limit::ReconcileBytes.into(),
    }
}

/// A length that a feed can have.
pub(super) fn check_length(length: u64) -> Result<(), Violation> {
    if length == 0 || length > LENGTH_MAX { Err(Violation::OutOfRange) } else { Ok(()) }
}
