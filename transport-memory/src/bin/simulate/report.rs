//! Everything that is printed.

use std::io::{self, Write};

/// Standard output and standard error.
#[derive(Debug)]
pub(crate) struct Report {
    out: io::Stdout,
    err: io::Stderr,
}

impl Report {
    pub(crate) fn new() -> Self {
        Self { out: io::stdout(), err: io::stderr() }
    }

    /// A line of what was asked for. Nobody listens any more: nothing to do about it.
    pub(crate) fn line(&mut self, line: &str) {
        _ = writeln!(self.out, "{line}");
    }

    /// A line on how it goes.
    pub(crate) fn progress(&mut self, line: &str) {
        _ = writeln!(self.err, "{line}");
    }

    /// What went wrong.
    pub(crate) fn error(&mut self, line: &str) {
        _ = writeln!(self.err, "error: {line}");
    }
}

/// Bytes as hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
