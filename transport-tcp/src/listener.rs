//! Accepting connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_channel::Sender;
use socket2::{Domain, Protocol, Socket, Type};

use crate::driver::Notice;
use crate::error::NodeError;
use crate::runtime::{Listener, Runtime};

#[cfg(test)]
mod tests;

/// Pause after an error that the next connection would meet too, as when there are no file
/// descriptors left.
const ACCEPT_PAUSE_MS: u64 = 200;

/// Connections that the system completes before we accept them: enough that a burst of strangers
/// does not make a member's first packet be lost. Systems take less if they want.
const BACKLOG_MAX: i32 = 1_024;

/// A socket that listens, not yet in the hands of a runtime.
pub(crate) fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), NodeError> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // On Unix it frees the port from connections that are over; on Windows it would share the
        // port with anyone.
        #[cfg(unix)]
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG_MAX)?;
        socket.set_nonblocking(true)?;
        let listener = TcpListener::from(socket);
        let addr = listener.local_addr()?;
        Ok((listener, addr))
    };
    bound().map_err(|source| NodeError::listen(addr, source))
}

/// Hands every connection to the driver, until that is gone.
pub(crate) async fn accept(
    listener: Box<dyn Listener>,
    runtime: Arc<dyn Runtime>,
    notices: Sender<Notice>,
) {
    let mut failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => {
                failing = false;
                if notices.send(Notice::Accepted { stream, addr }).await.is_err() {
                    return;
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                // Once for a run of them: the reason does not change five times a second.
                if !failing {
                    tracing::warn!(%error, "accepting is paused");
                }
                failing = true;
                runtime.sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

/// The connection went away before it was accepted; the next may be sound.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
