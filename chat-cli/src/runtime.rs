//! The runtime of a command that waits for things.

use std::time::Duration;

use crate::exit::ExitCode;
use crate::report::Failure;

/// How long the end waits for what the system still does, such as looking up a name.
const SHUTDOWN_MS: u64 = 100;

/// Runs a command that waits for things, on a runtime of this thread.
pub fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| {
        Failure::new(ExitCode::Failed, "node.runtime", format!("cannot start: {error}"))
    })?;
    let done = runtime.block_on(command);
    runtime.shutdown_timeout(Duration::from_millis(SHUTDOWN_MS));
    done
}
