//! Checks the network: the listen address, the peers, the DHT, and two members in this process.

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

/// How long a peer may take to answer. Chosen: a lost TCP SYN is sent again after 1 s (RFC 6298,
/// 2.1), so one loss is tolerated.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long the first DHT node may take to answer. Chosen: time for several retries over UDP.
const DHT_TIMEOUT: Duration = Duration::from_secs(8);
/// The listen address of the node that tests the DHT. No peer connects to it, but it needs one.
const ANYWHERE: ([u8; 4], u16) = ([0, 0, 0, 0], 0);
/// Messages that the loop check sends. Chosen: more than one packet and done in milliseconds.
const LOOP_BLOCKS: u64 = 100;
/// How long the loop check may take. Chosen: it takes milliseconds, so this allows for a very
/// slow machine.
const LOOP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) async fn listen(global: &Global) -> Check {
    let Some(addr) = global.listen else {
        let found =
            "no --listen: you can connect to others, they cannot connect to you".to_string();
        return check("listen", Outcome::Warn, found);
    };
    match TcpListener::bind(addr).await {
        Ok(_) => check("listen", Outcome::Ok, format!("port {} is free", addr.port())),
        Err(error) => Check {
            name: "listen",
            outcome: Outcome::Fail,
            found: format!("port {}: {}", addr.port(), error.kind()),
            help: Some("use another port, or stop the program that uses it:  ss -ltnp"),
        },
    }
}

/// Checks whether the named addresses accept connections. It does not check who answers.
pub(super) async fn check_peers(global: &Global) -> Option<Check> {
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
                help: Some("the peer is offline, or a firewall or router blocks the connection"),
            }
        }
    })
}

/// Checks whether the DHT can be reached, and which address its nodes see. The check looks up a
/// random topic, not that of a room.
pub(super) async fn check_dht(global: &Global) -> Vec<Check> {
    if !global.discovery.uses_dht() {
        return Vec::new();
    }
    let began = Instant::now();
    let (outcome, found) = match timeout(DHT_TIMEOUT, join_dht(global)).await {
        Ok(Ok((nodes, seen_as))) => {
            let nodes = plural(nodes as u64, "node");
            let found = format!("connected in {} ms, {nodes} known", began.elapsed().as_millis());
            return vec![check("dht", Outcome::Ok, found), check_nat(seen_as, is_ours)];
        }
        Ok(Err(code)) => (Outcome::Fail, code),
        Err(_) => (Outcome::Fail, "no DHT node answered"),
    };
    let help = Some("it needs outgoing UDP; name nodes that you know:  --bootstrap HOST:PORT");
    vec![Check { name: "dht", outcome, found: found.to_string(), help }]
}

/// Compares the address that DHT nodes see with the addresses of this machine.
fn check_nat(seen_as: Option<IpAddr>, is_ours: impl Fn(IpAddr) -> bool) -> Check {
    match seen_as {
        Some(ip) if is_ours(ip) => {
            let found = "DHT nodes see an address of this machine: no NAT";
            check("nat", Outcome::Ok, found.to_string())
        }
        Some(_) => Check {
            name: "nat",
            outcome: Outcome::Warn,
            found: "your router (NAT) blocks connections to you unless it forwards a port".into(),
            help: Some(
                "forward a port, use --router, or run  multichat serve  on a public machine",
            ),
        },
        None => {
            let found = "too few DHT nodes agree on the address of this machine";
            check("nat", Outcome::Warn, found.to_string())
        }
    }
}

/// Returns whether an address belongs to this machine: only those can be bound.
fn is_ours(ip: IpAddr) -> bool {
    UdpSocket::bind((ip, 0)).is_ok()
}

/// Returns the number of known DHT nodes and the address that they see.
async fn join_dht(global: &Global) -> Result<(usize, Option<IpAddr>), &'static str> {
    let failed = |error: NodeError| node_failure(error, None).code();
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|_| "cannot get random bytes from the system")?;
    let runtime = Tokio::current().map_err(|_| "cannot start a runtime")?;
    let options = NodeOptions::new(Group::keyed(seed), runtime);
    let node = Node::open(options).await.map_err(failed)?;
    let mut events = node.subscribe();
    // No local network: no other member has this random group.
    let options = Discovery { no_lan: true, ..global.discovery.clone() };
    node.listen(ANYWHERE.into()).await.map_err(failed)?;
    let begun = discovery::start(&node, &options, |error| node_failure(error, None)).await;
    begun.map_err(|failure| failure.code())?;
    let mut entered = Err("the node has stopped");
    while let Some(event) = events.next().await {
        match event {
            NodeEvent::Discovery {
                step: Step::Bootstrapped { nodes, observed_ip: seen_as },
                ..
            } => {
                entered = Ok((nodes, seen_as));
                break;
            }
            NodeEvent::Discovery { step: Step::Failed(_), .. } => {
                entered = Err("no DHT node can be reached");
                break;
            }
            _ => {}
        }
    }
    node.close().await;
    entered
}

/// Connects two members in this process over loopback. If this works, the problem is the network.
pub(super) async fn check_loopback() -> Check {
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
            found: "two members on this machine could not connect".into(),
            help: Some("a firewall on this machine may block 127.0.0.1"),
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
