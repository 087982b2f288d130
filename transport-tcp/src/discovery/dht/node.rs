//! A node of a DHT: for a network of one's own, and for tests.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use libudx::UdxRuntime;
use peeroxide_dht::hyperdht::{self, HyperDhtConfig, HyperDhtHandle};

use super::client::{entry, failure};
use crate::discovery::SourceFailure;

/// A node that stores what others announce, until it is dropped or closed. The first of a network
/// is entered by nobody; later ones name one that is there.
///
/// It keeps at most 65,536 announcements and as many records, each for 20 minutes.
pub struct DhtNode {
    dht: HyperDhtHandle,
    addr: SocketAddr,
    tokio: tokio::runtime::Handle,
    _runtime: UdxRuntime,
}

impl DhtNode {
    /// Starts a node on the runtime of tokio around the caller, on UDP.
    ///
    /// # Errors
    /// When the address cannot be bound, or is one of IPv6, which HyperDHT does not speak.
    pub async fn start(addr: SocketAddr, bootstrap: &[SocketAddr]) -> Result<Self, SourceFailure> {
        let IpAddr::V4(ip) = addr.ip() else {
            return Err(failure("a node of the HyperDHT has an address of IPv4"));
        };
        let mut config = HyperDhtConfig::default();
        config.dht.bootstrap = bootstrap.iter().copied().map(entry).collect();
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

    /// Where others enter.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Other nodes that it knows.
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
