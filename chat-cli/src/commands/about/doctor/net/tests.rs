use super::*;

const ADDR: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 7));

#[test]
fn nat_is_detected_by_a_foreign_address() {
    let of_router = check_nat(Some(ADDR), |_| false);
    assert!(of_router.outcome == Outcome::Warn && of_router.help.is_some(), "{of_router:?}");
    assert_eq!(check_nat(Some(ADDR), |ip| ip == ADDR).outcome, Outcome::Ok);
    let unknown = check_nat(None, |_| true);
    assert!(unknown.outcome == Outcome::Warn && unknown.found.contains("too few"), "{unknown:?}");
    // No result contains an address: results may be shared.
    assert!(!of_router.found.contains(&ADDR.to_string()));
}

#[test]
fn local_addresses_are_recognised() {
    assert!(is_ours([127, 0, 0, 1].into()));
    assert!(!is_ours(ADDR));
}
