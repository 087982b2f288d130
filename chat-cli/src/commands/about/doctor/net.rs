//! The way to others: where they are let in, whether they answer, and whether two members in this
//! process meet.

use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

use multifeed_core::{Group, KeyPair};
use multifeed_tcp::discovery::Step;
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeError, NodeEvent, NodeOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use crate::args::Global;
use crate::args::discovery::Discovery;
use crate::health::check;
use crate::lines::{Check, Outcome};
use crate::session::discovery;
use crate::session::failure::node_failure;
use crate::transcript::plural;

/// How long an address may take to answer.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the first node of a DHT may take to answer.
const DHT_TIMEOUT: Duration = Duration::from_secs(8);
/// Nobody comes to the node that asks a DHT, but it has to say a place.
const ANYWHERE: ([u8; 4], u16) = ([0, 0, 0, 0], 0);
/// How many messages the test of the loop sends.
const LOOP_BLOCKS: u64 = 100;
/// How long it may take, on a very slow machine.
const LOOP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn listen(global: &Global) -> Check {
    let Some(addr) = global.listen else {
        let found = "no --listen: others cannot come in, --peer goes out".to_string();
        return check("listen", Outcome::Warn, found);
    };
    match TcpListener::bind(addr).await {
        Ok(_) => check("listen", Outcome::Ok, format!("port {} can be used", addr.port())),
        Err(error) => Check {
            name: "listen",
            outcome: Outcome::Fail,
            found: format!("port {}: {}", addr.port(), error.kind()),
            help: Some("take another port, or end the program that has it:  ss -ltnp"),
        },
    }
}

/// Whether somebody listens at the addresses that were named. Who that is, is not asked.
pub(super) async fn reach(global: &Global) -> Option<Check> {
    let named = global.peers.len();
    let mut calls = JoinSet::new();
    for peer in &global.peers {
        let (host, port) = (peer.host().to_string(), peer.port());
        calls.spawn(async move {
            matches!(timeout(REACH_TIMEOUT, TcpStream::connect((host, port))).await, Ok(Ok(_)))
        });
    }
    let answers = calls.join_all().await.into_iter().filter(|answers| *answers).count();
    let found = format!("{answers} of {} can be reached", plural(named as u64, "named peer"));
    (named > 0).then(|| {
        if answers == named {
            check("reach", Outcome::Ok, found)
        } else {
            Check {
                name: "reach",
                outcome: Outcome::Warn,
                found,
                help: Some(
                    "nobody listens there now, or something between you does not let it through",
                ),
            }
        }
    })
}

/// Whether a DHT that was asked for lets us in, and what its nodes see of us. What is looked for
/// there is no room of anybody.
pub(super) async fn dht(global: &Global) -> Vec<Check> {
    if !global.discovery.uses_dht() {
        return Vec::new();
    }
    let began = Instant::now();
    let (outcome, found) = match timeout(DHT_TIMEOUT, join_dht(global)).await {
        Ok(Ok((nodes, seen_as))) => {
            let nodes = plural(nodes as u64, "node");
            let found = format!("entered in {} ms, {nodes} known", began.elapsed().as_millis());
            return vec![check("dht", Outcome::Ok, found), nat(seen_as, is_ours)];
        }
        Ok(Err(code)) => (Outcome::Fail, code),
        Err(_) => (Outcome::Fail, "no node of it has answered"),
    };
    let help = Some("it takes outgoing UDP; name nodes that you know:  --bootstrap HOST:PORT");
    vec![Check { name: "dht", outcome, found: found.to_string(), help }]
}

/// Whether a router stands between us and the nodes, which see us come from there.
fn nat(seen_as: Option<IpAddr>, is_ours: impl Fn(IpAddr) -> bool) -> Check {
    match seen_as {
        Some(ip) if is_ours(ip) => {
            let found = "the nodes see an address of this machine: no router changes it";
            check("nat", Outcome::Ok, found.to_string())
        }
        Some(_) => Check {
            name: "nat",
            outcome: Outcome::Warn,
            found: "a router stands before this machine: others come in where it lets them".into(),
            help: Some("ask it:  --router ADDR    or meet where all can go:  multichat serve"),
        },
        None => {
            let found = "too few nodes say alike from where this machine comes to them";
            check("nat", Outcome::Warn, found.to_string())
        }
    }
}

/// Only an address of this machine can be listened on.
fn is_ours(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// How many nodes there are, and from where they see us come.
async fn join_dht(global: &Global) -> Result<(usize, Option<IpAddr>), &'static str> {
    let failed = |error: NodeError| node_failure(error, None).code();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| "no chance can be had of the system")?;
    let runtime = Tokio::current().map_err(|_| "no runtime can be had of the system")?;
    let options = NodeOptions::new(Group::keyed(seed), runtime);
    let node = Node::open(options).await.map_err(failed)?;
    let mut events = node.subscribe();
    // The local network tells nothing here: nobody there has this group.
    let options = Discovery { no_lan: true, ..global.discovery.clone() };
    node.listen(ANYWHERE.into()).await.map_err(failed)?;
    let begun = discovery::start(&node, &options, |error| node_failure(error, None)).await;
    begun.map_err(|failure| failure.code())?;
    let mut entered = Err("the node has ended");
    while let Some(event) = events.next().await {
        match event {
            NodeEvent::Discovery { step: Step::Bootstrapped { nodes, seen_as }, .. } => {
                entered = Ok((nodes, seen_as));
                break;
            }
            NodeEvent::Discovery { step: Step::Failed(_), .. } => {
                entered = Err("it cannot be entered");
                break;
            }
            _ => {}
        }
    }
    node.close().await;
    entered
}

/// Two members in this process, over the loopback. If this works, what is wrong is the network.
pub(super) async fn loopback() -> Check {
    let began = Instant::now();
    match timeout(LOOP_TIMEOUT, exchange()).await {
        Ok(Ok(())) => {
            let took = began.elapsed().as_millis();
            let found = format!("two members here exchanged {LOOP_BLOCKS} messages in {took} ms");
            check("loop", Outcome::Ok, found)
        }
        Ok(Err(error)) => check("loop", Outcome::Fail, error.to_string()),
        Err(_) => Check {
            name: "loop",
            outcome: Outcome::Fail,
            found: "two members here did not meet".into(),
            help: Some("a firewall on this machine may forbid 127.0.0.1"),
        },
    }
}

async fn exchange() -> Result<(), NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| NodeError::Random(std::io::Error::other(error.to_string())))?;
    let open = || async {
        let runtime = Tokio::current().map_err(NodeError::Random)?;
        Node::open(NodeOptions::new(Group::keyed(seed), runtime)).await
    };
    let (one, two) = (open().await?, open().await?);
    let addr = one.listen(([127, 0, 0, 1], 0).into()).await?;
    let feed = one.writer("local", KeyPair::from_seed(&seed)).await?;
    let blocks = (0..LOOP_BLOCKS).map(|n| n.to_be_bytes().to_vec()).collect();
    one.append(feed, blocks).await?;
    let mut events = two.subscribe();
    two.dial(addr).await?;
    while two.sync_status().await?.have < LOOP_BLOCKS {
        if events.next().await.is_none() {
            return Err(NodeError::Closed);
        }
    }
    two.close().await;
    one.close().await;
    Ok(())
}

#[cfg(test)]
mod tests;
