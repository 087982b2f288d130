use super::*;

const GOOD: &str = "summary = 'x'\nnodes = 3\ntopology = 'ring'\n";

fn bad(text: &str) -> (usize, String) {
    let bad = Scenario::parse("it", text).unwrap_err();
    (bad.line.unwrap(), bad.to_string())
}

#[test]
fn a_file_says_what_is_not_the_default() {
    let scenario = Scenario::parse("it", &format!("{GOOD}[faults]\nreset = 2\n")).unwrap();
    assert_eq!(scenario.faults().collect::<Vec<_>>(), [(Fault::Reset, 2)]);
    assert_eq!((scenario.writers(), scenario.link.delay_ms), (3, Draw::of(20)));
}

#[test]
fn each_link_draws_from_the_ranges_of_its_scenario() {
    let text = format!("{GOOD}[link]\ndelay_ms = [5, 90]\nbandwidth = [1000, 9000]\n");
    let plan = Scenario::parse("it", &text).unwrap().link;
    let mut chance = Rng::new([1; 32]);
    let drawn: Vec<_> = (0..200).map(|_| plan.options(&mut chance)).collect();
    let delays = drawn.iter().map(|link| link.delay.as_millis());
    assert!(delays.clone().all(|delay| (5..=90).contains(&delay)));
    assert!(delays.clone().min().unwrap() < 15 && delays.max().unwrap() > 80);
    let rates = drawn.iter().map(|link| link.bandwidth.unwrap());
    assert!(rates.clone().all(|rate| (1_000..=9_000).contains(&rate)));
    assert!(rates.clone().any(|rate| Some(rate) != rates.clone().next()));
}

#[test]
fn what_is_added_is_held_to_what_a_file_may_say() {
    let scenario = Scenario::parse("it", &format!("{GOOD}[faults]\nreset = 2\n")).unwrap();
    let more = scenario.clone().with(Fault::Reset, 1).unwrap();
    assert_eq!((more.count(Fault::Reset), more.timing.request_ms), (3, None));
    let lie = scenario.clone().with(Fault::NeverAnswers, 1).unwrap();
    assert_eq!((lie.count(Fault::NeverAnswers), lie.timing.request_ms), (1, Some(300)));
    let bad = scenario.clone().with(Fault::Corruption, 1).unwrap_err();
    assert_eq!(bad.to_string(), "it: only a link with noise = true can tell damaged bytes");
    assert!(scenario.with(Fault::Reset, u32::MAX).is_err());
}

/// A file that cannot be meant: what stands behind the good beginning, the line, and some words.
const BAD: &[(&str, usize, &str)] = &[
    ("nods = 4", 4, "unknown field `nods`"),
    ("nodes = 4", 4, "duplicate key"),
    ("nodes = = 4", 4, "extra `=`"),
    ("blocks = 'many'", 4, "invalid type"),
    ("blocks = -1", 4, "invalid value"),
    ("blocks = 0", 4, "1 to 100000 blocks"),
    ("block_bytes = 9999999", 4, "1 to 1048576 bytes"),
    ("feeds = 1000000000", 4, "1 to 10000 feeds"),
    ("seconds = 99999999999999", 4, "1 to 86400 seconds"),
    ("writers = 9", 4, "fewer nodes than writers"),
    ("writers = 0", 4, "somebody has to write"),
    ("degree = 0", 4, "a link at least"),
    ("[link", 4, "unclosed table"),
    ("[link]\ndelay_ms = [30, 10]", 5, "[least, most]"),
    ("[link]\ndelay_ms = [1, 2, 3]", 5, "[least, most]"),
    ("[link]\ndelay_ms = 1.5", 5, "a number from 0 on"),
    ("[link]\ndelay_ms = -5", 5, "a number from 0 on"),
    ("[link]\ndelay_ms = 700000", 5, "600000 ms at most"),
    ("[link]\nnoise = true\nbandwidth = 0", 6, "a byte a second"),
    ("[link]\npiece_bytes = [0, 5]", 5, "a byte at least"),
    ("[timing]\nrequest_ms = 0", 5, "1 to 600000 ms"),
    ("[disk]\nnodes = 2", 5, "unknown field `nodes`"),
    ("[faults]\nreset = 2\nrest = 2", 6, "there is no fault \"rest\""),
    ("[faults]\ncut = 1\ncu = 2", 6, "there is no fault \"cu\""),
    ("[faults]\ncorruption = 2", 5, "noise = true"),
    ("[faults]\nold_backup = 2", 5, "do not write"),
    ("[faults]\ntorn_write = 2", 5, "comes of crashes"),
    ("[faults]\nreset = 10001", 5, "10000 times"),
    ("[faults]\ndelay_spike = 1000001", 5, "in a million"),
];

#[test]
fn what_is_wrong_is_said_with_its_line() {
    for (behind, line, words) in BAD {
        let (found, said) = bad(&format!("{GOOD}{behind}\n"));
        assert_eq!(found, *line, "{behind}: {said}");
        assert!(said.starts_with(&format!("it.toml, line {line}: ")), "{said}");
        assert!(said.contains(words), "{behind}: {said}");
    }
    assert_eq!(bad("summary = 'x'\nnodes = 3\n\ntopology = 'rung'\n").0, 4);
    assert_eq!(bad("summary = 'x'\nnodes = 1\ntopology = 'ring'\n").0, 2);
    assert_eq!(bad("summary = 'x'\nnodes = 1001\ntopology = 'mesh'\n").0, 2);
    assert_eq!(bad("nodes = = 2").0, 1);
}
