//! Flags that say how others are found.

use std::net::{IpAddr, SocketAddr};

use clap::{Args, ValueEnum};

use super::values::PeerAddress;

/// How others are found.
#[derive(Clone, Debug, Default, Args)]
pub struct Discovery {
    /// How to find others: tcp, lan, dht, offline [default: tcp]
    ///
    /// tcp is --peer and --listen, lan the local network, dht the HyperDHT.
    #[arg(
        long,
        global = true,
        value_name = "LIST",
        env = "MULTICHAT_TRANSPORT",
        value_delimiter = ','
    )]
    pub transport: Vec<Transport>,
    /// Find others on the local network too
    #[arg(long, global = true, overrides_with = "no_lan")]
    pub lan: bool,
    /// Do not look at the local network
    #[arg(long, global = true)]
    pub no_lan: bool,
    /// The HyperDHT to use, by its nodes; none for no DHT
    #[arg(
        long,
        global = true,
        value_name = "HOST:PORT",
        env = "MULTICHAT_BOOTSTRAP",
        value_delimiter = ',',
        value_parser = parse_entry_point
    )]
    pub bootstrap: Vec<DhtEntryPoint>,
    /// Tell others on the DHT this address of yours
    #[arg(long, global = true, value_name = "ADDR:PORT", value_delimiter = ',')]
    pub advertise: Vec<SocketAddr>,
    /// Ask this router to let others on the DHT in
    ///
    /// By PCP or NAT-PMP, which most routers at home speak, for as long as you are here.
    #[arg(long, global = true, value_name = "ADDR", env = "MULTICHAT_ROUTER")]
    pub router: Option<IpAddr>,
}

/// A way to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Transport {
    /// Peers that were named, and those who come.
    Tcp,
    /// The local network.
    Lan,
    /// The HyperDHT.
    Dht,
    /// None at all.
    Offline,
}

/// Where a DHT is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhtEntryPoint {
    /// One of its nodes.
    Node(PeerAddress),
    /// Nowhere.
    None,
}

impl Discovery {
    /// Whether nothing goes over any network.
    pub fn is_offline(&self) -> bool {
        self.transport.contains(&Transport::Offline)
    }

    /// Whether the local network is looked at.
    pub fn uses_lan(&self) -> bool {
        let named = self.lan || self.transport.contains(&Transport::Lan);
        named && !self.no_lan && !self.is_offline()
    }

    /// Whether the DHT is used: asked for by name, or by its nodes.
    pub fn uses_dht(&self) -> bool {
        let named = !self.bootstrap.is_empty() || self.transport.contains(&Transport::Dht);
        named && !self.bootstrap.contains(&DhtEntryPoint::None) && !self.is_offline()
    }

    /// Whether others are looked for who were not named.
    pub fn uses_discovery(&self) -> bool {
        self.uses_lan() || self.uses_dht()
    }

    /// The nodes through which a DHT of one's own is entered.
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
