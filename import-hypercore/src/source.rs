//! The folder of a core: its key, its signed tree and its blocks.
//!
//! Rule: only this file reads the folder. Sizes and hashes of nodes are claims of the folder until
//! [`Source::verify`] has compared every block with the author's signature.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use multifeed_core::crypto::hash::{self, Hash};
use multifeed_core::crypto::sign;
use multifeed_core::wire::codec::Reader;
use multifeed_core::wire::hypercore::{Manifest, Node};
use multifeed_core::{BLOCK_BYTES_MAX, FeedKey, PublicKey, Signature, manifest};

use crate::error::{ImportError, Layout};
use crate::oplog::{self, BitfieldUpdate, Oplog, SignedTree};
use crate::tree;

/// Bytes of a node in the file `tree`: a size and a hash.
const NODE_BYTES: u64 = 40;

/// A core in a folder, opened for reading.
#[derive(Debug)]
pub struct Source {
    folder: PathBuf,
    oplog: Oplog,
    tree: File,
    data: File,
    /// Blocks that are there, from the first on.
    held: u64,
}

impl Source {
    /// Opens the folder of a core, with the files `oplog`, `tree`, `bitfield` and `data`.
    ///
    /// No program should write to the folder meanwhile.
    ///
    /// # Errors
    ///
    /// [`ImportError::Io`], [`ImportError::Layout`], [`ImportError::Damaged`],
    /// [`ImportError::Unsupported`], [`ImportError::Empty`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self, ImportError> {
        let folder = folder.as_ref().to_path_buf();
        std::fs::read_dir(&folder).map_err(ImportError::io(&folder))?;
        check_layout(&folder)?;
        let bytes = read_file(&folder.join("oplog"), oplog::BYTES_MAX)?;
        let oplog = Oplog::read(&bytes, |start, length| {
            let path = folder.join("header");
            let bytes = read_file(&path, oplog::BYTES_MAX)?;
            let range = usize::try_from(start).ok().zip(usize::try_from(start + length).ok());
            let part = range.and_then(|(start, end)| bytes.get(start..end));
            part.map(<[u8]>::to_vec).ok_or(ImportError::Damaged {
                file: "header",
                what: "it is shorter than the file oplog says",
            })
        })?;
        let derived = oplog
            .manifest
            .map(|found| manifest::feed_key(&found.namespace, &PublicKey(found.public_key)).0);
        if derived.is_some_and(|derived| derived != oplog.key) {
            let what = "its key is not that of its manifest";
            return Err(ImportError::Damaged { file: "oplog", what });
        }
        if oplog.tree.length == 0 {
            return Err(ImportError::Empty);
        }
        let file = |name: &str| {
            let path = folder.join(name);
            File::open(&path).map_err(ImportError::io(&path))
        };
        let (tree, data) = (file("tree")?, file("data")?);
        let mut source = Self { folder, oplog, tree, data, held: 0 };
        source.held = source.count_held()?;
        Ok(source)
    }

    /// The core's key.
    pub fn key(&self) -> FeedKey {
        FeedKey(self.oplog.key)
    }

    /// The author's public key.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.oplog.manifest.map_or(self.oplog.key, |manifest| manifest.public_key))
    }

    /// The number of blocks that the author signed.
    pub fn length(&self) -> u64 {
        self.oplog.tree.length
    }

    /// How often the author truncated the core.
    pub fn fork(&self) -> u64 {
        self.oplog.tree.fork
    }

    /// The number of blocks that the folder holds, from the first on.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// Fails unless the folder holds every block.
    ///
    /// # Errors
    ///
    /// [`ImportError::Incomplete`].
    pub fn require_complete(&self) -> Result<(), ImportError> {
        let (held, length) = (self.held, self.length());
        if held == length { Ok(()) } else { Err(ImportError::Incomplete { held, length }) }
    }

    pub(crate) fn manifest(&self) -> Option<Manifest> {
        self.oplog.manifest
    }

    /// The signature of the tree, as it is sent to peers.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.oplog.tree.signature
    }

    /// Counts the blocks from the first on that were stored and not cleared.
    fn count_held(&mut self) -> Result<u64, ImportError> {
        let path = self.folder.join("tree");
        let in_tree = self.tree.metadata().map_err(ImportError::io(&path))?.len();
        // A held block has a leaf, so this bounds the memory by what is on the disk.
        let leaves = in_tree / (2 * NODE_BYTES) + 1 + self.oplog.nodes.len() as u64;
        let length = self.length().min(leaves);
        let bits = length.div_ceil(8);
        let mut bitfield = match File::open(self.folder.join("bitfield")) {
            Ok(file) => read_at_most(file, bits, &self.folder.join("bitfield"))?,
            // Nothing was flushed to it yet.
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(ImportError::io(&self.folder.join("bitfield"))(error)),
        };
        bitfield.resize(usize::try_from(bits).unwrap_or(usize::MAX), 0);
        for update in &self.oplog.updates {
            set(&mut bitfield, *update, length);
        }
        let is_held = |block: &u64| bitfield[(block / 8) as usize] >> (block % 8) & 1 == 1;
        Ok((0..length).find(|block| !is_held(block)).unwrap_or(length))
    }

    /// A node of the tree.
    pub(crate) fn node(&mut self, index: u64) -> Result<Node, ImportError> {
        if let Some(node) = self.oplog.nodes.get(&index) {
            return Ok(*node);
        }
        let mut bytes = [0; NODE_BYTES as usize];
        let at = SeekFrom::Start(NODE_BYTES * index);
        match self.tree.seek(at).and_then(|_| self.tree.read_exact(&mut bytes)) {
            Err(error) if error.kind() != ErrorKind::UnexpectedEof => {
                return Err(ImportError::io(&self.folder.join("tree"))(error));
            }
            // A node that was never written, at the end of the file or in a gap.
            Err(_) => return Err(missing_node()),
            Ok(()) if bytes == [0; NODE_BYTES as usize] => return Err(missing_node()),
            Ok(()) => (),
        }
        let mut reader = Reader::new(&bytes);
        let size = reader.array().map(u64::from_le_bytes).map_err(|_| missing_node())?;
        let hash = reader.array().map_err(|_| missing_node())?;
        Ok(Node { index, size, hash })
    }

    /// Bytes of the blocks before one.
    fn byte_offset(&mut self, block: u64) -> Result<u64, ImportError> {
        let mut offset: u64 = 0;
        for index in tree::cover(0, block) {
            offset = offset
                .checked_add(self.node(index)?.size)
                .ok_or(ImportError::Damaged { file: "tree", what: "its sizes are too large" })?;
        }
        Ok(offset)
    }

    /// Reads one of the held blocks.
    ///
    /// # Errors
    ///
    /// [`ImportError::Io`], [`ImportError::Damaged`], [`ImportError::Incomplete`],
    /// [`ImportError::BlockTooLarge`] if it is longer than any multifeed accepts.
    pub fn block(&mut self, index: u64) -> Result<Vec<u8>, ImportError> {
        if index >= self.held {
            return Err(ImportError::Incomplete { held: self.held, length: self.length() });
        }
        let bytes = self.node(2 * index)?.size;
        let max = BLOCK_BYTES_MAX;
        let size = usize::try_from(bytes).ok().filter(|size| *size <= max);
        let size = size.ok_or(ImportError::BlockTooLarge { index, bytes, max })?;
        let offset = self.byte_offset(index)?;
        let mut block = vec![0; size];
        let at = SeekFrom::Start(offset);
        match self.data.seek(at).and_then(|_| self.data.read_exact(&mut block)) {
            Ok(()) => Ok(block),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                Err(ImportError::Damaged { file: "data", what: "it ends before a block does" })
            }
            Err(error) => Err(ImportError::io(&self.folder.join("data"))(error)),
        }
    }

    /// Reads every held block and compares the tree over them with the author's signature. Returns
    /// their bytes.
    ///
    /// # Errors
    ///
    /// [`ImportError::Unsigned`], [`ImportError::BlockTooLarge`] if one is longer than
    /// `block_bytes_max`, and those of [`Source::block`].
    pub fn verify(&mut self, block_bytes_max: usize) -> Result<u64, ImportError> {
        let mut roots: Vec<Node> = Vec::new();
        let mut byte_length = 0;
        for index in 0..self.held {
            let bytes = self.node(2 * index)?.size;
            if bytes > block_bytes_max as u64 {
                return Err(ImportError::BlockTooLarge { index, bytes, max: block_bytes_max });
            }
            let block = self.block(index)?;
            byte_length += bytes;
            push(&mut roots, Node { index: 2 * index, size: bytes, hash: hash::leaf(&block) })?;
        }
        // The rest of the tree is that of the folder: the signature covers it.
        for index in tree::cover(self.held, self.length()) {
            let node = self.node(index)?;
            push(&mut roots, node)?;
        }
        let hash = hash::tree(roots.iter().map(|root| (root.hash, root.index, root.size)));
        if self.is_signed(&hash) { Ok(byte_length) } else { Err(ImportError::Unsigned) }
    }

    /// Whether the author signed a tree of this hash (hypercore `lib/caps.js`).
    fn is_signed(&self, tree_hash: &Hash) -> bool {
        let SignedTree { fork, length, signature } = &self.oplog.tree;
        let mut signable = hash::namespace("hypercore", 0).to_vec();
        let mut reader = Reader::new(signature);
        if self.oplog.manifest.is_some() {
            signable.extend(self.oplog.key);
            // One signature, of the signer 0.
            if (reader.uint(), reader.uint()) != (Ok(1), Ok(0)) {
                return false;
            }
        }
        signable.extend(tree_hash);
        signable.extend(length.to_le_bytes());
        signable.extend(fork.to_le_bytes());
        let signature = reader.array().map(Signature);
        signature.is_ok_and(|signature| sign::verify(&self.public_key(), &signable, &signature))
    }
}

