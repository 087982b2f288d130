//! A disk store with a record of what each group of commits made of it, and when.
//!
//! Rule: the mirror is plain memory and applies each group as a whole. So it shows what the disk
//! may hold after a crash: the state after some group, and nothing between.

use bytes::Bytes;
use multifeed_core::{StoreKey, Write};
use multifeed_store::{Check, DiskImage, DiskStore, Failure, MemoryStore, Scan, SimDisk, Store};

/// Every entry of a store, in order.
pub(crate) type Entries = Vec<(StoreKey, Bytes)>;

/// The name in failures.
pub(crate) const PATH: &str = "platter";

/// A store on a simulated disk, and its history.
#[derive(Debug)]
pub(crate) struct Watched {
    inner: DiskStore,
    disk: SimDisk,
    mirror: MemoryStore,
    /// What the store held at first, and after each durable group.
    pub(crate) groups: Vec<Group>,
    /// A group was started and failed.
    pub(crate) begun: Option<Group>,
}

/// A state of the store.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    /// Entries of the disk's log when its commit started.
    pub(crate) begin: usize,
    /// Entries of the log when it was durable.
    pub(crate) end: usize,
    /// What the store holds from then on.
    pub(crate) after: MemoryStore,
}

impl Watched {
    /// A new store.
    pub(crate) fn create(disk: &SimDisk) -> Result<Self, Failure> {
        let inner = DiskStore::create_on(disk.clone(), PATH)?;
        let (mirror, end) = (MemoryStore::new(), disk.log_length());
        let first = Group { begin: 0, end, after: mirror.clone() };
        Ok(Self { inner, disk: disk.clone(), mirror, groups: vec![first], begun: None })
    }
}

impl Store for Watched {
    fn read(&self, keys: &[StoreKey]) -> Result<Vec<Option<Bytes>>, Failure> {
        self.inner.read(keys)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<(StoreKey, Bytes)>, Failure> {
        self.inner.scan(scan)
    }

    fn commit(&mut self, commits: &[&[Write]]) -> Result<(), Failure> {
        let begin = self.disk.log_length();
        let mut after = self.mirror.clone();
        after.commit(commits)?;
        let done = self.inner.commit(commits);
        let group = Group { begin, end: self.disk.log_length(), after };
        match done {
            Ok(()) => {
                self.mirror = group.after.clone();
                self.groups.push(group);
            }
            // The first failure; later calls find a closed store.
            Err(_) => self.begun = self.begun.take().or(Some(group)),
        }
        done
    }
}

/// Opens the store on a disk.
pub(crate) fn open(image: DiskImage) -> Result<DiskStore, Failure> {
    DiskStore::open_on(SimDisk::new(image), PATH, Check::Quick)
}

/// Everything that a store holds.
pub(crate) fn entries(store: &impl Store) -> Result<Entries, Failure> {
    let (from, until) = (StoreKey::from_bytes([0; 13]), StoreKey::from_bytes([255; 13]));
    store.scan(&Scan { from, until, entries_max: usize::MAX, bytes_max: usize::MAX })
}
