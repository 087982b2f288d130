//! What stands between a liar's multifeed and its peer on one connection.
//!
//! Rule: towards the peer it makes the handshake as it should and seals what it says, so a lie
//! comes out of the seal as whole as the truth; the multifeed behind it sees frames in the clear.

use bytes::BytesMut;
use multifeed_core::peer::handshake_claim::open_claim;
use multifeed_core::peer::secure::{Received, SecretStream};
use multifeed_core::rng::Rng;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, FrameReader, write_frame};
use multifeed_core::wire::multifeed::{Hello, Kind, decode, put};
use multifeed_core::wire::mux::{Batch, MuxMessage, messages};
use multifeed_core::{Group, KeyPair, PublicKey, Role};

use crate::options::Security;

/// What an overrunning liar takes itself to be granted.
const WINDOW_CLAIMED: u64 = 1 << 40;

/// The mask of one connection.
#[derive(Debug)]
pub(super) struct Mask {
    stream: SecretStream,
    /// What its multifeed says, up to a whole frame.
    said: FrameReader,
    is_sealed: bool,
    /// Bytes of ranges that the peer granted and that were not sent yet.
    window: u64,
    /// What the peer said of its sets.
    claim: Option<Vec<u8>>,
}

/// What a liar heard.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// The peer is known: its multifeed is to be told of the connection.
    pub(crate) opened: Option<([u8; 64], PublicKey)>,
    /// For its multifeed, in frames in the clear.
    pub(crate) frames: BytesMut,
    /// For the peer: what a handshake answers.
    pub(crate) answer: BytesMut,
}

/// What of its peer's words a liar's multifeed gets to hear.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Hearing {
    All,
    /// That it is granted far more than it is.
    LargeGrants,
    /// Nothing of what the peer wants or refuses: names that it never gave would startle it.
    NoRequests,
}

impl Mask {
    /// Puts it on; appends to `answer` what begins a handshake.
    pub(super) fn new(
        (role, security): (Role, Security),
        (key_pair, remote): (&KeyPair, PublicKey),
        chance: Rng,
        answer: &mut BytesMut,
    ) -> Self {
        let max = FRAME_SIZE_MAX;
        let stream = match (security, role) {
            (Security::Plain, _) => SecretStream::clear([0; 64], remote, role, max),
            (Security::Noise, Role::Initiator) => {
                SecretStream::initiator(key_pair, chance, max, answer)
            }
            (Security::Noise, Role::Responder) => SecretStream::responder(key_pair, chance, max),
        };
        let (said, is_sealed) = (FrameReader::new(max), security == Security::Noise);
        Self { stream, said, is_sealed, window: 0, claim: None }
    }

    /// Takes bytes of the peer. After a fault of the stream nothing more is heard.
    pub(super) fn hear(&mut self, group: &Group, bytes: &[u8], hearing: Hearing) -> Heard {
        let mut heard = Heard::default();
        self.stream.push_bytes(bytes);
        while let Ok(Some(received)) = self.stream.next(&mut heard.answer) {
            // What fitted a frame fits one again.
            _ = match received {
                Received::Opened { handshake_hash, remote } => {
                    heard.opened = Some((handshake_hash, remote));
                    Ok(())
                }
                Received::KeepAlive => write_frame(&mut heard.frames, &[]),
                Received::Message(frame) => {
                    let frame = self.misheard(group, &frame, hearing).unwrap_or(frame);
                    write_frame(&mut heard.frames, &frame)
                }
            };
        }
        heard
    }

    /// Notes what the peer grants. Returns another frame if it is to be heard otherwise.
    fn misheard(&mut self, group: &Group, frame: &[u8], hearing: Hearing) -> Option<BytesMut> {
        let (mut batch, mut is_changed) = (Batch::new(), false);
        for message in messages(frame).filter_map(Result::ok) {
            if let MuxMessage::Message { kind, body, .. } = message
                && Kind::of(kind) == Some(Kind::WindowCredit)
            {
                self.window = self.window.saturating_add(decode::<u64>(body).unwrap_or(0));
            }
            if let MuxMessage::Message { kind, body, .. } = message
                && Kind::of(kind) == Some(Kind::Claim)
            {
                self.claim = Some(body.to_vec());
            }
            if let MuxMessage::Message { kind, .. } = message
                && matches!(Kind::of(kind), Some(Kind::Wants | Kind::Rejects))
                && hearing == Hearing::NoRequests
            {
                is_changed = true;
                continue;
            }
            if let MuxMessage::Open { local_id, protocol, id, handshake } = message
                && let Ok(hello) = decode::<Hello>(handshake)
            {
                self.window = hello.window;
                let hash = self.stream.handshake_hash();
                let early = hash.and_then(|hash| open_claim(group, hash, &hello.claim));
                self.claim = early.or(self.claim.take());
                let is_larger = hearing == Hearing::LargeGrants;
                let window = if is_larger { WINDOW_CLAIMED } else { hello.window };
                is_changed |= is_larger;
                let mut handshake = Vec::new();
                put(&mut handshake, &Hello { window, ..hello });
                let handshake = &handshake;
                batch.push(&MuxMessage::Open { local_id, protocol, id, handshake });
            } else {
                batch.push(&message);
            }
        }
        is_changed.then(|| batch.take().unwrap_or_default())
    }

    /// A range leaves: whether it is more than the peer granted.
    pub(super) fn overruns(&mut self, bytes: usize) -> bool {
        let left = self.window.checked_sub(bytes as u64);
        self.window = left.unwrap_or(0);
        left.is_none()
    }

    /// Takes what its multifeed says, and gives the frames that are whole.
    pub(super) fn take_said(&mut self, bytes: &[u8]) -> Vec<BytesMut> {
        self.said.push(bytes);
        std::iter::from_fn(|| self.said.next().ok().flatten()).collect()
    }

    /// What both sides of the stream agree on.
    pub(super) fn handshake_hash(&self) -> Option<&[u8; 64]> {
        self.stream.handshake_hash()
    }

    /// What the peer said of its sets.
    pub(super) fn claim(&self) -> Option<&[u8]> {
        self.claim.as_deref()
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Seals frames, where the stream is sealed.
    pub(super) fn seal(&mut self, frames: BytesMut) -> BytesMut {
        if !self.is_sealed {
            return frames;
        }
        let (mut reader, mut out) = (FrameReader::new(FRAME_SIZE_MAX), BytesMut::new());
        reader.push(&frames);
        while let Ok(Some(frame)) = reader.next() {
            // A stream that is not open, or a lie too long for a seal: it stays unsaid.
            _ = self.stream.send(&frame, &mut out);
        }
        out
    }
}
