//! Protomux: the messages of many channels on one connection (protomux `index.js`, version 3).
//!
//! A frame is `uint channel, uint kind, body`. Channel 0 controls the others, and its kind 0 is a
//! batch: more messages in one frame. Rule: only the form is judged here; which ids are open, and
//! what a body says, is for those who keep the channels.

use bytes::{BufMut, BytesMut};

use super::codec::{Malformed, Reader, put_optional_buffer, put_string, put_uint, uint_size};

/// The channel that controls the others.
const CONTROL: u64 = 0;

/// The kinds of message on the control channel.
const BATCH: u64 = 0;
const OPEN: u64 = 1;
const REJECT: u64 = 2;
const CLOSE: u64 = 3;

/// One message. Every id is at most 2^53 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MuxMessage<'a> {
    /// The sender opens its end of a channel.
    Open {
        /// The sender's id of the channel, from 1; it may be at most one above its highest so far.
        local_id: u64,
        /// The name of the protocol.
        protocol: &'a str,
        /// What the channel is about, such as a discovery key; never empty.
        id: Option<&'a [u8]>,
        /// The protocol's own first words, up to the end of the message.
        handshake: &'a [u8],
    },
    /// The sender does not want a channel that the receiver opened.
    Reject {
        /// The id that the *receiver* gave it.
        #[doc(alias = "remoteId")]
        local_id: u64,
    },
    /// The sender closes its end of a channel.
    Close {
        /// The sender's id of the channel.
        local_id: u64,
    },
    /// A message of the protocol of an open channel.
    Message {
        /// The sender's id of the channel, never 0.
        channel: u64,
        /// The type of the message, in the protocol's own numbers.
        #[doc(alias = "type")]
        kind: u64,
        /// The message, up to its end; a newer version may have added fields there.
        body: &'a [u8],
    },
}

impl MuxMessage<'_> {
    /// Appends the message as a frame of its own.
    pub fn write(&self, out: &mut impl BufMut) {
        put_uint(out, self.channel());
        self.write_inner(out);
    }

    /// The number of bytes that [`write`](Self::write) appends.
    pub fn size(&self) -> usize {
        uint_size(self.channel()).saturating_add(self.inner_size())
    }

    /// The channel that carries the message.
    fn channel(&self) -> u64 {
        match self {
            Self::Message { channel, .. } => *channel,
            _ => CONTROL,
        }
    }

    /// Appends what follows the channel: the kind and the body.
    fn write_inner(&self, out: &mut impl BufMut) {
        match self {
            Self::Open { local_id, protocol, id, handshake } => {
                put_uint(out, OPEN);
                put_uint(out, *local_id);
                put_string(out, protocol);
                put_optional_buffer(out, *id);
                out.put_slice(handshake);
            }
            Self::Reject { local_id } => {
                put_uint(out, REJECT);
                put_uint(out, *local_id);
            }
            Self::Close { local_id } => {
                put_uint(out, CLOSE);
                put_uint(out, *local_id);
            }
            Self::Message { kind, body, .. } => {
                put_uint(out, *kind);
                out.put_slice(body);
            }
        }
    }

    fn inner_size(&self) -> usize {
        let buffer_size = |bytes: &[u8]| uint_size(bytes.len() as u64).saturating_add(bytes.len());
        match self {
            Self::Open { local_id, protocol, id, handshake } => (uint_size(OPEN))
                .saturating_add(uint_size(*local_id))
                .saturating_add(buffer_size(protocol.as_bytes()))
                .saturating_add(buffer_size(id.unwrap_or_default()))
                .saturating_add(handshake.len()),
            Self::Reject { local_id } | Self::Close { local_id } => {
                // The kind takes one byte.
                uint_size(*local_id).saturating_add(1)
            }
            Self::Message { kind, body, .. } => uint_size(*kind).saturating_add(body.len()),
        }
    }
}

/// Appends what begins a message of a protocol, for a body that is written straight behind it.
pub fn put_message_head(out: &mut impl BufMut, channel: u64, kind: u64) {
    put_uint(out, channel);
    put_uint(out, kind);
}

/// Reads the messages of one frame, in order. The last one is followed by nothing: after an error
/// there are no more. An empty frame has none.
///
/// Control messages of unknown kinds are skipped, as in JavaScript.
pub fn messages(frame: &[u8]) -> Messages<'_> {
    Messages { reader: Reader::new(frame), at: Place::Start }
}

