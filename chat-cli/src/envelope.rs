//! What a message lies in as a block: plain in an open room, sealed in a secret one.
//!
//! ```text
//!  bytes   of a sealed block
//!  1       version, 1
//!  24      nonce, random
//!  n × 64  the JSON of the message, padded with blanks, under XChaCha20
//!  16      tag of Poly1305
//! ```
//!
//! The associated data is `multichat/1/block` and the key of the feed: nobody can sign somebody
//! else's sealed block into his own feed as his. Blanks behind JSON are JSON, so what was opened is
//! read like any other block, and its length tells the length of the text in steps of 64 only.
//!
//! Rule: only this file knows these bytes. A nonce is random and never follows from an index, since
//! one who comes back from a backup may sign another block for the same one.

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
/// What was said is as long as a multiple of this, as others see it.
const PAD_BYTES: usize = 64;

/// What a channel is called in an index: 16 bytes that tell no name to whoever lacks the key.
pub type ChannelTag = [u8; 16];

/// How the messages of a room become blocks, and blocks messages.
#[derive(Clone)]
pub enum Envelope {
    /// As JSON, which the programs of other people read: the key of an open room follows from its
    /// name, so it would hide nothing.
    Plain,
    /// Sealed for those who have the key.
    Sealed(ContentKey),
    /// Sealed, and there is no key here.
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

/// What opens the messages of one room.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey")
    }
}

impl Envelope {
    /// The envelope of this key.
    pub(crate) fn sealed(key: Zeroizing<[u8; 32]>) -> Self {
        Self::Sealed(ContentKey(key))
    }

    /// Writes a block for a feed.
    ///
    /// # Errors
    /// Exit 4 if there is no text, or too much of it; 10 if nothing can be written here.
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

    /// What the index of a room calls a channel. An index holds no text, and the name of a channel
    /// in a secret room is one: it is hashed under the key of the room.
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

    /// Reads a block of anybody, from the feed in which it lies.
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
            // Also where it is plain: whoever has no key could write that.
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

    /// `None` if it is not whole, of another form, or was sealed with another key or for another
    /// feed: nobody can tell which.
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

    /// It wipes its copy of the key when it is dropped.
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }
}

/// What a block is sealed together with.
fn associated_data(feed: &[u8; 32]) -> [u8; DOMAIN.len() + 32] {
    let mut associated_data = [0; DOMAIN.len() + 32];
    associated_data[..DOMAIN.len()].copy_from_slice(DOMAIN);
    associated_data[DOMAIN.len()..].copy_from_slice(feed);
    associated_data
}

fn nonce() -> Result<[u8; NONCE_BYTES], Failure> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|error| {
        let message = format!("the system gives no random bytes: {error}");
        Failure::new(ExitCode::Failed, "identity.random", message)
    })?;
    Ok(nonce)
}

/// What to tell who wants to read or write a room that is only kept here.
pub(crate) fn sealed_room_failure() -> Failure {
    let message = "this room is only kept here for others: \
                   a seeder's invite lets nobody read or write";
    Failure::new(ExitCode::Refused, "room.sealed", message)
        .help("keep it for the others:  multichat serve --listen 0.0.0.0:4977")
        .help("to read it, ask a member for a full invite (multichat invite), and join with that")
}

#[cfg(test)]
mod tests;
