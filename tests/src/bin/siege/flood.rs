//! A member that offers very many feeds and sends none.
//!
//! Rule: an offered feed costs memory, up to a bound, and nothing on disk.

use std::error::Error;
use std::io;
use std::time::{Duration, Instant};

use crate::attacker::{Attacker, Honest, rich};
use crate::figure::{Figures, percentile};
use crate::target::Target;

/// Bytes that offered feeds may use, however many there are.
const FLOOD_BYTES_MAX: i64 = 8 * 1024 * 1024;

/// How long the member continues after it was admitted.
const TALKS: Duration = Duration::from_secs(5);

/// Offers this many feeds.
pub(crate) fn run(figures: &mut Figures, feeds: usize) -> Result<(), Box<dyn Error>> {
    let node = rich(feeds)?;
    let mut target = Target::start()?;
    let mut honest = Honest::join(target.addr, 3_000_000)?;
    let before = target.usage()?;
    let mut member = Attacker::connect(node, target.addr, 1)?;
    member.is_silent = true;
    member.open()?;
    member.stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    let (began, mut most) = (Instant::now(), before);
    while began.elapsed() < TALKS {
        match member.receive() {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        honest.request()?;
        let usage = target.usage()?;
        most.allocated = most.allocated.max(usage.allocated);
        most.descriptors = most.descriptors.max(usage.descriptors);
        most.files = most.files.max(usage.files);
    }
    let name = |what| ("flood", what);
    let grown = most.allocated - before.allocated;
    figures.count(name("allocated meanwhile"), grown, FLOOD_BYTES_MAX, "bytes more")?;
    figures.count(name("files"), most.files - before.files, 0, "more")?;
    let grown = most.descriptors - before.descriptors;
    figures.count(name("descriptors but the member's"), grown - 1, 0, "more")?;
    let slowest = percentile(&mut honest.times, 99);
    Ok(figures.time(name("an honest block stored, 99 %"), slowest, Duration::from_millis(100))?)
}
