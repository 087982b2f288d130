//! Requests to the DHT, each to every node near its target.
//!
//! Rule: the library finds the nodes. Only [`replies`](super::replies) decodes what they answer,
//! because the library's own decoder allocates as much as a reply announces.

use std::net::IpAddr;
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

use super::replies;
use crate::discovery::endpoints::Endpoints;
use crate::discovery::report::SourceFailure;

/// The timeout of one request to one node: the default of dht-rpc (`DEFAULT_TIMEOUT_MS` in
/// peeroxide-dht 1.7.3, src/io.rs).
const REQUEST_TIMEOUT_MS: u64 = 1_000;

/// Retries of one request. The default of dht-rpc is three (`DEFAULT_RETRIES`). A judgement: twenty
/// nodes are asked and one reply is enough, so one retry covers a lost packet.
const REQUEST_RETRIES: u32 = 1;

/// The most time for a walk to the nodes near a target. A walk takes as long as its slowest steps,
/// and adversarial nodes that report ever nearer nodes could prolong it without end. Derivation:
/// five steps, each with a node that is silent for 4 s (1 s and three retries of the library).
const WALK_TIMEOUT_S: u64 = 20;

/// The most nodes near a target that are asked: Kademlia's k, which is 20 in hyperdht (dht-rpc 6).
const NODES_MAX: usize = 20;

/// Where a node joins the HyperDHT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bootstrap {
    /// At the public nodes of the Hypercore network.
    Public,
    /// At these nodes, each `HOST:PORT`: a private network.
    Nodes(Vec<String>),
}

/// A client of the DHT: it sends requests and answers none. It leaves the DHT when it is dropped.
pub(super) struct Client {
    dht: HyperDhtHandle,
    // Owns the sockets.
    _runtime: UdxRuntime,
}

/// The reply of one node.
struct NodeReply {
    from: Ipv4Peer,
    id: [u8; 32],
    token: Option<[u8; 32]>,
    value: Option<Vec<u8>>,
}

/// A command that changes what nodes store under a topic.
struct TopicCommand {
    command: u64,
    /// The namespace of its signature.
    namespace: &'static [u8; 32],
}

