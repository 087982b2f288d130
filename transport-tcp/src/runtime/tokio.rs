//! The node on tokio.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::{BoxFuture, ByteStream, Listener, Runtime};

/// The tokio runtime that was current when this was made.
#[derive(Clone, Debug)]
pub struct Tokio(Handle);

impl Tokio {
    /// The runtime around the caller.
    ///
    /// # Errors
    /// When there is none.
    pub fn current() -> io::Result<Self> {
        Handle::try_current().map(Self).map_err(io::Error::other)
    }
}

impl Runtime for Tokio {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move { tokio::time::sleep(duration).await })
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>> {
        Box::pin(async move { Ok(split(TcpStream::connect(addr).await?)) })
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Box<dyn Listener>> {
        let _context = self.0.enter();
        Ok(Box::new(TcpListener::from_std(listener)?))
    }
}

impl Listener for TcpListener {
    fn accept(&self) -> BoxFuture<'_, io::Result<(ByteStream, SocketAddr)>> {
        Box::pin(async move {
            let (stream, addr) = self.accept().await?;
            Ok((split(stream), addr))
        })
    }
}

fn split(stream: TcpStream) -> ByteStream {
    // It fails only where the peer is gone already; reading will say so.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    ByteStream { reader: Box::new(reader.compat()), writer: Box::new(writer.compat_write()) }
}
