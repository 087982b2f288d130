//! The crate as a peer over TCP, through `hypercore-protocol` and its encrypted stream. Every block
//! is compared.
//!
//! What works: one core on each connection, in both roles, both ways. Appends during the connection
//! reach us; a reader of the crate fails when the feed grows (`faults.rs`). What does not work, and
//! how these tests avoid it:
//!
//! - The crate closes a connection when an `open` comes in a batch with other messages, which is
//!   how a corestore and we send it. [`Wire`] puts each message in a frame of its own.
//! - It closes a connection when a message comes for a channel that it did not open, and it has no
//!   message to reject a channel. [`Wire`] rejects our group's channel before the crate sees it.
//! - `Hypercore::replicate` as the initiator opens its channel a second time when the peer opens it
//!   at the same time, and then uses neither. `converse` opens it once, with the replicator on it.
//! - The replicator drops a request that comes while it answers another one, and an answer that
//!   comes while it checks another one. We have many requests under way, so they are answered here,
//!   with the crate's proofs. As a reader it has one request under way, and its replicator is used.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use futures_lite::StreamExt;
use hypercore::Hypercore;
use hypercore_handshake::state_machine::{SecStream, hc_specific::generate_keypair};
use hypercore_handshake::{Cipher, CipherTrait};
use hypercore_protocol::schema::{Data, NoData, Range, Synchronize};
use hypercore_protocol::{Channel, Event, Message, Protocol};
use multifeed_core::peer::secure::{Received, SecretStream};
use multifeed_core::rng::Rng;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, FrameReader, write_frame};
use multifeed_core::wire::hypercore::PROTOCOL;
use multifeed_core::wire::mux::{MuxMessage, messages};
use multifeed_core::{ConnectionId, FeedId, Input, KeyPair, Mode, Role, Secure};
use multifeed_tests::Node;
use multifeed_tests::javascript::{PATIENCE, block};
use tokio::runtime::Runtime;
use tokio_util::compat::TokioAsyncReadCompatExt;
use uint24le_framing::Uint24LELengthPrefixedFraming;

use super::bridge::{append, blocks, blocks_of, key, node, reader, writer};

const SEED: u8 = 7;
const SIZES: &[usize] = &[100, 0, 7, 5_000, 60_000];

/// The crate's side of a connection: `role` is the crate's.
fn secured(stream: TcpStream, role: Role) -> io::Result<impl CipherTrait + 'static> {
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let framed = Box::new(Uint24LELengthPrefixedFraming::new(stream.compat()));
    let state = match role {
        Role::Initiator => SecStream::new_initiator_xx(&[]).map_err(io::Error::other)?.into(),
        Role::Responder => {
            let pair = generate_keypair().map_err(io::Error::other)?;
            SecStream::new_responder_xx(&pair, &[]).map_err(io::Error::other)?.into()
        }
    };
    Ok(Cipher::new(Some(framed), state))
}

/// How the crate's side uses its core on a channel.
#[derive(Clone, Copy)]
enum Side {
    /// Every request is answered here, with the crate's proofs.
    Answers,
    /// The crate's own replicator runs.
    Replicator,
}

/// Opens the channel of a core, and uses it until the connection ends.
async fn converse(core: Hypercore, stream: TcpStream, role: Role, side: Side) -> io::Result<()> {
    let mut protocol = Protocol::new(Box::new(secured(stream, role)?));
    let mut is_open = false;
    while let Some(event) = protocol.next().await {
        match event? {
            Event::Handshake(_) | Event::DiscoveryKey(_) if !is_open => {
                is_open = true;
                protocol.open(key().0).await?;
            }
            Event::Channel(channel) => {
                let core = core.clone();
                tokio::spawn(async move {
                    match side {
                        Side::Answers => answer(&core, channel).await,
                        Side::Replicator => {
                            core.attach_channel(channel).await.map_err(io::Error::other)
                        }
                    }
                });
            }
            _ => (),
        }
    }
    Ok(())
}

