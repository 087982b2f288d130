//! Peer discovery on the HyperDHT, the network under hyperswarm.
//!
//! Rule: DHT nodes are strangers. They learn the topic, our public key and an encrypted record.
//! Their replies are bounded before they are stored, and verified before they are used.
//!
//! A member announces its key under the group's topic, and stores a signed record under its key.
//! The record contains its addresses, encrypted for members. Others look up the topic, then each
//! key. A node can withhold a newer record, so all nodes near a key are asked and the newest record
//! wins.
//!
//! The library runs on tokio only. A node on another runtime can use this source if the process has
//! a tokio runtime too.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::{or, zip};
use multifeed_core::PublicKey;
use multifeed_core::rng::Rng;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use self::client::{Bootstrap, Client};
use self::port_mapping::PortMapper;
use super::address_policy::AddressPolicy;
use super::endpoints::Endpoints;
use super::report::{Origin, SourceFailure, Step};
use super::source::{Source, SourceContext};
use crate::runtime::traits::BoxFuture;

pub(crate) mod client;
pub(crate) mod node;
mod port_mapping;
mod replies;

#[cfg(test)]
mod tests;

/// The interval before the second search; later ones double. Two members that join at the same time
/// miss each other in their first search. A judgement: one second, as the first retry of a dial.
const FIRST_SEARCH_INTERVAL_S: u64 = 1;

/// The interval between announcements. DHT nodes forget a record after 20 minutes (`max_record_age`
/// in peeroxide-dht 1.7.3, src/persistent.rs), so with 9 minutes one announcement may get lost.
/// hyperswarm refreshes every 10 to 12 minutes (`REFRESH_INTERVAL` in lib/peer-discovery.js,
/// version 4).
const REFRESH_S: u64 = 9 * 60;

/// The interval at which the addresses of this host are checked, so that others soon find a laptop
/// that has changed networks. A judgement: a check takes one system call.
const ADDRESS_CHECK_S: u64 = 5;

/// The most peers that one search asks about. The same as the default of
/// `ConnectionLimits::connections`: a node connects to no more.
const KEYS_PER_SEARCH_MAX: usize = 64;

/// The most keys asked about at the same time. Each asks up to 20 nodes (`NODES_MAX`), so at most
/// 160 packets are sent at once, as many as hyperdht sends in four slots of 750 ms (dht-rpc 6).
const CONCURRENT_KEYS_MAX: usize = 8;

/// The most peers whose addresses are remembered, so that a search asks only about new ones. The
/// same as the default of `ConnectionLimits::addresses`: the dialer keeps no more.
const PEERS_MAX: usize = 1_024;

/// How long withdrawing the announcement may take when the node closes: one timeout of a request
/// (`REQUEST_TIMEOUT_MS`), so a single silent DHT node does not prevent it.
const WITHDRAW_TIMEOUT_MS: u64 = 1_000;

/// Finds peers on the HyperDHT.
#[derive(Debug)]
pub struct Dht {
    bootstrap: Bootstrap,
    advertise: Vec<SocketAddr>,
    router: Option<IpAddr>,
    tokio: Handle,
}

impl Dht {
    /// Makes a source that joins this DHT, on the current tokio runtime of the caller.
    ///
    /// # Errors
    /// If there is no such runtime.
    pub fn current(bootstrap: Bootstrap) -> io::Result<Self> {
        let tokio = Handle::try_current().map_err(io::Error::other)?;
        Ok(Self { bootstrap, advertise: Vec::new(), router: None, tokio })
    }

    /// Announces this address too, such as the outside address of a forwarded port.
    #[must_use]
    pub fn advertise(mut self, addr: SocketAddr) -> Self {
        self.advertise.push(addr);
        self
    }

    /// Asks this router to forward a port, by PCP or NAT-PMP, and announces the outside address.
    /// The forwarding ends when the node closes.
    #[must_use]
    pub fn forward_port(mut self, router: IpAddr) -> Self {
        self.router = Some(router);
        self
    }
}

impl Source for Dht {
    fn origin(&self) -> Origin {
        Origin::Dht
    }

