//! Questions to the DHT, each to all nodes that are near its target.
//!
//! Rule: the library finds the nodes; what they answer is read by [`replies`](super::replies)
//! alone, because the library's own reader allocates what a node announces.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libudx::UdxRuntime;
use multifeed_core::crypto::hash::blake2b;
use multifeed_core::{Group, KeyPair, PublicKey};
use peeroxide_dht::crypto::{NS_ANNOUNCE, NS_MUTABLE_PUT, NS_UNANNOUNCE};
use peeroxide_dht::crypto::{ann_signable, mutable_signable};
use peeroxide_dht::hyperdht::{self, HyperDhtConfig, HyperDhtHandle};
use peeroxide_dht::hyperdht_messages::{
    ANNOUNCE, AnnounceMessage, HyperPeer, LOOKUP, MUTABLE_GET, MUTABLE_PUT, MutablePutRequest,
    UNANNOUNCE, encode_announce_to_bytes, encode_hyper_peer_to_bytes,
    encode_mutable_put_request_to_bytes,
};
use peeroxide_dht::messages::Ipv4Peer;
use peeroxide_dht::rpc::UserRequestParams;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Bootstrap;
use super::replies;
use crate::discovery::SourceFailure;
use crate::discovery::endpoints::Endpoints;

/// One question to one node, with one repetition.
const REQUEST_TIMEOUT_MS: u64 = 1_000;
const REQUEST_RETRIES: u32 = 1;

/// A walk to the nodes near a target takes as long as the slowest of its steps, and nodes that name
/// ever nearer ones would never let it end.
const WALK_TIMEOUT_S: u64 = 20;

/// Nodes near a target that are asked: Kademlia's k, as HyperDHT has it.
const NODES_MAX: usize = 20;

/// A guest on the DHT: it asks, and answers nobody. It leaves when it is dropped.
pub(super) struct Client {
    dht: HyperDhtHandle,
    // Sockets live as long as it.
    _runtime: UdxRuntime,
}

/// What one node answered.
struct Answer {
    from: Ipv4Peer,
    id: [u8; 32],
    token: Option<[u8; 32]>,
    value: Option<Vec<u8>>,
}

impl Client {
    pub(super) async fn enter(bootstrap: &Bootstrap) -> Result<Self, SourceFailure> {
        let mut config = match bootstrap {
            Bootstrap::Public => HyperDhtConfig::with_public_bootstrap(),
            Bootstrap::Nodes(nodes) => {
                let mut config = HyperDhtConfig::default();
                config.dht.bootstrap.clone_from(nodes);
                config
            }
        };
        config.dht.ephemeral = Some(true);
        let runtime = UdxRuntime::new().map_err(failure)?;
        let (_, dht, _) = hyperdht::spawn(&runtime, config).await.map_err(failure)?;
        let client = Self { dht, _runtime: runtime };
        match timeout(Duration::from_secs(WALK_TIMEOUT_S), client.dht.bootstrapped()).await {
            Ok(entered) => entered.map(|()| client).map_err(failure),
            Err(_) => Err(SourceFailure::NobodyAnswers),
        }
    }

    /// Nodes that we know.
    pub(super) async fn nodes(&self) -> usize {
        self.dht.table_size().await.unwrap_or(0)
    }

    /// The address that nodes see us come from, if they agree.
    pub(super) async fn seen_as(&self) -> Option<IpAddr> {
        let seen = self.dht.remote_address().await.ok()??;
        seen.host.parse().ok()
    }

    /// The keys that are announced under a topic, no more than each node may name, in turns: a node
    /// that names many does not hide what the others name.
    pub(super) async fn lookup(&self, topic: [u8; 32]) -> Result<Vec<PublicKey>, SourceFailure> {
        let answers = self.ask(topic, LOOKUP, None).await?;
        let values = answers.iter().filter_map(|answer| answer.value.as_deref());
        Ok(replies::in_turns(values.map(replies::announced).collect()))
    }

    /// Announces our key under a topic.
    pub(super) async fn announce(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
    ) -> Result<(), SourceFailure> {
        self.announcement(topic, key_pair, (ANNOUNCE, &NS_ANNOUNCE)).await
    }

    /// Takes our key back from a topic.
    pub(super) async fn unannounce(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
    ) -> Result<(), SourceFailure> {
        self.announcement(topic, key_pair, (UNANNOUNCE, &NS_UNANNOUNCE)).await
    }

    async fn announcement(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
        (command, namespace): (u64, &[u8; 32]),
    ) -> Result<(), SourceFailure> {
        let answers = self.ask(topic, LOOKUP, None).await?;
        let peer = HyperPeer { public_key: key_pair.public_key().0, relay_addresses: Vec::new() };
        let encoded = encode_hyper_peer_to_bytes(&peer).map_err(failure)?;
        let message = |answer: &Answer, token: [u8; 32]| {
            let signable = ann_signable(&topic, &token, &answer.id, &encoded, &[], namespace);
            let signature = Some(key_pair.sign(&signable).0);
            let peer = Some(peer.clone());
            let message = AnnounceMessage { peer, refresh: None, signature, bump: 0 };
            encode_announce_to_bytes(&message).ok()
        };
        self.tell(&answers, topic, command, message).await
    }