/// Announces the core's blocks whenever it has grown, and answers each request.
async fn answer(core: &Hypercore, mut channel: Channel) -> io::Result<()> {
    let mut announced = None;
    loop {
        let length = core.info().length;
        if announced.replace(length) != Some(length) {
            let sync = Synchronize {
                fork: 0,
                length,
                remote_length: 0,
                downloading: true,
                uploading: true,
                can_upgrade: true,
            };
            let range = Range { drop: false, start: 0, length };
            channel.send_batch(&[Message::Synchronize(sync), Message::Range(range)]).await?;
        }
        let wait = Duration::from_millis(20);
        let Ok(message) = tokio::time::timeout(wait, channel.next()).await else { continue };
        let Some(message) = message else { return Ok(()) };
        let Message::Request(request) = message else { continue };
        let (id, fork) = (request.id, request.fork);
        let proof = core.create_proof(request.block, request.hash, request.seek, request.upgrade);
        let answer = match proof.await.map_err(io::Error::other)? {
            Some(proof) => Message::Data(Data {
                request: id,
                fork,
                block: proof.block,
                hash: proof.hash,
                seek: proof.seek,
                upgrade: proof.upgrade,
            }),
            None => Message::NoData(NoData { request: id }),
        };
        channel.send(answer).await?;
    }
}

const CONNECTION: ConnectionId = ConnectionId(1);

/// The socket of a node of ours, and its encrypted stream. It writes each message alone in a frame,
/// and rejects the channel of the group in the crate's place.
struct Wire {
    socket: TcpStream,
    secure: SecretStream,
    role: Role,
    frames: FrameReader,
    /// Bytes to write.
    out: BytesMut,
    /// The number of the group's channel.
    group: Option<u64>,
}

impl Wire {
    fn new(socket: TcpStream, role: Role) -> Self {
        let pair = KeyPair::from_seed(&[role as u8 + 1; 32]);
        let (rng, mut out) = (Rng::new([role as u8 + 3; 32]), BytesMut::new());
        let secure = match role {
            Role::Initiator => SecretStream::initiator(&pair, rng, FRAME_SIZE_MAX, &mut out),
            Role::Responder => SecretStream::responder(&pair, rng, FRAME_SIZE_MAX),
        };
        socket.set_read_timeout(Some(Duration::from_millis(5))).expect("a socket");
        let frames = FrameReader::new(FRAME_SIZE_MAX);
        Self { socket, secure, role, frames, out, group: None }
    }

    /// Moves what has arrived to the node, and what it answers to the socket.
    fn turn(&mut self, node: &mut Node) {
        let mut chunk = vec![0; 64 * 1024];
        match self.socket.read(&mut chunk) {
            Ok(0) => panic!("the crate has closed the connection: {:?}", node.closed),
            Ok(count) => self.secure.push_bytes(&chunk[..count]),
            Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
            Err(error) => panic!("{error}"),
        }
        while let Some(received) = self.secure.next(&mut self.out).expect("the crate's frames") {
            self.receive(node, &received);
        }
        self.frames.push(&node.pull(CONNECTION));
        while let Some(frame) = self.frames.next().expect("whole frames") {
            for message in messages(&frame) {
                self.send(node, &message.expect("well-formed"));
            }
        }
        self.socket.write_all(&self.out.split()).expect("the crate reads");
    }

    fn receive(&mut self, node: &mut Node, received: &Received) {
        match received {
            Received::Opened { .. } => {
                let remote = self.secure.remote().expect("it is open");
                let handshake_hash = *self.secure.handshake_hash().expect("it is open");
                let secure = Secure::Established { handshake_hash, remote };
                let (role, mode) = (self.role, Mode::Live);
                node.handle(Input::Connected { connection: CONNECTION, role, secure, mode });
            }
            Received::Message(frame) => deliver(node, frame),
            Received::KeepAlive => (),
        }
    }

