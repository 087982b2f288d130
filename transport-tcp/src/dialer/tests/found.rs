//! Addresses that sources name.

use super::*;

fn found(dialer: &mut Dialer, now: Instant, origin: Origin, port: u16) -> usize {
    dialer.found(now, origin, None, &[addr(port)])
}

fn state_of(dialer: &Dialer, now: Instant, port: u16) -> AddressState {
    let all = dialer.addresses(now);
    all.iter().find(|known| known.addr == addr(port)).expect("known").state
}

#[test]
fn what_is_near_is_dialled_before_what_is_far() {
    let mut dialer = dialer();
    assert_eq!(found(&mut dialer, at(0), Origin::Dht, 1), 1);
    assert_eq!(found(&mut dialer, at(0), Origin::Lan, 2), 1);
    assert_eq!(due(&mut dialer, at(0)), Some(Due { addr: addr(2), attempt: 1 }));
    assert_eq!(due(&mut dialer, at(0)), None);
    let far = at(0) + Duration::from_millis(DHT_WAIT_MS);
    assert_eq!(dialer.deadline(Room::All), Some(far));
    assert_eq!(due(&mut dialer, far), Some(Due { addr: addr(1), attempt: 1 }));
}

#[test]
fn who_never_answered_rests_until_named_anew_and_who_was_named_by_hand_does_not() {
    let mut dialer = dialer();
    found(&mut dialer, at(0), Origin::Lan, 1);
    dialer.add(at(0), addr(2));
    let mut now = at(0);
    for n in 1..=ATTEMPTS_FOUND_MAX {
        let mut retries = Vec::new();
        while let Some(due) = due(&mut dialer, now) {
            assert_eq!(due.attempt, n);
            retries.push((due.addr.port(), failed(&mut dialer, now, due.addr)));
        }
        retries.sort_unstable();
        let rests = n == ATTEMPTS_FOUND_MAX;
        assert_eq!(
            retries.iter().map(|(_, wait)| wait.is_none()).collect::<Vec<_>>(),
            [rests, false]
        );
        // A source that names it again meanwhile changes nothing.
        found(&mut dialer, now, Origin::Lan, if rests { 9 } else { 1 });
        dialer.remove(addr(9));
        now = now + Duration::from_secs(100);
    }
    assert_eq!(state_of(&dialer, now, 1), AddressState::Resting);
    assert_eq!(found(&mut dialer, now, Origin::Lan, 1), 0);
    assert_eq!(state_of(&dialer, now, 1), AddressState::Waiting(Duration::ZERO));
}

#[test]
fn who_worked_once_is_dialled_for_ever() {
    let mut dialer = dialer();
    found(&mut dialer, at(0), Origin::Lan, 1);
    due(&mut dialer, at(0)).expect("due");
    dialer.opened(at(0), addr(1), SMALLER);
    let mut now = at(60);
    let mut wait = ended(&mut dialer, now, addr(1), Outcome::Lost).expect("again");
    assert_about(wait, 1);
    let lost = now;
    for _ in 0..200 {
        now = now + wait;
        due(&mut dialer, now).expect("due");
        wait = failed(&mut dialer, now, addr(1)).expect("again");
        let is_lost = now.since(lost) < Duration::from_secs(600);
        let longest_ms = if is_lost { 7_500 } else { 75_000 };
        assert!(wait <= Duration::from_millis(longest_ms), "{wait:?} after {:?}", now.since(lost));
    }
    assert_about(wait, 60);
}

