//! Peers on the HyperDHT, the network under today's hyperswarm.
//!
//! Rule: nodes of the DHT are strangers. They learn the topic, our key and a sealed record; what
//! they say is bounded before it is kept and proved before it is used.
//!
//! A member announces its key under the group's topic, and puts a signed record under its key that
//! says where it listens, sealed for members. Others look up the topic and then each key. Whoever
//! serves a record can hold back a newer one, so all nodes near a key are asked and the newest
//! record counts.
//!
//! The library under it runs on tokio alone. A node of another runtime can use this source all the
//! same, where the process has a runtime of tokio too.

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

use self::client::Client;
use self::forward::Forward;
use self::reach::Reach;
use super::endpoints::Endpoints;
use super::{Meeting, Origin, Source, SourceFailure, Step};
use crate::runtime::BoxFuture;

mod client;
mod forward;
mod node;
mod reach;
mod replies;

#[cfg(test)]
mod tests;

pub use self::node::DhtNode;

/// Two who join together miss each other in their first look, so the next ones come soon.
const LOOK_FIRST_S: u64 = 1;

/// Nodes forget what is older than 20 minutes, and are gone sooner than they say.
const REFRESH_S: u64 = 9 * 60;

/// How often this host's own addresses are looked at: a laptop that moves is found again soon.
const MOVE_LOOK_S: u64 = 5;

/// Peers that one look asks about: as many as a node connects to.
const KEYS_PER_LOOK_MAX: usize = 64;

/// Keys asked about at once; each asks up to twenty nodes.
const KEYS_AT_ONCE_MAX: usize = 8;

/// Peers whose addresses are remembered, so that they are not asked about each time.
const PEERS_MAX: usize = 1_024;

/// Taking back what was announced may take so long when the node closes.
const LEAVE_MS: u64 = 1_000;

/// Where the HyperDHT is entered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// The public nodes of the Hypercore network.
    Public,
    /// These, each `HOST:PORT`: a network of one's own.
    Nodes(Vec<String>),
}

/// Finds peers on the HyperDHT.
#[derive(Debug)]
pub struct Dht {
    bootstrap: Bootstrap,
    advertise: Vec<SocketAddr>,
    router: Option<IpAddr>,
    tokio: Handle,
}

impl Dht {
    /// Enters the DHT there, on the runtime of tokio around the caller.
    ///
    /// # Errors
    /// When there is none.
    pub fn current(bootstrap: Bootstrap) -> io::Result<Self> {
        let tokio = Handle::try_current().map_err(io::Error::other)?;
        Ok(Self { bootstrap, advertise: Vec::new(), router: None, tokio })
    }

    /// Tells others this address of ours too, such as the outside of a forwarded port.
    #[must_use]
    pub fn advertise(mut self, addr: SocketAddr) -> Self {
        self.advertise.push(addr);
        self
    }

    /// Asks this router to let others in, by PCP or NAT-PMP, and tells them where. It stops when
    /// the node closes.
    #[must_use]
    pub fn ask_router(mut self, router: IpAddr) -> Self {
        self.router = Some(router);
        self
    }
}

impl Source for Dht {
    fn origin(&self) -> Origin {
        Origin::Dht
    }

    fn run(self: Box<Self>, meeting: Meeting) -> BoxFuture<'static, ()> {
        let Self { bootstrap, advertise, router, tokio } = *self;
        Box::pin(async move {
            // A set ends its tasks when it is dropped.
            let mut task = JoinSet::new();
            task.spawn_on(meet(Arc::new(meeting), bootstrap, (advertise, router)), &tokio);
            task.join_next().await;
        })
    }
}

/// Enters the DHT, again and again where nobody answers, and meets there.
async fn meet(
    meeting: Arc<Meeting>,
    bootstrap: Bootstrap,
    (advertise, router): (Vec<SocketAddr>, Option<IpAddr>),
) {
    let mut seed = [0; 32];
    let mut tries = 0;
    let client = loop {
        let client = or(async { Some(enter(&bootstrap).await) }, async {
            meeting.left().await;
            None
        });
        let Some(entered) = client.await else { return };
        match entered.and_then(|client| getrandom::fill(&mut seed).map_err(random).map(|()| client))
        {
            Ok(client) => break client,
            Err(failure) => meeting.tell(Step::Failed(failure)).await,
        }
        let wait = pause(tries, &mut Rng::new(seed));
        tries += 1;
        if stays(&meeting, wait).await.is_none() {
            return;
        }
    };
    let (nodes, seen_as) = (client.nodes().await, client.seen_as().await);
    meeting.tell(Step::Bootstrapped { nodes, seen_as }).await;
    let client = Arc::new(client);
    let mut visit = Visit {
        reach: Reach::find(meeting.listening(), advertise),
        forward: router.map(Forward::by),
        meeting: Arc::clone(&meeting),
        client: Arc::clone(&client),
        chance: Rng::new(seed),
        met: BTreeMap::new(),
    };
    or(visit.stay(), meeting.left()).await;
    let _ = timeout(Duration::from_millis(LEAVE_MS), visit.leave()).await;
}

async fn enter(bootstrap: &Bootstrap) -> Result<Client, SourceFailure> {
    let client = Client::enter(bootstrap).await?;
    if client.nodes().await == 0 {
        return Err(SourceFailure::NobodyAnswers);
    }
    Ok(client)
}

fn random(error: getrandom::Error) -> SourceFailure {
    SourceFailure::Io(Arc::new(io::Error::other(error)))
}

