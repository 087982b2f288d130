//! Bytes that become messages of hypercore's channel, and messages that a peer says on it.

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

/// A kind, and a body that is read as it.
///
/// Claims: what was read, written again, reads as the same and is no longer than it was; a list
/// of nodes is no longer than its bound.
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
            // What is not supported is not kept, and so not written.
            return;
        }
    }
    let mut again = Vec::new();
    message.encode(&mut again);
    // A reason may have been left out.
    assert!(again.len() <= body.len() + 1);
    assert_eq!(Message::decode(u64::from(*kind), &again), Ok(Some(message)));
}

const PEER: ConnectionId = ConnectionId(1);

/// The author of the feed that the node has adopted.
pub(super) fn adopted_author() -> KeyPair {
    KeyPair::from_seed(&[8; 32])
}

/// Acts of a stranger that knows the keys of two feeds, the node's own and one that it adopted.
/// Each act is a byte and as many bytes of a body as the next one says: the top bit lets time
/// pass, the next one is the feed's channel, the rest is the message's kind.
///
/// Claims: the node's own feed is as before; nothing that is not signed is held of the other; what
/// is asked for and what waits stays within its bounds.
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
        say(&mut node, &MuxMessage::Open { local_id, protocol, id, handshake: &handshake });
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
        say(&mut node, &MuxMessage::Message { channel, kind: u64::from(act & 0xf), body });
        assert!(node.multifeed.footprint().outputs == 0);
    }
    check(&mut node, &own, &adopted);
}

fn say(node: &mut Node, message: &MuxMessage<'_>) {
    let (mut frame, mut bytes) = (Vec::new(), bytes::BytesMut::new());
    message.write(&mut frame);
    write_frame(&mut bytes, &frame).expect("it is short");
    node.handle(Input::Received { connection: PEER, bytes: &bytes });
    node.transmit(PEER);
}

fn check(node: &mut Node, own: &FeedKey, adopted: &FeedKey) {
    let held = node.multifeed.find(own).map(|feed| (feed.id, feed.length));
    let (id, length) = held.expect("our own feed stays");
    assert_eq!(length, BLOCKS.len() as u64);
    node.multifeed.read(id, 0, length).expect("it is held");
    node.drain();
    let Some(crate::Event::Blocks { blocks, .. }) = node.events.last() else { panic!("no blocks") };
    assert!(blocks.iter().map(Bytes::as_ref).eq(BLOCKS));
    let feed = node.multifeed.find(adopted).expect("what was adopted stays");
    let is_signed = node.multifeed.is_as_signed(feed.id);
    assert!(is_signed.is_none_or(|is_signed| is_signed), "only what its author signed");
}
