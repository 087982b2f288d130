//! Peers on the local network, by multicast DNS.
//!
//! Rule: the network sees a multifeed service, a blinded topic, a port and an encrypted record. It
//! sees no key, no topic and no name.
//!
//! ```text
//! service   _multifeed._tcp.local
//! instance  blinded topic (16 bytes, hex) - random (4 bytes, hex)
//! TXT       e = encrypted endpoints (hex) without addresses; the A and AAAA records have those
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;

use data_encoding::HEXLOWER;
use futures_lite::future::or;
use mdns_sd::{ResolvedService, ScopedIp, ServiceDaemon, ServiceEvent, ServiceInfo};
use multifeed_core::PublicKey;
use multifeed_core::crypto::hash::keyed;

use super::endpoints::Endpoints;
use super::report::{ADDRESSES_PER_PEER_MAX, Origin, SourceFailure, Step};
use super::source::{Source, SourceContext};
use crate::runtime::traits::BoxFuture;

#[cfg(test)]
mod tests;

const SERVICE: &str = "_multifeed._tcp.local.";
const TXT_PROPERTY: &str = "e";

/// The most peers that are remembered, to count each once. The same as the default of
/// `ConnectionLimits::addresses`: the dialer keeps no more.
const PEERS_MAX: usize = 1_024;

/// Finds peers on the local network.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Lan;

impl Lan {
    /// Makes a source that uses all interfaces.
    pub fn new() -> Self {
        Self
    }
}

impl Source for Lan {
    fn origin(&self) -> Origin {
        Origin::Lan
    }

    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = run(&context).await {
                let message = error.to_string().into();
                context.report_step(Step::Failed(SourceFailure::Library(message))).await;
                context.closed().await;
            }
        })
    }
}

async fn run(context: &SourceContext) -> Result<(), mdns_sd::Error> {
    let daemon = ServiceDaemon::new()?;
    let prefix = blinded_topic(context.group().topic());
    match announcement(context, &prefix)? {
        Some(service) => {
            daemon.register(service)?;
            context
                .report_step(Step::Announced { addresses: context.listen_addrs().to_vec() })
                .await;
        }
        None => context.report_step(Step::Failed(SourceFailure::NotListening)).await,
    }
    let services = daemon.browse(SERVICE)?;
    context.report_step(Step::Searching).await;
    let mut seen = BTreeMap::new();
    let search = async {
        while let Ok(event) = services.recv_async().await {
            if let ServiceEvent::ServiceResolved(service) = event {
                on_resolved(context, &service, &prefix, &mut seen).await;
            }
        }
    };
    or(context.closed(), search).await;
    // The daemon withdraws the service on all interfaces, and answers once that is sent.
    if let Ok(done) = daemon.shutdown() {
        let _ = done.recv_async().await;
    }
    Ok(())
}

/// Returns the service to announce, if the node listens.
fn announcement(
    context: &SourceContext,
    prefix: &str,
) -> Result<Option<ServiceInfo>, mdns_sd::Error> {
    let Some(listening) = context.listen_addrs().first() else { return Ok(None) };
    let mut seed = [0; 32];
    let random = getrandom::fill(&mut seed);
    random.map_err(|error| mdns_sd::Error::Msg(error.to_string()))?;
    let endpoints = Endpoints { key: context.key_pair().public_key(), addrs: Vec::new() };
    let sealed = endpoints.seal(context.group(), seed);
    // A random name, so that two programs on one host do not conflict.
    let suffix = HEXLOWER.encode(&keyed(&seed, &[b"instance"])[..4]);
    let host = format!("multifeed-{suffix}.local.");
    let properties = [(TXT_PROPERTY, HEXLOWER.encode(&sealed))];
    let (name, port) = (format!("{prefix}-{suffix}"), listening.port());
    let ips: Vec<_> = context.listen_addrs().iter().map(SocketAddr::ip).collect();
    let is_all = ips.iter().any(std::net::IpAddr::is_unspecified);
    let ips = if is_all { &[][..] } else { &ips[..] };
    let service = ServiceInfo::new(SERVICE, &name, &host, ips, port, &properties[..])?;
    Ok(Some(if is_all { service.enable_addr_auto() } else { service }))
}

/// Reports the addresses of a service, if it belongs to a member.
async fn on_resolved(
    context: &SourceContext,
    service: &ResolvedService,
    prefix: &str,
    seen: &mut BTreeMap<PublicKey, Vec<SocketAddr>>,
) {
    if !service.fullname.starts_with(prefix) {
        return;
    }
    let text = service.get_property_val(TXT_PROPERTY).flatten().unwrap_or_default();
    let sealed = HEXLOWER.decode(text).unwrap_or_default();
    let key = match Endpoints::open(context.group(), &sealed) {
        Ok(Endpoints { key, .. }) if key != context.key_pair().public_key() => key,
        Ok(_) => return,
        Err(bad) => {
            tracing::debug!(?bad, "ignored a record that no member made");
            return;
        }
    };
    let addrs = addresses(&service.addresses, service.port);
    if seen.get(&key) == Some(&addrs) || seen.len() >= PEERS_MAX {
        return;
    }
    seen.insert(key, addrs.clone());
    context.report_peer(Some(key), addrs).await;
    context.report_step(Step::Found { peers: seen.len() }).await;
}

/// Returns the addresses that can be dialled. Link-local ones need the name of an interface, so
/// they are left out.
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

/// Returns the public stand-in for a topic: derivable from the topic, but not the other way round.
fn blinded_topic(topic: &[u8; 32]) -> String {
    HEXLOWER.encode(&keyed(topic, &[b"multifeed/1 lan"])[..16])
}