    fn run(self: Box<Self>, context: SourceContext) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            let tokio = self.tokio.clone();
            // A set ends its tasks when it is dropped.
            let mut task = JoinSet::new();
            task.spawn_on(run(Arc::new(context), *self), &tokio);
            task.join_next().await;
        })
    }
}

/// Joins the DHT, with retries, and searches for peers until the node closes.
async fn run(context: Arc<SourceContext>, options: Dht) {
    let Dht { bootstrap, advertise, router, .. } = options;
    let mut seed = [0; 32];
    let mut attempts = 0;
    let client = loop {
        let client = or(async { Some(join(&bootstrap).await) }, async {
            context.closed().await;
            None
        });
        let Some(joined) = client.await else { return };
        let seeded = joined.and_then(|client| fill_random(&mut seed).map(|()| client));
        match seeded {
            Ok(client) => break client,
            Err(failure) => context.report_step(Step::Failed(failure)).await,
        }
        let wait = search_interval(attempts, &mut Rng::new(seed));
        attempts += 1;
        if sleep_unless_closed(&context, wait).await.is_none() {
            return;
        }
    };
    let (nodes, observed_ip) = (client.nodes().await, client.observed_ip().await);
    context.report_step(Step::Bootstrapped { nodes, observed_ip }).await;
    let mut discovery = GroupDiscovery {
        addresses: AddressPolicy::new(context.listen_addrs(), advertise),
        port_mapper: router.map(PortMapper::new),
        context: Arc::clone(&context),
        client: Arc::new(client),
        rng: Rng::new(seed),
        known: BTreeMap::new(),
    };
    or(discovery.run(), context.closed()).await;
    let _ = timeout(Duration::from_millis(WITHDRAW_TIMEOUT_MS), discovery.withdraw()).await;
}

async fn join(bootstrap: &Bootstrap) -> Result<Client, SourceFailure> {
    let client = Client::join(bootstrap).await?;
    if client.nodes().await == 0 {
        return Err(SourceFailure::NoResponse);
    }
    Ok(client)
}

fn fill_random(seed: &mut [u8]) -> Result<(), SourceFailure> {
    getrandom::fill(seed).map_err(|error| SourceFailure::Io(Arc::new(io::Error::other(error))))
}

/// Sleeps; `None` if the node closes in the meantime.
async fn sleep_unless_closed(context: &SourceContext, wait: Duration) -> Option<()> {
    let closed = async {
        context.closed().await;
        None
    };
    or(closed, async {
        sleep(wait).await;
        Some(())
    })
    .await
}

/// Returns the interval after this many searches: 1, 2, 4 … seconds, at most the refresh interval,
/// with a jitter of a third in either direction, so two members that search at the same time
/// once do not keep doing so.
fn search_interval(searches: u32, rng: &mut Rng) -> Duration {
    let step_s =
        FIRST_SEARCH_INTERVAL_S.checked_shl(searches.min(63)).unwrap_or(REFRESH_S).min(REFRESH_S);
    let step_ms = step_s * 1_000;
    Duration::from_millis(step_ms - step_ms / 3 + rng.below(step_ms * 2 / 3 + 1))
}

/// The discovery of one group on the DHT.
struct GroupDiscovery {
    context: Arc<SourceContext>,
    client: Arc<Client>,
    addresses: AddressPolicy,
    port_mapper: Option<PortMapper>,
    rng: Rng,
    /// Peers found so far, with their addresses.
    known: BTreeMap<PublicKey, Vec<SocketAddr>>,
}

impl GroupDiscovery {
    async fn run(&mut self) {
        loop {
            self.announce().await;
            if self.update_port_mapping().await {
                self.announce().await;
            }
            let mut elapsed = Duration::ZERO;
            for searches in 0.. {
                let scope = if searches == 0 { SearchScope::All } else { SearchScope::NewOnly };
                self.search(scope).await;
                let wait = search_interval(searches, &mut self.rng);
                let has_moved = self.moves_within(wait).await;
                elapsed += wait;
                if has_moved || elapsed >= Duration::from_secs(REFRESH_S) {
                    break;
                }
            }
        }
    }

