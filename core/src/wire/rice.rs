//! Sets of numbers, packed: the gaps between them in Golomb-Rice code.
//!
//! Rule: there is one encoding of each set, and a decoder holds no more numbers than its bytes
//! can carry.

use alloc::vec::Vec;

/// Most bits of a number.
pub(crate) const WIDTH_MAX: u32 = 40;

/// Bits of a gap that are written as they are, for `count` of the 2^`width` numbers: log2 of 0.69
/// times the mean gap, which is where the code is shortest. Both sides know the two.
fn low_bits(count: usize, width: u32) -> u32 {
    let gap = (177 << width >> 8) / (count as u64).max(1);
    gap.max(1).ilog2()
}

/// Appends a set of numbers below 2^`width`, in strictly ascending order. Their count and the
/// width are not written.
pub(crate) fn encode(numbers: &[u64], width: u32, out: &mut Vec<u8>) {
    let low = low_bits(numbers.len(), width);
    let mut writer = BitWriter { out, bits: 0, held: 0 };
    let mut next = 0;
    for number in numbers {
        let gap = number - next;
        next = number + 1;
        // The high part in ones and a zero, the low part as it is.
        for _ in 0..gap >> low {
            writer.put(1, 1);
        }
        writer.put(0, 1);
        writer.put(gap & ((1 << low) - 1), low);
    }
    writer.finish();
}

/// Reads `count` numbers off the front of `bytes`, in strictly ascending order. `None` if they are
/// not encoded as [`encode`] does.
pub(crate) fn decode(bytes: &mut &[u8], count: usize, width: u32) -> Option<Vec<u64>> {
    if width == 0 || width > WIDTH_MAX {
        return None;
    }
    let low = low_bits(count, width);
    let bits_min = (count as u64).checked_mul(u64::from(low) + 1)?;
    if bits_min > bytes.len() as u64 * 8 {
        return None;
    }
    let mut reader = BitReader { bytes, position: 0 };
    let mut numbers = Vec::with_capacity(count);
    let mut next = 0u64;
    for _ in 0..count {
        let mut high = 0u64;
        while reader.take(1)? == 1 {
            high += 1;
        }
        // As many ones as there are bits, shifted by at most 40, do not overflow.
        let number = next.checked_add(high.checked_mul(1 << low)? | reader.take(low)?)?;
        if number >> width != 0 {
            return None;
        }
        numbers.push(number);
        next = number + 1;
    }
    let padding = (8 - reader.position % 8) % 8;
    if reader.take(padding as u32)? != 0 {
        return None;
    }
    let used = reader.position / 8;
    *bytes = bytes.get(used..)?;
    Some(numbers)
}

/// Appends bits, the lowest of each byte first.
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    bits: u64,
    held: u32,
}

impl BitWriter<'_> {
    /// Appends up to 40 bits.
    fn put(&mut self, bits: u64, count: u32) {
        self.bits |= bits << self.held;
        self.held += count;
        while self.held >= 8 {
            self.out.push(self.bits as u8);
            self.bits >>= 8;
            self.held -= 8;
        }
    }

    fn finish(self) {
        if self.held > 0 {
            self.out.push(self.bits as u8);
        }
    }
}

/// Takes bits in the order in which [`BitWriter`] appends them.
struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl BitReader<'_> {
    fn take(&mut self, count: u32) -> Option<u64> {
        let mut bits = 0;
        for at in 0..count {
            let byte = self.bytes.get(self.position / 8)?;
            bits |= u64::from(byte >> (self.position % 8) & 1) << at;
            self.position += 1;
        }
        Some(bits)
    }
}

#[cfg(test)]
mod tests;
