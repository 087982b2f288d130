//! What a node needs of an async runtime: tasks, a timer, TCP.
//!
//! Rule: a runtime is one small file, and nothing outside of it names the runtime. Byte streams
//! cross as the traits of `futures-io`.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::time::Duration;

use futures_lite::{AsyncRead, AsyncWrite};

#[cfg(feature = "async-std")]
mod async_std;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "async-std")]
pub use self::async_std::AsyncStd;
#[cfg(feature = "smol")]
pub use self::smol::Smol;
#[cfg(feature = "tokio")]
pub use self::tokio::Tokio;

/// A future that owns what it needs, on the heap.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Where a node's tasks, timers and sockets live.
pub trait Runtime: Send + Sync + 'static {
    /// Runs a task until it ends. The node ends all its tasks itself.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Resolves after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()>;

    /// Dials. The node drops the future when it takes too long.
    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>>;

    /// Takes over a bound listener that does not block.
    fn listen(&self, listener: TcpListener) -> io::Result<Box<dyn Listener>>;
}

/// A bound socket that accepts.
pub trait Listener: Send + Sync {
    /// The next connection. Dropping the future loses none.
    fn accept(&self) -> BoxFuture<'_, io::Result<(ByteStream, SocketAddr)>>;
}

/// Both directions of a connection, to be used from two tasks.
///
/// The connection ends when both are dropped; closing the writer says so to the peer.
pub struct ByteStream {
    /// What the peer sends.
    pub reader: Box<dyn AsyncRead + Send + Unpin>,
    /// What the peer gets.
    pub writer: Box<dyn AsyncWrite + Send + Unpin>,
}
