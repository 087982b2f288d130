use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;
use crate::wire::frame::HEAD_SIZE;

const FRAME_MAX: usize = 4_096;

/// Two sides and the bytes in flight between them.
struct Pair {
    sides: [SecretStream; 2],
    /// Bytes that each side has sent and the other has not received.
    sent: [BytesMut; 2],
    received: [Vec<Received>; 2],
}

impl Pair {
    fn new() -> Self {
        let mut sent = [BytesMut::new(), BytesMut::new()];
        let (one, two) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
        let rng = |seed| Rng::new([seed; 32]);
        let initiator = SecretStream::initiator(&one, rng(3), FRAME_MAX, &mut sent[0]);
        let responder = SecretStream::responder(&two, rng(4), FRAME_MAX);
        Self { sides: [initiator, responder], sent, received: [vec![], vec![]] }
    }

    /// Two sides with these keys: (members' pre-shared key, accepts stock peers).
    fn with(keys: [(Option<u8>, bool); 2]) -> Self {
        let mut sent = [BytesMut::new(), BytesMut::new()];
        let pairs = [1, 2].map(|seed| KeyPair::from_seed(&[seed; 32]));
        let stock = [11, 12].map(|seed| KeyPair::from_seed(&[seed; 32]));
        let sides = [0, 1].map(|n| {
            let (psk, accepts_stock) = keys[n];
            let psk = psk.map(|psk| [psk; 32]);
            let member = psk.as_ref().map(|psk| (&pairs[n], psk));
            let keys = Keys { member, stock: accepts_stock.then_some(&stock[n]) };
            let role = [Role::Initiator, Role::Responder][n];
            SecretStream::new(role, keys, Rng::new([3 + n as u8; 32]), FRAME_MAX, &mut sent[n])
        });
        Self { sides, sent, received: [vec![], vec![]] }
    }

    fn opened() -> Self {
        let mut pair = Self::new();
        pair.run().unwrap();
        pair
    }

    fn clear() -> Self {
        let remote = KeyPair::from_seed(&[1; 32]).public_key();
        let side = |role| SecretStream::clear([5; 64], remote, role, FRAME_MAX);
        Self {
            sides: [side(Role::Initiator), side(Role::Responder)],
            sent: Default::default(),
            received: Default::default(),
        }
    }

    /// Delivers the next `size` bytes of `from` to the other side.
    fn deliver(&mut self, from: usize, size: usize) -> Result<(), SecureError> {
        let to = 1 - from;
        let size = size.min(self.sent[from].len());
        let bytes = self.sent[from].split_to(size);
        self.sides[to].push_bytes(&bytes);
        while let Some(received) = self.sides[to].next(&mut self.sent[to])? {
            self.received[to].push(received);
        }
        Ok(())
    }

    /// Delivers everything until nothing is in flight.
    fn run(&mut self) -> Result<(), SecureError> {
        while !(self.sent[0].is_empty() && self.sent[1].is_empty()) {
            self.deliver(0, usize::MAX)?;
            self.deliver(1, usize::MAX)?;
        }
        Ok(())
    }

    fn send(&mut self, from: usize, message: &[u8]) {
        self.sides[from].send(message, &mut self.sent[from]).unwrap();
    }
}

fn message(bytes: &[u8]) -> Received {
    Received::Message(BytesMut::from(bytes))
}

