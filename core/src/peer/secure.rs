//! The secret stream of a connection (@hyperswarm/secret-stream `index.js`): a Noise handshake,
//! then sealed messages, each in a frame.
//!
//! Rule: nothing is handed up before the remote has proven its key, and nothing after its first
//! fault.
//!
//! ```
//! use bytes::BytesMut;
//! use multifeed_core::{
//!     chance::Chance,
//!     crypto::sign::KeyPair,
//!     peer::secure::{Received, SecretStream},
//! };
//!
//! let (one, two) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
//! let (mut to_bob, mut to_alice) = (BytesMut::new(), BytesMut::new());
//! let mut alice = SecretStream::initiator(&one, Chance::new([3; 32]), 65_536, &mut to_bob);
//! let mut bob = SecretStream::responder(&two, Chance::new([4; 32]), 65_536);
//!
//! bob.push_bytes(&to_bob.split());
//! assert_eq!(bob.next(&mut to_alice), Ok(None));
//! alice.push_bytes(&to_alice.split());
//! assert!(matches!(alice.next(&mut to_bob), Ok(Some(Received::Opened { .. }))));
//! // In the same flight as the last message of the handshake:
//! alice.send(b"hello", &mut to_bob).unwrap();
//!
//! bob.push_bytes(&to_bob.split());
//! assert!(matches!(bob.next(&mut to_alice), Ok(Some(Received::Opened { .. }))));
//! assert_eq!(bob.next(&mut to_alice), Ok(Some(Received::Message(b"hello"[..].into()))));
//! ```

mod error;

use alloc::boxed::Box;
use core::{fmt, mem};

use bytes::BytesMut;
use zeroize::Zeroizing;

pub use self::error::{SecureError, SendError};
pub use crate::crypto::noise::Role;
use crate::{
    crypto::{
        cipher::{HEADER_SIZE, OVERHEAD, Pull, Push},
        hash::{Hash, keyed, namespace},
        noise::{MESSAGE_SIZE_MAX, Noise, Split},
        sign::{KeyPair, PublicKey},
    },
    rng::Rng,
    wire::frame::{FRAME_SIZE_MAX, FrameReader, FrameTooLong, put_head, write_frame},
};

/// The frame that starts a direction: the id of the stream, then the header of its cipher.
#[doc(alias = "IDHEADERBYTES")]
const STREAM_HEADER_SIZE: usize = 32 + HEADER_SIZE;

/// The longest message that fits a frame, sealed.
pub const MESSAGE_MAX: usize = FRAME_SIZE_MAX - OVERHEAD;

/// What a connection brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// The remote has proven its key, and this side may send. Comes once, and first.
    Opened {
        /// The same on both sides, and on no other connection.
        handshake_hash: [u8; 64],
        /// The remote's static key.
        remote: PublicKey,
    },
    /// A message, in the clear, never empty.
    Message(BytesMut),
    /// An empty message: the remote is alive.
    KeepAlive,
}

/// One side of a secret stream.
///
/// [`push_bytes`](Self::push_bytes) what arrived, then call [`next`](Self::next) until it gives
/// `Ok(None)`. Whatever it or [`send`](Self::send) appends to `out` must reach the remote in that
/// order. The same bytes in, however cut, give the same bytes out.
pub struct SecretStream {
    role: Role,
    frames: FrameReader,
    /// Holds from the remote's stream header on.
    frame_size_max: usize,
    state: State,
    session: Option<Session>,
}

/// What both sides agree on after the handshake.
struct Session {
    handshake_hash: [u8; 64],
    remote: PublicKey,
    announced: bool,
}

enum State {
    Handshake(Box<Handshake>),
    /// This side may send; the remote's stream header is still to come.
    Opening {
        push: Push,
        receive_key: Zeroizing<[u8; 32]>,
    },
    Open {
        push: Push,
        pull: Pull,
    },
    Clear,
    Failed(SecureError),
}

struct Handshake {
    noise: Noise,
    chance: Rng,
}