    /// Sends a message of the node, alone in its frame.
    fn send(&mut self, node: &mut Node, message: &MuxMessage<'_>) {
        match message {
            MuxMessage::Open { local_id, protocol, .. } if *protocol != PROTOCOL => {
                self.group = Some(*local_id);
                let mut frame = Vec::new();
                MuxMessage::Reject { local_id: *local_id }.write(&mut frame);
                deliver(node, &frame);
                return;
            }
            MuxMessage::Message { channel, .. } if Some(*channel) == self.group => return,
            _ => (),
        }
        let mut frame = Vec::new();
        message.write(&mut frame);
        self.secure.send(&frame, &mut self.out).expect("it is open");
    }
}

/// Delivers a frame to the node.
fn deliver(node: &mut Node, frame: &[u8]) {
    let mut bytes = BytesMut::new();
    write_frame(&mut bytes, frame).expect("it is short");
    node.handle(Input::Received { connection: CONNECTION, bytes: &bytes });
}

/// A node of ours and a core of the crate, connected over TCP.
struct Pair {
    ours: Node,
    wire: Wire,
    core: Hypercore,
    /// The crate's side runs here until the pair is dropped.
    _runtime: Runtime,
}

impl Pair {
    /// Connects the two. `role` is ours.
    fn connect(ours: Node, core: Hypercore, role: Role, side: Side) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("it is bound");
        let dialled = thread::spawn(move || TcpStream::connect(address).expect("it listens"));
        let accepted = listener.accept().expect("a connection").0;
        let dialled = dialled.join().expect("it connects");
        let (here, there) = match role {
            Role::Initiator => (dialled, accepted),
            Role::Responder => (accepted, dialled),
        };
        let (runtime, theirs) = (Runtime::new().expect("a runtime"), core.clone());
        runtime.spawn(async move {
            // If it fails, the other side reads the end of the stream.
            converse(theirs, there, role.other(), side).await.expect("it converses")
        });
        Self { ours, wire: Wire::new(here, role), core, _runtime: runtime }
    }

    fn until(&mut self, what: &str, mut is_done: impl FnMut(&mut Node, &Hypercore) -> bool) {
        let start = Instant::now();
        while !is_done(&mut self.ours, &self.core) {
            assert!(start.elapsed() < PATIENCE, "{what}: {:?}", self.ours.closed);
            self.wire.turn(&mut self.ours);
        }
    }

    /// Waits until we have all of the crate's core, and compares every block.
    fn until_we_have(&mut self, feed: FeedId) {
        let length = self.core.info().length;
        self.until("we have it", |ours, _| {
            ours.multifeed.feed(feed).is_some_and(|feed| feed.length == length)
        });
        assert!(blocks_of(&mut self.ours, feed) == expected(length));
        assert!(self.ours.closed.is_empty(), "{:?}", self.ours.closed);
    }
}

fn expected(length: u64) -> Vec<Vec<u8>> {
    (0..length).map(|index| block(SEED, index, SIZES)).collect()
}

/// The author appends blocks.
fn grow(core: &Hypercore, blocks: u64) {
    let first = core.info().length as usize;
    append(core, &expected(first as u64 + blocks).split_off(first));
}

fn adopting() -> (Node, FeedId) {
    let mut ours = node(1);
    let feed = ours.multifeed.adopt(key()).expect("there is room");
    ours.drain();
    (ours, feed)
}

const ROLES: [Role; 2] = [Role::Initiator, Role::Responder];

#[test]
fn we_read_a_core_of_the_crate() {
    for role in ROLES {
        let core = writer();
        grow(&core, 150);
        let (ours, feed) = adopting();
        let mut pair = Pair::connect(ours, core, role, Side::Answers);
        pair.until_we_have(feed);
        grow(&pair.core, 7);
        pair.until_we_have(feed);
    }
}

#[test]
fn the_crate_reads_our_copy_of_a_core() {
    for role in ROLES {
        let author = writer();
        grow(&author, 60);
        let (ours, _) = super::bridge::copy_of(&author);
        let mut pair = Pair::connect(ours, reader(), role, Side::Replicator);
        pair.until("the crate has it", |_, core| core.info().contiguous_length == 60);
        let expected: Vec<_> = expected(60).into_iter().map(Some).collect();
        assert!(blocks(&pair.core) == expected);
        assert!(pair.ours.closed.is_empty(), "{:?}", pair.ours.closed);
    }
}
