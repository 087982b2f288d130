//! A TCP proxy on loopback that counts bytes and may delay them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

const CHUNK_BYTES: usize = 64 * 1024;

/// A proxy between two processes; it runs as long as the program.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    counted: Arc<AtomicU64>,
}

impl Proxy {
    /// Forwards connections to `port`, and every byte after `delay`.
    pub(crate) fn to(port: u16, delay: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let proxy =
            Self { port: listener.local_addr()?.port(), counted: Arc::new(AtomicU64::new(0)) };
        let counted = Arc::clone(&proxy.counted);
        thread::spawn(move || {
            for inner in listener.incoming() {
                let Ok(inner) = inner else { return };
                let Ok(outer) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) else { return };
                let ends = (inner.try_clone(), outer.try_clone());
                let (Ok(inner_too), Ok(outer_too)) = ends else { return };
                pass(inner, outer, delay, Arc::clone(&counted));
                pass(outer_too, inner_too, delay, Arc::clone(&counted));
            }
        });
        Ok(proxy)
    }

    /// Bytes received so far in both directions.
    pub(crate) fn bytes(&self) -> u64 {
        self.counted.load(Ordering::Relaxed)
    }
}

/// Forwards one direction with two threads, so that a delay does not stop reading.
fn pass(from: TcpStream, to: TcpStream, delay: Duration, counted: Arc<AtomicU64>) {
    let (sender, receiver) = channel();
    thread::spawn(move || take(from, delay, &counted, &sender));
    thread::spawn(move || give(to, &receiver));
}

fn take(
    mut from: TcpStream,
    delay: Duration,
    counted: &AtomicU64,
    sender: &Sender<(Instant, Vec<u8>)>,
) {
    let mut chunk = vec![0; CHUNK_BYTES];
    while let Ok(length @ 1..) = from.read(&mut chunk) {
        counted.fetch_add(length as u64, Ordering::Relaxed);
        if sender.send((Instant::now() + delay, chunk[..length].to_vec())).is_err() {
            return;
        }
    }
}

fn give(mut to: TcpStream, receiver: &Receiver<(Instant, Vec<u8>)>) {
    // When one side closes, the other is closed too, whatever fails first.
    let _ = to.set_nodelay(true);
    for (due, bytes) in receiver {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
