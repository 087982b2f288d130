//! A node on sockets with the tools of JavaScript users. Needs Node.js, and `npm ci` in
//! `interop/js`: `cargo test -p multifeed-tests --test interop_node -- --ignored`.

use std::io::{BufRead, BufReader, Lines};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use multifeed_core::{FeedKey, Group, KeyPair};
use multifeed_tcp::discovery::{Bootstrap, Dht};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeOptions};
use tempfile::TempDir;

/// Longer than a busy machine needs.
const PATIENCE: Duration = Duration::from_secs(120);

/// A JavaScript program and its output; it ends with this value.
struct Script(Child, Lines<BufReader<ChildStdout>>);

impl Script {
    fn start(name: &str, arguments: &[&str]) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/js").join(name);
        let mut command = Command::new("node");
        let command = command.arg(script).args(arguments).stdout(Stdio::piped());
        let mut child = command.spawn().expect("node is there");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        Self(child, lines)
    }

    fn line(&mut self) -> String {
        self.1.next().expect("it says something").expect("as text")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn options() -> NodeOptions {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let options = NodeOptions::new(Group::keyed([6; 32]), Tokio::current().expect("inside tokio"));
    options.listen(loopback)
}

async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !condition().await {
        assert!(start.elapsed() < PATIENCE, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn written(node: &Node, blocks: &[&str]) -> FeedKey {
    let feed = node.writer("own", KeyPair::from_seed(&[1; 32])).await.expect("a writer");
    let blocks = blocks.iter().map(|block| block.as_bytes().to_vec()).collect();
    node.append(feed, blocks).await.expect("appends");
    node.feed(feed).await.expect("open").expect("there").key
}

async fn holds(node: &Node, key: FeedKey, length: u64) -> bool {
    let feed = node.feed(key).await.expect("open");
    feed.is_some_and(|feed| feed.length == length)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and its packages"]
async fn a_corestore_replicates_with_a_node_over_tcp() {
    let mut options = options();
    options.limits.hypercore_channels = 16;
    let node = Node::open(options).await.expect("opens");
    let ours = written(&node, &["written", "in", "rust"]).await.to_string();
    let port = node.local_addrs().await.expect("open")[0].port().to_string();
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path().to_str().expect("a plain path");
    let mut script = Script::start("stock.js", &[folder, &ours, "3", &port]);
    let key = data_encoding::HEXLOWER.decode(script.line().as_bytes()).expect("a key in hex");
    let theirs = FeedKey(key.try_into().expect("32 bytes"));
    let feed = node.adopt(theirs).await.expect("adopts");
    until("we hold what JavaScript wrote", async || holds(&node, theirs, 3).await).await;
    let blocks = node.read(feed, 0..3).await.expect("held");
    assert_eq!(blocks, ["written", "in", "javascript"]);
    assert_eq!([script.line(), script.line(), script.line()], ["written", "in", "rust"]);
    node.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs node and its packages"]
async fn two_nodes_meet_on_a_dht_of_javascript() {
    let mut script = Script::start("dht.js", &[]);
    let entry = format!("127.0.0.1:{}", script.line());
    let mut nodes = Vec::new();
    for _ in 0..2 {
        let node = Node::open(options()).await.expect("opens");
        let source = Dht::current(Bootstrap::Nodes(vec![entry.clone()])).expect("inside tokio");
        node.discover(source).await.expect("room");
        nodes.push(node);
    }
    let key = written(&nodes[0], &["news"]).await;
    until("the other one holds it", async || holds(&nodes[1], key, 1).await).await;
    for node in nodes {
        node.close().await;
    }
}
