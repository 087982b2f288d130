//! A multifeed on real sockets.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant as Clock},
};

use bytes::{Bytes, BytesMut};
use multifeed_core::{
    CloseReason, Config, ConnectionId, Event, FeedId, FeedKey, Group, Input, Instant, KeyPair,
    Mode, Multifeed, Output, Role, Secure, Seed,
};
use multifeed_store::{MemoryStore, execute};
use serde_json::{Value, json};

use crate::javascript::{Javascript, PATIENCE, block};

/// What a socket's reader thread reports.
enum SocketEvent {
    Bytes(ConnectionId, Vec<u8>),
    End(ConnectionId),
}

/// A multifeed with a store in memory, on sockets.
#[derive(Debug)]
pub struct Ours {
    /// The machine.
    pub multifeed: Multifeed,
    store: MemoryStore,
    /// Events that were not taken yet.
    pub events: Vec<Event>,
    /// Why it closed connections.
    pub closed: Vec<(ConnectionId, CloseReason)>,
    sockets: Vec<(ConnectionId, TcpStream)>,
    received: Receiver<SocketEvent>,
    sender: Sender<SocketEvent>,
    start: Clock,
    next: u64,
}

/// The group of all these tests.
pub fn group() -> Group {
    Group::keyed([9; 32])
}

/// With the hypercore channel.
pub fn config(seed: u8) -> Config {
    let mut config = Config::new(group(), Seed::new([seed; 32]));
    config.limits.hypercore_channels = 4_096;
    config
}

fn read_key(hex: &str) -> FeedKey {
    hex.parse().unwrap()
}

impl Ours {
    /// With an empty store.
    pub fn open(config: Config) -> Self {
        Self::on(config, MemoryStore::new())
    }

    /// With an existing store.
    pub fn on(config: Config, store: MemoryStore) -> Self {
        let (sender, received) = channel();
        let mut ours = Self {
            multifeed: Multifeed::open(config),
            store,
            events: Vec::new(),
            closed: Vec::new(),
            sockets: Vec::new(),
            received,
            sender,
            start: Clock::now(),
            next: 1,
        };
        ours.drain();
        ours
    }

