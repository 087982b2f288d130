//! Frames messages on a local socket: a length of four bytes, little-endian, then the value in
//! postcard.

use std::io::{self, ErrorKind};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;

/// The longest message. Derivation: a screen of 500 × 200 cells, with up to 40 bytes of text and
/// colour codes per cell.
pub(super) const MESSAGE_BYTES_MAX: usize = 4 << 20;
/// Messages queued in each direction; further senders wait. Chosen: bounds memory and absorbs
/// bursts.
pub(super) const MESSAGES_MAX: usize = 16;

/// Transfers messages in both directions until one end closes. The sender's messages go out;
/// incoming messages arrive at the receiver.
pub(super) fn spawn_pumps<Out, In>(
    read: impl AsyncRead + Unpin + Send + 'static,
    write: impl AsyncWrite + Unpin + Send + 'static,
) -> (mpsc::Sender<Out>, mpsc::Receiver<In>)
where
    Out: Serialize + Send + 'static,
    In: DeserializeOwned + Send + 'static,
{
    let (sender, out) = mpsc::channel(MESSAGES_MAX);
    let (incoming, receiver) = mpsc::channel(MESSAGES_MAX);
    tokio::spawn(async move {
        // A closed connection and an invalid message both end the connection.
        tokio::select! {
            _ = read_messages(read, incoming) => {}
            _ = write_messages(write, out) => {}
        }
    });
    (sender, receiver)
}

async fn read_messages<In: DeserializeOwned>(
    mut read: impl AsyncRead + Unpin,
    incoming: mpsc::Sender<In>,
) -> io::Result<()> {
    loop {
        let length = read.read_u32_le().await? as usize;
        if length > MESSAGE_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        // Memory grows with the bytes received, not with the announced length.
        let mut bytes = Vec::new();
        (&mut read).take(length as u64).read_to_end(&mut bytes).await?;
        if bytes.len() < length {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        let message = postcard::from_bytes(&bytes).map_err(|_| ErrorKind::InvalidData)?;
        if incoming.send(message).await.is_err() {
            return Ok(());
        }
    }
}

async fn write_messages<Out: Serialize>(
    mut write: impl AsyncWrite + Unpin,
    mut out: mpsc::Receiver<Out>,
) -> io::Result<()> {
    while let Some(message) = out.recv().await {
        let bytes = postcard::to_allocvec(&message).map_err(|_| ErrorKind::InvalidData)?;
        if bytes.len() > MESSAGE_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        let length = u32::try_from(bytes.len()).map_err(|_| ErrorKind::InvalidData)?;
        write.write_all(&length.to_le_bytes()).await?;
        write.write_all(&bytes).await?;
    }
    Ok(())
}
