//! Every violation of a peer ends in the close of its own connection, with its own reason, and
//! changes nothing else.

use bytes::BytesMut;

use super::raw::{Raw, body, closed};
use super::*;
use crate::config::FRAME_BYTES_MAX_UNASKED;
use crate::feed::tree;
use crate::peer::handshake_claim::{open_claim, seal_claim};
use crate::peer::secure::{Received, SecretStream};
use crate::rng::Rng;
use crate::wire::frame::FrameReader;
use crate::wire::multifeed::{
    Claim, FeedRef, HeadEntry, Hello, Kind, RangeHeader, Reject, RejectEntry, WantEntry, decode,
    encode_range,
};
use crate::wire::mux::{MuxMessage, messages};
use Violation::*;

fn node() -> Node {
    Node::open(&group(), 1, Map::new())
}

fn author() -> KeyPair {
    KeyPair::from_seed(&[50; 32])
}

fn head(name: FeedRef, length: u64) -> HeadEntry {
    HeadEntry { name, length, fork: 0 }
}

/// What an honest author's first block costs: the header and the block.
fn range(blocks: &[&[u8]]) -> (RangeHeader, Vec<u8>) {
    let key_pair = author();
    let key = manifest::feed_key(group().feed_namespace(), &key_pair.public_key());
    let mut fold = tree::Fold::default();
    for (block, index) in blocks.iter().zip(0..) {
        fold.push(tree::Node::leaf(index, block), |_| ()).unwrap();
    }
    let tree_hash = tree::tree_hash(fold.roots());
    let length = blocks.len() as u64;
    let signature = manifest::sign(&key_pair, &key, &tree_hash, length, 0);
    let name = FeedRef::Sender(0);
    let header = RangeHeader { name, start: 0, head_length: length, fork: 0, signature, nodes: 0 };
    (header, encode_range(&header, [].into_iter(), blocks))
}

/// Says something to a fresh node and expects to be closed for it. An honest peer of the node
/// gets its feed anyway.
fn commit(expected: CloseReason, misuse: impl Fn(&mut Raw, &mut Node)) {
    let mut world = nodes(2);
    let key = write(&mut world, 0, 3);
    let mut raw = Raw::member(&mut world.nodes[0], &group(), 77);
    misuse(&mut raw, &mut world.nodes[0]);
    assert_eq!(closed(&world.nodes[0], raw.connection), Some(expected));
    assert_eq!(world.nodes[0].multifeed.feeds().count(), 1, "nothing of it was kept");
    let feeds = world.nodes[0].multifeed.feeds.len();
    assert_eq!(feeds, 1, "nothing that it named is remembered");
    world.connect(0, 1, Mode::Live);
    world.run();
    assert_holds(&mut world, 1, 0, &key, 3);
}

fn violate(violation: Violation, misuse: impl Fn(&mut Raw, &mut Node)) {
    commit(CloseReason::Violation(violation), misuse);
}

fn exceed(limit: Limit, misuse: impl Fn(&mut Raw, &mut Node)) {
    commit(CloseReason::Limit(limit), misuse);
}

fn name_author(raw: &mut Raw, node: &mut Node, length: u64) {
    let entry = head(FeedRef::New(author().public_key()), length);
    raw.say(node, Kind::Heads, &body(&[entry]));
}

#[test]
fn a_message_that_does_not_parse() {
    let malformed = Malformed(crate::wire::codec::Malformed::Truncated);
    violate(malformed, |raw, node| raw.say(node, Kind::Heads, &[0, 1, 2]));
    violate(malformed, |raw, node| raw.say(node, Kind::Wants, &[9]));
    violate(malformed, |raw, node| raw.say(node, Kind::Range, &[1]));
    violate(malformed, |raw, node| raw.say(node, Kind::AliasCredit, &[]));
    violate(malformed, |raw, node| raw.say(node, Kind::WindowCredit, &[0xff; 11]));
    violate(malformed, |raw, node| raw.say(node, Kind::Rejects, &[1, 0, 7]));
    violate(malformed, |raw, node| raw.frame(node, &[0xfd]));
}

#[test]
fn aliases_that_were_never_assigned_are_rejected() {
    violate(UnknownReference, |raw, node| {
        raw.say(node, Kind::Heads, &body(&[head(FeedRef::Sender(0), 1)]));
    });
    violate(UnknownReference, |raw, node| {
        raw.say(node, Kind::Wants, &body(&[WantEntry { name: FeedRef::Receiver(1), start: 0 }]));
    });
    violate(UnknownReference, |raw, node| raw.say(node, Kind::Range, &range(&[b"x"]).1));
}

