use std::net::Ipv4Addr;

use super::target::{AddressState, RECHECK_S};
use super::*;
use crate::events::{DialFailure, DisconnectReason};

mod discovered;
mod mesh;

const OWN: PublicKey = PublicKey([5; 32]);
const LARGER: PublicKey = PublicKey([9; 32]);
const SMALLER: PublicKey = PublicKey([1; 32]);

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn addr(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn dialer() -> Dialer {
    Dialer::new(OWN, 8, 7)
}

fn due(dialer: &mut Dialer, now: Instant) -> Option<Due> {
    dialer.next_due(now, DialBudget::All, |_| PeerState::Free)
}

fn failed(dialer: &mut Dialer, now: Instant, addr: SocketAddr) -> Option<Duration> {
    dialer.on_dial_failed(now, addr, ConnectError::Dial(DialFailure::TimedOut))
}

fn ended(
    dialer: &mut Dialer,
    now: Instant,
    addr: SocketAddr,
    outcome: StreamOutcome,
) -> Option<Duration> {
    dialer.on_stream_ended(
        now,
        addr,
        outcome,
        ConnectError::Disconnected(DisconnectReason::EndOfStream),
    )
}

fn smaller_is_connected(remote: &PublicKey) -> PeerState {
    if *remote == SMALLER { PeerState::Connected } else { PeerState::Free }
}

#[track_caller]
fn assert_about(wait: Duration, step_s: u64) {
    let millis = u64::try_from(wait.as_millis()).expect("short");
    let range = step_s * 750..=step_s * 1_250;
    assert!(range.contains(&millis), "{millis} ms is not about {step_s} s");
}

#[test]
fn an_address_is_dialled_at_once_and_then_with_increasing_backoff() {
    let mut dialer = dialer();
    assert!(dialer.add(at(3), addr(1)));
    let mut now = at(3);
    for (n, step_s) in [1, 5, 15, 30, 60, 60, 60].into_iter().enumerate() {
        assert_eq!(dialer.deadline(DialBudget::All), Some(now));
        let attempt = u32::try_from(n + 1).expect("small");
        assert_eq!(due(&mut dialer, now), Some(Due { addr: addr(1), attempt }));
        assert_eq!(due(&mut dialer, now), None);
        assert_eq!(dialer.deadline(DialBudget::All), None);
        let wait = failed(&mut dialer, now, addr(1)).expect("again");
        assert_about(wait, step_s);
        now = now + wait;
    }
}

#[test]
fn waits_depend_on_the_seed_only() {
    let waits = |seed| {
        let mut jitter = Jitter(seed);
        [(); 4].map(|()| jitter.apply(60))
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn a_stable_connection_resets_the_backoff_and_a_short_one_does_not() {
    for (lasted_s, next_step_s) in [(60, 1), (2, 15)] {
        let mut dialer = dialer();
        dialer.add(at(0), addr(1));
        let mut now = at(0);
        for _ in 0..2 {
            due(&mut dialer, now).expect("due");
            now = now + failed(&mut dialer, now, addr(1)).expect("again");
        }
        due(&mut dialer, now).expect("due");
        dialer.on_peer_opened(now, addr(1), SMALLER);
        now = now + Duration::from_secs(lasted_s);
        assert_about(
            ended(&mut dialer, now, addr(1), StreamOutcome::Lost).expect("again"),
            next_step_s,
        );
    }
}

#[test]
fn a_peer_that_closes_each_connection_is_dialled_with_increasing_backoff() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.on_peer_opened(at(0), addr(1), SMALLER);
    let mut now = at(60);
    // It was connected for long, and then bans us.
    now = now + ended(&mut dialer, now, addr(1), StreamOutcome::Closed).expect("again");
    for step_s in [1, 5, 15, 30, 60, 60] {
        due(&mut dialer, now).expect("due");
        dialer.on_peer_opened(now, addr(1), SMALLER);
        let wait = ended(&mut dialer, now, addr(1), StreamOutcome::Closed).expect("again");
        assert_about(wait, step_s);
        now = now + wait;
    }
}

#[test]
fn a_peer_of_another_group_is_dialled_again_after_ten_minutes() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    assert_about(ended(&mut dialer, at(0), addr(1), StreamOutcome::Refused).expect("again"), 600);
}

#[test]
fn our_own_address_is_dialled_again_only_if_added_again() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    assert_eq!(ended(&mut dialer, at(0), addr(1), StreamOutcome::Finished), None);
    assert_eq!(dialer.deadline(DialBudget::All), None);
    dialer.add(at(1), addr(1));
    assert_eq!(due(&mut dialer, at(1)).map(|due| due.attempt), Some(1));
}

#[test]
fn a_peer_connected_elsewhere_is_dialled_once_that_connection_ends() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.on_peer_opened(at(0), addr(1), SMALLER);
    assert_eq!(ended(&mut dialer, at(1), addr(1), StreamOutcome::ConnectedElsewhere), None);
    assert_eq!(dialer.deadline(DialBudget::All), None);
    dialer.on_peer_lost(at(50), LARGER);
    assert_eq!(dialer.deadline(DialBudget::All), None);
    dialer.on_peer_lost(at(50), SMALLER);
    assert_about(dialer.deadline(DialBudget::All).expect("again") - at(50), 1);
}

#[test]
fn a_due_address_of_a_connected_peer_is_skipped() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.on_peer_opened(at(0), addr(1), SMALLER);
    let wait = ended(&mut dialer, at(1), addr(1), StreamOutcome::Lost).expect("again");
    assert_eq!(dialer.next_due(at(1) + wait, DialBudget::All, smaller_is_connected), None);
    assert_eq!(dialer.deadline(DialBudget::All), None);
    dialer.on_peer_lost(at(9), SMALLER);
    assert!(dialer.deadline(DialBudget::All).is_some());
}

#[test]
fn the_peer_with_the_smaller_key_waits_longer() {
    let wait = |remote| {
        let mut dialer = dialer();
        dialer.add(at(0), addr(1));
        due(&mut dialer, at(0)).expect("due");
        dialer.on_peer_opened(at(0), addr(1), remote);
        ended(&mut dialer, at(1), addr(1), StreamOutcome::Lost).expect("again")
    };
    assert_eq!(wait(LARGER) - wait(SMALLER), Duration::from_millis(SMALLER_KEY_DELAY_MS));
}

#[test]
fn the_longest_due_address_is_first_and_the_number_is_bounded() {
    let mut dialer = dialer();
    for port in (1..=8).rev() {
        assert!(dialer.add(at(10 - u64::from(port)), addr(port)));
    }
    assert!(!dialer.add(at(0), addr(9)));
    assert!(dialer.add(at(0), addr(8)));
    let order: Vec<_> = std::iter::from_fn(|| due(&mut dialer, at(20))).collect();
    let ports: Vec<_> = order.iter().map(|due| due.addr.port()).collect();
    assert_eq!(ports, [8, 7, 6, 5, 4, 3, 2, 1]);
}

#[test]
fn a_removed_address_is_not_dialled() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.remove(addr(1));
    assert!(!dialer.contains(addr(1)));
    assert_eq!(ended(&mut dialer, at(1), addr(1), StreamOutcome::Lost), None);
    assert_eq!(dialer.deadline(DialBudget::All), None);
}
