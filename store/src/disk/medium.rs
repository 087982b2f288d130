//! What the bytes of a store lie on.
//!
//! Rule: the engine's own idea of a backend ends here, so that a program can stand in for the disk
//! without knowing the engine.

use std::fmt::Debug;
use std::io;
use std::ops::Bound;

use redb::{BackendError, StorageBackend};

/// A run of bytes that outlives the process: a file, or what stands in for one, as a
/// [`Platter`](crate::Platter) does.
///
/// What was written counts as lost by a power cut until [`sync`](Self::sync) has returned. After
/// an error of any of these calls the store is closed, and nothing is tried again.
pub trait Medium: Debug + Send + Sync + 'static {
    /// How many bytes there are.
    fn length(&self) -> io::Result<u64>;

    /// Reads exactly as many bytes as fit `out`. Less than that is an error, as behind the end.
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// Writes all of these bytes, below the length.
    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Cuts the bytes to this length, or fills them up to it with zeros.
    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Makes durable what was written before.
    fn sync(&self) -> io::Result<()>;

    /// Nothing will be asked any more.
    fn close(&self) -> io::Result<()> {
        Ok(())
    }
}

/// A medium as the engine sees it. It is nobody else's already, so locks are always granted.
#[derive(Debug)]
pub(super) struct Backend<M>(pub(super) M);

impl<M: Medium> StorageBackend for Backend<M> {
    fn len(&self) -> io::Result<u64> {
        self.0.length()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_length(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