#[test]
fn a_name_given_twice_or_where_none_belongs() {
    violate(BadName, |raw, node| {
        name_author(raw, node, 1);
        name_author(raw, node, 2);
    });
    violate(UnexpectedMessage, |raw, node| {
        let name = FeedRef::New(author().public_key());
        raw.say(node, Kind::Wants, &body(&[WantEntry { name, start: 0 }]));
    });
}

#[test]
fn lengths_that_no_feed_has() {
    violate(OutOfRange, |raw, node| name_author(raw, node, 0));
    violate(OutOfRange, |raw, node| name_author(raw, node, (1 << 40) + 1));
    violate(OutOfRange, |raw, node| name_author(raw, node, u64::MAX));
    violate(OutOfRange, |raw, node| raw.say(node, Kind::AliasCredit, &body(&[u32::MAX])));
    violate(OutOfRange, |raw, node| raw.say(node, Kind::WindowCredit, &body(&[u64::MAX])));
}

#[test]
fn a_list_of_forked_feeds_has_1024_authors_at_most() {
    let authors = |count| body(&vec![author().public_key(); count]);
    for kind in [Kind::ForkedFeeds, Kind::ForkedWanted] {
        violate(OutOfRange, |raw, node| raw.say(node, kind, &authors(1_025)));
        let mut node = node();
        let mut raw = Raw::member(&mut node, &group(), 77);
        raw.say(&mut node, kind, &authors(1_024));
        assert_eq!(closed(&node, raw.connection), None);
    }
}

#[test]
fn ranges_outside_their_head() {
    let changed = |change: fn(&mut RangeHeader)| {
        move |raw: &mut Raw, node: &mut Node| {
            name_author(raw, node, 5);
            let mut header = range(&[b"x"]).0;
            change(&mut header);
            let body = encode_range(&header, [].into_iter(), &[b"x"]);
            raw.say(node, Kind::Range, &body);
        }
    };
    violate(OutOfRange, changed(|header| header.head_length = 0));
    violate(OutOfRange, changed(|header| header.start = 1));
    violate(OutOfRange, changed(|header| header.start = u64::MAX));
    violate(OutOfRange, changed(|header| header.fork = 1));
    violate(OutOfRange, changed(|header| header.head_length = (1 << 40) + 1));
    violate(BadProof, changed(|header| header.head_length = 2));
    violate(BadSignature, changed(|header| header.signature.0[5] ^= 1));
    violate(OutOfRange, |raw, node| {
        name_author(raw, node, 5);
        let header = range(&[b"x"]).0;
        raw.say(node, Kind::Range, &encode_range::<&[u8]>(&header, [].into_iter(), &[]));
    });
}

#[test]
fn a_proof_whose_sizes_wrap() {
    violate(BadProof, |raw, node| {
        name_author(raw, node, 5);
        let mut header = range(&[b"x"]).0;
        (header.head_length, header.nodes) = (2, 1);
        let nodes = [(u64::MAX, [0; 32])];
        raw.say(node, Kind::Range, &encode_range(&header, nodes.into_iter(), &[b"x"]));
    });
}

#[test]
fn channels_out_of_order() {
    let open = |local_id| MuxMessage::Open { local_id, protocol: "x", id: None, handshake: &[] };
    violate(ChannelId, |raw, node| raw.mux(node, &open(0)));
    violate(ChannelId, |raw, node| raw.mux(node, &open(1)));
    violate(ChannelId, |raw, node| raw.mux(node, &open(3)));
    violate(ChannelId, |raw, node| raw.mux(node, &MuxMessage::Close { local_id: 9 }));
    violate(ChannelId, |raw, node| {
        raw.mux(node, &MuxMessage::Message { channel: 5, kind: 0, body: &[] });
    });
    violate(ChannelId, |raw, node| raw.mux(node, &MuxMessage::Reject { local_id: 9 }));
}

#[test]
fn a_frame_that_is_too_long() {
    exceed(Limit::FrameBytes, |raw, node| {
        raw.out.extend_from_slice(&[0xff; 3]);
        raw.exchange(node);
    });
}