#[test]
fn who_was_met_over_another_stream_is_dialled_often_when_that_is_lost() {
    let mut dialer = dialer();
    dialer.found(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    assert_eq!(dialer.due(at(0), Room::All, smaller_is_connected), None);
    dialer.released(at(7), SMALLER);
    let mut now = at(9);
    for _ in 0..ATTEMPTS_FOUND_MAX - 1 {
        due(&mut dialer, now).expect("due");
        let wait = failed(&mut dialer, now, addr(1)).expect("again");
        assert!(wait <= Duration::from_millis(7_500), "{wait:?}");
        now = now + wait;
    }
}

#[test]
fn what_went_wrong_is_told_until_it_is_right() {
    let mut dialer = dialer();
    found(&mut dialer, at(0), Origin::Lan, 1);
    due(&mut dialer, at(0)).expect("due");
    assert_eq!(state_of(&dialer, at(0), 1), AddressState::Dialling);
    failed(&mut dialer, at(0), addr(1));
    let known = dialer.addresses(at(0)).remove(0);
    assert!(matches!(known.trouble, Some(Trouble::Dial(DialFailure::TimedOut))));
    assert_eq!((known.attempts, known.remote, known.origin), (1, None, Origin::Lan));
    due(&mut dialer, at(9)).expect("due");
    dialer.opened(at(9), addr(1), SMALLER);
    let known = dialer.addresses(at(9)).remove(0);
    assert!(known.trouble.is_none());
    assert_eq!((known.state, known.remote), (AddressState::Connected, Some(SMALLER)));
}

#[test]
fn addresses_of_one_peer_are_dialled_in_turns_and_none_waits_for_another_to_fail() {
    let mut dialer = dialer();
    dialer.found(at(0), Origin::Lan, Some(SMALLER), &[addr(1), addr(2), addr(3)]);
    let wait = Duration::from_millis(NEXT_ADDRESS_WAIT_MS);
    let mut dialled = Vec::new();
    for now in [at(0), at(0) + wait, at(0) + wait + wait] {
        assert_eq!(dialer.deadline(Room::All), Some(now));
        dialled.push(due(&mut dialer, now).expect("due").addr);
        assert_eq!(due(&mut dialer, now), None, "the next one has to wait");
    }
    dialled.sort_unstable();
    assert_eq!(dialled, [addr(1), addr(2), addr(3)]);
}

#[test]
fn who_is_connected_is_not_dialled_wherever_it_is_found() {
    let mut dialer = dialer();
    dialer.found(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    assert_eq!(dialer.due(at(0), Room::All, smaller_is_connected), None);
    assert_eq!(state_of(&dialer, at(0), 1), AddressState::Reached);
    dialer.released(at(7), SMALLER);
    assert_eq!(due(&mut dialer, at(10)).map(|due| due.addr), Some(addr(1)));
}

#[test]
fn who_is_banned_waits_for_the_end_of_the_ban() {
    let mut dialer = dialer();
    dialer.found(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    assert_eq!(dialer.due(at(0), Room::All, |_| Standing::Banned { until: at(90) }), None);
    assert_eq!(dialer.deadline(Room::All), Some(at(90)));
    assert_eq!(due(&mut dialer, at(90)).map(|due| due.addr), Some(addr(1)));
}

#[test]
fn we_are_no_peer_of_ours() {
    let mut dialer = dialer();
    assert_eq!(dialer.found(at(0), Origin::Dht, Some(OWN), &[addr(1)]), 0);
    assert_eq!(dialer.deadline(Room::All), None);
}

#[test]
fn the_smaller_key_lets_the_larger_dial_first() {
    let waits = [SMALLER, LARGER].map(|remote| {
        let mut dialer = dialer();
        dialer.found(at(0), Origin::Lan, Some(remote), &[addr(1)]);
        dialer.deadline(Room::All).expect("waits") - at(0)
    });
    assert_eq!(waits, [Duration::ZERO, Duration::from_millis(SMALLER_KEY_WAIT_MS)]);
}

#[test]
fn a_source_fills_the_room_and_pushes_nobody_out() {
    let mut dialer = dialer();
    let many: Vec<_> = (1..=20).map(addr).collect();
    assert_eq!(dialer.found(at(0), Origin::Dht, None, &many), 8, "eight of one peer");
    assert_eq!(found(&mut dialer, at(0), Origin::Lan, 100), 0);
    // Whoever is named by hand has a place, and so has what is found once another was given up.
    assert!(dialer.add(at(0), addr(200)));
    assert_eq!(dialer.addresses(at(0)).len(), 8);
    let mut now = at(1);
    for _ in 0..8 * ATTEMPTS_FOUND_MAX {
        now = dialer.deadline(Room::All).expect("waits").max(now);
        let due = due(&mut dialer, now).expect("due");
        failed(&mut dialer, now, due.addr);
    }
    assert_eq!(found(&mut dialer, now, Origin::Lan, 100), 1);
    assert_eq!(dialer.addresses(now).len(), 8);
    assert!(dialer.knows(addr(200)));
}

#[test]
fn where_there_is_little_room_it_is_for_those_named_by_hand() {
    let mut dialer = dialer();
    found(&mut dialer, at(0), Origin::Lan, 1);
    dialer.add(at(5), addr(2));
    let mut due = |room| dialer.due(at(9), room, |_| Standing::Free).map(|due| due.addr.port());
    assert_eq!([due(Room::None), due(Room::Named), due(Room::Named)], [None, Some(2), None]);
    assert_eq!(due(Room::All), Some(1));
}
