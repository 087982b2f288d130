//! The secret stream of a connection (@hyperswarm/secret-stream `index.js`): a Noise handshake,
//! then sealed messages, each in a frame.
//!
//! Rule: the stream returns nothing before the remote has proven its key, and nothing after its
//! first fault. Who does not know the pre-shared key of members learns no key of a member.
//!
//! ```
//! use bytes::BytesMut;
//! use multifeed_core::{
//!     rng::Rng,
//!     crypto::sign::KeyPair,
//!     peer::secure::{Received, SecretStream},
//! };
//!
//! let (one, two) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
//! let (mut to_bob, mut to_alice) = (BytesMut::new(), BytesMut::new());
//! let mut alice = SecretStream::initiator(&one, Rng::new([3; 32]), 65_536, &mut to_bob);
//! let mut bob = SecretStream::responder(&two, Rng::new([4; 32]), 65_536);
//!
//! bob.push_bytes(&to_bob.split());
//! assert_eq!(bob.next(&mut to_alice), Ok(None));
//! alice.push_bytes(&to_alice.split());
//! assert!(matches!(alice.next(&mut to_bob), Ok(Some(Received::Opened { .. }))));
//! // Travels in the same flight as the last handshake message:
//! alice.send(b"hello", &mut to_bob).unwrap();
//!
//! bob.push_bytes(&to_bob.split());
//! assert!(matches!(bob.next(&mut to_alice), Ok(Some(Received::Opened { .. }))));
//! assert_eq!(bob.next(&mut to_alice), Ok(Some(Received::Message(b"hello"[..].into()))));
//! ```

mod error;

use alloc::{boxed::Box, vec::Vec};
use core::{fmt, mem};

use bytes::BytesMut;
use zeroize::Zeroizing;

pub use self::error::{SecureError, SendError};
pub use crate::crypto::noise::Role;
use crate::{
    crypto::{
        cipher::{HEADER_SIZE, OVERHEAD, Pull, Push},
        hash::{Hash, keyed, namespace},
        noise::{BadHandshake, MESSAGE_SIZE_MAX, Noise, SecretKey, Split},
        sign::{KeyPair, PublicKey},
    },
    rng::Rng,
    wire::frame::{FRAME_SIZE_MAX, FrameReader, FrameTooLong, put_head, write_frame},
};

/// Size of the ephemeral key, with which the first message begins.
const EPHEMERAL_SIZE: usize = 32;

/// Size of the frame that starts a direction: the stream id, then the cipher header.
#[doc(alias = "IDHEADERBYTES")]
const STREAM_HEADER_SIZE: usize = 32 + HEADER_SIZE;

/// Maximum bytes of a message; sealed, it just fits a frame.
pub const MESSAGE_MAX: usize = FRAME_SIZE_MAX - OVERHEAD;

/// An item received on a secret stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The remote has proven its key, and this side may send. Always the first item, exactly once.
    Opened {
        /// Equal on both sides and unique to the connection.
        handshake_hash: [u8; 64],
        /// The remote's static key.
        remote: PublicKey,
    },
    /// A decrypted message. Never empty.
    Message(BytesMut),
    /// An empty message, which shows that the remote is alive.
    KeepAlive,
}

/// One side of a secret stream.
///
/// Pass received bytes to [`push_bytes`](Self::push_bytes), then call [`next`](Self::next) until it
/// returns `Ok(None)`. The bytes that it and [`send`](Self::send) append to `out` must reach the
/// remote in that order. The output does not depend on how the input is split.
pub struct SecretStream {
    role: Role,
    frames: FrameReader,
    /// Applies after the remote's stream header.
    frame_size_max: usize,
    state: State,
    session: Option<Session>,
}

/// The result of the handshake.
struct Session {
    handshake_hash: [u8; 64],
    remote: PublicKey,
    is_member: bool,
    announced: bool,
}

enum State {
    Handshake(Box<Handshake>),
    /// This side may send; the remote's stream header has not arrived.
    Opening {
        push: Push,
        receive_key: SecretKey,
    },
    Open {
        push: Push,
        pull: Pull,
    },
    Clear,
    Failed(SecureError),
}

