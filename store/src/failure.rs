//! Why a store failed: a kind for programs, a path and a source for people.
//!
//! Rule: programs decide by the kind alone.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use multifeed_core::StoreFailure;

/// A failed call of a store. [`Error::source`] is the error of the operating system or the engine.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    /// Why the store failed earlier, if it is closed.
    cause: Option<FailureKind>,
    path: Option<PathBuf>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// The kind of a [`Failure`], by what a program can do about it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FailureKind {
    /// Reading or writing failed.
    Io,
    /// The disk is full, or a quota is used up.
    Full,
    /// The contents are not what a store wrote.
    Damaged,
    /// Another handle or process has the store open.
    Locked,
    /// A newer version of this crate wrote the store.
    TooNew {
        /// The version in the store.
        found: u64,
    },
    /// The store failed earlier and must be reopened.
    Closed,
    /// The store was opened for reading.
    ReadOnly,
}

impl Failure {
    /// Makes a failure without path and source.
    pub fn new(kind: FailureKind) -> Self {
        Self { kind, cause: None, path: None, source: None }
    }

    /// Makes a failure from an error of the operating system, which determines the kind.
    pub fn from_io(error: io::Error) -> Self {
        let kind = match error.kind() {
            // EFBIG: a limit on the size of a file is a quota too.
            io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::FileTooLarge => FailureKind::Full,
            // A read past the end, or invalid bytes: the file is not what was written.
            io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidData => FailureKind::Damaged,
            _ => FailureKind::Io,
        };
        Self::new(kind).with_source(error)
    }

    /// Makes the failure of a store that is closed since it failed in this way.
    pub(crate) fn closed(cause: Option<FailureKind>) -> Self {
        Self { cause, ..Self::new(FailureKind::Closed) }
    }

    /// Adds the path of the file.
    #[must_use]
    pub fn with_path(mut self, path: &Path) -> Self {
        self.path = Some(path.to_path_buf());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Returns the kind.
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// Returns the path of the file, if known.
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
            FailureKind::Locked => f.write_str("the store is in use by another process")?,
            FailureKind::TooNew { found } => write!(f, "the store has the newer format {found}")?,
            FailureKind::Closed => f.write_str("the store failed before and must be reopened")?,
            FailureKind::ReadOnly => f.write_str("the store is open for reading only")?,
        }
        match &self.path {
            // Debug escapes control characters, which a terminal would obey.
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
            FailureKind::Io | FailureKind::ReadOnly => Self::Io,
            FailureKind::Full => Self::Full,
            FailureKind::Damaged => Self::Damaged,
            FailureKind::TooNew { .. } => Self::TooNew,
            // `Locked` occurs only in `open`, so no request is ever answered with it.
            FailureKind::Locked | FailureKind::Closed => Self::Closed,
        }
    }
}

/// A closed store answers with its first failure: what to do about it depends on that one.
impl From<&Failure> for StoreFailure {
    fn from(failure: &Failure) -> Self {
        failure.cause.unwrap_or(failure.kind).into()
    }
}
