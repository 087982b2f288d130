use alloc::{string::String, vec, vec::Vec};

use proptest::prelude::*;

use super::*;
use crate::wire::codec::UINT_MAX;

fn read(frame: &[u8]) -> Result<Vec<MuxMessage<'_>>, Malformed> {
    messages(frame).collect()
}

/// An owned message.
#[derive(Clone, Debug)]
enum Owned {
    Open(u64, String, Vec<u8>, Vec<u8>),
    Reject(u64),
    Close(u64),
    Message(u64, u64, Vec<u8>),
}

impl Owned {
    fn borrow(&self) -> MuxMessage<'_> {
        match self {
            Self::Open(local_id, protocol, id, handshake) => MuxMessage::Open {
                local_id: *local_id,
                protocol,
                id: (!id.is_empty()).then_some(id),
                handshake,
            },
            Self::Reject(local_id) => MuxMessage::Reject { local_id: *local_id },
            Self::Close(local_id) => MuxMessage::Close { local_id: *local_id },
            Self::Message(channel, kind, body) => {
                MuxMessage::Message { channel: *channel, kind: *kind, body }
            }
        }
    }
}

fn owned() -> impl Strategy<Value = Owned> {
    let id = || prop_oneof![1..5u64, 1..=UINT_MAX];
    let bytes = || prop::collection::vec(any::<u8>(), 0..300);
    prop_oneof![
        (id(), ".{0,20}", bytes(), bytes()).prop_map(|(a, b, c, d)| Owned::Open(a, b, c, d)),
        id().prop_map(Owned::Reject),
        id().prop_map(Owned::Close),
        (id(), 0..=UINT_MAX, bytes()).prop_map(|(a, b, c)| Owned::Message(a, b, c)),
    ]
}

#[test]
fn unknown_control_messages_and_trailing_bytes_are_ignored() {
    assert_eq!(read(&[]), Ok(vec![]));
    assert_eq!(read(&[0, 4, 1, 2, 3]), Ok(vec![]));
    let close = MuxMessage::Close { local_id: 5 };
    assert_eq!(read(&[0, 3, 5, 99, 99]), Ok(vec![close]));
    // The batch: an unknown control message, then a close with one excess byte.
    assert_eq!(read(&[0, 0, 0, 2, 9, 9, 3, 3, 5, 99]), Ok(vec![close]));
}

#[test]
fn a_batch_changes_channels() {
    let frame = [0, 0, 1, 2, 7, 8, 0, 2, 1, 9, 0, 3, 0, 4, 1, 6];
    let message = |channel, kind, body| MuxMessage::Message { channel, kind, body };
    assert_eq!(read(&frame), Ok(vec![message(1, 7, &[8]), message(2, 9, &[]), message(4, 6, &[])]));
}

#[test]
fn nested_batches_are_rejected_at_any_depth() {
    let mut frame = vec![0, 0, 0, 1];
    frame.extend([0; 10]);
    assert_eq!(read(&frame), Err(Malformed::NestedBatch));
    let mut body = vec![0, 0];
    for _ in 0..1_000 {
        let mut outer = vec![0, 0];
        put_uint(&mut outer, body.len() as u64);
        outer.append(&mut body);
        body = outer;
    }
    body.insert(0, 0);
    assert_eq!(read(&body), Err(Malformed::NestedBatch));
}

#[test]
fn a_frame_that_ends_early_is_truncated() {
    for frame in [&[1][..], &[0], &[0, 0], &[0, 1], &[0, 1, 1, 3, b'a'], &[0, 2], &[0, 0, 1, 5, 1]]
    {
        assert_eq!(read(frame), Err(Malformed::Truncated), "{frame:?}");
    }
    assert_eq!(read(&[0, 0, 1]), Ok(vec![]));
    assert_eq!(read(&[0, 0, 1, 0]), Err(Malformed::Truncated));
}

#[test]
fn nothing_follows_an_error() {
    let mut messages = messages(&[0, 0, 1, 1, 7, 9, 1, 1, 7]);
    assert!(messages.next().unwrap().is_ok());
    assert_eq!(messages.next(), Some(Err(Malformed::Truncated)));
    assert_eq!(messages.next(), None);
}

#[test]
fn a_single_message_is_not_batched() {
    let mut batch = Batch::new();
    assert_eq!(batch.take(), None);
    batch.push(&MuxMessage::Close { local_id: 1 });
    assert_eq!(batch.take().unwrap(), &[0, 3, 1][..]);
    assert!(batch.is_empty() && batch.size() == 0);
}

proptest! {
    #[test]
    fn a_message_is_read_as_written(owned in owned()) {
        let message = owned.borrow();
        let mut out = Vec::new();
        message.write(&mut out);
        prop_assert_eq!(out.len(), message.size());
        prop_assert_eq!(read(&out), Ok(vec![message]));
        if let MuxMessage::Message { channel, kind, body } = message {
            let mut head = BytesMut::new();
            put_message_head(&mut head, channel, kind);
            head.extend_from_slice(body);
            prop_assert_eq!(&head[..], &out[..]);
        }
    }

    #[test]
    fn a_batch_is_read_as_written(owned in prop::collection::vec(owned(), 0..9)) {
        let written: Vec<MuxMessage<'_>> = owned.iter().map(Owned::borrow).collect();
        let mut batch = Batch::new();
        for message in &written {
            let bound = batch.size_with(message);
            batch.push(message);
            prop_assert!(batch.size() <= bound && bound <= batch.size() + 12);
        }
        prop_assert_eq!(batch.count(), written.len());
        let frame = batch.take().unwrap_or_default();
        prop_assert_eq!(read(&frame), Ok(written));
    }

    #[test]
    fn any_bytes_may_arrive(
        start in prop_oneof![Just(vec![]), Just(vec![0, 0]), Just(vec![0, 1]), Just(vec![0, 0, 0])],
        bytes in prop::collection::vec(prop_oneof![0..6u8, any::<u8>()], 0..200),
    ) {
        let frame = [start, bytes].concat();
        let mut count = 0;
        for message in messages(&frame) {
            count += 1;
            if let Ok(message) = message {
                prop_assert!(message.size() <= frame.len() + 12);
            }
        }
        prop_assert!(count <= frame.len());
    }
}
