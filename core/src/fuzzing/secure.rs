//! Any bytes into a secret stream in each of its states.

use alloc::vec::Vec;

use bytes::BytesMut;

use crate::crypto::sign::KeyPair;
use crate::id::Role;
use crate::peer::secure::{Received, SecretStream};
use crate::rng::Rng;

/// Maximum bytes of a frame after the stream has opened.
const FRAME_BYTES_MAX: usize = 4 * 1_024;

/// The message that the genuine remote sends after opening.
const WORDS: &[u8] = b"genuine";

/// Passes bytes to a secret stream. The first byte selects the number of genuine handshake flights
/// before them (0 to 3) and the side that receives them.
///
/// Claims: only messages of the genuine remote are returned; errors are final, and nothing is
/// buffered after one; splitting the bytes does not change the result.
#[doc(hidden)]
pub fn secure(data: &[u8]) {
    let Some((how, bytes)) = data.split_first() else { return };
    let role = if how & 4 == 0 { Role::Initiator } else { Role::Responder };
    let flights = usize::from(how & 3);
    let keys = [1, 2].map(|number| KeyPair::from_seed(&[number; 32]));
    let whole = attacked(&keys, (role, flights), bytes, bytes.len());
    assert_eq!(whole, attacked(&keys, (role, flights), bytes, 1));
}

/// The items that a side returned, and the bytes that it sent.
type Outcome = (Vec<Received>, BytesMut);

fn attacked(
    keys: &[KeyPair; 2],
    (role, flights): (Role, usize),
    bytes: &[u8],
    cut: usize,
) -> Outcome {
    let (mut sides, mut outs) = pair(keys, role);
    let mut received = Vec::new();
    for _ in 0..flights {
        // Our flight first, then the answer of the remote.
        let flight = outs[0].split();
        take(&mut sides[1], &flight, &mut outs[1]);
        if sides[1].remote().is_some() {
            _ = sides[1].send(WORDS, &mut outs[1]);
        }
        let flight = outs[1].split();
        received.extend(take(&mut sides[0], &flight, &mut outs[0]));
    }
    for piece in bytes.chunks(cut.max(1)) {
        received.extend(take(&mut sides[0], piece, &mut outs[0]));
    }
    let [side, _] = &mut sides;
    if let Err(error) = side.next(&mut outs[0]) {
        side.push_bytes(bytes);
        assert_eq!((side.next(&mut outs[0]), side.buffered()), (Err(error), 0));
    }
    for received in &received {
        match received {
            Received::Opened { remote, .. } => assert_eq!(*remote, keys[1].public_key()),
            Received::Message(message) => assert_eq!(message, WORDS),
            Received::KeepAlive => panic!("the remote sends no keep-alive"),
        }
    }
    (received, outs[0].split())
}

/// Our side in `role` and the genuine remote, each with its pending bytes.
fn pair(keys: &[KeyPair; 2], role: Role) -> ([SecretStream; 2], [BytesMut; 2]) {
    let mut outs = [BytesMut::new(), BytesMut::new()];
    let mut side = |place: usize, role| {
        let (key_pair, rng) = (&keys[place], Rng::new([1 + place as u8; 32]));
        match role {
            Role::Initiator => {
                SecretStream::initiator(key_pair, rng, FRAME_BYTES_MAX, &mut outs[place])
            }
            Role::Responder => SecretStream::responder(key_pair, rng, FRAME_BYTES_MAX),
        }
    };
    let sides = [side(0, role), side(1, role.other())];
    (sides, outs)
}

/// Passes bytes to a side. Returns its items until it has no more or fails.
fn take(side: &mut SecretStream, bytes: &[u8], out: &mut BytesMut) -> Vec<Received> {
    side.push_bytes(bytes);
    core::iter::from_fn(|| side.next(out).ok().flatten()).collect()
}
