//! Rulings at any moment of a connection. A node that finally accepts a feed receives it, and both
//! nodes are then in sync. A feed that is removed and accepted again is received again.

use super::*;
use crate::crypto::hash::blake2b;
use crate::rng::Rng;
use crate::tests::cases;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ruling {
    Refuse,
    Accept,
    Remove,
}

use Ruling::{Accept, Refuse, Remove};

fn rule(world: &mut World, node: usize, key: &FeedKey, ruling: Ruling) {
    let node = &mut world.nodes[node];
    // A ruling may be misuse in this state. The last ruling of a test always accepts.
    let _ = match ruling {
        Refuse => node.multifeed.refuse(key),
        Accept => node.multifeed.accept(key),
        Remove => match node.multifeed.find(key).map(|feed| feed.id) {
            Some(feed) => node.multifeed.remove(feed),
            None => Err(Misuse::UnknownFeed),
        },
    };
    node.drain();
}

/// Nodes that all see the same remote key, so that each finds its checkpoint of the others.
fn known_nodes(count: u8) -> World {
    let mut world = nodes(count);
    let remote = KeyPair::from_seed(&[77; 32]).public_key();
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote });
    world
}

/// The violated expectation, if any, once every node accepts every feed.
fn violation(world: &World) -> Option<&'static str> {
    let all = || world.nodes.iter();
    match () {
        () if all().any(|node| !node.closed.is_empty()) => Some("a connection was closed"),
        () if all().any(|node| node.holdings() != world.nodes[0].holdings()) => {
            Some("the nodes hold different blocks")
        }
        () if all().any(|node| node.multifeed.peers().any(|peer| !peer.is_synced)) => {
            Some("a sync does not finish")
        }
        () => None,
    }
}

/// Whether every node that removes a feed and accepts it again receives it again.
fn is_received_again(world: &mut World, keys: &[FeedKey]) -> bool {
    let count = world.nodes.len();
    let pairs = (0..count).flat_map(|node| (0..keys.len()).map(move |of| (node, of)));
    pairs.filter(|(node, of)| node != of).all(|(node, of)| {
        for ruling in [Remove, Accept] {
            rule(world, node, &keys[of], ruling);
            world.run();
        }
        violation(world).is_none()
    })
}

/// The second node's ruling on the first node's feed before they connect, and its rulings while
/// they are connected. The last one accepts the feed.
const RULINGS: &[(Option<Ruling>, &[Ruling])] = &[
    (None, &[Refuse, Accept]),
    (None, &[Remove, Accept]),
    (None, &[Refuse, Accept, Remove, Accept]),
    (Some(Refuse), &[Accept]),
    (Some(Refuse), &[Accept, Refuse, Accept]),
    (Some(Refuse), &[Remove, Accept]),
    (Some(Remove), &[Accept]),
    (Some(Remove), &[Accept, Refuse, Accept]),
];

/// Messages delivered before the first ruling, and between two rulings.
const MOMENTS: usize = 6;
const GAPS: [usize; 2] = [0, 2];

/// One test case.
#[derive(Clone, Copy, Debug)]
struct Case {
    before: Option<Ruling>,
    rulings: &'static [Ruling],
    /// They synced before, and `before` was ruled after that.
    is_known: bool,
    /// Which of them append a block after that.
    has_written: [bool; 2],
    /// The node that connects.
    dials: usize,
    /// Messages delivered before the first ruling.
    moment: usize,
    /// Messages delivered between two rulings.
    gap: usize,
}

fn all_cases() -> impl Iterator<Item = Case> {
    let times = move || (0..MOMENTS).flat_map(|moment| GAPS.map(|gap| (moment, gap)));
    let flags = |bits: usize| [1, 2, 4, 8].map(|bit| bits & bit != 0);
    let all = RULINGS.iter().flat_map(move |rulings| {
        (0..16).flat_map(move |bits| times().map(move |times| (rulings, flags(bits), times)))
    });
    all.map(|((before, rulings), [is_known, first, second, dials], (moment, gap))| Case {
        before: *before,
        rulings,
        is_known,
        has_written: [first, second],
        dials: usize::from(dials),
        moment,
        gap,
    })
}

fn play(case: &Case) -> Option<&'static str> {
    let mut world = known_nodes(2);
    let keys = [write(&mut world, 0, 3), write(&mut world, 1, 2)];
    let rule = |world: &mut World, ruling| rule(world, 1, &keys[0], ruling);
    let mut ends = world.connect(0, 1, Mode::Live);
    world.run();
    if case.is_known {
        case.before.into_iter().for_each(|ruling| rule(&mut world, ruling));
        world.run();
        world.cut(ends);
        ends = world.connect(0, 1, Mode::Live);
        world.run();
    }
    world.cut(ends);
    if !case.is_known {
        case.before.into_iter().for_each(|ruling| rule(&mut world, ruling));
    }
    for node in (0..2).filter(|node| case.has_written[*node]) {
        let feed = world.nodes[node].writer(100 + node as u8);
        world.nodes[node].append(feed, &[b"more"]);
    }
    world.connect(case.dials, 1 - case.dials, Mode::Live);
    (0..case.moment).for_each(|_| world.step_once());
    for ruling in case.rulings {
        rule(&mut world, *ruling);
        (0..case.gap).for_each(|_| world.step_once());
    }
    world.run();
    let is_lost = |world: &mut World| !is_received_again(world, &keys);
    violation(&world).or_else(|| is_lost(&mut world).then_some("a feed is not received again"))
}