impl SecretStream {
    /// Begins as the side that connected; appends its first message to `out`.
    ///
    /// Of `chance` it draws 32 bytes for the ephemeral key, and later 24 for the stream header.
    /// `frame_size_max` bounds the remote's frames after the handshake, in bytes as sealed.
    pub fn initiator(
        key_pair: &KeyPair,
        chance: Rng,
        frame_size_max: usize,
        out: &mut BytesMut,
    ) -> Self {
        let mut secure = Self::start(Role::Initiator, key_pair, chance, frame_size_max);
        if let State::Handshake(handshake) = &mut secure.state {
            // The first message is a key of 32 bytes in the clear: it depends on nothing.
            let sent = handshake.noise.send().map_err(SecureError::from);
            if let Err(error) = sent.and_then(|message| Ok(write_frame(out, &message)?)) {
                secure.fail(error);
            }
        }
        secure
    }

    /// Begins as the side that was connected to; otherwise as [`initiator`](Self::initiator).
    pub fn responder(key_pair: &KeyPair, chance: Rng, frame_size_max: usize) -> Self {
        Self::start(Role::Responder, key_pair, chance, frame_size_max)
    }

    /// Begins on a stream that is secret already, as HyperDHT's are, or that a simulator keeps:
    /// the same frames without handshake and seal. What the handshake would have proven is an
    /// argument, and the caller answers for it.
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
            session: Some(Session { handshake_hash, remote, announced: false }),
        }
    }

    /// This side's role.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What both sides agree on and no other connection has, once open.
    pub fn handshake_hash(&self) -> Option<&[u8; 64]> {
        self.session.as_ref().map(|session| &session.handshake_hash)
    }

    /// The remote's key, once proven.
    pub fn remote(&self) -> Option<PublicKey> {
        self.session.as_ref().map(|session| session.remote)
    }

    /// The number of bytes that arrived and wait for the rest of their frame.
    pub fn buffered(&self) -> usize {
        self.frames.buffered()
    }

    /// Lets the remote's frames be this long, as when it has shown that it is a member. What was
    /// allowed before stays so, for it may be on its way.
    pub fn raise_frame_size_max(&mut self, max: usize) {
        self.frame_size_max = self.frame_size_max.max(max);
        if let State::Open { .. } | State::Clear = self.state {
            self.frames.set_max(self.frame_size_max);
        }
    }

    /// Takes bytes from the remote, cut anywhere. They are held until [`next`](Self::next) takes
    /// them, so drain it after each push; after a fault they are dropped.
    pub fn push_bytes(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Failed(_)) {
            self.frames.push(bytes);
        }
    }

    /// Tells what came next, and appends the answers of the handshake to `out`. `Ok(None)`: more
    /// bytes are needed. An error stays one.
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

    fn start(role: Role, key_pair: &KeyPair, mut chance: Rng, frame_size_max: usize) -> Self {
        let noise = Noise::new(role, key_pair, &mut chance);
        Self {
            role,
            frames: FrameReader::new(MESSAGE_SIZE_MAX),
            frame_size_max,
            state: State::Handshake(Box::new(Handshake { noise, chance })),
            session: None,
        }
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
        // Whatever fails below voids the handshake.
        let taken = mem::replace(&mut self.state, State::Failed(SecureError::BadHandshake));
        let State::Handshake(mut handshake) = taken else { return Err(SecureError::BadHandshake) };
        handshake.noise.receive(message)?;
        let Handshake { mut noise, chance } = *handshake;
        if !noise.is_finished() {
            write_frame(out, &noise.send()?)?;
        }
        match noise.split() {
            Ok(split) => self.open(split, chance, out),
            Err(noise) => {
                self.state = State::Handshake(Box::new(Handshake { noise, chance }));
                Ok(())
            }
        }
    }

    /// The handshake is done: starts this side's stream without waiting for the remote's, so that
    /// its first messages travel in the same flight.
    fn open(
        &mut self,
        split: Split,
        mut chance: Rng,
        out: &mut BytesMut,
    ) -> Result<(), SecureError> {
        let Split { send_key, receive_key, handshake_hash, remote } = split;
        let (push, header) = Push::new(&send_key, &mut chance);
        put_head(out, STREAM_HEADER_SIZE)?;
        out.extend_from_slice(&stream_id(&handshake_hash, self.role));
        out.extend_from_slice(&header);
        self.frames.set_max(STREAM_HEADER_SIZE);
        self.session = Some(Session { handshake_hash, remote, announced: false });
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

/// Names the stream that the side with `role` sends, on the connection of `handshake_hash`.
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
