//! What the tests of this crate share: multifeeds with stores in memory, driven by hand or on
//! sockets, and peers of the JavaScript stack.
//!
//! The project's README is compiled and run here, as a doc test.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use bytes::BytesMut;
use multifeed_core::{
    CloseReason, Config, ConnectionId, Event, FeedId, Input, Instant, KeyPair, Mode, Multifeed,
    Output, Role, Secure, StoreRequest,
};
use multifeed_store::{MemoryStore, Store, carry_out};

pub mod javascript;
pub mod sockets;
pub mod stock;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
#[derive(Debug)]
pub struct Readme;

/// The connection of two [`Node`]s, on both sides.
pub const CONNECTION: ConnectionId = ConnectionId(1);

/// A multifeed with its store, and what it said.
#[derive(Debug)]
pub struct Node<S = MemoryStore> {
    /// The machine.
    pub multifeed: Multifeed,
    /// What it keeps.
    pub store: S,
    /// Every event so far.
    pub events: Vec<Event>,
    /// Why it closed connections.
    pub closed: Vec<CloseReason>,
}

impl Node {
    /// Opens a multifeed with a new store.
    pub fn open(config: Config) -> Self {
        Self::open_on(config, MemoryStore::new())
    }
}

impl<S: Store> Node<S> {
    /// Opens a multifeed with what a store holds.
    pub fn open_on(config: Config, store: S) -> Self {
        let multifeed = Multifeed::open(config);
        let mut node = Self { multifeed, store, events: Vec::new(), closed: Vec::new() };
        node.drain();
        node
    }

    /// Makes a feed of its own, and appends these blocks one by one.
    pub fn write(&mut self, name: &str, seed: u8, blocks: &[&[u8]]) -> FeedId {
        let feed = self.multifeed.writer(name, KeyPair::from_seed(&[seed; 32]));
        let feed = feed.expect("a free name");
        for block in blocks {
            self.multifeed.append(feed, &[block]).expect("a writable feed");
            self.drain();
        }
        feed
    }

    /// Begins [`CONNECTION`].
    pub fn connect(&mut self, role: Role, secure: Secure, mode: Mode) {
        self.handle(Input::Connected { connection: CONNECTION, role, secure, mode });
    }

    /// Hands in an input, and does what comes of it.
    pub fn handle(&mut self, input: Input<'_>) {
        self.multifeed.handle(Instant::ZERO, input);
        self.drain();
    }

    /// Takes away all that [`CONNECTION`] has to send.
    pub fn transmit(&mut self) -> BytesMut {
        self.pull(CONNECTION)
    }

    /// Takes away all that a connection has to send.
    pub fn pull(&mut self, connection: ConnectionId) -> BytesMut {
        self.drain();
        let mut bytes = BytesMut::new();
        while self.multifeed.poll_transmit(connection, &mut bytes, 64 * 1024) > 0 {
            self.drain();
        }
        self.drain();
        bytes
    }

    /// Does all that the multifeed wants done. Commits that it wants together are one group.
    pub fn drain(&mut self) {
        loop {
            let requests = self.take_outputs();
            if requests.is_empty() {
                return;
            }
            let multifeed = &mut self.multifeed;
            carry_out(&mut self.store, requests, |reply| {
                multifeed.handle(Instant::ZERO, Input::Stored(reply));
            });
        }
    }

    fn take_outputs(&mut self) -> Vec<StoreRequest> {
        let mut requests = Vec::new();
        while let Some(output) = self.multifeed.poll() {
            match output {
                Output::Transmit { .. } => {}
                Output::Disconnect { reason, .. } => self.closed.push(reason),
                Output::Event(event) => self.events.push(event),
                Output::Store(request) => requests.push(request),
            }
        }
        requests
    }
}

/// How a program that measures ends: `Ok(false)` if what it saw is not what was asked for.
pub fn exit_code(done: Result<bool, Box<dyn Error>>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            // Nobody is left who could be told that nobody reads.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Moves bytes between two nodes until neither has any; `tap` sees each flight, with the number of
/// the node that it comes from, and may change it.
pub fn run(nodes: &mut [Node; 2], tap: impl FnMut(usize, &mut BytesMut)) {
    let [one, other] = nodes;
    run_between(one, other, tap);
}

/// The same, whatever their stores are.
pub fn run_between<A: Store, B: Store>(
    one: &mut Node<A>,
    other: &mut Node<B>,
    mut tap: impl FnMut(usize, &mut BytesMut),
) {
    let mut silent = 0;
    for from in (0..2).cycle() {
        let mut bytes = if from == 0 { one.transmit() } else { other.transmit() };
        silent = if bytes.is_empty() { silent + 1 } else { 0 };
        if silent == 2 {
            return;
        }
        if bytes.is_empty() {
            continue;
        }
        tap(from, &mut bytes);
        let input = Input::Received { connection: CONNECTION, bytes: &bytes };
        if from == 0 {
            other.handle(input)
        } else {
            one.handle(input)
        };
    }
}
