//! A peer on a plain socket that can stop at any point of the protocol.
//!
//! Rule: it uses the real core for everything that must be correct and omits the rest. Nothing here
//! waits longer than [`PATIENCE`].

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use multifeed_core::{
    Config, Event, FeedId, Group, Input, KeyPair, Mode, Output, Role, Secure, Seed, StoreRequest,
};
use multifeed_store::{MemoryStore, execute};
use multifeed_tests::{CONNECTION, Node};
use socket2::{Domain, Protocol, Socket, Type};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A stream to the node from its own loopback address, because the number per address is limited.
pub(crate) fn dial(addr: SocketAddr, number: usize) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP))?;
    let [high, middle, low] = [number / 62_500 % 200, number / 250 % 250, number % 250];
    let own = Ipv4Addr::new(127, 1 + high as u8, middle as u8, 1 + low as u8);
    socket.bind(&SocketAddr::from((own, 0)).into())?;
    socket.connect_timeout(&addr.into(), PATIENCE)?;
    let stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

/// A core on a socket.
pub(crate) struct Attacker {
    pub(crate) node: Node,
    pub(crate) stream: TcpStream,
    /// It never reads its store, so it sends nothing that it offers.
    pub(crate) is_silent: bool,
}

impl Attacker {
    /// Connects a core with the given feeds. Nothing is sent yet.
    pub(crate) fn connect(mut node: Node, addr: SocketAddr, number: usize) -> io::Result<Self> {
        let stream = dial(addr, number)?;
        node.connect(Role::Initiator, Secure::Noise, Mode::Live);
        Ok(Self { node, stream, is_silent: false })
    }

    /// A peer without feeds that knows this group key.
    pub(crate) fn of(group: Group, addr: SocketAddr, number: usize) -> io::Result<Self> {
        Self::connect(Node::open(Config::new(group, Seed::new(seed(number)))), addr, number)
    }

    /// Sends all pending output.
    pub(crate) fn send(&mut self) -> io::Result<()> {
        let bytes = if self.is_silent { self.transmit_silently() } else { self.node.transmit() };
        self.stream.write_all(&bytes)
    }

    /// Receives what has arrived. Returns whether the stream is open.
    pub(crate) fn receive(&mut self) -> io::Result<bool> {
        let mut buffer = vec![0; 64 * 1024];
        let count = self.stream.read(&mut buffer)?;
        let input = Input::Received { connection: CONNECTION, bytes: &buffer[..count] };
        self.node.multifeed.handle(multifeed_core::Instant::ZERO, input);
        self.send()?;
        Ok(count > 0)
    }

    /// Runs until this is true.
    pub(crate) fn until(&mut self, mut holds: impl FnMut(&Node) -> bool) -> io::Result<()> {
        let began = Instant::now();
        self.send()?;
        while !holds(&self.node) {
            if !self.receive()? || began.elapsed() > PATIENCE {
                let closed = format!("the node ended it: {:?}", self.node.closed);
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, closed));
            }
        }
        Ok(())
    }

    /// Runs until both have proved to be members.
    pub(crate) fn open(&mut self) -> io::Result<()> {
        self.until(|node| node.events.iter().any(|event| matches!(event, Event::Opened { .. })))
    }

    fn transmit_silently(&mut self) -> bytes::BytesMut {
        let mut bytes = bytes::BytesMut::new();
        loop {
            let before = bytes.len();
            while let Some(output) = self.node.multifeed.poll() {
                match output {
                    Output::Event(event) => self.node.events.push(event),
                    Output::Disconnect { reason, .. } => self.node.closed.push(reason),
                    Output::Store(StoreRequest::Commit(commit)) => {
                        let multifeed = &mut self.node.multifeed;
                        execute(&mut self.node.store, [StoreRequest::Commit(commit)], |reply| {
                            multifeed.handle(multifeed_core::Instant::ZERO, Input::Stored(reply));
                        });
                    }
                    // Reads are requests of other peers for our blocks.
                    Output::Store(_) | Output::Transmit { .. } => {}
                }
            }
            self.node.multifeed.poll_transmit(CONNECTION, &mut bytes, 64 * 1024);
            if bytes.len() == before {
                return bytes;
            }
        }
    }
}

pub(crate) fn seed(number: usize) -> [u8; 32] {
    std::array::from_fn(|at| (number >> (at % 8 * 8)) as u8 ^ 0x5a)
}

/// A member that writes one block after the other, and waits until the node holds each durably.
pub(crate) struct Honest {
    peer: Attacker,
    feed: FeedId,
    length: u64,
    pub(crate) times: Vec<Duration>,
}

impl Honest {
    pub(crate) fn join(addr: SocketAddr, number: usize) -> io::Result<Self> {
        let mut node = Node::open(Config::new(super::target::group(), Seed::new(seed(number))));
        let feed = node.multifeed.writer("honest", KeyPair::from_seed(&seed(number)));
        let feed = feed.map_err(io::Error::other)?;
        let mut peer = Attacker::connect(node, addr, number)?;
        peer.open()?;
        let mut honest = Self { peer, feed, length: 0, times: Vec::new() };
        // The first request also downloads the node's feed, so it does not count.
        honest.request()?;
        honest.times.clear();
        Ok(honest)
    }

    /// One block: appended here, sent, stored there, acknowledged.
    pub(crate) fn request(&mut self) -> io::Result<()> {
        let (began, feed) = (Instant::now(), self.feed);
        self.peer.node.events.clear();
        let appended = self.peer.node.multifeed.append(feed, &[b"an honest block"]);
        appended.map_err(io::Error::other)?;
        self.length += 1;
        let wanted = self.length;
        self.peer.until(|node| {
            node.events.iter().any(|event| match event {
                Event::Held { feed: of, length, .. } => *of == feed && *length >= wanted,
                _ => false,
            })
        })?;
        self.times.push(began.elapsed());
        Ok(())
    }
}

/// A store with one block in each of this many feeds.
pub(crate) fn rich(feeds: usize) -> io::Result<Node> {
    let mut node: Node<MemoryStore> =
        Node::open(Config::new(super::target::group(), Seed::new(seed(feeds))));
    for number in 0..feeds {
        let pair = KeyPair::from_seed(&seed(number + (1 << 40)));
        let feed = node.multifeed.writer(&number.to_string(), pair).map_err(io::Error::other)?;
        node.multifeed.append(feed, &[b"x"]).map_err(io::Error::other)?;
        if number % 1_000 == 0 {
            node.drain();
        }
    }
    node.drain();
    Ok(node)
}
