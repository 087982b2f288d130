//! A whole multifeed, and a peer that sends anything at any time.

use alloc::vec::Vec;

use super::map::{BLOCKS, Node, author, group};
use crate::crypto::sign::{KeyPair, PublicKey};
use crate::id::{ConnectionId, Role};
use crate::io::{Event, Input, Mode, Secure};
use crate::peer::capability::capability;
use crate::time::Duration;
use crate::wire::frame::write_frame;
use crate::wire::multifeed::{Hello, PROTOCOL, VERSION, put};
use crate::wire::mux::MuxMessage;

use bytes::BytesMut;

const CONNECTION: ConnectionId = ConnectionId(1);

/// The key pair of the only other author whose signatures are in the corpus.
pub(super) fn stranger() -> KeyPair {
    KeyPair::from_seed(&[8; 32])
}
/// Number of blocks that the other author signed.
pub(super) const STRANGERS_BLOCKS: usize = 3;

// Actions of a script besides channel messages, encoded in place of the kind.
const TIME_PASSES: u8 = 0x80;
const WE_APPEND: u8 = 0x81;
const REPLIES_WAIT: u8 = 0x82;
const REPLIES_COME: u8 = 0x83;
const STORE_FAILS: u8 = 0x84;
const FRAME: u8 = 0x85;

/// Runs a connection to a multifeed with its own feed. The first byte has flags. Bit 0: we dialled.
/// Bit 1: the peer first proves that it is a member. Bit 2: the connection ends when in sync.
/// Bit 3: the remaining bytes are a stream; otherwise they are a script of `kind, length, body`,
/// with one channel message or one of the actions above per entry.
///
/// Claims: our own feed does not change, and no block is held that its author did not sign; every
/// held feed reads back; the store reopens with the same feeds and lengths; and a peer that broke
/// the protocol is disconnected.
#[doc(hidden)]
pub fn connection(data: &[u8]) {
    let Some((flags, bytes)) = data.split_first() else { return };
    let mut node = Node::with_blocks();
    let role = if flags & 1 == 0 { Role::Responder } else { Role::Initiator };
    let mode = if flags & 4 == 0 { Mode::Live } else { Mode::Once };
    let secure = Secure::Plain { remote: PublicKey([200; 32]) };
    node.handle(Input::Connected { connection: CONNECTION, role, secure, mode });
    if flags & 2 != 0 {
        send(&mut node, &hello(role.other()));
    }
    match flags & 8 {
        0 => play(&mut node, bytes),
        _ => node.handle(Input::Received { connection: CONNECTION, bytes }),
    }
    node.transmit(CONNECTION);
    node.release();
    node.transmit(CONNECTION);
    if !node.closed.is_empty() {
        assert_eq!(node.multifeed.peers().count(), 0);
    }
    check(&mut node);
}

/// The first frame that a member sends.
pub(super) fn hello(role: Role) -> Vec<u8> {
    let capability = capability(&group(), &[0; 64], role);
    let (names, window, claim) = (4, 2_000, Vec::new());
    let hello = Hello { version: VERSION, features: 0, capability, aliases: names, window, claim };
    let (mut handshake, mut frame) = (Vec::new(), Vec::new());
    put(&mut handshake, &hello);
    let group = group();
    let id = Some(group.discovery_key().as_slice());
    let open = MuxMessage::Open { local_id: 1, protocol: PROTOCOL, id, handshake: &handshake };
    open.write(&mut frame);
    frame
}

/// The peer sends a frame and receives the response.
fn send(node: &mut Node, frame: &[u8]) {
    let mut bytes = BytesMut::new();
    write_frame(&mut bytes, frame).expect("it is short");
    node.handle(Input::Received { connection: CONNECTION, bytes: &bytes });
    node.transmit(CONNECTION);
}

fn play(node: &mut Node, mut script: &[u8]) {
    while let [act, length, rest @ ..] = script {
        let (body, after) = rest.split_at(rest.len().min(usize::from(*length)));
        script = after;
        match *act {
            TIME_PASSES => {
                node.now = node.now + Duration::from_millis(100 * u64::from(*length));
                node.handle(Input::Timeout);
                node.transmit(CONNECTION);
            }
            WE_APPEND => {
                let feed = node.writer();
                node.append(feed, &[body]);
                node.transmit(CONNECTION);
            }
            REPLIES_WAIT => _ = node.held.get_or_insert_default(),
            REPLIES_COME => node.release(),
            STORE_FAILS => node.fails = true,
            FRAME => send(node, body),
            kind => {
                let mut frame = Vec::new();
                MuxMessage::Message { channel: 1, kind: u64::from(kind), body }.write(&mut frame);
                send(node, &frame);
            }
        }
    }
}

fn check(node: &mut Node) {
    let held: Vec<_> = node.multifeed.feeds().map(|feed| (feed.key, feed.length)).collect();
    let feeds: Vec<_> =
        node.multifeed.feeds().map(|feed| (feed.id, feed.length, feed.public_key)).collect();
    let (own, mut blocks) = (author().public_key(), Vec::new());
    for (id, length, public_key) in &feeds {
        let read = node.blocks(*id, *length).expect("the store is sound");
        if *public_key == own {
            // A script may append more blocks.
            assert!(read.len() >= BLOCKS.len() && read.iter().zip(BLOCKS).all(|(a, b)| a == b));
        } else {
            assert_eq!(*public_key, stranger().public_key());
            let signed = BLOCKS[..STRANGERS_BLOCKS].iter();
            assert!(read.len() <= STRANGERS_BLOCKS && read.iter().zip(signed).all(|(a, b)| a == b));
        }
        blocks.push(read);
    }
    let mut reopened = Node::open(core::mem::take(&mut node.map));
    assert!(reopened.events.contains(&Event::Ready { feeds: held.len() }), "{:?}", reopened.events);
    let heads = reopened.multifeed.feeds().map(|feed| (feed.key, feed.length));
    assert_eq!(heads.collect::<Vec<_>>(), held);
    for ((id, length, _), blocks) in feeds.iter().zip(blocks) {
        assert_eq!(reopened.blocks(*id, *length), Ok(blocks));
    }
}
