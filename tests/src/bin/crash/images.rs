//! Power cuts: every moment of the life of a disk, and at each what writes that were not synced
//! may have left.
//!
//! Rule: an image is opened by the store and the core that people use. It must hold what one of
//! two groups left, the last that was durable or the one under way, and nothing in between.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use multifeed_core::rng::Rng;
use multifeed_store::{Check, Cut, DiskStore, Image, Op, Platter, Tear};
use multifeed_tests::Node;

use crate::life::{Life, OWN, STEPS, connect, is_contested, writers};
use crate::report::{Row, Wrong};
use crate::view::{View, complaint, config};
use crate::watched::{Entries, PATH, entries, open};

/// Subsets of the writes that were not synced: all of them, up to so many writes.
const ALL_SUBSETS_OF: usize = 9;

/// Else so many of chance, and as many images with sectors of chance at every sync.
const BY_CHANCE: usize = 400;

/// After so many images the multifeed in one goes on: it writes, and meets its peer.
const GOES_ON_EVERY: u64 = 199;

/// After so many images the power is cut again while the store recovers.
const CUT_AGAIN_EVERY: u64 = 499;

/// Opens so many images, on every core.
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

/// A disk that has lived, and all that it may hold.
struct Disk {
    seed: u64,
    life: Life,
    log: Vec<Op>,
    /// What the store held after each group, and what a multifeed shows of it.
    states: Vec<(Entries, View)>,
    chance: Rng,
    /// Images of the last sync that were looked at, with what they must hold.
    looked_at: BTreeSet<(u64, usize, usize)>,
}

/// A moment of the life: groups that were durable, and groups that were begun.
#[derive(Clone, Copy, Debug)]
struct Moment {
    place: usize,
    least: usize,
    most: usize,
}

impl Disk {
    fn of(seed: u64) -> Self {
        let platter = Platter::recording(Image::default());
        let mut life = Life::begin(seed, &platter).expect("the disk is sound");
        life.live(STEPS);
        let log = platter.log();
        let groups = life.author.store.groups.iter();
        let states = groups.map(|group| {
            let held = entries(&group.after).expect("memory does not fail");
            (held, View::of(&mut Node::open_on(config(3), group.after.clone())))
        });
        let states = states.collect();
        let chance = Rng::new([seed as u8; 32]);
        Self { seed, life, log, states, chance, looked_at: BTreeSet::new() }
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
        let (mut synced, mut first) = (Image::default(), 0);
        for place in 0..log.len() {
            if log[place] == Op::Sync {
                if place >= start {
                    let cut = Cut { synced: &synced, pending: &log[first..place] };
                    self.before_sync(&cut, self.moment(place), left, row);
                }
                log[first..place].iter().for_each(|op| synced.apply(op));
                first = place + 1;
                self.looked_at.clear();
            }
            if place >= start {
                let cut = Cut { synced: &synced, pending: &log[first..place + 1] };
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

    /// After so many entries of the log.
    fn moment(&self, place: usize) -> Moment {
        let groups = &self.life.author.store.groups;
        let least = groups.iter().filter(|group| group.end <= place).count() - 1;
        let most = groups.iter().filter(|group| group.begin < place).count() - 1;
        Moment { place, least, most: most.max(least) }
    }

    /// Which of the pending writes reach the disk before the others is not ours to say.
    fn before_sync(&mut self, cut: &Cut<'_>, moment: Moment, left: &AtomicU64, row: &mut Row) {
        let pending = cut.pending.len();
        let all = pending <= ALL_SUBSETS_OF;
        for number in 0..if all { 1 << pending } else { BY_CHANCE } {
            let subset = if all { number as u64 } else { self.chance.u64() };
            let image = cut.subset(|place| subset >> (place % 64) & 1 == 1);
            self.look("reordered", (cut, image), moment, left, row);
        }
        for _ in 0..BY_CHANCE {
            let likely = 1 + self.chance.below(7);
            let image = cut.scattered(|| self.chance.below(8) < likely);
            self.look("scattered", (cut, image), moment, left, row);
        }
    }

    /// What was done last is there, or torn; of what was done before it all is there, nothing, or
    /// any of it.
    fn after_op(&mut self, cut: &Cut<'_>, moment: Moment, left: &AtomicU64, row: &mut Row) {
        self.look("prefixes", (cut, cut.subset(|_| true)), moment, left, row);
        let Some(Op::Write(_, bytes)) = cut.pending.last() else { return };
        for tear in Tear::all(bytes.len()) {
            let subsets = [u64::MAX, 0, self.chance.u64()];
            let subset = subsets[self.chance.below(3) as usize];
            let torn = cut.torn(tear, |place| subset >> (place % 64) & 1 == 1);
            let Some(image) = torn else { continue };
            self.look("torn", (cut, image), moment, left, row);
        }
    }

    /// Opens one image, if there was none like it.
    fn look(
        &mut self,
        how: &'static str,
        (cut, image): (&Cut<'_>, Image),
        moment: Moment,
        left: &AtomicU64,
        row: &mut Row,
    ) {
        if !self.looked_at.insert((image.difference(cut.synced), moment.least, moment.most)) {
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

    /// Which state the store in an image is in.
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

    fn check(&self, image: &Image, moment: Moment) -> Result<usize, Wrong> {
        let store = open(image.clone()).map_err(|failure| Wrong::Bad(format!("{failure}")))?;
        let state = self.state_of(&store, moment)?;
        let mut node = Node::open_on(config(3), store);
        let view = View::of(&mut node);
        if let Some(event) = complaint(&node) {
            return Err(Wrong::Bad(format!("{event:?}")));
        }
        match view == self.states[state].1 {
            true => Ok(state),
            false => Err(Wrong::Bad(format!("the core shows another group than {state}"))),
        }
    }

    /// Cuts the power again at every step of the store's recovery.
    fn cut_again(&mut self, image: &Image, state: usize) -> Result<u64, Wrong> {
        let platter = Platter::recording(image.clone());
        let opened = DiskStore::open_on(platter.clone(), PATH, Check::Quick);
        drop(opened.map_err(|failure| Wrong::Bad(format!("{failure}")))?);
        let log = platter.log();
        let (mut synced, mut first, mut count) = (image.clone(), 0, 0);
        for place in 0..log.len() {
            let cut = Cut { synced: &synced, pending: &log[first..=place] };
            let some = self.chance.u64();
            for subset in [u64::MAX, some] {
                let image = cut.subset(|place| subset >> (place % 64) & 1 == 1);
                let moment = Moment { place, least: state, most: state };
                let store = open(image).map_err(|f| Wrong::Bad(format!("recovering: {f}")))?;
                self.state_of(&store, moment)?;
                count += 1;
            }
            if log[place] == Op::Sync {
                log[first..place].iter().for_each(|op| synced.apply(op));
                first = place + 1;
            }
        }
        Ok(count)
    }

    /// The multifeed in an image writes on, and meets its peer as it was at that time.
    fn go_on(&self, image: Image, state: usize) -> Result<(), Wrong> {
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
            return Err(Wrong::Bad("the peer knows another history".into()));
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
