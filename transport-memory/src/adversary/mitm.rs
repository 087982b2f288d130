//! A man in the middle between an adversary's multifeed and its peer on one connection.
//!
//! Rule: towards the peer, this completes a correct handshake and encrypts every frame, so a
//! rewritten message is as authentic as an honest one. The multifeed behind it sees plaintext
//! frames.

use bytes::BytesMut;
use multifeed_core::peer::handshake_claim::open_claim;
use multifeed_core::peer::secure::{Keys, Received, SecretStream};
use multifeed_core::rng::Rng;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, FrameReader, write_frame};
use multifeed_core::wire::multifeed::{Hello, Kind, decode, put};
use multifeed_core::wire::mux::{Batch, MuxMessage, messages};
use multifeed_core::{Group, KeyPair, PublicKey, Role};

use crate::options::Security;

/// The credit that an adversary claims when it overruns its real one.
const WINDOW_CLAIMED: u64 = 1 << 40;

/// The rewriting stage of one connection.
#[derive(Debug)]
pub(super) struct Mitm {
    stream: SecretStream,
    /// The multifeed's output, up to a whole frame.
    outgoing: FrameReader,
    is_sealed: bool,
    /// Bytes of ranges that the peer's credit still allows.
    window: u64,
    /// The peer's claim about its sets.
    claim: Option<Vec<u8>>,
}

/// One end of a connection, as its stream needs it.
pub(crate) struct Endpoint<'a> {
    pub(crate) role: Role,
    pub(crate) security: Security,
    pub(crate) key_pair: &'a KeyPair,
    /// The peer's key.
    pub(crate) remote: PublicKey,
}

/// The result of received bytes.
#[derive(Debug, Default)]
pub(crate) struct Intercepted {
    /// Set once the peer is known: its multifeed is then connected.
    pub(crate) opened: Option<([u8; 64], PublicKey)>,
    /// Plaintext frames for the multifeed.
    pub(crate) frames: BytesMut,
    /// The handshake's answer for the peer.
    pub(crate) answer: BytesMut,
}

/// Which input an adversary's multifeed receives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Filter {
    All,
    /// Everything, with far more credit than the peer gave.
    LargeGrants,
    /// Everything except wants and rejects: they may name feeds that only the flood offered.
    NoRequests,
}

impl Mitm {
    /// Starts the stream; appends the first handshake bytes to `answer`.
    pub(super) fn new(
        group: &Group,
        endpoint: &Endpoint<'_>,
        rng: Rng,
        answer: &mut BytesMut,
    ) -> Self {
        let Endpoint { role, security, key_pair, remote } = *endpoint;
        let max = FRAME_SIZE_MAX;
        let psk = group.handshake_key();
        let stream = match security {
            Security::Plain => SecretStream::clear([0; 64], remote, role, max),
            Security::Noise => {
                let keys = Keys { member: Some((key_pair, &psk)), stock: None };
                SecretStream::new(role, keys, rng, max, answer)
            }
        };
        let (outgoing, is_sealed) = (FrameReader::new(max), security == Security::Noise);
        Self { stream, outgoing, is_sealed, window: 0, claim: None }
    }

    /// Takes bytes from the peer. After a fault of the stream, the rest is ignored.
    pub(super) fn receive(&mut self, group: &Group, bytes: &[u8], filter: Filter) -> Intercepted {
        let mut intercepted = Intercepted::default();
        self.stream.push_bytes(bytes);
        while let Ok(Some(received)) = self.stream.next(&mut intercepted.answer) {
            // A frame that was read fits a frame again.
            _ = match received {
                Received::Opened { handshake_hash, remote } => {
                    intercepted.opened = Some((handshake_hash, remote));
                    Ok(())
                }
                Received::KeepAlive => write_frame(&mut intercepted.frames, &[]),
                Received::Message(frame) => {
                    let frame = self.rewrite_incoming(group, &frame, filter).unwrap_or(frame);
                    write_frame(&mut intercepted.frames, &frame)
                }
            };
        }
        intercepted
    }

    /// Tracks the peer's credit and claim. Returns another frame if the multifeed must not see this
    /// one.
    fn rewrite_incoming(
        &mut self,
        group: &Group,
        frame: &[u8],
        filter: Filter,
    ) -> Option<BytesMut> {
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
                && filter == Filter::NoRequests
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
                let is_larger = filter == Filter::LargeGrants;
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

    /// Counts an outgoing range. Returns whether it exceeds the credit.
    pub(super) fn overruns(&mut self, bytes: usize) -> bool {
        let left = self.window.checked_sub(bytes as u64);
        self.window = left.unwrap_or(0);
        left.is_none()
    }

    /// Takes output of the multifeed. Returns the complete frames.
    pub(super) fn outgoing_frames(&mut self, bytes: &[u8]) -> Vec<BytesMut> {
        self.outgoing.push(bytes);
        std::iter::from_fn(|| self.outgoing.next().ok().flatten()).collect()
    }

    /// The handshake hash of the stream.
    pub(super) fn handshake_hash(&self) -> Option<&[u8; 64]> {
        self.stream.handshake_hash()
    }

    /// The peer's claim about its sets.
    pub(super) fn claim(&self) -> Option<&[u8]> {
        self.claim.as_deref()
    }

    pub(super) fn is_sealed(&self) -> bool {
        self.is_sealed
    }

    /// Encrypts frames if the stream is encrypted.
    pub(super) fn seal(&mut self, frames: BytesMut) -> BytesMut {
        if !self.is_sealed {
            return frames;
        }
        let (mut reader, mut out) = (FrameReader::new(FRAME_SIZE_MAX), BytesMut::new());
        reader.push(&frames);
        while let Ok(Some(frame)) = reader.next() {
            // Drops frames while the stream is not open, and frames too long to encrypt.
            _ = self.stream.send(&frame, &mut out);
        }
        out
    }
}
