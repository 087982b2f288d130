//! The file `oplog`: the header of a core, and the changes since it was written (hypercore 10,
//! `lib/oplog.js` and `lib/messages.js`; the crate `hypercore` writes the same).
//!
//! Rule: bytes in, values out. Nothing is allocated by a length that the file states.

use std::collections::BTreeMap;

use multifeed_core::wire::codec::{Malformed, Reader};
use multifeed_core::wire::hypercore::{Manifest, Node};

use crate::error::ImportError;
use crate::tree::LENGTH_MAX;

/// Name of the file in messages.
const FILE: &str = "oplog";

/// Two copies of the header come first, each in one page, then the entries.
const PAGE_BYTES: usize = 4096;

/// Bytes before each header or entry: a checksum, and the length with two bits.
const LEADER_BYTES: usize = 8;

/// Longest file that is read. Writers flush at 64 KiB, and one batch may be added to that.
pub(crate) const BYTES_MAX: u64 = 256 * 1024 * 1024;

/// Longest signature: one signer's with its patch.
const SIGNATURE_BYTES_MAX: usize = 256;

/// A node of an entry has at least an index, a size and a hash.
const NODE_BYTES_MIN: usize = 34;

/// What the author signed last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SignedTree {
    pub(crate) fork: u64,
    pub(crate) length: u64,
    pub(crate) signature: Vec<u8>,
}

/// A run of blocks that was stored or cleared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BitfieldUpdate {
    pub(crate) is_drop: bool,
    pub(crate) start: u64,
    pub(crate) end: u64,
}

/// The content of the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Oplog {
    pub(crate) key: [u8; 32],
    /// `None`: the key is the author's public key.
    pub(crate) manifest: Option<Manifest>,
    pub(crate) tree: SignedTree,
    /// Nodes that are not in the file `tree` yet.
    pub(crate) nodes: BTreeMap<u64, Node>,
    /// Changes that are not in the file `bitfield` yet, in order.
    pub(crate) updates: Vec<BitfieldUpdate>,
}

fn damaged(what: &'static str) -> ImportError {
    ImportError::Damaged { file: FILE, what }
}

/// A header or an entry as it lies in the file.
struct Framed<'a> {
    header_bit: bool,
    is_partial: bool,
    body: &'a [u8],
    rest: &'a [u8],
}

/// Reads a header or an entry; `None`: there is none, or its checksum is wrong.
fn framed(bytes: &[u8]) -> Option<Framed<'_>> {
    let (leader, rest) = bytes.split_at_checked(LEADER_BYTES)?;
    let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|byte| leader[at + byte]));
    let (checksum, word) = (number(0), number(4));
    let (body, rest) = rest.split_at_checked(usize::try_from(word >> 2).ok()?)?;
    let covered = &bytes[4..LEADER_BYTES + body.len()];
    let is_valid = crc32fast::hash(covered) == checksum;
    let (header_bit, is_partial) = (word & 1 != 0, word & 2 != 0);
    is_valid.then_some(Framed { header_bit, is_partial, body, rest })
}

impl Oplog {
    /// Reads the file. `external` returns a part of the file `header`, where a header lies that
    /// does not fit into its page.
    pub(crate) fn read(
        bytes: &[u8],
        external: impl FnOnce(u64, u64) -> Result<Vec<u8>, ImportError>,
    ) -> Result<Self, ImportError> {
        let second = framed(bytes.get(PAGE_BYTES..).unwrap_or_default());
        // The newer of two headers is the second one if their bits differ. Without the first one,
        // the second one counts as newer.
        let (header, bit) = match (framed(bytes), second) {
            (Some(first), Some(second)) if first.header_bit != second.header_bit => (second, true),
            (Some(first), _) => (first, false),
            (None, Some(second)) => (second, true),
            (None, None) => return Err(damaged("it has no valid header")),
        };
        let mut oplog = match Self::read_header(header.body)? {
            Header::Here(oplog) => oplog,
            Header::External { start, length } => {
                match Self::read_header(&external(start, length)?)? {
                    Header::Here(oplog) => oplog,
                    Header::External { .. } => return Err(damaged("its header refers to itself")),
                }
            }
        };
        oplog.read_entries(bytes.get(2 * PAGE_BYTES..).unwrap_or_default(), bit)?;
        match oplog.tree.length {
            0..=LENGTH_MAX => Ok(oplog),
            _ => Err(damaged("the length is too large")),
        }
    }

    fn read_header(body: &[u8]) -> Result<Header, ImportError> {
        let mut reader = Reader::new(body);
        let header = match reader.uint().map_err(malformed)? {
            0 => read_header_0(&mut reader).map_err(malformed)?,
            1 => match reader.uint().map_err(malformed)? {
                flags if flags & EXTERNAL != 0 => {
                    let mut number = || reader.uint_below_2_53().map_err(malformed);
                    return Ok(Header::External { start: number()?, length: number()? });
                }
                flags => read_header_1(&mut reader, flags)?,
            },
            _ => return Err(damaged("its version is newer than 1")),
        };
        Ok(Header::Here(header))
    }

    /// Applies the entries that were written after the header. The last ones of a batch that was
    /// not written to its end do not count.
    fn read_entries(&mut self, bytes: &[u8], bit: bool) -> Result<(), ImportError> {
        let (mut rest, mut entries, mut complete) = (bytes, Vec::new(), 0);
        while let Some(entry) = framed(rest).filter(|entry| entry.header_bit == bit) {
            entries.push(entry.body);
            rest = entry.rest;
            if !entry.is_partial {
                complete = entries.len();
            }
        }
        for entry in &entries[..complete] {
            self.apply(entry).map_err(malformed)?;
        }
        Ok(())
    }

