//! An old copy of a disk is restored.
//!
//! Rule: a restored author that meets a peer first continues where it was. One that writes first
//! signs a second history, which costs no other feed anything.

use multifeed_store::{DiskImage, DiskStore, SimDisk};
use multifeed_tests::{Node, run_between};

use crate::life::{Life, OWN, STEPS, connect, is_contested, writers};
use crate::report::{Row, Wrong};
use crate::view::{View, config};
use crate::watched::open;

/// Restores a copy of every moment of this many lives.
pub(crate) fn run(seed: u64, lives: u64) -> Row {
    let mut row = Row::new("backup");
    for seed in seed..seed + lives {
        let disk = SimDisk::new(DiskImage::default());
        let mut life = Life::begin(seed, &disk).expect("the disk is sound");
        let mut copies = vec![disk.image()];
        for _ in 0..STEPS {
            life.live(1);
            copies.push(disk.image());
        }
        for (copy, number) in copies.iter().zip(0..) {
            row.add("restored", 2);
            let place = |how: &str| format!("life {seed}, copy {number}, {how}");
            row.judge(meets_first(&life, copy), || place("meets its peer first"));
            let verdict = writes_first(&life, copy, &mut row);
            row.judge(verdict, || place("writes first"));
        }
    }
    row.end()
}

fn restored(copy: &DiskImage) -> Result<Node<DiskStore>, Wrong> {
    let store = open(copy.clone()).map_err(|failure| Wrong::Bad(format!("{failure}")))?;
    Ok(Node::open_on(config(4), store))
}

fn peer(life: &Life) -> Node {
    Node::open_on(config(5), life.peer.store.clone())
}

/// Appends to every own feed that is writable. Returns their number.
fn write(node: &mut Node<DiskStore>) -> usize {
    let feeds = writers(node, &OWN);
    let appended = feeds.iter().filter(|feed| {
        let block: &[u8] = b"after the backup was put back";
        node.multifeed.append(**feed, &[block]).is_ok()
    });
    let count = appended.count();
    node.drain();
    count
}

fn meets_first(life: &Life, copy: &DiskImage) -> Result<(), Wrong> {
    let (mut node, mut peer) = (restored(copy)?, peer(life));
    connect(&mut node, &mut peer);
    let before = View::of(&mut peer);
    if write(&mut node) != OWN.len() {
        return Err(Wrong::Bad("a feed is not writable after it caught up".into()));
    }
    run_between(&mut node, &mut peer, |_, _| ());
    if is_contested(&node) || is_contested(&peer) {
        return Err(Wrong::Bad("a feed has a second history".into()));
    }
    let (ours, theirs) = (View::of(&mut node), View::of(&mut peer));
    theirs.keeps(&before)?;
    let own = ours.0.iter().filter(|(_, seen)| !seen.is_refused && seen.length > 0);
    for (key, seen) in own {
        let other = theirs.0.get(key).map(|other| other.tree_hash);
        if other != Some(seen.tree_hash) {
            return Err(Wrong::Bad(format!("the two nodes differ in {key:?}")));
        }
    }
    Ok(())
}

fn writes_first(life: &Life, copy: &DiskImage, row: &mut Row) -> Result<(), Wrong> {
    let (mut node, mut peer) = (restored(copy)?, peer(life));
    let before = View::of(&mut peer);
    write(&mut node);
    connect(&mut node, &mut peer);
    row.add("contested", u64::from(is_contested(&node) || is_contested(&peer)));
    View::of(&mut peer).keeps(&before)
}
