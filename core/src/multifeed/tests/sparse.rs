//! Single blocks of feeds that are not held.

use bytes::Bytes;

use super::hypercore::{Core, served};
use super::raw::{Raw, closed};
use super::*;
use crate::feed::tree;
use crate::wire::hypercore::{
    At, Data, DataBlock, DataUpgrade, Manifest, Message, Node as TreeNode, Request, RunNews, Span,
};

/// A node that wants block 3 of a core of 5 that it did not adopt, and what it asked.
fn getting(core: &Core) -> (Node, Raw, RequestId, Request) {
    let mut node = served(1);
    let id = node.multifeed.get(core.key, 3).unwrap();
    node.drain();
    let mut raw = Raw::dial(&mut node, 77);
    raw.offer(&mut node, &core.key);
    raw.speak(&mut node, &Message::Sync(core.sync()));
    raw.speak(&mut node, &Message::Range(RunNews { drop: false, start: 0, length: 5 }));
    let requests = raw.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    (node, raw, id, requests[0])
}

/// The true answer to it.
fn third<'a>(core: &'a Core, request: &Request, signature: &'a [u8; 68]) -> Data<'a> {
    let leaf = |index: u64| TreeNode::leaf(index, &core.blocks[index as usize]);
    let left = tree::join(&leaf(0), &leaf(1)).unwrap();
    let block = DataBlock { index: 3, value: &core.blocks[3], nodes: vec![leaf(2), left] };
    let (nodes, additional_nodes) = (vec![leaf(4)], Vec::new());
    let upgrade = DataUpgrade { start: 0, length: 5, nodes, additional_nodes, signature };
    let (request, manifest) = (request.id, Some(Ok(core.manifest)));
    let (block, upgrade) = (Some(block), Some(upgrade));
    Data { request, block, upgrade, manifest, ..Data::default() }
}

#[test]
fn a_single_block_is_downloaded_without_the_rest_of_its_feed() {
    let core = Core::new(5);
    let (mut node, mut raw, request, asked) = getting(&core);
    assert_eq!(asked.block, Some(At { index: 3, nodes: 0 }));
    assert_eq!((asked.upgrade, asked.manifest), (Some(Span { start: 0, length: 5 }), true));
    raw.speak(&mut node, &Message::Data(third(&core, &asked, &core.signature())));
    let feed = node.multifeed.find(&core.key).unwrap();
    let (feed, length) = (feed.id, feed.length);
    let blocks = vec![Bytes::copy_from_slice(&core.blocks[3])];
    let read = Event::Blocks { request, feed, key: core.key, start: 3, blocks };
    assert!(node.events.contains(&read));
    assert_eq!((length, raw.requests().len(), closed(&node, raw.connection)), (0, 0, None));
    assert_eq!(node.multifeed.footprint().requests, 0);
    // Nothing of it is in the store; once it is adopted, all of it comes.
    let mut again = Node::open(&group(), 2, node.map.clone());
    assert!(again.multifeed.find(&core.key).is_none());
    again.drain();
    node.multifeed.adopt(core.key).unwrap();
    node.drain();
    raw.exchange(&mut node);
    assert_eq!(raw.requests()[0].block, Some(At { index: 0, nodes: 0 }));
}

#[test]
fn a_changed_single_block_is_noticed() {
    let core = Core::new(5);
    let lie = |name: &str, expected: Option<Violation>, change: &dyn Fn(&mut Data<'_>)| {
        let (mut node, mut raw, request, asked) = getting(&core);
        let signature = core.signature();
        let mut data = third(&core, &asked, &signature);
        change(&mut data);
        raw.speak(&mut node, &Message::Data(data));
        assert_eq!(closed(&node, raw.connection), expected.map(CloseReason::Violation), "{name}");
        let is_answered = |event: &Event| matches!(event, Event::Blocks { .. });
        assert!(!node.events.iter().any(is_answered), "{name}");
        // Another peer is asked, whatever became of this one.
        let mut other = Raw::dial(&mut node, 78);
        other.offer(&mut node, &core.key);
        other.speak(&mut node, &Message::Sync(core.sync()));
        let asked = other.requests()[0];
        other.speak(&mut node, &Message::Data(third(&core, &asked, &signature)));
        let is_answer =
            |event: &Event| matches!(event, Event::Blocks { request: of, .. } if *of == request);
        assert!(node.events.iter().any(is_answer), "{name}");
    };
    let (proof, signature) = (Some(Violation::BadProof), Some(Violation::BadSignature));
    lie("another block", signature, &|data| data.block.as_mut().unwrap().value = b"forged");
    lie("a hash", signature, &|data| data.block.as_mut().unwrap().nodes[1].hash[0] ^= 1);
    lie("a size", signature, &|data| data.upgrade.as_mut().unwrap().nodes[0].size += 1);
    lie("an index", proof, &|data| data.block.as_mut().unwrap().nodes[0].index = 8);
    lie("a node less", proof, &|data| _ = data.block.as_mut().unwrap().nodes.pop());
    lie("no other root", proof, &|data| _ = data.upgrade.as_mut().unwrap().nodes.pop());
    lie("the signature", signature, &|data| data.upgrade.as_mut().unwrap().signature = &[1; 68]);
    lie("another's manifest", proof, &|data| {
        data.manifest = Some(Ok(Manifest { namespace: [1; 32], public_key: [2; 32] }));
    });
    lie("another block's number", None, &|data| data.block.as_mut().unwrap().index = 2);
    lie("nothing", None, &|data| data.block = None);
    lie("no head", None, &|data| data.upgrade = None);
}

