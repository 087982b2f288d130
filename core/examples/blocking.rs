//! The core driven by std threads and blocking sockets alone: no runtime, no store crate.
//!
//! `cargo run -p multifeed-core --example blocking`: two peers exchange one block each over TCP.

use std::collections::BTreeMap;
use std::io::{self, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Instant as Clock;

use bytes::{Bytes, BytesMut};
use multifeed_core::*;

const CONNECTION: ConnectionId = ConnectionId(0);

/// Bytes that one read takes from the socket, and chunks that wait for the core at most.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNKS_MAX: usize = 4;

/// Executes a store request on a map: the simplest store, without durability.
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

/// Reads the socket into the channel, whose bound makes the peer wait for us.
fn read_socket(mut socket: TcpStream, chunks: SyncSender<Vec<u8>>) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK_BYTES];
        let length = socket.read(&mut chunk)?;
        chunk.truncate(length);
        if chunks.send(chunk).is_err() || length == 0 {
            return Ok(());
        }
    }
}

/// Appends one block, exchanges all feeds over the socket, and returns every block then held.
pub(crate) fn sync(mut socket: TcpStream, role: Role, block: &[u8]) -> io::Result<Vec<Bytes>> {
    let start = Clock::now();
    let now = || Instant::from_micros(start.elapsed().as_micros() as u64);
    let (sender, chunks) = sync_channel(CHUNKS_MAX);
    let reader = socket.try_clone()?;
    thread::spawn(move || read_socket(reader, sender));
    let mut store = BTreeMap::new();
    let (mut blocks, mut is_over) = (Vec::new(), false);
    let mut multifeed =
        Multifeed::open(Config::new(Group::open("blocking"), Seed::new([role as u8; 32])));
    loop {
        while let Some(output) = multifeed.poll() {
            match output {
                Output::Store(request) => {
                    let reply = execute(&mut store, request);
                    multifeed.handle(now(), Input::Stored(reply));
                }
                Output::Transmit { .. } | Output::Disconnect { .. } => {
                    let mut bytes = BytesMut::new();
                    while multifeed.poll_transmit(CONNECTION, &mut bytes, CHUNK_BYTES) > 0 {
                        socket.write_all(&bytes.split())?;
                    }
                    is_over |= matches!(output, Output::Disconnect { .. });
                }
                Output::Event(Event::Ready { .. }) => {
                    let key_pair = KeyPair::from_seed(&[role as u8; 32]);
                    let feed = multifeed.writer("local", key_pair).map_err(io::Error::other)?;
                    multifeed.append(feed, &[block]).map_err(io::Error::other)?;
                    let (secure, mode) = (Secure::Noise, Mode::Once);
                    let input = Input::Connected { connection: CONNECTION, role, secure, mode };
                    multifeed.handle(now(), input);
                }
                Output::Event(Event::Appended { feed, start, end, .. })
                | Output::Event(Event::Extended { feed, start, end, .. }) => {
                    multifeed.read(feed, start, end).map_err(io::Error::other)?;
                }
                Output::Event(Event::Blocks { blocks: read, .. }) => blocks.extend(read),
                Output::Event(_) => (),
            }
        }
        if is_over {
            return Ok(blocks);
        }
        let wait = multifeed.deadline().map_or(Duration::MAX, |deadline| deadline.since(now()));
        match chunks.recv_timeout(wait) {
            Ok(bytes) => {
                let input = Input::Received { connection: CONNECTION, bytes: &bytes };
                multifeed.handle(now(), input);
            }
            Err(RecvTimeoutError::Timeout) => multifeed.handle(now(), Input::Timeout),
            Err(RecvTimeoutError::Disconnected) => return Ok(blocks),
        }
    }
}

fn main() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let socket = TcpStream::connect(listener.local_addr()?)?;
    let dialler = thread::spawn(|| sync(socket, Role::Initiator, b"from the one who dialled"));
    let held = sync(listener.accept()?.0, Role::Responder, b"from the one who accepted")?;
    let also_held = dialler.join().map_err(|_| io::Error::other("the dialler panicked"))??;
    writeln!(io::stdout(), "{held:?}\n{also_held:?}")
}
