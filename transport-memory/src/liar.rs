//! Nodes that lie.
//!
//! Rule: a liar is a multifeed like any other whose words are twisted on their way out, so it
//! knows what an honest peer would say, and says something else.

mod mask;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use multifeed_core::peer::handshake_claim::{open_claim, seal_claim};
use multifeed_core::rng::Rng;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, put_head, write_frame};
use multifeed_core::wire::multifeed::{
    Claim, FeedRef, HeadEntry, Hello, Kind, RangeMessage, decode, encode_range, put,
};
use multifeed_core::wire::mux::{Batch, MuxMessage, messages};
use multifeed_core::{ConnectionId, Group, KeyPair, PublicKey, Role};

use crate::fault::Fault;
use crate::options::Security;
pub(crate) use mask::Heard;
use mask::{Hearing, Mask};

/// Bytes of a session that are kept to be replayed.
const RECORDING_BYTES_MAX: usize = 64 * 1024;

/// Feeds that a flood names at once.
const FLOOD_FEEDS: usize = 400;

/// Blocks that a range is read with.
const RANGE_BLOCKS_MAX: usize = 4_096;

/// What twists the words of one node.
#[derive(Debug)]
pub(crate) struct Liar {
    lie: Fault,
    group: Group,
    chance: Rng,
    masks: BTreeMap<ConnectionId, Mask>,
    /// What the first connection said, and which one that was.
    recording: Vec<u8>,
    recorded: Option<ConnectionId>,
    /// The laws take it for honest, as they would a multifeed with that fault.
    pub(crate) is_unknown: bool,
    /// A range that was sent already.
    range: Option<Vec<u8>>,
    /// What was first said of our own.
    claim: Option<Vec<u8>>,
}

impl Liar {
    pub(crate) fn new(lie: Fault, group: Group, chance: Rng) -> Self {
        let masks = BTreeMap::new();
        Self {
            lie,
            group,
            chance,
            masks,
            recording: Vec::new(),
            recorded: None,
            is_unknown: false,
            range: None,
            claim: None,
        }
    }

    pub(crate) fn lie(&self) -> Fault {
        self.lie
    }

    /// Begins a connection; appends to `answer` what is to be sent at once.
    pub(crate) fn begin(
        &mut self,
        connection: ConnectionId,
        kind: (Role, Security),
        keys: (&KeyPair, PublicKey),
        answer: &mut BytesMut,
    ) {
        let mask = Mask::new(kind, keys, self.chance.child(), answer);
        self.masks.insert(connection, mask);
    }

    /// A connection is gone.
    pub(crate) fn end(&mut self, connection: ConnectionId) {
        self.masks.remove(&connection);
    }

    /// Takes bytes of a peer.
    pub(crate) fn hear(&mut self, connection: ConnectionId, bytes: &[u8]) -> Heard {
        let hearing = match self.lie {
            Fault::Overrun => Hearing::LargeGrants,
            Fault::FeedFlood => Hearing::NoRequests,
            _ => Hearing::All,
        };
        let mask = self.masks.get_mut(&connection);
        mask.map(|mask| mask.hear(&self.group, bytes, hearing)).unwrap_or_default()
    }

    /// Twists what leaves on a connection, and tells how many lies are in it. What belongs to a
    /// frame that has not ended waits.
    pub(crate) fn twist(&mut self, connection: ConnectionId, bytes: &[u8]) -> (Bytes, u64) {
        let mask = self.masks.get_mut(&connection);
        let frames = mask.map(|mask| mask.take_said(bytes)).unwrap_or_default();
        let (mut out, mut lies) = (BytesMut::new(), 0);
        for frame in frames {
            lies += u64::from(self.twist_frame(connection, &frame, &mut out));
        }
        let mask = self.masks.get_mut(&connection);
        let out = mask.map(|mask| mask.seal(out)).unwrap_or_default();
        (out.freeze(), lies)
    }

