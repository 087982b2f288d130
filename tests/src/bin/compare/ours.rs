//! Our side of a comparison: a [`Node`] that follows the orders of `peer.js`.

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::net::{Ipv4Addr, SocketAddr};

use clap::ValueEnum;
use multifeed_core::{Event, FeedKey, Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Events, Node, NodeEvent, NodeOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Most events not yet counted: one per block at worst.
const EVENTS_MAX: usize = 1 << 20;

/// Blocks per append: a commit of a few hundred kilobytes if blocks are small.
const BATCH_BLOCKS: usize = 1_000;
const BATCH_BYTES: usize = 4 << 20;

/// Where feeds are stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum Storage {
    Memory,
    Disk,
    /// On disk, over the hypercore channel.
    Stock,
}

/// More feeds than any scenario has on one connection.
const STOCK_CHANNELS: usize = 8_192;

/// Executes orders until there are no more.
pub(crate) fn run(storage: Storage) -> Result<(), Box<dyn Error>> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(obey(storage))
}

async fn obey(storage: Storage) -> Result<(), Box<dyn Error>> {
    let mut options = NodeOptions::new(Group::open("compare"), Tokio::current()?);
    options.events_max = EVENTS_MAX;
    let folder = TempDir::new()?;
    let is_stock = storage == Storage::Stock;
    if is_stock {
        options.limits.hypercore_channels = STOCK_CHANNELS;
    }
    if storage != Storage::Memory {
        options = options.folder(folder.path());
    }
    let node = Node::open(options).await?;
    let mut orders = orders();
    let mut target = None;
    while let Some(order) = orders.recv().await {
        let order: Value = serde_json::from_str(&order?)?;
        if let Some(fill) = order.get("fill") {
            let keys = make(&node, fill).await?;
            say(&json!({ "keys": keys }))?;
        } else if let Some(keys) = order["follow"].as_array() {
            // Members discover each other's feeds on their own.
            for key in keys.iter().filter(|_| is_stock) {
                node.adopt(read_key(key)?).await?;
            }
            say(&json!({}))?;
        } else if order.get("listen").is_some() {
            let addr = node.listen((Ipv4Addr::LOCALHOST, 0).into()).await?;
            say(&json!({ "port": addr.port() }))?;
        } else if let Some(port) = order["dial"]["port"].as_u64() {
            let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, u16::try_from(port)?));
            let events = node.subscribe();
            tokio::spawn(count(events, order["dial"]["blocks"].as_u64().unwrap_or(0)));
            node.dial(addr).await?;
            target = Some(addr);
        } else if order.get("hang_up").is_some() {
            if let Some(addr) = target.take() {
                node.disconnect(addr).await?;
            }
            say(&json!({}))?;
        }
    }
    node.close().await;
    Ok(())
}

/// Lines of the standard input, read by a thread.
fn orders() -> tokio::sync::mpsc::Receiver<io::Result<String>> {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn read_key(key: &Value) -> Result<FeedKey, Box<dyn Error>> {
    Ok(key.as_str().ok_or("no key")?.parse()?)
}

/// Creates feeds of equal blocks. Returns their keys.
async fn make(node: &Node, fill: &Value) -> Result<Vec<String>, Box<dyn Error>> {
    let mut keys = Vec::new();
    let number = |key: &str| fill[key].as_u64().and_then(|number| usize::try_from(number).ok());
    let (name, feeds) = (fill["name"].as_str().ok_or("no name")?, number("feeds"));
    let (blocks, bytes) = (number("blocks").ok_or("no blocks")?, number("bytes"));
    let bytes = bytes.ok_or("no bytes")?;
    for feed in 0..feeds.ok_or("no feeds")? {
        let name = format!("{name}{feed}");
        let mut seed = [0; 32];
        seed[..name.len()].copy_from_slice(name.as_bytes());
        let feed = node.writer(&name, KeyPair::from_seed(&seed)).await?;
        let made = node.feed(feed).await?.ok_or("no feed")?;
        keys.push(made.key.to_string());
        let batch = BATCH_BLOCKS.min(BATCH_BYTES / bytes.max(1)).max(1);
        for start in (0..blocks).step_by(batch) {
            let indices = start..blocks.min(start + batch);
            node.append(feed, indices.map(|index| content(index, bytes)).collect()).await?;
        }
    }
    Ok(keys)
}

/// The block that `peer.js` makes for an index.
fn content(index: usize, bytes: usize) -> Vec<u8> {
    format!("block {index} ").into_bytes().into_iter().cycle().take(bytes).collect()
}

/// Reports the first new block, and when the expected number is reached.
async fn count(mut events: Events, wanted: u64) -> io::Result<()> {
    let mut got = 0;
    while let Some(event) = events.next().await {
        let NodeEvent::Multifeed(Event::Extended { start, end, .. }) = event else { continue };
        let before = got;
        got += end - start;
        if before == 0 {
            say(&json!({ "first": true }))?;
        }
        if before < wanted && got >= wanted {
            say(&json!({ "blocks": got }))?;
        }
    }
    Ok(())
}

fn say(answer: &Value) -> io::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "{answer}")?;
    output.flush()
}
