//! Keeps the length that the user has signed of each own feed, apart from the feeds.
//!
//! Rule: a mark never shrinks, and no command deletes one. With a lost or an older store the user
//! would otherwise sign an index a second time, and every peer would see two histories.
//!
//! ```text
//!  bytes  of a slot; the file has two, at 0 and at 512, which are written alternately
//!  8      "mcsigned"
//!  32     the key of the feed
//!  8      the length, little-endian
//!  4      CRC-32 of the bytes before, little-endian
//! ```

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::files;
use crate::exit::ExitCode;
use crate::report::Failure;

const MAGIC: &[u8; 8] = b"mcsigned";
const SLOT_BYTES: usize = 52;
/// The distance of the slots. Derivation: the sector size of a disk, so that a write that is cut
/// off damages one slot.
const SLOT_DISTANCE: u64 = 512;

/// The length that the user has signed of one feed.
#[derive(Debug)]
pub struct SignedMark {
    key: [u8; 32],
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// `None` if nothing can be written: in memory, or on a read-only file system.
    file: Option<File>,
    /// `None` if the file is damaged.
    length: Option<u64>,
    /// The slot to write next.
    next: u64,
}

impl SignedMark {
    /// Creates a mark that is not stored.
    pub(super) fn in_memory(key: [u8; 32]) -> Self {
        Self::with(key, State { file: None, length: Some(0), next: 0 })
    }

    /// Opens or creates the mark of a feed. The caller holds the profile's lock.
    ///
    /// # Errors
    /// Exit 6 if the mark belongs to another feed: then the identity is not the one that signed.
    pub(super) fn open(folder: &Path, name: &str, key: [u8; 32]) -> Result<Self, Failure> {
        files::private_folder(folder)?;
        let path = folder.join(name);
        if !path.exists() {
            files::write(folder, name, &encode(&key, 0))?;
        }
        let failed = |error: io::Error| files::failed("write", &path, &error);
        let file = files::open_or_create(&path).map_err(failed)?;
        Self::found(key, read(&file, &path)?, Some(file), &path)
    }

    /// Opens the mark of a feed on a read-only file system.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub(super) fn open_read_only(path: PathBuf, key: [u8; 32]) -> Result<Self, Failure> {
        match files::open_existing(&path) {
            Ok(file) => Self::found(key, read(&file, &path)?, None, &path),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Self::in_memory(key)),
            Err(error) => Err(files::failed("read", &path, &error)),
        }
    }

    fn found(
        key: [u8; 32],
        found: Option<Slot>,
        file: Option<File>,
        path: &Path,
    ) -> Result<Self, Failure> {
        let (length, next) = match found {
            None => (None, 0),
            Some(found) if found.key == key => (Some(found.length), 1 - found.slot),
            Some(_) => return Err(other_identity(path)),
        };
        Ok(Self::with(key, State { file, length, next }))
    }

    fn with(key: [u8; 32], state: State) -> Self {
        Self { key, state: Mutex::new(state) }
    }

    /// Returns the signed length; `None` if the mark is damaged.
    pub fn length(&self) -> Option<u64> {
        self.state().length
    }

    /// Notes durably that this length is signed. A smaller length than before changes nothing.
    ///
    /// # Errors
    /// Fails if it cannot be written.
    pub fn raise(&self, length: u64) -> io::Result<()> {
        if self.length().is_some_and(|known| length <= known) {
            return Ok(());
        }
        self.raise_to(length)
    }

    fn raise_to(&self, length: u64) -> io::Result<()> {
        let mut state = self.state();
        let slot = state.next;
        if let Some(file) = &mut state.file {
            file.seek(SeekFrom::Start(slot * SLOT_DISTANCE))?;
            file.write_all(&encode(&self.key, length))?;
            file.sync_data()?;
        }
        state.length = Some(length);
        state.next = 1 - slot;
        Ok(())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        // A panic elsewhere leaves a state that matches the file.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A valid slot of a file.
struct Slot {
    key: [u8; 32],
    length: u64,
    /// Which of the two it is.
    slot: u64,
}

/// Returns the valid slot with the greatest length; `None` if no slot is valid.
fn read(file: &File, path: &Path) -> Result<Option<Slot>, Failure> {
    let mut bytes = Vec::new();
    let mut bounded = file.take(SLOT_DISTANCE + SLOT_BYTES as u64);
    bounded.read_to_end(&mut bytes).map_err(|error| files::failed("read", path, &error))?;
    let slots = [(0, &bytes[..]), (1, bytes.get(SLOT_DISTANCE as usize..).unwrap_or_default())];
    let valid = slots
        .into_iter()
        .filter_map(|(slot, bytes)| decode(bytes).map(|(key, length)| Slot { key, length, slot }));
    Ok(valid.max_by_key(|slot| slot.length))
}

fn encode(key: &[u8; 32], length: u64) -> [u8; SLOT_BYTES] {
    let mut slot = [0; SLOT_BYTES];
    slot[..8].copy_from_slice(MAGIC);
    slot[8..40].copy_from_slice(key);
    slot[40..48].copy_from_slice(&length.to_le_bytes());
    let crc = crc32fast::hash(&slot[..48]);
    slot[48..].copy_from_slice(&crc.to_le_bytes());
    slot
}

fn decode(bytes: &[u8]) -> Option<([u8; 32], u64)> {
    let (slot, _) = bytes.split_first_chunk::<SLOT_BYTES>()?;
    let (content, crc) = slot.split_last_chunk::<4>()?;
    let (magic, content) = content.split_first_chunk::<8>()?;
    let (key, length) = content.split_first_chunk::<32>()?;
    let length = length.try_into().ok()?;
    let is_valid = magic == MAGIC && crc32fast::hash(&slot[..48]) == u32::from_le_bytes(*crc);
    is_valid.then(|| (*key, u64::from_le_bytes(length)))
}

fn other_identity(path: &Path) -> Failure {
    let message = format!(
        "identity.key is not the key that signed your messages in this room, see {}",
        path.display()
    );
    Failure::new(ExitCode::Damaged, "identity.changed", message)
        .help("nothing was changed: restore a good copy of identity.key,")
        .help("or create a new profile:  multichat --profile NAME join INVITE")
}

#[cfg(test)]
mod tests;
