//! Attacks on the handshake and the encryption of the secret stream.

use bytes::BytesMut;
use multifeed_core::peer::secure::{Keys, SecretStream};
use multifeed_core::rng::Rng;
use multifeed_core::{ConnectionId, Input, KeyPair, Mode, Role, Secure};

use super::pen::{Mutant, wholes};
use super::stage::{Outcome, Stage, group};

/// The output of a genuine remote: the flights of the handshake, the last with an encrypted
/// message.
const FLIGHTS: usize = 2;

/// Connects a stranger to the node. Returns its next output after this many flights.
fn bring_to(stage: &mut Stage, role: Role, flight: usize) -> (ConnectionId, BytesMut) {
    let connection = stage.number();
    let (secure, mode) = (Secure::Noise, Mode::Live);
    stage.node.handle(Input::Connected { connection, role, secure, mode });
    let (key_pair, rng) = (KeyPair::from_seed(&[200; 32]), Rng::new([1; 32]));
    let mut out = BytesMut::new();
    let psk = group().handshake_key();
    // With the key of the group, so that the node answers.
    let keys = Keys { member: Some((&key_pair, &psk)), stock: None };
    let mut stream = SecretStream::new(role.other(), keys, rng, 4_096, &mut out);
    for _ in 0..=flight {
        stream.push_bytes(&stage.node.pull(connection));
        while let Ok(Some(_)) = stream.next(&mut out) {}
        if stream.remote().is_some() {
            stream.send(b"sealed", &mut out).expect("it is short");
        }
        let said = out.split();
        if flight > 0 && stream.remote().is_none() {
            stage.node.handle(Input::Received { connection, bytes: &said });
        } else {
            return (connection, said);
        }
    }
    (connection, out)
}

/// Defects of a flight: as a whole, and a bit of each third byte.
fn mutants(name: &str, flight: &[u8]) -> Vec<Mutant> {
    let mut all = wholes(name, flight);
    for place in (0..flight.len()).step_by(3) {
        let mut bytes = flight.to_vec();
        bytes[place] ^= 1 << (place % 8);
        all.push(Mutant { name: format!("{name}: a bit of byte {place}"), bytes });
    }
    let zeros = [&flight[..flight.len().min(3)], &vec![0; flight.len().saturating_sub(3)]].concat();
    all.push(Mutant { name: format!("{name}: keys of zeros"), bytes: zeros });
    all
}

/// Sends each flight with each defect. Returns the results.
pub(super) fn suffer(stage: &mut Stage) -> Vec<Outcome> {
    let mut all = Vec::new();
    for (role, flight) in [Role::Responder, Role::Initiator]
        .into_iter()
        .flat_map(|r| (0..FLIGHTS).map(move |f| (r, f)))
    {
        let (connection, genuine) = bring_to(stage, role, flight);
        stage.hang_up(connection);
        if genuine.is_empty() {
            continue;
        }
        for Mutant { name, bytes } in mutants(&format!("flight {flight} to {role:?}"), &genuine) {
            let (connection, said) = bring_to(stage, role, flight);
            assert_eq!(said.len(), genuine.len(), "{name}");
            all.push(stage.suffer_on(connection, &name, &bytes));
        }
    }
    all
}
