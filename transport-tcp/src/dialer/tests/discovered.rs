//! Addresses that sources report.

use super::*;

fn discovered(dialer: &mut Dialer, now: Instant, origin: Origin, port: u16) -> usize {
    dialer.add_discovered(now, origin, None, &[addr(port)])
}

fn state_of(dialer: &Dialer, now: Instant, port: u16) -> AddressState {
    let all = dialer.addresses(now);
    all.iter().find(|known| known.addr == addr(port)).expect("known").state
}

#[test]
fn local_addresses_are_dialled_before_those_of_the_dht() {
    let mut dialer = dialer();
    assert_eq!(discovered(&mut dialer, at(0), Origin::Dht, 1), 1);
    assert_eq!(discovered(&mut dialer, at(0), Origin::Lan, 2), 1);
    assert_eq!(due(&mut dialer, at(0)), Some(Due { addr: addr(2), attempt: 1 }));
    assert_eq!(due(&mut dialer, at(0)), None);
    let delayed = at(0) + Duration::from_millis(DHT_DELAY_MS);
    assert_eq!(dialer.deadline(DialBudget::All), Some(delayed));
    assert_eq!(due(&mut dialer, delayed), Some(Due { addr: addr(1), attempt: 1 }));
}

#[test]
fn unresponsive_discovered_address_is_suspended_and_a_manual_one_is_not() {
    let mut dialer = dialer();
    discovered(&mut dialer, at(0), Origin::Lan, 1);
    dialer.add(at(0), addr(2));
    let mut now = at(0);
    for n in 1..=ATTEMPTS_DISCOVERED_MAX {
        let mut retries = Vec::new();
        while let Some(due) = due(&mut dialer, now) {
            assert_eq!(due.attempt, n);
            retries.push((due.addr.port(), failed(&mut dialer, now, due.addr)));
        }
        retries.sort_unstable();
        let is_suspended = n == ATTEMPTS_DISCOVERED_MAX;
        assert_eq!(
            retries.iter().map(|(_, wait)| wait.is_none()).collect::<Vec<_>>(),
            [is_suspended, false]
        );
        // Reporting it again before that changes nothing.
        discovered(&mut dialer, now, Origin::Lan, if is_suspended { 9 } else { 1 });
        dialer.remove(addr(9));
        now = now + Duration::from_secs(100);
    }
    assert_eq!(state_of(&dialer, now, 1), AddressState::Suspended);
    assert_eq!(discovered(&mut dialer, now, Origin::Lan, 1), 0);
    assert_eq!(state_of(&dialer, now, 1), AddressState::Waiting(Duration::ZERO));
}

