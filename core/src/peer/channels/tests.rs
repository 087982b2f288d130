use super::*;

#[test]
fn ids_start_at_one_and_grow_by_one() {
    let mut channels = Channels::default();
    assert_eq!(channels.reject(0), Err(Violation::ChannelId));
    assert_eq!(channels.reject(2), Err(Violation::ChannelId));
    assert_eq!(channels.reject(u64::MAX), Err(Violation::ChannelId));
    assert_eq!(channels.open(1, ChannelKind::Group), Ok(()));
    assert_eq!(channels.reject(1), Err(Violation::ChannelId), "it is open");
    assert_eq!(channels.reject(2), Ok(()));
    assert_eq!(channels.kind(1), Ok(Some(ChannelKind::Group)));
    assert_eq!(channels.kind(2), Ok(None));
    assert_eq!(channels.kind(3), Err(Violation::ChannelId));
}

#[test]
fn a_closed_id_may_be_opened_again() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::Group).unwrap();
    assert_eq!(channels.close(1), Ok(Some(ChannelKind::Group)));
    assert_eq!(channels.close(1), Ok(None));
    assert_eq!(channels.kind(1), Ok(None));
    assert_eq!(channels.open(1, ChannelKind::Group), Ok(()));
    assert_eq!(channels.close(0), Err(Violation::ChannelId));
    assert_eq!(channels.close(2), Err(Violation::ChannelId));
}

#[test]
fn the_group_has_one_channel() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::Group).unwrap();
    assert_eq!(channels.open(2, ChannelKind::Group), Err(Violation::ChannelId));
}

#[test]
fn rejected_channels_take_no_memory() {
    let mut channels = Channels::default();
    (1..=100_000).for_each(|id| channels.reject(id).unwrap());
    assert_eq!(channels.len(), 0);
    assert_eq!(channels.open(50, ChannelKind::Group), Ok(()), "their ids are free");
}
