//! Describes a record without its secrets.
//!
//! Rule: a line contains kinds, times, lengths and the small numbers of connections, feeds and
//! requests. It contains no key, name or text, and no hash of one, because a short text is easily
//! guessed from its hash. The lines cannot be replayed: encryption, trees and signatures all depend
//! on the omitted bytes. The lengths remain visible.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::{BadRecord, next, redo, state_hash};
use crate::id::{ConnectionId, FeedId, RequestId};
use crate::io::{Event, Output, StoreRequest, Write};
use crate::multifeed::Multifeed;
use crate::step::{Sealed, Step, Stored};

/// Describes a record without its secrets: a line for each step, followed by one for each output
/// that the step leads to when it is replayed. The lines of a truncated record end where it ends.
///
/// # Errors
///
/// [`BadRecord::NoOpening`], or [`BadRecord::Malformed`] if not even that can be read.
pub fn redact(record: &[u8]) -> Result<Vec<String>, BadRecord> {
    let mut rest = record;
    let Some(Step::Open(opening)) = next(&mut rest)? else { return Err(BadRecord::NoOpening) };
    let mut lines = Vec::new();
    lines.push(format!("open {:?} {:?}", opening.limits, opening.timing));
    let mut multifeed = Multifeed::open(opening.config());
    drain(&mut multifeed, &mut lines);
    loop {
        let step = match next(&mut rest) {
            Ok(Some(step)) => step,
            Ok(None) => return Ok(lines),
            Err(_) => {
                lines.push(String::from("the record is cut short or damaged here"));
                return Ok(lines);
            }
        };
        lines.push(step_line(&step, &multifeed));
        if let Err(misuse) = redo(&mut multifeed, step) {
            lines.push(format!("    refused: {misuse}"));
        }
        drain(&mut multifeed, &mut lines);
    }
}

fn drain(multifeed: &mut Multifeed, lines: &mut Vec<String>) {
    while let Some(output) = multifeed.poll() {
        lines.push(format!("    {}", output_line(&output)));
    }
}

fn step_line(step: &Step, multifeed: &Multifeed) -> String {
    match step {
        Step::Open(_) => String::from("open, though it is open"),
        Step::Connected { now, connection, is_initiator, secure, is_once } => {
            let role = if *is_initiator { "dialling" } else { "dialled" };
            let mode = if *is_once { "once" } else { "live" };
            let secure = match secure {
                Sealed::Noise => "to be sealed",
                Sealed::Established { .. } => "sealed already",
                Sealed::Plain { .. } => "in the clear",
            };
            format!("{now} µs connected connection={connection} {role} {secure} {mode}")
        }
        Step::Received { now, connection, bytes } => {
            format!("{now} µs received connection={connection} bytes={}", bytes.len())
        }
        Step::Disconnected { now, connection } => {
            format!("{now} µs disconnected connection={connection}")
        }
        Step::Stored { now, id, answer } => {
            format!("{now} µs stored request={id} {}", answer_line(answer))
        }
        Step::Timeout { now } => format!("{now} µs timeout"),
        Step::Transmit { connection, limit } => {
            format!("transmit connection={connection} limit={limit}")
        }
        Step::Writer { name, .. } => format!("writer, its name has {} bytes", name.len()),
        Step::Append { feed, blocks } => {
            let lengths: Vec<usize> = blocks.iter().map(Vec::len).collect();
            format!("append feed={feed} bytes={lengths:?}")
        }
        Step::Read { feed, start, end } => format!("read feed={feed} {start}..{end}"),
        Step::Clear { feed, start, end } => format!("clear feed={feed} {start}..{end}"),
        Step::Download { feed, start, end } => format!("download feed={feed} {start}..{end}"),
        Step::Cancel { request } => format!("cancel request={request}"),
        Step::Refuse { .. } => String::from("refuse"),
        Step::Accept { .. } => String::from("accept"),
        Step::Adopt { .. } => String::from("adopt"),
        Step::Get { index, .. } => format!("get {index}"),
        Step::Remove { feed } => format!("remove feed={feed}"),
        Step::Disconnect { connection } => format!("disconnect connection={connection}"),
        Step::State { hash } => {
            let is_reached = state_hash(multifeed) == *hash;
            format!("state {}", if is_reached { "met" } else { "NOT met" })
        }
    }
}

fn answer_line(answer: &Stored) -> String {
    match answer {
        Stored::Values(values) => {
            let lengths: Vec<_> = values.iter().map(|it| it.as_ref().map(Vec::len)).collect();
            format!("values={lengths:?}")
        }
        Stored::Entries(entries) => {
            let bytes: usize = entries.iter().map(|(_, value)| value.len()).sum();
            format!("entries={} bytes={bytes}", entries.len())
        }
        Stored::Durable => String::from("durable"),
        Stored::Failed(number) => format!("failed={number}"),
    }
}

