//! Why an import failed, by what the user can do about it.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use multifeed_core::{CloseReason, Misuse, StoreFailure};
use multifeed_store::Failure;

/// A failed import. What was imported before the failure stays in the store, and the same import
/// continues after it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ImportError {
    /// A file could not be read or written.
    Io {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The folder is not a core that can be read.
    Layout {
        /// The folder.
        path: PathBuf,
        /// What it is.
        layout: Layout,
    },
    /// A file does not contain what its format requires.
    Damaged {
        /// The file's name in the folder.
        file: &'static str,
        /// What is wrong.
        what: &'static str,
    },
    /// The core's manifest is of a kind that a multifeed does not support.
    Unsupported(&'static str),
    /// The core has no blocks.
    Empty,
    /// The folder does not hold all blocks.
    Incomplete {
        /// The blocks that it holds, from the first on.
        held: u64,
        /// The length of the core.
        length: u64,
    },
    /// The blocks and the tree of the folder are not those that the author signed.
    Unsigned,
    /// A block is longer than the multifeed accepts.
    BlockTooLarge {
        /// The block's index.
        index: u64,
        /// Its bytes.
        bytes: u64,
        /// The limit, [`Limits::block_bytes`](multifeed_core::Limits::block_bytes).
        max: usize,
    },
    /// The multifeed holds other blocks than the folder under the same key.
    Conflict {
        /// The first block that differs.
        index: u64,
    },
    /// The store could not be opened.
    Store(Failure),
    /// The store failed.
    StoreFailed(StoreFailure),
    /// The multifeed refused a call.
    Misuse(Misuse),
    /// The multifeed did not accept the blocks.
    NotAccepted {
        /// The blocks that it accepted.
        length: u64,
        /// Why, if it said so.
        reason: Option<CloseReason>,
    },
}

/// What a folder is that cannot be read as a core.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Layout {
    /// It has no file `oplog`.
    Unknown,
    /// The RocksDB database of hypercore 11 or corestore 7.
    RocksDb,
    /// The files of hypercore 9 or older.
    Hypercore9,
    /// A corestore 6: a folder with many cores.
    Corestore,
}

impl ImportError {
    /// Adds a path to an error of the operating system.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        |source| Self::Io { path, source }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "is not the folder of a hypercore: it has no file oplog",
            Self::RocksDb => {
                "is a database of hypercore 11 or corestore 7, which cannot be read here: adopt \
                 the core by its key, and let the JavaScript program replicate it"
            }
            Self::Hypercore9 => {
                "is a core of hypercore 9 or older, whose signatures cover something else"
            }
            Self::Corestore => {
                "is a corestore: import each folder below cores/ that has a file oplog"
            }
        })
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Layout { path, layout } => write!(f, "{} {layout}", path.display()),
            Self::Damaged { file, what } => write!(f, "the file {file} is damaged: {what}"),
            Self::Unsupported(what) => write!(f, "the core is not supported: {what}"),
            Self::Empty => f.write_str("the core has no blocks"),
            Self::Incomplete { held, length } => write!(
                f,
                "the folder holds the first {held} of {length} blocks: fetch the others with the \
                 program that wrote it, or import only the first {held}"
            ),
            Self::Unsigned => {
                f.write_str("the blocks in the folder are not those that the author signed")
            }
            Self::BlockTooLarge { index, bytes, max } => {
                write!(f, "block {index} has {bytes} bytes, and a multifeed accepts {max}")
            }
            Self::Conflict { index } => {
                write!(f, "the multifeed holds another block {index} than the folder")
            }
            Self::Store(failure) => write!(f, "the store cannot be opened: {failure}"),
            Self::StoreFailed(failure) => failure.fmt(f),
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::NotAccepted { length, reason: None } => {
                write!(f, "the multifeed accepted only {length} blocks")
            }
            Self::NotAccepted { length, reason: Some(reason) } => {
                write!(f, "the multifeed accepted only {length} blocks: {reason}")
            }
        }
    }
}

impl Error for ImportError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io { source, .. } => Some(source),
            Self::Store(failure) => failure.source(),
            _ => None,
        }
    }
}

impl From<Failure> for ImportError {
    fn from(failure: Failure) -> Self {
        Self::Store(failure)
    }
}

impl From<Misuse> for ImportError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}
