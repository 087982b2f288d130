use super::*;

const GOOD: &str = "summary = 'x'\nnodes = 3\ntopology = 'ring'\n";

fn bad(text: &str) -> (usize, String) {
    let bad = Scenario::parse("it", text).unwrap_err();
    (bad.line, bad.to_string())
}

#[test]
fn a_file_says_what_is_not_the_default() {
    let scenario = Scenario::parse("it", &format!("{GOOD}[faults]\nreset = 2\n")).unwrap();
    assert_eq!(scenario.faults().collect::<Vec<_>>(), [(Fault::Reset, 2)]);
    assert_eq!((scenario.writers(), scenario.link.delay_ms), (3, 20));
}

#[test]
fn what_is_wrong_is_said_with_its_line() {
    assert_eq!(bad("summary = 'x'\nnodes = 3\n\ntopology = 'rung'\n").0, 4);
    assert_eq!(bad(&format!("{GOOD}nods = 4\n")).0, 4);
    assert_eq!(bad("summary = 'x'\nnodes = 1\ntopology = 'ring'\n").0, 2);
    let (line, said) = bad(&format!("{GOOD}[faults]\nreset = 2\nrest = 2\n"));
    assert_eq!((line, said.as_str()), (6, "it.toml, line 6: there is no fault \"rest\""));
    assert_eq!(bad(&format!("{GOOD}[faults]\ncorruption = 2\n")).0, 5);
    assert_eq!(bad(&format!("{GOOD}[faults]\nold_backup = 2\n")).0, 5);
    assert_eq!(bad(&format!("{GOOD}[faults]\ntorn_write = 2\n")).0, 5);
    assert_eq!(bad("nodes = = 2").0, 1);
}
