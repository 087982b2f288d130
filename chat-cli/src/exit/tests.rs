use super::ExitCode;

#[test]
fn the_numbers_are_those_of_the_specification() {
    let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143]);
}

#[test]
fn only_three_ends_forbid_to_send_again() {
    let stored: Vec<u8> =
        ExitCode::ALL.iter().filter(|code| code.is_stored()).map(|code| code.number()).collect();
    assert_eq!(stored, [0, 7, 8]);
}
