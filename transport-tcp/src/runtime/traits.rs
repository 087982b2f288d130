//! The interface between a node and an async runtime: tasks, timers and TCP.
//!
//! Rule: byte streams use the traits of `futures-io`, so no runtime appears in this interface.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncWrite};

/// A boxed future that can move between threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// An async runtime: starts tasks, timers and sockets.
pub trait Runtime: Send + Sync + 'static {
    /// Starts a task, which runs until it ends. The node ends all its tasks itself.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Connects to an address. The node drops the future if it takes too long.
    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>>;

    /// Registers a bound, non-blocking listener.
    fn listen(&self, listener: TcpListener) -> io::Result<Box<dyn Listener>>;
}

/// A socket that accepts connections.
pub trait Listener: Send + Sync {
    /// Waits for the next connection. Dropping the future loses no connection.
    fn accept(&self) -> BoxFuture<'_, io::Result<(ByteStream, SocketAddr)>>;
}

/// The two directions of a connection, which two tasks can use independently.
///
/// The connection ends when both are dropped. Closing the writer ends that direction, which the
/// peer reads as the end of the stream.
pub struct ByteStream {
    /// Reads what the peer sends.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// Writes to the peer.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
}
