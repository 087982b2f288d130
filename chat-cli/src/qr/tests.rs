use super::*;

#[test]
fn an_invite_fits_a_terminal_of_80_by_24() {
    let ticket =
        crate::invite::Ticket::new([7; 32], crate::invite::hints::Hints::default()).encode();
    let lines = picture(&ticket).unwrap();
    assert_eq!(ticket.len(), 68);
    assert!(lines.len() <= 17, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() == 29 + 2 * QUIET_CELLS));
    assert!(lines.iter().all(|line| line.chars().all(|c| " █▀▄".contains(c))));
}

#[test]
fn small_letters_take_no_more_room_than_capitals() {
    let text = "mfchat:".to_string() + &"y".repeat(60);
    assert_eq!(picture(&text), picture(&text.to_uppercase()));
    assert_ne!(picture(&text), picture(&text.replace('y', "o")));
    assert_eq!(picture(&"y".repeat(10_000)), None);
}
