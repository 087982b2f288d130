use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn addr(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn reach(listening: &[&str], advertise: &[&str]) -> Reach {
    let interfaces = ["127.0.0.1", "192.168.7.2", "fe80::1", "2001:67c::5", "::1"];
    Reach {
        advertise: advertise.iter().map(|text| addr(text)).collect(),
        forwarded: None,
        listening: listening.iter().map(|text| addr(text)).collect(),
        interfaces: interfaces.map(ip).to_vec(),
    }
}

#[test]
fn all_interfaces_are_told_as_what_they_are() {
    let told = reach(&["0.0.0.0:80"], &["198.51.100.9:81"]).own(Some(ip("9.9.9.9")));
    assert_eq!(told, ["198.51.100.9:81", "192.168.7.2:80", "9.9.9.9:80"].map(addr));
    let told = reach(&["[::]:80"], &[]).own(None);
    assert_eq!(told, ["192.168.7.2:80", "[2001:67c::5]:80"].map(addr));
    assert_eq!(reach(&["127.0.0.1:80"], &[]).own(Some(ip("9.9.9.9"))), [addr("127.0.0.1:80")]);
    assert_eq!(reach(&["0.0.0.0:80"], &[]).own(Some(ip("10.0.0.1"))), [addr("192.168.7.2:80")]);
    assert_eq!(reach(&[], &[]).own(Some(ip("9.9.9.9"))), []);
}

#[test]
fn where_a_router_lets_others_in_comes_before_what_may_be_forwarded() {
    let mut reach = reach(&["0.0.0.0:80"], &["198.51.100.9:81"]);
    reach.forwarded = Some(addr("9.9.9.9:8080"));
    let told = reach.own(Some(ip("9.9.9.9")));
    let wanted = ["198.51.100.9:81", "9.9.9.9:8080", "192.168.7.2:80", "9.9.9.9:80"];
    assert_eq!(told, wanted.map(addr));
}

#[test]
fn there_is_an_end_to_what_is_told() {
    let many: Vec<_> = (1..=20).map(|port| format!("192.0.2.1:{port}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    assert_eq!(reach(&many, &many).own(None).len(), ADDRESSES_PER_PEER_MAX);
}

#[test]
fn private_addresses_from_afar_are_dialled_only_next_door() {
    let open = reach(&["0.0.0.0:80"], &[]);
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
    assert!(reach(&["127.0.0.1:80"], &[]).may_dial(addr("127.0.0.1:1")));
}
