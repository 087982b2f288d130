//! Parses the user's input as an invite.

use super::Ticket;
use super::decode::{check_length, decode};
use super::error::TicketError;
use super::input::Symbols;
use super::repair;

impl Ticket {
    /// Parses an invite as typed or pasted: any case, wrapped, quoted, as a link or without the
    /// prefix.
    ///
    /// # Errors
    /// Positions in the error are those in `input`, counted in characters from 1.
    pub fn parse(input: &str) -> Result<Self, TicketError> {
        let symbols = Symbols::read(input)?;
        let mut wrong = symbols.foreign();
        if let Some((position, found)) = wrong.next() {
            let only = wrong.next().is_none();
            let repair = only.then(|| repair::replace(&symbols, position)).flatten();
            return Err(TicketError::Symbol { found, position, repair: repair.map(Box::new) });
        }
        check_length(symbols.len())?;
        match decode(symbols.as_bytes()) {
            Err(TicketError::Checksum { .. }) => {
                let repair = repair::search(&symbols).map(Box::new);
                Err(TicketError::Checksum { repair })
            }
            Err(TicketError::TrailingBits { .. }) => {
                let repair = repair::search(&symbols).map(Box::new);
                Err(TicketError::TrailingBits { repair })
            }
            other => other,
        }
    }
}
