//! Connections: start, duplicates, limits and end.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use multifeed_core::{CloseReason, Event, Group};
use multifeed_tcp::{DialFailure, DisconnectReason, Node, NodeEvent, NodeOptions};

use crate::host::{Host, blocks, key_pair, loopback, write};

fn disconnected(event: NodeEvent) -> Option<(DisconnectReason, Option<Duration>)> {
    match event {
        NodeEvent::Disconnected { reason, retry_in, .. } => Some((reason, retry_in)),
        _ => None,
    }
}

fn opened(event: NodeEvent) -> Option<()> {
    matches!(event, NodeEvent::Multifeed(Event::Opened { .. })).then_some(())
}

pub(crate) async fn a_restarted_server_is_reconnected(host: Host) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = |addr| host.options().folder(folder.path()).identity(key_pair(9)).listen(addr);
    let (a, addr) = host.open(server(loopback())).await;
    let b = Node::open(host.options()).await.expect("opens");
    let mut events = b.subscribe();
    b.dial(addr).await.expect("room");
    host.event(&mut events, opened).await;
    let from_a = write(&a, 1, &["before"]).await;
    host.feed(&b, from_a, 1).await;
    a.close().await;
    let (_, retry_in) = host.event(&mut events, disconnected).await;
    assert!(retry_in.expect("again") < Duration::from_secs(2));

    let (a, _) = host.open(server(addr)).await;
    host.event(&mut events, opened).await;
    write(&a, 1, &["back"]).await;
    assert_eq!(host.feed(&b, from_a, 2).await, blocks(&["before", "back"]));
}

pub(crate) async fn a_disconnected_address_is_not_redialled(host: Host) {
    let (_a, addr) = host.listening().await;
    let b = Node::open(host.options()).await.expect("opens");
    let mut events = b.subscribe();
    b.dial(addr).await.expect("room");
    host.event(&mut events, opened).await;
    b.disconnect(addr).await.expect("open");
    let (reason, retry_in) = host.event(&mut events, disconnected).await;
    assert!(matches!(reason, DisconnectReason::Core(CloseReason::Requested)), "{reason}");
    assert_eq!(retry_in, None);
    host.sleep_ms(1_500).await;
    assert!(events.try_next().is_none());
    // This cancels a dial in progress too, and the address can be added again.
    b.dial(addr).await.expect("room");
    b.disconnect(addr).await.expect("open");
    b.dial(addr).await.expect("room");
    host.event(&mut events, opened).await;
}

pub(crate) async fn two_that_dial_each_other(host: Host) {
    for _ in 0..2 {
        let (a, a_addr) = host.listening().await;
        let (b, b_addr) = host.listening().await;
        let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
        futures_lite::future::try_zip(a.dial(b_addr), b.dial(a_addr)).await.expect("room");
        host.event(&mut at_a, opened).await;
        host.event(&mut at_b, opened).await;
        // Long enough for a redial, if either node considered the other one lost.
        host.sleep_ms(2_500).await;
        let (at_a, at_b) = (a.peers().await.expect("open"), b.peers().await.expect("open"));
        assert_eq!((at_a.len(), at_b.len()), (1, 1));
        assert_eq!((at_a[0].remote, at_b[0].remote), (b.public_key(), a.public_key()));
        let from_a = write(&a, 1, &["once"]).await;
        assert_eq!(host.feed(&b, from_a, 1).await, blocks(&["once"]));
    }
}

pub(crate) async fn our_own_address_is_not_redialled(host: Host) {
    let (a, addr) = host.listening().await;
    let mut events = a.subscribe();
    a.dial(addr).await.expect("room");
    for _ in 0..2 {
        let (reason, retry_in) = host.event(&mut events, disconnected).await;
        assert!(!matches!(reason, DisconnectReason::Core(CloseReason::Violation(_))), "{reason}");
        assert_eq!(retry_in, None);
    }
    host.sleep_ms(1_500).await;
    assert!(events.try_next().is_none());
}

