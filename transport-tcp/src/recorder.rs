//! Records the inputs and outputs of the core to a file, for replay.
//!
//! Rule: the node never waits for the file. If the disk falls too far behind, the recording ends
//! with an error in the log; the part written so far can still be replayed.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use multifeed_core::Multifeed;

#[cfg(test)]
mod tests;

/// The most rounds of the driver that wait to be written. Chosen, not measured: a usual round
/// records one chunk of 64 KiB, so at most 16 MiB wait, which a disk of 160 MB/s writes in 0.1 s. A
/// round under full load records up to 1 MiB (`ROUND_INPUTS_MAX` chunks).
const ROUNDS_MAX: usize = 256;

/// A recording, written by its own thread.
pub(crate) struct Recorder {
    rounds: Option<SyncSender<Vec<u8>>>,
    thread: Option<JoinHandle<()>>,
}

impl Recorder {
    /// Creates the file, which must not exist. It is private to its owner, because it contains the
    /// secrets of the session.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path)?;
        let (rounds, recorded) = sync_channel(ROUNDS_MAX);
        let thread = thread::Builder::new().name("record".into());
        let thread = thread.spawn(move || write_all(file, &recorded))?;
        Ok(Self { rounds: Some(rounds), thread: Some(thread) })
    }

    /// Passes what the core recorded in a round to the thread.
    pub(crate) fn record_round(&mut self, core: &mut Multifeed) {
        let round = core.take_record();
        let Some(rounds) = self.rounds.as_ref().filter(|_| !round.is_empty()) else { return };
        if rounds.try_send(round).is_err() {
            tracing::error!("recording stopped: the disk is too slow for its file");
            self.rounds = None;
        }
    }

    /// Records the final state, and waits until the file is written.
    pub(crate) fn finish(mut self, core: &mut Multifeed) {
        core.record_state();
        self.record_round(core);
        self.rounds = None;
        if let Some(thread) = self.thread.take() {
            // The panic hook has already reported a panic of the thread.
            _ = thread.join();
        }
    }
}

fn write_all(mut file: impl Write, rounds: &Receiver<Vec<u8>>) {
    for round in rounds {
        if let Err(error) = file.write_all(&round) {
            tracing::error!(%error, "recording stopped: writing its file failed");
            return;
        }
    }
}
