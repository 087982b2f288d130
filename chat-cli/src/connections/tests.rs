use multifeed_core::CloseReason;
use multifeed_tcp::DialFailure;

use super::*;

fn addr(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn connections(ports: &[u16]) -> Connections {
    let target = |port: &u16| DialTarget::new(format!("host:{port}"), vec![addr(*port)]);
    Connections::new(ports.iter().map(target).collect())
}

fn counts(connected: usize, synced: usize) -> PeerCounts {
    PeerCounts { connected, synced }
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

fn gone(id: u64, port: u16, reason: DisconnectReason) -> NodeEvent {
    let (connection, addr) = (ConnectionId(id), addr(port));
    NodeEvent::Disconnected { connection, addr, reason, retry_in: None }
}

fn failed(port: u16) -> NodeEvent {
    let (addr, reason) = (addr(port), DialFailure::TimedOut);
    NodeEvent::DialFailed { addr, reason, retry_in: None }
}

#[test]
fn target_is_reached_when_a_member_answers() {
    let mut connections = connections(&[1]);
    assert_eq!(connections.on_event(&connected(7, 1, Role::Initiator)), None);
    assert!(!connections.all_tried() && !connections.all_reached());
    let up = Notice::Up { remote: key(9), addr: addr(1) };
    assert_eq!(connections.on_event(&opened(7, 9)), Some(up));
    assert!(connections.all_tried() && connections.all_reached());
    assert_eq!((connections.out_of_sync().count(), connections.peer_counts()), (1, counts(1, 0)));
    connections.on_event(&synced(7));
    assert_eq!((connections.out_of_sync().count(), connections.peer_counts()), (0, counts(1, 1)));
    let down = connections.on_event(&gone(7, 1, DisconnectReason::EndOfStream));
    assert!(matches!(down, Some(Notice::Down { remote, .. }) if remote == key(9)));
    assert!(connections.online().is_empty() && connections.all_reached());
}

#[test]
fn peer_with_two_connections_is_reported_once() {
    let mut connections = connections(&[1]);
    connections.on_event(&connected(1, 1, Role::Initiator));
    connections.on_event(&connected(2, 50_000, Role::Responder));
    assert!(connections.on_event(&opened(2, 9)).is_some());
    assert_eq!(connections.on_event(&opened(1, 9)), None);
    assert_eq!(connections.on_event(&gone(1, 1, DisconnectReason::Duplicate)), None);
    connections.on_event(&synced(2));
    assert_eq!(connections.out_of_sync().count(), 0, "the same peer was reached the other way");
    assert!(connections.on_event(&gone(2, 50_000, DisconnectReason::EndOfStream)).is_some());
}

#[test]
fn dial_failure_is_reported_once_until_the_target_is_reached() {
    let mut connections = connections(&[1, 2]);
    let why = DialFailure::TimedOut.to_string();
    let notice = Notice::Unreachable { name: "host:1".into(), why };
    assert_eq!(connections.on_event(&failed(1)), Some(notice));
    assert_eq!(connections.on_event(&failed(1)), None);
    assert!(!connections.all_tried());
    assert!(connections.on_event(&failed(2)).is_some() && connections.all_tried());
    connections.on_event(&connected(1, 1, Role::Initiator));
    connections.on_event(&opened(1, 9));
    assert_eq!(connections.targets()[0].error(), None);
    assert_eq!(connections.out_of_sync().count(), 2);
}

#[test]
fn non_member_is_reported_as_such() {
    let mut connections = connections(&[1]);
    connections.on_event(&connected(1, 1, Role::Initiator));
    let notice = connections.on_event(&gone(1, 1, DisconnectReason::Core(CloseReason::NotAMember)));
    assert_eq!(
        notice.unwrap().text(),
        "cannot reach host:1: a peer answers there, but it is not in this room"
    );
    // A stranger who connects is not news.
    connections.on_event(&connected(2, 50_000, Role::Responder));
    assert_eq!(
        connections.on_event(&gone(2, 50_000, DisconnectReason::Core(CloseReason::NotAMember))),
        None
    );
}

#[test]
fn refresh_repairs_missed_events() {
    let mut connections = connections(&[1]);
    connections.on_event(&connected(1, 1, Role::Initiator));
    let peer = |id, remote, is_synced| ConnectedPeer {
        connection: ConnectionId(id),
        remote: key(remote),
        is_synced,
    };
    connections.refresh(&[peer(1, 9, true), peer(5, 8, false)]);
    assert_eq!(connections.online(), [key(8), key(9)].into());
    assert_eq!((connections.peer_counts(), connections.out_of_sync().count()), (counts(2, 1), 0));
    connections.refresh(&[]);
    assert!(connections.online().is_empty());
}

#[test]
fn unresolved_target_counts_as_tried() {
    let connections =
        Connections::new(vec![DialTarget::unresolved("nowhere:1".into(), "unknown".into())]);
    assert!(connections.all_tried() && !connections.all_reached());
}

#[test]
fn forked_and_full_authors_are_reported_as_text_and_json() {
    let stopped = |is_own, why| Notice::Stopped {
        key: [7; 32],
        who: sanitize::author("bob", &[7; 32]),
        is_own,
        why,
    };
    for (is_own, why, words) in [
        (true, StopReason::Forked, "your history split"),
        (false, StopReason::Forked, "bob's profile was copied or run twice"),
        (true, StopReason::Contested, "a peer has another history of your messages"),
        (false, StopReason::Contested, "a peer has another history of bob's messages"),
        (false, StopReason::Full, "the storage limit for bob is reached"),
    ] {
        let notice = stopped(is_own, why);
        let text = notice.text().replace(&format!("bob·{}", sanitize::key_chars(&[7; 32])), "bob");
        assert!(text.starts_with(words), "{text}");
        assert!(notice.line().is_some());
    }
}

#[test]
fn name_is_tried_once_all_of_its_addresses_failed() {
    let target = DialTarget::new("host".into(), vec![addr(1), addr(2)]);
    let mut connections = Connections::new(vec![target]);
    assert_eq!(connections.on_event(&failed(1)), None);
    assert_eq!(connections.on_event(&failed(1)), None);
    assert!(!connections.all_tried());
    let unreachable = connections.on_event(&failed(2));
    assert!(matches!(unreachable, Some(Notice::Unreachable { .. })), "{unreachable:?}");
    assert!(connections.all_tried());
    assert_eq!(connections.on_event(&failed(1)), None);
    let unresolved = DialTarget::unresolved("host".into(), "no address".into());
    assert!(Connections::new(vec![unresolved]).all_tried());
}

#[test]
fn first_failure_of_the_store_is_reported_once() {
    let mut connections = connections(&[]);
    assert_eq!(connections.on_store_failure(StoreFailure::Damaged), Some(Notice::Damaged));
    assert_eq!(connections.store_failure(), None);
    let full = connections.on_store_failure(StoreFailure::Full);
    assert_eq!(full, Some(Notice::StoreFailed(StoreFailure::Full)));
    assert!(full.is_some_and(|full| full.text().contains("free some space")));
    assert_eq!(connections.on_store_failure(StoreFailure::Closed), None);
    assert_eq!(connections.store_failure(), Some(StoreFailure::Full));
}