#[test]
fn a_long_frame_before_proof_of_membership_is_rejected() {
    let mut node = node();
    let mut raw = Raw::dial(&mut node, 77);
    raw.frame(&mut node, &[1; FRAME_BYTES_MAX_EARLY]);
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::Limit(Limit::FrameBytes)));
}

#[test]
fn a_long_frame_of_a_member_without_a_request_is_rejected() {
    exceed(Limit::FrameBytes, |raw, node| {
        raw.frame(node, &[1; FRAME_BYTES_MAX_UNASKED]);
    });
}

#[test]
fn a_long_frame_of_a_member_with_a_request_is_accepted() {
    let mut node = node();
    let mut raw = Raw::member(&mut node, &group(), 77);
    let public_key = KeyPair::from_seed(&[5; 32]).public_key();
    let head = HeadEntry { name: FeedRef::New(public_key), length: 1, fork: 0 };
    raw.say(&mut node, Kind::Heads, &body(&[head]));
    assert_eq!(raw.bodies(Kind::Wants).len(), 1);
    let length = (node.multifeed.limits.frame_bytes as u32).to_le_bytes();
    raw.out.extend_from_slice(&length[..3]);
    raw.out.extend_from_slice(&[1; 2 * FRAME_BYTES_MAX_UNASKED]);
    raw.exchange(&mut node);
    assert_eq!(closed(&node, raw.connection), None);
}

#[test]
fn incomplete_messages_of_all_peers_are_bounded_together() {
    let mut config = Config::new(group(), Seed::new([1; 32]));
    config.limits.partial_bytes = 10_000;
    let mut node = Node::with(config, Map::new());
    let mut peers: Vec<_> =
        (0..3).map(|number| Raw::member(&mut node, &group(), 70 + number)).collect();
    // The second peer's message stalls, while the first one's continues.
    for (second, peer) in [(1, 0), (2, 1), (3, 0), (4, 2)] {
        assert!(peers.iter().all(|peer| closed(&node, peer.connection).is_none()));
        node.handle(Instant::from_micros(1_000_000 * second), Input::Timeout);
        peers[peer].say(&mut node, Kind::Part, &[1; 3_000]);
    }
    let reasons = [0, 1, 2].map(|peer: usize| closed(&node, peers[peer].connection));
    assert_eq!(reasons, [None, Some(CloseReason::Limit(Limit::ReconcileBytes)), None]);
    assert_eq!(node.multifeed.footprint().partial_bytes, 9_000);
    node.handle(Instant::ZERO, Input::Disconnected { connection: peers[0].connection });
    assert_eq!(node.multifeed.footprint().partial_bytes, 3_000);
}

#[test]
fn a_frame_that_was_changed_on_the_way() {
    violate(Decrypt, |raw, node| {
        raw.stream.send(b"hello", &mut raw.out).unwrap();
        let last = raw.out.len() - 1;
        raw.out[last] ^= 1;
        raw.exchange(node);
    });
}

/// Says what its sets are, as a node says it, and then what no honest peer says.
fn reconcile(raw: &mut Raw, node: &mut Node, says: &[(Kind, &[u8])]) {
    let hello = raw.hello(&group());
    raw.open(node, group().discovery_key(), &hello);
    let mut claim = raw.bodies(Kind::Claim).remove(0);
    // As many feeds as the node has, and another root.
    claim[1] ^= 1;
    raw.say(node, Kind::Claim, &claim);
    says.iter().for_each(|(kind, body)| raw.say(node, *kind, body));
}

/// Provokes a node that has feeds enough to be reconciled with.
fn contradict(expected: CloseReason, says: &[(Kind, &[u8])]) {
    let mut node = node();
    for index in 0..10 {
        let key_pair = KeyPair::from_seed(&[index; 32]);
        let feed = node.multifeed.writer(&alloc::format!("{index}"), key_pair).unwrap();
        node.append(feed, &[b"x"]);
    }
    let mut raw = Raw::dial(&mut node, 77);
    reconcile(&mut raw, &mut node, says);
    assert!(!raw.bodies(Kind::Cells).is_empty(), "it began");
    assert_eq!(closed(&node, raw.connection), Some(expected));
    assert_eq!(node.multifeed.feeds.len(), 10);
    assert_eq!(node.multifeed.sets.lent_bytes, 0);
}

