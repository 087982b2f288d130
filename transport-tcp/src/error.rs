//! The errors of calls of a [`Node`](crate::Node).
//!
//! Rule: the variant is the stable kind to match on. The error of the operating system is kept as
//! the source.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::{error, fmt, io};

use multifeed_core::{Misuse, StoreFailure};

/// Why a call of a [`Node`](crate::Node) failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum NodeError {
    /// Another socket listens on this address.
    AddrInUse {
        /// The address to listen on.
        addr: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Listening on this address is not permitted.
    Permission {
        /// The address to listen on.
        addr: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// Listening on this address failed for another reason.
    Listen {
        /// The address to listen on.
        addr: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system gave no random bytes.
    Random(io::Error),
    /// A thread for the store could not be started.
    Thread(io::Error),
    /// The file for the recording could not be created.
    Record {
        /// The path of the file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The store could not be opened.
    Store(multifeed_store::Failure),
    /// A limit of [`ConnectionLimits`](crate::ConnectionLimits) on addresses, or the limit on
    /// sources, is reached.
    TooMany,
    /// The node was closed before or during the call.
    Closed,
    /// The caller made a mistake.
    Misuse(Misuse),
    /// The store failed during this request.
    Failed(StoreFailure),
}

impl NodeError {
    pub(crate) fn listen(addr: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::AddrInUse { addr, source },
            io::ErrorKind::PermissionDenied => Self::Permission { addr, source },
            _ => Self::Listen { addr, source },
        }
    }
}

impl fmt::Display for NodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddrInUse { addr, .. } => write!(f, "{addr} is in use"),
            Self::Permission { addr, .. } => write!(f, "listening on {addr} is not permitted"),
            Self::Listen { addr, .. } => write!(f, "listening on {addr} failed"),
            Self::Random(_) => f.write_str("the operating system gave no random bytes"),
            Self::Thread(_) => f.write_str("no thread for the store could be started"),
            Self::Record { path, .. } => {
                write!(f, "the recording {} could not be created", path.display())
            }
            Self::Store(failure) => failure.fmt(f),
            Self::TooMany => f.write_str("too many addresses"),
            Self::Closed => f.write_str("the node is closed"),
            Self::Misuse(misuse) => misuse.fmt(f),
            Self::Failed(failure) => failure.fmt(f),
        }
    }
}

impl error::Error for NodeError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::AddrInUse { source, .. }
            | Self::Permission { source, .. }
            | Self::Listen { source, .. }
            | Self::Record { source, .. }
            | Self::Random(source)
            | Self::Thread(source) => Some(source),
            // `Display` already shows the failure itself, so its cause comes next.
            Self::Store(failure) => failure.source(),
            Self::TooMany | Self::Closed => None,
            Self::Misuse(misuse) => Some(misuse),
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl From<Misuse> for NodeError {
    fn from(misuse: Misuse) -> Self {
        Self::Misuse(misuse)
    }
}

impl From<StoreFailure> for NodeError {
    fn from(failure: StoreFailure) -> Self {
        Self::Failed(failure)
    }
}
