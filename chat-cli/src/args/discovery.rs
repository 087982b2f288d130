//! Defines the flags that say how to find peers.

use std::net::{IpAddr, SocketAddr};

use clap::{Args, ValueEnum};

use super::values::PeerAddress;

/// How to find peers.
#[derive(Clone, Debug, Default, Args)]
pub struct Discovery {
    /// How to find peers: tcp, lan, dht, offline [default: tcp]
    ///
    /// tcp uses --peer and --listen, lan the local network, dht the HyperDHT.
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "MULTICHAT_TRANSPORT",
        value_delimiter = ','
    )]
    pub transport: Vec<Transport>,
    /// Also find peers on the local network
    #[arg(long, global = true, overrides_with = "no_lan")]
    pub lan: bool,
    /// Do not search the local network
    #[arg(long, global = true)]
    pub no_lan: bool,
    /// Nodes of the HyperDHT to use; none for no DHT
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "MULTICHAT_BOOTSTRAP",
        value_delimiter = ',',
        value_parser = parse_entry_point
    )]
    pub bootstrap: Vec<DhtEntryPoint>,
    /// Announce this address of yours on the DHT
    #[arg(long, global = true, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub advertise: Vec<SocketAddr>,
    /// Ask this router to open a port for you
    ///
    /// It uses PCP or NAT-PMP, which most home routers support, while multichat runs.
    #[arg(long, global = true, value_name = "ADDR", env = "MULTICHAT_ROUTER")]
    pub router: Option<IpAddr>,
}

/// A way to find peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Addresses that the user named, and incoming connections.
    Tcp,
    /// The local network.
    Lan,
    /// The HyperDHT.
    Dht,
    /// No network.
    Offline,
}

/// Where to enter a DHT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtEntryPoint {
    /// A node of the DHT.
    Node(PeerAddress),
    /// No DHT.
    None,
}

impl Discovery {
    /// Returns whether networking is off.
    pub fn is_offline(&self) -> bool {
        self.transport.contains(&Transport::Offline)
    }

    /// Returns whether to search the local network.
    pub fn uses_lan(&self) -> bool {
        let named = self.lan || self.transport.contains(&Transport::Lan);
        named && !self.no_lan && !self.is_offline()
    }

    /// Returns whether to use the DHT: by name or through its nodes.
    pub fn uses_dht(&self) -> bool {
        let named = !self.bootstrap.is_empty() || self.transport.contains(&Transport::Dht);
        named && !self.bootstrap.contains(&DhtEntryPoint::None) && !self.is_offline()
    }

    /// Returns whether to search for peers that the user did not name.
    pub fn uses_discovery(&self) -> bool {
        self.uses_lan() || self.uses_dht()
    }

    /// Returns the nodes through which to enter a private DHT.
    pub fn bootstrap_nodes(&self) -> impl Iterator<Item = &PeerAddress> {
        self.bootstrap.iter().filter_map(|parse_entry_point| match parse_entry_point {
            DhtEntryPoint::Node(node) => Some(node),
            DhtEntryPoint::None => None,
        })
    }
}

pub(crate) fn parse_entry_point(text: &str) -> Result<DhtEntryPoint, String> {
    if text == "none" {
        return Ok(DhtEntryPoint::None);
    }
    text.parse().map(DhtEntryPoint::Node)
}