/// How a peer that was asked comes to owe nothing any more.
type End = dyn Fn(&mut Node, &mut Raw, &Request);

#[test]
fn a_single_block_is_asked_of_another_when_a_peer_has_no_answer() {
    let core = Core::new(5);
    let ends: [&End; 3] = [
        &|node, raw, asked| {
            raw.speak(node, &Message::NoData { request: asked.id, reason: 1 });
        },
        &|node, _, _| {
            node.handle(Instant::from_micros(11_000_000), Input::Timeout);
        },
        &|node, raw, _| {
            let connection = raw.connection;
            node.handle(Instant::ZERO, Input::Disconnected { connection });
        },
    ];
    for end in ends {
        let (mut node, mut raw, _, asked) = getting(&core);
        let mut other = Raw::dial(&mut node, 78);
        other.offer(&mut node, &core.key);
        other.speak(&mut node, &Message::Sync(core.sync()));
        assert_eq!(other.requests().len(), 0, "the first one owes it");
        end(&mut node, &mut raw, &asked);
        node.drain();
        other.exchange(&mut node);
        assert_eq!(other.requests().len(), 1);
    }
}

#[test]
fn a_single_block_request_is_cancelled_and_held_blocks_are_read() {
    let core = Core::new(5);
    let (mut node, mut raw, request, asked) = getting(&core);
    node.multifeed.cancel(request).unwrap();
    raw.speak(&mut node, &Message::Data(third(&core, &asked, &core.signature())));
    assert!(node.events.contains(&Event::Canceled { request }));
    assert!(!node.events.iter().any(|event| matches!(event, Event::Blocks { .. })));
    assert_eq!(node.multifeed.cancel(request), Err(Misuse::UnknownRequest));
    let own = node.writer(7);
    node.append(own, &[b"x"]);
    let key = node.multifeed.feed(own).unwrap().key;
    assert_eq!(node.multifeed.get(key, 1), Err(Misuse::OutOfRange));
    let request = node.multifeed.get(key, 0).unwrap();
    node.drain();
    let blocks = vec![Bytes::from_static(b"x")];
    assert!(node.events.contains(&Event::Blocks { request, feed: own, key, start: 0, blocks }));
}

/// A node that got a block of, or adopted, a feed of its group before a member announced it.
#[test]
fn a_group_feed_requested_by_key_is_received_from_members() {
    for is_adopted in [false, true] {
        for others in [0, 60] {
            let mut world = World::of((1..=2).map(served).collect());
            // Enough that the sets are reconciled, or so few that they are listed.
            for seed in 0..others {
                for (node, name) in [(0, "a"), (1, "b")] {
                    let name = alloc::format!("{name}{seed}");
                    let node: &mut Node = &mut world.nodes[node];
                    let feed = node.multifeed.writer(&name, KeyPair::from_seed(&[170 + seed; 32]));
                    let feed = feed.unwrap();
                    node.append(feed, &[b"x"]);
                }
            }
            let key = write(&mut world, 0, 20);
            if is_adopted {
                _ = world.nodes[1].multifeed.adopt(key).unwrap();
            } else {
                _ = world.nodes[1].multifeed.get(key, 3).unwrap();
            }
            world.nodes[1].drain();
            world.connect(0, 1, Mode::Live);
            world.run();
            assert_holds(&mut world, 1, 0, &key, 20);
            assert!(world.nodes.iter().all(|node| node.closed.is_empty()), "{is_adopted}");
        }
    }
}
