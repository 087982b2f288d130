//! A multifeed on a real socket, and a JavaScript process that does what it is told.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread,
    time::{Duration, Instant as Clock},
};

use bytes::{Bytes, BytesMut};
use multifeed_core::{
    Config, ConnectionId, Event, FeedId, FeedKey, Group, Input, Instant, KeyPair, Mode, Multifeed,
    Output, Reason, Role, Secure,
};
use multifeed_store::{MemoryStore, carry_out};
use serde_json::{Value, json};

/// Nothing takes longer than this, but on a machine that does other things besides.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// A block of an author, as `hypercore.js` makes it.
pub(crate) fn block(seed: u8, index: u64, sizes: &[usize]) -> Vec<u8> {
    let first = u64::from(seed) + index * 31;
    let size = sizes[usize::try_from(index).unwrap() % sizes.len()];
    (0..size as u64).map(|place| (first + place * 7) as u8).collect()
}

/// Processes so far: each has a folder of its own.
static STARTED: AtomicU32 = AtomicU32::new(0);

/// A JavaScript process.
pub(crate) struct Javascript {
    child: Child,
    folder: PathBuf,
    answers: Receiver<Value>,
    kept: VecDeque<Value>,
    next: u64,
}

impl Javascript {
    pub(crate) fn start(version: u32) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/hypercore.js");
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let folder = format!("{}/{}-{number}", env!("CARGO_TARGET_TMPDIR"), std::process::id());
        let folder = PathBuf::from(folder);
        let mut command = Command::new("node");
        command.arg(script).arg(version.to_string()).arg(&folder);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("node is there");
        let (sender, answers) = channel();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                // What is no JSON is a word of some package to whoever looks.
                if let Ok(answer) = serde_json::from_str(&line) {
                    _ = sender.send(answer);
                }
            }
        });
        Self { child, folder, answers, kept: VecDeque::new(), next: 0 }
    }

    /// Tells it something; the answer comes with [`Javascript::answered`].
    pub(crate) fn tell(&mut self, command: &str, mut options: Value) -> u64 {
        self.next += 1;
        options["id"] = json!(self.next);
        options["command"] = json!(command);
        let stdin = self.child.stdin.as_mut().unwrap();
        writeln!(stdin, "{options}").unwrap();
        self.next
    }

    /// The answer, if it came.
    pub(crate) fn answered(&mut self, id: u64) -> Option<Value> {
        self.kept.extend(self.answers.try_iter());
        let place = self.kept.iter().position(|answer| answer["id"] == id)?;
        let answer = self.kept.remove(place).unwrap();
        assert_eq!(answer.get("error"), None, "{}", answer["error"].as_str().unwrap_or_default());
        Some(answer)
    }

    /// Asks something that does not need us.
    pub(crate) fn ask(&mut self, command: &str, options: Value) -> Value {
        let (id, start) = (self.tell(command, options), Clock::now());
        loop {
            if let Some(answer) = self.answered(id) {
                return answer;
            }
            assert!(start.elapsed() < PATIENCE, "{command} takes too long");
            thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Javascript {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// What a socket's reader says.
enum Heard {
    Bytes(ConnectionId, Vec<u8>),
    End(ConnectionId),
}

/// A multifeed with a store in memory, on sockets.
pub(crate) struct Ours {
    pub(crate) multifeed: Multifeed,
    store: MemoryStore,
    pub(crate) events: Vec<Event>,
    pub(crate) closed: Vec<(ConnectionId, Reason)>,
    sockets: Vec<(ConnectionId, TcpStream)>,
    heard: Receiver<Heard>,
    sender: Sender<Heard>,
    start: Clock,
    next: u64,
}

pub(crate) fn group() -> Group {
    Group::keyed([9; 32])
}

pub(crate) fn config(seed: u8) -> Config {
    let mut config = Config::new(group(), [seed; 32]);
    config.limits.hypercore_channels = 4_096;
    config
}

impl Ours {
    pub(crate) fn open(config: Config) -> Self {
        Self::on(config, MemoryStore::new())
    }

    pub(crate) fn on(config: Config, store: MemoryStore) -> Self {
        let (sender, heard) = channel();
        let mut ours = Self {
            multifeed: Multifeed::open(config),
            store,
            events: Vec::new(),
            closed: Vec::new(),
            sockets: Vec::new(),
            heard,
            sender,
            start: Clock::now(),
            next: 1,
        };
        ours.drain();
        ours
    }

    /// Ends it, and gives its store.
    pub(crate) fn close(self) -> MemoryStore {
        self.store
    }

    fn now(&self) -> Instant {
        Instant::from_micros(self.start.elapsed().as_micros() as u64)
    }

    pub(crate) fn writer(&mut self, name: &str, seed: u8) -> FeedId {
        self.multifeed.writer(name, KeyPair::from_seed(&[seed; 32])).unwrap()
    }

    /// A writer of its own for each number.
    pub(crate) fn number(&mut self, number: u64) -> FeedId {
        let mut seed = [5; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        self.multifeed.writer(&format!("w{number}"), KeyPair::from_seed(&seed)).unwrap()
    }

    pub(crate) fn tree_hash(&self, feed: FeedId) -> String {
        let hash = self.multifeed.tree_hash(feed).unwrap();
        data_encoding::HEXLOWER.encode(&hash)
    }

    pub(crate) fn append(&mut self, feed: FeedId, seed: u8, count: u64, sizes: &[usize]) {
        let first = self.multifeed.feed(feed).unwrap().length;
        for index in first..first + count {
            self.multifeed.append(feed, &[&block(seed, index, sizes)]).unwrap();
            self.drain();
        }
    }

    pub(crate) fn key(&self, feed: FeedId) -> String {
        self.multifeed.feed(feed).unwrap().key.to_string()
    }

    pub(crate) fn adopt(&mut self, key: &Value) -> FeedId {
        let bytes = data_encoding::HEXLOWER.decode(key.as_str().unwrap().as_bytes()).unwrap();
        let feed = self.multifeed.adopt(FeedKey(bytes.try_into().unwrap())).unwrap();
        self.drain();
        feed
    }

    pub(crate) fn length(&self, feed: FeedId) -> u64 {
        self.multifeed.feed(feed).map_or(0, |feed| feed.length)
    }

    /// Connects to a JavaScript process, from either side.
    pub(crate) fn join(&mut self, javascript: &mut Javascript, role: Role) -> ConnectionId {
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

    pub(crate) fn attach(&mut self, socket: TcpStream, role: Role, mode: Mode) -> ConnectionId {
        let connection = ConnectionId(self.next);
        self.next += 1;
        socket.set_nodelay(true).unwrap();
        let (mut reader, sender) = (socket.try_clone().unwrap(), self.sender.clone());
        thread::spawn(move || {
            let mut chunk = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                if sender.send(Heard::Bytes(connection, chunk[..count].to_vec())).is_err() {
                    return;
                }
            }
            _ = sender.send(Heard::End(connection));
        });
        self.sockets.push((connection, socket));
        let secure = Secure::Noise;
        let input = Input::Connected { connection, role, secure, mode };
        self.multifeed.handle(self.now(), input);
        self.drain();
        connection
    }

    /// Breaks a connection without a word.
    pub(crate) fn cut(&mut self, connection: ConnectionId) {
        self.sockets.retain(|(id, socket)| {
            if *id == connection {
                _ = socket.shutdown(std::net::Shutdown::Both);
            }
            *id != connection
        });
        self.multifeed.handle(self.now(), Input::Disconnected { connection });
        self.drain();
    }

    /// Works until `is_done`, or fails.
    pub(crate) fn until(&mut self, what: &str, mut is_done: impl FnMut(&mut Self) -> bool) {
        let start = Clock::now();
        while !is_done(self) {
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}", self.closed);
            self.turn();
        }
    }

    /// Works until the process has answered.
    pub(crate) fn until_answered(
        &mut self,
        javascript: &mut Javascript,
        id: u64,
        what: &str,
    ) -> Value {
        let mut answer = None;
        self.until(what, |_| {
            answer = javascript.answered(id);
            answer.is_some()
        });
        answer.unwrap()
    }

    /// Works for a while.
    pub(crate) fn turn(&mut self) {
        match self.heard.recv_timeout(Duration::from_millis(5)) {
            Ok(heard) => self.hear(heard),
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => panic!("we hold a sender"),
        }
        let now = self.now();
        if self.multifeed.deadline().is_some_and(|deadline| deadline <= now) {
            self.multifeed.handle(now, Input::Timeout);
            self.drain();
        }
    }

    fn hear(&mut self, heard: Heard) {
        let now = self.now();
        match heard {
            Heard::Bytes(connection, bytes) => {
                self.multifeed.handle(now, Input::Received { connection, bytes: &bytes });
            }
            Heard::End(connection) => {
                self.sockets.retain(|(id, _)| *id != connection);
                self.multifeed.handle(now, Input::Disconnected { connection });
            }
        }
        self.drain();
    }

    pub(crate) fn drain(&mut self) {
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
                    carry_out(&mut self.store, [request], |reply| {
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

    /// Reads blocks, and compares every byte.
    pub(crate) fn check(
        &mut self,
        feed: FeedId,
        blocks: std::ops::Range<u64>,
        seed: u8,
        sizes: &[usize],
    ) {
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