struct Handshake {
    /// With the members' pre-shared key. `None` once the remote has turned out to be a stock peer.
    member: Option<Noise>,
    /// Without one. `None` once the remote has turned out to be a member.
    stock: Option<Noise>,
    /// Whether a message of the remote fitted one of them.
    has_received: bool,
    rng: Rng,
}

/// The keys of a handshake, by the kind of remote that they are for. At least one is needed.
#[derive(Clone, Copy)]
pub struct Keys<'a> {
    /// Our key pair towards members, and the pre-shared key that both sides have to know.
    pub member: Option<(&'a KeyPair, &'a [u8; 32])>,
    /// Our key pair towards any other remote, which learns its public key.
    pub stock: Option<&'a KeyPair>,
}

/// What a responder answers to a first message that it does not accept, in a frame. It tells
/// nothing but that, and anybody on the way can send it.
const REFUSAL: &[u8] = &[0];

impl SecretStream {
    /// Creates the side that connected, for remotes of any kind: [`new`](Self::new) without a
    /// pre-shared key.
    pub fn initiator(
        key_pair: &KeyPair,
        rng: Rng,
        frame_size_max: usize,
        out: &mut BytesMut,
    ) -> Self {
        let keys = Keys { member: None, stock: Some(key_pair) };
        Self::new(Role::Initiator, keys, rng, frame_size_max, out)
    }

    /// Creates the side that accepted the connection; see [`initiator`](Self::initiator).
    pub fn responder(key_pair: &KeyPair, rng: Rng, frame_size_max: usize) -> Self {
        let keys = Keys { member: None, stock: Some(key_pair) };
        Self::new(Role::Responder, keys, rng, frame_size_max, &mut BytesMut::new())
    }

    /// Creates a side. The one that connected appends its first message to `out`.
    ///
    /// With both kinds of keys, that message fits both handshakes: what follows the ephemeral key
    /// authenticates it to a member, and is a payload that a stock peer ignores.
    ///
    /// Draws 32 bytes from `rng` for the ephemeral key, and later 24 for the stream header.
    /// `frame_size_max` is the maximum size of the remote's sealed frames after the handshake.
    pub fn new(
        role: Role,
        keys: Keys<'_>,
        mut rng: Rng,
        frame_size_max: usize,
        out: &mut BytesMut,
    ) -> Self {
        let ephemeral = Zeroizing::new(rng.array());
        let begin =
            |key_pair: &KeyPair, psk| Noise::with_ephemeral(role, key_pair, psk, &ephemeral);
        let member = keys.member.map(|(key_pair, psk)| begin(key_pair, Some(psk)));
        let stock = keys.stock.map(|key_pair| begin(key_pair, None));
        let handshake = Box::new(Handshake { member, stock, has_received: false, rng });
        let mut secure = Self {
            role,
            frames: FrameReader::new(MESSAGE_SIZE_MAX),
            frame_size_max,
            state: State::Handshake(handshake),
            session: None,
        };
        if let State::Handshake(handshake) = &mut secure.state
            && role == Role::Initiator
        {
            let sent = handshake.first_message().map_err(SecureError::from);
            if let Err(error) = sent.and_then(|message| Ok(write_frame(out, &message)?)) {
                secure.fail(error);
            }
        }
        secure
    }

    /// Creates a side of a stream that is already secret, such as HyperDHT's, or that stays within
    /// a simulator. It has the same frames, but no handshake and no encryption. The caller must
    /// guarantee that `handshake_hash` and `remote` are genuine.
    pub fn clear(
        handshake_hash: [u8; 64],
        remote: PublicKey,
        role: Role,
        frame_size_max: usize,
    ) -> Self {
        Self {
            role,
            frames: FrameReader::new(frame_size_max),
            frame_size_max,
            state: State::Clear,
            session: Some(Session { handshake_hash, remote, is_member: false, announced: false }),
        }
    }

    /// This side's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether the stream encrypts, instead of relying on one that does.
    pub fn is_encrypted(&self) -> bool {
        !matches!(self.state, State::Clear)
    }

