//! Runs a DHT node, for people with a network of their own.

use std::net::{Ipv4Addr, SocketAddr};

use multifeed_tcp::discovery::DhtNode;
use tokio::net::lookup_host;

use crate::args::Global;
use crate::exit::ExitCode;
use crate::lines::{Event, Line};
use crate::output::{Format, Output};
use crate::report::Failure;
use crate::signals::Signals;

/// The port of the public HyperDHT nodes (JavaScript `hyperdht` 6, lib/constants.js).
const PORT: u16 = 49_737;

pub(super) async fn run(global: &Global, output: &Output) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let addr = global.listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT)));
    let mut bootstrap_nodes = Vec::new();
    for entry in global.discovery.bootstrap_nodes() {
        let found = lookup_host((entry.host(), entry.port())).await;
        let found = found.map_err(|error| failed(format!("cannot look up {entry}: {error}")))?;
        bootstrap_nodes.extend(found.filter(SocketAddr::is_ipv4));
    }
    let node = DhtNode::start(addr, &bootstrap_nodes).await;
    let node = node.map_err(|error| failed(format!("cannot start on {addr}: {error}")))?;
    let addr = node.addr();
    match output.format {
        Format::Json => output.json(&Line::from(Event::Listening { addr }))?,
        Format::Text => {
            output.say(&format!("DHT node listening on {addr} (UDP)"))?;
            output
                .say(&format!("others connect with  multichat --bootstrap HOST:{}", addr.port()))?;
        }
    }
    Err(Failure::quiet(signals.next().await))
}

fn failed(message: String) -> Failure {
    Failure::new(ExitCode::Network, "dht.failed", message)
        .help("use an IPv4 address of this machine:  multichat --listen ADDR:PORT dht")
}
