//! Decodes symbols to an invite, without repair.

use zeroize::Zeroizing;

use super::error::TicketError;
use super::hints::Hints;
use super::{
    CHECKSUM_BYTES, CODEC, FLAG_SEEDER, FLAGS_CRITICAL, KEY_BYTES, Right, SYMBOLS_MAX, SYMBOLS_MIN,
    Ticket, VERSION,
};

/// Checks the number of symbols: only some numbers decode to whole bytes.
pub(super) fn check_length(symbols: usize) -> Result<(), TicketError> {
    let left_over = symbols * 5 % 8;
    if !(SYMBOLS_MIN..=SYMBOLS_MAX).contains(&symbols) || left_over >= 5 {
        return Err(TicketError::Length { symbols });
    }
    Ok(())
}

/// Decodes symbols of the alphabet without repair.
pub(super) fn decode(symbols: &[u8]) -> Result<Ticket, TicketError> {
    let bytes = CODEC
        .decode(symbols)
        .map(Zeroizing::new)
        .map_err(|_| TicketError::TrailingBits { repair: None })?;
    let Some((body, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(TicketError::Length { symbols: symbols.len() });
    };
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
        return Err(TicketError::Checksum { repair: None });
    }
    let [version, flags, rest @ ..] = body else {
        return Err(TicketError::Length { symbols: symbols.len() });
    };
    let right = match flags & FLAGS_CRITICAL {
        0 => Right::Member,
        FLAG_SEEDER => Right::Seeder,
        _ => return Err(TicketError::Version { found: *version }),
    };
    if *version != VERSION {
        return Err(TicketError::Version { found: *version });
    }
    let Some((key, hints)) = rest.split_first_chunk::<KEY_BYTES>() else {
        return Err(TicketError::Length { symbols: symbols.len() });
    };
    let hints = Hints::decode(hints).ok_or(TicketError::Hints)?;
    Ok(Ticket::of(right, *key, hints))
}
