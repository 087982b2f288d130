//! Nodes of the DHT that lie: honest peers are found all the same, and nobody else is dialled.

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

use crate::liar::Liar;
use crate::network::{Network, event, key_pair, open, options, peers, source, until};

/// Two that enter at a liar and an honest node meet; then both know nobody else.
async fn meet_beside(answer: impl FnMut(&Request) -> Vec<u8> + Send + 'static) {
    let network = Network::of(2).await;
    let liar = Liar::new(answer);
    let entries = [liar.addr, network.entry()];
    let (a, _) = open(options(), source(&entries)).await;
    let (b, _) = open(options(), source(&entries)).await;
    until("they meet", async || peers(&a).await == 1 && peers(&b).await == 1).await;
    assert!(liar.has_lied());
    assert_eq!(remotes(&a).await, [b.public_key()]);
    assert_eq!(remotes(&b).await, [a.public_key()]);
}

/// Who is to be found at the addresses that the DHT named.
async fn remotes(node: &Node) -> Vec<PublicKey> {
    let known = node.addresses().await.expect("open");
    let known = known.iter().filter(|known| known.origin == Origin::Dht);
    known.filter_map(|known| known.remote).collect()
}

/// The answer to a look-up that names these.
fn naming(keys: impl IntoIterator<Item = [u8; 32]>) -> Vec<u8> {
    let peers =
        keys.into_iter().map(|public_key| HyperPeer { public_key, relay_addresses: Vec::new() });
    let reply = LookupRawReply { peers: peers.collect(), bump: 0 };
    encode_lookup_raw_reply_to_bytes(&reply).expect("encodes")
}

fn record(seq: u64, value: Vec<u8>, signature: [u8; 64]) -> Vec<u8> {
    let response = MutableGetResponse { seq, value, signature };
    encode_mutable_get_response_to_bytes(&response).expect("encodes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nine_bytes_that_announce_more_than_there_is_do_no_harm() {
    meet_beside(|_| vec![255; 9]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn as_much_as_fits_in_a_packet_does_no_harm() {
    meet_beside(|request| match request.command {
        LOOKUP => naming((0..600_u16).map(|n| {
            let mut key = [9; 32];
            key[..2].copy_from_slice(&n.to_be_bytes());
            key
        })),
        _ => vec![0; 60_000],
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_records_lead_nowhere() {
    let stranger = KeyPair::from_seed(&[99; 32]);
    meet_beside(move |request| match request.command {
        LOOKUP => naming([stranger.public_key().0, [1; 32]]),
        MUTABLE_GET => record(u64::MAX, vec![4; 80], [5; 64]),
        _ => Vec::new(),
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_record_does_not_hide_a_newer_one() {
    let network = Network::of(2).await;
    // It keeps the first record that it is given, and gives that back for ever.
    let mut kept = None;
    let liar = Liar::new(move |request| match (request.command, &request.value) {
        (MUTABLE_PUT, Some(value)) if kept.is_none() => {
            let put = decode_mutable_put_request_from_bytes(value).expect("an honest record");
            kept = Some(record(put.seq, put.value, put.signature));
            Vec::new()
        }
        (MUTABLE_GET, _) => kept.clone().unwrap_or_default(),
        _ => Vec::new(),
    });
    let entries = [liar.addr, network.entry()];
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
    assert!(liar.has_lied());
    let known: Vec<_> =
        node.addresses().await.expect("open").iter().map(|known| known.addr).collect();
    assert!(!known.contains(&old[0]), "{known:?}");
}
