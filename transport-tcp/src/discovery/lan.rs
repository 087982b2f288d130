//! Peers on the local network, by multicast DNS.
//!
//! Rule: the network sees a multifeed service, a blinded topic, a port and an encrypted record. It
//! sees no key, no topic and no name. Only what is encrypted counts: anybody on the network can
//! repeat a service with other A and AAAA records, so the addresses there are not used.
//!
//! ```text
//! service   _multifeed._tcp.local
//! instance  blinded topic (16 bytes, hex) - random (4 bytes, hex)
//! TXT       r = sealed record, see record.rs
//! ```

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use data_encoding::HEXLOWER;
use futures_lite::future::or;
use mdns_sd::{ResolvedService, ServiceDaemon, ServiceEvent, ServiceInfo, TxtProperty};
use multifeed_core::PublicKey;
use multifeed_core::crypto::hash::keyed;

use self::record::{INSTANCE_SIZE, Record};
use super::address_policy::AddressPolicy;
use super::endpoints::Endpoints;
use super::report::{Origin, SourceFailure, Step};
use super::source::{Source, SourceContext};
use crate::runtime::traits::BoxFuture;

mod record;

#[cfg(test)]
mod tests;

const SERVICE: &str = "_multifeed._tcp.local.";
const TXT_PROPERTY: &str = "r";

/// How often the addresses of this host are looked up. A judgement: a laptop that joins another
/// network is found within a minute.
const UPDATE: Duration = Duration::from_secs(60);

/// Updates after which a new record is made: one hour, so records are never [`RECORD_AGE_S`] old.
const RENEWAL_MIN: u64 = 60;

/// How far the time of a record may be from our clock. A judgement: clocks of hosts without a time
/// server differ by less than a day, and a repeated record leads to no more than some dials to
/// addresses that a member had a day ago.
const RECORD_AGE_S: u64 = 24 * 60 * 60;

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
    let mut policy = AddressPolicy::new(context.listen_addrs(), Vec::new());
    // A random name, so that two programs on one host do not conflict.
    let instance = random()?;
    match announcement(context, &policy, (&prefix, instance))? {
        Some((service, addresses)) => {
            daemon.register(service)?;
            context.report_step(Step::Announced { addresses }).await;
        }
        None => context.report_step(Step::Failed(SourceFailure::NotListening)).await,
    }
    let services = daemon.browse(SERVICE)?;
    context.report_step(Step::Searching).await;
    let (mut seen, mut minutes) = (Seen::default(), 0);
    let mut due = Instant::now() + UPDATE;
    loop {
        let closed = async {
            context.closed().await;
            Next::End
        };
        let found = async {
            services.recv_async().await.map_or(Next::End, |event| Next::Found(Box::new(event)))
        };
        let update = async {
            context.sleep(due.saturating_duration_since(Instant::now())).await;
            Next::Update
        };
        match or(closed, or(update, found)).await {
            Next::End => break,
            Next::Found(event) => {
                if let ServiceEvent::ServiceResolved(service) = *event {
                    on_resolved(context, &policy, &service, (&prefix, &mut seen)).await;
                }
            }
            Next::Update => {
                due = Instant::now() + UPDATE;
                minutes += 1;
                if (policy.update() || minutes % RENEWAL_MIN == 0)
                    && let Some((service, _)) = announcement(context, &policy, (&prefix, instance))?
                {
                    daemon.register(service)?;
                }
            }
        }
    }
    // The daemon withdraws the service on all interfaces, and answers once that is sent.
    if let Ok(done) = daemon.shutdown() {
        let _ = done.recv_async().await;
    }
    Ok(())
}

/// What the source waits for.
enum Next {
    /// The node closes, or the library ended.
    End,
    Found(Box<ServiceEvent>),
    Update,
}