#[test]
fn members_and_stock_peers_open_as_far_as_both_allow() {
    const STOCK: (Option<u8>, bool) = (None, true);
    // (initiator, responder, whether they meet as members; `None`: not at all)
    let cases = [
        ((Some(7), false), (Some(7), false), Some(true)),
        ((Some(7), true), (Some(7), true), Some(true)),
        ((Some(7), true), (Some(7), false), Some(true)),
        ((Some(7), false), (Some(7), true), Some(true)),
        ((Some(7), true), STOCK, Some(false)),
        (STOCK, (Some(7), true), Some(false)),
        ((Some(7), true), (Some(8), true), Some(false)),
        ((Some(7), false), (Some(8), false), None),
        ((Some(7), false), STOCK, None),
        (STOCK, (Some(7), false), None),
    ];
    for (initiator, responder, as_members) in cases {
        let mut pair = Pair::with([initiator, responder]);
        let result = pair.run();
        let remotes = pair.sides.each_ref().map(SecretStream::remote);
        let Some(is_member) = as_members else {
            assert_eq!(result, Err(SecureError::NotAMember), "{initiator:?} {responder:?}");
            assert_eq!(remotes, [None, None], "a stranger learns no key");
            continue;
        };
        assert_eq!(result, Ok(()), "{initiator:?} {responder:?}");
        assert_eq!(pair.sides.each_ref().map(SecretStream::is_member), [is_member; 2]);
        let seeds: [u8; 2] = if is_member { [2, 1] } else { [12, 11] };
        let keys = seeds.map(|seed| Some(KeyPair::from_seed(&[seed; 32]).public_key()));
        assert_eq!(remotes, keys, "{initiator:?} {responder:?}");
    }
}

#[test]
fn a_changed_bit_in_any_message_of_members_is_detected() {
    for (turn, at) in (0..3).flat_map(|turn| (0..48).map(move |at| (turn, at))) {
        let mut pair = Pair::with([(Some(7), false); 2]);
        let mut result = Ok(());
        for now in 0..=turn {
            let from = now % 2;
            if now == turn {
                pair.sent[from][HEAD_SIZE + at] ^= 1;
            }
            result = pair.deliver(from, usize::MAX);
        }
        let expected = if turn == 2 { SecureError::BadHandshake } else { SecureError::NotAMember };
        assert_eq!(result, Err(expected), "message {turn}, byte {at}");
    }
}

#[test]
fn both_sides_open_and_agree() {
    let pair = Pair::opened();
    let hash = *pair.sides[0].handshake_hash().unwrap();
    assert_eq!(pair.sides[1].handshake_hash(), Some(&hash));
    for (side, seed) in [(0, 2), (1, 1)] {
        let remote = KeyPair::from_seed(&[seed; 32]).public_key();
        assert_eq!(pair.sides[side].remote(), Some(remote));
        assert_eq!(pair.received[side], [Received::Opened { handshake_hash: hash, remote }]);
    }
    assert_eq!(pair.sides[0].role(), Role::Initiator);
    assert_eq!(pair.sides[1].role(), Role::Responder);
}

#[test]
fn first_messages_travel_with_the_end_of_the_handshake() {
    let mut pair = Pair::new();
    pair.deliver(0, usize::MAX).unwrap();
    assert_eq!(pair.sides[0].send(b"early", &mut BytesMut::new()), Err(SendError::NotOpen));
    assert_eq!(pair.sides[1].send(b"early", &mut BytesMut::new()), Err(SendError::NotOpen));
    pair.deliver(1, usize::MAX).unwrap();
    pair.send(0, b"one");
    assert_eq!(pair.sent[0].len(), (3 + 64) + (3 + 56) + (3 + 3 + OVERHEAD));
    pair.deliver(0, usize::MAX).unwrap();
    assert_eq!(pair.received[1][1], message(b"one"));
    pair.send(1, b"two");
    pair.deliver(1, usize::MAX).unwrap();
    assert_eq!(pair.received[0][1], message(b"two"));
}

#[test]
fn an_empty_message_is_a_keep_alive() {
    for mut pair in [Pair::opened(), Pair::clear()] {
        pair.sides[0].send_keep_alive(&mut pair.sent[0]).unwrap();
        pair.run().unwrap();
        assert_eq!(pair.received[1].last(), Some(&Received::KeepAlive));
    }
}