    /// Whether the remote has proven to know the pre-shared key of members.
    pub fn is_member(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.is_member)
    }

    /// The handshake hash, unique to this connection; `None` until the stream is open.
    pub fn handshake_hash(&self) -> Option<&[u8; 64]> {
        self.session.as_ref().map(|session| &session.handshake_hash)
    }

    /// The remote's key; `None` until it is proven.
    pub fn remote(&self) -> Option<PublicKey> {
        self.session.as_ref().map(|session| session.remote)
    }

    /// The number of received bytes of an incomplete frame.
    pub fn buffered(&self) -> usize {
        self.frames.buffered()
    }

    /// Raises the maximum size of the remote's frames, for example after it has proven membership.
    /// A lower value has no effect, because longer frames may be in flight.
    pub fn raise_frame_size_max(&mut self, max: usize) {
        self.frame_size_max = self.frame_size_max.max(max);
        if let State::Open { .. } | State::Clear = self.state {
            self.frames.set_max(self.frame_size_max);
        }
    }

    /// Adds bytes from the remote, split anywhere. They stay buffered until [`next`](Self::next)
    /// consumes them, so drain it after each push. After a fault they are dropped.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Failed(_)) {
            self.frames.push(bytes);
        }
    }

    /// Returns the next item, and appends handshake messages to `out`. `Ok(None)`: more bytes are
    /// needed. Errors are final.
    pub fn next(&mut self, out: &mut BytesMut) -> Result<Option<Received>, SecureError> {
        loop {
            if let State::Failed(error) = self.state {
                return Err(error);
            }
            if let Some(session) = self.session.as_mut().filter(|session| !session.announced) {
                session.announced = true;
                let Session { handshake_hash, remote, .. } = *session;
                return Ok(Some(Received::Opened { handshake_hash, remote }));
            }
            let step = match self.frames.next() {
                Ok(None) => return Ok(None),
                Ok(Some(frame)) => self.handle_frame(frame, out),
                Err(error) => Err(error.into()),
            };
            match step {
                Ok(None) => {}
                Ok(received) => return Ok(received),
                Err(error) => self.fail(error),
            }
        }
    }

    /// Appends a message to `out`, sealed and framed. An empty one is a keep-alive.
    pub fn send(&mut self, plaintext: &[u8], out: &mut BytesMut) -> Result<(), SendError> {
        let push = match &mut self.state {
            State::Opening { push, .. } | State::Open { push, .. } => push,
            State::Clear => {
                return write_frame(out, plaintext).map_err(|FrameTooLong| SendError::TooLong);
            }
            State::Handshake(_) | State::Failed(_) => return Err(SendError::NotOpen),
        };
        let size = plaintext.len().saturating_add(OVERHEAD);
        put_head(out, size).map_err(|FrameTooLong| SendError::TooLong)?;
        push.seal(plaintext, out).map_err(|_| SendError::TooLong)
    }

    /// Appends a keep-alive to `out`.
    pub fn send_keep_alive(&mut self, out: &mut BytesMut) -> Result<(), SendError> {
        self.send(&[], out)
    }

    fn fail(&mut self, error: SecureError) {
        self.state = State::Failed(error);
        self.frames.clear();
    }

    fn handle_frame(
        &mut self,
        mut frame: BytesMut,
        out: &mut BytesMut,
    ) -> Result<Option<Received>, SecureError> {
        match &mut self.state {
            State::Open { pull, .. } => pull.open(&mut frame).map_err(|_| SecureError::Forged)?,
            State::Clear => {}
            State::Handshake(_) => return self.handle_handshake(&frame, out).map(|()| None),
            State::Opening { .. } => return self.handle_header(&frame).map(|()| None),
            State::Failed(error) => return Err(*error),
        }
        Ok(Some(if frame.is_empty() { Received::KeepAlive } else { Received::Message(frame) }))
    }

    fn handle_handshake(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), SecureError> {
        // Any failure below ends the handshake.
        let taken = mem::replace(&mut self.state, State::Failed(SecureError::BadHandshake));
        let State::Handshake(mut handshake) = taken else { return Err(SecureError::BadHandshake) };
        let (mut noise, is_member) = match handshake.receive(message) {
            Ok(fitting) => fitting,
            Err(SecureError::NotAMember) if self.role == Role::Responder => {
                write_frame(out, REFUSAL)?;
                return Err(SecureError::NotAMember);
            }
            Err(error) => return Err(error),
        };
        if !noise.is_finished() {
            write_frame(out, &noise.send()?)?;
        }
        let rng = handshake.rng;
        match noise.split() {
            Ok(split) => self.open(split, is_member, rng, out),
            Err(noise) => {
                let (member, stock) =
                    if is_member { (Some(noise), None) } else { (None, Some(noise)) };
                let handshake = Handshake { member, stock, has_received: true, rng };
                self.state = State::Handshake(Box::new(handshake));
                Ok(())
            }
        }
    }

    /// Starts this side's stream after the handshake without waiting for the remote's, so that its
    /// first messages travel in the same flight.
    fn open(
        &mut self,
        split: Split,
        is_member: bool,
        mut rng: Rng,
        out: &mut BytesMut,
    ) -> Result<(), SecureError> {
        let Split { send_key, receive_key, handshake_hash, remote } = split;
        let (push, header) = Push::new(&send_key, &mut rng);
        put_head(out, STREAM_HEADER_SIZE)?;
        out.extend_from_slice(&stream_id(&handshake_hash, self.role));
        out.extend_from_slice(&header);
        self.frames.set_max(STREAM_HEADER_SIZE);
        self.session = Some(Session { handshake_hash, remote, is_member, announced: false });
        self.state = State::Opening { push, receive_key };
        Ok(())
    }

    fn handle_header(&mut self, frame: &[u8]) -> Result<(), SecureError> {
        let taken = mem::replace(&mut self.state, State::Failed(SecureError::BadHeader));
        let State::Opening { push, receive_key } = taken else {
            return Err(SecureError::BadHeader);
        };
        let (id, header) = frame.split_first_chunk::<32>().ok_or(SecureError::BadHeader)?;
        let header = header.try_into().map_err(|_| SecureError::BadHeader)?;
        let session = self.session.as_ref().ok_or(SecureError::BadHeader)?;
        if *id != stream_id(&session.handshake_hash, self.role.other()) {
            return Err(SecureError::WrongStream);
        }
        self.state = State::Open { push, pull: Pull::new(&receive_key, header) };
        self.frames.set_max(self.frame_size_max);
        Ok(())
    }
}

