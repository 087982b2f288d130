//! Manifests: who may sign a feed (hypercore `lib/messages.js`, `lib/verifier.js`).

use crate::wire::codec::{Malformed, Reader};

/// The only kind of manifest that is taken: version 1, one Ed25519 signer, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// What the author's feeds of one purpose have in common.
    pub namespace: [u8; 32],
    /// The author's public key.
    pub public_key: [u8; 32],
}

/// What a manifest has that is not supported.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Unsupported {
    /// Another version than 1.
    Version,
    /// Blocks that are given by their hash, without a signature.
    Prologue,
    /// Not exactly one signer, a quorum of others than one, or signatures over patches.
    Multisig,
    /// A hash or a kind of signature other than BLAKE2b and Ed25519.
    Algorithm,
}

/// Bits of a manifest's flags.
const PATCH: u64 = 1;
const PROLOGUE: u64 = 2;

impl Manifest {
    /// Length of an encoded manifest.
    pub const BYTES: usize = 70;

    /// Appends nothing else to it: version 1, no flags, hash BLAKE2b, quorum 1, 1 signer: Ed25519,
    /// namespace, public key.
    pub fn encode(&self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..6].copy_from_slice(&[1, 0, 0, 1, 1, 0]);
        bytes[6..38].copy_from_slice(&self.namespace);
        bytes[38..].copy_from_slice(&self.public_key);
        bytes
    }

    /// Reads a manifest. What is not supported is not read further: it stands last in a message.
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Result<Self, Unsupported>, Malformed> {
        if reader.uint()? != 1 {
            return Ok(Err(Unsupported::Version));
        }
        let flags = reader.uint()?;
        if flags & PROLOGUE != 0 {
            return Ok(Err(Unsupported::Prologue));
        }
        if reader.uint()? != 0 {
            return Ok(Err(Unsupported::Algorithm));
        }
        let (quorum, signers) = (reader.uint()?, reader.uint()?);
        if flags & PATCH != 0 || quorum != 1 || signers != 1 {
            return Ok(Err(Unsupported::Multisig));
        }
        if flags != 0 {
            return Ok(Err(Unsupported::Version));
        }
        if reader.uint()? != 0 {
            return Ok(Err(Unsupported::Algorithm));
        }
        Ok(Ok(Self { namespace: reader.array()?, public_key: reader.array()? }))
    }
}
