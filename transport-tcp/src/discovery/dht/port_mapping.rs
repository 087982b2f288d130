//! Forwards a port of a router to this node, by the Port Control Protocol (PCP, RFC 6887), or by
//! NAT-PMP (RFC 6886) if the router supports only that.
//!
//! Rule: a router is asked only if the user specifies it, and its answer is used only as an address
//! to announce. Answers have a fixed length, and asking takes at most [`ROUTER_TIMEOUT_MS`].

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use crab_nat::{
    GATEWAY_PORT, InternetProtocol, PortMapping, PortMappingOptions, PortMappingType,
    TimeoutConfig, natpmp,
};
use tokio::time::timeout;

use crate::discovery::address_policy::is_public;
use crate::discovery::report::SourceFailure;

/// The most time for all requests to a router together. Derivation: one PCP request with its
/// retries takes 1.75 s, see [`REQUEST_TIMEOUTS`]; the rest is for a second request by NAT-PMP to a
/// router that answers.
const ROUTER_TIMEOUT_MS: u64 = 3_000;

/// How long the router forwards the port after the last request. It is renewed with every
/// announcement, every nine minutes, so one renewal may fail.
const MAPPING_LIFETIME_S: u32 = 20 * 60;

/// One packet and two retries, after 250, 500 and 1,000 ms: the start of the schedule of NAT-PMP
/// (RFC 6886, section 3.1), cut short because the router is in the local network.
const REQUEST_TIMEOUTS: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(250),
    max_retries: 2,
    max_retry_timeout: None,
};

/// The port mapping at a router.
#[derive(Debug)]
pub(super) struct PortMapper {
    router: IpAddr,
    mapping: Option<PortMapping>,
}

impl PortMapper {
    pub(super) fn new(router: IpAddr) -> Self {
        Self { router, mapping: None }
    }

    /// Creates the mapping, or renews it. Returns the outside address that leads to a listener.
    pub(super) async fn map(
        &mut self,
        listen_addrs: &[SocketAddr],
    ) -> Result<SocketAddr, SourceFailure> {
        let inside = reachable_listener(self.router, listen_addrs)?;
        let port = NonZeroU16::new(inside.port()).ok_or(SourceFailure::NotListening)?;
        let request = self.request(inside.ip(), port);
        let answer = timeout(Duration::from_millis(ROUTER_TIMEOUT_MS), request).await;
        let outside = answer.map_err(|_| refused("it does not answer"))??;
        if is_public(outside.ip()) {
            return Ok(outside);
        }
        Err(refused(&format!("its outside address {} is not public", outside.ip())))
    }

    async fn request(
        &mut self,
        client: IpAddr,
        port: NonZeroU16,
    ) -> Result<SocketAddr, SourceFailure> {
        let options = PortMappingOptions {
            external_port: self.mapping.as_ref().map(PortMapping::external_port).or(Some(port)),
            lifetime_seconds: Some(MAPPING_LIFETIME_S),
            timeout_config: Some(REQUEST_TIMEOUTS),
        };
        let (router, tcp) = (self.router.into(), InternetProtocol::Tcp);
        let mapped = match &mut self.mapping {
            Some(mapping) if mapping.internal_port() == port => mapping.renew().await,
            mapping => PortMapping::new(router, client, tcp, port, options)
                .await
                .map(|made| *mapping = Some(made)),
        };
        if let Err(failure) = mapped {
            // A router that was replaced or restarted does not know the mapping, so make a new one.
            self.mapping = None;
            return Err(refused(&failure.to_string()));
        }
        let mapping = self.mapping.as_ref().ok_or(SourceFailure::Ended)?;
        let ip = match mapping.mapping_type() {
            PortMappingType::Pcp { external_ip, .. } => external_ip,
            PortMappingType::NatPmp => natpmp::external_address(router, Some(REQUEST_TIMEOUTS))
                .await
                .map_err(|failure| refused(&failure.to_string()))?
                .into(),
        };
        Ok(SocketAddr::new(ip.to_canonical(), mapping.external_port().get()))
    }

    /// Ends the mapping.
    pub(super) async fn end(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            // If the request is lost, the mapping expires.
            let _ = mapping.try_drop().await;
        }
    }
}

/// Returns the address of a listener that the router can reach.
fn reachable_listener(
    router: IpAddr,
    listen_addrs: &[SocketAddr],
) -> Result<SocketAddr, SourceFailure> {
    let unspecified = match router {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // This sends nothing: connecting a UDP socket selects the source address for that destination.
    let from = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((router, GATEWAY_PORT))?;
        Ok(socket.local_addr()?.ip())
    });
    let from = from.map_err(|error: io::Error| SourceFailure::Io(Arc::new(error)))?;
    let is_reachable = |addr: &&SocketAddr| addr.ip().is_unspecified() || addr.ip() == from;
    let is_same_family = |addr: &&SocketAddr| addr.is_ipv6() || from.is_ipv4();
    let own = listen_addrs.iter().filter(is_reachable).find(is_same_family);
    own.map(|own| SocketAddr::new(from, own.port())).ok_or(SourceFailure::NotListening)
}

fn refused(reason: &str) -> SourceFailure {
    SourceFailure::NotForwarded(reason.into())
}
