//! Locks a profile for one process, because two processes that append to a feed would fork it.

use std::fs::{File, TryLockError};
use std::io::{self, Seek, Write};
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::files;
use crate::exit::ExitCode;
use crate::report::Failure;

const FILE: &str = "LOCK";

/// A lock on a profile. The system releases it when the process ends for any reason.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Locks the profile in a folder.
    ///
    /// # Errors
    /// Exit 5 with the process that holds the lock.
    pub(super) fn acquire(folder: &Path, profile: &str) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let failed = |error: io::Error| files::failed("lock", &path, &error);
        let file = files::open_or_create(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = files::read_open(&file, &path).unwrap_or_default();
                return Err(in_use(profile, &String::from_utf8_lossy(&holder)));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        write_holder(&file).map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Writes the holder of the lock, for error messages of other processes.
fn write_holder(mut file: &File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    let started = Timestamp::now();
    writeln!(file, "pid {}\nstarted {started:.0}", std::process::id())
}

fn in_use(profile: &str, holder: &str) -> Failure {
    let field =
        |name: &str| holder.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let pid = field("pid").and_then(|pid| pid.parse::<u32>().ok());
    let started = field("started").and_then(|time| time.parse::<Timestamp>().ok());
    let since = started.map(|time| time.to_zoned(TimeZone::system()).strftime("%H:%M").to_string());
    let who = match (pid, since) {
        (Some(pid), Some(since)) => format!(" (pid {pid}, since {since})"),
        (Some(pid), None) => format!(" (pid {pid})"),
        _ => String::new(),
    };
    let message = format!("profile \"{profile}\" is already open{who}");
    Failure::new(ExitCode::InUse, "store.locked", message)
        .help("use that window, close it, or pick another  --profile NAME")
}