pub(crate) async fn another_group_is_refused(host: Host) {
    let (a, addr) = host.listening().await;
    let mut at_a = a.subscribe();
    let other = NodeOptions::new(Group::open("another group"), host.clone());
    let b = Node::open(other).await.expect("opens");
    let mut at_b = b.subscribe();
    b.dial(addr).await.expect("room");
    let (reason, _) = host.event(&mut at_a, disconnected).await;
    assert!(matches!(reason, DisconnectReason::Core(CloseReason::NotAMember)), "{reason}");
    let (reason, retry_in) = host.event(&mut at_b, disconnected).await;
    assert!(matches!(reason, DisconnectReason::Core(CloseReason::NotAMember)), "{reason}");
    // Anybody on the way can say that, so the peer is dialled again soon.
    assert!(retry_in.expect("a retry") < Duration::from_secs(2));
    assert!(a.peers().await.expect("open").is_empty());
}

pub(crate) async fn silent_connections_keep_no_member_out(host: Host) {
    let mut options = host.options().listen(loopback());
    options.timing.handshake = Some(Duration::from_millis(800));
    let (a, addr) = host.open(options).await;
    let from_a = write(&a, 1, &["served"]).await;
    // As many as the backlog holds: connecting must not wait for the single-threaded runtime.
    let connect = |_| TcpStream::connect(addr).expect("connects");
    let silent: Vec<TcpStream> = (0..1_000).map(connect).collect();
    let start = Instant::now();
    let b = host.dialling(addr).await;
    assert_eq!(host.feed(&b, from_a, 1).await, blocks(&["served"]));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    host.sleep_ms(1_500).await;
    for mut stream in silent {
        stream.set_read_timeout(Some(Duration::from_secs(5))).expect("settable");
        let mut buffer = [0; 256];
        // A handshake message may arrive first. The stream must end.
        while stream.read(&mut buffer).unwrap_or(0) > 0 {}
    }
    assert_eq!(a.peers().await.expect("open").len(), 1);
}

pub(crate) async fn a_stalled_peer_delays_no_other(host: Host) {
    let (a, addr) = host.listening().await;
    let from_a = write(&a, 1, &["first"]).await;
    let stalled = Node::open(host.options().peer(stalling(addr))).await.expect("opens");
    host.feed(&stalled, from_a, 1).await;
    let quick = host.dialling(addr).await;
    host.feed(&quick, from_a, 1).await;

    let feed = a.feed(from_a).await.expect("open").expect("there").id;
    for n in 0..24 {
        a.append(feed, vec![vec![n; 1_000_000]]).await.expect("appends");
    }
    host.feed(&quick, from_a, 25).await;
    let behind = stalled.feed(from_a).await.expect("open").expect("there").length;
    assert!(behind < 25, "the proxy did not stall");
}

