use multifeed_core::KeyPair;
use peeroxide_dht::hyperdht_messages::{
    HyperPeer, LookupRawReply, MutableGetResponse, encode_lookup_raw_reply_to_bytes,
    encode_mutable_get_response_to_bytes,
};
use peeroxide_dht::messages::Ipv4Peer;
use proptest::prelude::*;

use super::*;

fn peer(n: u8, relays: usize) -> HyperPeer {
    let relay = Ipv4Peer { host: "192.0.2.1".into(), port: 7 };
    HyperPeer { public_key: [n; 32], relay_addresses: vec![relay; relays] }
}

fn lookup(peers: Vec<HyperPeer>) -> Vec<u8> {
    encode_lookup_raw_reply_to_bytes(&LookupRawReply { peers, bump: 3 }).expect("encodes")
}

fn record(key_pair: &KeyPair, seq: u64, value: &[u8]) -> Vec<u8> {
    let signature = key_pair.sign(&mutable_signable(&NS_MUTABLE_PUT, seq, value)).0;
    let response = MutableGetResponse { seq, value: value.to_vec(), signature };
    encode_mutable_get_response_to_bytes(&response).expect("encodes")
}

fn key_pair() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

#[test]
fn replies_of_honest_nodes_are_decoded() {
    let reply = lookup(vec![peer(1, 0), peer(2, 3), peer(3, 1)]);
    assert_eq!(announced(&reply), [1, 2, 3].map(|n| PublicKey([n; 32])));
    assert_eq!(announced(&lookup(vec![])), []);
}

#[test]
fn a_huge_announced_length_allocates_nothing() {
    // Nine bytes that announce 2^64 - 1 peers.
    assert_eq!(announced(&[255; 9]), []);
    let mut reply = vec![255; 9];
    reply.extend([7; 32]);
    reply.extend([255; 9]);
    assert_eq!(announced(&reply), []);
    let key = key_pair().public_key();
    assert_eq!(newest(&key, [&[255; 9][..], &[0, 255, 255], &[]].into_iter()), None);
}

#[test]
fn the_number_of_peers_in_one_reply_is_bounded() {
    let many = lookup((0..200).map(|n| peer(n, 0)).collect());
    assert_eq!(announced(&many).len(), PEERS_PER_REPLY_MAX);
}

#[test]
fn entries_before_a_malformed_one_are_used() {
    let reply = lookup(vec![peer(1, 0), peer(2, 3)]);
    assert_eq!(announced(&reply[..reply.len() - 2]), [PublicKey([1; 32])]);
}

#[test]
fn a_node_that_reports_many_keys_hides_no_others() {
    let key = |n| PublicKey([n; 32]);
    let adversary = (100..120).map(key).collect();
    let order = merge_round_robin(vec![adversary, vec![key(1), key(2)], vec![key(2), key(1)]]);
    assert_eq!(order[..5], [100, 1, 2, 101, 102].map(key));
    assert_eq!(order.len(), 22);
}

#[test]
fn the_newest_record_wins_in_any_order() {
    let pair = key_pair();
    let (old, new) = (record(&pair, 7, b"old"), record(&pair, 9, b"new"));
    let expected = Some(Record { seq: 9, value: b"new".to_vec() });
    let key = pair.public_key();
    assert_eq!(newest(&key, [&old[..], &new].into_iter()), expected);
    assert_eq!(newest(&key, [&new[..], &old].into_iter()), expected);
}

#[test]
fn records_with_invalid_signatures_are_ignored() {
    let pair = key_pair();
    let forged = record(&KeyPair::from_seed(&[2; 32]), 99, b"forged");
    let mut renumbered = record(&pair, 7, b"value");
    renumbered[0] = 8;
    let valid = record(&pair, 5, b"true");
    let replies = [&forged[..], &renumbered, &valid].into_iter();
    assert_eq!(newest(&pair.public_key(), replies).map(|record| record.seq), Some(5));
}

#[test]
fn a_record_longer_than_the_maximum_is_ignored() {
    let pair = key_pair();
    let with = |length| {
        let reply = record(&pair, 1, &vec![0; length]);
        newest(&pair.public_key(), [&reply[..]].into_iter()).is_some()
    };
    assert!(with(SEALED_BYTES_MAX));
    assert!(!with(SEALED_BYTES_MAX + 1));
}

proptest! {
    #[test]
    fn random_bytes_are_decoded_without_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..1_200),
    ) {
        prop_assert!(announced(&bytes).len() <= PEERS_PER_REPLY_MAX);
        prop_assert_eq!(newest(&key_pair().public_key(), [&bytes[..]].into_iter()), None);
    }
}
