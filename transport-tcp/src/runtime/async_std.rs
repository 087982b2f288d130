//! The async-std runtime. It is discontinued but still in use.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::net::{TcpListener, TcpStream};
use futures_lite::AsyncWrite;

use super::traits::{BoxFuture, ByteStream, Listener, Runtime};

/// The global executor of `async-std`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsyncStd;

impl Runtime for AsyncStd {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        // Dropping the handle detaches the task.
        drop(async_std::task::spawn(task));
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async_std::task::sleep(duration))
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>> {
        Box::pin(async move { Ok(split(TcpStream::connect(addr).await?)) })
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::from(listener)))
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
    ByteStream { reader: Box::new(stream.clone()), writer: Box::new(Writer(stream)) }
}

/// Closing a stream of async-std only flushes it. This wrapper also shuts the direction down, so
/// the peer reads the end of the stream.
struct Writer(TcpStream);

impl AsyncWrite for Writer {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }
}
