use multifeed_tcp::DialFailure;

use super::*;

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn links(ports: &[u16]) -> Links {
    let target = |port: &u16| Target::new(format!("host:{port}"), vec![addr(*port)]);
    Links::new(ports.iter().map(target).collect())
}

fn key(byte: u8) -> PublicKey {
    PublicKey([byte; 32])
}

fn connected(id: u64, port: u16, role: Role) -> NodeEvent {
    NodeEvent::Connected { connection: ConnectionId(id), addr: addr(port), role }
}

fn opened(id: u64, remote: u8) -> NodeEvent {
    let (connection, remote) = (ConnectionId(id), key(remote));
    NodeEvent::Multifeed(Event::Opened { connection, remote })
}

fn synced(id: u64) -> NodeEvent {
    NodeEvent::Multifeed(Event::Synced { connection: ConnectionId(id) })
}

fn gone(id: u64, port: u16, reason: Ending) -> NodeEvent {
    let (connection, addr) = (ConnectionId(id), addr(port));
    NodeEvent::Disconnected { connection, addr, reason, retry_in: None }
}

fn failed(port: u16) -> NodeEvent {
    let (addr, reason) = (addr(port), DialFailure::TimedOut);
    NodeEvent::DialFailed { addr, reason, retry_in: None }
}

#[test]
fn a_target_is_reached_when_a_member_answers_there() {
    let mut links = links(&[1]);
    assert_eq!(links.take(&connected(7, 1, Role::Initiator)), None);
    assert!(!links.all_tried() && !links.all_reached());
    let up = Change::Up { remote: key(9), addr: addr(1) };
    assert_eq!(links.take(&opened(7, 9)), Some(up));
    assert!(links.all_tried() && links.all_reached());
    assert_eq!((links.out_of_sync().count(), links.met()), (1, (1, 0)));
    links.take(&synced(7));
    assert_eq!((links.out_of_sync().count(), links.met()), (0, (1, 1)));
    let down = links.take(&gone(7, 1, Ending::EndOfStream));
    assert!(matches!(down, Some(Change::Down { remote, .. }) if remote == key(9)));
    assert!(links.here().is_empty() && links.all_reached());
}

#[test]
fn a_peer_that_is_here_twice_comes_once_and_goes_once() {
    let mut links = links(&[1]);
    links.take(&connected(1, 1, Role::Initiator));
    links.take(&connected(2, 50_000, Role::Responder));
    assert!(links.take(&opened(2, 9)).is_some());
    assert_eq!(links.take(&opened(1, 9)), None);
    assert_eq!(links.take(&gone(1, 1, Ending::Duplicate)), None);
    links.take(&synced(2));
    assert_eq!(links.out_of_sync().count(), 0, "the same peer was reached the other way");
    assert!(links.take(&gone(2, 50_000, Ending::EndOfStream)).is_some());
}

#[test]
fn a_failure_is_told_once_and_forgotten_when_it_is_over() {
    let mut links = links(&[1, 2]);
    let why = DialFailure::TimedOut.to_string();
    let told = Change::OutOfReach { name: "host:1".into(), why };
    assert_eq!(links.take(&failed(1)), Some(told));
    assert_eq!(links.take(&failed(1)), None);
    assert!(!links.all_tried());
    assert!(links.take(&failed(2)).is_some() && links.all_tried());
    links.take(&connected(1, 1, Role::Initiator));
    links.take(&opened(1, 9));
    assert_eq!(links.targets()[0].trouble(), None);
    assert_eq!(links.out_of_sync().count(), 2);
}

#[test]
fn somebody_who_is_no_member_is_a_failure_with_its_own_words() {
    let mut links = links(&[1]);
    links.take(&connected(1, 1, Role::Initiator));
    let told = links.take(&gone(1, 1, Ending::Core(Reason::NotAMember)));
    assert_eq!(
        told.unwrap().text(),
        "cannot reach host:1: a peer answers there, but it is not in this room"
    );
    // A stranger who connects is not news.
    links.take(&connected(2, 50_000, Role::Responder));
    assert_eq!(links.take(&gone(2, 50_000, Ending::Core(Reason::NotAMember))), None);
}

#[test]
fn missed_events_are_made_up_for() {
    let mut links = links(&[1]);
    links.take(&connected(1, 1, Role::Initiator));
    links.refresh(&[(ConnectionId(1), key(9), true), (ConnectionId(5), key(8), false)]);
    assert_eq!(links.here(), [key(8), key(9)].into());
    assert_eq!((links.met(), links.out_of_sync().count()), ((2, 1), 0));
    links.refresh(&[]);
    assert!(links.here().is_empty());
}

#[test]
fn a_name_without_an_address_counts_as_tried() {
    let links = Links::new(vec![Target::lost("nowhere:1".into(), "unknown".into())]);
    assert!(links.all_tried() && !links.all_reached());
}

#[test]
fn what_stops_an_author_is_told_in_words_and_to_programs() {
    let stopped = |is_own, why| Change::Stopped {
        key: [7; 32],
        who: sanitize::author("bob", &[7; 32]),
        is_own,
        why,
    };
    for (is_own, why, words) in [
        (true, Stop::Forked, "your history split"),
        (false, Stop::Forked, "bob's profile was copied or run twice"),
        (false, Stop::Full, "the storage limit for bob is reached"),
    ] {
        let change = stopped(is_own, why);
        let text = change.text().replace(&format!("bob·{}", sanitize::key_chars(&[7; 32])), "bob");
        assert!(text.starts_with(words), "{text}");
        assert!(change.line().is_some());
    }
}
