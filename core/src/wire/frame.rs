//! Frames on a byte stream: a length of three bytes, little-endian, and as many bytes
//! (@hyperswarm/secret-stream `index.js`).

use core::{fmt, mem};

use bytes::{BufMut, BytesMut};

/// The size of a frame's length.
pub const HEAD_SIZE: usize = 3;

/// The longest frame that three bytes can announce.
#[doc(alias = "MAX_ATOMIC_WRITE")]
pub const FRAME_SIZE_MAX: usize = 0xff_ffff;

/// A buffer keeps the memory of a frame up to here; beyond, one long frame would cost as much for
/// as long as the connection lasts.
const IDLE_CAPACITY_MAX: usize = 16 * 1024;

/// A frame is longer than its owner allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameTooLong;

impl fmt::Display for FrameTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a frame is longer than allowed")
    }
}

impl core::error::Error for FrameTooLong {}

/// Cuts a byte stream back into its frames, wherever the transport cut it.
///
/// [`push`](Self::push) what arrived, then take frames with [`next`](Self::next) until there is
/// none. Then at most one unfinished frame is held, and its length was within `max` before the
/// second push.
pub struct FrameReader {
    buffer: BytesMut,
    max: usize,
}

impl FrameReader {
    /// Begins with an empty stream. A frame may have `max` bytes after its length.
    pub fn new(max: usize) -> Self {
        Self { buffer: BytesMut::new(), max }
    }

    /// Changes the maximum, also for a frame that has begun to arrive.
    pub fn set_max(&mut self, max: usize) {
        self.max = max;
    }

    /// Adds bytes to the end of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room(bytes.len());
        self.buffer.extend_from_slice(bytes);
    }

    /// Memory for a long frame grows with what has arrived of it, by doubling, but not beyond its
    /// end: a frame that stays unfinished costs at most itself.
    fn make_room(&mut self, count: usize) {
        let (held, room) = (self.buffer.len(), self.buffer.capacity());
        let needed = held.saturating_add(count);
        let Some(end) = self.end().filter(|end| *end > IDLE_CAPACITY_MAX && needed > room) else {
            return;
        };
        let mut larger = BytesMut::with_capacity(needed.max(end.min(held.saturating_mul(2))));
        larger.extend_from_slice(&self.buffer);
        self.buffer = larger;
    }

    /// Where the frame ends that has begun to arrive, once its length has.
    fn end(&self) -> Option<usize> {
        let &[low, middle, high] = self.buffer.first_chunk::<HEAD_SIZE>()?;
        Some(HEAD_SIZE.saturating_add(u32::from_le_bytes([low, middle, high, 0]) as usize))
    }

    /// Takes the next whole frame, without its length; a frame may be empty. It shares the
    /// memory of the stream, so one that is kept for long is better copied.
    ///
    /// `Ok(None)`: more bytes are needed. An error is final, because the start of the next frame
    /// is unknown.
    #[expect(clippy::should_implement_trait, reason = "a frame can follow on a none")]
    pub fn next(&mut self) -> Result<Option<BytesMut>, FrameTooLong> {
        let Some(end) = self.end() else { return Ok(None) };
        if end.saturating_sub(HEAD_SIZE) > self.max {
            return Err(FrameTooLong);
        }
        if self.buffer.len() < end {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(end);
        let _ = frame.split_to(HEAD_SIZE);
        if end > IDLE_CAPACITY_MAX && self.buffer.len() <= IDLE_CAPACITY_MAX {
            // What is left moves out, so that the memory of the frame goes with the frame.
            self.buffer = BytesMut::from(&self.buffer[..]);
        }
        Ok(Some(frame))
    }

    /// The number of bytes held.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// Gives up the stream and its bytes.
    pub fn clear(&mut self) {
        drop(mem::take(&mut self.buffer));
    }
}

impl fmt::Debug for FrameReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameReader")
            .field("buffered", &self.buffered())
            .field("max", &self.max)
            .finish()
    }
}

/// Appends the length that begins a frame of `size` bytes.
pub fn put_head(out: &mut BytesMut, size: usize) -> Result<(), FrameTooLong> {
    if size > FRAME_SIZE_MAX {
        return Err(FrameTooLong);
    }
    out.put_uint_le(size as u64, HEAD_SIZE);
    Ok(())
}

/// Appends `bytes` as one frame; leaves `out` as it is if they are too long.
pub fn write_frame(out: &mut BytesMut, bytes: &[u8]) -> Result<(), FrameTooLong> {
    out.reserve(HEAD_SIZE.saturating_add(bytes.len().min(FRAME_SIZE_MAX)));
    put_head(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
