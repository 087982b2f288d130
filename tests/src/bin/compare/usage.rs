//! A process's resource usage according to the kernel (Linux, proc(5)).

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// A watched process.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    folder: PathBuf,
}

impl Usage {
    /// Watches the process with this id.
    pub(crate) fn of(process: u32) -> Self {
        Self { folder: PathBuf::from(format!("/proc/{process}")) }
    }

    /// Processor time of all live threads. No measured system ends threads during an exchange.
    pub(crate) fn cpu(&self) -> io::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(self.folder.join("task"))? {
            // A thread that has ended meanwhile has no file any more.
            let Ok(text) = fs::read_to_string(task?.path().join("schedstat")) else { continue };
            nanos += number(text.split(' ').next())?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Its peak memory, in bytes.
    pub(crate) fn peak_memory(&self) -> io::Result<u64> {
        let status = fs::read_to_string(self.folder.join("status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
        Ok(number(kibibytes)? * 1024)
    }

    /// Open file descriptors.
    pub(crate) fn descriptors(&self) -> io::Result<usize> {
        Ok(fs::read_dir(self.folder.join("fd"))?.count())
    }
}

fn number(text: Option<&str>) -> io::Result<u64> {
    let number = text.and_then(|text| text.trim().parse().ok());
    number.ok_or_else(|| io::Error::other("unexpected format of a proc(5) file"))
}