/// Waits, unless the node closes.
async fn stays(meeting: &Meeting, wait: Duration) -> Option<()> {
    let closes = async {
        meeting.left().await;
        None
    };
    or(closes, async {
        sleep(wait).await;
        Some(())
    })
    .await
}

/// How long before the next look after so many: 1, 2, 4 … seconds, at most the refresh, with a
/// third less or more, so that two who looked together look apart.
fn pause(looks: u32, chance: &mut Rng) -> Duration {
    let step_s = LOOK_FIRST_S.checked_shl(looks.min(63)).unwrap_or(REFRESH_S).min(REFRESH_S);
    let step_ms = step_s * 1_000;
    Duration::from_millis(step_ms - step_ms / 3 + chance.below(step_ms * 2 / 3 + 1))
}

/// One group on the DHT.
struct Visit {
    meeting: Arc<Meeting>,
    client: Arc<Client>,
    reach: Reach,
    forward: Option<Forward>,
    chance: Rng,
    met: BTreeMap<PublicKey, Vec<SocketAddr>>,
}

impl Visit {
    async fn stay(&mut self) {
        loop {
            self.announce().await;
            if self.is_forwarded_anew().await {
                self.announce().await;
            }
            let mut looked = Duration::ZERO;
            for looks in 0.. {
                self.look(looks == 0).await;
                let wait = pause(looks, &mut self.chance);
                let has_moved = self.moves_within(wait).await;
                looked += wait;
                if has_moved || looked >= Duration::from_secs(REFRESH_S) {
                    break;
                }
            }
        }
    }

    /// Waits so long, or until this host has other addresses; whether it has.
    async fn moves_within(&mut self, wait: Duration) -> bool {
        let end = Instant::now() + wait;
        while Instant::now() < end {
            sleep_until(end.min(Instant::now() + Duration::from_secs(MOVE_LOOK_S))).await;
            if self.reach.look_again() {
                return true;
            }
        }
        false
    }

    /// Asks the router, if there is one to ask; whether others have to be told of another address.
    async fn is_forwarded_anew(&mut self) -> bool {
        let Some(forward) = &mut self.forward else { return false };
        let forwarded = match forward.ask(self.meeting.listening()).await {
            Ok(outside) => Some(outside),
            Err(failure) => {
                self.meeting.tell(Step::Failed(failure)).await;
                None
            }
        };
        let is_new = forwarded != self.reach.forwarded;
        self.reach.forwarded = forwarded;
        is_new
    }

    /// Makes this node known, if it can be dialled at all.
    async fn announce(&mut self) {
        let addrs = self.reach.own(self.client.seen_as().await);
        if addrs.is_empty() {
            self.meeting.tell(Step::Failed(SourceFailure::NotListening)).await;
            return;
        }
        let (key_pair, group) = (self.meeting.key_pair(), self.meeting.group());
        let endpoints = Endpoints { key: key_pair.public_key(), addrs };
        let sealed = endpoints.seal(group, self.chance.array());
        let put = self.client.put(key_pair, &sealed).await;
        let announced = self.client.announce(*group.topic(), key_pair).await;
        match put.and(announced) {
            Ok(()) => {
                self.meeting.tell(Step::Announced { addresses: endpoints.addrs }).await;
            }
            Err(failure) => self.meeting.tell(Step::Failed(failure)).await,
        }
    }

    /// Looks who is there, and asks about everybody, or only about those not met before.
    async fn look(&mut self, everybody: bool) {
        self.meeting.tell(Step::Looking).await;
        let keys = match self.client.lookup(*self.meeting.group().topic()).await {
            Ok(keys) => keys,
            Err(failure) => return self.meeting.tell(Step::Failed(failure)).await,
        };
        let own = self.meeting.key_pair().public_key();
        let keys = keys.into_iter().filter(|key| *key != own).take(KEYS_PER_LOOK_MAX);
        let (unknown, known): (Vec<_>, Vec<_>) =
            keys.partition(|key| everybody || !self.met.contains_key(key));
        let (mut peers, mut unknown) = (known.len(), unknown.into_iter());
        let mut asking = JoinSet::new();
        loop {
            while asking.len() < KEYS_AT_ONCE_MAX
                && let Some(key) = unknown.next()
            {
                let (client, meeting) = (Arc::clone(&self.client), Arc::clone(&self.meeting));
                asking.spawn(async move { (key, client.find(meeting.group(), key).await) });
            }
            let Some(asked) = asking.join_next().await else { break };
            let Ok((key, Some(endpoints))) = asked else { continue };
            peers += 1;
            self.met(key, endpoints).await;
        }
        self.meeting.tell(Step::Found { peers }).await;
    }

    async fn met(&mut self, key: PublicKey, endpoints: Endpoints) {
        let mut addrs = endpoints.addrs;
        addrs.retain(|addr| self.reach.may_dial(*addr));
        if self.met.len() < PEERS_MAX {
            self.met.insert(key, addrs.clone());
        }
        self.meeting.found(Some(key), addrs).await;
    }

    /// Takes back what was announced, and what a router was asked for.
    async fn leave(&mut self) {
        let topic = *self.meeting.group().topic();
        let unannounced = self.client.unannounce(topic, self.meeting.key_pair());
        let closed = async {
            if let Some(forward) = &mut self.forward {
                forward.end().await;
            }
        };
        let _ = zip(unannounced, closed).await;
    }
}
