//! Forked feeds on one connection: a peer that holds nothing of one is given what both histories
//! share.
//!
//! Rule: forked feeds are in no set, so each side lists its own ones once, and the other side says
//! which of them it lacks. Nothing is said if neither side has a forked feed.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::crypto::sign::PublicKey;
use crate::id::FeedId;

/// Feeds in one list, at 32 bytes each. Further ones are not listed.
pub(crate) const LISTED_MAX: usize = 1_024;

/// What is still to be said about forked feeds.
#[derive(Debug, Default)]
pub(crate) struct ForkedPrefixes {
    /// Our hello announced a list that was not sent yet.
    is_to_list: bool,
    /// The peer has not said which feeds of our list it lacks.
    awaits_answer: bool,
    /// The peer wanted feeds of our list, and does not know yet that it has got what we give.
    is_to_finish: bool,
    /// Those of the wanted feeds that it has not got yet.
    given: BTreeSet<FeedId>,
    /// The peer's list has not arrived, or we have not got all that we want of it.
    awaits_list: bool,
    /// The peer's list has arrived.
    has_list: bool,
    /// The authors of those feeds of the peer's list that we lack, until we have said so.
    lacking: Option<Vec<PublicKey>>,
}

impl ForkedPrefixes {
    /// Each side announced in its hello how many forked feeds it has. Peers of earlier versions
    /// (`None`) get no list.
    pub(crate) fn new(ours: u64, theirs: Option<u64>) -> Self {
        let Some(theirs) = theirs else { return Self::default() };
        let (is_ours, awaits_list) = (ours > 0, theirs > 0);
        Self { is_to_list: is_ours, awaits_answer: is_ours, awaits_list, ..Self::default() }
    }

    /// Whether nothing is left to be said or heard.
    pub(crate) fn is_idle(&self) -> bool {
        let Self { is_to_list, awaits_answer, is_to_finish, awaits_list, lacking, .. } = self;
        let is_said = !is_to_list && !is_to_finish && lacking.is_none();
        is_said && !awaits_answer && !awaits_list
    }

    /// Whether our list is to be sent.
    pub(crate) fn is_to_list(&self) -> bool {
        self.is_to_list
    }

    pub(crate) fn on_listed(&mut self) {
        self.is_to_list = false;
    }

    /// The peer's list has arrived, and we lack the feeds of these authors; or we have got what the
    /// peer gives of the feeds that we wanted.
    pub(crate) fn on_list(&mut self, lacking: Vec<PublicKey>) {
        if self.has_list {
            self.awaits_list = false;
            return;
        }
        self.has_list = true;
        self.awaits_list = !lacking.is_empty();
        self.lacking = Some(lacking);
    }

    /// The answer to the peer's list, if it is to be sent.
    pub(crate) fn lacking(&self) -> Option<&[PublicKey]> {
        self.lacking.as_deref()
    }

    pub(crate) fn on_answered(&mut self) {
        self.lacking = None;
    }

    /// The peer said which feeds of our list it lacks, if any.
    pub(crate) fn on_answer(&mut self, has_wanted: bool) {
        self.awaits_answer = false;
        self.is_to_finish |= has_wanted;
    }

    /// A wanted feed is given to the peer.
    pub(crate) fn give(&mut self, feed: FeedId) {
        self.given.insert(feed);
    }

    /// Whether the peer is to learn that it has got all; `is_open` says whether it has not got a
    /// feed yet.
    pub(crate) fn is_to_finish(&mut self, is_open: impl FnMut(&FeedId) -> bool) -> bool {
        self.given.retain(is_open);
        self.is_to_finish && self.given.is_empty()
    }

    pub(crate) fn on_finished(&mut self) {
        self.is_to_finish = false;
    }
}
