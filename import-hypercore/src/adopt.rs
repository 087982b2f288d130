//! Keeps a core as it is: its key, its history and its author's signatures.
//!
//! Rule: the folder is a peer on hypercore's channel of a connection in memory, so blocks enter the
//! multifeed through the same checks as those of any peer.

use bytes::BytesMut;
use multifeed_core::crypto::hash;
use multifeed_core::wire::frame::{FRAME_SIZE_MAX, FrameReader, write_frame};
use multifeed_core::wire::hypercore::{Message, Open, PROTOCOL, Request, RunNews, Sync};
use multifeed_core::wire::mux::{MuxMessage, messages};
use multifeed_core::{ConnectionId, FeedKey, Input, Mode, PublicKey, Role, Secure};
use multifeed_store::Store;

use crate::error::ImportError;
use crate::proofs::Answer;
use crate::source::Source;
use crate::target::{Imported, Target};

/// The only connection of a target.
const CONNECTION: ConnectionId = ConnectionId(1);

/// The number of the channel on the folder's side.
const CHANNEL: u64 = 1;

/// Adopts the core of a folder: all blocks that the folder holds, from the first on. What is there
/// already is not read again, so an interrupted import continues.
///
/// # Errors
///
/// Those of [`Source::verify`], [`ImportError::Conflict`] if the multifeed holds another history of
/// the core, [`ImportError::NotAccepted`], [`ImportError::StoreFailed`], [`ImportError::Misuse`].
pub fn adopt<S: Store>(
    source: &mut Source,
    target: &mut Target<S>,
) -> Result<Imported, ImportError> {
    let byte_length = source.verify(target.multifeed.limits().block_bytes)?;
    let (key, length) = (source.key(), source.held());
    let feed = target.multifeed.adopt(key)?;
    target.drain();
    let held = |target: &Target<S>| target.multifeed.feed(feed).map_or(0, |feed| feed.length);
    let before = held(target);
    for index in 0..before.min(length) {
        if target.read(feed, index, index + 1)? != [source.block(index)?] {
            return Err(ImportError::Conflict { index });
        }
    }
    target.events.clear();
    if before < length {
        offer(source, target)?;
    }
    match held(target) {
        held if held >= length => Ok(Imported { key, length, byte_length, before }),
        held => Err(target.failure(feed, held)),
    }
}

/// Connects the folder to the multifeed, and answers requests until there are none.
fn offer<S: Store>(source: &mut Source, target: &mut Target<S>) -> Result<(), ImportError> {
    // This key is not proved on a connection in memory; it must only differ from the multifeed's.
    let (connection, remote) = (CONNECTION, PublicKey(source.key().0));
    let (role, secure, mode) = (Role::Responder, Secure::Plain { remote }, Mode::Live);
    target.handle(Input::Connected { connection, role, secure, mode });
    let mut bytes = opening(source);
    let mut frames = FrameReader::new(FRAME_SIZE_MAX);
    loop {
        target.handle(Input::Received { connection, bytes: &bytes });
        frames.push(&target.pull(connection));
        bytes.clear();
        while let Ok(Some(frame)) = frames.next() {
            for message in messages(&frame).map_while(Result::ok) {
                let MuxMessage::Message { kind, body, .. } = message else { continue };
                // The channel of the group is not opened, so every message is hypercore's.
                if let Ok(Some(Message::Request(request))) = Message::decode(kind, body) {
                    answer(source, &request, &mut bytes)?;
                }
            }
        }
        if bytes.is_empty() {
            target.handle(Input::Disconnected { connection });
            return Ok(());
        }
    }
}

/// Opens the channel, and announces what the folder holds.
fn opening(source: &Source) -> BytesMut {
    let FeedKey(key) = source.key();
    let capability = hash::keyed(&[0; 64], &[&hash::namespace("hypercore", 1), &key]);
    let mut handshake = Vec::new();
    Open { seeks: false, capability }.encode(&mut handshake);
    let id = hash::discovery_key(&key);
    let (protocol, id) = (PROTOCOL, Some(&id[..]));
    let mut bytes = BytesMut::new();
    let open = MuxMessage::Open { local_id: CHANNEL, protocol, id, handshake: &handshake };
    put(&mut bytes, &open);
    let sync = Sync {
        fork: source.fork(),
        length: source.length(),
        can_upgrade: true,
        uploading: true,
        has_manifest: source.manifest().is_some(),
        ..Sync::default()
    };
    say(&mut bytes, &Message::Sync(sync));
    say(&mut bytes, &Message::Range(RunNews { drop: false, start: 0, length: source.held() }));
    bytes
}

fn answer(source: &mut Source, request: &Request, bytes: &mut BytesMut) -> Result<(), ImportError> {
    match Answer::read(source, request)? {
        Some(answer) => say(bytes, &Message::Data(answer.data(source, request))),
        None => say(bytes, &Message::NoData { request: request.id, reason: 0 }),
    }
    Ok(())
}

/// Appends a message of the channel, in a frame.
fn say(bytes: &mut BytesMut, message: &Message<'_>) {
    let mut body = Vec::new();
    message.encode(&mut body);
    put(bytes, &MuxMessage::Message { channel: CHANNEL, kind: message.kind(), body: &body });
}

fn put(bytes: &mut BytesMut, message: &MuxMessage<'_>) {
    let mut frame = Vec::new();
    message.write(&mut frame);
    // A block has at most `BLOCK_BYTES_MAX` bytes, which leaves room for its proof.
    write_frame(bytes, &frame).expect("a message fits a frame");
}
