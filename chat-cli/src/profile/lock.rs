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
/// The line of a holder that releases the lock soon.
const BRIEF: &str = "brief";

/// A lock on a profile. The system releases it when the process ends for any reason.
#[derive(Debug)]
pub struct Lock {
    file: Option<File>,
    is_read_only: bool,
}

impl Lock {
    /// Locks the profile in a folder, also on a read-only file system.
    ///
    /// # Errors
    /// Exit 5 with the process that holds the lock.
    pub(super) fn acquire(folder: &Path, profile: &str) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let failed = |error: io::Error| files::failed("lock", &path, &error);
        let (file, is_read_only) = match files::open_or_create(&path) {
            Ok(file) => (file, false),
            Err(error) if files::is_read_only(&error) => match files::open_existing(&path) {
                Ok(file) => (file, true),
                // No process can have created it, so none can write here.
                Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                    return Ok(Self { file: None, is_read_only: true });
                }
                Err(_) => return Err(failed(error)),
            },
            Err(error) => return Err(failed(error)),
        };
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = files::read_open(&file, &path).unwrap_or_default();
                return Err(in_use(profile, &String::from_utf8_lossy(&holder)));
            }
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        if !is_read_only {
            write_holder(&file).map_err(failed)?;
        }
        Ok(Self { file: Some(file), is_read_only })
    }

    /// Notes for other processes that the lock is released soon.
    pub(super) fn set_brief(&self) {
        if let Some(mut file) = self.file.as_ref().filter(|_| !self.is_read_only) {
            // If this fails, other processes do not wait as long.
            let _ = writeln!(file, "{BRIEF}");
        }
    }

    /// Returns whether the process that has locked the profile in a folder releases it soon.
    pub(super) fn is_brief(folder: &Path) -> bool {
        let holder = files::read(&folder.join(FILE)).ok().flatten();
        let is_line =
            |text: &[u8]| text.split(|byte| *byte == b'\n').any(|line| line == BRIEF.as_bytes());
        holder.is_some_and(|text| is_line(&text))
    }

    /// Returns whether the profile can only be read.
    pub(super) fn is_read_only(&self) -> bool {
        self.is_read_only
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
