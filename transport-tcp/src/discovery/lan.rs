//! Peers on the local network, by multicast DNS.
//!
//! Rule: what everybody on the network sees is a service of multifeed, a blinded topic, a port
//! and a sealed record: no key, no topic, no name.
//!
//! ```text
//! service   _multifeed._tcp.local
//! instance  blinded topic (16 bytes, hex) - chance (4 bytes, hex)
//! TXT       e = sealed endpoints (hex), without addresses: those are in the A and AAAA records
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;

use data_encoding::HEXLOWER;
use futures_lite::future::or;
use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};
use multifeed_core::PublicKey;
use multifeed_core::crypto::hash::keyed;

use super::endpoints::Endpoints;
use super::{Meeting, Origin, Source, SourceFailure, Step};
use crate::dialer::ADDRESSES_PER_PEER_MAX;
use crate::runtime::BoxFuture;

#[cfg(test)]
mod tests;

const SERVICE: &str = "_multifeed._tcp.local.";
const RECORD: &str = "e";

/// Peers whose key is remembered, to count each once.
const PEERS_MAX: usize = 1_024;

/// Finds peers on the local network.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Lan;

impl Lan {
    /// On all interfaces.
    pub fn new() -> Self {
        Self
    }
}

impl Source for Lan {
    fn origin(&self) -> Origin {
        Origin::Lan
    }

    fn run(self: Box<Self>, meeting: Meeting) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = meet(&meeting).await {
                let words = error.to_string().into();
                meeting.tell(Step::Failed(SourceFailure::Library(words))).await;
                meeting.left().await;
            }
        })
    }
}

async fn meet(meeting: &Meeting) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let prefix = blinded_topic(meeting.group().topic());
    match announcement(meeting, &prefix)? {
        Some(service) => {
            daemon.register(service)?;
            meeting.tell(Step::Announced { addresses: meeting.listening().to_vec() }).await;
        }
        None => meeting.tell(Step::Failed(SourceFailure::NotListening)).await,
    }
    let services = daemon.browse(SERVICE)?;
    meeting.tell(Step::Looking).await;
    let mut seen = BTreeMap::new();
    let look = async {
        while let Ok(event) = services.recv_async().await {
            if let ServiceEvent::ServiceResolved(service) = event {
                resolved(meeting, &service, &prefix, &mut seen).await;
            }
        }
    };
    or(meeting.left(), look).await;
    // It says good-bye to all interfaces, and answers when that is sent.
    if let Ok(done) = daemon.shutdown() {
        let _ = done.recv_async().await;
    }
    Ok(())
}

/// What we tell the network, if there is anything to connect to.
fn announcement(meeting: &Meeting, prefix: &str) -> Result<Option<ServiceInfo>, mdns_sd::Error> {
    let Some(listening) = meeting.listening().first() else { return Ok(None) };
    let mut seed = [0; 32];
    let random = getrandom::fill(&mut seed);
    random.map_err(|error| mdns_sd::Error::Msg(error.to_string()))?;
    let endpoints = Endpoints { key: meeting.key_pair().public_key(), addrs: Vec::new() };
    let sealed = endpoints.seal(meeting.group(), seed);
    // A name of its own: two programs of one host do not argue about whose it is.
    let chance = HEXLOWER.encode(&keyed(&seed, &[b"instance"])[..4]);
    let host = format!("multifeed-{chance}.local.");
    let properties = [(RECORD, HEXLOWER.encode(&sealed))];
    let (name, port) = (format!("{prefix}-{chance}"), listening.port());
    let ips: Vec<_> = meeting.listening().iter().map(SocketAddr::ip).collect();
    let all = ips.iter().any(std::net::IpAddr::is_unspecified);
    let ips = if all { &[][..] } else { &ips[..] };
    let service = ServiceInfo::new(SERVICE, &name, &host, ips, port, &properties[..])?;
    Ok(Some(if all { service.enable_addr_auto() } else { service }))
}

/// Names what somebody told the network, if it is a member's.
async fn resolved(
    meeting: &Meeting,
    service: &ResolvedService,
    prefix: &str,
    seen: &mut BTreeMap<PublicKey, Vec<SocketAddr>>,
) {
    if !service.fullname.starts_with(prefix) {
        return;
    }
    let text = service.get_property_val(RECORD).flatten().unwrap_or_default();
    let sealed = HEXLOWER.decode(text).unwrap_or_default();
    let key = match Endpoints::open(meeting.group(), &sealed) {
        Ok(Endpoints { key, .. }) if key != meeting.key_pair().public_key() => key,
        Ok(_) => return,
        Err(bad) => {
            tracing::debug!(?bad, "a record of no member");
            return;
        }
    };
    let addrs = addresses(&service.addresses, service.port);
    if seen.get(&key) == Some(&addrs) || seen.len() >= PEERS_MAX {
        return;
    }
    seen.insert(key, addrs.clone());
    meeting.found(Some(key), addrs).await;
    meeting.tell(Step::Found { peers: seen.len() }).await;
}

/// Addresses that can be dialled as they are: those of a link need the name of that link.
fn addresses<'a>(ips: impl IntoIterator<Item = &'a ScopedIp>, port: u16) -> Vec<SocketAddr> {
    let ips = ips.into_iter().filter_map(|ip| match ip {
        ScopedIp::V4(ip) => Some(SocketAddr::from((*ip.addr(), port))),
        ScopedIp::V6(ip) if !ip.addr().is_unicast_link_local() => {
            Some(SocketAddr::from((*ip.addr(), port)))
        }
        _ => None,
    });
    let mut addrs: Vec<_> = ips.filter(|addr| addr.port() != 0).collect();
    addrs.sort_unstable();
    addrs.truncate(ADDRESSES_PER_PEER_MAX);
    addrs
}

/// What stands for the topic where strangers read: who knows the topic knows it too, and nobody
/// learns the topic from it.
fn blinded_topic(topic: &[u8; 32]) -> String {
    HEXLOWER.encode(&keyed(topic, &[b"multifeed/1 lan"])[..16])
}
