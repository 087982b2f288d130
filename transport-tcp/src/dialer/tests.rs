use std::net::Ipv4Addr;

use super::*;
use crate::events::{DialFailure, Ending};

mod found;
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
    dialer.due(now, Room::All, |_| Standing::Free)
}

fn failed(dialer: &mut Dialer, now: Instant, addr: SocketAddr) -> Option<Duration> {
    dialer.failed(now, addr, Trouble::Dial(DialFailure::TimedOut))
}

fn ended(
    dialer: &mut Dialer,
    now: Instant,
    addr: SocketAddr,
    outcome: Outcome,
) -> Option<Duration> {
    dialer.ended(now, addr, outcome, Trouble::Ended(Ending::EndOfStream))
}

fn smaller_is_connected(remote: &PublicKey) -> Standing {
    if *remote == SMALLER { Standing::Connected } else { Standing::Free }
}

#[track_caller]
fn assert_about(wait: Duration, step_s: u64) {
    let millis = u64::try_from(wait.as_millis()).expect("short");
    let range = step_s * 750..=step_s * 1_250;
    assert!(range.contains(&millis), "{millis} ms is not about {step_s} s");
}

#[test]
fn an_address_is_dialled_at_once_and_then_more_and_more_seldom() {
    let mut dialer = dialer();
    assert!(dialer.add(at(3), addr(1)));
    let mut now = at(3);
    for (n, step_s) in [1, 5, 15, 30, 60, 60, 60].into_iter().enumerate() {
        assert_eq!(dialer.deadline(Room::All), Some(now));
        let attempt = u32::try_from(n + 1).expect("small");
        assert_eq!(due(&mut dialer, now), Some(Due { addr: addr(1), attempt }));
        assert_eq!(due(&mut dialer, now), None);
        assert_eq!(dialer.deadline(Room::All), None);
        let wait = failed(&mut dialer, now, addr(1)).expect("again");
        assert_about(wait, step_s);
        now = now + wait;
    }
}

#[test]
fn waits_differ_between_seeds_and_not_between_runs() {
    let waits = |seed| {
        let mut chance = Chance(seed);
        [(); 4].map(|()| chance.jittered(60))
    };
    assert_eq!(waits(1), waits(1));
    assert_ne!(waits(1), waits(2));
}

#[test]
fn a_connection_that_held_starts_the_ladder_anew_and_a_short_one_does_not() {
    for (held_s, next_step_s) in [(60, 1), (2, 15)] {
        let mut dialer = dialer();
        dialer.add(at(0), addr(1));
        let mut now = at(0);
        for _ in 0..2 {
            due(&mut dialer, now).expect("due");
            now = now + failed(&mut dialer, now, addr(1)).expect("again");
        }
        due(&mut dialer, now).expect("due");
        dialer.opened(now, addr(1), SMALLER);
        now = now + Duration::from_secs(held_s);
        assert_about(ended(&mut dialer, now, addr(1), Outcome::Lost).expect("again"), next_step_s);
    }
}

#[test]
fn a_peer_of_another_group_is_left_alone_for_long() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    assert_about(ended(&mut dialer, at(0), addr(1), Outcome::Refused).expect("again"), 600);
}

#[test]
fn ourselves_are_not_dialled_again_until_named_again() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    assert_eq!(ended(&mut dialer, at(0), addr(1), Outcome::Done), None);
    assert_eq!(dialer.deadline(Room::All), None);
    dialer.add(at(1), addr(1));
    assert_eq!(due(&mut dialer, at(1)).map(|due| due.attempt), Some(1));
}

#[test]
fn a_peer_reached_another_way_is_dialled_when_that_way_is_gone() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.opened(at(0), addr(1), SMALLER);
    assert_eq!(ended(&mut dialer, at(1), addr(1), Outcome::Reached), None);
    assert_eq!(dialer.deadline(Room::All), None);
    dialer.released(at(50), LARGER);
    assert_eq!(dialer.deadline(Room::All), None);
    dialer.released(at(50), SMALLER);
    assert_about(dialer.deadline(Room::All).expect("again") - at(50), 1);
}

#[test]
fn a_peer_that_is_connected_when_its_time_comes_is_passed_over() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.opened(at(0), addr(1), SMALLER);
    let wait = ended(&mut dialer, at(1), addr(1), Outcome::Lost).expect("again");
    assert_eq!(dialer.due(at(1) + wait, Room::All, smaller_is_connected), None);
    assert_eq!(dialer.deadline(Room::All), None);
    dialer.released(at(9), SMALLER);
    assert!(dialer.deadline(Room::All).is_some());
}

#[test]
fn the_smaller_key_waits_longer() {
    let wait = |remote| {
        let mut dialer = dialer();
        dialer.add(at(0), addr(1));
        due(&mut dialer, at(0)).expect("due");
        dialer.opened(at(0), addr(1), remote);
        ended(&mut dialer, at(1), addr(1), Outcome::Lost).expect("again")
    };
    assert_eq!(wait(LARGER) - wait(SMALLER), Duration::from_millis(SMALLER_KEY_WAIT_MS));
}

#[test]
fn who_waited_longest_is_first_and_there_is_an_end_to_addresses() {
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
fn a_forgotten_address_is_not_dialled() {
    let mut dialer = dialer();
    dialer.add(at(0), addr(1));
    due(&mut dialer, at(0)).expect("due");
    dialer.remove(addr(1));
    assert!(!dialer.knows(addr(1)));
    assert_eq!(ended(&mut dialer, at(1), addr(1), Outcome::Lost), None);
    assert_eq!(dialer.deadline(Room::All), None);
}
