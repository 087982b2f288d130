//! Feeds from outside the group, over hypercore's channel.

use futures_lite::future::or;
use multifeed_core::{Group, Misuse};
use multifeed_tcp::{Node, NodeError, NodeOptions};

use crate::host::{Host, loopback, write};

const REQUESTS: usize = 4;

fn with_channels(mut options: NodeOptions) -> NodeOptions {
    options.limits.hypercore_channels = 16;
    options.limits.requests = REQUESTS;
    options
}

/// Options for a node of another group. To other nodes it looks like a stock hypercore.
fn of_another_group(host: &Host) -> NodeOptions {
    with_channels(NodeOptions::new(Group::open("another group"), host.clone()))
}

pub(crate) async fn single_blocks_are_fetched(host: Host) {
    let (a, addr) = host.open(of_another_group(&host).listen(loopback())).await;
    let key = write(&a, 1, &["zero", "one", "two"]).await;
    let b = Node::open(with_channels(host.options())).await.expect("opens");
    b.dial(addr).await.expect("room");
    for (index, block) in [(2, "two"), (0, "zero")] {
        assert_eq!(host.in_time(b.get(key, index)).await.expect("verified"), block);
    }
    let seen = b.feed(key).await.expect("open").expect("known");
    assert_eq!(seen.length, 0, "nothing is stored");
    // A block that is held comes from the store.
    assert_eq!(host.in_time(a.get(key, 1)).await.expect("held"), "one");
    let error = host.in_time(a.get(key, 3)).await.expect_err("no node has it");
    assert!(matches!(error, NodeError::Misuse(Misuse::OutOfRange)), "{error}");
}

pub(crate) async fn abandoned_requests(host: Host) {
    let (a, addr) = host.open(of_another_group(&host).listen(loopback())).await;
    let key = write(&a, 1, &["zero"]).await;
    let b = Node::open(with_channels(host.options())).await.expect("opens");
    // No peer is connected, so these requests would never be answered.
    for index in 0..2 * REQUESTS as u64 {
        // The driver answers calls in order, so the first call has begun once this one is answered.
        let has_begun = async { drop(b.peers().await) };
        or(async { drop(b.get(key, index).await) }, has_begun).await;
    }
    b.dial(addr).await.expect("room");
    assert_eq!(host.in_time(b.get(key, 0)).await.expect("verified"), "zero");
}
