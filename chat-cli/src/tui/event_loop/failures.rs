//! Keeps the screen open after a failure, so that no text is lost or typed into the shell.
//!
//! Rule: only the end of the terminal, a signal, and the end of the store's process end the screen.
//! Everything else is a note among the messages.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;

use super::failure_state::{InputDraft, InputDrafts};
use super::windows::WindowId;
use super::{EventLoop, Flow};
use crate::report::Failure;

/// The codes of failures after which a screen is of no use.
const FATAL: [&str; 2] = ["terminal", "store.stopped"];
/// The start of the codes of failures after which the store must be opened again.
const STORE: &str = "store.";
/// Free bytes that are needed before the store is opened again. Chosen: more than the longest
/// message needs.
const FREE_BYTES_MIN: usize = 256 * 1024;
/// The file that is written to find out whether there is space. It exists for a moment.
const SPACE_PROBE: &str = "space";

impl EventLoop<'_> {
    /// Reports a failure in all windows.
    ///
    /// # Errors
    /// Returns the failure if it ends the screen.
    pub(super) fn survive(&mut self, failure: Failure) -> Result<Flow, Failure> {
        let Some(report) = failure.report().filter(|report| !FATAL.contains(&report.code())) else {
            return Err(failure);
        };
        self.failures.needs_reopening |= report.code().starts_with(STORE);
        // These would fail again at once.
        (self.is_behind, self.search) = (false, None);
        let text = report.message().to_string();
        if self.failures.reported.as_ref() != Some(&text) {
            for model in self.models.values_mut() {
                model.note(&text);
                if self.failures.needs_reopening {
                    model.note("what was stored before is safe");
                }
            }
            self.failures.reported = Some(text);
            self.is_stale = true;
        }
        Ok(Flow::Continue)
    }

    /// Returns the text of the last message to its window after it was not stored.
    pub(super) fn keep_text(&mut self, window: WindowId) {
        if let Some(model) = self.models.get_mut(&window)
            && model.input_line.is_empty()
        {
            model.input_line.older();
            model.note("not sent; your text is kept: press Enter to try again");
        }
    }

    /// Opens the room again if there is space for the store.
    pub(super) fn reopen(&mut self, window: WindowId) -> Flow {
        self.keep_text(window);
        let feeds = self.session.profile().feeds_path(self.session.room().id());
        match feeds.as_deref().map_or(Ok(()), check_space) {
            Ok(()) => Flow::Reopen,
            Err(error) => {
                self.note(window, &format!("the store cannot be written yet: {error}"));
                Flow::Continue
            }
        }
    }

    /// Returns the inputs of all windows.
    pub(super) fn input_drafts(&self) -> InputDrafts {
        let draft = |(window, model): (&WindowId, &super::Model)| {
            let (channel, text) = (model.channel.clone(), model.input_line.text());
            (*window, InputDraft { channel, text })
        };
        self.models.iter().map(draft).collect()
    }

    /// Restores the inputs after the room was opened again.
    ///
    /// # Errors
    /// Fails if the store cannot read its data.
    pub(super) async fn restore_inputs(&mut self, drafts: InputDrafts) -> Result<(), Failure> {
        for (window, draft) in drafts {
            let Some(model) = self.models.get_mut(&window) else { continue };
            model.input_line.set(&draft.text);
            model.note("the store works again: press Enter to send");
            for effect in model.go_to(draft.channel) {
                self.perform(window, effect).await?;
            }
        }
        Ok(())
    }
}

/// Writes and deletes a file beside the store.
fn check_space(folder: &Path) -> io::Result<()> {
    let path = folder.join(SPACE_PROBE);
    let write = || -> io::Result<()> {
        let mut file = File::create(&path)?;
        file.write_all(&vec![0; FREE_BYTES_MIN])?;
        file.sync_all()
    };
    let written = write();
    let removed = fs::remove_file(&path);
    written.and(removed)
}
