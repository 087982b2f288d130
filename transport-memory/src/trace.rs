//! A hash of everything that happened.
//!
//! Rule: every input of a node is recorded with its time, so two runs with equal traces did the
//! same.

use multifeed_core::crypto::hash::{Hash, blake2b};

/// Bytes hashed at a time: a hash per event would cost as much as the event.
const CHUNK_BYTES: usize = 16 * 1024;

/// The running hash.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    hash: Hash,
    chunk: Vec<u8>,
    /// The same as readable lines, if requested.
    lines: Option<Vec<String>>,
}

/// Lines kept; a failing run is cut down to far fewer.
const LINES_MAX: usize = 1_000_000;

impl Trace {
    /// Records an event: its time, kind, place and bytes.
    pub(crate) fn note(&mut self, at: u64, what: u8, place: [u32; 2], bytes: &[u8]) {
        if let Some(lines) = self.lines.as_mut().filter(|lines| lines.len() < LINES_MAX) {
            let [a, b] = place;
            let (name, length) = (name(what), bytes.len());
            lines.push(format!("{at:>10} µs  {name:<7} {a:>4} {b:>4}  {length} bytes"));
        }
        self.chunk.extend_from_slice(&at.to_le_bytes());
        self.chunk.push(what);
        self.chunk.extend_from_slice(&place[0].to_le_bytes());
        self.chunk.extend_from_slice(&place[1].to_le_bytes());
        // The length shows where the bytes end, so no two histories encode alike.
        self.chunk.extend_from_slice(&(bytes.len() as u64).to_le_bytes());
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() >= CHUNK_BYTES {
            self.hash = blake2b(&[&self.hash, &self.chunk]);
            self.chunk.clear();
        }
    }

    /// Keeps a line per event from now on.
    pub(crate) fn keep_lines(&mut self) {
        self.lines.get_or_insert_default();
    }

    pub(crate) fn take_lines(&mut self) -> Vec<String> {
        self.lines.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The hash of everything recorded so far.
    pub(crate) fn hash(&self) -> Hash {
        blake2b(&[&self.hash, &self.chunk])
    }
}

/// The kinds of events; these numbers are a part of the hash.
pub(crate) mod code {
    /// Link and end.
    pub(crate) const OPEN: u8 = 1;
    pub(crate) const BYTES: u8 = 2;
    pub(crate) const CLOSE: u8 = 3;
    /// Node and reply id.
    pub(crate) const ANSWER: u8 = 4;
    /// Node and number of commits.
    pub(crate) const SYNC: u8 = 5;
    /// Node.
    pub(crate) const ALARM: u8 = 6;
    pub(crate) const WRITER: u8 = 101;
    pub(crate) const APPEND: u8 = 102;
    pub(crate) const CALL: u8 = 103;
}

fn name(what: u8) -> &'static str {
    match what {
        code::OPEN => "open",
        code::BYTES => "bytes",
        code::CLOSE => "close",
        code::ANSWER => "answer",
        code::SYNC => "sync",
        code::ALARM => "alarm",
        code::WRITER => "writer",
        code::APPEND => "append",
        _ => "call",
    }
}
