//! Every disk operation fails in every way, once or permanently.
//!
//! Rule: after a failure the store is closed, the core reports it, and on a repaired disk
//! everything acknowledged is present.

use std::io::ErrorKind;

use multifeed_core::{Event, Misuse, StoreFailure};
use multifeed_store::{
    Check, DiskImage, DiskStore, Failure, FailureKind, Fault, FaultKind, SimDisk, Store,
};
use multifeed_tests::Node;

use crate::life::Life;
use crate::report::{Row, Wrong};
use crate::view::{View, complaint, config};
use crate::watched::{PATH, entries, open};

/// Steps of a life; each operation fails once in each way.
const STEPS: usize = 10;

const KINDS: [FaultKind; 4] = [
    // EIO has no `ErrorKind`.
    FaultKind::Error(ErrorKind::Other),
    FaultKind::Error(ErrorKind::StorageFull),
    FaultKind::ShortRead,
    FaultKind::ShortWrite,
];

/// Breaks the disks of this many lives.
pub(crate) fn run(seed: u64, lives: u64) -> Row {
    let mut row = Row::new("iofault");
    for seed in seed..seed + lives {
        let disk = SimDisk::new(DiskImage::default());
        let mut sound = Life::begin(seed, &disk).expect("the disk is sound");
        let before = disk.operations();
        // `while_opening` covers the operations of its creation.
        sound.live(STEPS);
        let operations = disk.operations();
        drop(sound);
        for (at, kind) in cross(before..operations) {
            for is_permanent in [false, true] {
                let fault = Fault { at, kind, is_permanent };
                let verdict = while_living(seed, fault, &mut row);
                row.judge(verdict, || format!("life {seed}, {fault:?}"));
            }
        }
        while_opening(&disk.image(), seed, &mut row);
    }
    row.end()
}

fn cross(places: std::ops::Range<usize>) -> impl Iterator<Item = (usize, FaultKind)> {
    places.flat_map(|at| KINDS.map(|kind| (at, kind)))
}

fn while_living(seed: u64, fault: Fault, row: &mut Row) -> Result<(), Wrong> {
    let disk = SimDisk::recording(DiskImage::default());
    let begun = Life::begin(seed, &disk);
    let mut life = begun.map_err(|failure| Wrong::Bad(format!("{failure}")))?;
    disk.inject(fault);
    life.live(STEPS);
    if disk.faults_hit() == 0 {
        return Ok(());
    }
    row.add("faults", 1);
    let failed = life.has_failed();
    if life.author.store.begun.is_some() {
        row.add("failed_commits", 1);
        is_closed(&mut life, row)?;
    } else if !failed {
        // A failed read was not retried, and nothing was missing.
        row.add("unheard", 1);
    }
    // As if the process ended: the disk's log ends with the last completed operation.
    let found = open(disk.image()).map_err(|f| Wrong::Bad(format!("reopened: {f}")))?;
    let held = entries(&found).map_err(|f| Wrong::Bad(format!("reopened: {f}")))?;
    let groups = &life.author.store.groups;
    let least = groups.len();
    let matches = |after| entries(after).is_ok_and(|entries| entries == held);
    let last = groups.last().map(|group| &group.after);
    let begun = life.author.store.begun.as_ref().map(|group| &group.after);
    if !last.is_some_and(matches) && !begun.is_some_and(matches) {
        return Err(Wrong::Lost("the disk does not contain all durable data".into()));
    }
    let mut node = Node::open_on(config(3), found);
    let view = View::of(&mut node);
    match complaint(&node) {
        Some(event) => Err(Wrong::Bad(format!("reopened: {event:?}"))),
        None => life.judge(least, &view),
    }
}

/// A commit failed: the store and the core must report it from then on.
fn is_closed(life: &mut Life, row: &mut Row) -> Result<(), Wrong> {
    let is_reported = life.author.events.iter().any(|event| match event {
        Event::Failed { failure, .. } | Event::FeedBroken { failure, .. } => {
            matches!(failure, StoreFailure::Io | StoreFailure::Full | StoreFailure::Damaged)
        }
        _ => false,
    });
    if !is_reported {
        return Err(Wrong::Bad("no event reports the failure".into()));
    }
    let next = life.author.store.commit(&[&[]]).map_err(|failure| failure.kind());
    if next != Err(FailureKind::Closed) {
        return Err(Wrong::Bad(format!("the store continues after a failure: {next:?}")));
    }
    let feeds: Vec<_> = life.author.multifeed.feeds().filter(|feed| feed.is_writable).collect();
    let feeds: Vec<_> = feeds.into_iter().map(|feed| feed.id).collect();
    for feed in feeds {
        let before = life.author.events.len();
        let appended = life.author.multifeed.append(feed, &[b"more"]);
        life.author.drain();
        let said_no = matches!(appended, Err(Misuse::FeedBroken | Misuse::FeedBehind));
        let failed = life.author.events[before..]
            .iter()
            .any(|event| matches!(event, Event::Failed { .. } | Event::FeedBroken { .. }));
        if !said_no && !failed {
            return Err(Wrong::Bad("a failed store accepts an append".into()));
        }
    }
    row.add("closed", 1);
    Ok(())
}

/// Every operation while opening a disk that was closed, and one that lost power.
fn while_opening(image: &DiskImage, seed: u64, row: &mut Row) {
    let held = open(image.clone()).and_then(|store| entries(&store));
    for (at, kind) in cross(0..opening_operations(image)) {
        let disk = SimDisk::new(image.clone());
        disk.inject(Fault { at, kind, is_permanent: false });
        let opened = DiskStore::open_on(disk.clone(), PATH, Check::Quick);
        drop(opened.as_ref().map(entries));
        drop(opened);
        if disk.faults_hit() == 0 {
            continue;
        }
        row.add("faults", 1);
        row.add("while_opening", 1);
        let after = open(disk.image()).and_then(|store| entries(&store));
        row.judge(same(&held, &after), || format!("life {seed}, opening, {kind:?} at {at}"));
    }
}

fn opening_operations(image: &DiskImage) -> usize {
    let disk = SimDisk::new(image.clone());
    drop(DiskStore::open_on(disk.clone(), PATH, Check::Quick).map(|store| entries(&store)));
    disk.operations()
}

fn same<T: PartialEq>(
    before: &Result<T, Failure>,
    after: &Result<T, Failure>,
) -> Result<(), Wrong> {
    match (before, after) {
        (Ok(before), Ok(after)) if before == after => Ok(()),
        (Ok(_), Ok(_)) => Err(Wrong::Lost("the state changed".into())),
        (_, Err(failure)) | (Err(failure), _) => Err(Wrong::Bad(format!("{failure}"))),
    }
}
