//! Decoding of frames, mux messages and channel messages.

use alloc::vec::Vec;
use core::fmt::Debug;

use bytes::BytesMut;
use serde::{Deserialize, Serialize};

use crate::wire::fork::{ForkProof, SignedHead};
use crate::wire::frame::{FrameReader, HEAD_SIZE, write_frame};
use crate::wire::multifeed::{
    Accepts, HeadEntry, Hello, RangeMessage, RejectEntry, WantEntry, decode, encode_range, entries,
    put,
};
use crate::wire::mux::{Batch, MuxMessage, messages as mux_messages};

/// Maximum bytes of an accepted frame.
const FRAME_BYTES_MAX: usize = 1_024;

/// Reads a byte stream in pieces; the first byte is their size.
///
/// Claims: the frames do not depend on the split; at most one frame is buffered; a frame has at
/// most as many messages as bytes, and a batch of them decodes to the same messages.
#[doc(hidden)]
pub fn frame_and_mux(data: &[u8]) {
    let Some((cut, stream)) = data.split_first() else { return };
    let whole = frames(stream, stream.len());
    assert_eq!(whole, frames(stream, usize::from(*cut)));
    for frame in &whole.0 {
        let read: Result<Vec<MuxMessage<'_>>, _> = mux_messages(frame).collect();
        let Ok(read) = read else { continue };
        assert!(read.len() <= frame.len());
        let mut batch = Batch::new();
        for message in &read {
            let size_max = batch.size_with(message);
            batch.push(message);
            assert!(batch.size() <= size_max);
        }
        let again = batch.take().unwrap_or_default();
        assert!(
            mux_messages(&again)
                .map(|message| message.expect("our own encoding is valid"))
                .eq(read)
        );
    }
}

/// The frames of a stream, and whether one was too long.
fn frames(stream: &[u8], cut: usize) -> (Vec<BytesMut>, bool) {
    let (mut reader, mut frames) = (FrameReader::new(FRAME_BYTES_MAX), Vec::new());
    for piece in stream.chunks(cut.max(1)) {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
        assert!(reader.buffered() < HEAD_SIZE + FRAME_BYTES_MAX);
    }
    let mut written = BytesMut::new();
    frames.iter().for_each(|frame| write_frame(&mut written, frame).expect("the frame is short"));
    assert_eq!(written.len() + reader.buffered(), stream.len());
    assert!(stream.starts_with(&written));
    (frames, false)
}

/// Decodes one body as each channel message.
///
/// Claims: a decoded message is no larger than the body, and it is read back after encoding.
#[doc(hidden)]
pub fn messages(body: &[u8]) {
    one::<Hello>(body);
    one::<Accepts>(body);
    one::<u32>(body);
    one::<u64>(body);
    all::<HeadEntry>(body);
    all::<WantEntry>(body);
    all::<RejectEntry>(body);
    if let Ok(range) = RangeMessage::decode(body, 100) {
        let blocks: usize = range.blocks.iter().map(|block| block.len()).sum();
        assert!(blocks + range.blocks.len() + 33 * range.nodes.len() <= body.len());
        let again = encode_range(&range.header, range.nodes.iter().copied(), &range.blocks);
        assert_eq!(RangeMessage::decode(&again, 100).as_ref(), Ok(&range));
    }
    if let Ok(dispute) = SignedHead::decode(body) {
        assert!(33 * dispute.roots.len() <= body.len());
        assert_eq!(SignedHead::decode(&dispute.encode()), Ok(dispute));
    }
    if let Ok(forked) = ForkProof::decode(body) {
        assert!(33 * (forked.signed_head.roots.len() + forked.nodes.len()) <= body.len());
        assert_eq!(ForkProof::decode(&forked.encode()), Ok(forked));
    }
}

fn one<T: for<'a> Deserialize<'a> + Serialize + PartialEq + Debug>(body: &[u8]) {
    if let Ok(value) = decode::<T>(body) {
        let mut again = Vec::new();
        put(&mut again, &value);
        assert!(again.len() <= body.len(), "a value is written in its shortest form");
        assert_eq!(decode::<T>(&again), Ok(value));
    }
}

fn all<T: for<'a> Deserialize<'a> + Serialize + PartialEq + Debug>(body: &[u8]) {
    let values: Vec<_> = entries::<T>(body).map_while(Result::ok).collect();
    assert!(values.len() <= body.len());
    let mut again = Vec::new();
    values.iter().for_each(|value| put(&mut again, value));
    assert!(entries::<T>(&again).map(|value| value.expect("our own encoding is valid")).eq(values));
}
