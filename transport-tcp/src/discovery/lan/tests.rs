use multifeed_core::Group;

use super::record::RECORD_BYTES_MAX;
use super::*;
use crate::discovery::report::ADDRESSES_PER_PEER_MAX;

const NOW_S: u64 = 1_800_000_000;
const INSTANCE: [u8; INSTANCE_SIZE] = [1, 2, 3, 4];

fn record(key: u8, time_s: u64, port: u16) -> Record {
    let addrs = vec![([192, 168, 7, 3], port).into()];
    let endpoints = Endpoints { key: PublicKey([key; 32]), addrs };
    Record { instance: INSTANCE, time_s, endpoints }
}

#[test]
fn the_blinded_topic_does_not_reveal_the_topic() {
    let topic = *Group::open("kitchen").topic();
    let blinded = blinded_topic(&topic);
    assert_eq!(blinded.len(), 32);
    assert!(!HEXLOWER.encode(&topic).contains(&blinded));
    assert_ne!(blinded, blinded_topic(Group::open("garden").topic()));
}

#[test]
fn the_longest_record_fits_in_a_property_and_only_members_open_it() {
    let group = Group::keyed([3; 32]);
    let mut longest = record(7, NOW_S, 1);
    let addr = ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 1).into();
    longest.endpoints.addrs = vec![addr; ADDRESSES_PER_PEER_MAX];
    let sealed = longest.seal(&group, [1; 32]);
    assert_eq!(sealed.len(), RECORD_BYTES_MAX);
    assert!(TXT_PROPERTY.len() + 1 + sealed.len() <= 255);
    assert!(Record::open(&Group::keyed([4; 32]), &sealed).is_err());
    // A record of the DHT is none here.
    assert!(Record::open(&group, &longest.endpoints.seal(&group, [1; 32])).is_err());
    let opened = Record::open(&group, &sealed);
    assert_eq!(opened, Ok(longest));
}

/// The service as a node of the network sees it, if `host` announces it at `ip`.
fn resolved(name: &str, ip: [u8; 4], sealed: Vec<u8>) -> ResolvedService {
    let ips = &[std::net::IpAddr::from(ip)][..];
    let properties = vec![TxtProperty::from((TXT_PROPERTY, sealed))];
    let service = ServiceInfo::new(SERVICE, name, "attacker.local.", ips, 22, properties);
    service.expect("a valid service").as_resolved_service()
}

#[test]
fn a_record_that_is_repeated_with_another_address_leads_nowhere_else() {
    let group = Group::keyed([3; 32]);
    let sealed = record(7, NOW_S, 4_977).seal(&group, [1; 32]);
    let prefix = blinded_topic(group.topic());
    let accepted = |name: &str| {
        // The attacker repeats the record, and its A record names this host.
        let service = resolved(name, [127, 0, 0, 1], sealed.clone());
        let instance = instance_of(&service, &prefix)?;
        let sealed = service.get_property_val(TXT_PROPERTY).flatten().unwrap_or_default();
        let record = Record::open(&group, sealed).expect("genuine");
        Some(Seen::default().accept(record, instance, NOW_S)?.addrs)
    };
    let wanted: SocketAddr = ([192, 168, 7, 3], 4_977).into();
    assert_eq!(accepted(&format!("{prefix}-01020304")), Some(vec![wanted]));
    // Under another name it does not count.
    assert_eq!(accepted(&format!("{prefix}-01020305")), None);
    assert_eq!(accepted(&prefix), None);
}

#[test]
fn only_the_newest_record_of_a_peer_counts() {
    let mut seen = Seen::default();
    let mut accept = |record: Record| seen.accept(record, INSTANCE, NOW_S).map(|new| new.addrs);
    assert!(accept(record(7, NOW_S - 60, 1)).is_some());
    assert!(accept(record(7, NOW_S - 60, 1)).is_none(), "it says nothing new");
    assert!(accept(record(7, NOW_S, 2)).is_some());
    assert!(accept(record(7, NOW_S - 60, 1)).is_none(), "it is older");
    assert!(accept(record(8, NOW_S - RECORD_AGE_S - 1, 1)).is_none(), "it is outdated");
    assert!(accept(record(8, NOW_S + RECORD_AGE_S + 1, 1)).is_none(), "it is of the future");
    assert!(accept(record(8, NOW_S - RECORD_AGE_S, 1)).is_some());
}

#[test]
fn the_number_of_remembered_peers_is_bounded_and_new_ones_are_still_found() {
    let mut seen = Seen::default();
    for n in 0..=PEERS_MAX {
        let mut record = record(0, NOW_S, 1);
        record.endpoints.key.0[..8].copy_from_slice(&(n as u64).to_be_bytes());
        assert!(seen.accept(record, INSTANCE, NOW_S).is_some());
    }
    assert_eq!(seen.0.len(), PEERS_MAX);
}
