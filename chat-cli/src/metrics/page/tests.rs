use std::collections::BTreeMap;

use super::*;

fn status(peers: usize, synced: usize) -> SyncStatus {
    let mut status = SyncStatus::default();
    (status.feeds, status.have, status.want) = (3, 40, 50);
    (status.peers, status.synced) = (peers, synced);
    status
}

fn values() -> Values {
    Values {
        status: status(2, 1),
        feeds_full: 1,
        feeds_forked: 2,
        bytes_held: 1_000,
        bytes_counted: 11_240,
        feed_bytes_counted: 8_000,
        quota: Quota { author_mib: 2, room_mib: 4_095 },
        connected: 7,
        disconnected: 5,
        dial_failures: 3,
        missed: u64::MAX,
        uptime: Duration::from_millis(61_900),
    }
}

/// Parses a page of the format: help and type before each value.
fn read(page: &str) -> BTreeMap<String, (String, u64)> {
    let lines: Vec<&str> = page.lines().collect();
    assert!(page.ends_with('\n') && lines.len().is_multiple_of(3), "{page}");
    let mut found = BTreeMap::new();
    for lines in lines.chunks(3) {
        let (name, value) = lines[2].split_once(' ').expect("a name and a value");
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(name.starts_with("multichat_") && name.chars().all(is_name), "{name}");
        let help = lines[0].strip_prefix(&format!("# HELP {name} ")).expect("its help");
        assert!(help.ends_with('.') && !help.contains('\\'), "{help}");
        let kind = lines[1].strip_prefix(&format!("# TYPE {name} ")).expect("its kind");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        let value = value.parse().expect("a number");
        assert!(found.insert(name.to_string(), (kind.to_string(), value)).is_none(), "{name}");
    }
    found
}

#[test]
fn each_value_has_help_and_type() {
    let found = read(&values().page());
    let value = |name: &str| found[&format!("multichat_{name}")].1;
    assert_eq!((value("peers"), value("peers_synced"), value("synced")), (2, 1, 0));
    assert_eq!((value("blocks_held"), value("blocks_wanted"), value("feeds")), (40, 50, 3));
    assert_eq!((value("feeds_full"), value("feeds_forked")), (1, 2));
    assert_eq!((value("held_bytes"), value("counted_bytes")), (1_000, 11_240));
    assert_eq!(value("counted_bytes_max"), 4_095 << 20);
    assert_eq!((value("feed_counted_bytes"), value("feed_counted_bytes_max")), (8_000, 2 << 20));
    assert_eq!((value("connections_opened_total"), value("connections_closed_total")), (7, 5));
    assert_eq!((value("dial_failures_total"), value("events_missed_total")), (3, u64::MAX));
    assert_eq!((value("uptime_seconds"), found.len()), (61, 18));
}

#[test]
fn node_without_peers_is_not_synced() {
    let synced = |peers, synced| {
        let status = status(peers, synced);
        read(&Values { status, ..values() }.page())["multichat_synced"].1
    };
    assert_eq!((synced(0, 0), synced(2, 1), synced(2, 2)), (0, 0, 1));
}
