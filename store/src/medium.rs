//! The storage medium under a disk store.
//!
//! Rule: this interface does not mention the storage engine, so a program can replace the file
//! without knowing the engine.

use std::fmt::Debug;
use std::io;

/// A sequence of bytes that outlives the process: a file, or a stand-in for one such as
/// [`SimDisk`](crate::SimDisk).
///
/// A write may be lost in a power cut until the next [`sync`](Self::sync) has returned. After any
/// of these calls fails, the store closes itself and retries nothing.
pub trait Medium: Debug + Send + Sync + 'static {
    /// Returns the length in bytes.
    fn length(&self) -> io::Result<u64>;

    /// Fills `out` completely from `offset` on; fails if the range exceeds the length.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of `bytes`; the range lies within the length.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Truncates to this length, or extends to it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes all earlier writes durable.
    fn sync(&self) -> io::Result<()>;

    /// Releases resources. No other call follows.
    fn close(&self) -> io::Result<()> {
        Ok(())
    }
}
