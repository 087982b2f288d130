//! Closing: all tasks end, and addresses and folders are free.

use std::io::Read;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use multifeed_core::{Group, KeyPair, StoreFailure};
use multifeed_store::FailureKind;
use multifeed_tcp::{Node, NodeError, NodeEvent};

use crate::host::{Host, blocks, key_pair, loopback, write};

pub(crate) async fn a_taken_port_is_reported(host: Host) {
    let (a, taken) = host.listening().await;
    let error = Node::open(host.options().listen(taken)).await.expect_err("fails");
    assert!(matches!(error, NodeError::AddrInUse { addr, .. } if addr == taken), "{error:?}");
    assert_eq!(error.to_string(), format!("{taken} is in use"));
    let source = std::error::Error::source(&error).expect("the error of the system");
    assert!(source.downcast_ref::<std::io::Error>().is_some());

    let error = a.listen(taken).await.expect_err("fails");
    assert!(matches!(error, NodeError::AddrInUse { addr, .. } if addr == taken), "{error:?}");
    let second = a.listen(loopback()).await.expect("a free port");
    assert_eq!(a.local_addrs().await.expect("open"), [taken, second]);
}

pub(crate) async fn closing_ends_everything(host: Host) {
    let (a, addr) = host.listening().await;
    let b = Node::open(host.options()).await.expect("opens");
    let mut at_b = b.subscribe();
    b.dial(addr).await.expect("room");
    // Unanswered dials end with the node too.
    let (mut at_a, handle) = (a.subscribe(), a.clone());
    let from_a = write(&a, 1, &["last words"]).await;
    host.feed(&b, from_a, 1).await;

    let start = Instant::now();
    host.in_time(a.close()).await;
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    assert!(matches!(handle.feeds().await, Err(NodeError::Closed)));
    assert!(matches!(handle.dial(addr).await, Err(NodeError::Closed)));
    handle.close().await;
    host.in_time(async { while at_a.next().await.is_some() {} }).await;
    drop(TcpListener::bind(addr).expect("the port is free"));

    let gone = |event| matches!(event, NodeEvent::Disconnected { .. }).then_some(());
    host.event(&mut at_b, gone).await;
    assert!(b.peers().await.expect("open").is_empty());
}

pub(crate) async fn dropping_the_last_handle_closes(host: Host) {
    let (a, addr) = host.listening().await;
    let mut events = a.subscribe();
    let clone = a.clone();
    drop(a);
    clone.feeds().await.expect("open");
    drop(clone);
    host.in_time(async { while events.next().await.is_some() {} }).await;
    drop(TcpListener::bind(addr).expect("the port is free"));
}

pub(crate) async fn a_folder_is_locked(host: Host) {
    let folder = tempfile::tempdir().expect("a folder");
    let options = || host.options().folder(folder.path().join("made/on/the/way"));
    let a = Node::open(options()).await.expect("opens");
    let key = write(&a, 1, &["kept"]).await;
    let error = Node::open(options()).await.expect_err("fails");
    let NodeError::Store(failure) = &error else { panic!("{error:?}") };
    assert_eq!(failure.kind(), FailureKind::Locked);
    // Calls made before closing complete.
    let feed = a.writer("self", key_pair(1)).await.expect("a writer");
    let append = a.append(feed, blocks(&["also kept"]));
    let closing = async {
        futures_lite::future::yield_now().await;
        a.close().await;
        Ok(())
    };
    futures_lite::future::try_zip(append, closing).await.expect("appends");

    let a = Node::open(options()).await.expect("the folder is free");
    assert_eq!(host.feed(&a, key, 2).await, blocks(&["kept", "also kept"]));
    a.close().await;

    let mut other = options();
    other.group = Group::open("another group");
    let error = Node::open(other).await.expect_err("fails");
    assert!(matches!(error, NodeError::Failed(StoreFailure::WrongGroup)), "{error:?}");
    Node::open(options()).await.expect("nothing was left running");
}

/// The peer accepts the connection and reads one byte; then it neither reads nor closes.
pub(crate) async fn a_frozen_peer_barely_delays_closing(host: Host) {
    let silent = TcpListener::bind(loopback()).expect("binds");
    let addr = silent.local_addr().expect("bound");
    let a = Node::open(host.options()).await.expect("opens");
    let mut events = a.subscribe();
    a.dial(addr).await.expect("room");
    let connected = |event| matches!(event, NodeEvent::Connected { .. }).then_some(());
    host.event(&mut events, connected).await;
    let (mut stream, _) = silent.accept().expect("accepts");
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("a handshake");

    let start = Instant::now();
    host.in_time(a.close()).await;
    assert!(start.elapsed() < Duration::from_millis(2_500), "{:?}", start.elapsed());
}

pub(crate) async fn debug_shows_no_secret(host: Host) {
    let mut options = host.options().identity(KeyPair::from_seed(&[0xcd; 32]));
    options.group = Group::keyed([0xab; 32]);
    let shown = format!("{options:?}");
    assert!(shown.starts_with("NodeOptions {") && shown.contains("Group(topic "), "{shown}");
    for secret in ["abab", "cdcd", "171, 171", "205, 205"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    let node = Node::open(options).await.expect("opens");
    assert!(format!("{node:?}").starts_with("Node { public_key: PublicKey("), "{node:?}");
    node.close().await;
    assert!(format!("{node:?}").contains("is_closed: true"), "{node:?}");
}
