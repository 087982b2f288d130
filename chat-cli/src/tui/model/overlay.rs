//! Holds the overlay above the messages.

use super::log::Row;
use crate::sanitize::Clean;

/// The most results that a search shows. Chosen: as the default of `multichat search`.
pub const FOUND_MAX: usize = 50;

/// The overlay; at most one is open.
#[derive(Debug)]
pub enum Overlay {
    /// No overlay.
    None,
    /// The list of keys and commands, with the number of lines above the visible ones.
    Help(usize),
    /// The list of authors and peers, with the number of lines above the visible ones.
    People(usize),
    /// A search.
    Search(Search),
    /// An invite.
    Invite(Invite),
    /// The question whether to paste several lines as one message.
    Paste(String),
    /// The question whether to send the input line, which looks like this command without its
    /// slash.
    Unsent(String),
}

/// A search and its results so far.
#[derive(Debug, Default)]
pub struct Search {
    /// The search text.
    pub words: String,
    /// The results, the newest last; `None` before the search starts.
    pub rows: Option<Vec<Row>>,
    /// The selected result.
    pub chosen: usize,
    /// Whether the search is complete.
    pub is_finished: bool,
}

/// An invite to the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    /// The text to hand over.
    pub text: Clean,
    /// The QR code by line; empty if there is none.
    pub qr_lines: Vec<String>,
    /// What the invite allows.
    pub warning: &'static str,
}

impl Overlay {
    /// Creates the overlay of a search that has started.
    pub fn search(words: &str) -> Self {
        Self::Search(Search { words: words.to_string(), ..Search::default() })
    }

    pub(in crate::tui) fn found(&mut self, rows: Vec<Row>, is_finished: bool) {
        if let Self::Search(search) = self {
            // Later results are older and appear above, so the selection keeps its distance from
            // the end.
            let known = search.rows.as_ref().map_or(0, Vec::len);
            let below = known.saturating_sub(search.chosen).max(1);
            search.chosen = rows.len().saturating_sub(below);
            search.rows = Some(rows);
            search.is_finished = is_finished;
        }
    }
}
