//! Appends the blocks of a core to a new feed of the group.
//!
//! Rule: a block is appended only after the author's signature of the core was verified, and never
//! behind another block than the one before it in the core.

use multifeed_core::{Event, KeyPair};
use multifeed_store::Store;

use crate::error::ImportError;
use crate::source::Source;
use crate::target::{Imported, Target};

/// Blocks of one append.
const BATCH_BLOCKS: usize = 1_024;

/// Copies the blocks that a folder holds, from the first on, to the writer of a name and a key
/// pair, which is made if it does not exist. If the writer has blocks already, they must be the
/// first ones of the core, and the copy continues behind them.
///
/// # Errors
///
/// Those of [`Source::verify`], [`ImportError::Conflict`], [`ImportError::StoreFailed`],
/// [`ImportError::Misuse`].
pub fn copy<S: Store>(
    source: &mut Source,
    target: &mut Target<S>,
    name: &str,
    key_pair: KeyPair,
) -> Result<Imported, ImportError> {
    let byte_length = source.verify(target.multifeed.limits().block_bytes)?;
    let feed = target.multifeed.writer(name, key_pair)?;
    target.drain();
    let view = target.multifeed.feed(feed).map(|feed| (feed.key, feed.length));
    let (key, before) = view.ok_or(multifeed_core::Misuse::UnknownFeed)?;
    let length = source.held();
    for index in 0..before {
        if index >= length || target.read(feed, index, index + 1)? != [source.block(index)?] {
            return Err(ImportError::Conflict { index });
        }
    }
    let bytes_max = target.multifeed.limits().append_bytes;
    let mut at = before;
    while at < length {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while at < length && batch.len() < BATCH_BLOCKS {
            let block = source.block(at)?;
            if !batch.is_empty() && bytes + block.len() > bytes_max {
                break;
            }
            bytes += block.len();
            batch.push(block);
            at += 1;
        }
        let blocks: Vec<&[u8]> = batch.iter().map(Vec::as_slice).collect();
        let request = target.multifeed.append(feed, &blocks)?;
        match target.answer(request)? {
            Event::Appended { .. } => (),
            _ => return Err(ImportError::NotAccepted { length: before, reason: None }),
        }
    }
    Ok(Imported { key, length, byte_length, before })
}
