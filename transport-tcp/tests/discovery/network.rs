//! A small private DHT, and nodes that use it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use multifeed_core::{Group, KeyPair};
use multifeed_tcp::discovery::{Bootstrap, Dht, DhtNode};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Events, Node, NodeEvent, NodeOptions};

/// The timeout of every wait, long enough for a busy machine.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(180);

pub(crate) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

/// A group with a random key.
pub(crate) fn group() -> Group {
    Group::keyed([6; 32])
}

/// A private DHT.
pub(crate) struct Network(Vec<DhtNode>);

impl Network {
    pub(crate) async fn new(count: usize) -> Self {
        let mut nodes: Vec<DhtNode> = Vec::new();
        for _ in 0..count {
            let entry: Vec<_> = nodes.first().map(DhtNode::addr).into_iter().collect();
            nodes.push(DhtNode::start(loopback(), &entry).await.expect("starts"));
        }
        Self(nodes)
    }

    pub(crate) fn entry(&self) -> SocketAddr {
        self.0[0].addr()
    }

    pub(crate) fn source(&self) -> Dht {
        source(&[self.entry()])
    }
}

pub(crate) fn source(entries: &[SocketAddr]) -> Dht {
    let entries = entries.iter().map(ToString::to_string).collect();
    Dht::current(Bootstrap::Nodes(entries)).expect("inside tokio")
}

pub(crate) fn options() -> NodeOptions {
    let mut options = NodeOptions::new(group(), Tokio::current().expect("inside tokio"));
    options.connections.per_address = 1_000;
    options.listen(loopback())
}

/// Opens a node that searches with this source.
pub(crate) async fn open(options: NodeOptions, source: Dht) -> (Node, Events) {
    let node = Node::open(options).await.expect("opens");
    let events = node.subscribe();
    node.discover(source).await.expect("room");
    (node, events)
}

pub(crate) async fn peers(node: &Node) -> usize {
    node.peers().await.expect("open").len()
}

/// Polls until a condition holds.
pub(crate) async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < WAIT_MAX, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits for the first event that `pick` accepts.
pub(crate) async fn event<T>(events: &mut Events, pick: impl Fn(NodeEvent) -> Option<T>) -> T {
    let wanted = async {
        loop {
            let event = events.next().await.expect("the node is open");
            if let Some(wanted) = pick(event) {
                return wanted;
            }
        }
    };
    tokio::time::timeout(WAIT_MAX, wanted).await.expect("took too long")
}

pub(crate) fn key_pair(n: u8) -> KeyPair {
    KeyPair::from_seed(&[n; 32])
}
