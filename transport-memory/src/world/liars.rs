//! The connections of nodes that lie.
//!
//! Rule: between a liar's multifeed and the link stands its mask, which twists what goes out and
//! keeps up the stream to the peer; the world handles all else as for honest nodes.

use bytes::{Bytes, BytesMut};
use multifeed_core::{ConnectionId, Input, Mode, Role, Secure};

use super::World;
use crate::agenda::Urgency;
use crate::fault::Fault;
use crate::liar::Liar;
use crate::link::{LinkId, Side};
use crate::node::NodeId;
use crate::options::{Pieces, Security};

impl World {
    /// Makes a node a liar from now on, before it is connected. Two that equivocate are two with
    /// the writer of the same seed.
    ///
    /// # Panics
    ///
    /// If it is [no lie](Fault::is_lie).
    pub fn make_liar(&mut self, node: NodeId, lie: Fault) {
        assert!(lie.is_lie(), "{lie} is no lie");
        let chance = self.chance.child();
        let node = self.node_mut(node);
        node.liar = Some(Liar::new(lie, node.options.group.clone(), chance));
    }

    /// Whether what a node says goes through a mask.
    pub(super) fn is_masked(&self, node: NodeId) -> bool {
        self.node(node).liar.is_some()
    }

    /// A connection of a liar is there: its multifeed is told once the stream is open.
    pub(super) fn put_mask_on(&mut self, link: LinkId, side: Side, connection: ConnectionId) {
        let ends = self.ends(link);
        let (node, other) = (ends[side as usize], ends[side.other() as usize]);
        let key_pair = self.node(node).identity();
        let keys = (&key_pair, self.node(other).public_key());
        let kind = (role(side), self.link(link).options.security);
        let mut answer = BytesMut::new();
        if let Some(liar) = &mut self.node_mut(node).liar {
            liar.begin(connection, kind, keys, &mut answer);
        }
        self.send_lie(link, side, answer.freeze(), Urgency::Work);
        self.hear_as_liar(link, side, &[]);
    }

    /// Bytes reached a liar.
    pub(super) fn hear_as_liar(&mut self, link: LinkId, side: Side, bytes: &[u8]) {
        let Some(connection) = self.link(link).end(side) else { return };
        let node = NodeId(self.link(link).node(side));
        let Some(liar) = &mut self.node_mut(node).liar else { return };
        let heard = liar.hear(connection, bytes);
        self.send_lie(link, side, heard.answer.freeze(), Urgency::Work);
        if let Some((handshake_hash, remote)) = heard.opened {
            let options = &self.link(link).options;
            let (role, mode): (_, Mode) = (role(side), options.mode);
            let secure = match options.security {
                Security::Plain => Secure::Plain { remote },
                Security::Noise => Secure::Established { handshake_hash, remote },
            };
            self.tell(node, Input::Connected { connection, role, secure, mode });
        }
        if !heard.frames.is_empty() {
            self.tell(node, Input::Received { connection, bytes: &heard.frames });
        }
        self.drain(node);
    }

    /// Sends what a liar makes of what its multifeed says. `false`: the connection broke.
    pub(super) fn say_as_liar(
        &mut self,
        node: NodeId,
        (link, side): (LinkId, Side),
        bytes: &[u8],
        urgency: Urgency,
    ) -> bool {
        let Some(connection) = self.link(link).end(side) else { return false };
        let Self { nodes, faults, .. } = self;
        let Some(liar) = &mut nodes[node.index()].liar else { return false };
        let (bytes, lies) = liar.twist(connection, bytes);
        for _ in 0..lies {
            faults.strike(liar.lie());
        }
        self.send_lie(link, side, bytes, urgency)
    }

    /// Sends bytes that no multifeed gave, cut as the link cuts them where it does so evenly.
    fn send_lie(&mut self, link: LinkId, side: Side, bytes: Bytes, urgency: Urgency) -> bool {
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

/// The side that dials is the initiator.
pub(super) fn role(side: Side) -> Role {
    match side {
        Side::First => Role::Initiator,
        Side::Second => Role::Responder,
    }
}