    /// Puts a record under our key, newer than any that is there.
    pub(super) async fn put(&self, key_pair: &KeyPair, value: &[u8]) -> Result<(), SourceFailure> {
        let public_key = key_pair.public_key();
        let target = blake2b(&[&public_key.0]);
        let answers = self.ask(target, MUTABLE_GET, Some(vec![0])).await?;
        let newest = replies::newest(&public_key, values(&answers)).map_or(0, |record| record.seq);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(0);
        // After a clock that was ahead, or by another process with our key.
        let seq = now.max(newest.saturating_add(1));
        let signature = key_pair.sign(&mutable_signable(&NS_MUTABLE_PUT, seq, value)).0;
        let request =
            MutablePutRequest { public_key: public_key.0, seq, value: value.to_vec(), signature };
        let request = encode_mutable_put_request_to_bytes(&request).map_err(failure)?;
        self.tell(&answers, target, MUTABLE_PUT, |_, _| Some(request.clone())).await
    }

    /// Where a member listens, as the newest record under its key says.
    pub(super) async fn find(&self, group: &Group, key: PublicKey) -> Option<Endpoints> {
        let answers = self.ask(blake2b(&[&key.0]), MUTABLE_GET, Some(vec![0])).await.ok()?;
        let record = replies::newest(&key, values(&answers))?;
        match Endpoints::open(group, &record.value) {
            Ok(endpoints) if endpoints.key == key => Some(endpoints),
            Ok(_) => None,
            Err(bad) => {
                tracing::debug!(?bad, "a record of no member");
                None
            }
        }
    }

    /// Asks all nodes near a target at once.
    async fn ask(
        &self,
        target: [u8; 32],
        command: u64,
        value: Option<Vec<u8>>,
    ) -> Result<Vec<Answer>, SourceFailure> {
        let walk = self.dht.dht().find_node(target);
        let near = match timeout(Duration::from_secs(WALK_TIMEOUT_S), walk).await {
            Ok(near) => near.map_err(failure)?,
            Err(_) => return Err(SourceFailure::NobodyAnswers),
        };
        let mut asking = JoinSet::new();
        for node in near.into_iter().take(NODES_MAX) {
            let Some(id) = node.from_id else { continue };
            let mut params = request(command, target);
            params.value.clone_from(&value);
            let dht = self.dht.clone();
            asking.spawn(async move {
                let answer =
                    dht.dht().request(params, &node.from.host, node.from.port).await.ok()?;
                let value = answer.value.filter(|_| answer.error == 0);
                Some(Answer { from: node.from, id, token: answer.token, value })
            });
        }
        let answers = asking.join_all().await;
        let answers: Vec<_> = answers.into_iter().flatten().collect();
        if answers.is_empty() { Err(SourceFailure::NobodyAnswers) } else { Ok(answers) }
    }

    /// Sends each node that answered a message made for it; good if one takes it.
    async fn tell(
        &self,
        answers: &[Answer],
        target: [u8; 32],
        command: u64,
        message: impl Fn(&Answer, [u8; 32]) -> Option<Vec<u8>>,
    ) -> Result<(), SourceFailure> {
        let mut telling = JoinSet::new();
        for answer in answers {
            let Some(token) = answer.token else { continue };
            let Some(value) = message(answer, token) else { continue };
            let mut params = request(command, target);
            (params.token, params.value) = (Some(token), Some(value));
            let (dht, to) = (self.dht.clone(), answer.from.clone());
            telling.spawn(async move {
                let answer = dht.dht().request(params, &to.host, to.port).await;
                answer.is_ok_and(|answer| answer.error == 0)
            });
        }
        let taken = telling.join_all().await;
        if taken.contains(&true) { Ok(()) } else { Err(SourceFailure::NobodyAnswers) }
    }
}

impl Drop for Client {
    /// The library's tasks hold each other; only this ends them.
    fn drop(&mut self) {
        if let Ok(tokio) = tokio::runtime::Handle::try_current() {
            let dht = self.dht.clone();
            tokio.spawn(async move { dht.destroy().await });
        }
    }
}

fn request(command: u64, target: [u8; 32]) -> UserRequestParams {
    let mut params = UserRequestParams::default();
    params.command = command;
    params.target = Some(target);
    params.timeout_ms = Some(REQUEST_TIMEOUT_MS);
    params.retries = Some(REQUEST_RETRIES);
    params
}

fn values(answers: &[Answer]) -> impl Iterator<Item = &[u8]> {
    answers.iter().filter_map(|answer| answer.value.as_deref())
}

/// What the library under it says, in its own words.
pub(super) fn failure(error: impl std::fmt::Display) -> SourceFailure {
    SourceFailure::Library(Arc::from(error.to_string()))
}

/// Nodes are entered by names or addresses; ours are addresses.
pub(super) fn entry(addr: SocketAddr) -> String {
    addr.to_string()
}
