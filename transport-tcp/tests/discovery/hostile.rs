//! Adversarial DHT nodes: honest peers are still found, and no other address is dialled.

use std::net::SocketAddr;

use multifeed_core::{KeyPair, PublicKey};
use multifeed_tcp::discovery::{Origin, Step};
use multifeed_tcp::{Node, NodeEvent};
use peeroxide_dht::hyperdht_messages::{
    HyperPeer, LOOKUP, LookupRawReply, MUTABLE_GET, MUTABLE_PUT, MutableGetResponse,
    decode_mutable_put_request_from_bytes, encode_lookup_raw_reply_to_bytes,
    encode_mutable_get_response_to_bytes,
};
use peeroxide_dht::messages::Request;

use crate::adversary::Adversary;
use crate::network::{Network, event, key_pair, open, options, peers, source, until};

/// Starts two peers that join at an adversarial and an honest node. Checks that they connect and
/// know no other peer.
async fn connect_despite(answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) {
    let network = Network::new(2).await;
    let adversary = Adversary::new(answer);
    let entries = [adversary.addr, network.entry()];
    let (a, _) = open(options(), source(&entries)).await;
    let (b, _) = open(options(), source(&entries)).await;
    until("they connect", async || peers(&a).await == 1 && peers(&b).await == 1).await;
    assert!(adversary.has_forged());
    // One of them has found and dialled the other, which may not have searched yet.
    let found = [remotes(&a).await, remotes(&b).await];
    assert!(found.iter().any(|remotes| !remotes.is_empty()));
    assert!(found[0].iter().all(|remote| *remote == b.public_key()), "{found:?}");
    assert!(found[1].iter().all(|remote| *remote == a.public_key()), "{found:?}");
}

/// Returns the peers that the DHT reported.
async fn remotes(node: &Node) -> Vec<PublicKey> {
    let known = node.addresses().await.expect("open");
    let known = known.iter().filter(|known| known.origin == Origin::Dht);
    known.filter_map(|known| known.remote).collect()
}

/// Returns a reply to LOOKUP with these keys.
fn lookup_reply(keys: impl IntoIterator<Item = [u8; 32]>) -> Vec<u8> {
    let peers =
        keys.into_iter().map(|public_key| HyperPeer { public_key, relay_addresses: Vec::new() });
    let reply = LookupRawReply { peers: peers.collect(), bump: 0 };
    encode_lookup_raw_reply_to_bytes(&reply).expect("encodes")
}

fn get_reply(seq: u64, value: Vec<u8>, signature: [u8; 64]) -> Vec<u8> {
    let response = MutableGetResponse { seq, value, signature };
    encode_mutable_get_response_to_bytes(&response).expect("encodes")
}

/// The attacks run at the same time, because each one waits about 20 s for timeouts of the DHT.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn peers_connect_despite_adversarial_replies() {
    tokio::join!(
        connect_despite(huge_announced_length),
        connect_despite(replies_as_large_as_a_packet),
        connect_despite(forged_records),
    );
}

fn huge_announced_length(_: &Request) -> Vec<u8> {
    vec![255; 9]
}

fn replies_as_large_as_a_packet(request: &Request) -> Vec<u8> {
    let key = |n: u16| {
        let mut key = [9; 32];
        key[..2].copy_from_slice(&n.to_be_bytes());
        key
    };
    match request.command {
        LOOKUP => lookup_reply((0..600).map(key)),
        _ => vec![0; 60_000],
    }
}

fn forged_records(request: &Request) -> Vec<u8> {
    let stranger = KeyPair::from_seed(&[99; 32]);
    match request.command {
        LOOKUP => lookup_reply([stranger.public_key().0, [1; 32]]),
        MUTABLE_GET => get_reply(u64::MAX, vec![4; 80], [5; 64]),
        _ => Vec::new(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replayed_old_record_does_not_hide_a_newer_one() {
    let network = Network::new(2).await;
    // It stores the first record only, and always returns that one.
    let mut kept = None;
    let adversary = Adversary::new(move |request| match (request.command, &request.value) {
        (MUTABLE_PUT, Some(value)) if kept.is_none() => {
            let put = decode_mutable_put_request_from_bytes(value).expect("an honest record");
            kept = Some(get_reply(put.seq, put.value, put.signature));
            Vec::new()
        }
        (MUTABLE_GET, _) => kept.clone().unwrap_or_default(),
        _ => Vec::new(),
    });
    let entries = [adversary.addr, network.entry()];
    let announce = async || {
        let (node, mut events) = open(options().identity(key_pair(3)), source(&entries)).await;
        let announced = event(&mut events, |event| match event {
            NodeEvent::Discovery { step: Step::Announced { addresses }, .. } => Some(addresses),
            _ => None,
        });
        let addresses: Vec<SocketAddr> = announced.await;
        (node, addresses)
    };
    let (before, old) = announce().await;
    before.close().await;
    let (_after, new) = announce().await;
    assert_ne!(old, new);
    let (node, _) = open(options(), source(&entries)).await;
    until("it is found", async || peers(&node).await == 1).await;
    assert!(adversary.has_forged());
    let known: Vec<_> =
        node.addresses().await.expect("open").iter().map(|known| known.addr).collect();
    assert!(!known.contains(&old[0]), "{known:?}");
}
