//! Defines the values of flags and parses them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The longest time that a flag takes: a leap year. Chosen: more is a typing error, and this
/// value overflows no calculation.
const DURATION_MAX: Duration = Duration::from_secs(366 * 24 * 60 * 60);
/// The longest name of a profile, in characters. Chosen: it becomes a folder name, so paths stay
/// short.
const PROFILE_CHARS_MAX: usize = 32;
/// The longest host name: 255 octets on the wire (RFC 1035, 2.3.4) are 253 characters of text.
const HOST_CHARS_MAX: usize = 253;

/// The delivery that `send` waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Stored on this disk.
    Stored,
    /// Stored on this many peers.
    Peers(u16),
    /// Stored on every connected peer.
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

/// When `sync` is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// No more data arrives.
    Idle,
    /// Everything that the connected peers claim to have is stored.
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

/// A host with a port to dial. The host name is resolved when dialling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAddress {
    host: String,
    port: u16,
}

impl PeerAddress {
    /// Returns the name or the address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns the port, never 0.
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

/// Parses a time such as `500ms`, `10s`, `5m`, `2h` or `3d`; a bare number means seconds.
///
/// # Errors
/// Says what to write instead.
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
    time.filter(|time| *time <= DURATION_MAX).ok_or_else(|| "the maximum is 366d".into())
}

/// Checks the name of a profile, which becomes a folder name.
///
/// # Errors
/// Says which names are valid.
pub fn profile_name(text: &str) -> Result<String, String> {
    let right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    // Windows reserves these names for devices, with any extension.
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
