//! Scans the heap of this process for secrets of connections that are closed.
//!
//! Rule: this runs on the main thread of a process of its own, so that the stack is a mapping with
//! a name and the heap has nothing else. Expected secrets are kept masked.

use std::process::ExitCode;

use bytes::BytesMut;
use multifeed_core::crypto::noise::Noise;
use multifeed_core::rng::Rng;
use multifeed_core::{
    Config, ConnectionId, Event, Group, Input, Instant, KeyPair, Mode, Multifeed, Output, Role,
    Secure, Seed, StoreReply, StoreRequest,
};

/// The seeds of the two nodes: random, so that they are on no page by chance.
const SEEDS: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xd1b5_4a32_d192_ed03];

/// Expected secrets differ from this in each byte, so the list itself is not found.
const MASK: u8 = 0xa5;

const CONNECTIONS: usize = 3;

type Secret = [u8; 32];

fn main() -> ExitCode {
    if !cfg!(target_os = "linux") {
        return ExitCode::SUCCESS;
    }
    let mut nodes = [0, 1].map(|n| {
        let config = Config::new(group(), Seed::new(seed(n)));
        let mut node = Multifeed::open(config.identity(identity(n)));
        drain(&mut node);
        node
    });
    let expected = masked_secrets();
    for number in 0..CONNECTIONS {
        let connection = ConnectionId(number as u64);
        for (node, role) in nodes.iter_mut().zip([Role::Initiator, Role::Responder]) {
            let (secure, mode) = (Secure::Noise, Mode::Live);
            node.handle(Instant::ZERO, Input::Connected { connection, role, secure, mode });
        }
        // In the middle of a handshake the ephemeral key is needed, so the scan has to find it.
        let during = found(&expected, &[2 * number, 2 * number + 1]);
        assert!(during > 0, "the scan finds nothing");
        assert_eq!(exchange(&mut nodes, connection), 2, "both are connected");
        for node in &mut nodes {
            node.handle(Instant::ZERO, Input::Disconnected { connection });
            drain(node);
        }
    }
    let all: Vec<_> = (0..expected.len()).collect();
    assert_eq!(found(&expected, &all), 0, "secrets of closed connections are in the heap");
    ExitCode::SUCCESS
}

