use std::vec;

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

/// Runs a handshake between two sides; `change` may alter each message in transit.
fn shake(
    seed: u8,
    mut change: impl FnMut(usize, &mut Vec<u8>),
) -> Result<(Split, Split), BadHandshake> {
    let mut rng = Rng::new([seed; 32]);
    let (one, two) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
    let mut initiator = Noise::new(Role::Initiator, &one, &mut rng);
    let mut responder = Noise::new(Role::Responder, &two, &mut rng);
    for turn in 0..3 {
        let (from, to) = match turn {
            1 => (&mut responder, &mut initiator),
            _ => (&mut initiator, &mut responder),
        };
        let mut message = from.send()?;
        change(turn, &mut message);
        to.receive(&message)?;
    }
    Ok((initiator.split().map_err(|_| BadHandshake)?, responder.split().map_err(|_| BadHandshake)?))
}

#[test]
fn both_sides_agree_on_everything() {
    let mut lengths = vec![];
    let (one, two) = shake(3, |_, message| lengths.push(message.len())).unwrap();
    assert_eq!(lengths, [32, 96, 64]);
    assert_eq!(one.handshake_hash, two.handshake_hash);
    assert_eq!(one.send_key, two.receive_key);
    assert_eq!(one.receive_key, two.send_key);
    assert_ne!(one.send_key, one.receive_key);
    assert_eq!(one.remote, KeyPair::from_seed(&[2; 32]).public_key());
    assert_eq!(two.remote, KeyPair::from_seed(&[1; 32]).public_key());
    let (other, _) = shake(4, |_, _| ()).unwrap();
    assert_ne!(one.handshake_hash, other.handshake_hash);
}

#[test]
fn only_a_side_with_the_pre_shared_key_gets_an_answer() {
    let mut rng = Rng::new([3; 32]);
    let (one, two) = (KeyPair::from_seed(&[1; 32]), KeyPair::from_seed(&[2; 32]));
    let mut side = |role, pair, psk: u8| Noise::with_psk(role, pair, &[psk; 32], &mut rng);
    let mut initiator = side(Role::Initiator, &one, 7);
    let first = initiator.send().unwrap();
    assert_eq!(first.len(), 48);
    assert_eq!(side(Role::Responder, &two, 8).receive(&first), Err(BadHandshake));
    let mut responder = side(Role::Responder, &two, 7);
    responder.receive(&first).unwrap();
    initiator.receive(&responder.send().unwrap()).unwrap();
    responder.receive(&initiator.send().unwrap()).unwrap();
    let (one, two) = (initiator.split().unwrap(), responder.split().unwrap());
    assert_eq!((one.handshake_hash, one.send_key), (two.handshake_hash, two.receive_key));
    // Without the key: the plain handshake ignores what follows the ephemeral key.
    let mut stock = Noise::new(Role::Responder, &KeyPair::from_seed(&[2; 32]), &mut rng);
    assert_eq!(stock.receive(&first), Ok(()));
}

#[test]
fn small_order_and_non_canonical_keys_are_rejected() {
    let mut local = Ed25519 { pair: None, public: PublicKey([0; 32]) };
    local.set(&[1; 32]);
    let mut shared = [0; 32];
    let neutral = with_first([0; 32], 1);
    let order_2 = with_first(FIELD, 0xec);
    let order_4 = [0; 32];
    let neutral_again = with_first(FIELD, 0xee);
    for key in [neutral, order_2, order_4, neutral_again] {
        assert_eq!(local.dh(&key, &mut shared), Err(Error::Dh), "{key:?}");
    }
    // y = p + 3 is a non-canonical encoding of a point of high order.
    assert_eq!(local.dh(&with_first([0; 32], 3), &mut shared), Ok(()));
    assert_eq!(local.dh(&with_first(FIELD, 0xf0), &mut shared), Err(Error::Dh));
    assert_eq!(local.dh(&with_first([0; 32], 2), &mut shared), Err(Error::Dh), "not a point");
    assert_eq!(local.dh(&[3; 31], &mut shared), Err(Error::Dh));
}

/// 2^255 - 1; the field's prime is 2^255 - 19.
const FIELD: [u8; 32] = {
    let mut bytes = [0xff; 32];
    bytes[31] = 0x7f;
    bytes
};

fn with_first(mut key: [u8; 32], first: u8) -> [u8; 32] {
    key[0] = first;
    key
}

#[test]
fn an_unfinished_handshake_does_not_split() {
    let pair = KeyPair::from_seed(&[1; 32]);
    let mut noise = Noise::new(Role::Initiator, &pair, &mut Rng::new([0; 32]));
    assert_eq!(noise.receive(&[0; 96]), Err(BadHandshake), "the initiator sends first");
    noise.send().unwrap();
    assert_eq!(noise.send().err(), Some(BadHandshake));
    assert!(noise.split().is_err());
}

#[test]
fn a_payload_is_ignored() {
    // The first message is not encrypted: anyone can lengthen it, and both hashes then differ,
    // so that the second message does not open.
    let refused = shake(3, |turn, message| {
        if turn == 0 {
            message.extend([9; 100]);
        }
    });
    assert_eq!(refused.err(), Some(BadHandshake));
    let pair = KeyPair::from_seed(&[1; 32]);
    let mut responder = Noise::new(Role::Responder, &pair, &mut Rng::new([0; 32]));
    let mut message = KeyPair::from_seed(&[2; 32]).public_key().0.to_vec();
    message.extend([9; 100]);
    assert_eq!(responder.receive(&message), Ok(()));
}

proptest! {
    #[test]
    fn any_changed_message_is_rejected(turn in 0..3usize, at: prop::sample::Index, bit in 0..8u8) {
        let refused = shake(7, |now, message| {
            if now == turn {
                let at = at.index(message.len());
                message[at] ^= 1 << bit;
            }
        });
        prop_assert!(refused.is_err());
    }

    #[test]
    fn any_bytes_may_arrive(first in prop::collection::vec(any::<u8>(), 0..600)) {
        let pair = KeyPair::from_seed(&[1; 32]);
        let mut responder = Noise::new(Role::Responder, &pair, &mut Rng::new([0; 32]));
        let _ = responder.receive(&first);
        let mut initiator = Noise::new(Role::Initiator, &pair, &mut Rng::new([0; 32]));
        initiator.send().unwrap();
        prop_assert_eq!(initiator.receive(&first), Err(BadHandshake));
    }
}