#[test]
fn a_clear_stream_opens_at_once() {
    let mut pair = Pair::clear();
    pair.send(1, b"hello");
    assert_eq!(&pair.sent[1][..], b"\x05\0\0hello");
    pair.run().unwrap();
    let remote = KeyPair::from_seed(&[1; 32]).public_key();
    let opened = Received::Opened { handshake_hash: [5; 64], remote };
    assert_eq!(pair.received[0], [opened, message(b"hello")]);
}

#[test]
fn frames_are_bounded_at_each_stage() {
    let long = |size: usize| (size as u32).to_le_bytes()[..HEAD_SIZE].to_vec();
    let mut out = BytesMut::new();

    let mut pair = Pair::new();
    pair.sides[1].push_bytes(&long(MESSAGE_SIZE_MAX + 1));
    assert_eq!(pair.sides[1].next(&mut out), Err(SecureError::FrameTooLong));

    let mut pair = Pair::new();
    pair.deliver(0, usize::MAX).unwrap();
    pair.deliver(1, usize::MAX).unwrap();
    pair.sides[0].push_bytes(&long(STREAM_HEADER_SIZE + 1));
    assert_eq!(pair.sides[0].next(&mut out), Err(SecureError::FrameTooLong));

    for mut pair in [Pair::opened(), Pair::clear()] {
        let fits = vec![0; FRAME_MAX - OVERHEAD];
        pair.send(0, &fits);
        pair.run().unwrap();
        assert_eq!(pair.received[1].last(), Some(&message(&fits)));
        pair.send(0, &[0; FRAME_MAX + 1]);
        assert_eq!(pair.run(), Err(SecureError::FrameTooLong));
        assert_eq!(pair.sides[1].buffered(), 0, "a fault releases the memory");
    }

    let mut pair = Pair::opened();
    pair.sides[1].raise_frame_size_max(2 * FRAME_MAX);
    pair.send(0, &[0; FRAME_MAX]);
    assert_eq!(pair.run(), Ok(()));
}

#[test]
fn a_message_longer_than_a_frame_is_not_sent() {
    let mut pair = Pair::opened();
    let mut out = BytesMut::new();
    let long = vec![0; MESSAGE_MAX + 1];
    assert_eq!(pair.sides[0].send(&long, &mut out), Err(SendError::TooLong));
    assert!(out.is_empty());
    assert_eq!(pair.sides[0].send(&long[..MESSAGE_MAX], &mut out), Ok(()));
    assert_eq!(out.len(), HEAD_SIZE + FRAME_SIZE_MAX);
}

#[test]
fn a_reflected_stream_is_rejected() {
    let mut pair = Pair::new();
    pair.deliver(0, usize::MAX).unwrap();
    pair.deliver(1, usize::MAX).unwrap();
    let header = pair.sent[0].split_off(HEAD_SIZE + 64);
    pair.sides[0].push_bytes(&header);
    assert_eq!(pair.sides[0].next(&mut BytesMut::new()), Err(SecureError::WrongStream));
}

#[test]
fn a_stream_header_of_the_wrong_size_is_rejected() {
    let mut pair = Pair::new();
    pair.deliver(0, usize::MAX).unwrap();
    pair.deliver(1, usize::MAX).unwrap();
    let mut out = BytesMut::new();
    pair.sides[0].push_bytes(&[55, 0, 0]);
    pair.sides[0].push_bytes(&[0; 55]);
    // The id is checked only in a complete header.
    assert_eq!(pair.sides[0].next(&mut out), Err(SecureError::BadHeader));
}

#[test]
fn a_repeated_message_is_forged_and_nothing_follows() {
    let mut pair = Pair::opened();
    pair.send(0, b"pay");
    let repeated = pair.sent[0].clone();
    pair.run().unwrap();
    pair.sent[0] = repeated;
    assert_eq!(pair.run(), Err(SecureError::Forged));
    pair.send(0, b"more");
    assert_eq!(pair.run(), Err(SecureError::Forged));
    assert_eq!(pair.sides[1].send(b"no", &mut BytesMut::new()), Err(SendError::NotOpen));
    assert_eq!(pair.sides[1].buffered(), 0);
}

