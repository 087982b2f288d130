//! The channels of one connection.
//!
//! Rule: each side has its own ids. They start at 1 and grow by one, and each is open, or closed
//! and free to be opened again (protomux `index.js`, `_onopensession`). A channel that we rejected
//! is closed, and takes no memory.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::error::Violation;
use crate::id::FeedId;

/// What a channel is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ChannelKind {
    /// The group's session.
    Group,
    /// Hypercore's channel of a feed.
    Feed(FeedId),
}

/// The open channels of a connection, by the peer's ids and by ours.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    remote: BTreeMap<u64, ChannelKind>,
    /// The peer's highest id so far. Those up to it that are not in `remote` are closed.
    highest: u64,
    /// `None`: the id is free.
    local: Vec<Option<ChannelKind>>,
}

impl Channels {
    /// Assigns the lowest free id to a channel of ours. Opens must be sent in this order.
    pub(crate) fn assign(&mut self, kind: ChannelKind) -> u64 {
        let free = self.local.iter().position(Option::is_none);
        let place = free.unwrap_or(self.local.len());
        match self.local.get_mut(place) {
            Some(channel) => *channel = Some(kind),
            None => self.local.push(Some(kind)),
        }
        place as u64 + 1
    }

    /// Our id of the group's channel, if we opened it.
    pub(crate) fn of_group(&self) -> Option<u64> {
        let is_group = |channel: &Option<ChannelKind>| *channel == Some(ChannelKind::Group);
        Some(self.local.iter().position(is_group)? as u64 + 1)
    }

    /// Closes a channel of ours, so its id may be assigned again. Returns its kind.
    pub(crate) fn release(&mut self, id: u64) -> Result<ChannelKind, Violation> {
        let place = id.checked_sub(1).and_then(|place| usize::try_from(place).ok());
        let channel = place.and_then(|place| self.local.get_mut(place));
        channel.and_then(Option::take).ok_or(Violation::ChannelId)
    }

    /// The peer opens a channel that we accept.
    pub(crate) fn open(&mut self, id: u64, kind: ChannelKind) -> Result<(), Violation> {
        if kind == ChannelKind::Group && self.remote.values().any(|open| *open == kind) {
            return Err(Violation::ChannelId);
        }
        self.reject(id)?;
        self.remote.insert(id, kind);
        Ok(())
    }

    /// The peer opens a channel that we reject: its id is free again (protomux `index.js`,
    /// `_onrejectsession`).
    pub(crate) fn reject(&mut self, id: u64) -> Result<(), Violation> {
        let is_next = id == self.highest.saturating_add(1);
        if !is_next && !self.is_assigned(id) || self.remote.contains_key(&id) {
            return Err(Violation::ChannelId);
        }
        self.highest = self.highest.max(id);
        Ok(())
    }

    /// Closes our side of a channel that the peer closed: its id may be assigned again.
    pub(crate) fn release_kind(&mut self, kind: ChannelKind) {
        if let Some(channel) = self.local.iter_mut().find(|channel| **channel == Some(kind)) {
            *channel = None;
        }
    }

    /// The peer closes a channel. Returns its kind; `None`: it was closed already.
    pub(crate) fn close(&mut self, id: u64) -> Result<Option<ChannelKind>, Violation> {
        let is_assigned = self.is_assigned(id);
        is_assigned.then(|| self.remote.remove(&id)).ok_or(Violation::ChannelId)
    }

    /// Channels that the peer has open.
    pub(crate) fn len(&self) -> usize {
        self.remote.len()
    }

    /// The kind of a channel of the peer; `None`: it is closed.
    pub(crate) fn kind(&self, id: u64) -> Result<Option<ChannelKind>, Violation> {
        let is_assigned = self.is_assigned(id);
        is_assigned.then(|| self.remote.get(&id).copied()).ok_or(Violation::ChannelId)
    }

    fn is_assigned(&self, id: u64) -> bool {
        (1..=self.highest).contains(&id)
    }
}

#[cfg(test)]
mod tests;