    /// Waits until the time is over or the addresses of this host change. Returns whether they
    /// have.
    async fn moves_within(&mut self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            sleep_until(end.min(Instant::now() + Duration::from_secs(ADDRESS_CHECK_S))).await;
            if self.addresses.update() {
                return true;
            }
        }
        false
    }

    /// Asks the router, if one is given, to forward a port. Returns whether the outside address has
    /// changed and must be announced.
    async fn update_port_mapping(&mut self) -> bool {
        let Some(port_mapper) = &mut self.port_mapper else { return false };
        let forwarded = match port_mapper.map(self.context.listen_addrs()).await {
            Ok(outside) => Some(outside),
            Err(failure) => {
                self.context.report_step(Step::Failed(failure)).await;
                None
            }
        };
        let has_changed = forwarded != self.addresses.forwarded;
        self.addresses.forwarded = forwarded;
        has_changed
    }

    /// Announces this node, if it has addresses to dial.
    async fn announce(&mut self) {
        let addrs = self.addresses.announced(self.client.observed_ip().await);
        if addrs.is_empty() {
            self.context.report_step(Step::Failed(SourceFailure::NotListening)).await;
            return;
        }
        let (key_pair, group) = (self.context.key_pair(), self.context.group());
        let endpoints = Endpoints { key: key_pair.public_key(), addrs };
        let sealed = endpoints.seal(group, self.rng.array());
        let put = self.client.put(key_pair, &sealed).await;
        let announced = self.client.announce(*group.topic(), key_pair).await;
        match put.and(announced) {
            Ok(()) => {
                self.context.report_step(Step::Announced { addresses: endpoints.addrs }).await;
            }
            Err(failure) => self.context.report_step(Step::Failed(failure)).await,
        }
    }

    /// Looks up the topic, and asks for the addresses of the peers there.
    async fn search(&mut self, scope: SearchScope) {
        self.context.report_step(Step::Searching).await;
        let keys = match self.client.lookup(*self.context.group().topic()).await {
            Ok(keys) => keys,
            Err(failure) => return self.context.report_step(Step::Failed(failure)).await,
        };
        let own = self.context.key_pair().public_key();
        let keys = keys.into_iter().filter(|key| *key != own).take(KEYS_PER_SEARCH_MAX);
        let (to_ask, known): (Vec<_>, Vec<_>) =
            keys.partition(|key| scope == SearchScope::All || !self.known.contains_key(key));
        let (mut peers, mut to_ask) = (known.len(), to_ask.into_iter());
        let mut requests = JoinSet::new();
        loop {
            while requests.len() < CONCURRENT_KEYS_MAX
                && let Some(key) = to_ask.next()
            {
                let (client, context) = (Arc::clone(&self.client), Arc::clone(&self.context));
                requests.spawn(async move { (key, client.find(context.group(), key).await) });
            }
            let Some(reply) = requests.join_next().await else { break };
            let Ok((key, Some(endpoints))) = reply else { continue };
            peers += 1;
            self.on_found(key, endpoints).await;
        }
        self.context.report_step(Step::Found { peers }).await;
    }

    async fn on_found(&mut self, key: PublicKey, endpoints: Endpoints) {
        let addrs = self.addresses.dialled(&endpoints.addrs);
        if self.known.len() < PEERS_MAX {
            self.known.insert(key, addrs.clone());
        }
        self.context.report_peer(Some(key), addrs).await;
    }

    /// Withdraws the announcement, and ends the port forwarding.
    async fn withdraw(&mut self) {
        let topic = *self.context.group().topic();
        let unannounced = self.client.unannounce(topic, self.context.key_pair());
        let unmapped = async {
            if let Some(port_mapper) = &mut self.port_mapper {
                port_mapper.end().await;
            }
        };
        let _ = zip(unannounced, unmapped).await;
    }
}

/// Which of the peers under a topic a search asks about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SearchScope {
    All,
    /// Only peers that are not known yet.
    NewOnly,
}
