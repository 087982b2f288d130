//! A peer that says what it likes: the secret stream and the channel are right, and every message
//! on it is written by hand.

use alloc::vec::Vec;

use bytes::BytesMut;

use super::group;
use super::rig::Node;
use crate::peer::secure::{Keys, Received, SecretStream, SecureError};
use crate::rng::Rng;
use crate::wire::multifeed::{Hello, Kind, PROTOCOL, VERSION, put};
use crate::wire::mux::{MuxMessage, messages};
use crate::*;

pub(super) struct Raw {
    pub(super) stream: SecretStream,
    pub(super) out: BytesMut,
    /// Frames that the node sent, in the clear.
    pub(super) frames: Vec<BytesMut>,
    /// All bytes that the node sent.
    pub(super) said: Vec<u8>,
    pub(super) connection: ConnectionId,
}

impl Raw {
    /// Dials a node and makes the stream, but opens no channel.
    pub(super) fn dial(node: &mut Node, number: u64) -> Self {
        Self::dial_with(node, number, Some(&group().handshake_key()))
    }

    /// Dials a node with this pre-shared key, or as a stock peer.
    pub(super) fn dial_with(node: &mut Node, number: u64, psk: Option<&[u8; 32]>) -> Self {
        let key_pair = KeyPair::from_seed(&[200; 32]);
        let mut out = BytesMut::new();
        let (member, stock) = (psk.map(|psk| (&key_pair, psk)), psk.is_none().then_some(&key_pair));
        let (keys, rng) = (Keys { member, stock }, Rng::new([1; 32]));
        let stream = SecretStream::new(Role::Initiator, keys, rng, 1 << 21, &mut out);
        let connection = ConnectionId(number);
        let (role, secure, mode) = (Role::Responder, Secure::Noise, Mode::Live);
        let input = Input::Connected { connection, role, secure, mode };
        node.handle(Instant::ZERO, input);
        let mut raw = Self { stream, out, frames: Vec::new(), said: Vec::new(), connection };
        raw.exchange(node);
        raw
    }

    /// Dials a node and opens the group's channel as a member would.
    pub(super) fn member(node: &mut Node, group: &Group, number: u64) -> Self {
        let mut raw = Self::dial(node, number);
        let hello = raw.hello(group);
        raw.open(node, group.discovery_key(), &hello);
        // It would rather have everything listed.
        raw.say(node, Kind::FallBack, &[1]);
        raw
    }

    pub(super) fn hello(&self, group: &Group) -> Hello {
        let hash = self.stream.handshake_hash().unwrap();
        let capability = crate::peer::capability::capability(group, hash, Role::Initiator);
        let (names, window, claim) = (1_024, 1 << 22, Vec::new());
        Hello { version: VERSION, features: 0, capability, aliases: names, window, claim }
    }

    pub(super) fn open(&mut self, node: &mut Node, id: &[u8; 32], hello: &Hello) {
        let mut handshake = Vec::new();
        put(&mut handshake, hello);
        let open = MuxMessage::Open {
            local_id: 1,
            protocol: PROTOCOL,
            id: Some(id),
            handshake: &handshake,
        };
        self.mux(node, &open);
    }

    pub(super) fn mux(&mut self, node: &mut Node, message: &MuxMessage<'_>) {
        let mut frame = Vec::new();
        message.write(&mut frame);
        self.frame(node, &frame);
    }

    pub(super) fn frame(&mut self, node: &mut Node, frame: &[u8]) {
        self.stream.send(frame, &mut self.out).unwrap();
        self.exchange(node);
    }

    pub(super) fn say(&mut self, node: &mut Node, kind: Kind, body: &[u8]) {
        self.mux(node, &MuxMessage::Message { channel: 1, kind: kind as u64, body });
    }

    /// Moves bytes both ways until neither side has any.
    pub(super) fn exchange(&mut self, node: &mut Node) {
        loop {
            let to_node = self.out.split();
            let input = Input::Received { connection: self.connection, bytes: &to_node };
            node.handle(Instant::ZERO, input);
            node.drain();
            let mut to_us = BytesMut::new();
            while node.multifeed.poll_transmit(self.connection, &mut to_us, 1 << 20) > 0 {
                node.drain();
            }
            self.stream.push_bytes(&to_us);
            self.said.extend_from_slice(&to_us);
            loop {
                match self.stream.next(&mut self.out) {
                    Ok(Some(Received::Message(frame))) => self.frames.push(frame),
                    Ok(Some(_)) => {}
                    // The node refuses a stranger.
                    Ok(None) | Err(SecureError::NotAMember | SecureError::BadHandshake) => break,
                    Err(error) => panic!("{error}"),
                }
            }
            if self.out.is_empty() && to_us.is_empty() {
                break;
            }
        }
    }

    /// Bodies of one kind that the node has sent so far.
    pub(super) fn bodies(&self, wanted: Kind) -> Vec<Vec<u8>> {
        let all = self.frames.iter().flat_map(|frame| messages(frame).map(Result::unwrap));
        let bodies = all.filter_map(|message| match message {
            MuxMessage::Message { kind, body, .. } if Kind::of(kind) == Some(wanted) => Some(body),
            _ => None,
        });
        bodies.map(<[u8]>::to_vec).collect()
    }
}

/// The body of a message of these entries.
pub(super) fn body(values: &[impl serde::Serialize]) -> Vec<u8> {
    let mut body = Vec::new();
    values.iter().for_each(|value| put(&mut body, value));
    body
}

/// Why a node closed a connection, if it did.
pub(super) fn closed(node: &Node, connection: ConnectionId) -> Option<CloseReason> {
    node.closed.iter().find(|closed| closed.0 == connection).map(|closed| closed.1)
}
