//! A disk in memory, under a disk store: it remembers what was done to it, and fails on demand.
//!
//! Rule: nothing here knows what the bytes mean. What a power cut may leave of them is decided in
//! [`Cut`].

mod cut;
mod image;

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::Medium;

pub use cut::{Cut, SECTOR_BYTES, Tear};
pub use image::Image;

#[cfg(test)]
mod tests;

/// A disk ends somewhere: a damaged header must not make this one take all memory.
const LENGTH_MAX: u64 = 1 << 28;

/// A handle on a disk; clones are the same disk.
#[derive(Clone, Debug)]
pub struct Platter(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    image: Image,
    /// What was done, if it is recorded.
    log: Option<Vec<Op>>,
    operations: usize,
    syncs: usize,
    fault: Option<Fault>,
    struck: usize,
}

/// What an operation does, as far as faults care.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    Other,
}

/// Something that was done to a disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Op {
    /// Bytes were written at an offset.
    Write(u64, Bytes),
    /// The length was set.
    Length(u64),
    /// All before it was made durable.
    Sync,
}

/// What goes wrong with a disk, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// The first operation that it strikes, reads included, counted from 0 on.
    pub at: usize,
    /// How it goes wrong.
    pub kind: FaultKind,
    /// Whether it strikes every operation from then on.
    pub stays: bool,
}

/// How an operation goes wrong. Those that a kind does not name are sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FaultKind {
    /// Any operation fails with this.
    Error(io::ErrorKind),
    /// The front of what was to be read arrives, and then the end of the file.
    ShortRead,
    /// The front of what was to be written is written, and then the disk is full.
    ShortWrite,
}

impl Platter {
    /// A disk that holds this and is sound; it records nothing.
    pub fn new(image: Image) -> Self {
        let (log, operations, syncs, fault, struck) = (None, 0, 0, None, 0);
        Self(Arc::new(Mutex::new(State { image, log, operations, syncs, fault, struck })))
    }

    /// The same, but it writes down what is done to it.
    pub fn recording(image: Image) -> Self {
        let platter = Self::new(image);
        platter.state().log = Some(Vec::new());
        platter
    }

    /// What it holds now, synced or not.
    pub fn image(&self) -> Image {
        self.state().image.clone()
    }

    /// What was done to it since it was made; nothing unless it records.
    pub fn log(&self) -> Vec<Op> {
        self.state().log.clone().unwrap_or_default()
    }

    /// How many entries [`log`](Self::log) has.
    pub fn log_length(&self) -> usize {
        self.state().log.as_ref().map_or(0, Vec::len)
    }

    /// How many operations there were, reads included.
    pub fn operations(&self) -> usize {
        self.state().operations
    }

    /// How many syncs there were.
    pub fn syncs(&self) -> usize {
        self.state().syncs
    }

    /// Goes wrong like this; whatever was told before is forgotten.
    pub fn fail(&self, fault: Fault) {
        self.state().fault = Some(fault);
    }

    /// How many operations went wrong.
    pub fn struck(&self) -> usize {
        self.state().struck
    }

    /// Is sound again.
    pub fn heal(&self) {
        self.state().fault = None;
    }

    // Nothing panics while it holds the lock, so a poisoned one is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Counts an operation, and says what goes wrong with it.
    fn begin(&mut self, access: Access) -> Option<FaultKind> {
        let place = self.operations;
        self.operations += 1;
        let fault = self.fault.filter(|fault| match fault.stays {
            true => fault.at <= place,
            false => fault.at == place,
        });
        let fault = fault.filter(|fault| match fault.kind {
            FaultKind::Error(_) => true,
            FaultKind::ShortRead => access == Access::Read,
            FaultKind::ShortWrite => access == Access::Write,
        });
        self.struck += usize::from(fault.is_some());
        fault.map(|fault| fault.kind)
    }

    fn act(&mut self, op: Op) {
        self.image.apply(&op);
        if let Some(log) = &mut self.log {
            log.push(op);
        }
    }
}

impl Medium for Platter {
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
        let is_inside = offset.checked_add(bytes.len() as u64).is_some_and(|end| end <= LENGTH_MAX);
        if !is_inside {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match state.begin(Access::Write) {
            Some(FaultKind::Error(kind)) => return Err(kind.into()),
            Some(_) => {
                let front = bytes.get(..bytes.len() / 2).unwrap_or_default();
                state.act(Op::Write(offset, Bytes::copy_from_slice(front)));
                return Err(io::ErrorKind::StorageFull.into());
            }
            None => {}
        }
        state.act(Op::Write(offset, Bytes::copy_from_slice(bytes)));
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
        state.act(Op::Length(length));
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.state();
        if let Some(FaultKind::Error(kind)) = state.begin(Access::Other) {
            return Err(kind.into());
        }
        state.syncs += 1;
        state.act(Op::Sync);
        Ok(())
    }
}
