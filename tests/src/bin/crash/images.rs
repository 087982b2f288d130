//! Power cuts: every moment in the life of a disk, with all possible effects of writes that were
//! not synced.
//!
//! Rule: the real store and core open each image. It must contain what one of two groups left, the
//! last durable one or the one in progress, and nothing between them.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use multifeed_core::rng::Rng;
use multifeed_store::{Check, DiskImage, DiskOp, DiskStore, PowerCut, SimDisk, Tear};
use multifeed_tests::Node;

use crate::life::{Life, OWN, STEPS, connect, is_contested, writers};
use crate::report::{Row, Wrong};
use crate::view::{View, complaint, config};
use crate::watched::{Entries, PATH, entries, open};

/// Up to this many unsynced writes, all subsets are tried.
const ALL_SUBSETS_OF: usize = 9;

/// Above that, this many random subsets, and as many images with random sectors at every sync.
const RANDOM_IMAGES: usize = 400;

/// In one image of this many, the multifeed continues: it writes and meets its peer.
const GOES_ON_EVERY: u64 = 199;

/// In one image of this many, the power is cut again during recovery.
const CUT_AGAIN_EVERY: u64 = 499;

/// Opens this many images on all processors.
pub(crate) fn run(count: u64, seed: u64) -> Row {
    let (next, left) = (AtomicU64::new(seed), AtomicU64::new(count));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut row = Row::new("images");
    std::thread::scope(|scope| {
        let work = || {
            let mut row = Row::new("images");
            while left.load(Ordering::Relaxed) > 0 {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                Disk::of(seed).explore(&left, &mut row);
                row.add("lives", 1);
            }
            row
        };
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for handle in handles {
            match handle.join() {
                Ok(part) => row.merge(part),
                Err(_) => row.judge(Err(Wrong::Bad("a panic".into())), || "a thread".into()),
            }
        }
    });
    row.end()
}

/// A disk after a life, with all its possible contents.
struct Disk {
    seed: u64,
    life: Life,
    log: Vec<DiskOp>,
    /// What the store held after each group, and what a multifeed shows of it.
    states: Vec<(Entries, View)>,
    rng: Rng,
    /// Checked images of the last sync, with their expected contents.
    looked_at: BTreeSet<(u64, usize, usize)>,
}

/// A moment of the life: durable groups, and started groups.
#[derive(Clone, Copy, Debug)]
struct Moment {
    place: usize,
    least: usize,
    most: usize,
}

impl Disk {
    fn of(seed: u64) -> Self {
        let disk = SimDisk::recording(DiskImage::default());
        let mut life = Life::begin(seed, &disk).expect("the disk is sound");
        life.live(STEPS);
        let log = disk.log();
        let groups = life.author.store.groups.iter();
        let states = groups.map(|group| {
            let held = entries(&group.after).expect("memory does not fail");
            (held, View::of(&mut Node::open_on(config(3), group.after.clone())))
        });
        let states = states.collect();
        let rng = Rng::new([seed as u8; 32]);
        Self { seed, life, log, states, rng, looked_at: BTreeSet::new() }
    }

    fn explore(&mut self, left: &AtomicU64, row: &mut Row) {
        let sound = !self.life.has_failed();
        let sound = if sound { Ok(()) } else { Err(Wrong::Bad("a sound disk failed".into())) };
        row.judge(sound, || format!("life {}", self.seed));
        for (groups, (_, view)) in self.states.iter().enumerate() {
            row.judge(self.life.judge(groups + 1, view), || self.place(groups));
        }
        let log = std::mem::take(&mut self.log);
        let start = self.life.author.store.groups[0].end;
        let (mut synced, mut first) = (DiskImage::default(), 0);
        for place in 0..log.len() {
            if log[place] == DiskOp::Sync {
                if place >= start {
                    let cut = PowerCut { synced: &synced, pending: &log[first..place] };
                    self.before_sync(&cut, self.moment(place), left, row);
                }
                log[first..place].iter().for_each(|op| synced.apply(op));
                first = place + 1;
                self.looked_at.clear();
            }
            if place >= start {
                let cut = PowerCut { synced: &synced, pending: &log[first..place + 1] };
                self.after_op(&cut, self.moment(place + 1), left, row);
            }
            if left.load(Ordering::Relaxed) == 0 {
                return;
            }
        }
    }

    fn place(&self, groups: usize) -> String {
        format!("life {}, group {groups}", self.seed)
    }

    /// After this many log entries.
    fn moment(&self, place: usize) -> Moment {
        let groups = &self.life.author.store.groups;
        let least = groups.iter().filter(|group| group.end <= place).count() - 1;
        let most = groups.iter().filter(|group| group.begin < place).count() - 1;
        Moment { place, least, most: most.max(least) }
    }

    /// The disk may write pending sectors in any order.
    fn before_sync(&mut self, cut: &PowerCut<'_>, moment: Moment, left: &AtomicU64, row: &mut Row) {
        let pending = cut.pending.len();
        let all = pending <= ALL_SUBSETS_OF;
        for number in 0..if all { 1 << pending } else { RANDOM_IMAGES } {
            let subset = if all { number as u64 } else { self.rng.u64() };
            let image = cut.subset(|place| subset >> (place % 64) & 1 == 1);
            self.look("reordered", cut, image, moment, left, row);
        }
        for _ in 0..RANDOM_IMAGES {
            let likely = 1 + self.rng.below(7);
            let image = cut.scattered(|| self.rng.below(8) < likely);
            self.look("scattered", cut, image, moment, left, row);
        }
    }