impl Client {
    pub(super) async fn join(bootstrap: &Bootstrap) -> Result<Self, SourceFailure> {
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
            Ok(joined) => joined.map(|()| client).map_err(failure),
            Err(_) => Err(SourceFailure::NoResponse),
        }
    }

    /// Returns the number of known nodes.
    pub(super) async fn nodes(&self) -> usize {
        self.dht.table_size().await.unwrap_or(0)
    }

    /// Returns our address as the nodes observe it, if they agree.
    pub(super) async fn observed_ip(&self) -> Option<IpAddr> {
        let observed = self.dht.remote_address().await.ok()??;
        observed.host.parse().ok()
    }

    /// Returns the keys announced under a topic, at most as many per node as an honest node
    /// reports. They are merged round-robin, so a node that reports many keys does not hide those
    /// of others.
    pub(super) async fn lookup(&self, topic: [u8; 32]) -> Result<Vec<PublicKey>, SourceFailure> {
        let answers = self.query(topic, LOOKUP, None).await?;
        let values = answers.iter().filter_map(|answer| answer.value.as_deref());
        Ok(replies::merge_round_robin(values.map(replies::announced).collect()))
    }

    /// Announces our key under a topic.
    pub(super) async fn announce(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
    ) -> Result<(), SourceFailure> {
        let command = TopicCommand { command: ANNOUNCE, namespace: &NS_ANNOUNCE };
        self.send_topic_command(topic, key_pair, command).await
    }

    /// Withdraws our key from a topic.
    pub(super) async fn unannounce(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
    ) -> Result<(), SourceFailure> {
        let command = TopicCommand { command: UNANNOUNCE, namespace: &NS_UNANNOUNCE };
        self.send_topic_command(topic, key_pair, command).await
    }

    async fn send_topic_command(
        &self,
        topic: [u8; 32],
        key_pair: &KeyPair,
        TopicCommand { command, namespace }: TopicCommand,
    ) -> Result<(), SourceFailure> {
        let answers = self.query(topic, LOOKUP, None).await?;
        let peer = HyperPeer { public_key: key_pair.public_key().0, relay_addresses: Vec::new() };
        let encoded = encode_hyper_peer_to_bytes(&peer).map_err(failure)?;
        let message = |answer: &NodeReply, token: [u8; 32]| {
            let signable = ann_signable(&topic, &token, &answer.id, &encoded, &[], namespace);
            let signature = Some(key_pair.sign(&signable).0);
            let peer = Some(peer.clone());
            let message = AnnounceMessage { peer, refresh: None, signature, bump: 0 };
            encode_announce_to_bytes(&message).ok()
        };
        self.commit(&answers, topic, command, message).await
    }

    /// Stores a record under our key, newer than any stored one.
    pub(super) async fn put(&self, key_pair: &KeyPair, value: &[u8]) -> Result<(), SourceFailure> {
        let public_key = key_pair.public_key();
        let target = blake2b(&[&public_key.0]);
        let answers = self.query(target, MUTABLE_GET, Some(vec![0])).await?;
        let newest = replies::newest(&public_key, values(&answers)).map_or(0, |record| record.seq);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_millis()).unwrap_or(0);
        // The stored one may be from a clock that was ahead, or from another process with our key.
        let seq = now.max(newest.saturating_add(1));
        let signature = key_pair.sign(&mutable_signable(&NS_MUTABLE_PUT, seq, value)).0;
        let request =
            MutablePutRequest { public_key: public_key.0, seq, value: value.to_vec(), signature };
        let request = encode_mutable_put_request_to_bytes(&request).map_err(failure)?;
        self.commit(&answers, target, MUTABLE_PUT, |_, _| Some(request.clone())).await
    }

    /// Returns the endpoints of a member, from the newest record under its key.
    pub(super) async fn find(&self, group: &Group, key: PublicKey) -> Option<Endpoints> {
        let answers = self.query(blake2b(&[&key.0]), MUTABLE_GET, Some(vec![0])).await.ok()?;
        let record = replies::newest(&key, values(&answers))?;
        match Endpoints::open(group, &record.value) {
            Ok(endpoints) if endpoints.key == key => Some(endpoints),
            Ok(_) => None,
            Err(bad) => {
                tracing::debug!(?bad, "ignored a record that no member made");
                None
            }
        }
    }

    /// Sends a request to all nodes near a target, and returns their replies.
    async fn query(
        &self,
        target: [u8; 32],
        command: u64,
        value: Option<Vec<u8>>,
    ) -> Result<Vec<NodeReply>, SourceFailure> {
        let walk = self.dht.dht().find_node(target);
        let near = match timeout(Duration::from_secs(WALK_TIMEOUT_S), walk).await {
            Ok(near) => near.map_err(failure)?,
            Err(_) => return Err(SourceFailure::NoResponse),
        };
        let mut requests = JoinSet::new();
        for node in near.into_iter().take(NODES_MAX) {
            let Some(id) = node.from_id else { continue };
            let mut params = request(command, target);
            params.value.clone_from(&value);
            let dht = self.dht.clone();
            requests.spawn(async move {
                let answer =
                    dht.dht().request(params, &node.from.host, node.from.port).await.ok()?;
                let value = answer.value.filter(|_| answer.error == 0);
                Some(NodeReply { from: node.from, id, token: answer.token, value })
            });
        }
        let answers = requests.join_all().await;
        let answers: Vec<_> = answers.into_iter().flatten().collect();
        if answers.is_empty() { Err(SourceFailure::NoResponse) } else { Ok(answers) }
    }

    /// Sends a message to each node that answered before. Succeeds if at least one accepts it.
    async fn commit(
        &self,
        answers: &[NodeReply],
        target: [u8; 32],
        command: u64,
        message: impl Fn(&NodeReply, [u8; 32]) -> Option<Vec<u8>>,
    ) -> Result<(), SourceFailure> {
        let mut requests = JoinSet::new();
        for answer in answers {
            let Some(token) = answer.token else { continue };
            let Some(value) = message(answer, token) else { continue };
            let mut params = request(command, target);
            (params.token, params.value) = (Some(token), Some(value));
            let (dht, to) = (self.dht.clone(), answer.from.clone());
            requests.spawn(async move {
                let answer = dht.dht().request(params, &to.host, to.port).await;
                answer.is_ok_and(|answer| answer.error == 0)
            });
        }
        let accepted = requests.join_all().await;
        if accepted.contains(&true) { Ok(()) } else { Err(SourceFailure::NoResponse) }
    }
}

impl Drop for Client {
    /// Ends the library's tasks, which hold references to each other and would run on.
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

fn values(answers: &[NodeReply]) -> impl Iterator<Item = &[u8]> {
    answers.iter().filter_map(|answer| answer.value.as_deref())
}

/// Converts an error of the library.
pub(super) fn failure(error: impl std::fmt::Display) -> SourceFailure {
    SourceFailure::Library(Arc::from(error.to_string()))
}
