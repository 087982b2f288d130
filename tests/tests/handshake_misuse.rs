//! Misuse of a connection's handshake by a peer, and of the core's API by the application.

use bytes::BytesMut;
use multifeed_core::peer::secure::{Keys, SecretStream};
use multifeed_core::{
    CloseReason, Config, Group, Input, KeyPair, Misuse, Mode, Role, Secure, Seed, Violation,
    rng::Rng,
};
use multifeed_tests::{CONNECTION, Node, run};

fn group() -> Group {
    Group::keyed([9; 32])
}

fn node(seed: u8) -> Node {
    Node::open(Config::new(group(), Seed::new([seed; 32])))
}

/// A dialled node, and the flights of a genuine handshake with it.
fn dialled() -> (Node, BytesMut) {
    let mut node = node(1);
    node.connect(Role::Responder, Secure::Noise, Mode::Live);
    let (key_pair, mut out) = (KeyPair::from_seed(&[200; 32]), BytesMut::new());
    let psk = group().handshake_key();
    let keys = Keys { member: Some((&key_pair, &psk)), stock: None };
    let mut stream = SecretStream::new(Role::Initiator, keys, Rng::new([1; 32]), 4_096, &mut out);
    node.handle(Input::Received { connection: CONNECTION, bytes: &out.split() });
    stream.push_bytes(&node.transmit());
    stream.next(&mut out).unwrap();
    (node, out)
}

fn closed_after(change: impl FnOnce(&mut BytesMut)) -> Vec<CloseReason> {
    let (mut node, mut flight) = dialled();
    change(&mut flight);
    node.handle(Input::Received { connection: CONNECTION, bytes: &flight });
    assert!(node.events.iter().all(|event| !format!("{event:?}").starts_with("Opened")));
    node.closed
}

#[test]
fn a_forged_handshake_is_a_violation() {
    assert_eq!(closed_after(|_| ()), []);
    // After the frame's length: the encrypted static key of the third message.
    let closed = closed_after(|flight| flight[3] ^= 1);
    assert_eq!(closed, [CloseReason::Violation(Violation::Handshake)]);
}

#[test]
fn a_key_of_small_order_is_a_violation() {
    let mut config = Config::new(group(), Seed::new([1; 32]));
    config.limits.hypercore_channels = 1;
    let mut node = Node::open(config);
    node.connect(Role::Responder, Secure::Noise, Mode::Live);
    let mut flight = vec![32, 0, 0, 1];
    flight.resize(3 + 32, 0);
    node.handle(Input::Received { connection: CONNECTION, bytes: &flight });
    assert_eq!(node.closed, [CloseReason::Violation(Violation::Handshake)]);
}

#[test]
fn the_header_of_another_stream_is_a_violation() {
    // After the third message: a frame with the stream id and the header of its cipher.
    let closed = closed_after(|flight| flight[3 + 64 + 3] ^= 1);
    assert_eq!(closed, [CloseReason::Violation(Violation::StreamId)]);
}

#[test]
fn a_feed_of_another_author_is_not_writable() {
    let mut nodes = [node(1), node(2)];
    nodes[0].write("own", 7, &[b"block"]);
    nodes[0].connect(Role::Initiator, Secure::Noise, Mode::Live);
    nodes[1].connect(Role::Responder, Secure::Noise, Mode::Live);
    run(&mut nodes, |_, _| ());
    let copy = nodes[1].multifeed.feeds().next().unwrap().id;
    assert_eq!(nodes[1].multifeed.append(copy, &[b"forged"]), Err(Misuse::NotWritable));
}
