//! The encodings of the JavaScript package compact-encoding: a uint of 1, 3, 5 or 9 bytes, and
//! what is built on it.

use core::fmt;

use bytes::BufMut;

/// The first byte of a uint that takes more than that byte: 2, 4 or 8 follow, little-endian.
const UINT_16: u8 = 0xfd;
const UINT_32: u8 = 0xfe;
const UINT_64: u8 = 0xff;

/// The largest number that JavaScript holds exactly, and so the largest that is on the wire:
/// 2^53 - 1.
#[doc(alias = "MAX_SAFE_INTEGER")]
pub const UINT_MAX: u64 = (1 << 53) - 1;

/// Why bytes are not the message that they should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Malformed {
    /// They end before the value does.
    Truncated,
    /// A number or a length is above what the field can hold.
    TooLarge,
    /// A text is not UTF-8.
    BadUtf8,
    /// A batch stands inside a batch.
    NestedBatch,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the bytes end before the value does",
            Self::TooLarge => "a number is above what its field can hold",
            Self::BadUtf8 => "a text is not UTF-8",
            Self::NestedBatch => "a batch stands inside a batch",
        })
    }
}

impl core::error::Error for Malformed {}

/// Reads values off the front of a slice, which it borrows and never copies.
///
/// After an error the position is unspecified: the message is void.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Begins at the front of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// What is not read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Tells whether everything is read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Reads the next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }

    /// Reads the next `N` bytes.
    #[doc(alias = "fixed32")]
    #[doc(alias = "fixed64")]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> Result<u8, Malformed> {
        self.array().map(|[byte]| byte)
    }

    /// Reads a uint of the whole range of a u64.
    ///
    /// Accepts a small number in a long form, as JavaScript does. No implementation writes one.
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        Ok(match self.byte()? {
            UINT_16 => u64::from(u16::from_le_bytes(self.array()?)),
            UINT_32 => u64::from(u32::from_le_bytes(self.array()?)),
            UINT_64 => u64::from_le_bytes(self.array()?),
            small => u64::from(small),
        })
    }

    /// Reads a uint of at most [`UINT_MAX`]: the sum of two, or the double of one, is still a u64.
    pub fn uint_below_2_53(&mut self) -> Result<u64, Malformed> {
        self.uint_at_most(UINT_MAX)
    }

    /// Reads a uint of at most `max`.
    pub fn uint_at_most(&mut self, max: u64) -> Result<u64, Malformed> {
        match self.uint()? {
            value if value <= max => Ok(value),
            _ => Err(Malformed::TooLarge),
        }
    }

    /// Reads a length and as many bytes.
    pub fn buffer(&mut self) -> Result<&'a [u8], Malformed> {
        // A length beyond the address space is beyond the slice, too.
        let length = usize::try_from(self.uint()?).map_err(|_| Malformed::Truncated)?;
        self.bytes(length)
    }

    /// Reads a buffer that may be missing, which is the same as an empty one.
    pub fn optional_buffer(&mut self) -> Result<Option<&'a [u8]>, Malformed> {
        self.buffer().map(|bytes| (!bytes.is_empty()).then_some(bytes))
    }

    /// Reads a length and as many bytes of UTF-8.
    pub fn string(&mut self) -> Result<&'a str, Malformed> {
        // Unlike compact-encoding, which replaces what is not UTF-8 and goes on with another text.
        core::str::from_utf8(self.buffer()?).map_err(|_| Malformed::BadUtf8)
    }

    /// Reads how many elements follow. The answer is at most the number of bytes left divided by
    /// `element_size_min`, so that a vector may be allocated by it.
    pub fn count(&mut self, element_size_min: usize) -> Result<usize, Malformed> {
        let count = usize::try_from(self.uint()?).map_err(|_| Malformed::Truncated)?;
        match count.checked_mul(element_size_min.max(1)) {
            Some(size) if size <= self.rest.len() => Ok(count),
            _ => Err(Malformed::Truncated),
        }
    }
}

/// The number of bytes that `value` takes as a uint.
pub const fn uint_size(value: u64) -> usize {
    match value {
        0..=0xfc => 1,
        0xfd..=0xffff => 3,
        0x1_0000..=0xffff_ffff => 5,
        _ => 9,
    }
}

/// Appends `value` as a uint, in its shortest form. `out` must grow by itself, as `Vec<u8>` and
/// `BytesMut` do; this holds for every writer here.
pub fn put_uint(out: &mut impl BufMut, value: u64) {
    match uint_size(value) {
        1 => out.put_u8(value as u8),
        3 => {
            out.put_u8(UINT_16);
            out.put_u16_le(value as u16);
        }
        5 => {
            out.put_u8(UINT_32);
            out.put_u32_le(value as u32);
        }
        _ => {
            out.put_u8(UINT_64);
            out.put_u64_le(value);
        }
    }
}

/// Appends `bytes` after their length.
pub fn put_buffer(out: &mut impl BufMut, bytes: &[u8]) {
    put_uint(out, bytes.len() as u64);
    out.put_slice(bytes);
}

/// Appends `bytes`, or a length of zero where there are none.
pub fn put_optional_buffer(out: &mut impl BufMut, bytes: Option<&[u8]>) {
    put_buffer(out, bytes.unwrap_or_default());
}

/// Appends `text` after its length in bytes.
pub fn put_string(out: &mut impl BufMut, text: &str) {
    put_buffer(out, text.as_bytes());
}

#[cfg(test)]
mod tests;
