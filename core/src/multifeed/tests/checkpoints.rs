//! Two peers that have met before.

use super::raw::{Raw, closed};
use super::reconcile::{KINDS, keys, said, store};
use super::*;
use crate::feed::record;
use crate::reconcile::session::{Params, prefix_bits};
use crate::wire::multifeed::{Kind, put};
use crate::wire::reconcile::{HeadOf, Message};

/// Feeds without a writer, on each node besides those that it writes.
const IDLE: u64 = 1_000;

/// Two nodes with a thousand feeds each and a checkpoint. The first writes to some of them.
fn acquainted(writers: u8) -> (World, Vec<FeedId>) {
    let all = store(keys(1, IDLE));
    let mut world =
        World::of([1, 2].map(|seed| Node::open(&group(), seed, all.clone())).into_iter().collect());
    let feeds: Vec<FeedId> = (0..writers).map(|number| own(&mut world, 0, number)).collect();
    feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[b"first"]));
    meet(&mut world);
    (world, feeds)
}

/// A feed of a node, by number.
fn own(world: &mut World, node: usize, number: u8) -> FeedId {
    let name = alloc::format!("{number}");
    let key_pair = KeyPair::from_seed(&[100 + number + 50 * node as u8; 32]);
    let feed = world.nodes[node].multifeed.writer(&name, key_pair).unwrap();
    world.nodes[node].drain();
    feed
}

/// Both are connected until nothing is left to be said, and apart again. Returns the bytes of all
/// that they said to reconcile.
fn meet(world: &mut World) -> usize {
    world.said.clear();
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote: remote() });
    let ends = world.connect(0, 1, Mode::Live);
    world.run();
    for node in &world.nodes {
        assert!(node.closed.is_empty(), "{:?}", node.closed);
        assert!(node.multifeed.peers().all(|peer| peer.is_synced));
    }
    world.cut(ends);
    world.said.range(KINDS).map(|(_, (bytes, _))| bytes).sum()
}

fn remote() -> PublicKey {
    KeyPair::from_seed(&[77; 32]).public_key()
}

fn reopen(world: &mut World, node: usize, map: Map) {
    world.nodes[node] = Node::open(&group(), node as u8 + 1, map);
}

/// What was said: claims, cells, changes, and heads.
fn spoken(world: &World) -> [usize; 4] {
    [Kind::Claim, Kind::Cells, Kind::Changed, Kind::Heads].map(|kind| said(world, kind))
}

#[test]
fn a_known_peer_gets_only_changes() {
    for is_reopened in [false, true] {
        let (mut world, feeds) = acquainted(50);
        feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[b"second"]));
        if is_reopened {
            for node in 0..2 {
                let map = core::mem::take(&mut world.nodes[node].map);
                reopen(&mut world, node, map);
            }
        }
        let bytes = meet(&mut world);
        assert_eq!(spoken(&world)[..3], [2, 0, 1]);
        // With the claims and what is settled in the end.
        assert!(bytes <= 50 * 6, "{bytes} bytes");
        assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
        // What they agreed on now is what counts the next time.
        let bytes = meet(&mut world);
        assert!(bytes <= 130, "{bytes} bytes");
        assert_eq!(spoken(&world), [2, 0, 0, 0]);
    }
}

#[test]
fn both_tell_what_has_changed_and_new_feeds_by_their_keys() {
    let (mut world, feeds) = acquainted(3);
    let theirs = own(&mut world, 1, 0);
    world.nodes[1].append(theirs, &[b"new", b"feed"]);
    feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[b"second"]));
    let new = own(&mut world, 0, 40);
    world.nodes[0].append(new, &[b"new too"]);
    let bytes = meet(&mut world);
    assert_eq!(spoken(&world)[..3], [2, 0, 2]);
    assert!(bytes <= 250, "{bytes} bytes");
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

