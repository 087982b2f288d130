use std::collections::VecDeque;
use std::sync::Mutex;

use futures_lite::future::{block_on, pending, ready};

use super::*;
use crate::runtime::traits::{BoxFuture, ByteStream};

/// Calls in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

/// A listener that returns the scripted results, and then blocks.
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

/// A runtime whose sleeps end at once.
struct InstantSleep(Log);

impl Runtime for InstantSleep {
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
    let (events, received) = async_channel::bounded(1);
    let accept = accept(Box::new(listener), Arc::new(InstantSleep(Arc::clone(&log))), events);
    let received = async {
        received.recv().await.expect("a connection at the end");
    };
    block_on(futures_lite::future::or(accept, received));
    std::mem::take(&mut *log.lock().expect("not poisoned"))
}

#[test]
fn running_out_of_descriptors_pauses_accepting_and_does_not_end_it() {
    // std maps EMFILE to a kind without a name.
    let emfile = Some(io::ErrorKind::Other);
    let log = log_of(&[emfile, emfile, None]);
    assert_eq!(log, ["accept", "sleep", "accept", "sleep", "accept"]);
}

#[test]
fn a_connection_aborted_before_accept_causes_no_pause() {
    let log = log_of(&[Some(io::ErrorKind::ConnectionAborted), None]);
    assert_eq!(log, ["accept", "accept"]);
}

#[test]
fn dropping_a_listener_frees_its_port() {
    let (listener, addr) = bind(([127, 0, 0, 1], 0).into()).expect("binds");
    assert_ne!(addr.port(), 0);
    let error = bind(addr).expect_err("taken");
    assert!(matches!(error, NodeError::AddrInUse { addr: taken, .. } if taken == addr));
    drop(listener);
    bind(addr).expect("free again");
}
