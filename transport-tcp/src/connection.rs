//! One connection: a plain reader and a plain writer around the core.
//!
//! Rule: neither knows the protocol. The reader waits when the driver is slow, so that TCP slows
//! the peer; the writer holds one chunk, so that a slow peer delays nobody and grows nothing.

use std::net::SocketAddr;
use std::{io, mem};

use async_channel::{Receiver, Sender};
use bytes::BytesMut;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use multifeed_core::{ConnectionId, Instant, PublicKey, Role};

use crate::driver::Notice;
use crate::events::Ending;
use crate::runtime::ByteStream;
use crate::tasks::{Stop, Tasks};

/// Most bytes read or written at once. Larger ones are not faster, and each connection holds two.
pub(crate) const CHUNK_BYTES_MAX: usize = 64 * 1024;

/// What the reader starts with, and a connection that sends little keeps: a handshake fits.
const CHUNK_BYTES_MIN: usize = 4 * 1024;

/// Chunks given to the writer before it has said that it is ready: the bound of one in flight.
const CHUNKS_MAX: usize = 1;

/// Something that a reader has to say, in the order in which it happened.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) connection: ConnectionId,
    pub(crate) piece: Piece,
}

#[derive(Debug)]
pub(crate) enum Piece {
    Bytes(Vec<u8>),
    /// Nothing will follow.
    End(Option<io::Error>),
}

/// What the driver knows of one connection.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) addr: SocketAddr,
    pub(crate) role: Role,
    /// The peer, once it has proved to be a member.
    pub(crate) remote: Option<PublicKey>,
    /// Set while what is left is being sent.
    pub(crate) closing: Option<Closing>,
    /// The core may have bytes to send.
    pub(crate) has_bytes: bool,
    writer: Writer,
    _stop: Stop,
}

/// A connection that the core, or the node, has given up.
#[derive(Debug)]
pub(crate) struct Closing {
    pub(crate) ending: Ending,
    pub(crate) until: Instant,
}

#[derive(Debug)]
enum Writer {
    /// Ready for a chunk; the buffer is empty.
    Idle { chunks: Sender<BytesMut>, buffer: BytesMut },
    /// Writing one.
    Busy { chunks: Sender<BytesMut> },
    /// Told to close its direction, or failed.
    Ended,
}

impl Connection {
    /// Starts the two tasks of a stream.
    pub(crate) fn start(
        (connection, stream): (ConnectionId, ByteStream),
        (addr, role): (SocketAddr, Role),
        tasks: &Tasks,
        received: Sender<Received>,
        notices: Sender<Notice>,
    ) -> Self {
        use tracing::Instrument;
        let stop = Stop::new();
        let span = tracing::debug_span!("connection", id = connection.0, %addr, ?role);
        let (sender, chunks) = async_channel::bounded(CHUNKS_MAX);
        let reader = read(connection, stream.reader, received);
        let writer = write(connection, stream.writer, chunks, notices);
        tasks.spawn(&stop, reader.instrument(span.clone()));
        tasks.spawn(&stop, writer.instrument(span));
        let writer = Writer::Idle { chunks: sender, buffer: BytesMut::new() };
        Self { addr, role, remote: None, closing: None, has_bytes: false, writer, _stop: stop }
    }

    /// An empty buffer to fill, if the writer is ready and there may be something to send.
    pub(crate) fn buffer(&mut self) -> Option<&mut BytesMut> {
        match &mut self.writer {
            Writer::Idle { buffer, .. } if self.has_bytes => Some(buffer),
            _ => None,
        }
    }

    /// Gives what the buffer holds now to the writer.
    pub(crate) fn send(&mut self) {
        self.writer = match mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Idle { chunks, buffer } if !buffer.is_empty() => {
                // It fails only when the writer has failed, which its notice tells.
                match chunks.try_send(buffer) {
                    Ok(()) => Writer::Busy { chunks },
                    Err(_) => Writer::Ended,
                }
            }
            other => other,
        };
    }

    /// The writer has written its chunk. The buffer serves again where more is to be sent: a silent
    /// connection keeps no memory.
    pub(crate) fn written(&mut self, buffer: BytesMut) {
        let buffer = if self.has_bytes { buffer } else { BytesMut::new() };
        self.writer = match mem::replace(&mut self.writer, Writer::Ended) {
            Writer::Busy { chunks } => Writer::Idle { chunks, buffer },
            other => other,
        };
    }

    /// Nothing can be sent any more, or nothing will: the writer tells the peer if it still can.
    pub(crate) fn end_writer(&mut self) {
        self.writer = Writer::Ended;
        self.has_bytes = false;
    }

    /// All that there was to send is with the operating system, and the writer does not know yet
    /// whether it was all.
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
        let full = matches!(read, Ok(count) if count == buffer.len());
        let piece = match read {
            Ok(0) => Piece::End(None),
            Ok(count) => Piece::Bytes(buffer[..count].to_vec()),
            Err(error) => Piece::End(Some(error)),
        };
        let end = matches!(piece, Piece::End(_));
        if received.send(Received { connection, piece }).await.is_err() || end {
            return;
        }
        if full && buffer.len() < CHUNK_BYTES_MAX {
            buffer.resize(buffer.len() * 2, 0);
        }
    }
}

async fn write(
    connection: ConnectionId,
    mut writer: impl AsyncWrite + Unpin,
    chunks: Receiver<BytesMut>,
    notices: Sender<Notice>,
) {
    while let Ok(mut buffer) = chunks.recv().await {
        let notice = match write_all(&mut writer, &buffer).await {
            Ok(()) => {
                buffer.clear();
                Notice::Written { connection, buffer }
            }
            Err(error) => Notice::WriteFailed { connection, error },
        };
        let failed = matches!(notice, Notice::WriteFailed { .. });
        if notices.send(notice).await.is_err() || failed {
            return;
        }
    }
    // The peer may be gone already; then there is nobody to tell.
    let _ = writer.close().await;
}

async fn write_all(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}