/// Executes outputs with an empty store. Returns how many peers have proved to be members.
fn drain(node: &mut Multifeed) -> usize {
    let mut opened = 0;
    while let Some(output) = node.poll() {
        match output {
            Output::Store(request) => {
                let reply = execute(request);
                node.handle(Instant::ZERO, Input::Stored(reply));
            }
            Output::Event(Event::Opened { .. }) => opened += 1,
            Output::Disconnect { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
    opened
}

fn execute(request: StoreRequest) -> StoreReply {
    match request {
        StoreRequest::Read(read) => {
            let values = read.keys().iter().map(|_| None).collect();
            read.found(values)
        }
        StoreRequest::Scan(scan) => scan.found(Vec::new()),
        StoreRequest::Commit(commit) => commit.durable(),
    }
}

/// Exchanges bytes until neither node has more to send. Returns how many have opened.
fn exchange(nodes: &mut [Multifeed; 2], connection: ConnectionId) -> usize {
    let (mut opened, mut is_idle) = (0, false);
    while !is_idle {
        is_idle = true;
        for from in [0, 1] {
            let mut bytes = BytesMut::new();
            is_idle &= nodes[from].poll_transmit(connection, &mut bytes, 65_536) == 0;
            opened += drain(&mut nodes[from]);
            let input = Input::Received { connection, bytes: &bytes };
            nodes[1 - from].handle(Instant::ZERO, input);
            opened += drain(&mut nodes[1 - from]);
        }
    }
    opened
}

fn seed(n: usize) -> Secret {
    let mut seed = [0; 32];
    for (at, part) in seed.chunks_mut(8).enumerate() {
        part.copy_from_slice(&SEEDS[n].rotate_left(7 * at as u32 + 1).to_le_bytes());
    }
    seed
}

fn group() -> Group {
    Group::keyed([9; 32])
}

fn identity(n: usize) -> KeyPair {
    KeyPair::from_seed(&[40 + n as u8; 32])
}

/// Computes what must not be found: first both ephemeral keys of each connection, then the keys of
/// its two directions.
fn masked_secrets() -> Vec<Secret> {
    let mut rngs = [0, 1].map(|n| {
        let mut rng = Rng::new(seed(n));
        // The core draws the seed of an identity first.
        rng.array::<32>();
        rng
    });
    let (mut ephemeral, mut session) = (Vec::new(), Vec::new());
    for _ in 0..CONNECTIONS {
        let mut children = rngs.each_mut().map(Rng::child);
        let mut sides = [0, 1].map(|n| {
            let role = [Role::Initiator, Role::Responder][n];
            Noise::with_psk(role, &identity(n), &group().handshake_key(), &mut children[n])
        });
        for turn in 0..3 {
            let message = sides[turn % 2].send().expect("its turn");
            sides[(turn + 1) % 2].receive(&message).expect("genuine");
        }
        let [one, _] = sides.map(|side| side.split().expect("complete"));
        session.extend([mask(&one.send_key), mask(&one.receive_key)]);
    }
    let mut rngs = [0, 1].map(|n| {
        let mut rng = Rng::new(seed(n));
        rng.array::<32>();
        rng
    });
    for _ in 0..CONNECTIONS {
        ephemeral.extend(rngs.each_mut().map(|rng| mask(&rng.child().array())));
    }
    ephemeral.extend(session);
    ephemeral
}

fn mask(secret: &Secret) -> Secret {
    secret.map(|byte| byte ^ MASK)
}

/// Counts which of the expected secrets are in the heap, or follow from 32 bytes there as the seed
/// of a generator, or of the parent of one.
fn found(expected: &[Secret], which: &[usize]) -> usize {
    let heap = heap();
    let wanted: Vec<_> = which.iter().map(|at| expected[*at]).collect();
    let is_wanted = |bytes: &Secret| wanted.contains(&mask(bytes));
    let windows = heap.windows(32).step_by(4);
    let windows = windows.filter_map(|window| <Secret>::try_from(window).ok());
    windows.filter(|window| is_random(window) && leads_to(window, 2, &is_wanted)).count()
}

fn leads_to(window: &Secret, depth: usize, is_wanted: &impl Fn(&Secret) -> bool) -> bool {
    if is_wanted(window) {
        return true;
    }
    if depth == 0 {
        return false;
    }
    let keystream = Rng::new(*window).array::<128>();
    let mut seeds = keystream.chunks_exact(32).filter_map(|seed| <Secret>::try_from(seed).ok());
    seeds.any(|seed| leads_to(&seed, depth - 1, is_wanted))
}

/// Whether bytes may be a key. Most of the heap is not.
fn is_random(window: &Secret) -> bool {
    let mut seen = [0_u64; 4];
    for byte in window {
        seen[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    seen.iter().map(|bits| bits.count_ones()).sum::<u32>() >= 24
}

/// Reads every writable mapping that is no file and not the stack.
fn heap() -> Vec<u8> {
    use std::io::{Read, Seek, SeekFrom};
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux has it");
    let mut memory = std::fs::File::open("/proc/self/mem").expect("our own");
    let mut heap = Vec::with_capacity(64 << 20);
    for line in maps.lines() {
        let mut fields = line.split_whitespace();
        let (range, access) = (fields.next(), fields.next());
        let name = fields.nth(3).unwrap_or_default();
        if !access.is_some_and(|access| access.starts_with("rw")) || !["", "[heap]"].contains(&name)
        {
            continue;
        }
        let (from, until) = range.and_then(|range| range.split_once('-')).expect("a range");
        let [from, until] = [from, until].map(|at| u64::from_str_radix(at, 16).expect("hex"));
        if until - from > 32 << 20 || memory.seek(SeekFrom::Start(from)).is_err() {
            continue;
        }
        let _ = memory.by_ref().take(until - from).read_to_end(&mut heap);
    }
    heap
}