#[test]
fn an_address_that_worked_once_is_never_suspended() {
    let mut dialer = dialer();
    discovered(&mut dialer, at(0), Origin::Lan, 1);
    due(&mut dialer, at(0)).expect("due");
    dialer.on_peer_opened(at(0), addr(1), SMALLER);
    let mut now = at(60);
    let mut wait = ended(&mut dialer, now, addr(1), StreamOutcome::Lost).expect("again");
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
fn a_peer_lost_over_another_connection_is_dialled_with_short_backoff() {
    let mut dialer = dialer();
    dialer.add_discovered(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    is_duplicate(&mut dialer, at(0), 1);
    dialer.on_peer_lost(at(7), SMALLER);
    let mut now = at(9);
    for _ in 0..ATTEMPTS_DISCOVERED_MAX - 1 {
        due(&mut dialer, now).expect("due");
        let wait = failed(&mut dialer, now, addr(1)).expect("again");
        assert!(wait <= Duration::from_millis(7_500), "{wait:?}");
        now = now + wait;
    }
}

#[test]
fn the_last_error_is_kept_until_the_peer_is_connected() {
    let mut dialer = dialer();
    discovered(&mut dialer, at(0), Origin::Lan, 1);
    due(&mut dialer, at(0)).expect("due");
    assert_eq!(state_of(&dialer, at(0), 1), AddressState::Dialling);
    failed(&mut dialer, at(0), addr(1));
    let known = dialer.addresses(at(0)).remove(0);
    assert!(matches!(known.last_error, Some(ConnectError::Dial(DialFailure::TimedOut))));
    assert_eq!((known.attempts, known.remote, known.origin), (1, None, Origin::Lan));
    due(&mut dialer, at(9)).expect("due");
    dialer.on_peer_opened(at(9), addr(1), SMALLER);
    let known = dialer.addresses(at(9)).remove(0);
    assert!(known.last_error.is_none());
    assert_eq!((known.state, known.remote), (AddressState::Connected, Some(SMALLER)));
}

#[test]
fn addresses_of_one_peer_are_dialled_one_after_the_other_without_waiting_for_failures() {
    let mut dialer = dialer();
    dialer.add_discovered(at(0), Origin::Lan, Some(SMALLER), &[addr(1), addr(2), addr(3)]);
    let wait = Duration::from_millis(NEXT_ADDRESS_DELAY_MS);
    let mut dialled = Vec::new();
    for now in [at(0), at(0) + wait, at(0) + wait + wait] {
        assert_eq!(dialer.deadline(DialBudget::All), Some(now));
        dialled.push(due(&mut dialer, now).expect("due").addr);
        assert_eq!(due(&mut dialer, now), None, "the next address has to wait");
    }
    dialled.sort_unstable();
    assert_eq!(dialled, [addr(1), addr(2), addr(3)]);
}

/// Dials an address where `SMALLER` answers, which is connected elsewhere.
fn is_duplicate(dialer: &mut Dialer, now: Instant, port: u16) {
    let due = dialer.next_due(now, DialBudget::All, smaller_is_connected);
    assert_eq!(due.map(|due| due.addr), Some(addr(port)));
    dialer.on_peer_answered(addr(port), SMALLER);
    assert_eq!(ended(dialer, now, addr(port), StreamOutcome::ConnectedElsewhere), None);
}

#[test]
fn an_address_where_a_connected_peer_answered_is_dialled_once() {
    let mut dialer = dialer();
    dialer.add_discovered(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    is_duplicate(&mut dialer, at(0), 1);
    assert_eq!(state_of(&dialer, at(0), 1), AddressState::ConnectedElsewhere);
    // The same report changes nothing.
    dialer.add_discovered(at(1), Origin::Lan, Some(SMALLER), &[addr(1)]);
    assert_eq!(dialer.next_due(at(5), DialBudget::All, smaller_is_connected), None);
    dialer.on_peer_lost(at(7), SMALLER);
    assert_eq!(due(&mut dialer, at(10)).map(|due| due.addr), Some(addr(1)));
}

#[test]
fn a_report_takes_no_address_from_its_owner() {
    let owner = PublicKey([7; 32]);
    for n in 0..100 {
        let mut dialer = Dialer::new(OWN, 8, n);
        let mut reports = [(Origin::Dht, Some(SMALLER)), (Origin::Lan, Some(owner))];
        if n % 2 == 0 {
            reports.reverse();
        }
        // Every fourth address is reported by the attacker only, or specified by the user.
        let reports = if n % 4 == 1 { &reports[..1] } else { &reports };
        for (origin, remote) in reports {
            dialer.add_discovered(at(0), *origin, *remote, &[addr(1)]);
        }
        if n % 4 == 3 {
            dialer.add(at(0), addr(1));
        }
        let due = dialer.next_due(at(1), DialBudget::All, |remote| {
            // The attacker is connected or banned.
            match *remote == SMALLER {
                true if n % 3 == 0 => PeerState::Banned { until: at(600) },
                true => PeerState::Connected,
                false => PeerState::Free,
            }
        });
        assert_eq!(due.map(|due| due.addr), Some(addr(1)), "hijacked in try {n}");
    }
}

#[test]
fn an_address_that_moved_to_another_peer_is_dialled_again() {
    let mut dialer = dialer();
    dialer.add_discovered(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    is_duplicate(&mut dialer, at(0), 1);
    // Its new owner reports it, or the user specifies it.
    dialer.add_discovered(at(1), Origin::Lan, Some(LARGER), &[addr(1)]);
    assert_eq!(dialer.next_due(at(2), DialBudget::All, smaller_is_connected), None);
    is_duplicate(&mut dialer, at(1 + RECHECK_S), 1);
    dialer.add(at(100), addr(1));
    is_duplicate(&mut dialer, at(100), 1);
}

#[test]
fn a_banned_peer_is_dialled_after_the_ban() {
    let mut dialer = dialer();
    dialer.add_discovered(at(0), Origin::Lan, Some(SMALLER), &[addr(1)]);
    due(&mut dialer, at(0)).expect("due");
    dialer.on_peer_answered(addr(1), SMALLER);
    let wait = ended(&mut dialer, at(0), addr(1), StreamOutcome::Lost).expect("again");
    assert_eq!(
        dialer.next_due(at(0) + wait, DialBudget::All, |_| PeerState::Banned { until: at(90) }),
        None
    );
    assert_eq!(dialer.deadline(DialBudget::All), Some(at(90)));
    assert_eq!(due(&mut dialer, at(90)).map(|due| due.addr), Some(addr(1)));
}

#[test]
fn our_own_key_is_ignored() {
    let mut dialer = dialer();
    assert_eq!(dialer.add_discovered(at(0), Origin::Dht, Some(OWN), &[addr(1)]), 0);
    assert_eq!(dialer.deadline(DialBudget::All), None);
}

#[test]
fn the_peer_with_the_larger_key_dials_first() {
    let waits = [SMALLER, LARGER].map(|remote| {
        let mut dialer = dialer();
        dialer.add_discovered(at(0), Origin::Lan, Some(remote), &[addr(1)]);
        dialer.deadline(DialBudget::All).expect("waits") - at(0)
    });
    assert_eq!(waits, [Duration::ZERO, Duration::from_millis(SMALLER_KEY_DELAY_MS)]);
}

#[test]
fn discovered_addresses_replace_only_suspended_ones() {
    let mut dialer = dialer();
    let many: Vec<_> = (1..=20).map(addr).collect();
    assert_eq!(dialer.add_discovered(at(0), Origin::Dht, None, &many), 8, "eight of one peer");
    assert_eq!(discovered(&mut dialer, at(0), Origin::Lan, 100), 0);
    // A manual address replaces a discovered one. A discovered one replaces a suspended one.
    assert!(dialer.add(at(0), addr(200)));
    assert_eq!(dialer.addresses(at(0)).len(), 8);
    let mut now = at(1);
    for _ in 0..8 * ATTEMPTS_DISCOVERED_MAX {
        now = dialer.deadline(DialBudget::All).expect("waits").max(now);
        let due = due(&mut dialer, now).expect("due");
        failed(&mut dialer, now, due.addr);
    }
    assert_eq!(discovered(&mut dialer, now, Origin::Lan, 100), 1);
    assert_eq!(dialer.addresses(now).len(), 8);
    assert!(dialer.contains(addr(200)));
}

#[test]
fn a_small_budget_is_for_manual_addresses() {
    let mut dialer = dialer();
    discovered(&mut dialer, at(0), Origin::Lan, 1);
    dialer.add(at(5), addr(2));
    let mut due =
        |budget| dialer.next_due(at(9), budget, |_| PeerState::Free).map(|due| due.addr.port());
    assert_eq!(
        [due(DialBudget::None), due(DialBudget::ManualOnly), due(DialBudget::ManualOnly)],
        [None, Some(2), None]
    );
    assert_eq!(due(DialBudget::All), Some(1));
}
