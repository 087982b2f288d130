//! The channels that a peer has opened on one connection.
//!
//! Rule: a peer's ids are its own; they start at 1 and grow by one, and each is open, or closed
//! and free to be opened again (protomux `index.js`, `_onopensession`).

use alloc::vec::Vec;

use crate::error::{Limit, Reason, Violation};

/// Our own id of the group's channel: the first that we open.
pub(crate) const GROUP_CHANNEL: u64 = 1;

/// What a channel of the peer leads to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Leads {
    /// The group's session.
    ToGroup,
    /// Nothing: we rejected it, and what comes through it is ignored.
    Nowhere,
    /// Nothing: the peer closed it.
    Closed,
}

/// The peer's channels, by its ids.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    remote: Vec<Leads>,
}

impl Channels {
    /// The peer opens a channel.
    pub(crate) fn open(&mut self, id: u64, leads: Leads, max: usize) -> Result<(), Reason> {
        let place = place(id).filter(|place| *place <= self.remote.len());
        let place = place.ok_or(Violation::ChannelId)?;
        if leads == Leads::ToGroup && self.remote.contains(&Leads::ToGroup) {
            return Err(Violation::ChannelId.into());
        }
        match self.remote.get_mut(place) {
            Some(channel) if *channel == Leads::Closed => *channel = leads,
            Some(_) => return Err(Violation::ChannelId.into()),
            None if place >= max => return Err(Limit::Channels.into()),
            None => self.remote.push(leads),
        }
        Ok(())
    }

    /// The peer closes a channel; returns where it led.
    pub(crate) fn close(&mut self, id: u64) -> Result<Leads, Violation> {
        let channel = place(id).and_then(|place| self.remote.get_mut(place));
        let channel = channel.ok_or(Violation::ChannelId)?;
        Ok(core::mem::replace(channel, Leads::Closed))
    }

    /// Channels that were opened, those closed since included: their places are kept.
    pub(crate) fn len(&self) -> usize {
        self.remote.len()
    }

    /// Where a channel of the peer leads.
    pub(crate) fn leads(&self, id: u64) -> Result<Leads, Violation> {
        let channel = place(id).and_then(|place| self.remote.get(place));
        channel.copied().ok_or(Violation::ChannelId)
    }
}

fn place(id: u64) -> Option<usize> {
    usize::try_from(id.checked_sub(1)?).ok()
}

#[cfg(test)]
mod tests;
