use super::*;

fn at(seconds: u64) -> Instant {
    Instant::from_micros(seconds * 1_000_000)
}

fn peer(n: u64) -> PublicKey {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&n.to_be_bytes());
    PublicKey(key)
}

#[test]
fn a_ban_ends_after_ten_minutes() {
    let mut bans = Bans::default();
    bans.add(at(5), peer(1));
    assert_eq!(bans.until(at(5), &peer(1)), Some(at(605)));
    assert_eq!(bans.until(at(5), &peer(2)), None);
    assert_eq!(bans.until(at(605), &peer(1)), None);
}

#[test]
fn the_number_of_bans_is_bounded_and_the_oldest_is_dropped() {
    let mut bans = Bans::default();
    for n in 0..=BANS_MAX as u64 {
        bans.add(at(n / 4), peer(n));
    }
    assert_eq!(bans.0.len(), BANS_MAX);
    assert_eq!(bans.until(at(256), &peer(0)), None);
    assert!(bans.until(at(256), &peer(1)).is_some());
    assert!(bans.until(at(256), &peer(BANS_MAX as u64)).is_some());
}
