//! The child processes.

use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use multifeed_core::{FeedId, Group, KeyPair};
use multifeed_tcp::discovery::{Bootstrap, Dht, DhtNode, Lan};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeOptions};

use crate::Failure;
use crate::fleet::State;

/// How often a process reports its state.
const LOOK: Duration = Duration::from_millis(10);

/// Nodes of a DHT.
const DHT_NODES: usize = 3;

/// Runs a process until it is killed or its input ends.
pub(crate) fn run(body: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?
        .block_on(body)
}

/// Starts DHT nodes around one bootstrap node.
pub(crate) async fn dht_nodes(entry: SocketAddr) -> Result<Vec<DhtNode>, Failure> {
    let mut nodes: Vec<DhtNode> = Vec::new();
    while nodes.len() < DHT_NODES {
        let first = nodes.first().map(DhtNode::addr);
        let addr = first.map_or(entry, |first| (first.ip(), 0).into());
        let node = DhtNode::start(addr, first.as_slice()).await;
        nodes.push(node.map_err(|failure| failure.to_string())?);
    }
    Ok(nodes)
}

/// A DHT alone.
pub(crate) async fn dht(entry: SocketAddrV4) -> Result<(), Failure> {
    let _nodes = dht_nodes(entry.into()).await?;
    say(State::default())?;
    let mut orders = orders();
    while orders.recv().await.is_some() {}
    Ok(())
}

/// The options of a node in these networks.
pub(crate) fn options(listen: SocketAddrV4) -> Result<NodeOptions, Failure> {
    let mut options = NodeOptions::new(Group::keyed([6; 32]), Tokio::current()?);
    // On loopback all have the same address.
    options.connections.per_address = 1_000;
    Ok(options.listen(listen.into()))
}

/// Looks for others on a DHT.
pub(crate) fn source(entry: SocketAddr) -> io::Result<Dht> {
    Dht::current(Bootstrap::Nodes(vec![entry.to_string()]))
}

/// One node that appends on command.
pub(crate) async fn peer(
    seed: u8,
    listen: SocketAddrV4,
    entry: Option<SocketAddrV4>,
    advertise: Option<SocketAddrV4>,
) -> Result<(), Failure> {
    let options = options(listen)?.identity(KeyPair::from_seed(&[seed; 32]));
    let node = Node::open(options).await?;
    let feed = node.writer("own", KeyPair::from_seed(&[100 + seed; 32])).await?;
    match entry {
        Some(entry) => {
            let dht = source(entry.into())?;
            let dht = advertise.into_iter().fold(dht, |dht, addr| dht.advertise(addr.into()));
            node.discover(dht).await?;
        }
        None => node.discover(Lan::new()).await?,
    }
    let mut orders = orders();
    let mut printed = None;
    loop {
        let state = state(&node).await?;
        if printed.replace(state) != Some(state) {
            say(state)?;
        }
        tokio::select! {
            order = orders.recv() => match order {
                Some(()) => append(&node, feed).await?,
                None => return Ok(()),
            },
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Appends one block.
pub(crate) async fn append(node: &Node, feed: FeedId) -> Result<(), Failure> {
    node.append(feed, vec![b"news".to_vec()]).await?;
    Ok(())
}

/// The present state of a node.
pub(crate) async fn state(node: &Node) -> Result<State, Failure> {
    let peers = node.peers().await?.len();
    let blocks = node.feeds().await?.iter().map(|feed| feed.length).sum();
    Ok(State { peers, blocks })
}

pub(crate) fn say(state: State) -> Result<(), Failure> {
    writeln!(io::stdout(), "{}", serde_json::to_string(&state)?)?;
    Ok(())
}

/// Lines of the standard input, read by a thread: each is a command to append.
fn orders() -> tokio::sync::mpsc::Receiver<()> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for _ in io::stdin().lock().lines().map_while(Result::ok) {
            if sender.blocking_send(()).is_err() {
                return;
            }
        }
    });
    receiver
}
