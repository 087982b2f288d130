//! Honest nodes on an honest DHT.

use multifeed_core::Event;
use multifeed_tcp::discovery::{Origin, SourceFailure, Step};
use multifeed_tcp::{AddressState, Node, NodeEvent};

use crate::network::{Network, event, key_pair, loopback, open, options, peers, source, until};

/// What a source of a node tells, but for the numbers in it.
fn rung(event: NodeEvent) -> Option<&'static str> {
    Some(match event {
        NodeEvent::Discovery { step: Step::Bootstrapped { nodes: 1.., .. }, .. } => "bootstrapped",
        NodeEvent::Discovery { step: Step::Announced { .. }, .. } => "announced",
        NodeEvent::Discovery { step: Step::Looking, .. } => "looking",
        NodeEvent::Discovery { step: Step::Found { peers: 1.. }, .. } => "found",
        NodeEvent::Dialling { .. } => "dialling",
        NodeEvent::Connected { .. } => "connected",
        NodeEvent::Multifeed(Event::Opened { .. }) => "opened",
        _ => return None,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_that_share_a_key_and_a_dht_meet_and_sync() {
    let network = Network::of(3).await;
    let (a, _at_a) = open(options(), network.source()).await;
    let feed = a.writer("self", key_pair(1)).await.expect("a writer");
    a.append(feed, vec![b"hello".to_vec()]).await.expect("appends");
    let (b, mut at_b) = open(options(), network.source()).await;
    for expected in ["bootstrapped", "announced", "looking"] {
        assert_eq!(event(&mut at_b, rung).await, expected);
    }
    let extended = |event| match event {
        NodeEvent::Multifeed(Event::Extended { feed, .. }) => Some(feed),
        _ => None,
    };
    let feed = event(&mut at_b, extended).await;
    assert_eq!(b.read(feed, 0..1).await.expect("held"), ["hello"]);
    until("the address is told", async || {
        let addresses = b.addresses().await.expect("open");
        addresses.iter().any(|known| {
            let is_met = matches!(known.state, AddressState::Connected | AddressState::Reached);
            is_met && known.origin == Origin::Dht && known.remote == Some(a.public_key())
        })
    })
    .await;
    a.close().await;
    b.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_that_start_together_mesh_fully_and_a_restarted_one_is_back() {
    let network = Network::of(5).await;
    let mut nodes: Vec<Node> = Vec::new();
    let opened = (0..5).map(|n| open(options().identity(key_pair(n)), network.source()));
    for opening in opened.map(tokio::spawn).collect::<Vec<_>>() {
        nodes.push(opening.await.expect("runs").0);
    }
    let meshed = async |nodes: &[Node]| {
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
    meshed(&nodes).await;
    nodes.remove(2).close().await;
    until("one is missed", async || peers(&nodes[0]).await == 3).await;
    // At another port, and with the same key.
    nodes.push(open(options().identity(key_pair(2)), network.source()).await.0);
    meshed(&nodes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dht_that_does_not_answer_is_told() {
    let silent = std::net::UdpSocket::bind(loopback()).expect("binds");
    let entry = silent.local_addr().expect("bound");
    let (node, mut events) = open(options(), source(&[entry])).await;
    let failure = event(&mut events, |event| match event {
        NodeEvent::Discovery { step: Step::Failed(failure), .. } => Some(failure),
        _ => None,
    });
    assert!(matches!(failure.await, SourceFailure::NobodyAnswers));
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_is_not_found_any_more() {
    let network = Network::of(2).await;
    let (a, mut at_a) = open(options(), network.source()).await;
    event(&mut at_a, |event| (rung(event) == Some("announced")).then_some(())).await;
    a.close().await;
    let (_b, mut at_b) = open(options(), network.source()).await;
    let found = event(&mut at_b, |event| match event {
        NodeEvent::Discovery { step: Step::Found { peers }, .. } => Some(peers),
        _ => None,
    });
    assert_eq!(found.await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_stay_within_their_limits_and_all_hold_what_one_wrote() {
    let network = Network::of(5).await;
    let mut nodes = Vec::new();
    for _ in 0..100 {
        nodes.push(open(options(), network.source()).await.0);
    }
    let feed = nodes[0].writer("self", key_pair(1)).await.expect("a writer");
    nodes[0].append(feed, vec![b"news".to_vec()]).await.expect("appends");
    let key = nodes[0].feed_of(feed).await.expect("open").expect("there").key;
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