#[test]
fn sets_that_contradict_what_was_said_of_them() {
    let inconsistent = CloseReason::Violation(Inconsistent);
    // Nothing differs, and this is the root of both sets together.
    contradict(inconsistent, &[(Kind::Different, &[0, 0]), (Kind::Agreed, &[1; 8])]);
    // A key that it does not have is compared.
    let mut changed = vec![0, 1];
    changed.extend_from_slice(&[7; 32]);
    changed.push(2);
    contradict(inconsistent, &[(Kind::Different, &[0, 0]), (Kind::Changed, &changed)]);
    let unexpected = CloseReason::Violation(UnexpectedMessage);
    contradict(unexpected, &[(Kind::Agreed, &[1; 8])]);
    contradict(unexpected, &[(Kind::Claim, &[[1; 17].as_slice(), &[0]].concat())]);
    let truncated = Malformed(crate::wire::codec::Malformed::Truncated);
    contradict(CloseReason::Violation(truncated), &[(Kind::Different, &[200, 0])]);
    let mut entry = vec![1];
    entry.extend_from_slice(&[9; 32]);
    entry.extend_from_slice(&[0, 0]);
    contradict(CloseReason::Violation(OutOfRange), &[(Kind::Different, &entry)]);
}

#[test]
fn more_of_a_reconciliation_than_the_sets_need() {
    let limit = CloseReason::Limit(Limit::ReconcileBytes);
    contradict(limit, &[(Kind::More, &[0, 0])]);
    contradict(limit, &[(Kind::More, &[0, 0xff, 0x7f])]);
    let part: &[u8] = &[0; 64 * 1024];
    contradict(limit, &[(Kind::Part, part); 49]);
}

#[test]
fn more_names_than_granted() {
    exceed(Limit::Aliases, |raw, node| {
        for index in 0..2_000u64 {
            let mut seed = [60; 32];
            seed[..8].copy_from_slice(&index.to_le_bytes());
            let name = FeedRef::New(PublicKey(seed));
            raw.say(node, Kind::Heads, &body(&[head(name, 1)]));
        }
    });
}

#[test]
fn more_bytes_than_granted() {
    let mut node = node();
    node.held = Some(Vec::new());
    // Opening needs the store's answers.
    while node.held.as_ref().is_some_and(|held| !held.is_empty()) {
        node.release();
    }
    let mut raw = Raw::member(&mut node, &group(), 77);
    name_author(&mut raw, &mut node, 1 << 20);
    node.held = Some(Vec::new());
    let big = vec![7; 900_000];
    let blocks: Vec<&[u8]> = vec![&big; 6];
    for count in 1..=6u64 {
        let (mut header, _) = range(&blocks[..count as usize]);
        header.start = count - 1;
        let body = encode_range(&header, [].into_iter(), &[&big]);
        raw.say(&mut node, Kind::Range, &body);
    }
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::Limit(Limit::WindowBytes)));
    assert_eq!(node.held.as_ref().unwrap().len(), 4, "what the window allowed was taken");
}

#[test]
fn blocks_too_large_and_too_many() {
    let (big, many) = (vec![0; 1024 * 1024 + 1], [b"".as_slice(); 4_097]);
    // An earlier version does not know what we accept: the feed ends, and the connection stays.
    for blocks in [&[&big[..]][..], &many] {
        let mut node = node();
        let mut raw = Raw::member(&mut node, &group(), 77);
        name_author(&mut raw, &mut node, 1);
        let before = node.map.clone();
        raw.say(&mut node, Kind::Range, &range(blocks).1);
        assert_eq!(closed(&node, raw.connection), None);
        assert!(node.map == before, "nothing is stored");
        let is_reported =
            |event: &Event| matches!(event, Event::Refused { refusal: Refusal::BlockTooLarge, .. });
        assert_eq!(node.events.iter().filter(|event| is_reported(event)).count(), 1);
        let reject = RejectEntry { name: FeedRef::Receiver(0), reject: Reject::Declined };
        assert_eq!(raw.bodies(Kind::Rejects), [body(&[reject])]);
    }
}

