use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::crypto::sign::KeyPair;
use crate::feed::manifest;
use crate::id::Role;
use crate::reconcile::session::View;
use crate::reconcile::testing::handshake_hash;
use crate::reconcile::view::{OwnedSnapshot, SharedSnapshot, SnapshotView};
use crate::rng::Rng;
use crate::wire::reconcile::HeadOf;

fn group() -> Group {
    Group::keyed([9; 32])
}

/// Feeds and their sets, which change together.
struct Rig {
    feeds: Feeds,
    sets: Sets,
}

impl Rig {
    fn new(feeds: u64) -> Self {
        let mut rig = Self { feeds: Feeds::default(), sets: Sets::default() };
        for number in 0..feeds {
            rig.grow(number);
        }
        rig
    }

    /// Appends a block to the feed of this number; creates it if it does not exist.
    fn grow(&mut self, number: u64) {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let key_pair = KeyPair::from_seed(&seed);
        let key = manifest::feed_key(group().feed_namespace(), &key_pair.public_key());
        let known = self.feeds.find(&key);
        let id = known.unwrap_or_else(|| self.feeds.insert(key, key_pair.public_key()));
        let feed = self.feeds.get_mut(id).unwrap();
        feed.set_writer("x", key_pair);
        let end = feed.append(id, &[b"x"], None).unwrap().end;
        let grown = feed.on_committed(end);
        self.sets.change(id, &key, grown.start, grown.end);
    }

    fn snapshot(&mut self) -> Snapshot {
        self.sets.snapshot(&self.feeds)
    }

    fn own(&self, snapshot: &Snapshot) -> SharedSnapshot {
        let changed = self.sets.since(snapshot).unwrap();
        let salt = Salt::group(group().key());
        let items = snapshot.feeds as usize;
        SharedSnapshot::Own(
            snapshot.clone(),
            OwnedSnapshot::new(salt, items, &self.feeds, &changed),
        )
    }

    fn view<'a>(&'a self, picture: &'a SharedSnapshot, group: &'a Group) -> SnapshotView<'a> {
        SnapshotView::new(picture, &self.sets, &self.feeds, group).unwrap()
    }

    /// All data that a session reads from a view.
    fn seen(&self, picture: &SharedSnapshot) -> impl PartialEq + core::fmt::Debug + use<> {
        let group = group();
        let view = self.view(picture, &group);
        let cells = [SetKind::Keys, SetKind::Heads].map(|set| view.slice(set, 0..64).unwrap());
        let mut found: Vec<_> = (0..256).flat_map(|prefix| view.find(prefix, 8)).collect();
        found.sort_unstable();
        let entries: Vec<_> = found.iter().map(|feed| view.entry(*feed)).collect();
        let by_key: Vec<_> = entries.iter().map(|entry| view.find_key(&entry.key)).collect();
        let salt = Salt::group(group.key());
        let ids = entries.iter().map(|entry| {
            let HeadOf { length, fork } = entry.head;
            salt.token(&Item::Head(view.item_key(&entry.key), length, fork)).id()
        });
        let heads = view.find_heads(&salt, &ids.collect());
        (cells, found, entries, by_key, heads)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_session_sees_the_sets_of_its_start(
        seed: [u8; 32],
        feeds in 0u64..30,
        changes in 0usize..30,
    ) {
        let (mut rig, mut rng) = (Rig::new(feeds), Rng::new(seed));
        rig.sets.sketch(&group(), &rig.feeds);
        let snapshot = rig.snapshot();
        let (own, shared) = (rig.own(&snapshot), SharedSnapshot::Shared(snapshot.clone()));
        let before = rig.seen(&own);
        prop_assert_eq!(&rig.seen(&shared), &before);
        for _ in 0..changes {
            rig.grow(rng.below(40));
        }
        prop_assert_eq!(&rig.seen(&own), &before);
        prop_assert_eq!(&rig.seen(&shared), &before);
        let later = rig.own(&snapshot);
        prop_assert_eq!(&rig.seen(&later), &before);
    }

    #[test]
    fn updated_roots_equal_recomputed_ones(seed: [u8; 32], changes in 0usize..60) {
        let (mut rig, mut rng) = (Rig::new(5), Rng::new(seed));
        rig.snapshot();
        for _ in 0..changes {
            rig.grow(rng.below(40));
        }
        let mut followed = rig.snapshot();
        let mut fresh = roots_of(&rig.feeds);
        prop_assert_eq!(followed.feeds, held(&rig.feeds).count() as u64);
        let mac = |root: &mut Root, set| root.mac(&handshake_hash(), Role::Initiator, set);
        prop_assert_eq!(
            mac(&mut followed.roots.keys, SetKind::Keys),
            mac(&mut fresh.keys, SetKind::Keys)
        );
        prop_assert_eq!(
            mac(&mut followed.roots.heads, SetKind::Heads),
            mac(&mut fresh.heads, SetKind::Heads)
        );
    }
}

#[test]
fn an_overrun_of_the_change_log_is_detected() {
    let mut rig = Rig::new(1);
    let snapshot = rig.snapshot();
    for _ in 0..CHANGES_MAX {
        rig.grow(0);
    }
    assert_eq!(rig.sets.since(&snapshot).unwrap(), BTreeMap::from([(FeedId::first(0), 1)]));
    rig.grow(0);
    assert_eq!(rig.sets.since(&snapshot), Err(Overrun));
    assert_eq!(rig.sets.log.len(), CHANGES_MAX);
}

#[test]
fn a_set_that_outgrows_its_sketch_gets_a_larger_one() {
    let mut rig = Rig::new(20);
    rig.sets.sketch(&group(), &rig.feeds);
    let cells = |rig: &Rig| rig.sets.sketches.as_ref().unwrap().of[0].cells();
    let before = cells(&rig);
    (20..40).for_each(|number| rig.grow(number));
    assert_eq!(cells(&rig), before, "changes do not enlarge it, as peers would pay the cost");
    rig.sets.sketch(&group(), &rig.feeds);
    assert!(cells(&rig) > before);
}
