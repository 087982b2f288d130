//! Decodes symbols to an invite, without repair.

use zeroize::Zeroizing;

use super::error::InviteError;
use super::hints::Hints;
use super::{
    CHECKSUM_BYTES, CODEC, FLAG_SEEDER, FLAGS_CRITICAL, Invite, KEY_BYTES, Right, SYMBOLS_MAX,
    SYMBOLS_MIN, VERSION,
};

/// Checks the number of symbols: only some numbers decode to whole bytes.
pub(super) fn check_length(symbols: usize) -> Result<(), InviteError> {
    let left_over = symbols * 5 % 8;
    if !(SYMBOLS_MIN..=SYMBOLS_MAX).contains(&symbols) || left_over >= 5 {
        return Err(InviteError::Length { symbols });
    }
    Ok(())
}

/// Decodes symbols of the alphabet without repair.
pub(super) fn decode(symbols: &[u8]) -> Result<Invite, InviteError> {
    let bytes = CODEC
        .decode(symbols)
        .map(Zeroizing::new)
        .map_err(|_| InviteError::TrailingBits { repair: None })?;
    let Some((body, checksum)) = bytes.split_last_chunk::<CHECKSUM_BYTES>() else {
        return Err(InviteError::Length { symbols: symbols.len() });
    };
    if crc32fast::hash(body) != u32::from_be_bytes(*checksum) {
        return Err(InviteError::Checksum { repair: None });
    }
    let [version, flags, rest @ ..] = body else {
        return Err(InviteError::Length { symbols: symbols.len() });
    };
    let right = match flags & FLAGS_CRITICAL {
        0 => Right::Member,
        FLAG_SEEDER => Right::Seeder,
        _ => return Err(InviteError::Version { found: *version }),
    };
    if *version != VERSION {
        return Err(InviteError::Version { found: *version });
    }
    let Some((key, hints)) = rest.split_first_chunk::<KEY_BYTES>() else {
        return Err(InviteError::Length { symbols: symbols.len() });
    };
    let hints = Hints::decode(hints).ok_or(InviteError::Hints)?;
    Ok(Invite::of(right, *key, hints))
}
