//! What sources name is dialled, and they are told when to leave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use multifeed_core::Event;
use multifeed_tcp::discovery::{Meeting, Origin, Source, SourceFailure, Step};
use multifeed_tcp::runtime::BoxFuture;
use multifeed_tcp::{AddressState, Node, NodeError, NodeEvent};

use crate::host::{Host, blocks, loopback, write};

/// Names some addresses of nobody in particular; then says good-bye, or never ends.
struct Names {
    addrs: Vec<SocketAddr>,
    left: Arc<AtomicBool>,
    ending: Leaving,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Leaving {
    Willing,
    Never,
    AtOnce,
}

impl Source for Names {
    fn origin(&self) -> Origin {
        Origin::Other
    }

    fn run(self: Box<Self>, meeting: Meeting) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            meeting.tell(Step::Announced { addresses: meeting.listening().to_vec() }).await;
            meeting.found(None, self.addrs).await;
            if self.ending != Leaving::AtOnce {
                meeting.left().await;
            }
            if self.ending == Leaving::Never {
                std::future::pending::<()>().await;
            }
            // As long as a word to the others takes.
            meeting.sleep(Duration::from_millis(50)).await;
            self.left.store(true, Ordering::SeqCst);
        })
    }
}

fn names(addrs: &[SocketAddr], ending: Leaving) -> (Names, Arc<AtomicBool>) {
    let left = Arc::new(AtomicBool::new(false));
    (Names { addrs: addrs.to_vec(), left: Arc::clone(&left), ending }, left)
}

fn step(event: NodeEvent) -> Option<Step> {
    match event {
        NodeEvent::Discovery { origin: Origin::Other, step } => Some(step),
        _ => None,
    }
}

pub(crate) async fn whom_a_source_names_is_met(host: Host) {
    let (a, addr) = host.listening().await;
    let from_a = write(&a, 1, &["found"]).await;
    let (b, own) = host.listening().await;
    let mut events = b.subscribe();
    let (source, left) = names(&[addr, own], Leaving::Willing);
    b.discover(source).await.expect("room");
    let announced = host.event(&mut events, step).await;
    assert!(matches!(announced, Step::Announced { addresses } if addresses == [own]));
    assert_eq!(host.feed(&b, from_a, 1).await, blocks(&["found"]));
    host.until("each address is dealt with", async || {
        let known = b.addresses().await.expect("open");
        let state = |of| known.iter().find(|known| known.addr == of).map(|known| known.state);
        // We are nobody to connect to.
        state(addr) == Some(AddressState::Connected) && state(own) == Some(AddressState::Done)
    })
    .await;
    b.close().await;
    assert!(left.load(Ordering::SeqCst), "it was not let say good-bye");
}

pub(crate) async fn a_source_that_does_not_leave_is_left(host: Host) {
    let (a, _) = host.listening().await;
    let (source, _) = names(&[], Leaving::Never);
    a.discover(source).await.expect("room");
    host.in_time(a.close()).await;
}

pub(crate) async fn a_source_that_ends_is_told(host: Host) {
    let a = Node::open(host.options()).await.expect("opens");
    let mut events = a.subscribe();
    a.discover(names(&[], Leaving::AtOnce).0).await.expect("room");
    let failure = host.event(&mut events, |event| match step(event) {
        Some(Step::Failed(failure)) => Some(failure),
        _ => None,
    });
    assert!(matches!(failure.await, SourceFailure::Ended));
}

pub(crate) async fn there_is_an_end_to_sources(host: Host) {
    let a = Node::open(host.options()).await.expect("opens");
    for _ in 0..16 {
        a.discover(names(&[], Leaving::Willing).0).await.expect("room");
    }
    let full = a.discover(names(&[], Leaving::Willing).0).await;
    assert!(matches!(full, Err(NodeError::TooMany)));
}

pub(crate) async fn found_peers_leave_room_for_others(host: Host) {
    let mut addrs = Vec::new();
    let mut others = Vec::new();
    for _ in 0..4 {
        let (other, addr) = host.listening().await;
        others.push(other);
        addrs.push(addr);
    }
    let mut options = host.options().listen(loopback());
    options.connections.found = 2;
    let (a, addr) = host.open(options).await;
    let mut events = a.subscribe();
    a.discover(names(&addrs, Leaving::Willing).0).await.expect("room");
    for _ in 0..2 {
        host.event(&mut events, |event| match event {
            NodeEvent::Multifeed(Event::Opened { .. }) => Some(()),
            _ => None,
        })
        .await;
    }
    // Whoever dials us, and whom the user names, still has a place.
    let visitor = host.dialling(addr).await;
    host.until("it is let in", async || a.peers().await.expect("open").len() == 3).await;
    let known = a.addresses().await.expect("open");
    let waiting = known.iter().filter(|known| matches!(known.state, AddressState::Waiting(_)));
    let waiting: Vec<_> = waiting.map(|known| known.addr).collect();
    assert_eq!(waiting.len(), 2);
    a.dial(waiting[0]).await.expect("room");
    host.until("it is reached", async || a.peers().await.expect("open").len() == 4).await;
    visitor.close().await;
}
