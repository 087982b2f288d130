//! A DHT node, for private networks and for tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use libudx::UdxRuntime;
use peeroxide_dht::hyperdht::{self, HyperDhtConfig, HyperDhtHandle};

use super::client::failure;
use crate::discovery::report::SourceFailure;

/// A node that stores the announcements of others until it is dropped. The first node of a network
/// has no bootstrap nodes; later ones name an existing node.
///
/// It stores at most 65,536 announcements and as many records, each for 20 minutes (defaults of
/// `peeroxide-dht` 1.7.3).
pub struct DhtNode {
    dht: HyperDhtHandle,
    addr: SocketAddr,
    tokio: tokio::runtime::Handle,
    _runtime: UdxRuntime,
}

impl DhtNode {
    /// Starts a node on the current tokio runtime and the given UDP address.
    ///
    /// # Errors
    /// If the address cannot be bound, or is an IPv6 address, which HyperDHT does not support.
    pub async fn start(addr: SocketAddr, bootstrap: &[SocketAddr]) -> Result<Self, SourceFailure> {
        let IpAddr::V4(ip) = addr.ip() else {
            return Err(failure("HyperDHT supports only IPv4 addresses"));
        };
        let mut config = HyperDhtConfig::default();
        config.dht.bootstrap = bootstrap.iter().map(ToString::to_string).collect();
        config.dht.host = ip.to_string();
        config.dht.port = addr.port();
        config.dht.ephemeral = Some(false);
        config.dht.firewalled = false;
        let tokio = tokio::runtime::Handle::try_current().map_err(failure)?;
        let runtime = UdxRuntime::new().map_err(failure)?;
        let (_, dht, _) = hyperdht::spawn(&runtime, config).await.map_err(failure)?;
        let port = dht.local_port().await.map_err(failure)?;
        let addr = SocketAddr::new(Ipv4Addr::from_bits(ip.to_bits()).into(), port);
        let node = Self { dht, addr, tokio, _runtime: runtime };
        node.dht.bootstrapped().await.map_err(failure)?;
        Ok(node)
    }

    /// Returns the address to use as a bootstrap node.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the number of other nodes that it knows.
    pub async fn nodes(&self) -> usize {
        self.dht.table_size().await.unwrap_or(0)
    }
}

impl Drop for DhtNode {
    fn drop(&mut self) {
        let dht = self.dht.clone();
        self.tokio.spawn(async move { dht.destroy().await });
    }
}
