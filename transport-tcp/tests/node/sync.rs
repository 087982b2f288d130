//! Nodes that sync feeds with each other.

use multifeed_core::record::replay;
use multifeed_core::{CloseReason, Event, Mode};
use multifeed_tcp::{Appended, DisconnectReason, Node, NodeEvent};

use crate::host::{Host, blocks, key_pair, loopback, write};

pub(crate) async fn two_nodes_sync_both_ways(host: Host) {
    let (a, addr) = host.listening().await;
    let from_a = write(&a, 1, &["a0", "a1"]).await;
    let b = host.dialling(addr).await;
    let from_b = write(&b, 2, &["b0"]).await;
    assert_eq!(host.feed(&b, from_a, 2).await, blocks(&["a0", "a1"]));
    assert_eq!(host.feed(&a, from_b, 1).await, blocks(&["b0"]));

    // Live: later appends are synced too.
    let writer = a.feed(from_a).await.expect("open").expect("there").id;
    let appended = a.append(writer, blocks(&["a2"])).await.expect("appends");
    assert_eq!(appended, Appended { start: 2, end: 3 });
    assert_eq!(host.feed(&b, from_a, 3).await[2], "a2");
    host.until("in sync", async || {
        let status = a.sync_status().await.expect("open");
        status.synced == 1 && status.have == 4 && status.want == 4
    })
    .await;
    assert_eq!(a.peers().await.expect("open").len(), 1);
    host.until("b reports its length", async || {
        a.holders(writer).await.expect("open").iter().any(|(_, length)| *length == 3)
    })
    .await;
}

pub(crate) async fn a_feed_is_relayed(host: Host) {
    let (a, a_addr) = host.listening().await;
    let (b, b_addr) = host.open(host.options().listen(loopback()).peer(a_addr)).await;
    let c = host.dialling(b_addr).await;
    let from_a = write(&a, 1, &["far"]).await;
    assert_eq!(host.feed(&c, from_a, 1).await, blocks(&["far"]));
    assert_eq!(c.peers().await.expect("open")[0].remote, b.public_key());
}

pub(crate) async fn a_recorded_session(host: Host) {
    let folder = tempfile::tempdir().expect("a folder");
    let record = folder.path().join("record");
    let (a, addr) = host.open(host.options().listen(loopback()).record(&record)).await;
    write(&a, 1, &["a0", "a1"]).await;
    let b = host.dialling(addr).await;
    let from_b = write(&b, 2, &["b0"]).await;
    assert_eq!(host.feed(&a, from_b, 1).await, blocks(&["b0"]));
    host.in_time(a.close()).await;
    let replayed = replay(&std::fs::read(&record).expect("a record")).expect("the same state");
    assert_eq!(replayed.states, 1);
    assert_eq!(replayed.multifeed.find(&from_b).expect("it came").length, 1);
}

pub(crate) async fn a_large_feed_is_synced(host: Host) {
    let (a, addr) = host.listening().await;
    let b = host.dialling(addr).await;
    let feed = a.writer("much", key_pair(1)).await.expect("a writer");
    // More than the reply to one read, and than any queue between the nodes.
    let large: Vec<_> = (0..12).map(|n| vec![n; 1_000_000]).collect();
    let small: Vec<_> = (0..5_000_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    for part in large.chunks(4).chain([&small[..]]) {
        a.append(feed, part.to_vec()).await.expect("appends");
    }
    let key = a.feed(feed).await.expect("open").expect("there").key;
    let read = host.feed(&b, key, 5_012).await;
    assert!(read.iter().eq(large.iter().chain(&small)), "the same blocks");
}

pub(crate) async fn concurrent_appends(host: Host) {
    const TASKS: u8 = 32;
    const APPENDS: u8 = 50;
    let (a, _) = host.listening().await;
    let feed = a.writer("many", key_pair(1)).await.expect("a writer");
    let (done, all_done) = async_channel::bounded(1);
    for task in 0..TASKS {
        let (a, done) = (a.clone(), done.clone());
        multifeed_tcp::runtime::Runtime::spawn(
            &host,
            Box::pin(async move {
                for n in 0..APPENDS {
                    let appended = a.append(feed, vec![vec![task, n]]).await.expect("appends");
                    assert_eq!(appended.end - appended.start, 1);
                }
                drop::<async_channel::Sender<()>>(done);
            }),
        );
    }
    drop(done);
    host.in_time(async { all_done.recv().await.expect_err("nothing is sent") }).await;
    let read = a.read(feed, 0..u64::from(TASKS) * u64::from(APPENDS)).await.expect("held");
    for task in 0..TASKS {
        let own = read.iter().filter(|block| block[0] == task).map(|block| block[1]);
        assert!(own.eq(0..APPENDS), "all of task {task}, once and in order");
    }
}

pub(crate) async fn a_one_time_sync_ends(host: Host) {
    let once = || host.options().mode(Mode::Once);
    let (a, addr) = host.open(once().listen(loopback())).await;
    let from_a = write(&a, 1, &["one", "two"]).await;
    let b = Node::open(once()).await.expect("opens");
    let from_b = write(&b, 2, &["three"]).await;
    let (mut at_a, mut at_b) = (a.subscribe(), b.subscribe());
    b.dial(addr).await.expect("room");
    let disconnected = |event| match event {
        NodeEvent::Disconnected { reason, retry_in, .. } => Some((reason, retry_in)),
        _ => None,
    };
    let (reason, retry_in) = host.event(&mut at_b, disconnected).await;
    assert!(matches!(reason, DisconnectReason::Core(CloseReason::Synced)), "{reason}");
    assert_eq!(retry_in, None);
    let (reason, _) = host.event(&mut at_a, disconnected).await;
    assert!(matches!(reason, DisconnectReason::Core(CloseReason::Synced)), "{reason}");
    assert_eq!(host.feed(&b, from_a, 2).await, blocks(&["one", "two"]));
    assert_eq!(host.feed(&a, from_b, 1).await, blocks(&["three"]));
}

pub(crate) async fn a_slow_subscriber_lags(host: Host) {
    let mut options = host.options();
    options.events_max = 8;
    let a = Node::open(options).await.expect("opens");
    let (mut slow, mut quick) = (a.subscribe(), a.subscribe());
    let feed = a.writer("self", key_pair(1)).await.expect("a writer");
    let appended = |event| match event {
        NodeEvent::Multifeed(Event::Appended { end, .. }) => Some(end),
        _ => None,
    };
    for n in 1..=100 {
        a.append(feed, blocks(&["block"])).await.expect("appends");
        assert_eq!(host.event(&mut quick, appended).await, n);
    }
    assert!(matches!(slow.next().await, Some(NodeEvent::Lagged(92))));
    for n in 93..=100 {
        assert_eq!(slow.next().await.and_then(appended), Some(n));
    }
    assert!(slow.try_next().is_none());
}
