use std::collections::VecDeque;
use std::sync::Mutex;

use futures_lite::future::{block_on, pending, ready};

use super::*;
use crate::runtime::{BoxFuture, ByteStream};

/// What happened, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// A listener that answers what it was told to, and then nothing.
struct Scripted(Mutex<VecDeque<Option<io::ErrorKind>>>, Log);

impl Listener for Scripted {
    fn accept(&self) -> BoxFuture<'_, io::Result<(ByteStream, SocketAddr)>> {
        let answer = match self.0.lock().expect("not poisoned").pop_front() {
            None => return Box::pin(pending()),
            Some(Some(kind)) => Err(kind.into()),
            Some(None) => {
                let reader = Box::new(futures_lite::io::empty());
                let writer = Box::new(futures_lite::io::sink());
                Ok((ByteStream { reader, writer }, ([127, 0, 0, 1], 1).into()))
            }
        };
        self.1.lock().expect("not poisoned").push("accept");
        Box::pin(ready(answer))
    }
}

/// A runtime whose time costs nothing.
struct Timeless(Log);

impl Runtime for Timeless {
    fn spawn(&self, _: BoxFuture<'static, ()>) {}

    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        self.0.lock().expect("not poisoned").push("sleep");
        Box::pin(ready(()))
    }

    fn connect(&self, _: SocketAddr) -> BoxFuture<'static, io::Result<ByteStream>> {
        Box::pin(pending())
    }

    fn listen(&self, _: TcpListener) -> io::Result<Box<dyn Listener>> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

fn log_of(script: &[Option<io::ErrorKind>]) -> Vec<&'static str> {
    let log = Log::default();
    let listener = Scripted(Mutex::new(script.iter().copied().collect()), Arc::clone(&log));
    let (notices, received) = async_channel::bounded(1);
    let accept = accept(Box::new(listener), Arc::new(Timeless(Arc::clone(&log))), notices);
    let received = async {
        received.recv().await.expect("a connection at the end");
    };
    block_on(futures_lite::future::or(accept, received));
    std::mem::take(&mut *log.lock().expect("not poisoned"))
}

#[test]
fn no_descriptors_left_is_a_pause_and_not_the_end() {
    // What EMFILE is to std: a kind without a name.
    let emfile = Some(io::ErrorKind::Other);
    let log = log_of(&[emfile, emfile, None]);
    assert_eq!(log, ["accept", "sleep", "accept", "sleep", "accept"]);
}

#[test]
fn a_connection_that_went_away_delays_nobody() {
    let log = log_of(&[Some(io::ErrorKind::ConnectionAborted), None]);
    assert_eq!(log, ["accept", "accept"]);
}

#[test]
fn a_listener_frees_its_port_when_it_is_dropped() {
    let (listener, addr) = bind(([127, 0, 0, 1], 0).into()).expect("binds");
    assert_ne!(addr.port(), 0);
    let error = bind(addr).expect_err("taken");
    assert!(matches!(error, NodeError::AddrInUse { addr: taken, .. } if taken == addr));
    drop(listener);
    bind(addr).expect("free again");
}