#[test]
fn a_feed_both_peers_got_elsewhere_is_announced_by_both() {
    let (mut world, feeds) = acquainted(2);
    let third = Node::open(&group(), 3, Map::new());
    world.nodes.push(third);
    world.secure = None;
    // The second gets it while the first is away, and then the first loses its other feed.
    world.nodes[0].append(feeds[0], &[b"second"]);
    let ends = world.connect(0, 2, Mode::Live);
    world.run();
    world.cut(ends);
    let ends = world.connect(1, 2, Mode::Live);
    world.run();
    world.cut(ends);
    world.nodes[0].append(feeds[1], &[b"second"]);
    world.nodes.pop();
    meet(&mut world);
    assert_eq!(spoken(&world)[..3], [2, 0, 2]);
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

#[test]
fn a_store_from_an_old_backup_counts_as_an_unknown_peer() {
    for lost in 0..2 {
        let (mut world, feeds) = acquainted(20);
        let backup = world.nodes[lost].map.clone();
        for round in 0..3u8 {
            feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[&[round]]));
            meet(&mut world);
            assert_eq!(spoken(&world)[..3], [2, 0, 1]);
        }
        let holdings = world.nodes[0].holdings();
        reopen(&mut world, lost, backup);
        meet(&mut world);
        assert!(spoken(&world)[1] > 0, "of {lost}: {:?}", world.said);
        assert_eq!(world.nodes.iter().map(Node::holdings).collect::<Vec<_>>(), vec![holdings; 2]);
        // And now they know each other again.
        meet(&mut world);
        assert_eq!(spoken(&world), [2, 0, 0, 0]);
    }
}

#[test]
fn an_old_backup_that_diverged_counts_as_an_unknown_peer() {
    let (mut world, feeds) = acquainted(20);
    let backup = world.nodes[1].map.clone();
    feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[b"second"]));
    meet(&mut world);
    reopen(&mut world, 1, backup);
    // As many changes as there were, and others.
    for number in 0..20 {
        let feed = own(&mut world, 1, number);
        world.nodes[1].append(feed, &[b"another"]);
    }
    meet(&mut world);
    assert!(spoken(&world)[1] > 0);
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
    assert_eq!(world.nodes[0].holdings().len(), IDLE as usize + 40);
}

#[test]
fn a_log_that_lost_a_feed_is_noticed() {
    let (mut world, feeds) = acquainted(20);
    feeds.iter().for_each(|feed| world.nodes[0].append(*feed, &[b"second"]));
    let mut map = core::mem::take(&mut world.nodes[0].map);
    let log = record::change_key(0)..record::changes_end();
    let lost: Vec<_> = map.range(log).map(|(key, _)| *key).skip(5).take(1).collect();
    lost.iter().for_each(|key| _ = map.remove(key));
    reopen(&mut world, 0, map);
    meet(&mut world);
    assert!(spoken(&world)[1] > 0, "{:?}", world.said);
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

/// Two nodes. The second refuses three feeds of the first.
fn apart() -> (World, Vec<FeedId>, Vec<FeedKey>) {
    let (mut world, feeds) = acquainted(6);
    let keys: Vec<_> =
        feeds.iter().map(|feed| world.nodes[0].multifeed.feed(*feed).unwrap().key).collect();
    for key in &keys[..2] {
        world.nodes[1].multifeed.refuse(key).unwrap();
    }
    let removed = world.nodes[1].multifeed.find(&keys[2]).unwrap().id;
    world.nodes[1].multifeed.remove(removed).unwrap();
    world.nodes[1].drain();
    meet(&mut world);
    assert!(spoken(&world)[1] > 0, "what is refused has to be said once");
    (world, feeds, keys)
}

#[test]
fn a_permanent_refusal_costs_nothing_on_reconnect() {
    let (mut world, feeds, keys) = apart();
    for _ in 0..2 {
        let bytes = meet(&mut world);
        assert_eq!((spoken(&world), said(&world, Kind::Rejects)), ([2, 0, 0, 0], 0));
        assert!(bytes <= 140, "{bytes} bytes");
        let map = core::mem::take(&mut world.nodes[1].map);
        reopen(&mut world, 1, map);
    }
    // Other feeds grow, and only these are announced.
    feeds[3..].iter().for_each(|feed| world.nodes[0].append(*feed, &[b"second"]));
    meet(&mut world);
    assert_eq!(spoken(&world)[..3], [2, 0, 1]);
    // A refused one grows: it is named once, and declined.
    world.nodes[0].append(feeds[0], &[b"second"]);
    meet(&mut world);
    assert_eq!((&spoken(&world)[..3], said(&world, Kind::Rejects)), (&[2, 0, 1][..], 1));
    let second = &world.nodes[1].multifeed;
    assert_eq!(second.find(&keys[0]).map(|feed| feed.length), Some(1), "it is refused");
    meet(&mut world);
    assert_eq!(spoken(&world), [2, 0, 0, 0]);
}

#[test]
fn a_feed_accepted_again_arrives_now_or_on_reconnect() {
    for is_there in [false, true] {
        let (mut world, feeds, keys) = apart();
        world.nodes[0].append(feeds[2], &[b"second"]);
        world.nodes[1].append_any();
        meet(&mut world);
        let mut ends = None;
        if is_there {
            world.said.clear();
            ends = Some(world.connect(0, 1, Mode::Live));
            world.run();
            assert_eq!(spoken(&world)[..2], [2, 0]);
        }
        for key in &keys[..3] {
            world.nodes[1].multifeed.accept(key).unwrap();
            world.nodes[1].drain();
            world.run();
        }
        match ends {
            Some(ends) => world.cut(ends),
            None => _ = meet(&mut world),
        }
        assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings(), "there: {is_there}");
        for node in &world.nodes {
            assert!(node.closed.is_empty(), "{:?}", node.closed);
        }
    }
}

