use std::net::{Ipv4Addr, Ipv6Addr};

use multifeed_core::Group;

use super::*;

#[test]
fn the_blinded_topic_does_not_reveal_the_topic() {
    let topic = *Group::open("kitchen").topic();
    let blinded = blinded_topic(&topic);
    assert_eq!(blinded.len(), 32);
    assert!(!HEXLOWER.encode(&topic).contains(&blinded));
    assert_ne!(blinded, blinded_topic(Group::open("garden").topic()));
}

#[test]
fn link_local_addresses_are_left_out_and_the_number_is_bounded() {
    let link = ScopedIp::from(std::net::IpAddr::from(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)));
    let near = |n| ScopedIp::from(std::net::IpAddr::from(Ipv4Addr::new(192, 0, 2, n)));
    assert_eq!(addresses(&[link, near(1)], 7), [(Ipv4Addr::new(192, 0, 2, 1), 7).into()]);
    assert_eq!(addresses(&[near(1)], 0), []);
    let many: Vec<_> = (0..20).map(near).collect();
    assert_eq!(addresses(&many, 7).len(), ADDRESSES_PER_PEER_MAX);
}
