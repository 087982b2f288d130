//! Defines why a text is not a valid invite, with the message and remedy.

use std::fmt;

use super::fix::{Fix, Repair};
use super::{PREFIX, SYMBOLS_MAX, SYMBOLS_MIN};
use crate::exit::ExitCode;
use crate::report::{Failure, Snippet};

/// Why a text is not a valid invite. Positions are those in the user's input, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InviteError {
    /// The input is empty.
    Empty,
    /// It is another kind of link or address.
    Prefix,
    /// It is longer than any invite, even a wrapped one.
    TooLong {
        /// The number of characters.
        chars: usize,
    },
    /// Too few or too many symbols, or a number that does not decode to whole bytes.
    Length {
        /// The number of symbols.
        symbols: usize,
    },
    /// A character outside the alphabet.
    Symbol {
        /// The character.
        found: char,
        /// Its position.
        position: usize,
        /// The repaired invite, if this is the only wrong character.
        repair: Option<Box<Repair>>,
    },
    /// The bits after the last whole byte are not zero.
    TrailingBits {
        /// The repaired invite, if exactly one change gives it.
        repair: Option<Box<Repair>>,
    },
    /// The checksum is wrong.
    Checksum {
        /// The repaired invite, if exactly one change gives it.
        repair: Option<Box<Repair>>,
    },
    /// A newer program created it.
    Version {
        /// The version.
        found: u8,
    },
    /// The checksum is valid, but the hints are not.
    Hints,
}

impl InviteError {
    /// Returns the stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "ticket.empty",
            Self::Prefix => "ticket.prefix",
            Self::TooLong { .. } | Self::Length { .. } => "ticket.length",
            Self::Symbol { .. } => "ticket.symbol",
            Self::TrailingBits { .. } => "ticket.canonical",
            Self::Checksum { .. } => "ticket.checksum",
            Self::Version { .. } => "ticket.version",
            Self::Hints => "ticket.hints",
        }
    }

    /// Returns the repaired invite, if exactly one change gives a valid one.
    pub fn repair(&self) -> Option<&Repair> {
        match self {
            Self::Symbol { repair, .. }
            | Self::TrailingBits { repair }
            | Self::Checksum { repair } => repair.as_deref(),
            _ => None,
        }
    }

    /// Returns whether the end of the invite may be missing.
    pub fn may_be_incomplete(&self) -> bool {
        match self {
            Self::Empty | Self::TrailingBits { repair: None } | Self::Checksum { repair: None } => {
                true
            }
            Self::Length { symbols } => *symbols < SYMBOLS_MAX,
            _ => false,
        }
    }

    /// Returns the position of the error, if known.
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Symbol { position, .. } => Some(*position),
            _ => self.repair().map(|repair| repair.fix.position()),
        }
    }

    /// Converts the error to a failure; `input` is the user's input.
    pub fn into_failure(self, input: &str) -> Failure {
        let mut failure = Failure::new(ExitCode::BadInput, self.code(), self.to_string());
        if let Some(position) = self.position() {
            failure = failure.snippet(Snippet::at(input, position, 1));
        }
        match self.repair().map(|repair| repair.fix) {
            Some(Fix::Replace { position, right, .. }) => failure
                .help(format!("did you mean: character {position} = '{right}' ?"))
                .help("to fix it:  multichat join --repair INVITE"),
            Some(Fix::Swap { position, second }) => failure
                .help(format!("did you mean: characters {position} and {second} swapped ?"))
                .help("to fix it:  multichat join --repair INVITE"),
            None => failure.help(self.help_text()),
        }
    }

    fn help_text(&self) -> &'static str {
        match self {
            Self::Empty | Self::Prefix => {
                "an invite starts with mfchat: and comes from  multichat invite"
            }
            Self::Version { .. } => "use a newer multichat to read it",
            _ => "copy it again, or ask for a new one:  multichat invite",
        }
    }
}

/// Returns what a character outside the alphabet probably stands for.
fn likely_intended(found: char) -> Option<&'static str> {
    match found {
        'l' => Some("1 or i"),
        '0' => Some("o"),
        '2' => Some("z"),
        'v' => Some("u"),
        _ => None,
    }
}

impl fmt::Display for InviteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "the invite is missing"),
            Self::Prefix => write!(f, "this is not a multichat invite: it has no {PREFIX}"),
            Self::TooLong { chars } => {
                write!(f, "this is too long for an invite: {chars} characters")
            }
            Self::Length { symbols } if *symbols < SYMBOLS_MIN => {
                write!(f, "this invite is cut short: {symbols} of at least {SYMBOLS_MIN} symbols")
            }
            Self::Length { symbols } if *symbols > SYMBOLS_MAX => {
                write!(f, "this invite is too long: {symbols} of at most {SYMBOLS_MAX} symbols")
            }
            Self::Length { symbols } => {
                write!(f, "an invite cannot have {symbols} symbols: some are missing or surplus")
            }
            Self::Symbol { found, position, .. } => {
                write!(f, "'{found}' at character {position} is not used in invites")?;
                likely_intended(*found).map_or(Ok(()), |meant| write!(f, " (often meant: {meant})"))
            }
            Self::TrailingBits { repair: None } => write!(f, "the end of this invite is wrong"),
            Self::Checksum { repair: None } => {
                write!(f, "more than one character of this invite is wrong")
            }
            Self::TrailingBits { repair: Some(repair) }
            | Self::Checksum { repair: Some(repair) } => match repair.fix {
                Fix::Replace { .. } => write!(f, "one character of this invite is wrong"),
                Fix::Swap { .. } => write!(f, "two characters of this invite are swapped"),
            },
            Self::Version { found } => {
                write!(f, "this invite has version {found}, made by a newer program")
            }
            Self::Hints => write!(f, "this invite has invalid hints"),
        }
    }
}

impl std::error::Error for InviteError {}
