use super::*;

/// From OpenSSL 3.0: `chacha20-poly1305` of "one" with the key 07 × 32 and the nonce 00 × 12.
const SEALED: [u8; 19] = [
    0x58, 0xea, 0x4c, 0x80, 0xe5, 0xcc, 0xcb, 0xb6, 0x48, 0xf1, 0xce, 0x47, 0x0a, 0xfd, 0x7d, 0xf1,
    0x51, 0xef, 0x33,
];

#[test]
fn sealing_matches_openssl_and_opening_reverses_it() {
    assert_eq!(seal(&[7; 32], b"one"), SEALED);
    assert_eq!(open(&[7; 32], &SEALED).as_deref(), Some(&b"one"[..]));
    assert_eq!(seal(&[7; 32], &[]).len(), 16);
}

#[test]
fn a_changed_message_or_another_key_does_not_open() {
    for place in 0..SEALED.len() {
        let mut forged = SEALED;
        forged[place] ^= 1;
        assert_eq!(open(&[7; 32], &forged), None);
        assert_eq!(open(&[7; 32], &SEALED[..place]), None);
    }
    assert_eq!(open(&[8; 32], &SEALED), None);
}
