//! Encodes invites as text: `mfchat:` and z-base-32 of version, flags, key, hints and CRC-32.
//!
//! The key is the room's secret, or the group key for a relay.
//!
//! Rule: only this file knows the format of an invite. Invites are copied by hand, wrapped by
//! mail programs or read aloud, so an error names the position of a wrong character, and it is
//! repaired if exactly one change gives a valid checksum.
//!
//! ```
//! use multichat::invite::Invite;
//! use multichat::invite::hints::Hints;
//! let invite = Invite::new([7; 32], Hints::default());
//! let text = invite.encode();
//! assert_eq!(text.len(), 68);
//! assert_eq!(Invite::parse(&text.to_uppercase()).unwrap(), invite);
//! ```

mod decode;
pub mod error;
pub mod fix;
pub mod hints;
pub mod input;
mod parse;
mod repair;

use std::fmt;
use std::sync::LazyLock;

use data_encoding::{BitOrder, Encoding, Specification};
use zeroize::Zeroizing;

use self::hints::Hints;

/// The prefix of an invite.
pub const PREFIX: &str = "mfchat:";
/// The symbols of an invite: z-base-32.
pub const ALPHABET: &str = "ybndrfg8ejkmcpqxot1uwisza345h769";
/// The most symbols of an invite. Chosen: leaves space for hints of later versions.
pub const SYMBOLS_MAX: usize = 256;
/// The fewest symbols: version, flags, key and checksum.
pub const SYMBOLS_MIN: usize = (2 + KEY_BYTES + CHECKSUM_BYTES) * 8 / 5 + 1;

const VERSION: u8 = 1;
/// Flags that a program must know; it may ignore the four low ones.
const FLAGS_CRITICAL: u8 = 0xf0;
/// The key is the group key. Critical, because an older program would use it as the secret of
/// another room.
const FLAG_SEEDER: u8 = 0x10;
const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

static CODEC: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    specification.bit_order = BitOrder::MostSignificantFirst;
    specification.encoding().expect("32 different symbols are an encoding")
});

/// Encodes bytes in the alphabet of invites, for names that people read and type.
pub fn encode_symbols(bytes: &[u8]) -> String {
    CODEC.encode(bytes)
}

/// Decodes exactly what [`encode_symbols`] writes.
pub fn decode_symbols(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    CODEC.decode(text.as_bytes()).ok().map(Zeroizing::new)
}

/// What an invite allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Reading, writing and inviting others: the invite contains the room's secret.
    Member,
    /// Relaying the room without reading it: the invite contains only the group key.
    Seeder,
}

/// An invite: the right to a room, and hints about its members.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    right: Right,
    key: Zeroizing<[u8; KEY_BYTES]>,
    hints: Hints,
}

impl fmt::Debug for Invite {
    /// Omits the key, because the key of a member's invite reads the whole history.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ticket");
        shown.field("right", &self.right).field("hints", &self.hints).finish_non_exhaustive()
    }
}

impl Invite {
    /// Creates an invite for a member from the room's secret.
    pub fn new(secret: [u8; KEY_BYTES], hints: Hints) -> Self {
        Self::of(Right::Member, secret, hints)
    }

    /// Creates an invite with this right and its key.
    pub fn of(right: Right, key: [u8; KEY_BYTES], hints: Hints) -> Self {
        Self { right, key: Zeroizing::new(key), hints }
    }

    /// Returns what it allows.
    pub fn right(&self) -> Right {
        self.right
    }

    /// Returns the room's secret, or the group key for a relay.
    pub fn key(&self) -> &[u8; KEY_BYTES] {
        &self.key
    }

    /// Returns the hints. They speed up joining and are unverified.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// Encodes the invite as text. It contains no character that a shell interprets.
    pub fn encode(&self) -> Zeroizing<String> {
        let flags = match self.right {
            Right::Member => 0,
            Right::Seeder => FLAG_SEEDER,
        };
        let mut bytes = Zeroizing::new(vec![VERSION, flags]);
        bytes.extend_from_slice(&self.key[..]);
        self.hints.encode(&mut bytes);
        let checksum = crc32fast::hash(&bytes);
        bytes.extend_from_slice(&checksum.to_be_bytes());
        let body = Zeroizing::new(CODEC.encode(&bytes));
        Zeroizing::new(format!("{PREFIX}{}", *body))
    }
}

#[cfg(test)]
mod tests;
