//! Writes down what crosses the border of the core, to be done again later.
//!
//! Rule: the node never waits for it. A disk that falls too far behind ends the record, aloud; what
//! is in it until then can still be done again.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use multifeed_core::Multifeed;

/// Turns of the driver that wait to be written: each is a few chunks of 64 KiB at most.
const TURNS_MAX: usize = 256;

/// A record being written by a thread of its own.
pub(crate) struct Recorder {
    turns: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Makes the file, which must not be there yet; only its owner may read it, for it holds the
    /// secrets of the session.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let (turns, written) = sync_channel(TURNS_MAX);
        let thread = thread::Builder::new().name("record".into());
        let thread = thread.spawn(move || write_all(file, &written))?;
        Ok(Self { turns: Some(turns), thread: Some(thread) })
    }

    /// Takes what was recorded in a turn.
    pub(crate) fn take(&mut self, core: &mut Multifeed) {
        let turn = core.take_record();
        let Some(turns) = self.turns.as_ref().filter(|_| !turn.is_empty()) else { return };
        if turns.try_send(turn).is_err() {
            tracing::error!("the record ends here: its file could not be written fast enough");
            self.turns = None;
        }
    }

    /// Writes down the state at the end, and waits for the file.
    pub(crate) fn finish(mut self, core: &mut Multifeed) {
        core.record_state();
        self.take(core);
        self.turns = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has nothing more to say than its own message.
            _ = thread.join();
        }
    }
}

fn write_all(mut file: impl Write, turns: &Receiver<Vec<u8>>) {
    for turn in turns {
        if let Err(error) = file.write_all(&turn) {
            tracing::error!(%error, "the record ends here");
            return;
        }
    }
}

#[cfg(test)]
mod tests;