impl Node {
    fn append_any(&mut self) {
        let feed = self.writer(99);
        self.append(feed, &[b"any"]);
    }
}

#[test]
fn the_oldest_known_peer_is_forgotten() {
    let mut config = Config::new(group(), [1; 32]);
    config.limits.known_peers = 2;
    let mut world = World::of((2..=4).map(|seed| Node::open(&group(), seed, Map::new())).collect());
    world.nodes.insert(0, Node::with(config, Map::new()));
    write(&mut world, 0, 1);
    for peer in [1, 2, 3] {
        let ends = world.connect(0, peer, Mode::Live);
        world.run();
        world.cut(ends);
    }
    let footprint = world.nodes[0].multifeed.footprint();
    assert_eq!(footprint.known_peers, 2);
    assert_eq!(world.nodes[1].multifeed.footprint().known_peers, 1);
}

#[test]
fn a_quiet_connection_sends_a_checkpoint_and_a_busy_one_at_intervals() {
    let mut world = nodes(2);
    let feed = world.nodes[0].writer(7);
    world.nodes[0].append(feed, &[b"first"]);
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote: remote() });
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_eq!(said(&world, Kind::Checkpoint), 2);
    world.nodes[0].append(feed, &[b"second"]);
    world.run();
    assert_eq!(said(&world, Kind::Checkpoint), 2, "not for each block");
    for node in &mut world.nodes {
        let later = Instant::from_micros(6_000_000);
        node.handle(later, Input::Timeout);
        node.drain();
    }
    world.run();
    assert_eq!(said(&world, Kind::Checkpoint), 4, "when nothing else was said for a while");
    for number in 0..100 {
        let feed = own(&mut world, 0, number);
        world.nodes[0].append(feed, &[b"first"]);
        world.run();
    }
    assert_eq!(said(&world, Kind::Checkpoint), 6, "when much has changed");
}

#[test]
fn blocks_that_could_not_be_given_prevent_a_checkpoint() {
    let (mut world, _) = acquainted(1);
    world.secure = Some(Secure::Established { handshake_hash: [7; 64], remote: remote() });
    // The first block is wanted, so what follows is pushed.
    let other = own(&mut world, 0, 9);
    world.nodes[0].append(other, &[b"first"]);
    let ends = world.connect(0, 1, Mode::Live);
    world.run();
    world.nodes[0].held = Some(Vec::new());
    world.nodes[0].append(other, &[b"second"]);
    let (place, mut block) = (record::block_key(other.slot, 1), None);
    let writer = &mut world.nodes[0];
    for request in writer.held.take().unwrap() {
        let reply = writer.answer(request);
        // It is durable, and cannot be read.
        block = block.or(writer.map.remove(&place));
        writer.handle(Instant::ZERO, Input::Stored(reply));
    }
    writer.drain();
    world.run();
    for node in &mut world.nodes {
        node.handle(Instant::from_micros(6_000_000), Input::Timeout);
        node.drain();
    }
    world.run();
    world.cut(ends);
    // Its disk is well again.
    world.nodes[0].map.insert(place, block.unwrap());
    for node in 0..2 {
        let map = core::mem::take(&mut world.nodes[node].map);
        reopen(&mut world, node, map);
    }
    meet(&mut world);
    let key = world.nodes[0].multifeed.feed(other).unwrap().key;
    assert_eq!(world.nodes[1].multifeed.find(&key).map(|feed| feed.length), Some(2));
    assert_eq!(world.nodes[0].holdings(), world.nodes[1].holdings());
}

/// A node with ten feeds, and somebody whom it knows from before.
fn acquaintance() -> Node {
    let mut node = Node::open(&group(), 1, Map::new());
    for index in 0..10 {
        let key_pair = KeyPair::from_seed(&[index; 32]);
        let feed = node.multifeed.writer(&alloc::format!("{index}"), key_pair).unwrap();
        node.append(feed, &[b"x"]);
    }
    let mut raw = Raw::dial(&mut node, 70);
    claim(&mut raw, &mut node, |_| ());
    node.handle(Instant::ZERO, Input::Disconnected { connection: raw.connection });
    assert_eq!(node.multifeed.footprint().known_peers, 1);
    node
}