fn output_line(output: &Output) -> String {
    match output {
        Output::Transmit { connection } => format!("has bytes for connection={}", connection.0),
        Output::Disconnect { connection, reason } => {
            format!("closes connection={}: {reason}", connection.0)
        }
        Output::Store(StoreRequest::Read(read)) => {
            format!("store request={} read keys={}", read.id.0, read.keys.len())
        }
        Output::Store(StoreRequest::Scan(scan)) => {
            let (entries, bytes) = (scan.entries_max, scan.bytes_max);
            format!("store request={} scan entries<={entries} bytes<={bytes}", scan.id.0)
        }
        Output::Store(StoreRequest::Commit(commit)) => {
            let length = |write: &Write| match write {
                Write::Put(_, value) => value.len(),
                Write::Delete(_) => 0,
            };
            let bytes: usize = commit.writes.iter().map(length).sum();
            let writes = commit.writes.len();
            format!("store request={} commit writes={writes} bytes={bytes}", commit.id.0)
        }
        Output::Event(event) => event_line(event),
    }
}

/// Each event is named here, so that a new one is checked for secrets before it is shown.
fn event_line(event: &Event) -> String {
    match event {
        Event::Ready { feeds } => format!("event ready feeds={feeds}"),
        Event::OpenFailed(failure) => format!("event open failed: {failure}"),
        Event::FeedAdded { feed, .. } => format!("event feed added feed={feed}"),
        Event::Appended { request, feed, start, end, .. } => {
            run("appended", request, feed, *start, *end)
        }
        Event::Extended { feed, start, end, .. } => {
            format!("event extended feed={feed} {start}..{end}")
        }
        Event::Blocks { request, feed, start, blocks, .. } => {
            let bytes: usize = blocks.iter().map(|it| it.len()).sum();
            let end = start + blocks.len() as u64;
            format!("{} bytes={bytes}", run("blocks", request, feed, *start, end))
        }
        Event::Missing { request, feed, start, end, .. } => {
            run("missing", request, feed, *start, *end)
        }
        Event::Cleared { request, feed, start, end, .. } => {
            run("cleared", request, feed, *start, *end)
        }
        Event::Downloaded { request, feed, start, end, .. } => {
            run("downloaded", request, feed, *start, *end)
        }
        Event::Restored { feed, start, end, .. } => {
            format!("event restored feed={feed} {start}..{end}")
        }
        Event::Ruled { request, .. } => format!("event ruled request={}", request.0),
        Event::Removed { request: Some(request), .. } => {
            format!("event removed request={}", request.0)
        }
        Event::Removed { request: None, .. } => String::from("event removed"),
        Event::Canceled { request } => format!("event canceled request={}", request.0),
        Event::RulingBroken { failure } => format!("event ruling broken: {failure}"),
        Event::Failed { request, failure } => {
            format!("event failed request={}: {failure}", request.0)
        }
        Event::FeedBroken { feed, failure, .. } => {
            format!("event feed broken feed={feed}: {failure}")
        }
        Event::Identified { connection, .. } => {
            format!("event identified connection={}", connection.0)
        }
        Event::Opened { connection, .. } => format!("event opened connection={}", connection.0),
        Event::Offered { connection, length, .. } => {
            format!("event offered connection={} length={length}", connection.0)
        }
        Event::Held { connection, feed, length, .. } => {
            format!("{} length={length}", at_peer("held", connection, feed))
        }
        Event::Refused { connection, feed, refusal, .. } => {
            format!("{}: {refusal:?}", at_peer("refused", connection, feed))
        }
        Event::Contested { connection, feed, .. } => at_peer("contested", connection, feed),
        Event::Forked { feed, .. } => format!("event forked feed={feed}"),
        Event::Full { feed, bytes, .. } => format!("event full feed={feed} bytes={bytes}"),
        Event::Truncated { connection, feed, fork, length, .. } => {
            format!("{} fork={fork} length={length}", at_peer("truncated", connection, feed))
        }
        Event::ChannelClosed { connection, feed, limit, .. } => {
            format!("{}: {limit:?}", at_peer("channel closed", connection, feed))
        }
        Event::Unsupported { connection, feed, what, .. } => {
            format!("{}: {what:?}", at_peer("unsupported", connection, feed))
        }
        Event::Synced { connection } => format!("event synced connection={}", connection.0),
    }
}

fn at_peer(what: &str, connection: &ConnectionId, feed: &FeedId) -> String {
    format!("event {what} connection={connection} feed={feed}")
}

fn run(what: &str, request: &RequestId, feed: &FeedId, start: u64, end: u64) -> String {
    format!("event {what} request={request} feed={feed} {start}..{end}")
}

#[cfg(test)]
mod tests;