    /// Ends it and returns its store.
    pub fn close(self) -> MemoryStore {
        self.store
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.start.elapsed().as_micros() as u64)
    }

    /// A writer with the key pair of this seed.
    pub fn writer(&mut self, name: &str, seed: u8) -> FeedId {
        self.multifeed.writer(name, KeyPair::from_seed(&[seed; 32])).unwrap()
    }

    /// A separate writer for each number.
    pub fn number(&mut self, number: u64) -> FeedId {
        let mut seed = [5; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        self.multifeed.writer(&format!("w{number}"), KeyPair::from_seed(&seed)).unwrap()
    }

    /// The hash over the held feeds, in hex.
    pub fn tree_hash(&self, feed: FeedId) -> String {
        let hash = self.multifeed.tree_hash(feed).unwrap();
        data_encoding::HEXLOWER.encode(&hash)
    }

    /// Appends this many blocks one by one, as `commands.js` makes them.
    pub fn append(&mut self, feed: FeedId, seed: u8, count: u64, sizes: &[usize]) {
        let first = self.multifeed.feed(feed).unwrap().length;
        for index in first..first + count {
            self.multifeed.append(feed, &[&block(seed, index, sizes)]).unwrap();
            self.drain();
        }
    }

    /// A feed's key, in hex.
    pub fn key(&self, feed: FeedId) -> String {
        self.multifeed.feed(feed).unwrap().key.to_string()
    }

    /// Adopts a feed by its key, in hex.
    pub fn adopt(&mut self, key: &Value) -> FeedId {
        let feed = self.multifeed.adopt(read_key(key.as_str().unwrap())).unwrap();
        self.drain();
        feed
    }

    /// Requests one block of a feed that was not adopted.
    pub fn get(&mut self, key: &Value, index: u64) {
        self.multifeed.get(read_key(key.as_str().unwrap()), index).unwrap();
        self.drain();
    }

    /// Whether these blocks arrived, byte for byte.
    pub fn has_got(&self, indices: &[u64], seed: u8, sizes: &[usize]) -> bool {
        let has = |index: u64| {
            self.events.iter().any(|event| match event {
                Event::Blocks { start, blocks, .. } if *start == index => {
                    assert!(blocks[0] == block(seed, index, sizes), "block {index}");
                    true
                }
                _ => false,
            })
        };
        indices.iter().all(|index| has(*index))
    }

    /// Removes a feed and allows it again.
    pub fn forget(&mut self, feed: FeedId) {
        let key = self.multifeed.feed(feed).unwrap().key;
        self.multifeed.remove(feed).unwrap();
        self.drain();
        self.multifeed.accept(key).unwrap();
        self.drain();
    }

    /// The key of a feed.
    pub fn feed_key(&self, feed: FeedId) -> FeedKey {
        self.multifeed.feed(feed).expect("a feed of this multifeed").key
    }

    /// The held length of a feed.
    pub fn length(&self, feed: FeedId) -> u64 {
        self.multifeed.feed(feed).map_or(0, |feed| feed.length)
    }

    /// The feed with this key, in hex, if some of it is held.
    pub fn find(&self, key: &str) -> Option<FeedId> {
        self.multifeed.find(&read_key(key)).map(|feed| feed.id)
    }

    /// Whether no connection is left.
    pub fn is_alone(&self) -> bool {
        self.sockets.is_empty()
    }

    /// Connects to a JavaScript process, from either side.
    pub fn join(&mut self, javascript: &mut Javascript, role: Role) -> ConnectionId {
        let socket = match role {
            Role::Initiator => {
                let port = javascript.ask("listen", json!({}))["port"].as_u64().unwrap();
                TcpStream::connect(("127.0.0.1", u16::try_from(port).unwrap())).unwrap()
            }
            Role::Responder => {
                let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
                let port = listener.local_addr().unwrap().port();
                javascript.tell("connect", json!({ "port": port }));
                listener.accept().unwrap().0
            }
        };
        self.attach(socket, role, Mode::Live)
    }

    /// Accepts an existing connection.
    pub fn attach(&mut self, socket: TcpStream, role: Role, mode: Mode) -> ConnectionId {
        let connection = ConnectionId(self.next);
        self.next += 1;
        socket.set_nodelay(true).unwrap();
        let (mut reader, sender) = (socket.try_clone().unwrap(), self.sender.clone());
        thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                if sender.send(SocketEvent::Bytes(connection, chunk[..count].to_vec())).is_err() {
                    return;
                }
            }
            _ = sender.send(SocketEvent::End(connection));
        });
        self.sockets.push((connection, socket));
        let secure = Secure::Noise;
        let input = Input::Connected { connection, role, secure, mode };
        self.multifeed.handle(self.now(), input);
        self.drain();
        connection
    }

    /// Breaks a connection silently.
    pub fn cut(&mut self, connection: ConnectionId) {
        self.sockets.retain(|(id, socket)| {
            if *id == connection {
                _ = socket.shutdown(std::net::Shutdown::Both);
            }
            *id != connection
        });
        self.multifeed.handle(self.now(), Input::Disconnected { connection });
        self.drain();
    }

    /// Runs until `is_done`, or fails.
    pub fn until(&mut self, what: &str, mut is_done: impl FnMut(&mut Self) -> bool) {
        let start = Clock::now();
        while !is_done(self) {
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}", self.closed);
            self.turn();
        }
    }

    /// Runs until the process has answered.
    pub fn until_answered(&mut self, javascript: &mut Javascript, id: u64, what: &str) -> Value {
        let mut answer = None;
        self.until(what, |_| {
            answer = javascript.answered(id);
            answer.is_some()
        });
        answer.unwrap()
    }

    /// Runs for a while.
    pub fn turn(&mut self) {
        match self.received.recv_timeout(Duration::from_millis(5)) {
            Ok(received) => self.on_socket_event(received),
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => panic!("we hold a sender"),
        }
        let now = self.now();
        if self.multifeed.deadline().is_some_and(|deadline| deadline <= now) {
            self.multifeed.handle(now, Input::Timeout);
            self.drain();
        }
    }

    fn on_socket_event(&mut self, received: SocketEvent) {
        let now = self.now();
        match received {
            SocketEvent::Bytes(connection, bytes) => {
                self.multifeed.handle(now, Input::Received { connection, bytes: &bytes });
            }
            SocketEvent::End(connection) => {
                self.sockets.retain(|(id, _)| *id != connection);
                self.multifeed.handle(now, Input::Disconnected { connection });
            }
        }
        self.drain();
    }

    /// Executes the multifeed's outputs.
    pub fn drain(&mut self) {
        while let Some(output) = self.multifeed.poll() {
            let now = self.now();
            match output {
                Output::Transmit { connection } => self.transmit(connection),
                Output::Disconnect { connection, reason } => {
                    self.transmit(connection);
                    self.closed.push((connection, reason));
                    self.sockets.retain(|(id, socket)| {
                        if *id == connection {
                            _ = socket.shutdown(std::net::Shutdown::Both);
                        }
                        *id != connection
                    });
                }
                Output::Event(event) => self.events.push(event),
                Output::Store(request) => {
                    let multifeed = &mut self.multifeed;
                    execute(&mut self.store, [request], |reply| {
                        multifeed.handle(now, Input::Stored(reply));
                    });
                }
            }
        }
    }

    fn transmit(&mut self, connection: ConnectionId) {
        let mut bytes = BytesMut::new();
        loop {
            bytes.clear();
            if self.multifeed.poll_transmit(connection, &mut bytes, 64 * 1024) == 0 {
                return;
            }
            if let Some((_, socket)) = self.sockets.iter_mut().find(|(id, _)| *id == connection) {
                _ = socket.write_all(&bytes);
            }
        }
    }

    /// Reads blocks and compares every byte.
    pub fn check(&mut self, feed: FeedId, blocks: Range<u64>, seed: u8, sizes: &[usize]) {
        let mut at = blocks.start;
        while at < blocks.end {
            for value in self.read(feed, at, blocks.end) {
                assert!(value == block(seed, at, sizes), "block {at}");
                at += 1;
            }
        }
    }

    fn read(&mut self, feed: FeedId, start: u64, end: u64) -> Vec<Bytes> {
        let request = self.multifeed.read(feed, start, end).unwrap();
        self.drain();
        let found = self.events.iter().position(|event| match event {
            Event::Blocks { request: answered, .. } => *answered == request,
            _ => false,
        });
        match found.map(|place| self.events.remove(place)) {
            Some(Event::Blocks { blocks, .. }) => blocks,
            other => panic!("{other:?}"),
        }
    }
}
