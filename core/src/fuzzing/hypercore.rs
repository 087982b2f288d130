//! Decoding of hypercore channel messages, and a peer that sends any of them.

use alloc::vec::Vec;

use bytes::Bytes;

use super::map::{BLOCKS, Map, Node, config};
use crate::crypto::hash::discovery_key;
use crate::replicate::hypercore::capability;
use crate::wire::frame::write_frame;
use crate::wire::hypercore::{Message, NODES_MAX, Open, PROTOCOL};
use crate::wire::mux::MuxMessage;
use crate::{
    ConnectionId, FeedKey, Input, Instant, KeyPair, Limits, Mode, Multifeed, PublicKey, Role,
    Secure,
};

/// Decodes a message of the kind in the first byte.
///
/// Claims: a decoded message encodes to bytes that are no longer and decode to the same message; a
/// list of nodes stays within its bound.
#[doc(hidden)]
pub fn hypercore(data: &[u8]) {
    let Some((kind, body)) = data.split_first() else { return };
    if let Ok(open) = Open::decode(body) {
        let mut again = Vec::new();
        open.encode(&mut again);
        assert_eq!(Open::decode(&again), Ok(open));
    }
    let Ok(Some(message)) = Message::decode(u64::from(*kind), body) else { return };
    assert_eq!(message.kind(), u64::from(*kind));
    if let Message::Data(data) = &message {
        let hash = data.hash.iter().map(|hash| hash.nodes.len());
        let block = data.block.iter().map(|block| block.nodes.len());
        assert!(hash.chain(block).all(|nodes| nodes <= NODES_MAX));
        if data.manifest.is_some_and(|manifest| manifest.is_err()) {
            // An unsupported manifest is not kept, so it cannot be encoded.
            return;
        }
    }
    let mut again = Vec::new();
    message.encode(&mut again);
    // The input may have omitted the reason.
    assert!(again.len() <= body.len() + 1);
    assert_eq!(Message::decode(u64::from(*kind), &again), Ok(Some(message)));
}

const PEER: ConnectionId = ConnectionId(1);

/// The author of the feed that the node adopted.
pub(super) fn adopted_author() -> KeyPair {
    KeyPair::from_seed(&[8; 32])
}

/// Runs the actions of a stranger that knows the keys of two feeds: the node's own and an adopted
/// one. An action is `code, length, body`. The top bit of the code lets time pass, the next one
/// selects the channel, and the rest is the message kind.
///
/// Claims: the node's own feed is unchanged; only signed blocks of the adopted feed are held;
/// requests and queues stay within their bounds.
#[doc(hidden)]
pub fn hypercore_channel(data: &[u8]) {
    let mut config = config(1);
    let hypercore_requests = 16;
    config.limits =
        Limits { hypercore_channels: 4, hypercore_fetches: 8, hypercore_requests, ..config.limits };
    let mut node = Node::of(Multifeed::open(config), Map::new());
    let own = node.writer();
    node.append(own, &BLOCKS);
    let own = node.multifeed.feed(own).map(|feed| feed.key).unwrap_or(FeedKey([0; 32]));
    let adopted = FeedKey(adopted_author().public_key().0);
    node.multifeed.adopt(adopted).expect("there is room");
    node.drain();
    let secure = Secure::Plain { remote: PublicKey([200; 32]) };
    let (role, mode) = (Role::Responder, Mode::Live);
    node.handle(Input::Connected { connection: PEER, role, secure, mode });
    for (key, local_id) in [own, adopted].iter().zip(1..) {
        let mut handshake = Vec::new();
        let capability = capability(key, &[0; 64], Role::Initiator);
        Open { seeks: true, capability }.encode(&mut handshake);
        let id = discovery_key(&key.0);
        let (protocol, id) = (PROTOCOL, Some(&id[..]));
        send(&mut node, &MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
    }
    let mut rest = data;
    while let [act, length, after @ ..] = rest {
        let (body, after) = after.split_at(after.len().min(usize::from(*length)));
        rest = after;
        if act & 0x80 != 0 {
            let micros = node.now.as_micros() + 1_000_000 * u64::from(*length);
            node.now = Instant::from_micros(micros);
            node.handle(Input::Timeout);
        }
        let channel = 1 + u64::from(act >> 6 & 1);
        send(&mut node, &MuxMessage::Message { channel, kind: u64::from(act & 0xf), body });
        assert!(node.multifeed.footprint().outputs == 0);
    }
    check(&mut node, &own, &adopted);
}

fn send(node: &mut Node, message: &MuxMessage<'_>) {
    let (mut frame, mut bytes) = (Vec::new(), bytes::BytesMut::new());
    message.write(&mut frame);
    write_frame(&mut bytes, &frame).expect("it is short");
    node.handle(Input::Received { connection: PEER, bytes: &bytes });
    node.transmit(PEER);
}

fn check(node: &mut Node, own: &FeedKey, adopted: &FeedKey) {
    let held = node.multifeed.find(own).map(|feed| (feed.id, feed.length));
    let (id, length) = held.expect("our own feed remains");
    assert_eq!(length, BLOCKS.len() as u64);
    node.multifeed.read(id, 0, length).expect("it is held");
    node.drain();
    let Some(crate::Event::Blocks { blocks, .. }) = node.events.last() else { panic!("no blocks") };
    assert!(blocks.iter().map(Bytes::as_ref).eq(BLOCKS));
    let feed = node.multifeed.find(adopted).expect("an adopted feed remains");
    let is_signed = node.multifeed.is_as_signed(feed.id);
    assert!(is_signed.is_none_or(|is_signed| is_signed), "only what its author signed");
}
