//! What lies over the messages until it is closed.

use super::log::Row;
use crate::sanitize::Clean;

/// The most that a search shows.
pub const FOUND_MAX: usize = 50;

/// One thing at a time.
#[derive(Debug)]
pub enum Overlay {
    /// Nothing.
    None,
    /// Keys and commands.
    Help,
    /// Who is here.
    People,
    /// A search.
    Search(Search),
    /// An invite.
    Invite(Invite),
    /// Whether several pasted lines are meant as one message.
    Paste(String),
}

/// A search, and what it has found so far.
#[derive(Debug, Default)]
pub struct Search {
    /// What is looked for.
    pub words: String,
    /// What was found, the last one last; `None` while it is looked for.
    pub rows: Option<Vec<Row>>,
    /// Which of them is chosen.
    pub chosen: usize,
    /// Whether all messages were looked at.
    pub is_finished: bool,
}

/// An invite to the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// What to give to somebody.
    pub text: Clean,
    /// The same as a picture, line by line; none where there is nothing to scan.
    pub qr_lines: Vec<String>,
    /// What it lets somebody do.
    pub warning: &'static str,
}

impl Overlay {
    /// A search that was just begun.
    pub fn search(words: &str) -> Self {
        Self::Search(Search { words: words.to_string(), ..Search::default() })
    }

    pub(in crate::tui) fn found(&mut self, rows: Vec<Row>, is_finished: bool) {
        if let Self::Search(search) = self {
            // What is found later stands above: the one that is chosen stays it.
            let known = search.rows.as_ref().map_or(0, Vec::len);
            let below = known.saturating_sub(search.chosen).max(1);
            search.chosen = rows.len().saturating_sub(below);
            search.rows = Some(rows);
            search.is_finished = is_finished;
        }
    }
}
