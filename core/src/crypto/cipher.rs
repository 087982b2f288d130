//! `secretstream_xchacha20poly1305` of libsodium: an ordered stream of sealed messages, one
//! [`Push`] and one [`Pull`] per direction.
//!
//! Rule: nothing is associated, every message sent has the tag Message, and the tag of a message
//! received is not looked at, as in sodium-secretstream `index.js`.

use alloc::boxed::Box;
use core::{fmt, hint::black_box};

use bytes::BytesMut;
use crypto_secretstream::{Header, Key, PullStream, PushStream, Tag, aead};

use crate::rng::Rng;

/// What sealing adds to a message: one byte of tag and 16 of authentication.
#[doc(alias = "ABYTES")]
pub const OVERHEAD: usize = 17;

/// The size of the header that starts a stream.
#[doc(alias = "HEADERBYTES")]
pub const HEADER_SIZE: usize = Header::BYTES;

/// The message fails authentication: changed, repeated, or out of order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;

/// The message is longer than the cipher can seal: 256 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

/// The sending end. Its key stays at one place of the heap and is wiped at the end.
pub struct Push(Box<PushStream>);

impl Push {
    /// Starts a stream; draws the 24 bytes of the header, which the remote needs in the clear.
    pub fn new(key: &[u8; 32], rng: &mut Rng) -> (Self, [u8; HEADER_SIZE]) {
        let (header, stream) = PushStream::init(rng, &Key::from(*key));
        (Self(Box::new(stream)), *header.as_ref())
    }

    /// Appends `plaintext` to `out`, sealed: [`OVERHEAD`] bytes longer.
    pub fn seal(&mut self, plaintext: &[u8], out: &mut BytesMut) -> Result<(), TooLong> {
        let start = out.len();
        out.reserve(plaintext.len().saturating_add(OVERHEAD));
        out.extend_from_slice(plaintext);
        let mut tail = Tail { bytes: out, start };
        self.0.push(&mut tail, &[], Tag::Message).map_err(|_| TooLong)
    }
}

/// The receiving end. Its key stays at one place of the heap and is wiped at the end.
pub struct Pull(Box<PullStream>);

impl Pull {
    /// Follows the stream that began with `header`.
    pub fn new(key: &[u8; 32], header: [u8; HEADER_SIZE]) -> Self {
        Self(Box::new(PullStream::init(Header::from(header), &Key::from(*key))))
    }

    /// Opens the next sealed message in place. After an error the stream is void.
    pub fn open(&mut self, sealed: &mut BytesMut) -> Result<(), Forged> {
        let mut tail = Tail { bytes: sealed, start: 0 };
        self.0.pull(&mut tail, &[]).map(|_| ()).map_err(|_| Forged)
    }
}

// The library wipes nothing. Without `black_box` a compiler may omit the writes.
impl Drop for Push {
    fn drop(&mut self) {
        *self.0 = PushStream::init(Rng::new([0; 32]), &Key::from([0; 32])).1;
        black_box(&self.0);
    }
}

impl Drop for Pull {
    fn drop(&mut self) {
        *self.0 = PullStream::init(Header::from([0; HEADER_SIZE]), &Key::from([0; 32]));
        black_box(&self.0);
    }
}

impl fmt::Debug for Push {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Push(..)")
    }
}

impl fmt::Debug for Pull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pull(..)")
    }
}

/// The part of a buffer from `start` on, where the cipher works in place.
struct Tail<'a> {
    bytes: &'a mut BytesMut,
    start: usize,
}

impl AsRef<[u8]> for Tail<'_> {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }
}

impl AsMut<[u8]> for Tail<'_> {
    fn as_mut(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.start..).unwrap_or_default()
    }
}

impl aead::Buffer for Tail<'_> {
    fn extend_from_slice(&mut self, more: &[u8]) -> aead::Result<()> {
        self.bytes.extend_from_slice(more);
        Ok(())
    }

    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(self.start.saturating_add(length));
    }
}

#[cfg(test)]
mod tests;
