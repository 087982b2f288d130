//! What has to be done to every byte, each part alone.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;

use bytes::BytesMut;
use multifeed_core::crypto::cipher::{Pull, Push};
use multifeed_core::crypto::hash;
use multifeed_core::rng::Rng;

use crate::cpu::Clock;
use crate::{BLOCK_BYTES, Cost};

/// A measurement of so many blocks.
type Part = fn(usize) -> io::Result<Cost>;

/// Every part by its name. Both sides hash, what leaves the store and what comes from the peer.
pub(crate) const ALL: [(&str, Part); 3] =
    [("hash twice", hash_twice), ("seal and open", seal_and_open), ("loopback", loopback)];

fn hash_twice(blocks: usize) -> io::Result<Cost> {
    let block = vec![7; BLOCK_BYTES];
    let clock = Clock::start();
    for _ in 0..2 * blocks {
        black_box(hash::leaf(black_box(&block)));
    }
    Ok(clock.stop())
}

fn seal_and_open(blocks: usize) -> io::Result<Cost> {
    let (mut push, header) = Push::new(&[1; 32], &mut Rng::new([2; 32]));
    let mut pull = Pull::new(&[1; 32], header);
    let block = vec![7; BLOCK_BYTES];
    let mut sealed = BytesMut::new();
    let clock = Clock::start();
    for _ in 0..blocks {
        sealed.clear();
        push.seal(black_box(&block), &mut sealed).map_err(|_| io::ErrorKind::InvalidInput)?;
        pull.open(&mut sealed).map_err(|_| io::ErrorKind::InvalidData)?;
    }
    Ok(clock.stop())
}

/// Plain bytes from a thread to another.
fn loopback(blocks: usize) -> io::Result<Cost> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let addr = listener.local_addr()?;
    let sender = thread::spawn(move || -> io::Result<()> {
        let mut stream = TcpStream::connect(addr)?;
        let block = vec![7; BLOCK_BYTES];
        (0..blocks).try_for_each(|_| stream.write_all(&block))
    });
    let (mut stream, _) = listener.accept()?;
    let mut block = vec![0; BLOCK_BYTES];
    let clock = Clock::start();
    (0..blocks).try_for_each(|_| stream.read_exact(&mut block))?;
    let cost = clock.stop();
    sender.join().map_err(|_| io::ErrorKind::Other)??;
    Ok(cost)
}
