//! Nodes that break the protocol on purpose.
//!
//! Rule: an adversary is an ordinary multifeed whose output is rewritten before it leaves, so every
//! attack starts from what an honest peer would send.

mod mitm;

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use multifeed_core::peer::handshake_claim::{open_claim, seal_claim};
use multifeed_core::rng::Rng;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, put_head, write_frame};
use multifeed_core::wire::multifeed::{
    Claim, FeedRef, HeadEntry, Hello, Kind, RangeMessage, decode, encode_range, put,
};
use multifeed_core::wire::mux::{Batch, MuxMessage, messages};
use multifeed_core::{ConnectionId, Group, PublicKey};

use crate::fault::Fault;
pub(crate) use mitm::{Endpoint, Intercepted};
use mitm::{Filter, Mitm};

/// Bytes of a session kept for a replay.
const RECORDING_BYTES_MAX: usize = 64 * 1024;

/// Feeds offered at once by a flood.
const FLOOD_FEEDS: usize = 400;

/// Most blocks of a decoded range.
const RANGE_BLOCKS_MAX: usize = 4_096;

/// Rewrites the output of one node.
#[derive(Debug)]
pub(crate) struct Adversary {
    fault: Fault,
    group: Group,
    rng: Rng,
    mitms: BTreeMap<ConnectionId, Mitm>,
    /// The output of the first connection, and its id.
    recording: Vec<u8>,
    recorded: Option<ConnectionId>,
    /// The laws treat it as honest, like a multifeed with this fault.
    pub(crate) counts_as_honest: bool,
    /// A range that was sent already.
    range: Option<Vec<u8>>,
    /// The first claim that this node sent.
    claim: Option<Vec<u8>>,
}

impl Adversary {
    pub(crate) fn new(fault: Fault, group: Group, rng: Rng) -> Self {
        let mitms = BTreeMap::new();
        Self {
            fault,
            group,
            rng,
            mitms,
            recording: Vec::new(),
            recorded: None,
            counts_as_honest: false,
            range: None,
            claim: None,
        }
    }

    pub(crate) fn fault(&self) -> Fault {
        self.fault
    }

    /// Starts a connection; appends to `answer` what must be sent immediately.
    pub(crate) fn begin(
        &mut self,
        connection: ConnectionId,
        endpoint: &Endpoint<'_>,
        answer: &mut BytesMut,
    ) {
        let mitm = Mitm::new(&self.group, endpoint, self.rng.child(), answer);
        self.mitms.insert(connection, mitm);
    }

    /// A connection is gone.
    pub(crate) fn end(&mut self, connection: ConnectionId) {
        self.mitms.remove(&connection);
    }

    /// Takes bytes from a peer.
    pub(crate) fn receive(&mut self, connection: ConnectionId, bytes: &[u8]) -> Intercepted {
        let filter = match self.fault {
            Fault::Overrun => Filter::LargeGrants,
            Fault::FeedFlood => Filter::NoRequests,
            _ => Filter::All,
        };
        let mitm = self.mitms.get_mut(&connection);
        mitm.map(|mitm| mitm.receive(&self.group, bytes, filter)).unwrap_or_default()
    }

    /// Rewrites the output of a connection. Returns it with the number of faults in it. An
    /// incomplete frame is kept.
    pub(crate) fn rewrite(&mut self, connection: ConnectionId, bytes: &[u8]) -> (Bytes, u64) {
        let mitm = self.mitms.get_mut(&connection);
        let frames = mitm.map(|mitm| mitm.outgoing_frames(bytes)).unwrap_or_default();
        let (mut out, mut faults) = (BytesMut::new(), 0);
        for frame in frames {
            faults += u64::from(self.rewrite_frame(connection, &frame, &mut out));
        }
        let mitm = self.mitms.get_mut(&connection);
        let out = mitm.map(|mitm| mitm.seal(out)).unwrap_or_default();
        (out.freeze(), faults)
    }

