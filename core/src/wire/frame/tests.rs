use alloc::{vec, vec::Vec};

use proptest::prelude::*;

use super::*;

/// All frames of a stream that arrives in `pieces`, or the first error.
fn read(pieces: &[&[u8]], max: usize) -> (Vec<Vec<u8>>, Result<(), FrameTooLong>) {
    let mut reader = FrameReader::new(max);
    let mut frames = vec![];
    for piece in pieces {
        reader.push(piece);
        loop {
            match reader.next() {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(()))
}

#[test]
fn a_frame_length_is_checked_before_its_bytes_arrive() {
    let mut reader = FrameReader::new(256);
    reader.push(&[1, 1, 0]);
    assert_eq!(reader.next(), Err(FrameTooLong));
    assert_eq!(reader.next(), Err(FrameTooLong));
    reader.set_max(257);
    assert_eq!(reader.next(), Ok(None));
    reader.push(&[7; 257]);
    assert_eq!(reader.next().unwrap().unwrap(), &[7; 257][..]);
}

#[test]
fn the_longest_frame_passes_and_the_next_does_not() {
    let mut out = BytesMut::new();
    assert_eq!(write_frame(&mut out, &vec![0; FRAME_SIZE_MAX + 1]), Err(FrameTooLong));
    assert!(out.is_empty());
    write_frame(&mut out, &vec![1; FRAME_SIZE_MAX]).unwrap();
    let mut reader = FrameReader::new(usize::MAX);
    reader.push(&out);
    assert_eq!(reader.next().unwrap().unwrap().len(), FRAME_SIZE_MAX);
    assert_eq!(reader.buffered(), 0);
}

#[test]
fn memory_of_a_long_frame_is_released() {
    let mut out = BytesMut::new();
    write_frame(&mut out, &vec![1; 1 << 20]).unwrap();
    for rest in [&[][..], &[9, 0, 0, 7]] {
        let mut reader = FrameReader::new(1 << 20);
        reader.push(&out);
        reader.push(rest);
        drop(reader.next().unwrap().unwrap());
        assert_eq!(reader.buffered(), rest.len());
        // `reserve` would reuse the old memory if this were its only owner.
        reader.buffer.reserve(100);
        assert!(reader.buffer.capacity() <= IDLE_CAPACITY_MAX);
    }
}

#[test]
fn a_long_frame_takes_memory_only_for_received_bytes() {
    let size = 1_000_000_usize;
    let mut reader = FrameReader::new(size);
    reader.push(&(size as u32).to_le_bytes()[..HEAD_SIZE]);
    let mut arrived = HEAD_SIZE;
    for piece in vec![7; size - 1].chunks(4_096) {
        reader.push(piece);
        arrived += piece.len();
        assert_eq!(reader.next(), Ok(None));
        let most = (2 * arrived).max(IDLE_CAPACITY_MAX).min(HEAD_SIZE + size);
        assert!(reader.buffer.capacity() <= most, "{} of {arrived}", reader.buffer.capacity());
    }
    reader.push(&[7]);
    assert_eq!(reader.next().unwrap().unwrap(), &vec![7; size][..]);
}

proptest! {
    #[test]
    fn a_stream_may_be_cut_anywhere(
        frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..400), 0..6),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let mut out = BytesMut::new();
        for frame in &frames {
            write_frame(&mut out, frame).unwrap();
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(out.len() + 1)).collect();
        cuts.sort();
        cuts.push(out.len());
        let mut start = 0;
        let pieces: Vec<&[u8]> =
            cuts.iter().map(|&end| &out[mem::replace(&mut start, end)..end]).collect();
        prop_assert_eq!(&read(&pieces, 400), &(frames, Ok(())));
        prop_assert_eq!(read(&pieces, 200), read(&[&out], 200));
        let bytes: Vec<&[u8]> = out.chunks(1).collect();
        prop_assert_eq!(read(&bytes, 200), read(&[&out], 200));
    }

    #[test]
    fn any_bytes_are_held_within_the_maximum(
        bytes in prop::collection::vec(any::<u8>(), 0..4_000),
        piece in 1..100usize,
    ) {
        let mut reader = FrameReader::new(64);
        for piece in bytes.chunks(piece) {
            reader.push(piece);
            while let Ok(Some(_)) = reader.next() {}
            if reader.next().is_err() {
                prop_assert!(reader.buffered() <= HEAD_SIZE + 64 + piece.len());
                return Ok(());
            }
            prop_assert!(reader.buffered() < HEAD_SIZE + 64);
        }
    }
}