    /// The last write is present or torn; each earlier one is present, absent or partial.
    fn after_op(&mut self, cut: &PowerCut<'_>, moment: Moment, left: &AtomicU64, row: &mut Row) {
        self.look("prefixes", cut, cut.subset(|_| true), moment, left, row);
        let Some(DiskOp::Write(_, bytes)) = cut.pending.last() else { return };
        for tear in Tear::all(bytes.len()) {
            let subsets = [u64::MAX, 0, self.rng.u64()];
            let subset = subsets[self.rng.below(3) as usize];
            let torn = cut.torn(tear, |place| subset >> (place % 64) & 1 == 1);
            let Some(image) = torn else { continue };
            self.look("torn", cut, image, moment, left, row);
        }
    }

    /// Opens an image unless an equal one was opened before.
    fn look(
        &mut self,
        how: &'static str,
        cut: &PowerCut<'_>,
        image: DiskImage,
        moment: Moment,
        left: &AtomicU64,
        row: &mut Row,
    ) {
        if !self.looked_at.insert((image.difference_hash(cut.synced), moment.least, moment.most)) {
            return;
        }
        let budget = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        let Ok(number) = budget else { return };
        row.add("images", 1);
        row.add(how, 1);
        let verdict = self.check(&image, moment).and_then(|state| {
            if number.is_multiple_of(CUT_AGAIN_EVERY) {
                row.add("cut_again", self.cut_again(&image, state)?);
            }
            if number.is_multiple_of(GOES_ON_EVERY) {
                row.add("went_on", 1);
                self.go_on(image, state)?;
            }
            Ok(())
        });
        row.judge(verdict, || {
            let Moment { place, least, most } = moment;
            format!("life {}, {how}, operation {place}, groups {least} to {most}", self.seed)
        });
    }

    /// The state of the store in an image.
    fn state_of(&self, store: &DiskStore, moment: Moment) -> Result<usize, Wrong> {
        let bad = |failure| Wrong::Bad(format!("{failure}"));
        let found = entries(store).map_err(bad)?;
        let is = |state: &usize| self.states[*state].0 == found;
        if let Some(state) = (moment.least..=moment.most).rev().find(is) {
            return Ok(state);
        }
        Err(match (0..moment.least).find(is) {
            Some(state) => Wrong::Lost(format!("back in group {state}")),
            None => Wrong::Bad("a part of a group".into()),
        })
    }

    fn check(&self, image: &DiskImage, moment: Moment) -> Result<usize, Wrong> {
        let store = open(image.clone()).map_err(|failure| Wrong::Bad(format!("{failure}")))?;
        let state = self.state_of(&store, moment)?;
        let mut node = Node::open_on(config(3), store);
        let view = View::of(&mut node);
        if let Some(event) = complaint(&node) {
            return Err(Wrong::Bad(format!("{event:?}")));
        }
        if view != self.states[state].1 {
            return Err(Wrong::Bad(format!("the core shows another state than {state}")));
        }
        Ok(state)
    }

    /// Cuts the power again at every step of the store's recovery.
    fn cut_again(&mut self, image: &DiskImage, state: usize) -> Result<u64, Wrong> {
        let disk = SimDisk::recording(image.clone());
        let opened = DiskStore::open_on(disk.clone(), PATH, Check::Quick);
        drop(opened.map_err(|failure| Wrong::Bad(format!("{failure}")))?);
        let log = disk.log();
        let (mut synced, mut first, mut count) = (image.clone(), 0, 0);
        for place in 0..log.len() {
            let cut = PowerCut { synced: &synced, pending: &log[first..=place] };
            let some = self.rng.u64();
            for subset in [u64::MAX, some] {
                let image = cut.subset(|place| subset >> (place % 64) & 1 == 1);
                let moment = Moment { place, least: state, most: state };
                let store = open(image).map_err(|f| Wrong::Bad(format!("recovering: {f}")))?;
                self.state_of(&store, moment)?;
                count += 1;
            }
            if log[place] == DiskOp::Sync {
                log[first..place].iter().for_each(|op| synced.apply(op));
                first = place + 1;
            }
        }
        Ok(count)
    }

    /// The multifeed in an image writes and meets its peer in its state of that time.
    fn go_on(&self, image: DiskImage, state: usize) -> Result<(), Wrong> {
        let store = open(image).map_err(|failure| Wrong::Bad(format!("{failure}")))?;
        let mut node = Node::open_on(config(4), store);
        let known = self.life.known_at(state + 1).map(|known| known.peer.clone());
        let mut peer = Node::open_on(config(5), known.unwrap_or_default());
        for feed in writers(&mut node, &OWN) {
            let key = node.multifeed.feed(feed).map(|feed| feed.key);
            let appended = node.multifeed.append(feed, &[b"after the power came back"]);
            node.drain();
            if let (Some(key), Err(misuse)) = (key, appended) {
                return Err(Wrong::Bad(format!("{key:?} is not writable: {misuse}")));
            }
        }
        connect(&mut node, &mut peer);
        if is_contested(&node) || is_contested(&peer) {
            return Err(Wrong::Bad("the peer holds another history".into()));
        }
        let (ours, theirs) = (View::of(&mut node), View::of(&mut peer));
        ours.keeps(&self.states[state].1)?;
        for (key, seen) in ours.0.iter().filter(|(_, seen)| !seen.is_refused) {
            let other = theirs.0.get(key);
            let is_same = other.is_some_and(|other| other.tree_hash == seen.tree_hash);
            if seen.length > 0 && !is_same {
                return Err(Wrong::Bad(format!("the peer did not get {key:?}")));
            }
        }
        Ok(())
    }
}