#[test]
fn a_ruling_at_any_moment_of_a_connection_loses_nothing() {
    // 5 divides none of the numbers of choices, so every choice is combined with many others.
    let selected = || all_cases().step_by(cases(5, 1));
    let wrong: Vec<_> = selected().filter_map(|case| Some((play(&case)?, case))).collect();
    let some = &wrong[..wrong.len().min(3)];
    assert!(wrong.is_empty(), "{} of {}: {some:#?}", wrong.len(), selected().count());
}

/// Nodes that append, rule, connect and restart at random.
struct RandomRun {
    world: World,
    keys: Vec<FeedKey>,
    pairs: Vec<[usize; 2]>,
    ends: Vec<Option<[ConnectionId; 2]>>,
    rng: Rng,
}

/// Maximum number of steps of a run.
const STEPS_MAX: u64 = 60;

impl RandomRun {
    fn new(seed: u64, count: u8) -> Self {
        let mut world = known_nodes(count);
        let count = usize::from(count);
        let keys = (0..count).map(|node| write(&mut world, node, 2)).collect();
        let pairs: Vec<_> = (0..count).flat_map(|a| (0..a).map(move |b| [b, a])).collect();
        let ends = vec![None; pairs.len()];
        let rng = Rng::new(blake2b(&[&seed.to_le_bytes()]));
        Self { world, keys, pairs, ends, rng }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.below(bound as u64) as usize
    }

    fn step(&mut self) {
        let count = self.keys.len();
        match self.below(20) {
            0..8 => self.world.step_once(),
            8 => self.world.run(),
            9..11 => {
                let node = self.below(count);
                let multifeed = &mut self.world.nodes[node].multifeed;
                let feed = multifeed.find(&self.keys[node]).unwrap().id;
                // Not while it is refused.
                let _ = multifeed.append(feed, &[b"more"]);
                self.world.nodes[node].drain();
            }
            11..17 => {
                let (node, of) = (self.below(count), self.below(count));
                let ruling = [Refuse, Accept, Remove, Accept][self.below(4)];
                // Removing a feed that no other node holds would lose it.
                if node != of || ruling != Remove {
                    rule(&mut self.world, node, &self.keys[of], ruling);
                }
            }
            17..19 => {
                let at = self.below(self.pairs.len());
                match self.ends[at].take() {
                    Some(ends) => self.world.cut(ends),
                    None => self.connect(at),
                }
            }
            _ => {
                let node = self.below(count);
                self.reopen(node);
            }
        }
    }

    fn connect(&mut self, at: usize) {
        let [a, b] = self.pairs[at];
        let [a, b] = [[a, b], [b, a]][self.below(2)];
        self.ends[at] = Some(self.world.connect(a, b, Mode::Live));
    }

    fn reopen(&mut self, node: usize) {
        for at in (0..self.pairs.len()).filter(|at| self.pairs[*at].contains(&node)) {
            if let Some(ends) = self.ends[at].take() {
                self.world.cut(ends);
            }
        }
        let map = core::mem::take(&mut self.world.nodes[node].map);
        self.world.nodes[node] = Node::open(&group(), node as u8 + 1, map);
        self.world.nodes[node].writer(100 + node as u8);
    }

    /// Connects all nodes, accepts every feed everywhere, and checks the result.
    fn finish(&mut self) -> Option<&'static str> {
        for at in 0..self.pairs.len() {
            if self.ends[at].is_none() {
                self.connect(at);
            }
            (0..self.below(2)).for_each(|_| self.world.step_once());
        }
        for node in 0..self.keys.len() {
            for key in self.keys.clone() {
                rule(&mut self.world, node, &key, Accept);
                (0..self.below(3)).for_each(|_| self.world.step_once());
            }
        }
        self.world.run();
        let Self { world, keys, .. } = self;
        let is_lost = |world: &mut World| !is_received_again(world, keys);
        violation(world).or_else(|| is_lost(world).then_some("a feed is not received again"))
    }
}

fn play_random(seed: u64, count: u8) -> Option<&'static str> {
    let mut run = RandomRun::new(seed, count);
    (0..run.rng.below(STEPS_MAX)).for_each(|_| run.step());
    run.finish()
}

/// `MANY=20000 cargo test --release -p multifeed-core --lib rulings` plays more runs.
#[test]
fn random_rulings_still_deliver_every_accepted_feed() {
    let many =
        std::env::var("MANY").ok().and_then(|many| many.parse().ok()).unwrap_or(cases(80, 400));
    for count in [2, 3] {
        let wrong: Vec<_> =
            (0..many).filter_map(|seed| Some((seed, play_random(seed, count)?))).collect();
        assert!(wrong.is_empty(), "{count} nodes, {} of {many}: {wrong:?}", wrong.len());
    }
}