    fn rewrite_frame(&mut self, id: ConnectionId, frame: &[u8], out: &mut BytesMut) -> bool {
        match self.fault {
            Fault::Garbage => {
                let mut bytes = vec![0; frame.len().max(1)];
                self.rng.fill(&mut bytes);
                return write_frame(out, &bytes).is_ok();
            }
            // On an encrypted stream, only the lengths of feeds can be too large.
            Fault::OversizedLength if !self.is_sealed(id) && self.rng.below(4) == 0 => {
                return put_head(out, FRAME_SIZE_MAX).is_ok();
            }
            Fault::ReplayedSession => return self.replay(id, frame, out),
            _ => (),
        }
        let (mut batch, mut is_changed, mut is_hello) = (Batch::new(), false, false);
        for message in messages(frame).filter_map(Result::ok) {
            is_hello |= matches!(message, MuxMessage::Open { .. });
            is_changed |=
                self.rewrite_message(id, &message, &mut batch) || self.overruns(id, &message);
        }
        // Before the hello is answered, frames are short, and a flood would be rejected for its
        // length.
        if self.fault == Fault::FeedFlood && !is_hello {
            batch.push(&MuxMessage::Message { channel: 1, kind: 0, body: &self.flood() });
            is_changed = true;
        }
        // A rewritten message that no longer fits a frame is dropped.
        let words = batch.take().unwrap_or_default();
        write_frame(out, &words).is_ok() && is_changed
    }

    fn is_sealed(&self, connection: ConnectionId) -> bool {
        self.mitms.get(&connection).is_some_and(Mitm::is_sealed)
    }

    /// Whether a message is a range beyond the peer's credit.
    fn overruns(&mut self, connection: ConnectionId, message: &MuxMessage<'_>) -> bool {
        let (Some(mitm), MuxMessage::Message { kind, body, .. }) =
            (self.mitms.get_mut(&connection), message)
        else {
            return false;
        };
        let is_range = Kind::of(*kind) == Some(Kind::Range);
        self.fault == Fault::Overrun && is_range && mitm.overruns(body.len())
    }

    /// Adds a message or its replacement to the batch. Returns whether it was changed.
    fn rewrite_message(
        &mut self,
        id: ConnectionId,
        message: &MuxMessage<'_>,
        batch: &mut Batch,
    ) -> bool {
        let rewritten = match *message {
            MuxMessage::Open { handshake, .. } => {
                return self.rewrite_hello(id, message, handshake, batch);
            }
            MuxMessage::Message { kind, body, .. } => match Kind::of(kind) {
                Some(Kind::Range) => self.rewrite_range(body),
                Some(Kind::Heads) if self.fault == Fault::OversizedLength => {
                    Rewrite::Replace(heads(body))
                }
                Some(Kind::Claim) => self.rewrite_claim(id, body),
                Some(Kind::Cells) if self.fault == Fault::GarbageCells => {
                    Rewrite::Replace(self.garbage_cells(body))
                }
                Some(kind) if self.fault == Fault::StalledReconcile && is_next(kind) => {
                    Rewrite::Drop
                }
                _ => Rewrite::Keep,
            },
            _ => Rewrite::Keep,
        };
        match (rewritten, *message) {
            (Rewrite::Replace(body), MuxMessage::Message { channel, kind, .. }) => {
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
                true
            }
            (Rewrite::Repeat(body), MuxMessage::Message { channel, kind, .. }) => {
                batch.push(message);
                batch.push(&MuxMessage::Message { channel, kind, body: &body });
                true
            }
            (Rewrite::Drop, _) => true,
            _ => {
                batch.push(message);
                false
            }
        }
    }

