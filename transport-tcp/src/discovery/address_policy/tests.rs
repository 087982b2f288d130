use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn policy(listen_addrs: &[&str], advertise: &[&str]) -> AddressPolicy {
    let interfaces = ["127.0.0.1", "192.168.7.2", "fe80::1", "2001:67c::5", "::1"];
    AddressPolicy {
        advertise: advertise.iter().map(|text| addr(text)).collect(),
        forwarded: None,
        listen_addrs: listen_addrs.iter().map(|text| addr(text)).collect(),
        interfaces: interfaces.map(ip).to_vec(),
        links: vec![(ip("10.20.0.1"), 16), (ip("10.99.0.1"), 0)],
    }
}

#[test]
fn the_unspecified_address_is_announced_as_the_addresses_of_the_interfaces() {
    let announced = policy(&["0.0.0.0:80"], &["198.51.100.9:81"]).announced(Some(ip("9.9.9.9")));
    assert_eq!(announced, ["198.51.100.9:81", "192.168.7.2:80", "9.9.9.9:80"].map(addr));
    let announced = policy(&["[::]:80"], &[]).announced(None);
    assert_eq!(announced, ["192.168.7.2:80", "[2001:67c::5]:80"].map(addr));
    assert_eq!(
        policy(&["127.0.0.1:80"], &[]).announced(Some(ip("9.9.9.9"))),
        [addr("127.0.0.1:80")]
    );
    assert_eq!(
        policy(&["0.0.0.0:80"], &[]).announced(Some(ip("10.0.0.1"))),
        [addr("192.168.7.2:80")]
    );
    assert_eq!(policy(&[], &[]).announced(Some(ip("9.9.9.9"))), []);
}

#[test]
fn a_forwarded_address_precedes_the_observed_one() {
    let mut policy = policy(&["0.0.0.0:80"], &["198.51.100.9:81"]);
    policy.forwarded = Some(addr("9.9.9.9:8080"));
    let announced = policy.announced(Some(ip("9.9.9.9")));
    let wanted = ["198.51.100.9:81", "9.9.9.9:8080", "192.168.7.2:80", "9.9.9.9:80"];
    assert_eq!(announced, wanted.map(addr));
}

#[test]
fn the_number_of_announced_addresses_is_bounded() {
    let many: Vec<_> = (1..=20).map(|port| format!("192.0.2.1:{port}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(policy(&many, &many).announced(None).len(), ADDRESSES_PER_PEER_MAX);
}

#[test]
fn private_addresses_are_dialled_only_in_our_own_network() {
    let open = policy(&["0.0.0.0:80"], &[]);
    for good in ["9.9.9.9:1", "192.168.7.200:1", "[2001:67c::9]:1", "[2a00::1]:1"] {
        assert!(open.may_dial(addr(good)), "{good}");
    }
    for bad in [
        "192.168.8.2:1",
        "10.0.0.1:1",
        "127.0.0.1:1",
        "[::1]:1",
        "0.0.0.0:1",
        "[::]:1",
        "224.0.0.1:1",
        "255.255.255.255:1",
        "169.254.0.1:1",
        "[fe80::2]:1",
        "[fd00::1]:1",
        "9.9.9.9:0",
        "100.64.0.1:1",
        "[ff02::1]:1",
        "[::ffff:10.0.0.1]:1",
        "198.18.0.1:1",
    ] {
        assert!(!open.may_dial(addr(bad)), "{bad}");
    }
    assert!(policy(&["127.0.0.1:80"], &[]).may_dial(addr("127.0.0.1:1")));
}

#[test]
fn private_addresses_that_a_user_specified_are_dialled_elsewhere() {
    let theirs = policy(&["0.0.0.0:80"], &["10.1.0.2:81", "[fd00::1]:82", "198.51.100.9:83"]);
    let listed = theirs.announced(None);
    assert!(listed.len() <= ADDRESSES_PER_PEER_MAX, "{listed:?}");
    let ours = policy(&["0.0.0.0:80"], &[]);
    let mut dialled = ours.dialled(&listed);
    dialled.sort();
    // Their interface is in our network too; the documentation address is never dialled.
    assert_eq!(dialled, ["10.1.0.2:81", "192.168.7.2:80", "[fd00::1]:82"].map(addr));
    assert_eq!(ours.dialled(&["10.1.0.2:81", "9.9.9.9:1"].map(addr)), [addr("9.9.9.9:1")]);
    for bad in ["127.0.0.1:1", "0.0.0.0:1", "169.254.0.1:1", "224.0.0.1:1", "10.0.0.1:0"] {
        assert_eq!(ours.dialled(&[bad, bad].map(addr)), [], "{bad}");
    }
    let many: Vec<_> = (1..=20).map(|port| format!("10.0.0.1:{port}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let listed = policy(&["0.0.0.0:80"], &many).announced(None);
    assert!(listed.len() <= ADDRESSES_PER_PEER_MAX && !ours.dialled(&listed).is_empty());
}

#[test]
fn an_address_in_the_network_of_an_interface_may_be_dialled_whatever_its_size() {
    let policy = policy(&["0.0.0.0:80"], &[]);
    assert!(policy.may_dial(addr("10.20.200.9:80")));
    assert!(!policy.may_dial(addr("10.21.0.9:80")));
    assert!(!policy.may_dial(addr("10.99.1.9:80")));
}
