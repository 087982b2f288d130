//! Holds the secret from which all keys of a profile are derived.

use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use blake2::Blake2bMac;
use blake2::digest::consts::U32;
use blake2::digest::{FixedOutput, KeyInit, Update};
use multifeed_core::{FeedKey, Group, KeyPair, manifest};
use zeroize::Zeroizing;

use super::files;
use crate::exit::ExitCode;
use crate::invite::{decode_symbols, encode_symbols};
use crate::report::Failure;

const FILE: &str = "identity.key";
/// The file that says which key `identity.key` contains, without revealing it.
const PUBLIC_FILE: &str = "identity.pub";
const SEED_BYTES: usize = 32;
const WRITER_DOMAIN: &[u8] = b"multichat/1/writer";
const NOISE_DOMAIN: &[u8] = b"multichat/1/noise";
const PUBLIC_DOMAIN: &[u8] = b"multichat/1/identity";

/// The seed of a profile. Every key is a keyed hash of it, so two keys (of two rooms, or of an
/// author and a connection) do not reveal that they belong to one person.
#[derive(Clone)]
pub struct Identity {
    seed: Zeroizing<[u8; SEED_BYTES]>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// Creates an identity from system randomness.
    ///
    /// # Errors
    /// Fails if the system has no randomness.
    pub fn generate() -> Result<Self, Failure> {
        Ok(Self { seed: random()? })
    }

    /// Returns the key pair of the user's feed in a group.
    pub fn writer(&self, group: &Group) -> KeyPair {
        KeyPair::from_seed(&self.writer_seed(group.key()))
    }

    /// Returns the key of that feed.
    pub fn feed_key(&self, group: &Group) -> FeedKey {
        manifest::feed_key(group.feed_namespace(), &self.writer(group).public_key())
    }

    /// Returns the key pair for connections of a group.
    pub fn connection_key(&self, group: &Group) -> KeyPair {
        KeyPair::from_seed(&self.noise_seed(group.key()))
    }

    /// Returns the seed of the user's feed in a group.
    pub fn writer_seed(&self, group_key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        self.derive(WRITER_DOMAIN, group_key)
    }

    /// Returns the seed of the connection key in a group. Each group has its own, so that two
    /// groups do not reveal a common member.
    pub fn noise_seed(&self, group_key: &[u8; 32]) -> Zeroizing<[u8; 32]> {
        self.derive(NOISE_DOMAIN, group_key)
    }

    fn derive(&self, domain: &[u8], context: &[u8]) -> Zeroizing<[u8; 32]> {
        // BLAKE2b takes keys of up to 64 bytes (RFC 7693).
        let mut hash =
            Blake2bMac::<U32>::new_from_slice(&self.seed[..]).expect("32 bytes are a key");
        // The length ensures that no domain is a prefix of another.
        hash.update(&[u8::try_from(domain.len()).expect("domains are short")]);
        hash.update(domain);
        hash.update(context);
        let mut out = Zeroizing::new([0; 32]);
        hash.finalize_into((&mut *out).into());
        out
    }

    /// Returns the text of `identity.pub`: a hash of the seed with a checksum.
    fn public_text(&self) -> String {
        let id = self.derive(PUBLIC_DOMAIN, &[]);
        let crc = crc32fast::hash(&id[..]).to_le_bytes();
        format!("{}\n", encode_symbols(&[&id[..], &crc].concat()))
    }

    /// Loads the key of a profile; creates it for a new profile. The caller holds the lock.
    ///
    /// `is_used` is set if the key has signed something, `is_read_only` if nothing can be written.
    pub(super) fn load_or_create(
        folder: &Path,
        is_used: bool,
        is_read_only: bool,
    ) -> Result<Self, Failure> {
        let path = folder.join(FILE);
        let file = match files::open_existing(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if is_used {
                    // With a new key the user would be a different author in the existing rooms.
                    return Err(files::damaged("identity.missing", &path, "is gone"));
                }
                let identity = Self::generate()?;
                files::write(folder, FILE, &identity.seed[..])?;
                files::write(folder, PUBLIC_FILE, identity.public_text().as_bytes())?;
                return Ok(identity);
            }
            Err(error) => return Err(files::failed("read", &path, &error)),
        };
        if files::is_exposed(&file).map_err(|error| files::failed("read", &path, &error))? {
            let shown = path.display();
            let message = format!("other users can read or change your key {shown}");
            return Err(Failure::new(ExitCode::Damaged, "identity.exposed", message)
                .help(format!("if no other user has read it:  chmod 600 {shown}"))
                .help("otherwise create a new profile:  --profile NAME"));
        }
        let bytes = files::read_open(&file, &path)?;
        let seed: [u8; SEED_BYTES] = bytes[..].try_into().map_err(|_| {
            let what = format!("has {} bytes instead of {SEED_BYTES}", bytes.len());
            files::damaged("identity.damaged", &path, &what)
        })?;
        if seed == [0; SEED_BYTES] {
            // Anyone could sign with it. It is what a power cut leaves of a file.
            return Err(files::damaged("identity.damaged", &path, "consists of zeros"));
        }
        let identity = Self { seed: Zeroizing::new(seed) };
        identity.check(folder, is_read_only)?;
        Ok(identity)
    }

    /// Compares the key with the one that the profile was created with.
    fn check(&self, folder: &Path, is_read_only: bool) -> Result<(), Failure> {
        let path = folder.join(PUBLIC_FILE);
        let known = files::read(&path)?;
        let known = known.as_ref().and_then(|text| std::str::from_utf8(text).ok());
        match known.filter(|text| is_public_text(text)) {
            Some(known) if known == self.public_text() => Ok(()),
            Some(_) => {
                let message = format!(
                    "{} is not the key that this profile was created with",
                    folder.join(FILE).display()
                );
                Err(Failure::new(ExitCode::Damaged, "identity.changed", message)
                    .help("nothing was changed: restore a good copy of that file,")
                    .help("or create a new profile:  --profile NAME"))
            }
            // A profile of an earlier version, or a damaged file, which the key replaces. A length
            // that was signed with another key is still found, see `SignedMark`.
            None if is_read_only => Ok(()),
            None => files::write(folder, PUBLIC_FILE, self.public_text().as_bytes()),
        }
    }
}

/// Returns whether a text has the format and the checksum of `identity.pub`.
fn is_public_text(text: &str) -> bool {
    let Some(bytes) = text.strip_suffix('\n').and_then(decode_symbols) else { return false };
    let Some((id, crc)) = bytes.split_last_chunk::<4>() else { return false };
    id.len() == SEED_BYTES && crc32fast::hash(id).to_le_bytes() == *crc
}

/// Returns 32 secret bytes from the system.
pub(super) fn random() -> Result<Zeroizing<[u8; 32]>, Failure> {
    let mut bytes = Zeroizing::new([0; 32]);
    getrandom::fill(&mut bytes[..]).map_err(|error| {
        let message = format!("cannot get random bytes from the system: {error}");
        Failure::new(ExitCode::Failed, "identity.random", message)
    })?;
    Ok(bytes)
}