/// Returns the service to announce and its addresses, if the node listens.
fn announcement(
    context: &SourceContext,
    policy: &AddressPolicy,
    (prefix, instance): (&str, [u8; INSTANCE_SIZE]),
) -> Result<Option<(ServiceInfo, Vec<SocketAddr>)>, mdns_sd::Error> {
    let Some(listening) = context.listen_addrs().first() else { return Ok(None) };
    let addrs = policy.announced(None);
    let endpoints = Endpoints { key: context.key_pair().public_key(), addrs: addrs.clone() };
    let sealed = Record { instance, time_s: now_s(), endpoints }.seal(context.group(), random()?);
    let suffix = HEXLOWER.encode(&instance);
    let host = format!("multifeed-{suffix}.local.");
    let properties = vec![TxtProperty::from((TXT_PROPERTY, sealed))];
    let (name, port) = (format!("{prefix}-{suffix}"), listening.port());
    let ips: Vec<_> = context.listen_addrs().iter().map(SocketAddr::ip).collect();
    let is_all = ips.iter().any(std::net::IpAddr::is_unspecified);
    let ips = if is_all { &[][..] } else { &ips[..] };
    let service = ServiceInfo::new(SERVICE, &name, &host, ips, port, properties)?;
    Ok(Some((if is_all { service.enable_addr_auto() } else { service }, addrs)))
}

/// Reports the addresses of a service, if it belongs to a member.
async fn on_resolved(
    context: &SourceContext,
    policy: &AddressPolicy,
    service: &ResolvedService,
    (prefix, seen): (&str, &mut Seen),
) {
    let Some(instance) = instance_of(service, prefix) else { return };
    let sealed = service.get_property_val(TXT_PROPERTY).flatten().unwrap_or_default();
    let record = match Record::open(context.group(), sealed) {
        Ok(record) if record.endpoints.key != context.key_pair().public_key() => record,
        Ok(_) => return,
        Err(bad) => {
            tracing::debug!(?bad, "ignored a record that no member made");
            return;
        }
    };
    if let Some(Endpoints { key, mut addrs }) = seen.accept(record, instance, now_s()) {
        addrs.retain(|addr| policy.may_dial(*addr));
        context.report_peer(Some(key), addrs).await;
        context.report_step(Step::Found { peers: seen.0.len() }).await;
    }
}

/// Returns the instance in the name of a service, if the service is that of our topic.
fn instance_of(service: &ResolvedService, prefix: &str) -> Option<[u8; INSTANCE_SIZE]> {
    let rest = service.fullname.strip_prefix(prefix)?.strip_prefix('-')?;
    let suffix = rest.get(..2 * INSTANCE_SIZE)?;
    HEXLOWER.decode(suffix.as_bytes()).ok()?.try_into().ok()
}

/// The newest record of each peer: when it was made, and its addresses.
#[derive(Default)]
struct Seen(BTreeMap<PublicKey, (u64, Vec<SocketAddr>)>);

impl Seen {
    /// Returns the endpoints of a record if they are new. Everybody on the network can repeat a
    /// record, so one under another instance, an older one and an outdated one do not count.
    fn accept(
        &mut self,
        record: Record,
        instance: [u8; INSTANCE_SIZE],
        now_s: u64,
    ) -> Option<Endpoints> {
        let Record { time_s, endpoints, .. } = record;
        if record.instance != instance {
            tracing::debug!("ignored a record that belongs to another instance");
            return None;
        }
        if time_s.abs_diff(now_s) > RECORD_AGE_S {
            tracing::warn!(time_s, now_s, "ignored a local peer whose record has another date");
            return None;
        }
        let Endpoints { key, addrs } = &endpoints;
        let known = self.0.get(key);
        if known.is_some_and(|(time, old)| *time > time_s || old == addrs) {
            return None;
        }
        if known.is_none() && self.0.len() >= PEERS_MAX {
            self.0.pop_first();
        }
        self.0.insert(*key, (time_s, addrs.clone()));
        Some(endpoints)
    }
}

fn random<const N: usize>() -> Result<[u8; N], mdns_sd::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| mdns_sd::Error::Msg(error.to_string()))?;
    Ok(bytes)
}

/// Returns the seconds since 1970 on our clock.
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

/// Returns the public stand-in for a topic: derivable from the topic, but not the other way round.
fn blinded_topic(topic: &[u8; 32]) -> String {
    HEXLOWER.encode(&keyed(topic, &[b"multifeed/1 lan"])[..16])
}
