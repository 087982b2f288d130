//! Searches messages, from the newest to the oldest.
//!
//! Rule: a search runs page by page, so the caller can do other work in between, or drop it.

use super::Session;
use crate::args::channel::AnyChannel;
use crate::report::Failure;
use crate::timeline::key::Spot;
use crate::timeline::{Entry, PAGE_SPOTS};

/// A running search.
#[derive(Debug)]
pub struct Search {
    words: String,
    channel: AnyChannel,
    most: usize,
    before: Option<Spot>,
    /// The results, newest first.
    found: Vec<Entry>,
    is_over: bool,
}

impl Search {
    /// Starts a search for the last `most` messages that contain this text, ignoring case.
    pub fn new(words: &str, channel: &AnyChannel, most: usize) -> Self {
        let (words, channel) = (words.trim().to_lowercase(), channel.clone());
        Self { words, channel, most, before: None, found: Vec::new(), is_over: most == 0 }
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
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    fn says(&self, entry: &Entry) -> bool {
        entry.content.said().is_some_and(|chat| {
            self.channel.takes(&chat.channel) && chat.text.to_lowercase().contains(&self.words)
        })
    }
}

impl Session {
    /// Searches the next page of messages.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn search_on(&self, search: &mut Search) -> Result<(), Failure> {
        let page = self.page(search.before, PAGE_SPOTS).await?;
        let Some(first) = page.first() else {
            search.is_over = true;
            return Ok(());
        };
        search.before = Some(first.spot());
        for entry in page.into_iter().rev() {
            if search.found.len() < search.most && search.says(&entry) {
                search.found.push(entry);
            }
        }
        search.is_over = search.found.len() >= search.most;
        Ok(())
    }

    /// Returns the last `most` messages that contain this text, ignoring case.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub async fn search(
        &self,
        words: &str,
        channel: &AnyChannel,
        most: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let mut search = Search::new(words, channel, most);
        while !search.is_over() {
            self.search_on(&mut search).await?;
        }
        Ok(search.found())
    }
}
