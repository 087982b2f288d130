//! Runs one workload in one thread, for counting instructions.
//!
//! ```sh
//! cargo build --release -p multifeed-core --example instructions
//! valgrind --tool=callgrind target/release/examples/instructions bulk
//! valgrind --tool=callgrind target/release/examples/instructions reconnect 1
//! valgrind --tool=callgrind target/release/examples/instructions reconnect 11
//! ```
//!
//! `bulk` syncs 10 feeds of 1,000 blocks of 100 bytes to an empty peer. `reconnect N` syncs 1,000
//! feeds of one block, then reconnects the same two peers `N` times with nothing new. The
//! difference between two values of `N` is the cost of the additional reconnects of both sides.

use std::collections::BTreeMap;
use std::env;

use bytes::{Bytes, BytesMut};
use multifeed_core::*;

struct Node {
    multifeed: Multifeed,
    store: BTreeMap<StoreKey, Bytes>,
}

impl Node {
    fn open(seed: u8) -> Self {
        let config = Config::new(Group::open("instructions"), Seed::new([seed; 32]));
        let mut node = Self { multifeed: Multifeed::open(config), store: BTreeMap::new() };
        node.drain();
        node
    }

    /// Executes outputs until the core has none left.
    fn drain(&mut self) {
        while let Some(output) = self.multifeed.poll() {
            if let Output::Store(request) = output {
                let reply = execute(&mut self.store, request);
                self.multifeed.handle(Instant::ZERO, Input::Stored(reply));
            }
        }
    }

    /// Appends `blocks` blocks of 100 bytes to each of `feeds` new feeds.
    fn write(&mut self, feeds: u32, blocks: usize) {
        for number in 0..feeds {
            let mut seed = [7; 32];
            seed[..4].copy_from_slice(&number.to_le_bytes());
            let writer = self.multifeed.writer(&number.to_string(), KeyPair::from_seed(&seed));
            let block = [number as u8; 100];
            let blocks = vec![&block[..]; blocks];
            self.multifeed.append(writer.expect("a new name"), &blocks).expect("it fits");
            self.drain();
        }
    }
}

fn execute(store: &mut BTreeMap<StoreKey, Bytes>, request: StoreRequest) -> StoreReply {
    match request {
        StoreRequest::Read(read) => {
            let values = read.keys().iter().map(|key| store.get(key).cloned()).collect();
            read.found(values)
        }
        StoreRequest::Scan(scan) => {
            let entries = store.range(scan.from()..scan.until()).take(scan.entries_max());
            let entries = entries.map(|(key, value)| (*key, value.clone())).collect();
            scan.found(entries)
        }
        StoreRequest::Commit(commit) => {
            for write in commit.writes() {
                match write {
                    Write::Put(key, value) => _ = store.insert(*key, value.clone()),
                    Write::Delete(key) => _ = store.remove(key),
                }
            }
            commit.durable()
        }
    }
}

/// Connects two nodes, exchanges bytes until neither has more to send, and disconnects them.
fn sync(nodes: &mut [Node; 2], number: u64) {
    let connection = ConnectionId(number);
    for (node, role) in nodes.iter_mut().zip([Role::Initiator, Role::Responder]) {
        let (secure, mode) = (Secure::Noise, Mode::Live);
        let input = Input::Connected { connection, role, secure, mode };
        node.multifeed.handle(Instant::ZERO, input);
        node.drain();
    }
    loop {
        let mut moved = 0;
        for from in [0, 1] {
            let mut bytes = BytesMut::new();
            moved += nodes[from].multifeed.poll_transmit(connection, &mut bytes, 64 * 1024);
            nodes[from].drain();
            let input = Input::Received { connection, bytes: &bytes };
            nodes[1 - from].multifeed.handle(Instant::ZERO, input);
            nodes[1 - from].drain();
        }
        if moved == 0 {
            break;
        }
    }
    for node in nodes {
        node.multifeed.handle(Instant::ZERO, Input::Disconnected { connection });
        node.drain();
    }
}

fn main() {
    let mut arguments = env::args().skip(1);
    let workload = arguments.next().expect("an argument: bulk, or reconnect N");
    let mut nodes = [Node::open(1), Node::open(2)];
    let reconnects = if workload == "bulk" {
        nodes[0].write(10, 1_000);
        0
    } else {
        nodes[0].write(1_000, 1);
        arguments.next().and_then(|count| count.parse().ok()).expect("a number of reconnects")
    };
    for number in 0..=reconnects {
        sync(&mut nodes, number);
    }
    let held: u64 = nodes[1].multifeed.feeds().map(|feed| feed.length).sum();
    assert_eq!(held, if workload == "bulk" { 10_000 } else { 1_000 });
}
