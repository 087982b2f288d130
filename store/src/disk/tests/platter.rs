//! A simulated disk that remembers what was done to it.

use std::io;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use redb::{BackendError, StorageBackend};

/// A handle on a disk; clones are the same disk.
#[derive(Clone, Debug)]
pub(super) struct Platter(Arc<Mutex<State>>);

#[derive(Default, Debug)]
struct State {
    bytes: Vec<u8>,
    ops: Vec<Op>,
    /// After how many more operations every one fails.
    fault: Option<(usize, io::ErrorKind)>,
}

/// Something that was done to a disk.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write(usize, Vec<u8>),
    Length(usize),
    Sync,
}

impl Op {
    pub(super) fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write(offset, data) => {
                let end = offset + data.len();
                bytes.resize(bytes.len().max(end), 0);
                bytes[*offset..end].copy_from_slice(data);
            }
            Self::Length(length) => bytes.resize(*length, 0),
            Self::Sync => {}
        }
    }
}

impl Platter {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(State { bytes, ..State::default() })))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().bytes.clone()
    }

    pub(super) fn ops(&self) -> Vec<Op> {
        self.0.lock().unwrap().ops.clone()
    }

    pub(super) fn syncs(&self) -> usize {
        self.0.lock().unwrap().ops.iter().filter(|op| matches!(op, Op::Sync)).count()
    }

    /// After `place` more operations, every one fails.
    pub(super) fn fail_at(&self, place: usize, error: io::ErrorKind) {
        self.0.lock().unwrap().fault = Some((place, error));
    }

    pub(super) fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    fn act(&self, op: Op) -> io::Result<()> {
        let state = &mut *self.0.lock().unwrap();
        match &mut state.fault {
            Some((0, error)) => return Err((*error).into()),
            Some((left, _)) => *left -= 1,
            None => {}
        }
        op.apply(&mut state.bytes);
        state.ops.push(op);
        Ok(())
    }
}

/// A disk after a power cut: what was synced, and of what was not, what `which` says.
pub(super) fn cut(synced: &[u8], pending: &[Op], which: usize, chance: &mut u64) -> Vec<u8> {
    let mut bytes = synced.to_vec();
    for (place, op) in pending.iter().enumerate() {
        *chance ^= *chance << 13;
        *chance ^= *chance >> 7;
        *chance ^= *chance << 17;
        let is_last = place + 1 == pending.len();
        let mut op = op.clone();
        let is_kept = match (which, &mut op) {
            (0, _) => true,
            (1, _) => false,
            // The last write is torn: its front arrived, or its back.
            (2, Op::Write(_, data)) if is_last => {
                data.truncate(*chance as usize % data.len());
                true
            }
            (3, Op::Write(offset, data)) if is_last => {
                let front = *chance as usize % data.len();
                *offset += front;
                data.drain(..front);
                true
            }
            (2 | 3, _) => true,
            _ => chance.is_multiple_of(2),
        };
        if is_kept {
            op.apply(&mut bytes);
        }
    }
    bytes
}

impl StorageBackend for Platter {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().unwrap().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.0.lock().unwrap();
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = from.checked_add(out.len()).and_then(|end| state.bytes.get(from..end));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        // Disks end somewhere; a damaged header must not make this one take all memory.
        let length = usize::try_from(len).ok().filter(|length| *length < 1 << 28);
        self.act(Op::Length(length.ok_or(io::ErrorKind::StorageFull)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.act(Op::Sync)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.act(Op::Write(offset as usize, data.to_vec()))
    }

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
