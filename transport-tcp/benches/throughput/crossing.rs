//! Sends one feed from one node to another, each on its own thread.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use multifeed_core::{Event, Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeEvent, NodeOptions};

use crate::cpu::{Clock, of_this_thread};
use crate::{BLOCK_BYTES, Cost, Failure};

/// Blocks per append: half of what `Limits::append_bytes` allows.
const APPEND_BLOCKS: usize = 64;

/// The cost of one transfer.
#[derive(Clone, Copy)]
pub(crate) struct Crossing {
    /// Both sides.
    pub(crate) both: Cost,
    /// The thread of the busier side, which limits the rate on two idle cores.
    pub(crate) slower: Duration,
}

/// Measures a transfer from the dial until the last block is held.
pub(crate) fn cross(blocks: usize) -> Result<Crossing, Failure> {
    let (addr_out, addr) = mpsc::channel();
    let (done, done_in) = tokio::sync::oneshot::channel();
    let sender = thread::spawn(move || {
        on_a_thread(async move {
            let (node, addr) = filled(blocks).await?;
            let before = of_this_thread();
            addr_out.send(addr)?;
            // An error means that the receiver has ended, which is the signal.
            let _ = done_in.await;
            let used = since(before);
            node.close().await;
            Ok(used)
        })
    });
    let cost = addr.recv().map_err(Failure::from).and_then(|addr| on_a_thread(fetch(addr, blocks)));
    drop::<tokio::sync::oneshot::Sender<()>>(done);
    // If the sender failed, its error explains the receiver's.
    let sent = sender.join().map_err(|_| "the sender panicked")??;
    let (both, received) = cost?;
    Ok(Crossing { both, slower: sent.max(received) })
}

fn since(before: Option<Duration>) -> Duration {
    of_this_thread().zip(before).map_or(Duration::ZERO, |(now, before)| now.saturating_sub(before))
}

fn on_a_thread<T>(body: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(body)
}

fn options() -> Result<NodeOptions, Failure> {
    Ok(NodeOptions::new(Group::open("throughput"), Tokio::current()?))
}

/// Opens a node that holds and serves the feed.
async fn filled(blocks: usize) -> Result<(Node, SocketAddr), Failure> {
    let node = Node::open(options()?.listen((Ipv4Addr::LOCALHOST, 0).into())).await?;
    let feed = node.writer("self", KeyPair::from_seed(&[1; 32])).await?;
    let mut left = blocks;
    while left > 0 {
        let batch = left.min(APPEND_BLOCKS);
        node.append(feed, vec![vec![7; BLOCK_BYTES]; batch]).await?;
        left -= batch;
    }
    let addr = node.local_addrs().await?.first().copied().ok_or("it does not listen")?;
    Ok((node, addr))
}

/// Fetches the feed. Returns the cost of both sides and that of this thread.
async fn fetch(addr: SocketAddr, blocks: usize) -> Result<(Cost, Duration), Failure> {
    let node = Node::open(options()?).await?;
    let mut events = node.subscribe();
    let (clock, before) = (Clock::start(), of_this_thread());
    node.dial(addr).await?;
    loop {
        match events.next().await.ok_or("the node ended")? {
            NodeEvent::Multifeed(Event::Extended { end, .. }) if end == blocks as u64 => break,
            NodeEvent::DialFailed { reason, .. } => return Err(reason.to_string().into()),
            NodeEvent::Disconnected { reason, .. } => return Err(reason.to_string().into()),
            _ => {}
        }
    }
    let cost = (clock.stop(), since(before));
    node.close().await;
    Ok(cost)
}