    fn apply(&mut self, entry: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(entry);
        let flags = reader.uint()?;
        if flags & USER_DATA != 0 {
            skip_user_data(&mut reader, 1)?;
        }
        if flags & TREE_NODES != 0 {
            for _ in 0..reader.count(NODE_BYTES_MIN)? {
                let (index, size) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
                self.nodes.insert(index, Node { index, size, hash: reader.array()? });
            }
        }
        if flags & TREE_UPGRADE != 0 {
            let (fork, _ancestors) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
            let length = reader.uint_below_2_53()?;
            self.tree = SignedTree { fork, length, signature: read_signature(&mut reader)? };
        }
        if flags & BITFIELD != 0 {
            let is_drop = reader.byte()? & 1 != 0;
            let (start, length) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
            self.updates.push(BitfieldUpdate { is_drop, start, end: start + length });
        }
        Ok(())
    }
}

/// Bits of an entry's flags.
const USER_DATA: u64 = 1;
const TREE_NODES: u64 = 2;
const TREE_UPGRADE: u64 = 4;
const BITFIELD: u64 = 8;

/// Bits of a header's flags.
const EXTERNAL: u64 = 1;
const MANIFEST: u64 = 2;
const KEY_PAIR: u64 = 4;

enum Header {
    Here(Oplog),
    External { start: u64, length: u64 },
}

fn malformed(_: Malformed) -> ImportError {
    damaged("a record in it is malformed")
}

/// A header as hypercore 10 wrote it before it had manifests.
fn read_header_0(reader: &mut Reader<'_>) -> Result<Oplog, Malformed> {
    for _types in 0..3 {
        reader.buffer()?;
    }
    let pairs = reader.count(2)?;
    skip_user_data(reader, pairs)?;
    let tree = read_tree(reader)?;
    let key = read_public_key(reader)?;
    Ok(Oplog { key, manifest: None, tree, nodes: BTreeMap::new(), updates: Vec::new() })
}

fn read_header_1(reader: &mut Reader<'_>, flags: u64) -> Result<Oplog, ImportError> {
    let key: [u8; 32] = reader.array().map_err(malformed)?;
    let mut manifest = None;
    if flags & MANIFEST != 0 {
        let found = read_manifest(reader)?;
        // The manifest of a core whose key is its author's public key states only that.
        manifest = (found.signer.public_key != key).then_some(found);
    }
    if manifest.as_ref().is_some_and(|found| found.version != 1) {
        return Err(ImportError::Unsupported("its manifest has version 0"));
    }
    if flags & KEY_PAIR != 0 {
        read_public_key(reader).and_then(|_| reader.buffer()).map_err(malformed)?;
    }
    let pairs = reader.count(2).map_err(malformed)?;
    skip_user_data(reader, pairs).map_err(malformed)?;
    let tree = read_tree(reader).map_err(malformed)?;
    let manifest = manifest.map(|found| found.signer);
    Ok(Oplog { key, manifest, tree, nodes: BTreeMap::new(), updates: Vec::new() })
}

struct FoundManifest {
    version: u64,
    signer: Manifest,
}

/// Reads a manifest with one signer.
fn read_manifest(reader: &mut Reader<'_>) -> Result<FoundManifest, ImportError> {
    let version = reader.uint().map_err(malformed)?;
    let mut number = || reader.uint().map_err(malformed);
    let is_single = match version {
        // Hash, kind.
        0 => (number()?, number()?) == (0, 1),
        // Flags, hash, quorum, signers.
        1 => (number()?, number()?, number()?, number()?) == (0, 0, 1, 1),
        _ => return Err(ImportError::Unsupported("its manifest has a version above 1")),
    };
    if !is_single || number()? != 0 {
        return Err(ImportError::Unsupported("its manifest has not exactly one Ed25519 signer"));
    }
    let namespace = reader.array().map_err(malformed)?;
    let public_key = reader.array().map_err(malformed)?;
    Ok(FoundManifest { version, signer: Manifest { namespace, public_key } })
}

fn read_public_key(reader: &mut Reader<'_>) -> Result<[u8; 32], Malformed> {
    reader.buffer()?.try_into().map_err(|_| Malformed::Truncated)
}

fn read_tree(reader: &mut Reader<'_>) -> Result<SignedTree, Malformed> {
    let (fork, length) = (reader.uint_below_2_53()?, reader.uint_below_2_53()?);
    reader.buffer()?; // the hash of the roots, which is computed again
    Ok(SignedTree { fork, length, signature: read_signature(reader)? })
}

fn read_signature(reader: &mut Reader<'_>) -> Result<Vec<u8>, Malformed> {
    match reader.buffer()? {
        bytes if bytes.len() <= SIGNATURE_BYTES_MAX => Ok(bytes.to_vec()),
        _ => Err(Malformed::TooLarge),
    }
}

/// Skips pairs of a name and a value.
fn skip_user_data(reader: &mut Reader<'_>, pairs: usize) -> Result<(), Malformed> {
    (0..2 * pairs).try_for_each(|_| reader.buffer().map(drop))
}

#[cfg(test)]
mod tests;