    fn twist_frame(&mut self, id: ConnectionId, frame: &[u8], out: &mut BytesMut) -> bool {
        match self.lie {
            Fault::Garbage => {
                let mut bytes = vec![0; frame.len().max(1)];
                self.chance.fill(&mut bytes);
                return write_frame(out, &bytes).is_ok();
            }
            // Under a seal, what is too large is the lengths of feeds alone.
            Fault::OversizedLength if !self.is_sealed(id) && self.chance.below(4) == 0 => {
                return put_head(out, FRAME_SIZE_MAX).is_ok();
            }
            Fault::ReplayedSession => return self.replay(id, frame, out),
            _ => (),
        }
        let (mut batch, mut has_lied, mut is_hello) = (Batch::new(), false, false);
        for message in messages(frame).filter_map(Result::ok) {
            is_hello |= matches!(message, MuxMessage::Open { .. });
            has_lied |= self.twist_message(id, &message, &mut batch) || self.overruns(id, &message);
        }
        // Before the hello is answered a frame is short, and a flood would not be heard.
        if self.lie == Fault::FeedFlood && !is_hello {
            batch.push(&MuxMessage::Message { channel: 1, kind: 0, body: &self.flood() });
            has_lied = true;
        }
        // What an honest peer said fitted a frame; if a lie does not, it stays unsaid.
        let words = batch.take().unwrap_or_default();
        write_frame(out, &words).is_ok() && has_lied
    }

    fn is_sealed(&self, connection: ConnectionId) -> bool {
        self.masks.get(&connection).is_some_and(Mask::is_sealed)
    }

    /// Whether a message is a range that the peer has not granted.
    fn overruns(&mut self, connection: ConnectionId, message: &MuxMessage<'_>) -> bool {
        let (Some(mask), MuxMessage::Message { kind, body, .. }) =
            (self.masks.get_mut(&connection), message)
        else {
            return false;
        };
        let is_range = Kind::of(*kind) == Some(Kind::Range);
        self.lie == Fault::Overrun && is_range && mask.overruns(body.len())
    }

    /// Puts a message into the batch, or another one in its place. Returns whether it is a lie.
    fn twist_message(
        &mut self,
        id: ConnectionId,
        message: &MuxMessage<'_>,
        batch: &mut Batch,
    ) -> bool {
        let twisted = match *message {
            MuxMessage::Open { handshake, .. } => {
                return self.twist_hello(id, message, handshake, batch);
            }
            MuxMessage::Message { kind, body, .. } => match Kind::of(kind) {
                Some(Kind::Range) => self.twist_range(body),
                Some(Kind::Heads) if self.lie == Fault::OversizedLength => {
                    Twisted::Into(heads(body))
                }
                Some(Kind::Claim) => self.twist_claim(id, body),
                Some(Kind::Cells) if self.lie == Fault::GarbageCells => {
                    Twisted::Into(self.garbage_cells(body))
                }
                Some(kind) if self.lie == Fault::StalledReconcile && is_next(kind) => Twisted::Away,
                _ => Twisted::Not,
            },
            _ => Twisted::Not,
        };
        match (twisted, *message) {
            (Twisted::Into(body), MuxMessage::Message { channel, kind, .. }) => {
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
                true
            }
            (Twisted::Again(body), MuxMessage::Message { channel, kind, .. }) => {
                batch.push(message);
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
                true
            }
            (Twisted::Away, _) => true,
            _ => {
                batch.push(message);
                false
            }
        }
    }

    fn twist_range(&mut self, body: &[u8]) -> Twisted {
        let Ok(mut range) = RangeMessage::decode(body, RANGE_BLOCKS_MAX) else {
            return Twisted::Not;
        };
        let mut blocks: Vec<Vec<u8>> = range.blocks.iter().map(|block| block.to_vec()).collect();
        match self.lie {
            Fault::ForgedBlock => match blocks.last_mut().and_then(|block| block.first_mut()) {
                Some(byte) => *byte ^= 1,
                None => return Twisted::Not,
            },
            Fault::ForgedSignature => range.header.signature.0[7] ^= 1,
            Fault::ForgedProof => match range.nodes.last_mut() {
                Some((_, hash)) => hash[0] ^= 1,
                None => range.header.head_length += 1,
            },
            Fault::NeverAnswers => return Twisted::Away,
            Fault::Unasked => {
                let before = self.range.replace(body.to_vec());
                return before.map_or(Twisted::Not, Twisted::Again);
            }
            _ => return Twisted::Not,
        }
        Twisted::Into(encode_range(&range.header, range.nodes.into_iter(), &blocks))
    }

