//! Why a text is no invite, and how that is said.

use std::fmt;

use super::fix::{Fix, Repair};
use super::{PREFIX, SYMBOLS_MAX, SYMBOLS_MIN};
use crate::exit::ExitCode;
use crate::report::{Failure, Snippet};

/// Why a text is no invite. Positions are those of the user's input, counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InviteError {
    /// There is nothing in it.
    Empty,
    /// It is a link or an address of something else.
    Prefix,
    /// It is longer than any invite, however it is wrapped.
    TooLong {
        /// How many characters it has.
        chars: usize,
    },
    /// Too few or too many symbols, or a number that no whole bytes give.
    Length {
        /// How many symbols there are.
        symbols: usize,
    },
    /// A character that invites do not use.
    Symbol {
        /// The character.
        found: char,
        /// Where it stands.
        position: usize,
        /// The invite, if it is the only wrong one.
        repair: Option<Box<Repair>>,
    },
    /// The bits behind the last whole byte are not zero.
    TrailingBits {
        /// The invite, if one change gives it.
        repair: Option<Box<Repair>>,
    },
    /// The checksum is wrong.
    Checksum {
        /// The invite, if one change gives it.
        repair: Option<Box<Repair>>,
    },
    /// Made by a newer program.
    Version {
        /// The version it says.
        found: u8,
    },
    /// The checksum is right and the hints are not.
    Hints,
}

impl InviteError {
    /// The stable code.
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

    /// The invite that was meant, if exactly one change gives a valid one.
    pub fn repair(&self) -> Option<&Repair> {
        match self {
            Self::Symbol { repair, .. }
            | Self::TrailingBits { repair }
            | Self::Checksum { repair } => repair.as_deref(),
            _ => None,
        }
    }

    /// Where it is wrong, if that is known.
    pub fn position(&self) -> Option<usize> {
        match self {
            Self::Symbol { position, .. } => Some(*position),
            _ => self.repair().map(|repair| repair.fix.position()),
        }
    }

    /// The error as a command ends with it; `input` is what the user gave.
    pub fn into_failure(self, input: &str) -> Failure {
        let mut failure = Failure::new(ExitCode::BadInput, self.code(), self.to_string());
        if let Some(position) = self.position() {
            failure = failure.snippet(Snippet::at(input, position, 1));
        }
        match self.repair().map(|repair| repair.fix) {
            Some(Fix::Replace { position, right, .. }) => failure
                .help(format!("did you mean: character {position} = '{right}' ?"))
                .help("to take it so:  multichat join --repair INVITE"),
            Some(Fix::Swap { position, second }) => failure
                .help(format!("did you mean: characters {position} and {second} swapped ?"))
                .help("to take it so:  multichat join --repair INVITE"),
            None => failure.help(self.remedy()),
        }
    }

    fn remedy(&self) -> &'static str {
        match self {
            Self::Empty | Self::Prefix => {
                "an invite starts with mfchat: and comes from  multichat invite"
            }
            Self::Version { .. } => "a newer multichat can read it",
            _ => "copy it again, or ask for a fresh one:  multichat invite",
        }
    }
}

/// What a character that invites leave out was probably meant to be.
fn often_meant(found: char) -> Option<&'static str> {
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
            Self::Empty => write!(f, "there is no invite here"),
            Self::Prefix => write!(f, "this is not a multichat invite: it has no {PREFIX}"),
            Self::TooLong { chars } => write!(f, "no invite is {chars} characters long"),
            Self::Length { symbols } if *symbols < SYMBOLS_MIN => {
                write!(f, "this invite is cut short: {symbols} of at least {SYMBOLS_MIN} symbols")
            }
            Self::Length { symbols } if *symbols > SYMBOLS_MAX => {
                write!(f, "this invite is too long: {symbols} of at most {SYMBOLS_MAX} symbols")
            }
            Self::Length { symbols } => {
                write!(f, "no invite has {symbols} symbols: some are missing or too many")
            }
            Self::Symbol { found, position, .. } => {
                write!(f, "'{found}' at character {position} is not used in invites")?;
                often_meant(*found).map_or(Ok(()), |meant| write!(f, " (often meant: {meant})"))
            }
            Self::TrailingBits { repair: None } => write!(f, "this invite ends wrongly"),
            Self::Checksum { repair: None } => {
                write!(f, "more than one character of this invite is wrong")
            }
            Self::TrailingBits { repair: Some(repair) }
            | Self::Checksum { repair: Some(repair) } => match repair.fix {
                Fix::Replace { .. } => write!(f, "one character of this invite is wrong"),
                Fix::Swap { .. } => write!(f, "two characters of this invite are swapped"),
            },
            Self::Version { found } => {
                write!(f, "this invite is of version {found}, made by a newer program")
            }
            Self::Hints => write!(f, "the hints of this invite do not parse"),
        }
    }
}

impl std::error::Error for InviteError {}
