//! The flags of `serve`.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

/// What else there is of a room that is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Serve {
    /// Tell programs of this machine how it goes, on a page for Prometheus at this port
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = address)]
    pub metrics: Option<SocketAddr>,
    /// Let other machines read it too, if that address is one that they reach
    #[arg(long, requires = "metrics")]
    pub metrics_public: bool,
}

/// A port is one of this machine alone.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let given = port.parse().map(local).or_else(|_| text.parse());
    given.map_err(|_| "a port such as 9977, or an address with one".to_string())
}
