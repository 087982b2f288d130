//! Listening sockets, and the task that accepts connections.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use async_channel::Sender;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::NodeError;
use crate::runtime::traits::{Listener, Runtime};
use crate::task_event::TaskEvent;

#[cfg(test)]
mod tests;

/// Pause after an error that would affect the next connection too, such as running out of file
/// descriptors. A judgement: five attempts a second cost no measurable processor time, and a user
/// does not notice 200 ms. Go's `net/http.Server.Serve` backs off from 5 ms to 1 s.
const ACCEPT_PAUSE_MS: u64 = 200;

/// Connections that the system completes before we accept them. Enough that a burst of connections
/// does not make the system drop a member's first packet; the test
/// `silent_connections_keep_no_member_out` opens 1,000. Systems may cap it (Linux: `somaxconn`,
/// 4,096 by default since 5.4).
const BACKLOG_MAX: i32 = 1_024;

/// Binds a socket and listens on it. It does not belong to a runtime yet.
pub(crate) fn bind(addr: SocketAddr) -> Result<(TcpListener, SocketAddr), NodeError> {
    let bound = || {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        // On Unix this frees the port from closed connections. On Windows it would allow any other
        // program to share the port.
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

/// Passes every connection to the driver, until the driver is gone.
pub(crate) async fn accept(
    listener: Box<dyn Listener>,
    runtime: Arc<dyn Runtime>,
    events: Sender<TaskEvent>,
) {
    let mut is_failing = false;
    loop {
        match listener.accept().await {
            Ok((stream, addr)) => {
                is_failing = false;
                if events.send(TaskEvent::Accepted { stream, addr }).await.is_err() {
                    return;
                }
            }
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                // Warn once per series of errors: the cause does not change five times a second.
                if !is_failing {
                    tracing::warn!(%error, "accepting is paused");
                }
                is_failing = true;
                runtime.sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await;
            }
        }
    }
}

/// Returns whether the error concerns only the connection that was to be accepted: it ended before
/// that. The next one may succeed.
fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
