//! What is written down when the program crashes, so that it can be reported.
//!
//! Rule: a crash file holds where it was and nothing of what was going on: no words of the panic,
//! which can be text of a message, no arguments, which can be an invite, and no environment.

use std::backtrace::Backtrace;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
#[cfg(unix)]
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use jiff::Timestamp;

/// Crash files that are kept. A program that crashes at every start fills no disk.
const FILES_MAX: usize = 10;

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// Says where crashes are written down. Before that, and without it, none is.
pub fn set_folder(folder: PathBuf) {
    // Only a second start in one process finds it set, and then it is known already.
    let _ = FOLDER.set(folder);
}

/// Writes a crash down, if it is known where to; gives the file. Nothing in here may crash.
pub fn record(place: &str) -> Option<PathBuf> {
    write_into(FOLDER.get()?, place).ok()
}

/// How many are written down in a folder.
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
    // Names of functions and lines of sources; no values.
    writeln!(file, "{}", Backtrace::force_capture())?;
    file.sync_all()?;
    Ok(path)
}

/// The oldest first.
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
