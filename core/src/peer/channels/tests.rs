use super::*;

const CHANNEL_ID: CloseReason = CloseReason::Violation(Violation::ChannelId);

#[test]
fn ids_start_at_one_and_grow_by_one() {
    let mut channels = Channels::default();
    assert_eq!(channels.open(0, ChannelKind::Nowhere, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(2, ChannelKind::Nowhere, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(u64::MAX, ChannelKind::Nowhere, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(1, ChannelKind::ToGroup, 9), Ok(()));
    assert_eq!(channels.open(1, ChannelKind::Nowhere, 9), Err(CHANNEL_ID), "it is open");
    assert_eq!(channels.open(2, ChannelKind::Nowhere, 9), Ok(()));
    assert_eq!(channels.leads(1), Ok(ChannelKind::ToGroup));
    assert_eq!(channels.leads(2), Ok(ChannelKind::Nowhere));
    assert_eq!(channels.leads(3), Err(Violation::ChannelId));
}

#[test]
fn a_closed_id_may_be_opened_again() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::ToGroup, 9).unwrap();
    assert_eq!(channels.close(1), Ok(ChannelKind::ToGroup));
    assert_eq!(channels.close(1), Ok(ChannelKind::Closed));
    assert_eq!(channels.leads(1), Ok(ChannelKind::Closed));
    assert_eq!(channels.open(1, ChannelKind::ToGroup, 9), Ok(()));
    assert_eq!(channels.close(0), Err(Violation::ChannelId));
    assert_eq!(channels.close(2), Err(Violation::ChannelId));
}

#[test]
fn the_group_has_one_channel() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::ToGroup, 9).unwrap();
    assert_eq!(channels.open(2, ChannelKind::ToGroup, 9), Err(CHANNEL_ID));
}

#[test]
fn there_are_no_more_channels_than_allowed() {
    let mut channels = Channels::default();
    (1..=9).for_each(|id| channels.open(id, ChannelKind::Nowhere, 9).unwrap());
    assert_eq!(channels.open(10, ChannelKind::Nowhere, 9), Err(Limit::Channels.into()));
}
