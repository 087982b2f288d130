//! Peers that violate the session protocol.

use super::*;

fn pair(common: u64, only: [u64; 2]) -> [Node; 2] {
    let [one, two] = sets(&mut Rng::new([9; 32]), common, only, 0);
    nodes([&one, &two], group_salt(), [one.len(), two.len()])
}

fn claim(node: &Node, role: Role) -> Claim {
    let feeds = node.feeds.len() as u64;
    Params::claim(&handshake_hash(), role, feeds, &mut node.roots.clone(), None)
}

fn open(nodes: &[Node; 2]) -> (Initiator, Responder, Message) {
    let [one, two] = nodes;
    let feeds = nodes.each_ref().map(|node| node.feeds.len() as u64);
    let mut terms = one.terms(feeds[0], claim(two, Role::Responder));
    let set = terms.compare(Role::Initiator).unwrap();
    let initiator = Initiator::new(terms, set);
    let terms = two.terms(feeds[1], claim(one, Role::Initiator));
    let (responder, turn) = Responder::new(terms, set, two);
    (initiator, responder, turn.say.into_iter().next().unwrap())
}

#[test]
fn a_reflected_root_proves_nothing() {
    let [node, _] = pair(100, [0, 0]);
    let mirrored = claim(&node, Role::Initiator);
    let compared = node.terms(100, mirrored).compare(Role::Initiator);
    assert_eq!(compared, Ok(SetKind::Keys), "the MAC of the same root differs by role");
}

#[test]
fn unrequested_cells_are_rejected() {
    let nodes = pair(500, [10, 10]);
    let (_, _, Message::Cells(set, slice)) = open(&nodes) else { panic!("cells come first") };
    let mut long = slice.clone();
    long.cells.push(0);
    let late = Slice { start: 1, ..slice.clone() };
    for (set, slice, fault) in [
        (set, long, SessionError::Inconsistent),
        (set, late, SessionError::Inconsistent),
        (SetKind::Heads, slice, SessionError::OutOfTurn),
    ] {
        let (mut initiator, ..) = open(&nodes);
        assert_eq!(initiator.handle(&nodes[0], Message::Cells(set, slice)), Err(fault));
    }
}

#[test]
fn garbage_cells_end_the_session_within_the_budget() {
    let nodes = pair(5_000, [10, 10]);
    let (mut initiator, _, first) = open(&nodes);
    let mut rng = Rng::new([7; 32]);
    let (mut message, mut cells) = (first, 0);
    loop {
        if let Message::Cells(_, slice) = &mut message {
            slice.cells.iter_mut().for_each(|cell| *cell = rng.u64() >> 16);
            cells = slice.start + slice.cells.len() as u32;
        }
        let turn = initiator.handle(&nodes[0], message).unwrap();
        assert!(turn.named.is_empty() && turn.learned.is_empty());
        match turn.say[..] {
            [Message::More(set, end)] => {
                let zeros = vec![0; (end - cells) as usize];
                message = Message::Cells(set, Slice { start: cells, cells: zeros, counts: vec![] });
            }
            [Message::FallBack(_)] => break,
            _ => panic!("garbage was decoded: {turn:?}"),
        }
    }
    assert!(cells <= 17 * (2 * 5_010) / 10 + 64, "{cells} cells");
}

#[test]
fn requests_are_bounded() {
    let nodes = pair(5_000, [10, 10]);
    let more = |end| Message::More(SetKind::Keys, end);
    let (_, mut responder, first) = open(&nodes);
    let Message::Cells(_, slice) = first else { panic!("cells come first") };
    let sent = slice.cells.len() as u32;
    assert_eq!(
        responder.handle(&nodes[1], more(sent)),
        Err(SessionError::TooMuch),
        "the limit is reached"
    );
    let cells = nodes[1].sketches[0].cells();
    assert_eq!(
        responder.handle(&nodes[1], more(cells + 1)),
        Err(SessionError::TooMuch),
        "no such cell"
    );
    let (_, mut responder, _) = open(&nodes);
    let mut ends = sent + 1..cells;
    let answered = ends.position(|end| responder.handle(&nodes[1], more(end)).is_err());
    assert_eq!(answered, Some(64));
}

#[test]
fn unrequested_entries_are_rejected() {
    let nodes = pair(500, [0, 3]);
    let (mut initiator, mut responder, mut message) = open(&nodes);
    let answer = loop {
        let mut turn = initiator.handle(&nodes[0], message).unwrap();
        let said = turn.say.remove(0);
        let is_diverged = matches!(said, Message::Different { .. });
        message = responder.handle(&nodes[1], said).unwrap().say.remove(0);
        if is_diverged {
            break message;
        }
    };
    let Message::Entries(entries) = answer else { panic!("entries answer what differs") };
    let flood = entries.iter().cycle().take(1_000).copied().collect();
    assert_eq!(initiator.handle(&nodes[0], Message::Entries(flood)), Err(SessionError::TooMuch));
}

#[test]
fn a_withheld_or_invented_entry_is_detected() {
    for is_made_up in [false, true] {
        let nodes = pair(500, [3, 3]);
        let (mut initiator, mut responder, mut message) = open(&nodes);
        let outcome = loop {
            let turn = initiator.handle(&nodes[0], message).unwrap();
            if let Some(outcome) = turn.outcome {
                break outcome;
            }
            let said = turn.say.into_iter().next().unwrap();
            message = responder.handle(&nodes[1], said).unwrap().say.remove(0);
            if let Message::Entries(entries) = &mut message {
                if is_made_up {
                    entries[0].key[0] ^= 1
                } else {
                    _ = entries.pop();
                }
            }
        };
        assert_eq!(outcome, Outcome::Retry, "never agreed");
    }
}

#[test]
fn a_false_agreement_is_detected() {
    let nodes = pair(500, [3, 3]);
    let (_, mut responder, _) = open(&nodes);
    let agreed = Message::Agreed([0; 8]);
    assert_eq!(responder.handle(&nodes[1], agreed.clone()), Err(SessionError::OutOfTurn));
    let different = Message::Different { entries: vec![], wanted: vec![] };
    assert_eq!(responder.handle(&nodes[1], different), Ok(StepResult::default()));
    assert_eq!(responder.handle(&nodes[1], agreed), Err(SessionError::Inconsistent));
}

#[test]
fn invalid_ids_are_rejected() {
    let nodes = pair(500, [3, 3]);
    let width = prefix_bits(503);
    for wanted in [vec![1 << width], vec![5, 5], vec![6, 5]] {
        let (_, mut responder, _) = open(&nodes);
        let different = Message::Different { entries: vec![], wanted };
        assert_eq!(responder.handle(&nodes[1], different), Err(SessionError::Inconsistent));
    }
    let head = HeadOf { fork: 0, length: 1 };
    for (heads, entries) in
        [(vec![(1 << width, head)], vec![]), (vec![], vec![Entry { key: [0; 32], head }])]
    {
        let (_, mut responder, _) = open(&nodes);
        let different = Message::Different { entries: vec![], wanted: vec![] };
        responder.handle(&nodes[1], different).unwrap();
        let changed = Message::Changed { heads, entries };
        assert_eq!(responder.handle(&nodes[1], changed), Err(SessionError::Inconsistent));
    }
}

#[test]
fn prefix_width_grows_with_the_set() {
    let bits = [0, 1, 2, 3, 4, 5, 1_000, 1_000_000, u64::MAX].map(prefix_bits);
    assert_eq!(bits, [8, 8, 8, 9, 9, 10, 17, 27, 36]);
}
