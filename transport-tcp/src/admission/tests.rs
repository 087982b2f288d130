use super::*;

const OWN: PublicKey = PublicKey([5; 32]);
const LARGER: PublicKey = PublicKey([9; 32]);
const SMALLER: PublicKey = PublicKey([1; 32]);
const UNKNOWN: PeerTrust = PeerTrust::Unknown;

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
        admission.insert(id(1), host(1), first, UNKNOWN);
        admission.insert(id(2), host(1), second, UNKNOWN);
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
            admission.insert(id(1), host(1), first, UNKNOWN);
            admission.insert(id(2), host(1), first.other(), UNKNOWN);
            admission.on_peer_opened(id(1), remote);
            admission.on_peer_opened(id(2), remote)
        };
        assert_eq!(closed(OWN, LARGER, first), closed(LARGER, OWN, first.other()));
    }
}

#[test]
fn connections_with_different_peers_do_not_conflict() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder, UNKNOWN);
    admission.insert(id(2), host(1), Role::Responder, UNKNOWN);
    assert_eq!(admission.on_peer_opened(id(1), LARGER), None);
    assert_eq!(admission.on_peer_opened(id(2), SMALLER), None);
    assert!(admission.is_connected(&LARGER));
    admission.remove(id(1));
    assert!(!admission.is_connected(&LARGER));
}

#[test]
fn connections_per_address_are_bounded_and_unproved_ones_are_replaced() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Responder, UNKNOWN);
    admission.on_peer_opened(id(1), LARGER);
    assert_eq!(admission.admit(host(1)), Verdict::Admit);
    admission.insert(id(2), host(1), Role::Responder, UNKNOWN);
    assert_eq!(admission.admit(host(1)), Verdict::Admit);
    admission.insert(id(3), host(1), Role::Responder, UNKNOWN);
    assert_eq!(admission.admit(host(1)), Verdict::Replace(id(2)));
    assert_eq!(admission.admit(host(2)), Verdict::Admit);
    for n in [2, 3] {
        admission.on_peer_opened(id(n), PublicKey([n as u8; 32]));
    }
    assert_eq!(admission.excess(id(2)), Some(id(3)));
    // A peer that the user knows does not count, and others of its address do.
    admission.on_known(id(3));
    assert_eq!(admission.excess(id(3)), None);
}

#[test]
fn unproved_connections_are_replaced_when_the_limit_is_reached() {
    let mut admission = admission();
    for n in 1..=4 {
        assert_eq!(admission.admit(host(n)), Verdict::Admit);
        admission.insert(id(n.into()), host(n), Role::Responder, UNKNOWN);
    }
    assert_eq!(admission.admit(host(5)), Verdict::Replace(id(1)));
}

/// Accepts a connection whose peer proves to be a member, as a node does. Returns whether it stays.
fn accept(admission: &mut Admission, n: u64, addr: SocketAddr, trust: PeerTrust) -> bool {
    match admission.admit(addr) {
        Verdict::Admit => {}
        Verdict::Replace(other) => admission.remove(other),
        Verdict::Refuse => return false,
    }
    admission.insert(id(n), addr, Role::Responder, trust);
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    admission.on_peer_opened(id(n), PublicKey(key));
    if trust == PeerTrust::KnownKey {
        admission.on_known(id(n));
    }
    let excess = admission.excess(id(n));
    if let Some(excess) = excess {
        admission.remove(excess);
    }
    excess != Some(id(n))
}

fn stays(admission: &Admission, n: u64) -> bool {
    admission.established(Role::Responder).any(|(other, _)| other == id(n))
}

/// A node where an attacker with 17 addresses has taken every slot that it can get.
fn besieged() -> (Admission, u64) {
    let mut admission = Admission::new(OWN, ConnectionLimits::default());
    let mut n = 0;
    for _ in 0..40 {
        for address in 1..=17 {
            n += 1;
            accept(&mut admission, n, host(address), UNKNOWN);
        }
    }
    let accepted = admission.established(Role::Responder).count();
    assert_eq!(accepted, 64 - 16, "every accepted slot is taken");
    for address in 1..=17 {
        n += 1;
        admission.insert(id(n), host(address), Role::Responder, UNKNOWN);
    }
    (admission, n + 1)
}

#[test]
fn an_attacker_with_all_slots_keeps_out_no_peer_of_another_network() {
    let friend: SocketAddr = ([192, 0, 2, 1], 4_000).into();
    let (mut admission, n) = besieged();
    assert!(accept(&mut admission, n, friend, UNKNOWN));
    // More of the attacker's connections replace only its own.
    for more in 1..=200 {
        accept(&mut admission, n + more, host((more % 17) as u8 + 1), UNKNOWN);
        assert!(stays(&admission, n), "evicted by connection {more}");
    }
    assert_eq!(admission.established(Role::Responder).count(), 64 - 16);
}

#[test]
fn a_peer_that_the_user_specified_is_admitted_from_the_attackers_own_network() {
    for trust in [PeerTrust::SpecifiedAddress, PeerTrust::KnownKey] {
        let (mut admission, n) = besieged();
        let address = if trust == PeerTrust::KnownKey { host(1) } else { host(99) };
        assert!(accept(&mut admission, n, address, trust), "{trust:?}");
        for more in 1..=200 {
            accept(&mut admission, n + more, host((more % 17) as u8 + 1), UNKNOWN);
            assert!(stays(&admission, n), "evicted by connection {more}");
        }
    }
    let (mut admission, n) = besieged();
    assert!(!accept(&mut admission, n, host(99), UNKNOWN), "one more of the attacker");
}