/// Claims what the node holds, and whatever is made of that.
fn claim(raw: &mut Raw, node: &mut Node, twist: impl FnOnce(&mut crate::wire::multifeed::Claim)) {
    let hello = raw.hello(&group());
    let hash = *raw.stream.handshake_hash().unwrap();
    let Multifeed { sets, feeds, .. } = &mut node.multifeed;
    let mut pin = sets.snapshot(feeds);
    let name = crate::feed::checkpoint::peer_tag(&KeyPair::from_seed(&[200; 32]).public_key());
    // Both held the same, so it looks the same from both sides.
    let base = sets.known.base(&name, feeds, &pin.roots.heads);
    let (roots, base) = (&mut pin.roots, base.as_ref());
    let mut claim = Params::claim(&hash, Role::Initiator, pin.feeds, roots, base);
    twist(&mut claim);
    raw.open(node, group().discovery_key(), &hello);
    let mut body = Vec::new();
    put(&mut body, &claim);
    raw.say(node, Kind::Claim, &body);
}

/// What comes of a claim that is twisted, and of what is said then.
fn after(
    twist: impl FnOnce(&mut crate::wire::multifeed::Claim),
    says: &[(Kind, &[u8])],
) -> (Option<CloseReason>, usize) {
    let mut node = acquaintance();
    let mut raw = Raw::dial(&mut node, 77);
    claim(&mut raw, &mut node, twist);
    says.iter().for_each(|(kind, body)| raw.say(&mut node, *kind, body));
    assert_eq!(node.multifeed.feeds().count(), 10);
    (closed(&node, raw.connection), raw.bodies(Kind::Cells).len())
}

#[test]
fn a_peer_that_lies_about_its_checkpoint_gains_nothing() {
    use crate::error::Violation::*;
    let inconsistent = Some(CloseReason::Violation(Inconsistent));
    let known = |claim: &mut crate::wire::multifeed::Claim| claim.known.unwrap();
    // The truth.
    assert_eq!(after(|_| (), &[]), (None, 0));
    // Another root, and nothing that makes it.
    assert_eq!(after(|claim| claim.heads[0] ^= 1, &[]).0, inconsistent);
    // Somebody else's tag, or none: an unknown peer.
    let other = |claim: &mut crate::wire::multifeed::Claim| {
        claim.heads[0] ^= 1;
        let tag = [0; 8];
        claim.known = Some(crate::wire::multifeed::KnownClaim { tag, ..known(claim) });
    };
    assert_eq!(after(other, &[]), (None, 1));
    let tells = |changed| {
        move |claim: &mut crate::wire::multifeed::Claim| {
            claim.heads[0] ^= 1;
            claim.known.as_mut().unwrap().changed = changed;
        }
    };
    // One feed, and then none, or a head that does not make the root, or more than it said.
    let mut entry = vec![0, 1];
    entry.extend_from_slice(&[9; 32]);
    entry.push(2);
    let mut twice = vec![0, 2];
    (0..2).for_each(|_| twice.extend_from_slice(&entry[2..]));
    for (changed, body) in [(1, &[0, 0][..]), (1, &entry), (2, &entry), (1, &twice), (2, &twice)] {
        let end = after(tells(changed), &[(Kind::Changed, body)]);
        assert_eq!(end, (inconsistent, 0), "{changed} {body:?}");
    }
    // What does not belong here, or is more than any two have between them.
    let end = after(tells(1), &[(Kind::Cells, &[0, 0])]);
    assert_eq!(end.0, Some(CloseReason::Violation(UnexpectedMessage)));
    let end = after(tells(70_000), &[(Kind::Changed, &[0, 0])]);
    assert_eq!(end.0, Some(CloseReason::Limit(Limit::ReconcileBytes)));
    // An id that no peer has: the node claims again.
    let head = HeadOf { fork: 0, length: 2 };
    let message = Message::Changed { heads: vec![(2_000, head)], entries: Vec::new() };
    let (_, nobodys) = crate::wire::reconcile::encode(&message, prefix_bits(10));
    assert_eq!(after(tells(1), &[(Kind::Changed, &nobodys)]), (None, 0));
    // A length that no feed has.
    let mut zero = entry.clone();
    zero[34] = 0;
    assert_eq!(after(tells(1), &[(Kind::Changed, &zero)]).0, inconsistent);
    // It settles whatever it likes, as often as it likes.
    let digests: Vec<[u8; 16]> = (0..20).map(|byte| [byte; 16]).collect();
    let says: Vec<_> = digests.iter().map(|body| (Kind::Checkpoint, body.as_slice())).collect();
    assert_eq!(after(|_| (), &says), (None, 0));
}
