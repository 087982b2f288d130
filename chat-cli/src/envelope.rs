//! Encodes messages as blocks: plain in an open room, encrypted in a secret room.
//!
//! ```text
//!  bytes   of an encrypted block
//!  1       version, 1
//!  24      nonce, random
//!  n × 64  the JSON of the message, padded with blanks, under XChaCha20
//!  16      tag of Poly1305
//! ```
//!
//! The associated data is `multichat/1/block` and the key of the feed, so a block copied to
//! another feed does not decrypt. JSON allows trailing blanks, so a decrypted block is parsed
//! like a plain one. The block's length reveals the length of the text in steps of 64 bytes only.
//!
//! Rule: only this file knows this format. A nonce is random and never derived from an index,
//! because a restored backup may encrypt another block for the same index.

use std::fmt;

use blake2::Blake2bMac;
use blake2::digest::consts::U16;
use blake2::digest::{FixedOutput, Update};
use chacha20poly1305::aead::AeadInPlace;
use chacha20poly1305::{KeyInit, Tag, XChaCha20Poly1305, XNonce};
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::exit::ExitCode;
use crate::message::{self, BLOCK_BYTES_MAX, Content, Draft, Unreadable};
use crate::report::Failure;
use crate::sanitize::Clean;

const DOMAIN: &[u8; 17] = b"multichat/1/block";
const CHANNEL_DOMAIN: &[u8] = b"multichat/1/channel";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// The plaintext is padded to a multiple of this. Chosen: hides the length of short messages at
/// little cost.
const PAD_BYTES: usize = 64;

/// The name of a channel in an index: a keyed hash of 16 bytes that reveals nothing without the
/// key.
pub type ChannelTag = [u8; 16];

/// Encodes and decodes the messages of a room.
#[derive(Clone)]
pub enum Envelope {
    /// Plain JSON, which other programs can read. The key of an open room is derived from its
    /// name, so encryption would hide nothing.
    Plain,
    /// Encrypted, with the key.
    Sealed(ContentKey),
    /// Encrypted, without the key.
    NoKey,
}

impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plain => "Plain",
            Self::Sealed(_) => "Sealed",
            Self::NoKey => "Closed",
        })
    }
}

/// The encryption key of a room's messages.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

impl Envelope {
    /// Creates the envelope of a key.
    pub(crate) fn sealed(key: Zeroizing<[u8; 32]>) -> Self {
        Self::Sealed(ContentKey(key))
    }

    /// Encodes a message as a block of a feed.
    ///
    /// # Errors
    /// Exit 4 if the text is empty or too long; 10 if the key is missing.
    pub fn encode(
        &self,
        feed: &[u8; 32],
        draft: &Draft<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Plain => message::encode(draft, now),
            Self::Sealed(key) => {
                let text = message::encode(draft, now)?;
                Ok(key.seal(feed, &nonce()?, &text))
            }
            Self::NoKey => Err(sealed_room_failure()),
        }
    }

    /// Returns the name of a channel for the index. An index contains no text, so the channel
    /// name of a secret room is hashed with the room's key.
    pub fn channel_tag(&self, channel: &Clean) -> ChannelTag {
        let key: &[u8] = match self {
            Self::Sealed(key) => &*key.0,
            Self::Plain | Self::NoKey => CHANNEL_DOMAIN,
        };
        let mut hash = Blake2bMac::<U16>::new_from_slice(key).expect("64 bytes at most are a key");
        hash.update(CHANNEL_DOMAIN);
        hash.update(channel.as_str().as_bytes());
        hash.finalize_fixed().into()
    }

    /// Decodes a block of any author; `feed` is the feed that contains it.
    pub fn decode(&self, feed: &[u8; 32], block: &[u8]) -> Content {
        if block.len() > BLOCK_BYTES_MAX {
            return Content::Unreadable(Unreadable::TooLong);
        }
        let opened = match self {
            Self::Plain => return message::decode(block),
            Self::Sealed(key) => key.open(feed, block),
            Self::NoKey => None,
        };
        match opened {
            Some(text) => message::decode(&text),
            // Plain blocks too: anyone without the key could write one.
            None => Content::Unreadable(Unreadable::Sealed),
        }
    }
}

impl ContentKey {
    fn seal(&self, feed: &[u8; 32], nonce: &[u8; NONCE_BYTES], text: &[u8]) -> Vec<u8> {
        let padded = text.len().next_multiple_of(PAD_BYTES);
        let mut block = Vec::with_capacity(1 + NONCE_BYTES + padded + TAG_BYTES);
        block.push(VERSION);
        block.extend_from_slice(nonce);
        let start = block.len();
        block.extend_from_slice(text);
        block.resize(start + padded, b' ');
        let tag = self
            .cipher()
            .encrypt_in_place_detached(
                XNonce::from_slice(nonce),
                &associated_data(feed),
                &mut block[start..],
            )
            .expect("a message is shorter than 256 GiB");
        block.extend_from_slice(&tag);
        block
    }

    /// Decrypts a block. `None` if it is incomplete, has another format, or was encrypted with
    /// another key or for another feed; these cases cannot be distinguished.
    fn open(&self, feed: &[u8; 32], block: &[u8]) -> Option<Vec<u8>> {
        let (version, rest) = block.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_BYTES>()?;
        let (text, tag) = rest.split_last_chunk::<TAG_BYTES>()?;
        if *version != VERSION || text.is_empty() || !text.len().is_multiple_of(PAD_BYTES) {
            return None;
        }
        let (nonce, tag) = (XNonce::from_slice(nonce), Tag::from_slice(tag));
        let mut text = text.to_vec();
        let opened =
            self.cipher().decrypt_in_place_detached(nonce, &associated_data(feed), &mut text, tag);
        opened.ok().map(|()| text)
    }

    /// Creates the cipher, which wipes its copy of the key when dropped.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// Returns the associated data of a block.
fn associated_data(feed: &[u8; 32]) -> [u8; DOMAIN.len() + 32] {
    let mut associated_data = [0; DOMAIN.len() + 32];
    associated_data[..DOMAIN.len()].copy_from_slice(DOMAIN);
    associated_data[DOMAIN.len()..].copy_from_slice(feed);
    associated_data
}

fn nonce() -> Result<[u8; NONCE_BYTES], Failure> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| {
        let message = format!("cannot get random bytes from the system: {error}");
        Failure::new(ExitCode::Failed, "identity.random", message)
    })?;
    Ok(nonce)
}

/// Returns the failure of reading or writing on a relay.
pub(crate) fn sealed_room_failure() -> Failure {
    let message = "this is a relay of the room: its invite does not allow reading or writing";
    Failure::new(ExitCode::Refused, "room.sealed", message)
        .help("relay the room:  multichat serve --listen 0.0.0.0:4977")
        .help("to read it, ask a member for an invite (multichat invite), and join with that")
}

#[cfg(test)]
mod tests;
