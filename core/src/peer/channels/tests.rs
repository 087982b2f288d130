use super::*;

const CHANNEL_ID: CloseReason = CloseReason::Violation(Violation::ChannelId);

#[test]
fn ids_start_at_one_and_grow_by_one() {
    let mut channels = Channels::default();
    assert_eq!(channels.open(0, ChannelKind::Rejected, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(2, ChannelKind::Rejected, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(u64::MAX, ChannelKind::Rejected, 9), Err(CHANNEL_ID));
    assert_eq!(channels.open(1, ChannelKind::Group, 9), Ok(()));
    assert_eq!(channels.open(1, ChannelKind::Rejected, 9), Err(CHANNEL_ID), "it is open");
    assert_eq!(channels.open(2, ChannelKind::Rejected, 9), Ok(()));
    assert_eq!(channels.kind(1), Ok(ChannelKind::Group));
    assert_eq!(channels.kind(2), Ok(ChannelKind::Rejected));
    assert_eq!(channels.kind(3), Err(Violation::ChannelId));
}

#[test]
fn a_closed_id_may_be_opened_again() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::Group, 9).unwrap();
    assert_eq!(channels.close(1), Ok(ChannelKind::Group));
    assert_eq!(channels.close(1), Ok(ChannelKind::Closed));
    assert_eq!(channels.kind(1), Ok(ChannelKind::Closed));
    assert_eq!(channels.open(1, ChannelKind::Group, 9), Ok(()));
    assert_eq!(channels.close(0), Err(Violation::ChannelId));
    assert_eq!(channels.close(2), Err(Violation::ChannelId));
}

#[test]
fn the_group_has_one_channel() {
    let mut channels = Channels::default();
    channels.open(1, ChannelKind::Group, 9).unwrap();
    assert_eq!(channels.open(2, ChannelKind::Group, 9), Err(CHANNEL_ID));
}

#[test]
fn channels_are_bounded() {
    let mut channels = Channels::default();
    (1..=9).for_each(|id| channels.open(id, ChannelKind::Rejected, 9).unwrap());
    assert_eq!(channels.open(10, ChannelKind::Rejected, 9), Err(Limit::Channels.into()));
}
