//! The signals that ask the program to end.

use std::io;

use crate::exit::ExitCode;
use crate::report::Failure;

/// Listens for the signals from its making on, so that none is missed in between.
#[derive(Debug)]
pub struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
}

impl Signals {
    /// Takes over SIGINT and SIGTERM.
    ///
    /// # Errors
    /// If the system does not let us.
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

    /// Waits for one, and gives the code to end with.
    #[cfg(unix)]
    pub async fn next(&mut self) -> ExitCode {
        tokio::select! {
            _ = self.interrupt.recv() => ExitCode::Interrupted,
            _ = self.terminate.recv() => ExitCode::Terminated,
        }
    }

    /// Waits for one, and gives the code to end with.
    #[cfg(not(unix))]
    pub async fn next(&mut self) -> ExitCode {
        // Where there is no handler to be had, nothing ever asks.
        match tokio::signal::ctrl_c().await {
            Ok(()) => ExitCode::Interrupted,
            Err(_) => std::future::pending().await,
        }
    }
}
