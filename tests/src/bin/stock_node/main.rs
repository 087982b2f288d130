//! A node that executes commands, a line of JSON each, and answers each with a line. The JavaScript
//! programs of `--test interop_stock` drive it.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::net::{Ipv4Addr, SocketAddr};

use multifeed_core::{FeedKey, Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Events, Node, NodeEvent, NodeOptions};
use serde::Deserialize;
use serde_json::{Value, json};

type Failure = Box<dyn Error>;

/// The limits of the node, as its first argument.
#[derive(Deserialize)]
struct Options {
    /// The most of hypercore's channels on one connection.
    channels: usize,
}

#[derive(Deserialize)]
#[serde(tag = "command", rename_all = "lowercase")]
enum Command {
    /// Makes a writer and appends blocks to it.
    Write { seed: u8, blocks: Vec<String> },
    /// Adopts a feed.
    Adopt { key: String },
    /// The length of a feed.
    Length { key: String },
    /// Dials an address.
    Dial { addr: SocketAddr },
    /// The state of the synchronisation.
    Status,
    /// Why connections have ended since this was last asked.
    Ends,
}

async fn act(node: &Node, events: &mut Events, command: Command) -> Result<Value, Failure> {
    Ok(match command {
        Command::Write { seed, blocks } => {
            let feed = node.writer("own", KeyPair::from_seed(&[seed; 32])).await?;
            node.append(feed, blocks.into_iter().map(String::into_bytes).collect()).await?;
            let info = node.feed(feed).await?.ok_or("no such feed")?;
            json!({ "key": info.key.to_string() })
        }
        Command::Adopt { key: text } => {
            node.adopt(text.parse::<FeedKey>()?).await?;
            json!({})
        }
        Command::Length { key: text } => {
            let feed = node.feed(text.parse::<FeedKey>()?).await?;
            json!({ "length": feed.map_or(0, |feed| feed.length) })
        }
        Command::Dial { addr } => {
            node.dial(addr).await?;
            json!({})
        }
        Command::Status => {
            let status = node.sync_status().await?;
            json!({ "have": status.have, "want": status.want, "stock": status.stock_peers })
        }
        Command::Ends => {
            let events = std::iter::from_fn(|| events.try_next());
            let ends = events.filter_map(|event| match event {
                NodeEvent::Disconnected { reason, .. } => Some(reason.to_string()),
                _ => None,
            });
            json!({ "ends": ends.collect::<Vec<_>>() })
        }
    })
}

fn say(value: &Value) -> Result<(), Failure> {
    let mut out = stdout().lock();
    writeln!(out, "{value}")?;
    Ok(out.flush()?)
}

fn main() -> Result<(), Failure> {
    let options: Options = serde_json::from_str(&std::env::args().nth(1).ok_or("no options")?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let _inside = runtime.enter();
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let mut node_options = NodeOptions::new(Group::keyed([6; 32]), Tokio::current()?);
    node_options = node_options.listen(loopback);
    node_options.limits.hypercore_channels = options.channels;
    // All peers have the same address.
    node_options.connections.per_address = 200;
    let node = runtime.block_on(Node::open(node_options))?;
    let mut events = node.subscribe();
    say(&json!({ "port": runtime.block_on(node.local_addrs())?[0].port() }))?;
    for line in stdin().lock().lines() {
        let command: Command = serde_json::from_str(&line?)?;
        let answer = runtime.block_on(act(&node, &mut events, command))?;
        say(&answer)?;
    }
    runtime.block_on(node.close());
    Ok(())
}
