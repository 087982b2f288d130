use alloc::vec;

use super::*;
use crate::io::{Output, StoreRequest};

/// One multifeed that appends, answered by nobody but a store without contents.
fn recorded() -> (Multifeed, Vec<u8>) {
    let mut multifeed = Multifeed::open_recorded(Config::new(Group::keyed([1; 32]), [2; 32]));
    let mut record = Vec::new();
    let drain = |multifeed: &mut Multifeed| {
        while let Some(output) = multifeed.poll() {
            let reply = match output {
                Output::Store(StoreRequest::Read(read)) => read.found(vec![None]),
                Output::Store(StoreRequest::Scan(scan)) => scan.found(Vec::new()),
                Output::Store(StoreRequest::Commit(commit)) => commit.durable(),
                _ => continue,
            };
            multifeed.handle(Instant::from_micros(5), Input::Stored(reply));
        }
    };
    drain(&mut multifeed);
    let feed = multifeed.writer("local", KeyPair::from_seed(&[3; 32])).unwrap();
    for index in 0..5 {
        multifeed.append(feed, &[&[index; 10], b"x"]).unwrap();
        drain(&mut multifeed);
        record.extend(multifeed.take_record());
    }
    let (connection, role) = (ConnectionId(1), Role::Initiator);
    let (secure, mode) = (Secure::Noise, Mode::Live);
    let input = Input::Connected { connection, role, secure, mode };
    multifeed.handle(Instant::from_micros(7), input);
    multifeed.poll_transmit(connection, &mut BytesMut::new(), 100);
    multifeed.handle(Instant::from_micros(9), Input::Received { connection, bytes: b"nonsense" });
    multifeed.handle(Instant::from_micros(9), Input::Timeout);
    multifeed.handle(Instant::from_micros(9), Input::Disconnected { connection });
    multifeed.record_state();
    record.extend(multifeed.take_record());
    (multifeed, record)
}

#[test]
fn a_record_done_again_ends_in_the_same_state() {
    let (multifeed, record) = recorded();
    let replayed = replay(&record).unwrap();
    assert_eq!(state_hash(&replayed.multifeed), state_hash(&multifeed));
    assert_eq!(replayed.states, 1);
    assert_eq!(replayed.multifeed.feeds().next().unwrap().length, 10);
}

#[test]
fn another_state_than_the_one_written_down_is_noticed() {
    let (multifeed, mut record) = recorded();
    let feed = multifeed.feeds().next().unwrap().id;
    Step::Append { feed: feed.0, blocks: vec![vec![1]] }.write(&mut record);
    // The append is never answered by a store, so this is the state that was met before it.
    Step::State { hash: state_hash(&multifeed) }.write(&mut record);
    assert!(replay(&record).is_ok());
    Step::State { hash: [0; 32] }.write(&mut record);
    assert!(matches!(replay(&record), Err(BadRecord::OtherState { .. })));
}

#[test]
fn a_record_cut_anywhere_is_said_to_be_or_ends_there() {
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
fn a_multifeed_that_is_not_recorded_keeps_nothing() {
    let mut multifeed = Multifeed::open(Config::new(Group::keyed([1; 32]), [2; 32]));
    multifeed.handle(Instant::ZERO, Input::Timeout);
    assert!(multifeed.take_record().is_empty());
}
