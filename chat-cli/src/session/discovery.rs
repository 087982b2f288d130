//! Starts discovery on a node as the flags say.

use std::net::{Ipv4Addr, SocketAddr};

use multifeed_tcp::Node;
use multifeed_tcp::discovery::{Bootstrap, Dht, Lan};

use super::failure::no_runtime;
use crate::args::discovery::Discovery;
use crate::report::Failure;

/// The default listen address when discovery is on: discovered peers must be able to connect.
pub(super) const LISTEN: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

/// Starts the discovery that the flags ask for.
///
/// # Errors
/// Fails if the node has closed.
pub(crate) async fn start(
    node: &Node,
    wanted: &Discovery,
    failed: impl Fn(multifeed_tcp::NodeError) -> Failure,
) -> Result<(), Failure> {
    if wanted.uses_lan() {
        node.discover(Lan::new()).await.map_err(&failed)?;
    }
    if wanted.uses_dht() {
        let bootstrap_nodes: Vec<_> = wanted.bootstrap_nodes().map(ToString::to_string).collect();
        let bootstrap = if bootstrap_nodes.is_empty() {
            Bootstrap::Public
        } else {
            Bootstrap::Nodes(bootstrap_nodes)
        };
        let dht = Dht::current(bootstrap).map_err(|error| no_runtime(&error))?;
        let dht = wanted.advertise.iter().fold(dht, |dht, addr| dht.advertise(*addr));
        let dht = wanted.router.into_iter().fold(dht, Dht::forward_port);
        node.discover(dht).await.map_err(&failed)?;
    }
    Ok(())
}
