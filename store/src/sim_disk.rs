//! A simulated disk in memory: it records operations and fails on demand.
//!
//! Rule: nothing here interprets the bytes. [`PowerCut`](power_cut::PowerCut) alone decides what a
//! power cut may leave.

pub(crate) mod image;
pub(crate) mod power_cut;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use self::image::{DiskImage, DiskOp};
use crate::medium::Medium;

#[cfg(test)]
mod tests;

/// The size of the disk. Without it, a corrupt header could make the engine extend the file until
/// memory runs out. 256 MiB is a judgement: 20 times the largest file that the tests write
/// (20,000 blocks, 12 MB; README, "Why redb").
const LENGTH_MAX: u64 = 1 << 28;

/// A handle of a simulated disk. Clones are handles of the same disk.
#[derive(Clone, Debug)]
pub struct SimDisk(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    image: DiskImage,
    /// All changes so far, if they are recorded.
    log: Option<Vec<DiskOp>>,
    operations: usize,
    syncs: usize,
    fault: Option<Fault>,
    faults_hit: usize,
}

/// The kind of an operation, as far as faults depend on it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Other,
}

/// A fault of a disk, and when it occurs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The first operation that fails, counted from 0; reads count.
    pub at: usize,
    /// How it fails.
    pub kind: FaultKind,
    /// Whether every later operation fails too.
    pub is_permanent: bool,
}

/// How an operation fails. Operations that a kind does not name succeed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Any operation fails with this error.
    Error(io::ErrorKind),
    /// A read returns the first half of the bytes, then fails with the end of the file.
    ShortRead,
    /// A write stores the first half of the bytes, then fails because the disk is full.
    ShortWrite,
}

impl SimDisk {
    /// Makes a disk with these contents and no fault, which records nothing.
    pub fn new(image: DiskImage) -> Self {
        Self(Arc::new(Mutex::new(State {
            image,
            log: None,
            operations: 0,
            syncs: 0,
            fault: None,
            faults_hit: 0,
        })))
    }

    /// Makes a disk that records every change.
    pub fn recording(image: DiskImage) -> Self {
        let disk = Self::new(image);
        disk.state().log = Some(Vec::new());
        disk
    }

    /// Returns the current contents, synced or not.
    pub fn image(&self) -> DiskImage {
        self.state().image.clone()
    }

    /// Returns every change so far; empty unless the disk records.
    pub fn log(&self) -> Vec<DiskOp> {
        self.state().log.clone().unwrap_or_default()
    }

    /// Returns the number of entries in [`log`](Self::log).
    pub fn log_length(&self) -> usize {
        self.state().log.as_ref().map_or(0, Vec::len)
    }

    /// Returns the number of operations so far; reads count.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// Returns the number of successful syncs so far.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Schedules a fault, and replaces an earlier one.
    pub fn inject(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// Returns the number of operations that a fault made fail.
    pub fn faults_hit(&self) -> usize {
        self.state().faults_hit
    }

    /// Removes the scheduled fault.
    pub fn clear_fault(&self) {
        self.state().fault = None;
    }

    // No code panics while it holds the lock, so the state behind a poisoned lock is valid.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Fault {
    fn occurs_at(&self, operation: usize) -> bool {
        if self.is_permanent { self.at <= operation } else { self.at == operation }
    }

    fn affects(&self, access: Access) -> bool {
        match self.kind {
            FaultKind::Error(_) => true,
            FaultKind::ShortRead => access == Access::Read,
            FaultKind::ShortWrite => access == Access::Write,
        }
    }
}

impl State {
    /// Counts an operation, and returns how it fails, if it does.
    fn begin(&mut self, access: Access) -> Option<FaultKind> {
        let operation = self.operations;
        self.operations += 1;
        let fault = self.fault.filter(|fault| fault.occurs_at(operation) && fault.affects(access));
        self.faults_hit += usize::from(fault.is_some());
        fault.map(|fault| fault.kind)
    }

    fn apply(&mut self, op: DiskOp) {
        self.image.apply(&op);
        if let Some(log) = &mut self.log {
            log.push(op);
        }
    }
}

impl Medium for SimDisk {
    fn length(&self) -> io::Result<u64> {
        Ok(self.state().image.length())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut state = self.state();
        match state.begin(Access::Read) {
            Some(FaultKind::Error(kind)) => Err(kind.into()),
            Some(_) => {
                let front = out.len() / 2;
                state.image.read(offset, out.get_mut(..front).unwrap_or_default())?;
                Err(io::ErrorKind::UnexpectedEof.into())
            }
            None => state.image.read(offset, out),
        }
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let fits = offset.checked_add(bytes.len() as u64).is_some_and(|end| end <= LENGTH_MAX);
        if !fits {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match state.begin(Access::Write) {
            Some(FaultKind::Error(kind)) => return Err(kind.into()),
            Some(_) => {
                let front = bytes.get(..bytes.len() / 2).unwrap_or_default();
                state.apply(DiskOp::Write(offset, Bytes::copy_from_slice(front)));
                return Err(io::ErrorKind::StorageFull.into());
            }
            None => {}
        }
        state.apply(DiskOp::Write(offset, Bytes::copy_from_slice(bytes)));
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        if length > LENGTH_MAX {
            return Err(io::ErrorKind::StorageFull.into());
        }
        if let Some(FaultKind::Error(kind)) = state.begin(Access::Other) {
            return Err(kind.into());
        }
        state.apply(DiskOp::SetLength(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if let Some(FaultKind::Error(kind)) = state.begin(Access::Other) {
            return Err(kind.into());
        }
        state.syncs += 1;
        state.apply(DiskOp::Sync);
        Ok(())
    }
}
