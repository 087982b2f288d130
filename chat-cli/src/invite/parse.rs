//! Parses the user's input as an invite.

use super::Invite;
use super::decode::{check_length, decode};
use super::error::InviteError;
use super::input::Symbols;
use super::repair;

impl Invite {
    /// Parses an invite as typed or pasted: any case, wrapped, quoted, as a link or without the
    /// prefix.
    ///
    /// # Errors
    /// Positions in the error are those in `input`, counted in characters from 1.
    pub fn parse(input: &str) -> Result<Self, InviteError> {
        let symbols = Symbols::read(input)?;
        let mut wrong = symbols.invalid_symbols();
        if let Some((position, found)) = wrong.next() {
            let only = wrong.next().is_none();
            let repair = only.then(|| repair::replace(&symbols, position)).flatten();
            return Err(InviteError::Symbol { found, position, repair: repair.map(Box::new) });
        }
        check_length(symbols.len())?;
        match decode(symbols.as_bytes()) {
            Err(InviteError::Checksum { .. }) => {
                let repair = repair::search(&symbols).map(Box::new);
                Err(InviteError::Checksum { repair })
            }
            Err(InviteError::TrailingBits { .. }) => {
                let repair = repair::search(&symbols).map(Box::new);
                Err(InviteError::TrailingBits { repair })
            }
            other => other,
        }
    }
}
