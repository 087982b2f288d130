//! Connections that are opened to use up resources.
//!
//! Rule: each attack starts with a new node and counts what it holds in addition to its start.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use multifeed_core::{Event, Group, Limits};
use socket2::SockRef;

use crate::attacker::{Attacker, Honest, PATIENCE, dial, rich};
use crate::figure::{Figures, percentile};
use crate::target::{Target, Usage, group};

type Done = Result<(), Box<dyn Error>>;

/// Bytes that one hostile connection may use.
const CONNECTION_BYTES_MAX: i64 = 256 * 1024;

/// Bytes that may remain after an attack: memory that allocators keep for reuse.
const RESIDENT_BYTES_MAX: i64 = 8 * 1024 * 1024;

/// How long a connection without a handshake may last, with a margin for a busy machine.
const CLOSED_MAX: Duration = Duration::from_secs(12);

/// Descriptors of incoming streams that have proved nothing: those in the handshake
/// (`ConnectionLimits::half_open`), as many that were evicted and whose task has not closed them
/// yet, those that wait for the driver, and one each with the listener and the driver.
const STRANGERS_MAX: i64 = 16 + 16 + 64 + 2;

const HONEST_MAX: Duration = Duration::from_millis(100);
const HONEST_JOIN_MAX: Duration = Duration::from_millis(200);

/// Hostile connections between two honest requests.
const HONEST_EVERY: usize = 20;

/// Addresses used only by honest peers.
const HONEST: usize = 2_000_000;

/// The cost of one connection that does something and then nothing.
fn one(
    figures: &mut Figures,
    name: &str,
    bound: i64,
    act: impl FnOnce(&Target) -> io::Result<Attacker>,
) -> Done {
    let mut target = Target::start()?;
    // The very first connection allocates memory that later ones reuse, and so does the first
    // pushed block.
    let mut first = Attacker::of(group(), target.addr, HONEST)?;
    first.until(has_a_block)?;
    let with_it = target.usage()?;
    drop(first);
    let before =
        target.wait_until_idle(&Usage { descriptors: with_it.descriptors - 1, ..with_it })?;
    let held = act(&target)?;
    let most = highest(&mut target)?;
    drop(held);
    figures.count(("connections", name), most - before.allocated, bound, "bytes")?;
    Ok(())
}

/// Whether it has received something of the node's.
fn has_a_block(node: &multifeed_tests::Node) -> bool {
    node.events.iter().any(|event| matches!(event, Event::FeedAdded { .. }))
}

/// The minimum over three consecutive samples within half a second: data that moves is briefly in
/// memory twice.
fn highest(target: &mut Target) -> Result<i64, Box<dyn Error>> {
    let mut looks = Vec::new();
    for _ in 0..50 {
        looks.push(target.usage()?.allocated);
        std::thread::sleep(Duration::from_millis(10));
    }
    let lasting = looks.windows(3).filter_map(|looks| looks.iter().min());
    Ok(lasting.max().copied().unwrap_or_default())
}

/// One hostile connection of each kind.
pub(crate) fn connections(figures: &mut Figures) -> Done {
    let limits = Limits::default();
    one(figures, "silent", CONNECTION_BYTES_MAX, |target| Attacker::of(group(), target.addr, 1))?;
    one(figures, "an endless frame from a stranger", CONNECTION_BYTES_MAX, |target| {
        let mut stranger = Attacker::of(group(), target.addr, 1)?;
        // The largest accepted frame length, and all its bytes but one.
        stranger.stream.write_all(&[255, 15, 0])?;
        stranger.stream.write_all(&[0; 4_094])?;
        Ok(stranger)
    })?;
    one(figures, "a silent member", CONNECTION_BYTES_MAX, |target| {
        let mut member = Attacker::of(group(), target.addr, 1)?;
        member.open()?;
        Ok(member)
    })?;
    one(figures, "a member that reads nothing", CONNECTION_BYTES_MAX, |target| {
        let mut member = Attacker::of(group(), target.addr, 1)?;
        SockRef::from(&member.stream).set_recv_buffer_size(4_096)?;
        // It wants everything and then reads only the first block.
        member.until(has_a_block)?;
        Ok(member)
    })?;
    let frame = limits.frame_bytes;
    one(figures, "an endless frame from a member", CONNECTION_BYTES_MAX, |target| {
        let mut member = Attacker::of(group(), target.addr, 1)?;
        member.open()?;
        // A peer from which no block was requested may not send a frame as long as a block.
        unfinished_frame(&mut member, frame)?;
        Ok(member)
    })?;
    // A block must be in memory before its frame can be decrypted, and half of it is there twice
    // while it moves to its final place.
    let bound = CONNECTION_BYTES_MAX + (frame + frame / 2) as i64;
    one(figures, "an endless block that was requested", bound, |target| {
        let mut member = Attacker::connect(rich(1)?, target.addr, 1)?;
        member.is_silent = true;
        member.until(has_a_block)?;
        unfinished_frame(&mut member, frame)?;
        Ok(member)
    })
}

/// A frame of this length without its last byte. A node that closes in the middle takes no more.
fn unfinished_frame(member: &mut Attacker, length: usize) -> io::Result<()> {
    let head = (length as u32).to_le_bytes();
    member.stream.write_all(&head[..3])?;
    match member.stream.write_all(&vec![0; length - 1]) {
        Err(error) if is_closed(&error) => Ok(()),
        done => done,
    }
}

