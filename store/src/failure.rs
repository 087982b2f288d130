//! What went wrong under a store, in its own words and in the operating system's.
//!
//! Rule: the kind decides what a program does; path and source are for people.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use multifeed_core::StoreFailure;

/// A store could not do what was asked. [`Error::source`] is what the operating system or the
/// engine said.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    path: Option<PathBuf>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What a program can do about a [`Failure`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// Reading or writing failed.
    Io,
    /// No space, or a quota is used up.
    Full,
    /// What was read is not what a store wrote.
    Damaged,
    /// Somebody else has the store open.
    Locked,
    /// The store was written by a newer version of this crate.
    TooNew {
        /// The version in the store.
        found: u64,
    },
    /// The store failed before and must be reopened.
    Closed,
}

impl Failure {
    /// A failure without a place or a cause, for stores that have none.
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, path: None, source: None }
    }

    /// A failure of the operating system; its kind follows from the error.
    pub fn from_io(error: io::Error) -> Self {
        let kind = match error.kind() {
            // EFBIG: the limit on the size of a file is a quota too.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => FailureKind::Full,
            // Read past the end, or bytes that make no sense: the file is not what was written.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => FailureKind::Damaged,
            _ => FailureKind::Io,
        };
        Self::new(kind).because(error)
    }

    /// The same failure, with the file it happened to.
    #[must_use]
    pub fn at(mut self, path: &Path) -> Self {
        self.path = Some(path.to_path_buf());
        self
    }

    /// The same failure, with what caused it.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What a program can do about it.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The file it happened to.
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            FailureKind::Io => f.write_str("reading or writing the store failed")?,
            FailureKind::Full => f.write_str("the store's disk is full")?,
            FailureKind::Damaged => f.write_str("the store is damaged, or not a store")?,
            FailureKind::Locked => f.write_str("the store is in use by somebody else")?,
            FailureKind::TooNew { found } => write!(f, "the store has the newer format {found}")?,
            FailureKind::Closed => f.write_str("the store failed before and must be reopened")?,
        }
        match &self.path {
            // Debug escapes what a terminal would obey in a file's name.
            Some(path) => write!(f, ": {path:?}"),
            None => Ok(()),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn Error + 'static))
    }
}

impl From<FailureKind> for StoreFailure {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Io => Self::Io,
            FailureKind::Full => Self::Full,
            FailureKind::Damaged => Self::Damaged,
            FailureKind::TooNew { .. } => Self::TooNew,
            // Who holds no lock holds no store that could answer.
            FailureKind::Locked | FailureKind::Closed => Self::Closed,
        }
    }
}

impl From<&Failure> for StoreFailure {
    fn from(failure: &Failure) -> Self {
        failure.kind.into()
    }
}
