//! Listens for the signals that end the program.

use std::io;

use crate::exit::ExitCode;
use crate::report::Failure;

/// Listens for the signals from its creation on, so that none is missed.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Registers for SIGINT and SIGTERM.
    ///
    /// # Errors
    /// Fails if the system refuses.
    pub fn listen() -> Result<Self, Failure> {
        Self::new().map_err(|error| {
            let message = format!("cannot listen for signals: {error}");
            Failure::new(ExitCode::Failed, "signals", message)
        })
    }

    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    #[cfg(not(unix))]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for a signal and returns the exit code.
    #[cfg(unix)]
    pub async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
        }
    }

    /// Waits for a signal and returns the exit code.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> ExitCode {
        // If no handler can be installed, this waits forever.
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
