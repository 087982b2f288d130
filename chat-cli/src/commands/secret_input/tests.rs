use super::*;
use crate::args::parse::parse;

fn hidden(line: &str) -> Option<String> {
    let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
    let (invite, is_command) = match parse(words.clone()).unwrap().action {
        Action::JoinAndOpen { invite } => (invite, false),
        Action::Run(Command::Join(join)) => (join.invite(), true),
        _ => return None,
    };
    let words = without_invite(&words, &invite, is_command)?;
    let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
    Some(words.join(" "))
}

#[test]
fn invite_is_taken_out_of_the_command_line() {
    let invite = "mfchat:ybndrfg8ejkmcpqxot1uwisza345h769ybndrfg8ejkmcpqxot1uwisza345";
    let (start, rest) = invite.split_at(40);
    for (line, expected) in [
        (format!("multichat {invite}"), "join -"),
        (format!("multichat --nick bob {start} {rest}"), "--nick bob join -"),
        (
            format!("multichat --nick bob join {invite} --as kitchen"),
            "--nick bob join - --as kitchen",
        ),
        (format!("multichat j {start} {rest} --no-open"), "j - --no-open"),
    ] {
        assert_eq!(hidden(&line).as_deref(), Some(expected), "{line}");
    }
    assert_eq!(hidden(&format!("multichat send {invite}")), None);
}
