//! Defines the flags of `serve`.

use std::net::{Ipv4Addr, SocketAddr};

use clap::Args;

/// Flags of `serve`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Args)]
#[group(skip)]
pub struct Serve {
    /// Serve Prometheus metrics on this port (localhost)
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = address)]
    pub metrics: Option<SocketAddr>,
    /// Serve them to other machines too, if --metrics gives an address that they reach
    #[arg(long, requires = "metrics")]
    pub metrics_public: bool,
}

/// Parses a metrics address. A bare port means localhost.
fn address(text: &str) -> Result<SocketAddr, String> {
    let local = |port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    let given = port.parse().map(local).or_else(|_| text.parse());
    given.map_err(|_| "a port such as 9977, or an address with one".to_string())
}
