//! The channels that a peer has opened on one connection.
//!
//! Rule: a peer's ids are its own; they start at 1 and grow by one, and each is open, or closed
//! and free to be opened again (protomux `index.js`, `_onopensession`).

use alloc::vec::Vec;

use crate::error::{CloseReason, Limit, Violation};
use crate::id::FeedId;

/// What a channel of the peer leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChannelKind {
    /// The group's session.
    ToGroup,
    /// Hypercore's channel of a feed.
    ToFeed(FeedId),
    /// Nothing: we rejected it, and what comes through it is ignored.
    Nowhere,
    /// Nothing: the peer closed it.
    Closed,
}

/// The channels of a connection, by the peer's ids and by ours.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    remote: Vec<ChannelKind>,
    ours: Vec<ChannelKind>,
}

impl Channels {
    /// Gives a channel of ours its id: the lowest that is free. It must be said in this order.
    pub(crate) fn give(&mut self, leads: ChannelKind) -> u64 {
        let free = self.ours.iter().position(|channel| *channel == ChannelKind::Closed);
        let place = free.unwrap_or(self.ours.len());
        match self.ours.get_mut(place) {
            Some(channel) => *channel = leads,
            None => self.ours.push(leads),
        }
        place as u64 + 1
    }

    /// Our id of the group's channel, if it was said.
    pub(crate) fn of_group(&self) -> Option<u64> {
        let place = self.ours.iter().position(|channel| *channel == ChannelKind::ToGroup)?;
        Some(place as u64 + 1)
    }

    /// A channel of ours is gone: its id may be given again. Returns where it led.
    pub(crate) fn undo_changes(&mut self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.ours.get_mut(place));
        let channel = channel.filter(|channel| **channel != ChannelKind::Closed);
        let channel = channel.ok_or(Violation::ChannelId)?;
        Ok(core::mem::replace(channel, ChannelKind::Closed))
    }

    /// The peer opens a channel.
    pub(crate) fn open(
        &mut self,
        id: u64,
        leads: ChannelKind,
        max: usize,
    ) -> Result<(), CloseReason> {
        let place = place(id).filter(|place| *place <= self.remote.len());
        let place = place.ok_or(Violation::ChannelId)?;
        if leads == ChannelKind::ToGroup && self.remote.contains(&ChannelKind::ToGroup) {
            return Err(Violation::ChannelId.into());
        }
        match self.remote.get_mut(place) {
            // A rejected id is free again, too (protomux `index.js`, `_onrejectsession`).
            Some(channel) if matches!(channel, ChannelKind::Closed | ChannelKind::Nowhere) => {
                *channel = leads
            }
            Some(_) => return Err(Violation::ChannelId.into()),
            None if place >= max => return Err(Limit::Channels.into()),
            None => self.remote.push(leads),
        }
        Ok(())
    }

    /// Our side of a channel is gone with the peer's: its id may be given again.
    pub(crate) fn end_ours(&mut self, leads: ChannelKind) {
        if let Some(channel) = self.ours.iter_mut().find(|channel| **channel == leads) {
            *channel = ChannelKind::Closed;
        }
    }

    /// The peer closes a channel; returns where it led.
    pub(crate) fn close(&mut self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.remote.get_mut(place));
        let channel = channel.ok_or(Violation::ChannelId)?;
        Ok(core::mem::replace(channel, ChannelKind::Closed))
    }

    /// Channels that were opened, those closed since included: their places are kept.
    pub(crate) fn len(&self) -> usize {
        self.remote.len()
    }

    /// Where a channel of the peer leads.
    pub(crate) fn leads(&self, id: u64) -> Result<ChannelKind, Violation> {
        let channel = place(id).and_then(|place| self.remote.get(place));
        channel.copied().ok_or(Violation::ChannelId)
    }
}

fn place(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests;
