use super::*;

#[test]
fn a_claim_opens_only_for_members_and_on_its_connection() {
    let (group, stranger) = (Group::keyed([7; 32]), Group::keyed([8; 32]));
    let sealed = seal_claim(&group, &[5; 64], &[1; 19]);
    let opened = open_claim(&group, &[5; 64], &sealed).unwrap();
    assert_eq!(
        opened,
        [&[1; 19][..], &[0; 16]].concat(),
        "the rest is ignored as what is newer is"
    );
    assert_eq!(open_claim(&stranger, &[5; 64], &sealed), None);
    assert_eq!(open_claim(&group, &[6; 64], &sealed), None, "a replay on another connection");
}

#[test]
fn the_length_of_a_sealed_claim_does_not_depend_on_its_counts() {
    let group = Group::keyed([7; 32]);
    for size in [18, 22, 35] {
        assert_eq!(seal_claim(&group, &[5; 64], &[1; 35][..size]).len(), 51);
    }
}
