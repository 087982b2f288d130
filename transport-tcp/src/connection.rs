//! One connection: a reader task and a writer task around the core.
//!
//! Rule: neither task knows the protocol. The reader waits while the driver is busy, so TCP slows
//! the peer down. The writer holds one chunk, so a slow peer delays no other connection and uses no
//! more memory.

use std::net::SocketAddr;
use std::{io, mem};

use async_channel::{Receiver, Sender};
use bytes::BytesMut;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use multifeed_core::{ConnectionId, Instant, PublicKey, Role};

use crate::events::DisconnectReason;
use crate::runtime::traits::ByteStream;
use crate::task_event::TaskEvent;
use crate::tasks::{Stop, Tasks};

/// The most bytes read or written at once; each connection holds two such chunks. 64 KiB is a usual
/// block and the default of `Limits::range_bytes`, so one range fits. A judgement: the README
/// ("Throughput of one feed") attributes 12 % of the processor time to the kernel at this size,
/// so larger chunks could gain little.
pub(crate) const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// The reader's first buffer, which an idle connection keeps. A handshake message
/// fits. 4 KiB is one page of memory.
const CHUNK_BYTES_MIN: usize = 4 * 1024;

/// The most chunks that the writer has not confirmed. One, because the core keeps the rest and may
/// still reorder it by priority.
const CHUNKS_MAX: usize = 1;

/// What a reader passes to the driver, in stream order.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) connection: ConnectionId,
    pub(crate) content: ReceivedContent,
}

#[derive(Debug)]
pub(crate) enum ReceivedContent {
    Bytes(Vec<u8>),
    /// The stream ended, with the error if it failed. Nothing follows.
    End(Option<io::Error>),
}

/// The driver's side of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) addr: SocketAddr,
    pub(crate) role: Role,
    /// The peer's key, once it has proved to be a member.
    pub(crate) remote: Option<PublicKey>,
    /// Set while the last bytes are being sent.
    pub(crate) closing: Option<Closing>,
    /// Whether the core may have bytes to send.
    pub(crate) has_bytes: bool,
    writer: Writer,
    _stop: Stop,
}

/// The state of a connection that the core or the node is closing.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) reason: DisconnectReason,
    /// When it is cut off.
    pub(crate) until: Instant,
}

/// A stream to start a connection with.
pub(crate) struct NewStream {
    pub(crate) connection: ConnectionId,
    pub(crate) stream: ByteStream,
    pub(crate) addr: SocketAddr,
    pub(crate) role: Role,
}

/// The channels on which tasks report to the driver.
#[derive(Clone)]
pub(crate) struct ToDriver {
    pub(crate) received: Sender<Received>,
    pub(crate) events: Sender<TaskEvent>,
}

#[derive(Debug)]
enum Writer {
    /// Ready for a chunk; the buffer is empty.
    Idle { chunks: Sender<BytesMut>, buffer: BytesMut },
    /// Writing a chunk.
    Busy { chunks: Sender<BytesMut> },
    /// Closed its direction of the stream, or failed.
    Ended,
}

impl Connection {
    /// Starts the reader and the writer of a stream.
    pub(crate) fn start(new: NewStream, tasks: &Tasks, to_driver: ToDriver) -> Self {
        use tracing::Instrument;
        let NewStream { connection, stream, addr, role } = new;
        let stop = Stop::new();
        let span = tracing::debug_span!("connection", id = connection.0, %addr, ?role);
        let (sender, chunks) = async_channel::bounded(CHUNKS_MAX);
        let reader = read(connection, stream.reader, to_driver.received);
        let writer = write(connection, stream.writer, chunks, to_driver.events);
        tasks.spawn(&stop, reader.instrument(span.clone()));
        tasks.spawn(&stop, writer.instrument(span));
        let writer = Writer::Idle { chunks: sender, buffer: BytesMut::new() };
        Self { addr, role, remote: None, closing: None, has_bytes: false, writer, _stop: stop }
    }

    /// Returns an empty buffer to fill, if the writer is ready and there may be bytes to send.
    pub(crate) fn buffer(&mut self) -> Option<&mut BytesMut> {
        match &mut self.writer {
            Writer::Idle { buffer, .. } if self.has_bytes => Some(buffer),
            _ => None,
        }
    }

    /// Passes the contents of the buffer to the writer.
    pub(crate) fn send(&mut self) {
        self.writer = match mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Idle { chunks, buffer } if !buffer.is_empty() => {
                // Fails only if the writer has failed, which its event reports.
                match chunks.try_send(buffer) {
                    Ok(()) => Writer::Busy { chunks },
                    Err(_) => Writer::Ended,
                }
            }
            other => other,
        };
    }

    /// Marks the writer as idle after it has written its chunk. Keeps the buffer only if there is
    /// more to send, so an idle connection holds no memory.
    pub(crate) fn on_written(&mut self, buffer: BytesMut) {
        let buffer = if self.has_bytes { buffer } else { BytesMut::new() };
        self.writer = match mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Busy { chunks } => Writer::Idle { chunks, buffer },
            other => other,
        };
    }

    /// Stops sending. The writer then closes its direction of the stream, if that still works.
    pub(crate) fn end_writer(&mut self) {
        self.writer = Writer::Ended;
        self.has_bytes = false;
    }

    /// Returns whether every byte is with the operating system and the direction is still open.
    pub(crate) fn is_flushed(&self) -> bool {
        !self.has_bytes && matches!(self.writer, Writer::Idle { .. })
    }
}

async fn read(
    connection: ConnectionId,
    mut reader: impl AsyncRead + Unpin,
    received: Sender<Received>,
) {
    let mut buffer = vec![0; CHUNK_BYTES_MIN];
    loop {
        let read = match reader.read(&mut buffer).await {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read,
        };
        let is_full = matches!(read, Ok(count) if count == buffer.len());
        let content = match read {
            Ok(0) => ReceivedContent::End(None),
            Ok(count) => ReceivedContent::Bytes(buffer[..count].to_vec()),
            Err(error) => ReceivedContent::End(Some(error)),
        };
        let is_end = matches!(content, ReceivedContent::End(_));
        if received.send(Received { connection, content }).await.is_err() || is_end {
            return;
        }
        if is_full && buffer.len() < CHUNK_BYTES_MAX {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}

async fn write(
    connection: ConnectionId,
    mut writer: impl AsyncWrite + Unpin,
    chunks: Receiver<BytesMut>,
    events: Sender<TaskEvent>,
) {
    while let Ok(mut buffer) = chunks.recv().await {
        let event = match write_all(&mut writer, &buffer).await {
            Ok(()) => {
                buffer.clear();
                TaskEvent::Written { connection, buffer }
            }
            Err(error) => TaskEvent::WriteFailed { connection, error },
        };
        let has_failed = matches!(event, TaskEvent::WriteFailed { .. });
        if events.send(event).await.is_err() || has_failed {
            return;
        }
    }
    // Fails if the peer has already closed the stream.
    let _ = writer.close().await;
}

async fn write_all(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}
