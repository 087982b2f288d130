//! A whole multifeed, and a peer that says anything at any time.

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

/// The only other author whose signatures are in the corpus, and how many blocks it signed.
pub(super) fn stranger() -> KeyPair {
    KeyPair::from_seed(&[8; 32])
}
pub(super) const STRANGERS_BLOCKS: usize = 3;

/// Acts of a script beside the messages of the channel, in the place of their kind.
const TIME_PASSES: u8 = 0x80;
const WE_APPEND: u8 = 0x81;
const REPLIES_WAIT: u8 = 0x82;
const REPLIES_COME: u8 = 0x83;
const STORE_FAILS: u8 = 0x84;
const FRAME: u8 = 0x85;

/// A connection to a multifeed that holds a feed of its own. Of the first byte, bit 0 says whether
/// we dialled, bit 1 whether the peer proves to be a member before anything else, bit 2 whether
/// the connection is to end in sync, and bit 3 whether the bytes are a stream. Otherwise they are a
/// script of `kind, length, body`: messages of the channel one by one, and the acts above.
///
/// Claims: whatever the peer says, our own feed stays what it was, and nothing is held that its
/// author did not sign; each feed that is held reads back; what the store learned to keep opens
/// again as the same feeds with the same lengths; and a peer that was found wrong is gone.
#[doc(hidden)]
pub fn connection(data: &[u8]) {
    let Some((flags, bytes)) = data.split_first() else { return };
    let mut node = Node::with_blocks();
    let role = if flags & 1 == 0 { Role::Responder } else { Role::Initiator };
    let mode = if flags & 4 == 0 { Mode::Live } else { Mode::Once };
    let secure = Secure::Plain { remote: PublicKey([200; 32]) };
    node.handle(Input::Connected { connection: CONNECTION, role, secure, mode });
    if flags & 2 != 0 {
        say(&mut node, &hello(role.other()));
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

/// What a member says first.
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

/// The peer sends a frame, and takes what it is sent.
fn say(node: &mut Node, frame: &[u8]) {
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
            FRAME => say(node, body),
            kind => {
                let mut frame = Vec::new();
                MuxMessage::Message { channel: 1, kind: u64::from(kind), body }.write(&mut frame);
                say(node, &frame);
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
            // A script may have us append more.
            assert!(read.len() >= BLOCKS.len() && read.iter().zip(BLOCKS).all(|(a, b)| a == b));
        } else {
            assert_eq!(*public_key, stranger().public_key());
            let signed = BLOCKS[..STRANGERS_BLOCKS].iter();
            assert!(read.len() <= STRANGERS_BLOCKS && read.iter().zip(signed).all(|(a, b)| a == b));
        }
        blocks.push(read);
    }
    let mut again = Node::open(core::mem::take(&mut node.map));
    assert!(again.events.contains(&Event::Ready { feeds: held.len() }), "{:?}", again.events);
    let reopened = again.multifeed.feeds().map(|feed| (feed.key, feed.length));
    assert_eq!(reopened.collect::<Vec<_>>(), held);
    for ((id, length, _), blocks) in feeds.iter().zip(blocks) {
        assert_eq!(again.blocks(*id, *length), Ok(blocks));
    }
}
