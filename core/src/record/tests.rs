use alloc::collections::BTreeMap;
use alloc::vec;

use bytes::Bytes;

use super::*;
use crate::config::Config;
use crate::group::Group;
use crate::io::{Output, Secure, StoreKey, StoreRequest, Write};

/// A multifeed over a store in memory, and its record so far.
pub(crate) struct Recorded {
    pub(crate) multifeed: Multifeed,
    pub(crate) record: Vec<u8>,
    store: BTreeMap<StoreKey, Bytes>,
}

impl Recorded {
    pub(crate) fn open(group_key: [u8; 32], seed: [u8; 32]) -> Self {
        let config = Config::new(Group::keyed(group_key), seed);
        let multifeed = Multifeed::open_recorded(config);
        let mut recorded = Self { multifeed, record: Vec::new(), store: BTreeMap::new() };
        recorded.drain();
        recorded
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.multifeed.handle(Instant::from_micros(5), input);
        self.drain();
    }

    pub(crate) fn connect(
        &mut self,
        connection: ConnectionId,
        role: Role,
        secure: Secure,
        mode: Mode,
    ) {
        self.handle(Input::Connected { connection, role, secure, mode });
    }

    /// Forwards the pending bytes of a connection; returns their number.
    pub(crate) fn pass(&mut self, connection: ConnectionId, to: &mut Self) -> usize {
        let mut bytes = BytesMut::new();
        self.multifeed.poll_transmit(connection, &mut bytes, 100_000);
        self.drain();
        to.handle(Input::Received { connection, bytes: &bytes });
        bytes.len()
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.multifeed.poll() {
            let Output::Store(request) = output else { continue };
            let reply = self.answer(request);
            self.multifeed.handle(Instant::from_micros(5), Input::Stored(reply));
        }
        self.record.extend(self.multifeed.take_record());
    }

    fn answer(&mut self, request: StoreRequest) -> StoreReply {
        match request {
            StoreRequest::Read(read) => {
                let values = read.keys().iter().map(|key| self.store.get(key).cloned()).collect();
                read.found(values)
            }
            StoreRequest::Scan(scan) => {
                let entries = self.store.range(scan.from()..scan.until());
                let entries = entries.map(|(key, value)| (*key, value.clone()));
                let entries = entries.take(scan.entries_max()).collect();
                scan.found(entries)
            }
            StoreRequest::Commit(commit) => {
                for write in commit.writes() {
                    match write {
                        Write::Put(key, value) => _ = self.store.insert(*key, value.clone()),
                        Write::Delete(key) => _ = self.store.remove(key),
                    }
                }
                commit.durable()
            }
        }
    }
}

/// A multifeed that appends and receives invalid bytes from a peer.
fn recorded() -> (Multifeed, Vec<u8>) {
    let mut one = Recorded::open([1; 32], [2; 32]);
    let feed = one.multifeed.writer("local", KeyPair::from_seed(&[3; 32])).unwrap();
    for index in 0..5 {
        one.multifeed.append(feed, &[&[index; 10], b"x"]).unwrap();
        one.drain();
    }
    let connection = ConnectionId(1);
    one.connect(connection, Role::Initiator, Secure::Noise, Mode::Live);
    one.multifeed.poll_transmit(connection, &mut BytesMut::new(), 100);
    one.handle(Input::Received { connection, bytes: b"nonsense" });
    one.handle(Input::Timeout);
    one.handle(Input::Disconnected { connection });
    one.multifeed.record_state();
    one.drain();
    (one.multifeed, one.record)
}

#[test]
fn a_replayed_record_ends_in_the_same_state() {
    let (multifeed, record) = recorded();
    let replayed = replay(&record).unwrap();
    assert_eq!(state_hash(&replayed.multifeed), state_hash(&multifeed));
    assert_eq!(replayed.states, 1);
    assert_eq!(replayed.multifeed.feeds().next().unwrap().length, 10);
}

#[test]
fn a_state_that_differs_from_the_recorded_one_is_detected() {
    let (multifeed, mut record) = recorded();
    let feed = multifeed.feeds().next().unwrap().id;
    Step::Append { feed: feed.into(), blocks: vec![vec![1]] }.write(&mut record);
    // The store never answers the append, so this state precedes it.
    Step::State { hash: state_hash(&multifeed) }.write(&mut record);
    assert!(replay(&record).is_ok());
    Step::State { hash: [0; 32] }.write(&mut record);
    assert!(matches!(replay(&record), Err(BadRecord::OtherState { .. })));
}

#[test]
fn a_truncated_record_is_detected_or_ends_early() {
    let (_, record) = recorded();
    assert!(matches!(replay(&[]), Err(BadRecord::NoOpening)));
    for length in 1..record.len() {
        match replay(&record[..length]) {
            Ok(_) | Err(BadRecord::Malformed) => (),
            Err(other) => panic!("{other:?} at {length}"),
        }
    }
}

#[test]
fn an_unrecorded_multifeed_keeps_no_record() {
    let mut multifeed = Multifeed::open(Config::new(Group::keyed([1; 32]), [2; 32]));
    multifeed.handle(Instant::ZERO, Input::Timeout);
    assert!(multifeed.take_record().is_empty());
}