    fn rewrite_range(&mut self, body: &[u8]) -> Rewrite {
        let Ok(mut range) = RangeMessage::decode(body, RANGE_BLOCKS_MAX) else {
            return Rewrite::Keep;
        };
        let mut blocks: Vec<Vec<u8>> = range.blocks.iter().map(|block| block.to_vec()).collect();
        match self.fault {
            Fault::ForgedBlock => match blocks.last_mut().and_then(|block| block.first_mut()) {
                Some(byte) => *byte ^= 1,
                None => return Rewrite::Keep,
            },
            Fault::ForgedSignature => range.header.signature.0[7] ^= 1,
            Fault::ForgedProof => match range.nodes.last_mut() {
                Some((_, hash)) => hash[0] ^= 1,
                None => range.header.head_length += 1,
            },
            Fault::NeverAnswers => return Rewrite::Drop,
            Fault::Unasked => {
                let before = self.range.replace(body.to_vec());
                return before.map_or(Rewrite::Keep, Rewrite::Repeat);
            }
            _ => return Rewrite::Keep,
        }
        Rewrite::Replace(encode_range(&range.header, range.nodes.into_iter(), &blocks))
    }

    fn rewrite_claim(&mut self, id: ConnectionId, body: &[u8]) -> Rewrite {
        match (self.fault, decode::<Claim>(body)) {
            (Fault::WrongCounts, Ok(claim)) => {
                let mut rewritten = Vec::new();
                put(&mut rewritten, &Claim { feeds: claim.feeds + 1 + self.rng.below(9), ..claim });
                Rewrite::Replace(rewritten)
            }
            (Fault::ReflectedRoot, _) => {
                let claim = self.mitms.get(&id).and_then(Mitm::claim);
                claim.map_or(Rewrite::Keep, |claim| Rewrite::Replace(claim.to_vec()))
            }
            (Fault::ReplayedClaim, _) => match &self.claim {
                Some(claim) => Rewrite::Replace(claim.clone()),
                None => {
                    self.claim = Some(body.to_vec());
                    Rewrite::Keep
                }
            },
            _ => Rewrite::Keep,
        }
    }

    /// The same number of cells from the same position, with random contents.
    fn garbage_cells(&mut self, body: &[u8]) -> Vec<u8> {
        let mut rewritten = body.to_vec();
        if let Ok((set, start)) = decode::<(u8, u32)>(body) {
            let mut head = Vec::new();
            put(&mut head, &(set, start));
            self.rng.fill(&mut rewritten[head.len()..]);
        }
        rewritten
    }

    fn rewrite_hello(
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
        let is_wrong = self.fault == Fault::WrongCapability;
        hello.capability[0] ^= u8::from(is_wrong);
        let is_changed = self.rewrite_handshake_claim(connection, &mut hello.claim) || is_wrong;
        let mut handshake = Vec::new();
        put(&mut handshake, &hello);
        batch.push(&MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
        is_changed
    }

    /// Rewrites the claim in an initiator's hello; as a member, this node can encrypt another one.
    fn rewrite_handshake_claim(&mut self, connection: ConnectionId, sealed: &mut Vec<u8>) -> bool {
        let mitm = self.mitms.get(&connection);
        let Some(hash) = mitm.and_then(Mitm::handshake_hash).copied() else { return false };
        let Some(claim) = open_claim(&self.group, &hash, sealed) else { return false };
        let Rewrite::Replace(claim) = self.rewrite_claim(connection, &claim) else { return false };
        *sealed = seal_claim(&self.group, &hash, &claim);
        true
    }

    /// The first connection is recorded; each later one repeats its bytes.
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
            let name = FeedRef::New(PublicKey(self.rng.array()));
            put(&mut body, &HeadEntry { name, length: 1 + self.rng.below(9), fork: 0 });
        }
        body
    }
}

/// What happens to a message.
enum Rewrite {
    Keep,
    Replace(Vec<u8>),
    /// Sends the message and then this one.
    Repeat(Vec<u8>),
    Drop,
}

/// Whether a message continues a reconciliation that has started.
fn is_next(kind: Kind) -> bool {
    matches!(kind, Kind::Cells | Kind::More | Kind::Different | Kind::Entries | Kind::Changed)
}

/// Heads with impossible lengths.
fn heads(body: &[u8]) -> Vec<u8> {
    let mut rewritten = Vec::new();
    for entry in multifeed_core::wire::multifeed::entries::<HeadEntry>(body) {
        let Ok(entry) = entry else { break };
        put(&mut rewritten, &HeadEntry { length: u64::MAX, ..entry });
    }
    rewritten
}
