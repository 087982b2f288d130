//! Peer sources: their reports, their limits, and their end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use multifeed_core::{Event, PublicKey};
use multifeed_tcp::discovery::{Origin, Source, SourceContext, SourceFailure, Step};
use multifeed_tcp::runtime::BoxFuture;
use multifeed_tcp::{AddressState, Node, NodeError, NodeEvent};

use crate::host::{Host, blocks, loopback, write};

/// Reports addresses of one peer, and then ends in the given way.
struct TestSource {
    remote: Option<PublicKey>,
    addrs: Vec<SocketAddr>,
    has_left: Arc<AtomicBool>,
    end: End,
}

/// When a source ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    OnClose,
    Never,
    AtOnce,
}

impl Source for TestSource {
    fn origin(&self) -> Origin {
        Origin::Other
    }

    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            context
                .report_step(Step::Announced { addresses: context.listen_addrs().to_vec() })
                .await;
            context.report_peer(self.remote, self.addrs).await;
            if self.end != End::AtOnce {
                context.closed().await;
            }
            if self.end == End::Never {
                std::future::pending::<()>().await;
            }
            // As long as withdrawing an announcement takes.
            context.sleep(Duration::from_millis(50)).await;
            self.has_left.store(true, Ordering::SeqCst);
        })
    }
}

fn test_source(addrs: &[SocketAddr], end: End) -> (TestSource, Arc<AtomicBool>) {
    let has_left = Arc::new(AtomicBool::new(false));
    let (remote, addrs) = (None, addrs.to_vec());
    (TestSource { remote, addrs, has_left: Arc::clone(&has_left), end }, has_left)
}

fn step(event: NodeEvent) -> Option<Step> {
    match event {
        NodeEvent::Discovery { origin: Origin::Other, step } => Some(step),
        _ => None,
    }
}

pub(crate) async fn a_reported_peer_is_connected(host: Host) {
    let (a, addr) = host.listening().await;
    let from_a = write(&a, 1, &["found"]).await;
    let (b, own) = host.listening().await;
    let mut events = b.subscribe();
    let (source, has_left) = test_source(&[addr, own], End::OnClose);
    b.discover(source).await.expect("room");
    let announced = host.event(&mut events, step).await;
    assert!(matches!(announced, Step::Announced { addresses } if addresses == [own]));
    assert_eq!(host.feed(&b, from_a, 1).await, blocks(&["found"]));
    host.until("each address has its final state", async || {
        let known = b.addresses().await.expect("open");
        let state = |of| known.iter().find(|known| known.addr == of).map(|known| known.state);
        // Our own address is not a peer.
        state(addr) == Some(AddressState::Connected) && state(own) == Some(AddressState::Finished)
    })
    .await;
    b.close().await;
    assert!(has_left.load(Ordering::SeqCst), "the source had no time to end");
}

pub(crate) async fn a_hijacked_address_is_dialled(host: Host) {
    let (attacker, attacker_addr) = host.listening().await;
    let (owner, owner_addr) = host.listening().await;
    let from_owner = write(&owner, 1, &["reached"]).await;
    let a = host.dialling(attacker_addr).await;
    host.until("it is connected", async || a.peers().await.expect("open").len() == 1).await;
    // A record of the attacker claims the address of somebody else.
    let (mut source, _) = test_source(&[owner_addr], End::OnClose);
    source.remote = Some(attacker.public_key());
    a.discover(source).await.expect("room");
    assert_eq!(host.feed(&a, from_owner, 1).await, blocks(&["reached"]));
    assert_eq!(a.peers().await.expect("open").len(), 2);
}

pub(crate) async fn closing_drops_a_source_that_never_ends(host: Host) {
    let (a, _) = host.listening().await;
    let (source, _) = test_source(&[], End::Never);
    a.discover(source).await.expect("room");
    host.in_time(a.close()).await;
}

pub(crate) async fn a_source_that_ends_early_is_reported(host: Host) {
    let a = Node::open(host.options()).await.expect("opens");
    let mut events = a.subscribe();
    a.discover(test_source(&[], End::AtOnce).0).await.expect("room");
    let failure = host.event(&mut events, |event| match step(event) {
        Some(Step::Failed(failure)) => Some(failure),
        _ => None,
    });
    assert!(matches!(failure.await, SourceFailure::Ended));
}

pub(crate) async fn the_number_of_sources_is_bounded(host: Host) {
    let a = Node::open(host.options()).await.expect("opens");
    for _ in 0..16 {
        a.discover(test_source(&[], End::OnClose).0).await.expect("room");
    }
    let full = a.discover(test_source(&[], End::OnClose).0).await;
    assert!(matches!(full, Err(NodeError::TooMany)));
}

pub(crate) async fn discovered_peers_leave_slots_for_others(host: Host) {
    let mut addrs = Vec::new();
    let mut others = Vec::new();
    for _ in 0..4 {
        let (other, addr) = host.listening().await;
        others.push(other);
        addrs.push(addr);
    }
    let mut options = host.options().listen(loopback());
    options.connections.discovered = 2;
    let (a, addr) = host.open(options).await;
    let mut events = a.subscribe();
    a.discover(test_source(&addrs, End::OnClose).0).await.expect("room");
    for _ in 0..2 {
        host.event(&mut events, |event| match event {
            NodeEvent::Multifeed(Event::Opened { .. }) => Some(()),
            _ => None,
        })
        .await;
    }
    // Slots remain for peers that dial us and for addresses that the user specifies.
    let visitor = host.dialling(addr).await;
    host.until("it is admitted", async || a.peers().await.expect("open").len() == 3).await;
    let known = a.addresses().await.expect("open");
    let waiting = known.iter().filter(|known| matches!(known.state, AddressState::Waiting(_)));
    let waiting: Vec<_> = waiting.map(|known| known.addr).collect();
    assert_eq!(waiting.len(), 2);
    a.dial(waiting[0]).await.expect("room");
    host.until("it is connected", async || a.peers().await.expect("open").len() == 4).await;
    visitor.close().await;
}
