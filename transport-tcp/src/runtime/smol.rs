//! The smol runtime.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use smol::net::{TcpListener, TcpStream};

use super::traits::{BoxFuture, ByteStream, Listener, Runtime};

/// The global executor of `smol`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runtime for Smol {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        smol::spawn(task).detach();
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            smol::Timer::after(duration).await;
        })
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>> {
        Box::pin(async move { Ok(split(TcpStream::connect(addr).await?)) })
    }

    fn listen(&self, listener: std::net::TcpListener) -> io::Result<Box<dyn Listener>> {
        Ok(Box::new(TcpListener::from(smol::Async::new(listener)?)))
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
    ByteStream { reader: Box::new(stream.clone()), writer: Box::new(stream) }
}
