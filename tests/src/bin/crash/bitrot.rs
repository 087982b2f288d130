//! Bit flips on disk, one after the other.
//!
//! Rule: a read returns what was written or fails, and a damaged block is downloaded again from a
//! peer that holds it.

use std::error::Error;
use std::io::{BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};

use multifeed_core::Event;
use multifeed_store::{Check, DiskImage, DiskStore, SimDisk};
use multifeed_tests::{Node, run_between};

use crate::life::{Life, connect};
use crate::report::{Row, Wrong};
use crate::view::{View, complaint, config};
use crate::watched::{PATH, open};

/// Steps in the life of the small disk.
const STEPS: usize = 12;

/// Steps in the life of the larger one, where one byte per page is flipped.
const STEPS_LARGE: usize = 120;

const PAGE_BYTES: usize = 4096;

/// Flips every byte in use, or one in `one_in`, of a small disk, and one per page of a larger one.
///
/// Child processes do it: with some damage, a destructor of the engine panics during another panic,
/// which aborts the process. That is counted, and the next child continues after it.
pub(crate) fn run(seed: u64, step: usize) -> Result<Row, Box<dyn Error>> {
    let mut row = Row::new("bitrot");
    let mut from = 0;
    loop {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--seed", &seed.to_string(), "--flip-step", &step.to_string()])
            .args(["--flip-from", &from.to_string()])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let out = child.stdout.take().ok_or("a child without output")?;
        for line in BufReader::new(out).lines() {
            row.merge(Row::from_line(&line?)?);
            from += 1;
        }
        if child.wait()?.success() {
            return Ok(row.end());
        }
        row.add("bytes", 1);
        row.add("aborted_by_the_engine", 1);
        from += 1;
    }
}

/// Flips from a position of the list on, and prints a line for each.
pub(crate) fn child(seed: u64, step: usize, from: usize) -> Result<(), Box<dyn Error>> {
    let small = Disk::filled(seed, STEPS);
    let large = Disk::filled(seed + 1, STEPS_LARGE);
    let places = small.image.used_ranges().flatten().step_by(step).map(|place| (&small, place));
    let pages = large.image.used_ranges().zip(0..);
    let pages = pages.map(|(page, number)| page.start + number * 97 % PAGE_BYTES as u64);
    let places = places.chain(pages.map(|place| (&large, place)));
    let mut out = std::io::stdout().lock();
    for (disk, place) in places.skip(from) {
        let mut row = Row::new("bitrot");
        disk.flip(place, &mut row);
        writeln!(out, "{}", row.to_line()?)?;
    }
    Ok(())
}

/// A closed disk.
struct Disk {
    life: Life,
    image: DiskImage,
    /// Its contents without damage.
    sound: View,
}

impl Disk {
    fn filled(seed: u64, steps: usize) -> Self {
        let disk = SimDisk::new(DiskImage::default());
        let mut life = Life::begin(seed, &disk).expect("the disk is sound");
        life.live(steps);
        // The store stays open as long as the life, so a copy is opened and closed.
        let copy = SimDisk::new(disk.image());
        let store = DiskStore::open_on(copy.clone(), PATH, Check::Quick);
        let mut node = Node::open_on(config(3), store.expect("the disk is sound"));
        let sound = View::of(&mut node);
        drop(node);
        Self { life, image: copy.image(), sound }
    }

    fn flip(&self, place: u64, row: &mut Row) {
        let mut image = self.image.clone();
        image.flip_bits(place, 1 << (place % 8));
        row.add("bytes", 1);
        let looked = catch_unwind(AssertUnwindSafe(|| self.look(image, row)));
        let verdict = looked.unwrap_or_else(|panic| {
            let words = panic.downcast_ref::<String>().map_or("", String::as_str);
            Err(Wrong::Bad(format!("a panic: {words}")))
        });
        row.judge(verdict, || format!("byte {place}"));
    }

    fn look(&self, image: DiskImage, row: &mut Row) -> Result<(), Wrong> {
        let Ok(store) = open(image.clone()) else {
            row.add("refused_by_the_store", 1);
            return Ok(());
        };
        let mut node = Node::open_on(config(3), store);
        if node.events.iter().any(|event| matches!(event, Event::OpenFailed(_))) {
            row.add("refused_by_the_core", 1);
            return Ok(());
        }
        let is_reported = complaint(&node).is_some();
        let view = View::of(&mut node);
        self.life.truth.judge(&view)?;
        let damaged = view.damaged();
        row.add("damaged_blocks", damaged as u64);
        if view == self.sound {
            row.add("harmless", 1);
        } else if is_reported {
            row.add("told_when_opened", 1);
        } else if damaged == 0 {
            // Only the checksum tree knows that a key is missing.
            row.add("missing_without_a_word", 1);
            if DiskStore::open_on(SimDisk::new(image), PATH, Check::Full).is_ok() {
                return Err(Wrong::Bad("data is missing, but the store reports no damage".into()));
            }
        }
        if damaged > 0 {
            self.fetch_again(node, &view, row)?;
        }
        Ok(())
    }

    /// The peer holds every block that the author had acknowledged.
    fn fetch_again(
        &self,
        mut node: Node<DiskStore>,
        view: &View,
        row: &mut Row,
    ) -> Result<(), Wrong> {
        let mut peer = Node::open_on(config(5), self.life.peer.store.clone());
        connect(&mut node, &mut peer);
        for (key, seen) in view.0.iter().filter(|(_, seen)| !seen.is_refused) {
            let Some(feed) = node.multifeed.find(key).map(|feed| feed.id) else { continue };
            for index in &seen.damaged {
                // A block that cannot be requested stays damaged and is counted as such.
                let _ = node.multifeed.download(feed, *index..*index + 1);
                node.drain();
                run_between(&mut node, &mut peer, |_, _| ());
            }
        }
        let healed = View::of(&mut node);
        self.life.truth.judge(&healed)?;
        let left = healed.damaged();
        row.add("fetched_again", view.damaged().saturating_sub(left) as u64);
        row.add("not_fetched_again", left as u64);
        Ok(())
    }
}