fn missing_node() -> ImportError {
    ImportError::Damaged { file: "tree", what: "it lacks a node of a block that is held" }
}

/// Adds the next node to the right, and joins siblings.
fn push(roots: &mut Vec<Node>, node: Node) -> Result<(), ImportError> {
    let mut node = node;
    while let Some(left) = roots.last() {
        let (parent, sibling) = tree::parent_and_sibling(left.index);
        if sibling != node.index || sibling < left.index {
            break;
        }
        let size = left.size.checked_add(node.size).filter(|size| *size < 1 << 53);
        let size = size.ok_or(ImportError::Unsigned)?;
        node = Node { index: parent, size, hash: hash::parent(size, &left.hash, &node.hash) };
        roots.pop();
    }
    roots.push(node);
    Ok(())
}

/// Sets or clears the bits of a run, up to `length`.
fn set(bits: &mut [u8], update: BitfieldUpdate, length: u64) {
    for block in update.start..update.end.min(length) {
        let bit = 1 << (block % 8);
        match &mut bits[(block / 8) as usize] {
            byte if update.is_drop => *byte &= !bit,
            byte => *byte |= bit,
        }
    }
}

fn check_layout(folder: &Path) -> Result<(), ImportError> {
    let has = |name: &str| folder.join(name).exists();
    if has("oplog") {
        return Ok(());
    }
    let layout = match () {
        () if has("CURRENT") || has("db/CURRENT") => Layout::RocksDb,
        () if has("signatures") => Layout::Hypercore9,
        () if has("cores") => Layout::Corestore,
        () => Layout::Unknown,
    };
    Err(ImportError::Layout { path: folder.to_path_buf(), layout })
}

fn read_file(path: &Path, max: u64) -> Result<Vec<u8>, ImportError> {
    let file = File::open(path).map_err(ImportError::io(path))?;
    let bytes = read_at_most(file, max + 1, path)?;
    if bytes.len() as u64 > max {
        return Err(ImportError::Damaged { file: "oplog", what: "it is too long" });
    }
    Ok(bytes)
}

fn read_at_most(file: File, max: u64, path: &Path) -> Result<Vec<u8>, ImportError> {
    let mut bytes = Vec::new();
    file.take(max).read_to_end(&mut bytes).map_err(ImportError::io(path))?;
    Ok(bytes)
}