#[test]
fn wants_without_end() {
    let mut config = Config::new(group(), Seed::new([1; 32]));
    config.limits.serves = 3;
    let mut node = Node::with(config, Map::new());
    for index in 0..5 {
        let key_pair = KeyPair::from_seed(&[index; 32]);
        let name = alloc::format!("{index}");
        let feed = node.multifeed.writer(&name, key_pair).unwrap();
        node.append(feed, &[b"x"]);
    }
    let mut raw = Raw::member(&mut node, &group(), 77);
    node.held = Some(Vec::new());
    let wants: Vec<_> =
        (0..5).map(|number| WantEntry { name: FeedRef::Receiver(number), start: 0 }).collect();
    raw.say(&mut node, Kind::Wants, &body(&wants));
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::Limit(Limit::Serves)));
}

#[test]
fn a_stranger_learns_only_that_the_connection_is_closed() {
    // Another group's key, none, and a repeated first message of a member.
    let stranger = Group::keyed([8; 32]).handshake_key();
    for psk in [Some(&stranger), None] {
        let mut world = nodes(1);
        write(&mut world, 0, 3);
        let node = &mut world.nodes[0];
        let raw = Raw::dial_with(node, 77, psk);
        assert_eq!(closed(node, raw.connection), Some(CloseReason::NotAMember));
        assert_eq!(raw.said, [1, 0, 0, 0], "the whole transcript: a frame that refuses");
    }
}

#[test]
fn a_stranger_learns_no_key_of_a_node_that_dials_it() {
    for accepts_stock_peers in [false, true] {
        let mut node = Node::open(&group(), 1, Map::new());
        if accepts_stock_peers {
            let mut config = Config::new(group(), Seed::new([1; 32]));
            config.limits.hypercore_channels = 8;
            node = Node::with(config, Map::new());
        }
        let connection = ConnectionId(77);
        let (role, secure, mode) = (Role::Initiator, Secure::Noise, Mode::Live);
        node.handle(Instant::ZERO, Input::Connected { connection, role, secure, mode });
        let key_pair = KeyPair::from_seed(&[200; 32]);
        let mut stream = SecretStream::responder(&key_pair, Rng::new([1; 32]), 1 << 21);
        let (mut said, mut answer) = (BytesMut::new(), BytesMut::new());
        for _ in 0..4 {
            let mut bytes = BytesMut::new();
            node.multifeed.poll_transmit(connection, &mut bytes, 1 << 20);
            said.extend_from_slice(&bytes);
            stream.push_bytes(&bytes);
            while let Ok(Some(received)) = stream.next(&mut answer) {
                if let Received::Message(frame) = received {
                    let opened = messages(&frame).count();
                    assert_eq!(opened, 0, "it learns of no channel");
                }
            }
            node.handle(Instant::ZERO, Input::Received { connection, bytes: &answer.split() });
        }
        // A stock peer learns a key, but not the one by which members know the node.
        assert_eq!(stream.remote().is_some(), accepts_stock_peers);
        assert_ne!(stream.remote(), Some(node.multifeed.public_key()));
        let hides = |secret: &[u8; 32]| said.windows(32).all(|window| window != secret);
        assert!(hides(&node.multifeed.public_key().0) && hides(group().discovery_key()));
    }
}

#[test]
fn a_stock_peer_learns_a_key_that_changes_with_each_start() {
    let learned = |seed| {
        let mut config = Config::new(group(), Seed::new([seed; 32]));
        config = config.identity(KeyPair::from_seed(&[5; 32]));
        config.limits.hypercore_channels = 8;
        let mut node = Node::with(config, Map::new());
        let mut raw = Raw::dial_with(&mut node, 77, None);
        assert_eq!(closed(&node, raw.connection), None);
        let remote = raw.stream.remote().expect("it answers");
        assert_ne!(remote, node.multifeed.public_key());
        // It may guess the group, and still learns nothing of it.
        let hello = raw.hello(&group());
        raw.open(&mut node, group().discovery_key(), &hello);
        let said: Vec<_> = raw.frames.iter().flat_map(|frame| messages(frame)).collect();
        assert_eq!(said, [Ok(MuxMessage::Reject { local_id: 1 })], "the whole transcript");
        remote
    };
    assert_ne!(learned(1), learned(2));
}

