//! What the tasks of a node report to its driver.

use std::io;
use std::net::SocketAddr;

use bytes::BytesMut;
use multifeed_core::{ConnectionId, PublicKey};

use crate::discovery::report::{Origin, Step};
use crate::events::DialFailure;
use crate::runtime::traits::ByteStream;

/// Something that a task has done or found.
pub(crate) enum TaskEvent {
    /// The writer has written its chunk and returns the buffer.
    Written {
        connection: ConnectionId,
        buffer: BytesMut,
    },
    WriteFailed {
        connection: ConnectionId,
        error: io::Error,
    },
    Accepted {
        stream: ByteStream,
        addr: SocketAddr,
    },
    Dialled {
        addr: SocketAddr,
        result: Result<ByteStream, DialFailure>,
    },
    PeerFound {
        origin: Origin,
        remote: Option<PublicKey>,
        addrs: Vec<SocketAddr>,
    },
    SourceStep {
        origin: Origin,
        step: Step,
    },
}
