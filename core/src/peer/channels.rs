//! The channels of one connection.
//!
//! Rule: each side has its own ids. They start at 1 and grow by one, and each is open, or closed
//! and free to be opened again (protomux `index.js`, `_onopensession`).

use alloc::vec::Vec;

use crate::error::{CloseReason, Limit, Violation};
use crate::id::FeedId;

/// What a channel is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChannelKind {
    /// The group's session.
    Group,
    /// Hypercore's channel of a feed.
    Feed(FeedId),
    /// Nothing: we rejected it, and its messages are ignored.
    Rejected,
    /// Nothing: the peer closed it.
    Closed,
}

/// The channels of a connection, by the peer's ids and by local.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    remote: Vec<ChannelKind>,
    local: Vec<ChannelKind>,
}

impl Channels {
    /// Assigns the lowest free id to a channel of ours. Opens must be sent in this order.
    pub(crate) fn assign(&mut self, kind: ChannelKind) -> u64 {
        let free = self.local.iter().position(|channel| *channel == ChannelKind::Closed);
        let place = free.unwrap_or(self.local.len());
        match self.local.get_mut(place) {
            Some(channel) => *channel = kind,
            None => self.local.push(kind),
        }
        place as u64 + 1
    }

    /// Our id of the group's channel, if we opened it.
    pub(crate) fn of_group(&self) -> Option<u64> {
        let place = self.local.iter().position(|channel| *channel == ChannelKind::Group)?;
        Some(place as u64 + 1)
    }

    /// Closes a channel of ours, so its id may be assigned again. Returns its kind.
    pub(crate) fn release(&mut self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.local.get_mut(place));
        let channel = channel.filter(|channel| **channel != ChannelKind::Closed);
        let channel = channel.ok_or(Violation::ChannelId)?;
        Ok(core::mem::replace(channel, ChannelKind::Closed))
    }

    /// The peer opens a channel.
    pub(crate) fn open(
        &mut self,
        id: u64,
        kind: ChannelKind,
        max: usize,
    ) -> Result<(), CloseReason> {
        let place = place(id).filter(|place| *place <= self.remote.len());
        let place = place.ok_or(Violation::ChannelId)?;
        if kind == ChannelKind::Group && self.remote.contains(&ChannelKind::Group) {
            return Err(Violation::ChannelId.into());
        }
        match self.remote.get_mut(place) {
            // A rejected id is free again, too (protomux `index.js`, `_onrejectsession`).
            Some(channel) if matches!(channel, ChannelKind::Closed | ChannelKind::Rejected) => {
                *channel = kind
            }
            Some(_) => return Err(Violation::ChannelId.into()),
            None if place >= max => return Err(Limit::Channels.into()),
            None => self.remote.push(kind),
        }
        Ok(())
    }

    /// Closes our side of a channel that the peer closed: its id may be assigned again.
    pub(crate) fn release_kind(&mut self, kind: ChannelKind) {
        if let Some(channel) = self.local.iter_mut().find(|channel| **channel == kind) {
            *channel = ChannelKind::Closed;
        }
    }

    /// The peer closes a channel. Returns its kind.
    pub(crate) fn close(&mut self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.remote.get_mut(place));
        let channel = channel.ok_or(Violation::ChannelId)?;
        Ok(core::mem::replace(channel, ChannelKind::Closed))
    }

    /// Channels that the peer has opened, including closed ones.
    pub(crate) fn len(&self) -> usize {
        self.remote.len()
    }

    /// The kind of a channel of the peer.
    pub(crate) fn kind(&self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.remote.get(place));
        channel.copied().ok_or(Violation::ChannelId)
    }
}

fn place(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests;