#[test]
fn accepted_connections_leave_room_for_dials() {
    let (mut admission, _) = besieged();
    for dials in 0..16 {
        let budget = if dials < 12 { DialBudget::All } else { DialBudget::ManualOnly };
        assert_eq!(admission.dial_budget(), budget, "{dials} dials");
        admission.on_dial_started();
    }
    assert_eq!(admission.dial_budget(), DialBudget::None);
}

#[test]
fn of_one_network_the_newest_that_was_never_in_sync_is_closed() {
    let mut admission = admission();
    let mut closed = Vec::new();
    for n in 1..=5 {
        admission.insert(id(n), host(n as u8), Role::Responder, UNKNOWN);
        admission.on_peer_opened(id(n), PublicKey([n as u8; 32]));
        if [1, 3].contains(&n) {
            admission.on_synced(id(n));
        }
        if let Some(excess) = admission.excess(id(n)) {
            admission.remove(excess);
            closed.push(excess);
        }
    }
    // Of 6 connections, 3 are reserved for dials.
    assert_eq!(closed, [id(4), id(5)]);
    admission.on_closing(id(2));
    admission.insert(id(6), ([192, 0, 2, 1], 1).into(), Role::Responder, UNKNOWN);
    admission.on_peer_opened(id(6), LARGER);
    assert_eq!(admission.excess(id(6)), None);
}

#[test]
fn a_closing_connection_does_not_conflict_with_a_new_one() {
    let mut admission = admission();
    admission.insert(id(1), host(1), Role::Initiator, UNKNOWN);
    admission.on_peer_opened(id(1), SMALLER);
    admission.on_closing(id(1));
    assert!(!admission.is_connected(&SMALLER));
    admission.insert(id(2), host(1), Role::Responder, UNKNOWN);
    assert_eq!(admission.on_peer_opened(id(2), SMALLER), None);
}

#[test]
fn half_open_dials_are_bounded() {
    let mut admission = admission();
    for _ in 0..3 {
        assert_eq!(admission.dial_budget(), DialBudget::All);
        admission.on_dial_started();
    }
    // The last one is for addresses that the user specified.
    assert_eq!(admission.dial_budget(), DialBudget::ManualOnly);
    admission.insert(id(1), host(1), Role::Initiator, UNKNOWN);
    assert_eq!(admission.dial_budget(), DialBudget::None);
    admission.on_dial_ended();
    assert_eq!(admission.dial_budget(), DialBudget::ManualOnly);
    admission.on_dial_ended();
    assert_eq!(admission.dial_budget(), DialBudget::All);
}

#[test]
fn a_48_network_of_ipv6_counts_as_one_address() {
    let addr = |text: &str| address(SocketAddr::new(text.parse().expect("an address"), 1));
    assert_eq!(addr("2001:db8::1"), addr("2001:db8:0:ff::2"));
    assert_ne!(addr("2001:db8::1"), addr("2001:db8:1::1"));
    assert_eq!(addr("::ffff:10.0.0.1"), addr("10.0.0.1"));
    assert_eq!(network(addr("2001:db8:1::1")), network(addr("2001:db8:2::1")));
    assert_ne!(network(addr("10.0.0.1")), network(addr("10.1.0.1")));
}

#[test]
fn stock_peers_have_a_limit_of_their_own() {
    let limits = ConnectionLimits { half_open: 2, stock: 20, ..ConnectionLimits::default() };
    let mut admission = Admission::new(OWN, limits);
    for n in 1..=20 {
        let role = if n % 2 == 0 { Role::Initiator } else { Role::Responder };
        admission.insert(id(n), host(n as u8), role, UNKNOWN);
        assert!(admission.on_stock_opened(id(n)));
        assert_eq!(admission.admit(host(100)), Verdict::Admit, "none is evicted");
        assert_eq!(admission.dial_budget(), DialBudget::All, "members are dialled");
    }
    admission.insert(id(21), host(21), Role::Responder, UNKNOWN);
    assert!(!admission.on_stock_opened(id(21)));
    // One that turns out to be a member, or ends, makes room.
    assert_eq!(admission.on_peer_opened(id(1), LARGER), None);
    assert!(admission.on_stock_opened(id(21)));
    admission.insert(id(22), host(22), Role::Responder, UNKNOWN);
    assert!(!admission.on_stock_opened(id(22)));
    admission.on_closing(id(2));
    assert!(admission.on_stock_opened(id(22)));
}

#[test]
fn one_address_does_not_take_all_connections_of_stock_peers() {
    let limits = ConnectionLimits { per_address: 2, stock: 20, ..ConnectionLimits::default() };
    let mut admission = Admission::new(OWN, limits);
    for n in 1..=3 {
        admission.insert(id(n), host(1), Role::Responder, UNKNOWN);
        assert_eq!(admission.on_stock_opened(id(n)), n <= 2);
    }
    // Those that we dialled are our choice.
    admission.insert(id(4), host(1), Role::Initiator, UNKNOWN);
    assert!(admission.on_stock_opened(id(4)));
    admission.insert(id(5), host(2), Role::Responder, UNKNOWN);
    assert!(admission.on_stock_opened(id(5)));
}
