use super::ExitCode;

#[test]
fn exit_codes_match_the_specification() {
    let numbers: Vec<u8> = ExitCode::ALL.iter().map(|code| code.number()).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 130, 143]);
}

#[test]
fn three_exit_codes_forbid_a_resend() {
    let stored: Vec<u8> =
        ExitCode::ALL.iter().filter(|code| code.is_stored()).map(|code| code.number()).collect();
    assert_eq!(stored, [0, 7, 8]);
}