pub(crate) async fn a_refused_dial_is_reported(host: Host) {
    let free = TcpListener::bind(loopback()).expect("binds").local_addr().expect("bound");
    let a = Node::open(host.options()).await.expect("opens");
    let mut events = a.subscribe();
    a.dial(free).await.expect("room");
    for expected in 1..=2 {
        let attempt = host.event(&mut events, |event| match event {
            NodeEvent::Dialling { attempt, .. } => Some(attempt),
            _ => None,
        });
        assert_eq!(attempt.await, expected);
        let (addr, reason) = host
            .event(&mut events, |event| match event {
                NodeEvent::DialFailed { addr, reason, .. } => Some((addr, reason)),
                _ => None,
            })
            .await;
        assert_eq!(addr, free);
        let DialFailure::Io(error) = reason else { panic!("{reason}") };
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

pub(crate) async fn an_eclipse_keeps_no_specified_peer_out(host: Host) {
    let mut options = host.options().listen(loopback());
    // The attacker has as many addresses as it likes.
    options.connections.per_address = 1_000;
    let (a, addr) = host.open(options).await;
    let mut attackers = Vec::new();
    for _ in 0..64 {
        attackers.push(host.dialling(addr).await);
    }
    host.until("all slots are taken", async || a.peers().await.expect("open").len() >= 48).await;
    let is_friend = async |key| {
        let peers = a.peers().await.expect("open");
        peers.iter().any(|peer| peer.remote == key)
    };
    let start = Instant::now();
    let options = || host.options().identity(key_pair(9));
    let (friend, friend_addr) = host.open(options().listen(loopback())).await;
    a.dial(friend_addr).await.expect("room");
    host.until("the friend is dialled", async || is_friend(friend.public_key()).await).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // Later the friend connects to us, from an address that we cannot dial.
    let key = friend.public_key();
    friend.close().await;
    host.until("the friend is gone", async || !is_friend(key).await).await;
    let start = Instant::now();
    let friend = Node::open(options().peer(addr)).await.expect("opens");
    host.until("the friend is admitted", async || is_friend(friend.public_key()).await).await;
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}

pub(crate) async fn a_flipped_bit_bans_no_peer(host: Host) {
    let (a, addr) = host.listening().await;
    let from_a = write(&a, 1, &[&"long enough ".repeat(100)]).await;
    // In the handshake, in the head of the stream, in the length of a frame, and in frames.
    for at in [3, 40, 110, 160, 300, 1_000] {
        let start = Instant::now();
        let b = Node::open(host.options().peer(flipping(addr, at))).await.expect("opens");
        let mut events = b.subscribe();
        let (reason, retry_in) = host.event(&mut events, disconnected).await;
        let retry_in = retry_in.expect("a retry");
        assert!(retry_in < Duration::from_secs(2), "byte {at}: {retry_in:?} after {reason}");
        host.event(&mut events, opened).await;
        host.feed(&b, from_a, 1).await;
        assert!(start.elapsed() < Duration::from_secs(15), "byte {at}: {:?}", start.elapsed());
        b.close().await;
    }
}

/// Starts a proxy to `addr` that flips one bit of what comes from there, on the first connection.
fn flipping(addr: SocketAddr, at: usize) -> SocketAddr {
    let listener = TcpListener::bind(loopback()).expect("binds");
    let proxy = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for (n, near) in listener.incoming().flatten().enumerate() {
            let Ok(far) = TcpStream::connect(addr) else { return };
            let (Ok(near_reader), Ok(far_writer)) = (near.try_clone(), far.try_clone()) else {
                return;
            };
            std::thread::spawn(move || {
                let (from, to) = forward(near_reader, far_writer, usize::MAX);
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
            std::thread::spawn(move || {
                let (far, near) = match n {
                    0 => {
                        let (far, near) = forward(far, near, at);
                        flip_one(far, near)
                    }
                    _ => (far, near),
                };
                let (from, to) = forward(far, near, usize::MAX);
                let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
            });
        }
    });
    proxy
}

/// Starts a proxy to `addr` that stops forwarding data from there after half a mebibyte.
fn stalling(addr: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind(loopback()).expect("binds");
    let proxy = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(addr) else { return };
            let (Ok(near_reader), Ok(far_writer)) = (near.try_clone(), far.try_clone()) else {
                return;
            };
            std::thread::spawn(move || forward(near_reader, far_writer, usize::MAX));
            std::thread::spawn(move || {
                let open = forward(far, near, 512 * 1024);
                std::thread::sleep(Duration::from_secs(60));
                drop(open);
            });
        }
    });
    proxy
}

fn flip_one(mut from: TcpStream, mut to: TcpStream) -> (TcpStream, TcpStream) {
    let mut byte = [0];
    if from.read_exact(&mut byte).is_ok() {
        let _ = to.write_all(&[byte[0] ^ 0x80]);
    }
    (from, to)
}

/// Forwards this number of bytes, or until the stream ends.
fn forward(mut from: TcpStream, mut to: TcpStream, bytes_max: usize) -> (TcpStream, TcpStream) {
    let mut forwarded = 0;
    let mut buffer = [0; 16 * 1024];
    while forwarded < bytes_max {
        let chunk = buffer.len().min(bytes_max - forwarded);
        match from.read(&mut buffer[..chunk]) {
            Ok(count) if count > 0 && to.write_all(&buffer[..count]).is_ok() => forwarded += count,
            _ => break,
        }
    }
    (from, to)
}
