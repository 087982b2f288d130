//! Helpers of the test bodies: a runtime, nodes, and waits with a timeout.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_lite::future::or;
use multifeed_core::{FeedKey, Group, KeyPair};
use multifeed_tcp::runtime::{BoxFuture, ByteStream, Listener, Runtime};
use multifeed_tcp::{Events, Node, NodeEvent, NodeOptions};

/// The timeout of every wait, long enough for a busy machine.
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A runtime that test bodies share.
#[derive(Clone)]
pub(crate) struct Host(Arc<dyn Runtime>);

impl Runtime for Host {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.0.spawn(task);
    }

    fn sleep(&self, duration: Duration) -> BoxFuture<'static, ()> {
        self.0.sleep(duration)
    }

    fn connect(&self, addr: SocketAddr) -> BoxFuture<'static, std::io::Result<ByteStream>> {
        self.0.connect(addr)
    }

    fn listen(&self, listener: std::net::TcpListener) -> std::io::Result<Box<dyn Listener>> {
        self.0.listen(listener)
    }
}

#[cfg(feature = "tokio")]
pub(crate) fn on_tokio<F: Future<Output = ()>>(body: fn(Host) -> F) {
    // One thread, so code that blocks where it must not hangs here.
    let tokio = tokio::runtime::Builder::new_current_thread().enable_all().build();
    tokio.expect("a runtime").block_on(async {
        let current = multifeed_tcp::runtime::Tokio::current().expect("inside one");
        body(Host(Arc::new(current))).await;
    });
}

#[cfg(feature = "async-std")]
pub(crate) fn on_async_std<F: Future<Output = ()>>(body: fn(Host) -> F) {
    async_std::task::block_on(body(Host(Arc::new(multifeed_tcp::runtime::AsyncStd))));
}

#[cfg(feature = "smol")]
pub(crate) fn on_smol<F: Future<Output = ()>>(body: fn(Host) -> F) {
    smol::block_on(body(Host(Arc::new(multifeed_tcp::runtime::Smol))));
}

pub(crate) fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

pub(crate) fn group() -> Group {
    Group::open("a group of tests")
}

impl Host {
    pub(crate) fn options(&self) -> NodeOptions {
        NodeOptions::new(group(), self.clone())
    }

    /// Opens a node that listens on loopback.
    pub(crate) async fn listening(&self) -> (Node, SocketAddr) {
        self.open(self.options().listen(loopback())).await
    }

    /// Opens a node that dials.
    pub(crate) async fn dialling(&self, addr: SocketAddr) -> Node {
        Node::open(self.options().peer(addr)).await.expect("opens")
    }

    pub(crate) async fn open(&self, options: NodeOptions) -> (Node, SocketAddr) {
        let node = Node::open(options).await.expect("opens");
        let addr = node.local_addrs().await.expect("open")[0];
        (node, addr)
    }

    /// Polls until a condition holds.
    pub(crate) async fn until<F: Future<Output = bool>>(
        &self,
        what: &str,
        condition: impl Fn() -> F,
    ) {
        let start = Instant::now();
        while !condition().await {
            assert!(start.elapsed() < WAIT_MAX, "never: {what}");
            self.sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits for the first event that `pick` accepts.
    pub(crate) async fn event<T>(
        &self,
        events: &mut Events,
        pick: impl Fn(NodeEvent) -> Option<T>,
    ) -> T {
        self.in_time(async {
            loop {
                let event = events.next().await.expect("the node is open");
                if let Some(wanted) = pick(event) {
                    return wanted;
                }
            }
        })
        .await
    }

    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = T>) -> T {
        let late = async {
            self.sleep(WAIT_MAX).await;
            panic!("took too long");
        };
        or(future, late).await
    }

    /// Waits until a node holds a feed up to this length, and reads all of it.
    pub(crate) async fn feed(&self, node: &Node, key: FeedKey, length: u64) -> Vec<Bytes> {
        self.until("the feed is there", async || {
            let feed = node.feed(key).await.expect("open");
            feed.is_some_and(|feed| feed.length >= length)
        })
        .await;
        let id = node.feed(key).await.expect("open").expect("there").id;
        node.read(id, 0..length).await.expect("held")
    }
}

pub(crate) fn key_pair(n: u8) -> KeyPair {
    KeyPair::from_seed(&[n; 32])
}

pub(crate) fn blocks(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Creates a writer with its first blocks, and returns its key.
pub(crate) async fn write(node: &Node, n: u8, texts: &[&str]) -> FeedKey {
    let feed = node.writer("self", key_pair(n)).await.expect("a writer");
    node.append(feed, blocks(texts)).await.expect("appends");
    node.feed(feed).await.expect("open").expect("there").key
}

impl Host {
    pub(crate) async fn sleep_ms(&self, millis: u64) {
        self.sleep(Duration::from_millis(millis)).await;
    }
}
