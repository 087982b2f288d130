//! Writes crash reports.
//!
//! Rule: a crash report contains the source position and backtrace only. It omits the panic
//! message (it may contain a message's text), the arguments (they may contain an invite) and the
//! environment.

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;

/// The most crash reports that are kept, so a program that crashes at every start does not fill
/// the disk. Chosen: a few reports show a pattern.
const FILES_MAX: usize = 10;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Sets the folder for crash reports. Without it, none is written.
pub fn set_folder(folder: PathBuf) {
    // Fails only if the folder is already set, on a second start in one process.
    let _ = FOLDER.set(folder);
}

thread_local! {
    /// Whether a panic of this thread is caught and converted to an error.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// Runs a call of a library that panics on damaged files; `None` if it panicked. The panic is not
/// reported as a crash.
pub fn catch<T>(call: impl FnOnce() -> T) -> Option<T> {
    let before = IS_CAUGHT.replace(true);
    // The caller discards what the call was changing.
    let done = catch_unwind(AssertUnwindSafe(call)).ok();
    IS_CAUGHT.set(before);
    done
}

/// Returns whether a panic of this thread is caught and converted to an error.
pub fn is_caught() -> bool {
    IS_CAUGHT.get()
}

/// Writes a crash report if the folder is set, and returns its path. This function must not
/// panic.
pub fn record(place: &str) -> Option<PathBuf> {
    write_into(FOLDER.get()?, place).ok()
}

/// Returns the number of crash reports in a folder.
pub fn count(folder: &Path) -> usize {
    files(folder).map_or(0, |files| files.len())
}

fn write_into(folder: &Path, place: &str) -> io::Result<PathBuf> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(folder)?;
    let mut old = files(folder)?;
    while old.len() >= FILES_MAX {
        fs::remove_file(old.remove(0))?;
    }
    let now = Timestamp::now();
    let name = format!("{}-{}.txt", now.strftime("%Y%m%dT%H%M%S"), std::process::id());
    let path = folder.join(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&path)?;
    let (version, os) = (env!("CARGO_PKG_VERSION"), std::env::consts::OS);
    let thread = std::thread::current().name().unwrap_or("without a name").to_string();
    writeln!(file, "multichat {version} on {os} {}, {now:.0}", std::env::consts::ARCH)?;
    writeln!(file, "crashed{place}, thread {thread}\n")?;
    // Function names and source lines, without values.
    writeln!(file, "{}", Backtrace::force_capture())?;
    file.sync_all()?;
    Ok(path)
}

/// Returns the crash reports, oldest first.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    let is_ours = |path: &PathBuf| path.extension().is_some_and(|end| end == "txt");
    let mut files: Vec<_> = paths.into_iter().filter(is_ours).collect();
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