fn is_closed(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset)
}

/// Connects, completes the handshake and leaves, repeatedly, while a member works.
pub(crate) fn churn(figures: &mut Figures, cycles: usize) -> Done {
    let mut target = Target::start()?;
    let mut honest = Honest::join(target.addr, HONEST)?;
    let before = target.usage()?;
    for cycle in 0..cycles {
        let mut stranger = Attacker::of(group(), target.addr, cycle)?;
        stranger.open()?;
        drop(stranger);
        if cycle % HONEST_EVERY == 0 {
            honest.request()?;
        }
    }
    let after = target.wait_until_idle(&before)?;
    let name = |what| ("churn", what);
    figures.count(name("descriptors"), after.descriptors - before.descriptors, 0, "more")?;
    let grown = after.allocated - before.allocated;
    figures.count(name("allocated"), grown, RESIDENT_BYTES_MAX, "bytes more")?;
    let grown = after.resident - before.resident;
    figures.count(name("resident"), grown, RESIDENT_BYTES_MAX, "bytes more")?;
    let slowest = percentile(&mut honest.times, 99);
    Ok(figures.time(name("an honest block stored, 99 %"), slowest, HONEST_MAX)?)
}

/// Silent sockets.
pub(crate) fn half_open(figures: &mut Figures, sockets: usize) -> Done {
    let mut target = Target::start()?;
    let before = target.usage()?;
    let began = Instant::now();
    let streams: io::Result<Vec<_>> =
        (0..sockets).map(|number| dial(target.addr, number)).collect();
    let mut streams = streams?;
    let during = target.usage()?;
    let joining = Instant::now();
    let mut honest = Honest::join(target.addr, HONEST)?;
    let joined = joining.elapsed();
    for _ in 0..20 {
        honest.request()?;
    }
    let open = until_closed(&mut streams)?;
    let name = |what| ("half_open", what);
    figures.count(name("sockets still open"), open as i64, 0, "sockets")?;
    figures.time(name("the last of them closed"), began.elapsed(), CLOSED_MAX)?;
    let grown = during.allocated - before.allocated;
    let bound = 16 * CONNECTION_BYTES_MAX;
    figures.count(name("allocated meanwhile"), grown, bound, "bytes more")?;
    let grown = during.descriptors - before.descriptors;
    figures.count(name("descriptors meanwhile"), grown, STRANGERS_MAX, "more")?;
    figures.time(name("an honest peer joined"), joined, HONEST_JOIN_MAX)?;
    let slowest = percentile(&mut honest.times, 99);
    figures.time(name("an honest block stored, 99 %"), slowest, HONEST_MAX)?;
    drop(honest);
    let after = target.wait_until_idle(&before)?;
    let grown = after.descriptors - before.descriptors;
    Ok(figures.count(name("descriptors"), grown, 0, "more")?)
}

/// How many streams the node has not closed in time.
fn until_closed(streams: &mut [TcpStream]) -> io::Result<usize> {
    let until = Instant::now() + PATIENCE;
    let mut open = 0;
    for stream in streams {
        let left = until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        let is_open = loop {
            match stream.read(&mut [0; 1_024]) {
                Ok(0) => break false,
                // The node may send its part of a handshake first.
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break true,
                Err(_) => break false,
            }
        };
        open += usize::from(is_open);
    }
    Ok(open)
}

/// Streams with only the start of a handshake.
pub(crate) fn unfinished(figures: &mut Figures, sockets: usize) -> Done {
    let mut target = Target::start()?;
    let mut honest = Honest::join(target.addr, HONEST)?;
    let before = target.usage()?;
    let (mut streams, mut most) = (Vec::new(), before);
    for number in 0..sockets {
        let mut stranger = Attacker::of(Group::keyed([1; 32]), target.addr, number)?;
        let bytes = stranger.node.transmit();
        // Half of the first handshake message; a closed socket accepts none.
        let _ = stranger.stream.write_all(&bytes[..bytes.len() / 2]);
        streams.push(stranger.stream);
        if number % HONEST_EVERY == 0 {
            honest.request()?;
            let usage = target.usage()?;
            most.allocated = most.allocated.max(usage.allocated);
            most.descriptors = most.descriptors.max(usage.descriptors);
        }
    }
    let name = |what| ("unfinished", what);
    let grown = most.allocated - before.allocated;
    figures.count(name("allocated meanwhile"), grown, 16 * CONNECTION_BYTES_MAX, "bytes more")?;
    let grown = most.descriptors - before.descriptors;
    figures.count(name("descriptors meanwhile"), grown, STRANGERS_MAX, "more")?;
    let slowest = percentile(&mut honest.times, 99);
    figures.time(name("an honest block stored, 99 %"), slowest, HONEST_MAX)?;
    let began = Instant::now();
    let open = until_closed(&mut streams)?;
    figures.count(name("sockets still open"), open as i64, 0, "sockets")?;
    figures.time(name("the last of them closed"), began.elapsed(), CLOSED_MAX)?;
    let after = target.wait_until_idle(&before)?;
    figures.count(name("descriptors"), after.descriptors - before.descriptors, 0, "more")?;
    let grown = after.resident - before.resident;
    Ok(figures.count(name("resident"), grown, RESIDENT_BYTES_MAX, "bytes more")?)
}