    fn twist_claim(&mut self, id: ConnectionId, body: &[u8]) -> Twisted {
        match (self.lie, decode::<Claim>(body)) {
            (Fault::WrongCounts, Ok(claim)) => {
                let mut twisted = Vec::new();
                put(
                    &mut twisted,
                    &Claim { feeds: claim.feeds + 1 + self.chance.below(9), ..claim },
                );
                Twisted::Into(twisted)
            }
            (Fault::ReflectedRoot, _) => {
                let claim = self.masks.get(&id).and_then(Mask::claim);
                claim.map_or(Twisted::Not, |claim| Twisted::Into(claim.to_vec()))
            }
            (Fault::ReplayedClaim, _) => match &self.claim {
                Some(claim) => Twisted::Into(claim.clone()),
                None => {
                    self.claim = Some(body.to_vec());
                    Twisted::Not
                }
            },
            _ => Twisted::Not,
        }
    }

    /// As many cells from the same one on, and nothing of what they were.
    fn garbage_cells(&mut self, body: &[u8]) -> Vec<u8> {
        let mut twisted = body.to_vec();
        if let Ok((set, start)) = decode::<(u8, u32)>(body) {
            let mut head = Vec::new();
            put(&mut head, &(set, start));
            self.chance.fill(&mut twisted[head.len()..]);
        }
        twisted
    }

    fn twist_hello(
        &mut self,
        connection: ConnectionId,
        message: &MuxMessage<'_>,
        handshake: &[u8],
        batch: &mut Batch,
    ) -> bool {
        let (Ok(mut hello), MuxMessage::Open { local_id, protocol, id, .. }) =
            (decode::<Hello>(handshake), *message)
        else {
            batch.push(message);
            return false;
        };
        let is_wrong = self.lie == Fault::WrongCapability;
        hello.capability[0] ^= u8::from(is_wrong);
        let has_lied = self.twist_early(connection, &mut hello.claim) || is_wrong;
        let mut handshake = Vec::new();
        put(&mut handshake, &hello);
        batch.push(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
        has_lied
    }

    /// The claim in an initiator's hello: its maker is a member, and can seal another one.
    fn twist_early(&mut self, connection: ConnectionId, sealed: &mut Vec<u8>) -> bool {
        let mask = self.masks.get(&connection);
        let Some(hash) = mask.and_then(Mask::handshake_hash).copied() else { return false };
        let Some(claim) = open_claim(&self.group, &hash, sealed) else { return false };
        let Twisted::Into(claim) = self.twist_claim(connection, &claim) else { return false };
        *sealed = seal_claim(&self.group, &hash, &claim);
        true
    }

    /// The first connection speaks for itself; each later one says what the first one said.
    fn replay(&mut self, id: ConnectionId, frame: &[u8], out: &mut BytesMut) -> bool {
        if *self.recorded.get_or_insert(id) != id {
            out.extend_from_slice(&std::mem::take(&mut self.recording));
            return true;
        }
        let before = out.len();
        let is_written = write_frame(out, frame).is_ok();
        if is_written && self.recording.len() < RECORDING_BYTES_MAX {
            self.recording.extend_from_slice(&out[before..]);
        }
        false
    }

    fn flood(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        for _ in 0..FLOOD_FEEDS {
            let name = FeedRef::New(PublicKey(self.chance.array()));
            put(&mut body, &HeadEntry { name, length: 1 + self.chance.below(9), fork: 0 });
        }
        body
    }
}

/// What became of a message.
enum Twisted {
    Not,
    Into(Vec<u8>),
    /// It is said, and this once more.
    Again(Vec<u8>),
    Away,
}

/// Whether a message brings a reconciliation forward that has begun.
fn is_next(kind: Kind) -> bool {
    matches!(kind, Kind::Cells | Kind::More | Kind::Different | Kind::Entries | Kind::Changed)
}

/// Heads of lengths that cannot be.
fn heads(body: &[u8]) -> Vec<u8> {
    let mut twisted = Vec::new();
    for entry in multifeed_core::wire::multifeed::entries::<HeadEntry>(body) {
        let Ok(entry) = entry else { break };
        put(&mut twisted, &HeadEntry { length: u64::MAX, ..entry });
    }
    twisted
}
