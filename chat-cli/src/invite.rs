//! An invite as text: `mfchat:` and z-base-32 of version, flags, key, hints and CRC-32.
//!
//! The key is the room's secret, or with the flag of a seeder its group key.
//!
//! Rule: this file alone knows the bytes of an invite. What it reads was copied by hand, wrapped
//! by a mailer or read aloud, so a wrong character is named with its place, and put right where
//! exactly one change gives a valid checksum.
//!
//! ```
//! use multichat::ticket::{Hints, Ticket};
//! let ticket = Ticket::new([7; 32], Hints::default());
//! let text = ticket.encode();
//! assert_eq!(text.len(), 68);
//! assert_eq!(Ticket::parse(&text.to_uppercase()).unwrap(), ticket);
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

/// What an invite starts with.
pub const PREFIX: &str = "mfchat:";
/// The symbols of an invite: z-base-32.
pub const ALPHABET: &str = "ybndrfg8ejkmcpqxot1uwisza345h769";
/// The most symbols that an invite may have: hints that are unknown yet have to fit too.
pub const SYMBOLS_MAX: usize = 256;
/// The fewest: version, flags, key and checksum.
pub const SYMBOLS_MIN: usize = (2 + KEY_BYTES + CHECKSUM_BYTES) * 8 / 5 + 1;

const VERSION: u8 = 1;
/// Flags that an older program must understand; the four low ones it may ignore.
const FLAGS_CRITICAL: u8 = 0xf0;
/// The key is that of the group. Critical: taken for the secret, it would be that of another room.
const FLAG_SEEDER: u8 = 0x10;
const KEY_BYTES: usize = 32;
const CHECKSUM_BYTES: usize = 4;

static CODEC: LazyLock<Encoding> = LazyLock::new(|| {
    let mut specification = Specification::new();
    specification.symbols.push_str(ALPHABET);
    specification.bit_order = BitOrder::MostSignificantFirst;
    specification.encoding().expect("32 different symbols are an encoding")
});

/// Bytes in the alphabet of invites, for names that people read and type.
pub fn encode_symbols(bytes: &[u8]) -> String {
    CODEC.encode(bytes)
}

/// Reads what [`encode_symbols`] wrote; nothing else.
pub fn decode_symbols(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    CODEC.decode(text.as_bytes()).ok().map(Zeroizing::new)
}

/// What an invite lets somebody do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Read and write, and invite others: the invite carries the room's secret.
    Member,
    /// Keep the room for others, without reading it: the invite carries the group key alone.
    Seeder,
}

/// The right to a room, and hints for where its members are.
#[derive(Clone, PartialEq, Eq)]
pub struct Invite {
    right: Right,
    key: Zeroizing<[u8; KEY_BYTES]>,
    hints: Hints,
}

impl fmt::Debug for Invite {
    /// Never shows the key: whoever has that of a member can read the whole history.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Ticket");
        shown.field("right", &self.right).field("hints", &self.hints).finish_non_exhaustive()
    }
}

impl Invite {
    /// An invite for a member, with the secret of the room.
    pub fn new(secret: [u8; KEY_BYTES], hints: Hints) -> Self {
        Self::of(Right::Member, secret, hints)
    }

    /// An invite that gives this right, with the key that it takes.
    pub fn of(right: Right, key: [u8; KEY_BYTES], hints: Hints) -> Self {
        Self { right, key: Zeroizing::new(key), hints }
    }

    /// What it lets somebody do.
    pub fn right(&self) -> Right {
        self.right
    }

    /// What it carries: the room's secret, or the group key for a seeder.
    pub fn key(&self) -> &[u8; KEY_BYTES] {
        &self.key
    }

    /// What makes joining faster; none of it is proven.
    pub fn hints(&self) -> &Hints {
        &self.hints
    }

    /// The text to hand over. It holds nothing that a shell would want quoted.
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
