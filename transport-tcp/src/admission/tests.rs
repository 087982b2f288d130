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
fn of_two_connections_the_one_dialled_by_the_larger_key_stays() {
    use Role::{Initiator, Responder};
    // (role of the first, role of the second, peer's key, which one is closed)
    let cases = [
        (Initiator, Responder, SMALLER, 2),
        (Responder, Initiator, SMALLER, 1),
        (Initiator, Responder, LARGER, 1),
        (Responder, Initiator, LARGER, 2),
        (Initiator, Initiator, SMALLER, 1),
        (Responder, Responder, LARGER, 1),
    ];
    for (first, second, remote, closed) in cases {
        let mut admission = admission();
        admission.insert(id(1), host(1), first);
        admission.insert(id(2), host(1), second);
        assert_eq!(admission.on_peer_opened(id(1), remote), None);
        assert_eq!(
            admission.on_peer_opened(id(2), remote),
            Some(id(closed)),
            "{first:?} {second:?}"
        );
    }
}

#[test]
fn both_peers_keep_the_same_connection() {
    for first in [Role::Initiator, Role::Responder] {
        let closed = |own, remote, first: Role| {
            let mut admission = Admission::new(own, ConnectionLimits::default());
            admission.insert(id(1), host(1), first);
            admission.insert(id(2), host(1), first.other());
            admission.on_peer_opened(id(1), remote);
            admission.on_peer_opened(id(2), remote)
        };
        assert_eq!(closed(OWN, LARGER, first), closed(LARGER, OWN, first.other()));
    }
}

#[test]
fn connections_with_different_peers_do_not_conflict() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder);
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.on_peer_opened(id(1), LARGER), None);
    assert_eq!(admission.on_peer_opened(id(2), SMALLER), None);
    assert!(admission.is_connected(&LARGER));
    admission.remove(id(1));
    assert!(!admission.is_connected(&LARGER));
}

#[test]
fn connections_per_address_are_bounded_and_unproved_ones_are_replaced() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder);
    admission.on_peer_opened(id(1), LARGER);
    assert_eq!(admission.admit(host(1)), Verdict::Admit);
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.admit(host(1)), Verdict::Replace(id(2)));
    assert_eq!(admission.admit(host(2)), Verdict::Admit);
    admission.on_peer_opened(id(2), SMALLER);
    assert_eq!(admission.admit(host(1)), Verdict::Refuse);
}

#[test]
fn unproved_connections_are_replaced_when_the_limit_is_reached() {
    let mut admission = admission();
    for n in 1..=4 {
        assert_eq!(admission.admit(host(n)), Verdict::Admit);
        admission.insert(id(n.into()), host(n), Role::Responder);
    }
    assert_eq!(admission.admit(host(5)), Verdict::Replace(id(1)));
}

#[test]
fn no_connection_is_admitted_when_members_fill_the_limit() {
    let mut admission = admission();
    for n in 1..=6 {
        admission.insert(id(n.into()), host(n), Role::Responder);
        admission.on_peer_opened(id(n.into()), PublicKey([n; 32]));
    }
    assert_eq!(admission.admit(host(9)), Verdict::Refuse);
    assert_eq!(admission.dial_budget(), DialBudget::None);
}

#[test]
fn a_closing_connection_does_not_conflict_with_a_new_one() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Initiator);
    admission.on_peer_opened(id(1), SMALLER);
    admission.on_closing(id(1));
    assert!(!admission.is_connected(&SMALLER));
    admission.insert(id(2), host(1), Role::Responder);
    assert_eq!(admission.on_peer_opened(id(2), SMALLER), None);
}

#[test]
fn half_open_dials_are_bounded() {
    let mut admission = admission();
    for _ in 0..3 {
        assert_eq!(admission.dial_budget(), DialBudget::All);
        admission.on_dial_started();
    }
    admission.insert(id(1), host(1), Role::Initiator);
    assert_eq!(admission.dial_budget(), DialBudget::None);
    admission.on_dial_ended();
    assert_eq!(admission.dial_budget(), DialBudget::All);
}

#[test]
fn a_64_network_of_ipv6_counts_as_one_address() {
    let addr = |text: &str| SocketAddr::new(text.parse().expect("an address"), 1);
    assert_eq!(network(addr("2001:db8::1")), network(addr("2001:db8::ffff:2")));
    assert_ne!(network(addr("2001:db8::1")), network(addr("2001:db8:0:1::1")));
    assert_eq!(network(addr("::ffff:10.0.0.1")), network(addr("10.0.0.1")));
}

#[test]
fn stock_peers_have_a_limit_of_their_own() {
    let limits = ConnectionLimits { half_open: 2, stock: 20, ..ConnectionLimits::default() };
    let mut admission = Admission::new(OWN, limits);
    for n in 1..=20 {
        let role = if n % 2 == 0 { Role::Initiator } else { Role::Responder };
        admission.insert(id(n), host(n as u8), role);
        assert!(admission.on_stock_opened(id(n)));
        assert_eq!(admission.admit(host(100)), Verdict::Admit, "none is evicted");
        assert_eq!(admission.dial_budget(), DialBudget::All, "members are dialled");
    }
    admission.insert(id(21), host(21), Role::Responder);
    assert!(!admission.on_stock_opened(id(21)));
    // One that turns out to be a member, or ends, makes room.
    assert_eq!(admission.on_peer_opened(id(1), LARGER), None);
    assert!(admission.on_stock_opened(id(21)));
    admission.insert(id(22), host(22), Role::Responder);
    assert!(!admission.on_stock_opened(id(22)));
    admission.on_closing(id(2));
    assert!(admission.on_stock_opened(id(22)));
}
