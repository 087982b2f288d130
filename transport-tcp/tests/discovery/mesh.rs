//! Honest nodes on an honest DHT.

use multifeed_core::Event;
use multifeed_tcp::discovery::{Origin, SourceFailure, Step};
use multifeed_tcp::{AddressState, Node, NodeEvent};

use crate::network::{Network, event, key_pair, loopback, open, options, peers, source, until};

/// Returns the name of a step of discovery or connection.
fn step_name(event: NodeEvent) -> Option<&'static str> {
    Some(match event {
        NodeEvent::Discovery { step: Step::Bootstrapped { nodes: 1.., .. }, .. } => "bootstrapped",
        NodeEvent::Discovery { step: Step::Announced { .. }, .. } => "announced",
        NodeEvent::Discovery { step: Step::Searching, .. } => "searching",
        NodeEvent::Discovery { step: Step::Found { peers: 1.. }, .. } => "found",
        NodeEvent::Dialling { .. } => "dialling",
        NodeEvent::Connected { .. } => "connected",
        NodeEvent::Multifeed(Event::Opened { .. }) => "opened",
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_members_on_one_dht_connect_and_sync() {
    let network = Network::new(3).await;
    let (a, _at_a) = open(options(), network.source()).await;
    let feed = a.writer("self", key_pair(1)).await.expect("a writer");
    a.append(feed, vec![b"hello".to_vec()]).await.expect("appends");
    let (b, mut at_b) = open(options(), network.source()).await;
    for expected in ["bootstrapped", "announced", "searching"] {
        assert_eq!(event(&mut at_b, step_name).await, expected);
    }
    let extended = |event| match event {
        NodeEvent::Multifeed(Event::Extended { feed, .. }) => Some(feed),
        _ => None,
    };
    let feed = event(&mut at_b, extended).await;
    assert_eq!(b.read(feed, 0..1).await.expect("held"), ["hello"]);
    until("the address is reported", async || {
        let addresses = b.addresses().await.expect("open");
        addresses.iter().any(|known| {
            let is_connected =
                matches!(known.state, AddressState::Connected | AddressState::ConnectedElsewhere);
            is_connected && known.origin == Origin::Dht && known.remote == Some(a.public_key())
        })
    })
    .await;
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_members_started_together_connect_fully_and_reconnect_a_restarted_one() {
    let network = Network::new(5).await;
    let mut nodes: Vec<Node> = Vec::new();
    let opened = (0..5).map(|n| open(options().identity(key_pair(n)), network.source()));
    for opening in opened.map(tokio::spawn).collect::<Vec<_>>() {
        nodes.push(opening.await.expect("runs").0);
    }
    let wait_for_mesh = async |nodes: &[Node]| {
        until("each has four peers", async || {
            for node in nodes {
                if peers(node).await != 4 {
                    return false;
                }
            }
            true
        })
        .await;
    };
    wait_for_mesh(&nodes).await;
    nodes.remove(2).close().await;
    until("the closed node is disconnected", async || peers(&nodes[0]).await == 3).await;
    // With the same key on another port.
    nodes.push(open(options().identity(key_pair(2)), network.source()).await.0);
    wait_for_mesh(&nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_dht_is_reported() {
    let silent = std::net::UdpSocket::bind(loopback()).expect("binds");
    let entry = silent.local_addr().expect("bound");
    let (node, mut events) = open(options(), source(&[entry])).await;
    let failure = event(&mut events, |event| match event {
        NodeEvent::Discovery { step: Step::Failed(failure), .. } => Some(failure),
        _ => None,
    });
    assert!(matches!(failure.await, SourceFailure::NoResponse));
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_node_is_no_longer_found() {
    let network = Network::new(2).await;
    let (a, mut at_a) = open(options(), network.source()).await;
    event(&mut at_a, |event| (step_name(event) == Some("announced")).then_some(())).await;
    a.close().await;
    let (_b, mut at_b) = open(options(), network.source()).await;
    let found = event(&mut at_b, |event| match event {
        NodeEvent::Discovery { step: Step::Found { peers }, .. } => Some(peers),
        _ => None,
    });
    assert_eq!(found.await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_members_stay_within_their_limits_and_all_sync() {
    let network = Network::new(5).await;
    let mut nodes = Vec::new();
    for _ in 0..100 {
        nodes.push(open(options(), network.source()).await.0);
    }
    let feed = nodes[0].writer("self", key_pair(1)).await.expect("a writer");
    nodes[0].append(feed, vec![b"news".to_vec()]).await.expect("appends");
    let key = nodes[0].feed(feed).await.expect("open").expect("there").key;
    until("all hold it", async || {
        for node in &nodes {
            assert!(peers(node).await <= 64);
            let feed = node.feed(key).await.expect("open");
            if feed.is_none_or(|feed| feed.length != 1) {
                return false;
            }
        }
        true
    })
    .await;
}
