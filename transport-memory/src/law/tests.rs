use super::*;

const AUTHOR: PublicKey = PublicKey([1; 32]);
const NODE: NodeId = NodeId(0);

fn laws(laws: &Laws) -> Vec<Law> {
    laws.violations().iter().map(|violation| violation.law).collect()
}

#[test]
fn blocks_reported_twice_or_with_a_gap_break_the_order_law() {
    let mut all = Laws::default();
    all.author(AUTHOR);
    all.extended(NODE, AUTHOR, 0..2);
    all.extended(NODE, AUTHOR, 2..3);
    assert_eq!(laws(&all), []);
    all.extended(NODE, AUTHOR, 2..3);
    all.extended(NODE, AUTHOR, 5..6);
    assert_eq!(laws(&all), [Law::Order, Law::Order]);
}

#[test]
fn announcing_before_durability_is_a_violation() {
    let mut all = Laws::default();
    all.author(AUTHOR);
    all.extended(NODE, AUTHOR, 0..2);
    all.announced(NODE, AUTHOR, 2);
    assert_eq!(laws(&all), []);
    all.announced(NODE, AUTHOR, 3);
    assert_eq!(laws(&all), [Law::DurableFirst]);
}

#[test]
fn lost_blocks_are_a_violation_unless_the_disk_was_changed_from_outside() {
    let mut all = Laws::default();
    all.author(AUTHOR);
    all.extended(NODE, AUTHOR, 0..2);
    all.restarted(NODE, &[], &BTreeMap::from([(AUTHOR, 2)]), BTreeMap::new());
    assert_eq!(laws(&all), []);
    all.restarted(NODE, &[], &BTreeMap::from([(AUTHOR, 1)]), BTreeMap::new());
    assert_eq!(laws(&all), [Law::Durability]);
    all.excuse(NODE);
    all.restarted(NODE, &[], &BTreeMap::new(), BTreeMap::new());
    assert_eq!(laws(&all), [Law::Durability]);
}

#[test]
fn more_outputs_than_the_input_allows_are_a_violation() {
    let mut all = Laws::default();
    let id = ConnectionId(1);
    all.answered(NODE, id, 20, 43);
    assert_eq!(laws(&all), []);
    all.answered(NODE, id, 1, 2);
    assert_eq!(laws(&all), [Law::Answers]);
}
