use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::rng::Rng;

fn pair() -> (Push, Pull) {
    let (push, header) = Push::new(&[1; 32], &mut Rng::new([2; 32]));
    (push, Pull::new(&[1; 32], header))
}

#[test]
fn sealing_keeps_the_bytes_before_the_message() {
    let (mut push, mut pull) = pair();
    let mut out = BytesMut::from(&b"before"[..]);
    push.seal(b"", &mut out).unwrap();
    assert_eq!(out.len(), 6 + OVERHEAD);
    let mut sealed = out.split_off(6);
    assert_eq!(out, &b"before"[..]);
    pull.open(&mut sealed).unwrap();
    assert!(sealed.is_empty());
}

proptest! {
    #[test]
    fn sealed_messages_open_in_order(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..8),
        swapped: bool,
    ) {
        let (mut push, mut pull) = pair();
        let mut sealed = Vec::new();
        for message in &messages {
            let mut out = BytesMut::new();
            push.seal(message, &mut out).unwrap();
            sealed.push(out);
        }
        if swapped && messages.len() > 1 {
            prop_assert_eq!(pull.open(&mut sealed[1]), Err(Forged));
            return Ok(());
        }
        for (message, mut sealed) in messages.iter().zip(sealed) {
            prop_assert_eq!(pull.open(&mut sealed), Ok(()));
            prop_assert_eq!(&sealed[..], &message[..]);
        }
    }

    #[test]
    fn a_changed_message_is_forged(
        message in prop::collection::vec(any::<u8>(), 0..100),
        at: prop::sample::Index,
    ) {
        let (mut push, mut pull) = pair();
        let mut out = BytesMut::new();
        push.seal(&message, &mut out).unwrap();
        let at = at.index(out.len());
        out[at] ^= 1;
        prop_assert_eq!(pull.open(&mut out), Err(Forged));
    }

    #[test]
    fn any_bytes_are_forged(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        let (_, mut pull) = pair();
        prop_assert_eq!(pull.open(&mut BytesMut::from(&bytes[..])), Err(Forged));
    }
}
