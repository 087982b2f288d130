//! Calls of the storage engine, `redb`: its errors and panics become failures.
//!
//! Rule: corruption in a file never panics out of this crate.

use std::panic::{AssertUnwindSafe, catch_unwind};

use redb::Database;

use crate::failure::{Failure, FailureKind};

/// Runs a call of the engine. The engine panics on some corruption; such a panic becomes a failure.
pub(super) fn catch_panic<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // Unwind safety: a commit that panics drops the database. A read that panics has changed only
    // the engine's caches; their locks are then poisoned, and later calls fail.
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().copied().map(str::to_owned);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Failure::new(FailureKind::Damaged).with_source(message.unwrap_or_default()))
    })
}

/// Closes the engine's file. The engine does so in `drop`, which panics on some corruption. Must
/// not be called during unwinding: a second panic would abort the process.
pub(super) fn close(database: Database) {
    // Closing makes nothing more durable, so its failure has no consequence for the caller.
    let _ = catch_panic(move || {
        drop(database);
        Ok(())
    });
}

/// Converts an error of the engine.
pub(super) fn failure(error: impl Into<redb::Error>) -> Failure {
    match error.into() {
        redb::Error::Io(error) => Failure::from_io(error),
        error @ (redb::Error::PreviousIo | redb::Error::DatabaseClosed) => {
            Failure::new(FailureKind::Closed).with_source(error)
        }
        error @ redb::Error::ValueTooLarge(_) => Failure::new(FailureKind::Io).with_source(error),
        // Corrupt pages, and tables that are missing or of another type. The remaining variants
        // answer calls that this crate never makes.
        error => Failure::new(FailureKind::Damaged).with_source(error),
    }
}
