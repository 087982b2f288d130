use super::*;

#[test]
fn invite_qr_code_fits_80_by_24() {
    let invite =
        crate::invite::Invite::new([7; 32], crate::invite::hints::Hints::default()).encode();
    let lines = render(&invite).unwrap();
    assert_eq!(invite.len(), 68);
    assert!(lines.len() <= 17, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() == 29 + 2 * QUIET_CELLS));
    assert!(lines.iter().all(|line| line.chars().all(|c| " █▀▄".contains(c))));
}

#[test]
fn lowercase_gives_the_same_qr_size() {
    let text = "mfchat:".to_string() + &"y".repeat(60);
    assert_eq!(render(&text), render(&text.to_uppercase()));
    assert_ne!(render(&text), render(&text.replace('y', "o")));
    assert_eq!(render(&"y".repeat(10_000)), None);
}
