//! The tokio runtime.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_util::compat::{TokioAsyncReadCompatExt, TokioAsyncWriteCompatExt};

use super::traits::{BoxFuture, ByteStream, Listener, Runtime};

/// A handle of a tokio runtime.
#[derive(Clone, Debug)]
pub struct Tokio(Handle);

impl Tokio {
    /// Returns the current runtime of the caller.
    ///
    /// # Errors
    /// If there is none.
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
    // Fails only if the peer has closed the stream, which reading reports.
    let _ = stream.set_nodelay(true);
    let (reader, writer) = stream.into_split();
    ByteStream { reader: Box::new(reader.compat()), writer: Box::new(writer.compat_write()) }
}