/// The messages of one frame; see [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    reader: Reader<'a>,
    at: Place,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    /// Inside a batch, whose next message belongs to this channel.
    Batch(u64),
    End,
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<MuxMessage<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.read().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.at = Place::End;
        }
        next
    }
}

impl<'a> Messages<'a> {
    fn read(&mut self) -> Result<Option<MuxMessage<'a>>, Malformed> {
        if let Place::Start = self.at {
            if self.reader.is_empty() {
                return Ok(None);
            }
            let channel = self.reader.uint_below_2_53()?;
            let mut whole = self.reader;
            if channel != CONTROL || self.reader.uint_below_2_53()? != BATCH {
                self.at = Place::End;
                return inner(channel, &mut whole);
            }
            self.at = Place::Batch(self.reader.uint_below_2_53()?);
        }
        let Place::Batch(channel) = &mut self.at else { return Ok(None) };
        while !self.reader.is_empty() {
            // A length of zero stands for the change of the channel.
            let bytes = self.reader.buffer()?;
            if bytes.is_empty() {
                *channel = self.reader.uint_below_2_53()?;
            } else if let Some(message) = inner(*channel, &mut Reader::new(bytes))? {
                return Ok(Some(message));
            }
        }
        Ok(None)
    }
}

/// Reads what follows the channel. `None` is a control message that only newer peers know.
fn inner<'a>(channel: u64, reader: &mut Reader<'a>) -> Result<Option<MuxMessage<'a>>, Malformed> {
    let kind = reader.uint_below_2_53()?;
    if channel != CONTROL {
        return Ok(Some(MuxMessage::Message { channel, kind, body: reader.rest() }));
    }
    Ok(Some(match kind {
        // Unlike protomux, which would go one call deeper: it never sends one.
        BATCH => return Err(Malformed::NestedBatch),
        OPEN => MuxMessage::Open {
            local_id: reader.uint_below_2_53()?,
            protocol: reader.string()?,
            id: reader.optional_buffer()?,
            handshake: reader.rest(),
        },
        REJECT => MuxMessage::Reject { local_id: reader.uint_below_2_53()? },
        CLOSE => MuxMessage::Close { local_id: reader.uint_below_2_53()? },
        _ => return Ok(None),
    }))
}

/// Collects messages into one frame, as JavaScript does between `cork` and `uncork`.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// `0, 0`, the first channel, then the messages.
    bytes: BytesMut,
    count: usize,
    /// The channel of the latest message.
    channel: u64,
}

impl Batch {
    /// Begins without a message.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message to the end.
    pub fn push(&mut self, message: &MuxMessage<'_>) {
        let channel = message.channel();
        if self.count == 0 {
            self.bytes.put_slice(&[CONTROL as u8, BATCH as u8]);
            put_uint(&mut self.bytes, channel);
        } else if channel != self.channel {
            self.bytes.put_u8(0);
            put_uint(&mut self.bytes, channel);
        }
        self.channel = channel;
        self.count = self.count.saturating_add(1);
        put_uint(&mut self.bytes, message.inner_size() as u64);
        message.write_inner(&mut self.bytes);
    }

    /// The number of messages.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Tells whether there is no message.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The size of the frame so far.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// An upper bound of the size of the frame with `message` added.
    pub fn size_with(&self, message: &MuxMessage<'_>) -> usize {
        // The first message costs the two bytes of the batch, a change of the channel costs one.
        let size = message.inner_size();
        (self.bytes.len().saturating_add(2))
            .saturating_add(uint_size(message.channel()))
            .saturating_add(uint_size(size as u64))
            .saturating_add(size)
    }

    /// Takes the frame and resets the writer. A single message is not wrapped in a batch. `None`:
    /// there are no messages.
    pub fn take(&mut self) -> Option<BytesMut> {
        let Self { bytes, count, .. } = core::mem::take(self);
        if count == 1
            && let Some(Ok(message)) = messages(&bytes).next()
        {
            let mut alone = BytesMut::with_capacity(message.size());
            message.write(&mut alone);
            return Some(alone);
        }
        (count > 0).then_some(bytes)
    }
}

#[cfg(test)]
mod tests;
