//! The connections of adversaries.
//!
//! Rule: a man in the middle between an adversary's multifeed and the link rewrites its output and
//! runs the stream to the peer. The world handles everything else as for honest nodes.

use bytes::{Bytes, BytesMut};
use multifeed_core::{ConnectionId, Input, Mode, Role, Secure};

use super::World;
use crate::adversary::{Adversary, Endpoint};
use crate::event_queue::Urgency;
use crate::fault::Fault;
use crate::link::{LinkId, Side};
use crate::node::NodeId;
use crate::options::{Pieces, Security};

impl World {
    /// Makes a node an adversary. Call it before the node is connected. An equivocation takes two
    /// nodes with a writer of the same seed.
    ///
    /// # Panics
    ///
    /// If it is not [a fault of an adversary](Fault::is_adversarial).
    pub fn make_adversary(&mut self, node: NodeId, fault: Fault) {
        assert!(fault.is_adversarial(), "{fault} is not a fault of an adversary");
        let rng = self.rng.child();
        let node = self.node_mut(node);
        node.adversary = Some(Adversary::new(fault, node.options.group.clone(), rng));
    }

    /// Whether a node's output is rewritten.
    pub(super) fn has_mitm(&self, node: NodeId) -> bool {
        self.node(node).adversary.is_some()
    }

    /// A connection of an adversary opens: its multifeed is connected once the stream is.
    pub(super) fn begin_mitm(&mut self, link: LinkId, side: Side, connection: ConnectionId) {
        let ends = self.ends(link);
        let (node, other) = (ends[side as usize], ends[side.other() as usize]);
        let key_pair = self.node(node).identity();
        let endpoint = Endpoint {
            role: role(side),
            security: self.link(link).options.security,
            key_pair: &key_pair,
            remote: self.node(other).public_key(),
        };
        let mut answer = BytesMut::new();
        if let Some(adversary) = &mut self.node_mut(node).adversary {
            adversary.begin(connection, &endpoint, &mut answer);
        }
        self.send_rewritten(link, side, answer.freeze(), Urgency::Work);
        self.receive_through_mitm(link, side, &[]);
    }

    /// Bytes reached an adversary.
    pub(super) fn receive_through_mitm(&mut self, link: LinkId, side: Side, bytes: &[u8]) {
        let Some(connection) = self.link(link).end(side) else { return };
        let node = NodeId(self.link(link).node(side));
        let Some(adversary) = &mut self.node_mut(node).adversary else { return };
        let intercepted = adversary.receive(connection, bytes);
        self.send_rewritten(link, side, intercepted.answer.freeze(), Urgency::Work);
        if let Some((handshake_hash, remote)) = intercepted.opened {
            let options = &self.link(link).options;
            let (role, mode): (_, Mode) = (role(side), options.mode);
            let secure = match options.security {
                Security::Plain => Secure::Plain { remote },
                Security::Noise => Secure::Established { handshake_hash, remote },
            };
            self.handle(node, Input::Connected { connection, role, secure, mode });
        }
        if !intercepted.frames.is_empty() {
            self.handle(node, Input::Received { connection, bytes: &intercepted.frames });
        }
        self.drain(node);
    }

    /// Sends the rewritten output of an adversary. Returns `false` if the connection broke.
    pub(super) fn send_through_mitm(
        &mut self,
        link: LinkId,
        side: Side,
        bytes: &[u8],
        urgency: Urgency,
    ) -> bool {
        let Some(connection) = self.link(link).end(side) else { return false };
        let node = NodeId(self.link(link).node(side));
        let Self { nodes, faults, .. } = self;
        let Some(adversary) = &mut nodes[node.index()].adversary else { return false };
        let (bytes, count) = adversary.rewrite(connection, bytes);
        for _ in 0..count {
            faults.record(adversary.fault());
        }
        self.send_rewritten(link, side, bytes, urgency)
    }

    /// Sends bytes of an adversary, cut into equal pieces if the link says so.
    fn send_rewritten(&mut self, link: LinkId, side: Side, bytes: Bytes, urgency: Urgency) -> bool {
        let piece = match self.link(link).options.pieces {
            Pieces::Exactly(piece) => piece.max(1),
            Pieces::Large | Pieces::Random(_) => bytes.len().max(1),
        };
        let epoch = self.link(link).epoch;
        for piece in bytes.chunks(piece).map(|piece| bytes.slice_ref(piece)) {
            if self.link(link).epoch != epoch || !self.send_piece(link, side, piece, urgency) {
                return false;
            }
        }
        true
    }
}

/// The dialling side is the initiator.
pub(super) fn role(side: Side) -> Role {
    match side {
        Side::First => Role::Initiator,
        Side::Second => Role::Responder,
    }
}
