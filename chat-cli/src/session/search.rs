//! Finding messages, from the last one back.
//!
//! Rule: a search is done some messages at a time, so that whoever waits for it can do other
//! things meanwhile, and drop it.

use super::Session;
use crate::args::channel::ChannelFilter;
use crate::report::Failure;
use crate::timeline::key::TimelineKey;
use crate::timeline::{Entry, PAGE_SIZE};

/// A search under way.
#[derive(Debug)]
pub struct Search {
    words: String,
    channel: ChannelFilter,
    limit: usize,
    before: Option<TimelineKey>,
    /// The newest first.
    found: Vec<Entry>,
    is_finished: bool,
}

impl Search {
    /// A search for the last `limit` messages in which these words are said, large or small letters
    /// alike.
    pub fn new(words: &str, channel: &ChannelFilter, limit: usize) -> Self {
        let (words, channel) = (words.trim().to_lowercase(), channel.clone());
        Self { words, channel, limit, before: None, found: Vec::new(), is_finished: limit == 0 }
    }

    /// What was found so far, in the order of the timeline.
    pub fn found(&self) -> Vec<Entry> {
        self.found.iter().rev().cloned().collect()
    }

    /// How many were found so far.
    pub fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether there is nothing more to find.
    pub fn is_finished(&self) -> bool {
        self.is_finished
    }

    fn matches(&self, entry: &Entry) -> bool {
        entry.content.chat().is_some_and(|chat| {
            self.channel.matches(&chat.channel) && chat.text.to_lowercase().contains(&self.words)
        })
    }
}

impl Session {
    /// Looks through some more messages.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
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

    /// The last `limit` messages in which these words are said, large or small letters alike.
    ///
    /// # Errors
    /// If the store does not give back what it holds.
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
