//! The way to others: where they are let in, whether they answer, and whether two members in this
//! process meet.

use std::time::Duration;

use multifeed_core::{Group, KeyPair};
use multifeed_tcp::runtime::Tokio;
use multifeed_tcp::{Node, NodeError, NodeOptions};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::check;
use crate::args::Global;
use crate::lines::{Check, Outcome};
use crate::session::Session;
use crate::transcript::counted;

/// How many messages the test of the loop sends.
const LOOP_BLOCKS: u64 = 100;
/// How long an address may take to answer.
const REACH_TIMEOUT: Duration = Duration::from_secs(3);
/// How long it may take, on a very slow machine.
const LOOP_TIMEOUT: Duration = Duration::from_secs(20);

/// Who is connected.
pub(super) fn peers(session: &Session) -> Check {
    let (here, missed) = (session.links().here().len(), session.links().out_of_sync().count());
    let found =
        format!("{} here; {missed} of those who were named not", counted(here as u64, "peer"));
    let outcome = if here > 0 { Outcome::Ok } else { Outcome::Warn };
    check("peers", outcome, found)
}

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
    let found = format!("{answers} of {} can be reached", counted(named as u64, "named peer"));
    (named > 0).then(|| match answers == named {
        true => check("reach", Outcome::Ok, found),
        false => Check {
            name: "reach",
            outcome: Outcome::Warn,
            found,
            help: Some(
                "nobody listens there now, or something between you does not let it through",
            ),
        },
    })
}

/// Two members in this process, over the loopback. If this works, what is wrong is the network.
pub(super) async fn round() -> Check {
    let began = Instant::now();
    match timeout(LOOP_TIMEOUT, meet()).await {
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

async fn meet() -> Result<(), NodeError> {
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
