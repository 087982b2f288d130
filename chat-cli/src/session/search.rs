//! Searches messages, from the newest to the oldest.
//!
//! Rule: a search runs page by page, so the caller can do other work in between, or drop it.

use super::Session;
use crate::args::channel::ChannelFilter;
use crate::report::Failure;
use crate::sanitize;
use crate::timeline::key::TimelineKey;
use crate::timeline::{Entry, PAGE_SIZE};

/// A running search.
#[derive(Debug)]
pub struct Search {
    words: Vec<String>,
    channel: ChannelFilter,
    limit: usize,
    before: Option<TimelineKey>,
    /// The results, newest first.
    found: Vec<Entry>,
    is_finished: bool,
}

impl Search {
    /// Starts a search for the last `limit` messages that contain all of these words, in any
    /// order and ignoring case.
    pub fn new(words: &str, channel: &ChannelFilter, limit: usize) -> Self {
        let words = words.split_whitespace().map(sanitize::fold).collect();
        let channel = channel.clone();
        Self { words, channel, limit, before: None, found: Vec::new(), is_finished: limit == 0 }
    }

    /// Returns the results so far, in the order of the timeline.
    pub fn found(&self) -> Vec<Entry> {
        self.found.iter().rev().cloned().collect()
    }

    /// Returns the number of results so far.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Returns whether the search is complete.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    fn matches(&self, entry: &Entry) -> bool {
        entry.content.chat().is_some_and(|chat| {
            let text = sanitize::fold(&chat.text);
            self.channel.matches(&chat.channel) && self.words.iter().all(|word| text.contains(word))
        })
    }
}

impl Session {
    /// Searches the next page of messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn continue_search(&self, search: &mut Search) -> Result<(), Failure> {
        let page = self.page(search.before, PAGE_SIZE).await?;
        let Some(first) = page.first() else {
            search.is_finished = true;
            return Ok(());
        };
        search.before = Some(first.position());
        for entry in page.into_iter().rev() {
            if search.found.len() < search.limit && search.matches(&entry) {
                search.found.push(entry);
            }
        }
        search.is_finished = search.found.len() >= search.limit;
        Ok(())
    }

    /// Returns the last `limit` messages that contain all of these words, in any order and
    /// ignoring case.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn search(
        &self,
        words: &str,
        channel: &ChannelFilter,
        limit: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let mut search = Search::new(words, channel, limit);
        while !search.is_finished() {
            self.continue_search(&mut search).await?;
        }
        Ok(search.found())
    }
}

#[cfg(test)]
mod tests;
