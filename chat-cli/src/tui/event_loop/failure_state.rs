//! What the screen remembers between failures.

use std::collections::BTreeMap;

use super::windows::WindowId;
use crate::message::LINE_COLUMNS_MAX;
use crate::output::Output;
use crate::report::Failure;
use crate::sanitize::{self, Clean};

/// The input of a window, kept while the room is opened again.
#[derive(Debug)]
pub(super) struct InputDraft {
    pub(super) channel: Clean,
    pub(super) text: String,
}

impl InputDraft {
    /// Prints the text after the screen has closed.
    ///
    /// # Errors
    /// Fails if the standard error stream fails.
    pub(super) fn print(&self, output: &Output) -> Result<(), Failure> {
        let lines = sanitize::lines(&self.text, LINE_COLUMNS_MAX);
        let is_empty = self.text.trim().is_empty();
        lines
            .iter()
            .filter(|_| !is_empty)
            .try_for_each(|line| output.say(&format!("not sent: {line}")))
    }
}

/// The inputs of all windows.
pub(super) type InputDrafts = BTreeMap<WindowId, InputDraft>;

/// The state after failures.
#[derive(Debug, Default)]
pub(super) struct FailureState {
    /// The last reported failure. It is not reported twice in a row.
    pub(super) reported: Option<String>,
    /// Whether the store must be opened again before it works.
    pub(super) needs_reopening: bool,
}
