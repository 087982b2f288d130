//! Refusing, accepting and removing feeds.

use crate::host::{Host, blocks, write};

pub(crate) async fn a_refused_feed_is_not_downloaded_until_accepted(host: Host) {
    let (a, addr) = host.listening().await;
    let key = write(&a, 1, &["one", "two"]).await;
    let (b, _) = host.listening().await;
    b.refuse(key).await.expect("durable");
    assert!(b.is_refused(key).await.expect("open"));
    b.dial(addr).await.expect("dials");
    host.until("in sync without it", async || {
        let peers = b.peers().await.expect("open");
        peers.iter().any(|peer| peer.is_synced)
    })
    .await;
    assert_eq!(b.sync_status().await.expect("open").have, 0);
    b.accept(key).await.expect("durable");
    assert!(!b.is_refused(key).await.expect("open"));
    assert_eq!(host.feed(&b, key, 2).await, blocks(&["one", "two"]));
    let id = b.feed(key).await.expect("open").expect("there").id;
    b.remove(id).await.expect("removed");
    assert!(b.is_refused(key).await.expect("open"));
    assert!(b.feed(key).await.expect("open").is_none_or(|feed| feed.length == 0));
    assert!(b.remove(id).await.is_err(), "already removed");
}
