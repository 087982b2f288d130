use super::*;

const OWN: PublicKey = PublicKey([5; 32]);
const LARGER: PublicKey = PublicKey([9; 32]);
const SMALLER: PublicKey = PublicKey([1; 32]);

fn id(n: u64) -> ConnectionId {
    ConnectionId(n)
}

fn host(n: u8) -> SocketAddr {
    ([10, 0, 0, n], 4_000).into()
}

fn admission() -> Admission {
    let limits = ConnectionLimits {
        connections: 6,
        half_open: 4,
        per_address: 2,
        ..ConnectionLimits::default()
    };
    Admission::new(OWN, limits)
}

#[test]
fn of_two_streams_the_one_that_the_larger_key_dialled_stays() {
    use Role::{Initiator, Responder};
    // (first, second, peer's key, number of the loser)
    let cases = [
        (Initiator, Responder, SMALLER, 2),
        (Responder, Initiator, SMALLER, 1),
        (Initiator, Responder, LARGER, 1),
        (Responder, Initiator, LARGER, 2),
        (Initiator, Initiator, SMALLER, 1),
        (Responder, Responder, LARGER, 1),
    ];
    for (first, second, remote, loser) in cases {
        let mut admission = admission();
        admission.insert(id(1), host(1), first);
        admission.insert(id(2), host(1), second);
        assert_eq!(admission.opened(id(1), remote), None);
        assert_eq!(admission.opened(id(2), remote), Some(id(loser)), "{first:?} {second:?}");
    }
}

#[test]
fn both_ends_keep_the_same_stream() {
    for first in [Role::Initiator, Role::Responder] {
        let loser = |own, remote, first: Role| {
            let mut admission = Admission::new(own, ConnectionLimits::default());
            admission.insert(id(1), host(1), first);
            admission.insert(id(2), host(1), first.other());
            admission.opened(id(1), remote);
            admission.opened(id(2), remote)
        };
        assert_eq!(loser(OWN, LARGER, first), loser(LARGER, OWN, first.other()));
    }
}

#[test]
fn streams_of_different_peers_do_not_meet() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder);
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.opened(id(1), LARGER), None);
    assert_eq!(admission.opened(id(2), SMALLER), None);
    assert!(admission.connected(&LARGER));
    admission.remove(id(1));
    assert!(!admission.connected(&LARGER));
}

#[test]
fn one_address_has_only_so_many_and_its_silent_ones_make_room() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder);
    admission.opened(id(1), LARGER);
    assert_eq!(admission.admit(host(1)), Verdict::Admit);
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.admit(host(1)), Verdict::Replace(id(2)));
    assert_eq!(admission.admit(host(2)), Verdict::Admit);
    admission.opened(id(2), SMALLER);
    assert_eq!(admission.admit(host(1)), Verdict::Refuse);
}

#[test]
fn silent_streams_keep_nobody_out() {
    let mut admission = admission();
    for n in 1..=4 {
        assert_eq!(admission.admit(host(n)), Verdict::Admit);
        admission.insert(id(n.into()), host(n), Role::Responder);
    }
    assert_eq!(admission.admit(host(5)), Verdict::Replace(id(1)));
}

#[test]
fn a_full_house_of_members_refuses() {
    let mut admission = admission();
    for n in 1..=6 {
        admission.insert(id(n.into()), host(n), Role::Responder);
        admission.opened(id(n.into()), PublicKey([n; 32]));
    }
    assert_eq!(admission.admit(host(9)), Verdict::Refuse);
    assert_eq!(admission.room(), Room::None);
}

#[test]
fn a_stream_that_is_being_closed_does_not_count_against_a_new_one() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Initiator);
    admission.opened(id(1), SMALLER);
    admission.closing(id(1));
    assert!(!admission.connected(&SMALLER));
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.opened(id(2), SMALLER), None);
}

#[test]
fn dials_have_their_own_bound() {
    let mut admission = admission();
    for _ in 0..3 {
        assert_eq!(admission.room(), Room::All);
        admission.dial_started();
    }
    admission.insert(id(1), host(1), Role::Initiator);
    assert_eq!(admission.room(), Room::None);
    admission.dial_ended();
    assert_eq!(admission.room(), Room::All);
}

#[test]
fn a_network_of_ipv6_is_one_address() {
    let addr = |text: &str| SocketAddr::new(text.parse().expect("an address"), 1);
    assert_eq!(network(addr("2001:db8::1")), network(addr("2001:db8::ffff:2")));
    assert_ne!(network(addr("2001:db8::1")), network(addr("2001:db8:0:1::1")));
    assert_eq!(network(addr("::ffff:10.0.0.1")), network(addr("10.0.0.1")));
}