impl fmt::Debug for Keys<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

impl Handshake {
    /// The first message of the initiator.
    fn first_message(&mut self) -> Result<Vec<u8>, BadHandshake> {
        let Some(member) = &mut self.member else {
            return self.stock.as_mut().ok_or(BadHandshake)?.send();
        };
        let message = member.send()?;
        if let Some(stock) = &mut self.stock {
            // The ephemeral key is the same, so this is the same message.
            let proof = message.get(EPHEMERAL_SIZE..).unwrap_or_default();
            let same = stock.send_with(proof)?;
            debug_assert_eq!(same, message);
        }
        Ok(message)
    }

    /// Passes a message to the handshake that it fits, and returns that one and whether it is the
    /// members'.
    fn receive(&mut self, message: &[u8]) -> Result<(Noise, bool), SecureError> {
        let is_first = !mem::replace(&mut self.has_received, true);
        if let Some(mut member) = self.member.take()
            && member.receive(message).is_ok()
        {
            return Ok((member, true));
        }
        let is_members_only = self.stock.is_none();
        if let Some(mut stock) = self.stock.take()
            && stock.receive(message).is_ok()
        {
            return Ok((stock, false));
        }
        let is_stranger = is_first && (is_members_only || message == REFUSAL);
        Err(if is_stranger { SecureError::NotAMember } else { SecureError::BadHandshake })
    }
}

impl fmt::Debug for SecretStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.state {
            State::Handshake(_) => "Handshake",
            State::Opening { .. } => "Opening",
            State::Open { .. } => "Open",
            State::Clear => "Clear",
            State::Failed(_) => "Failed",
        };
        f.debug_struct("SecretStream")
            .field("role", &self.role)
            .field("state", &state)
            .field("remote", &self.remote())
            .finish_non_exhaustive()
    }
}

/// Returns the id of the stream that `role` sends on the connection with `handshake_hash`.
#[doc(alias = "NoiseSecretStream.id")]
pub fn stream_id(handshake_hash: &[u8; 64], role: Role) -> Hash {
    let index = match role {
        Role::Initiator => 0,
        Role::Responder => 1,
    };
    keyed(handshake_hash, &[&namespace("hyperswarm/secret-stream", index)])
}

#[cfg(test)]
mod tests;
