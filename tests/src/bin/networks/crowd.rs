//! Many nodes in one process, and the cost of their idle time.

use std::fs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::Duration;

use multifeed_core::KeyPair;
use multifeed_tcp::Node;

use crate::figure::Figures;
use crate::fleet::{Process, State, until};
use crate::hosts::Hosts;
use crate::peer::{append, dht_nodes, options, say, source, state};
use crate::{Failure, any_port};

/// Nodes of the crowd, and the most connections of each.
const COUNT: usize = 100;
const CONNECTIONS_MAX: usize = 64;

/// How long the crowd may take to hold what one of its nodes wrote.
const CONVERGED: Duration = Duration::from_secs(60);

/// Idle time before and during the measurement.
const WARM_UP: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(60);

/// Waits until this many nodes hold one block.
pub(crate) async fn crowd(count: usize) -> Result<(), Failure> {
    let dht = dht_nodes(any_port(Ipv4Addr::LOCALHOST).into()).await?;
    let entry = dht[0].addr();
    let mut nodes: Vec<Node> = Vec::new();
    for _ in 0..count {
        let node = Node::open(options(any_port(Ipv4Addr::LOCALHOST))?).await?;
        node.discover(source(entry)?).await?;
        nodes.push(node);
    }
    let feed = nodes[0].writer("own", KeyPair::from_seed(&[1; 32])).await?;
    append(&nodes[0], feed).await?;
    let mut printed = None;
    loop {
        let mut all = State { peers: 0, blocks: u64::MAX };
        for node in &nodes {
            let State { peers, blocks } = state(node).await?;
            all = State { peers: all.peers.max(peers), blocks: all.blocks.min(blocks) };
        }
        if printed.replace(all) != Some(all) {
            say(all)?;
        }
        // Polling costs too, but is rare enough not to count.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// A hundred nodes within their limits, and their cost while nothing happens.
pub(crate) fn run(hosts: &Hosts, figures: &mut Figures) -> Result<(), Failure> {
    let crowd = Process::start(hosts, 0, &["crowd".into(), COUNT.to_string()])?;
    let took = until("all hold the block", || crowd.state().is_some_and(|all| all.blocks == 1))?;
    figures.time("crowd: 100 nodes hold one block after", took, CONVERGED)?;
    thread::sleep(WARM_UP);
    let before = Usage::of(hosts, &crowd)?;
    thread::sleep(SILENCE);
    let after = Usage::of(hosts, &crowd)?;
    let peers = crowd.state().map_or(0, |all| all.peers);
    if peers > CONNECTIONS_MAX {
        return Err(format!("a node has {peers} connections").into());
    }
    figures.say("crowd: most connections of a node", peers)?;
    let minutes = SILENCE.as_secs_f64() / 60.0;
    let each = |all: f64| format!("{:.1}", all / minutes / COUNT as f64);
    figures.say("crowd: CPU ms of a node in an idle minute", each(after.cpu_ms - before.cpu_ms))?;
    match after.bytes.zip(before.bytes) {
        Some((after, before)) => {
            figures.say(
                "crowd: bytes on the wire of a node in an idle minute",
                each(after - before),
            )?;
        }
        None => figures.leave_out("crowd: bytes")?,
    }
    Ok(())
}

/// The resources that the crowd has used so far.
struct Usage {
    cpu_ms: f64,
    /// On the loopback of its own namespace: headers and the DHT's traffic included.
    bytes: Option<f64>,
}

impl Usage {
    fn of(hosts: &Hosts, crowd: &Process) -> Result<Self, Failure> {
        let strange = "the kernel's files are not as in proc(5)";
        let stat = fs::read_to_string(format!("/proc/{}/stat", crowd.id()))?;
        let (_, fields) = stat.rsplit_once(')').ok_or(strange)?;
        let ticks = fields.split_ascii_whitespace().skip(11).take(2);
        let ticks: f64 = ticks.map(str::parse::<f64>).sum::<Result<_, _>>()?;
        let devices = fs::read_to_string(format!("/proc/{}/net/dev", crowd.id()))?;
        let loopback = devices.lines().find_map(|line| line.trim().strip_prefix("lo:"));
        let received = loopback.and_then(|fields| fields.split_ascii_whitespace().next());
        let received: f64 = received.ok_or(strange)?.parse()?;
        // A tick is 10 ms for every program.
        Ok(Self { cpu_ms: ticks * 10.0, bytes: hosts.has_links().then_some(received) })
    }
}
