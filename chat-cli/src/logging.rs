//! Starts the log and selects its destination and level.
//!
//! Rule: a log never disturbs an input line: in interactive sessions it goes to a file.

use std::io;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

use crate::args::Global;
use crate::exit::ExitCode;
use crate::profile::Profile;
use crate::report::Failure;

/// The destination of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard error.
    Stderr,
    /// A file of the profile.
    File,
}

/// Starts the log if the flags ask for it.
///
/// # Errors
/// Exit 2 if the filter is invalid.
pub fn start(global: &Global, target: LogTarget, profile: &Profile) -> Result<(), Failure> {
    let filter = match (&global.log, global.verbose) {
        (Some(filter), _) => filter.clone(),
        (None, 0) => return Ok(()),
        (None, 1) => "multifeed=info,multifeed_tcp=info".to_string(),
        (None, 2) => "multifeed=debug,multifeed_tcp=debug".to_string(),
        (None, _) => "trace".to_string(),
    };
    let filter = EnvFilter::try_new(&filter).map_err(|error| {
        Failure::new(ExitCode::Usage, "log.filter", format!("cannot read --log {filter}: {error}"))
            .help("for example  --log multifeed_tcp=debug")
    })?;
    match target {
        LogTarget::Stderr => subscribe(filter, io::stderr),
        LogTarget::File => {
            if let Some(file) = profile.log_file()? {
                subscribe(filter, file);
            }
        }
    }
    Ok(())
}

fn subscribe<W>(filter: EnvFilter, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let subscriber =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false);
    // Fails only if a log is already set, on a second start in one process.
    let _ = subscriber.try_init();
}
