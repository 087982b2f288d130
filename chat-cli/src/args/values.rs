//! The values that flags take, each with its own reading.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that a flag takes: a year. More is a slip, and this much never overflows.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The longest name of a profile, in characters.
const PROFILE_CHARS_MAX: usize = 32;
/// The longest name of a host (RFC 1035).
const HOST_CHARS_MAX: usize = 253;

/// How far a message has to get before `send` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Onto this disk.
    Stored,
    /// Onto as many peers.
    Peers(u16),
    /// Onto every peer that is connected.
    All,
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let peers = text.strip_prefix("peers=").map(u16::from_str);
        match (text, peers) {
            ("stored", _) => Ok(Self::Stored),
            ("peer", _) => Ok(Self::Peers(1)),
            ("all", _) => Ok(Self::All),
            (_, Some(Ok(peers))) if peers > 0 => Ok(Self::Peers(peers)),
            _ => Err("use stored, peer, peers=N or all".into()),
        }
    }
}

/// When `sync` has caught up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Nothing more comes.
    Idle,
    /// Everything that the connected peers claim to have is here.
    All,
}

impl FromStr for Until {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "idle" => Ok(Self::Idle),
            "all" => Ok(Self::All),
            _ => Err("use idle or all".into()),
        }
    }
}

/// A host with a port, to be dialled. The host is looked up when it is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    host: String,
    port: u16,
}

impl PeerAddress {
    /// A name or an address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, never 0.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl FromStr for PeerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let invalid = || "use HOST:PORT, such as 192.0.2.7:4977 or [2001:db8::7]:4977".to_string();
        let (host, port) = text.trim().rsplit_once(':').ok_or_else(invalid)?;
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(invalid)?;
        let bracketed = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let plain = !host.contains([':', '[', ']']);
        let host = bracketed.or(plain.then_some(host)).ok_or_else(invalid)?;
        let right = !host.is_empty() && host.chars().all(|c| c.is_ascii_graphic());
        if !right || host.len() > HOST_CHARS_MAX {
            return Err(invalid());
        }
        Ok(Self { host: host.to_string(), port })
    }
}

/// Reads a time such as `500ms`, `10s`, `5m`, `2h` or `3d`; a bare number is seconds.
///
/// # Errors
/// What to write instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(split);
    let unit_ms: u64 = match unit {
        "ms" => 1,
        "s" | "" => 1_000,
        "m" => 60 * 1_000,
        "h" => 60 * 60 * 1_000,
        "d" => 24 * 60 * 60 * 1_000,
        _ => return Err("use a number with ms, s, m, h or d, such as 10s".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "use a number with a unit, such as 10s")?;
    let time = number.checked_mul(unit_ms).map(Duration::from_millis);
    time.filter(|time| *time <= DURATION_MAX).ok_or_else(|| "a year is the most".into())
}

/// Checks the name of a profile, which becomes the name of a folder.
///
/// # Errors
/// What a name may hold.
pub fn profile_name(text: &str) -> Result<String, String> {
    let right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    // Windows keeps these names for devices, whatever stands behind them.
    let device = ["con", "prn", "aux", "nul"].contains(&text);
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    if !starts_well || device || text.len() > PROFILE_CHARS_MAX || !text.chars().all(right) {
        return Err(format!(
            "use a to z, 0 to 9, - and _, starting with a letter or digit, \
             {PROFILE_CHARS_MAX} characters at most"
        ));
    }
    Ok(text.to_string())
}