/// Runs a session that delivers bytes in pieces of the given sizes. Returns all received items.
fn session(messages: &[(bool, Vec<u8>)], mut size: impl FnMut() -> usize) -> [Vec<Received>; 2] {
    let mut pair = Pair::new();
    while !(pair.sent[0].is_empty() && pair.sent[1].is_empty()) {
        let size = size();
        pair.deliver(0, size).unwrap();
        pair.deliver(1, size).unwrap();
    }
    for (from_initiator, message) in messages {
        pair.send(usize::from(!from_initiator), message);
    }
    while !(pair.sent[0].is_empty() && pair.sent[1].is_empty()) {
        let size = size();
        pair.deliver(0, size).unwrap();
        pair.deliver(1, size).unwrap();
    }
    pair.received
}

proptest! {
    #[test]
    fn bytes_may_be_cut_anywhere(
        messages in prop::collection::vec(
            (any::<bool>(), prop::collection::vec(any::<u8>(), 0..300)), 0..6),
        sizes in prop::collection::vec(1..200usize, 1..10),
    ) {
        let whole = session(&messages, || usize::MAX);
        let mut sizes = sizes.into_iter().cycle();
        let cut = session(&messages, || sizes.next().unwrap());
        prop_assert_eq!(&cut, &whole);
        prop_assert_eq!(whole[0].len() + whole[1].len(), messages.len() + 2);
    }

    #[test]
    fn a_changed_bit_ends_the_connection(at: prop::sample::Index, bit in 0..8u8) {
        // The initiator's bytes in a session with one message each way.
        let mut pair = Pair::new();
        let mut position = 0;
        let total = (3 + 32) + (3 + 64) + (3 + 56) + (3 + 5 + OVERHEAD);
        let at = at.index(total);
        let mut sent = false;
        loop {
            if pair.sides[0].handshake_hash().is_some() && !sent {
                sent = true;
                pair.send(0, b"hello");
            }
            let end = position + pair.sent[0].len();
            if (position..end).contains(&at) {
                pair.sent[0][at - position] ^= 1 << bit;
            }
            position = end;
            let carried = pair.deliver(0, usize::MAX).and_then(|()| pair.deliver(1, usize::MAX));
            if carried.is_err() {
                break;
            }
            if pair.sent[0].is_empty() && (sent || pair.sides[0].handshake_hash().is_none()) {
                // An increased length waits for bytes that never arrive, and no wrong item is
                // returned.
                break;
            }
        }
        // The nonce of the stream header has no tag of its own: the first message fails instead.
        prop_assert!(!pair.received[1].contains(&message(b"hello")));
        for side in &pair.received {
            let returned = side.iter().filter(|r| !matches!(r, Received::Opened { .. })).count();
            prop_assert_eq!(returned, 0);
        }
    }

    #[test]
    fn any_bytes_may_arrive(
        stage in 0..4usize,
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 0..6),
        framed: bool,
    ) {
        let mut pair = if stage == 3 { Pair::clear() } else { Pair::new() };
        for _ in 0..stage.min(2) {
            pair.deliver(0, usize::MAX).unwrap();
            pair.deliver(1, usize::MAX).unwrap();
        }
        for side in &mut pair.sides {
            let mut out = BytesMut::new();
            let mut pushed = 0;
            for chunk in &chunks {
                let mut bytes = BytesMut::new();
                if framed {
                    write_frame(&mut bytes, chunk).unwrap();
                } else {
                    bytes.extend_from_slice(chunk);
                }
                pushed += bytes.len();
                side.push_bytes(&bytes);
                while let Ok(Some(_)) = side.next(&mut out) {}
                prop_assert!(side.buffered() <= HEAD_SIZE + FRAME_MAX);
            }
            prop_assert!(out.len() <= pushed + 200);
        }
    }
}
