//! A port of ours at the outside of a router: the Port Control Protocol (RFC 6887), or NAT-PMP
//! (RFC 6886) where the router knows that alone.
//!
//! Rule: a router is asked only where the user names it, and what it says becomes an address that
//! others are told and nothing else. Its answers have a fixed length, and nobody waits for it
//! longer than [`ASKING_MS`].

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

use super::super::SourceFailure;
use super::reach::is_public;

/// How long a router is asked for everything together.
const ASKING_MS: u64 = 3_000;

/// It forwards for so long after it was asked last: it is asked with every announcement, every nine
/// minutes.
const LIFETIME_S: u32 = 20 * 60;

/// One packet and two more for those that are lost: 250 + 500 + 1,000 ms.
const TIMEOUTS: TimeoutConfig = TimeoutConfig {
    initial_timeout: Duration::from_millis(250),
    max_retries: 2,
    max_retry_timeout: None,
};

/// What a router does for us.
#[derive(Debug)]
pub(super) struct Forward {
    router: IpAddr,
    mapping: Option<PortMapping>,
}

impl Forward {
    pub(super) fn by(router: IpAddr) -> Self {
        Self { router, mapping: None }
    }

    /// Asks it to let others in, or to go on doing so; gives the address outside that leads to one
    /// on which we listen.
    pub(super) async fn ask(
        &mut self,
        listening: &[SocketAddr],
    ) -> Result<SocketAddr, SourceFailure> {
        let inside = inside(self.router, listening)?;
        let port = NonZeroU16::new(inside.port()).ok_or(SourceFailure::NotListening)?;
        let asked = timeout(Duration::from_millis(ASKING_MS), self.map(inside.ip(), port)).await;
        let outside = asked.map_err(|_| refused("it does not answer"))??;
        if is_public(outside.ip()) {
            return Ok(outside);
        }
        Err(refused(&format!("its own address outside, {}, is one behind another", outside.ip())))
    }

    async fn map(&mut self, client: IpAddr, port: NonZeroU16) -> Result<SocketAddr, SourceFailure> {
        let options = PortMappingOptions {
            external_port: self.mapping.as_ref().map(PortMapping::external_port).or(Some(port)),
            lifetime_seconds: Some(LIFETIME_S),
            timeout_config: Some(TIMEOUTS),
        };
        let (router, tcp) = (self.router.into(), InternetProtocol::Tcp);
        let mapped = match &mut self.mapping {
            Some(mapping) if mapping.internal_port() == port => mapping.renew().await,
            mapping => PortMapping::new(router, client, tcp, port, options)
                .await
                .map(|made| *mapping = Some(made)),
        };
        if let Err(failure) = mapped {
            // One that moved, or began anew, knows nothing of what there was.
            self.mapping = None;
            return Err(refused(&failure.to_string()));
        }
        let mapping = self.mapping.as_ref().ok_or(SourceFailure::Ended)?;
        let ip = match mapping.mapping_type() {
            PortMappingType::Pcp { external_ip, .. } => external_ip,
            PortMappingType::NatPmp => natpmp::external_address(router, Some(TIMEOUTS))
                .await
                .map_err(|failure| refused(&failure.to_string()))?
                .into(),
        };
        Ok(SocketAddr::new(ip.to_canonical(), mapping.external_port().get()))
    }

    /// Lets nobody in any more.
    pub(super) async fn end(&mut self) {
        if let Some(mapping) = self.mapping.take() {
            // A router that does not hear it forgets by itself.
            let _ = mapping.try_drop().await;
        }
    }
}

/// The address on which we listen and that a router reaches.
fn inside(router: IpAddr, listening: &[SocketAddr]) -> Result<SocketAddr, SourceFailure> {
    let unspecified = match router {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    // Nothing is sent by this: the system tells which address of ours it would send from.
    let from = UdpSocket::bind((unspecified, 0)).and_then(|socket| {
        socket.connect((router, GATEWAY_PORT))?;
        Ok(socket.local_addr()?.ip())
    });
    let from = from.map_err(|error: io::Error| SourceFailure::Io(Arc::new(error)))?;
    let is_reached = |addr: &&SocketAddr| addr.ip().is_unspecified() || addr.ip() == from;
    let same = |addr: &&SocketAddr| addr.is_ipv6() || from.is_ipv4();
    let own = listening.iter().filter(is_reached).find(same);
    own.map(|own| SocketAddr::new(from, own.port())).ok_or(SourceFailure::NotListening)
}

fn refused(why: &str) -> SourceFailure {
    SourceFailure::NotForwarded(why.into())
}