/// What a node says of itself to the peer that it dialled, as its hello and all that it said.
fn dialled(node: &mut Node) -> (Hello, BytesMut) {
    let (connection, remote) = (ConnectionId(77), KeyPair::from_seed(&[200; 32]).public_key());
    let secure = Secure::Established { handshake_hash: [7; 64], remote };
    let (role, mode) = (Role::Initiator, Mode::Live);
    node.handle(Instant::ZERO, Input::Connected { connection, role, secure, mode });
    let mut said = BytesMut::new();
    while node.multifeed.poll_transmit(connection, &mut said, 1 << 20) > 0 {
        node.drain();
    }
    let mut reader = FrameReader::new(1 << 20);
    reader.push(&said);
    let frame = reader.next().unwrap().unwrap();
    assert_eq!(reader.buffered(), 0, "one frame");
    let said: Vec<_> = messages(&frame).map(Result::unwrap).collect();
    let [MuxMessage::Open { handshake, .. }] = said[..] else { panic!("{said:?}") };
    (decode(handshake).unwrap(), frame)
}

#[test]
fn a_dialled_stranger_learns_nothing_about_our_sets() {
    let mut empty = node();
    let (first, frame) = dialled(&mut empty);
    for feeds in [1, 300] {
        let mut node = node();
        for number in 0..feeds {
            let mut seed = [1; 32];
            seed[..8].copy_from_slice(&u64::to_le_bytes(number));
            let name = alloc::format!("{number}");
            let feed = node.multifeed.writer(&name, KeyPair::from_seed(&seed)).unwrap();
            node.append(feed, &[b"x"]);
        }
        let (hello, whole) = dialled(&mut node);
        assert_eq!(whole.len(), frame.len());
        assert_eq!(
            Hello { claim: first.claim.clone(), ..hello.clone() },
            first,
            "all but the claim"
        );
        let opened = |group: &Group, hash| open_claim(group, hash, &hello.claim);
        let claim: Claim = decode(&opened(&group(), &[7; 64]).unwrap()).unwrap();
        assert_eq!(claim.feeds, feeds, "a member reads it");
        assert_eq!(opened(&Group::keyed([8; 32]), &[7; 64]), None);
        assert_eq!(opened(&group(), &[8; 64]), None, "on another connection");
    }
}

#[test]
fn a_claim_sealed_for_another_connection_is_rejected() {
    let mut node = node();
    let mut raw = Raw::dial(&mut node, 77);
    let claim = seal_claim(&group(), &[5; 64], &[0; 17]);
    let hello = Hello { claim, ..raw.hello(&group()) };
    raw.open(&mut node, group().discovery_key(), &hello);
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::Violation(Violation::Decrypt)));
}

#[test]
fn an_echo_of_our_own_proof_proves_nothing() {
    let mut node = node();
    let mut raw = Raw::dial(&mut node, 77);
    let hash = *raw.stream.handshake_hash().unwrap();
    let mut hello = raw.hello(&group());
    hello.capability = crate::peer::capability::capability(&group(), &hash, Role::Responder);
    raw.open(&mut node, group().discovery_key(), &hello);
    assert_eq!(closed(&node, raw.connection), Some(CloseReason::NotAMember));
}

#[test]
fn version_zero_is_nobodys_fault() {
    let mut node = node();
    let mut raw = Raw::dial(&mut node, 77);
    let hello = crate::wire::multifeed::Hello { version: 0, ..raw.hello(&group()) };
    raw.open(&mut node, group().discovery_key(), &hello);
    let reason = CloseReason::Incompatible { ours: 1, theirs: 0 };
    assert_eq!(closed(&node, raw.connection), Some(reason));
}

#[test]
fn additions_of_newer_versions_are_ignored() {
    let mut node = node();
    let mut raw = Raw::member(&mut node, &group(), 77);
    raw.mux(&mut node, &MuxMessage::Message { channel: 1, kind: 99, body: b"new" });
    raw.say(&mut node, Kind::AliasCredit, &[&body(&[3u32])[..], b"more"].concat());
    name_author(&mut raw, &mut node, 1);
    raw.say(&mut node, Kind::Range, &range(&[b"x"]).1);
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(node.multifeed.feeds().count(), 1);
}

#[test]
fn a_truncated_feed_is_rejected() {
    let mut node = node();
    let mut raw = Raw::member(&mut node, &group(), 77);
    let entry = HeadEntry { fork: 1, ..head(FeedRef::New(author().public_key()), 3) };
    raw.say(&mut node, Kind::Heads, &body(&[entry]));
    assert_eq!(closed(&node, raw.connection), None);
    assert_eq!(raw.bodies(Kind::Rejects), [body(&[(FeedRef::Receiver(0), 0u8)])]);
    assert!(raw.bodies(Kind::Wants).is_empty());
}
