//! Output of the program.

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

    /// Prints a result line. A closed output is ignored.
    pub(crate) fn line(&mut self, line: &str) {
        _ = writeln!(self.out, "{line}");
    }

    /// Prints a progress line.
    pub(crate) fn progress(&mut self, line: &str) {
        _ = writeln!(self.err, "{line}");
    }

    /// Prints an error.
    pub(crate) fn error(&mut self, line: &str) {
        _ = writeln!(self.err, "error: {line}");
    }
}

/// Bytes as hexadecimal.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
