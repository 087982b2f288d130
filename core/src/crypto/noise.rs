//! `Noise_XX_Ed25519_ChaChaPoly_BLAKE2b` as the JavaScript packages noise-handshake and
//! noise-curve-ed speak it: both keys are Ed25519 keys, and the exchange happens on the Edwards
//! form of the curve. Members use the same with a pre-shared key, `XXpsk0` (The Noise Protocol
//! Framework, revision 34, section 9): a side that does not know the key learns no static key.

use alloc::{borrow::ToOwned, boxed::Box, vec, vec::Vec};
use core::{fmt, hint::black_box};

use curve25519_dalek::edwards::CompressedEdwardsY;
use snow::{
    Builder, Error, HandshakeState,
    params::{
        BaseChoice, CipherChoice, DHChoice, HandshakeChoice, HandshakeModifier,
        HandshakeModifierList, HandshakePattern, HashChoice, NoiseParams,
    },
    resolvers::{CryptoResolver, DefaultResolver},
    types::{Cipher, Dh, Hash, Random},
};
use zeroize::{Zeroize, Zeroizing};

use super::sign::{KeyPair, PublicKey};
use crate::rng::Rng;

/// The name that both sides hash first.
const PROTOCOL: &str = "Noise_XX_Ed25519_ChaChaPoly_BLAKE2b";

/// The same with a pre-shared key.
const PROTOCOL_PSK: &str = "Noise_XXpsk0_Ed25519_ChaChaPoly_BLAKE2b";

/// Maximum bytes of a handshake message. Messages with empty payloads have 32, 96 and 64 bytes, and
/// the first has 48 with a pre-shared key; the rest leaves room for payloads, which both JavaScript
/// and we ignore.
pub const MESSAGE_SIZE_MAX: usize = 256;

/// Which of the two sides of a connection this one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// The side that sends first.
    #[doc(alias = "isInitiator")]
    Initiator,
    /// The side that answers.
    Responder,
}

impl Role {
    /// The byte that represents the role in hashes.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Initiator => 0,
            Self::Responder => 1,
        }
    }

    /// The role of the other side.
    pub const fn other(self) -> Self {
        match self {
            Self::Initiator => Self::Responder,
            Self::Responder => Self::Initiator,
        }
    }
}

/// The remote's message is not a step of this handshake: cut short, forged, or made with a key
/// of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadHandshake;

impl fmt::Display for BadHandshake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the remote's handshake message does not fit")
    }
}

impl core::error::Error for BadHandshake {}

/// A key that stays at one place of the heap, where it is wiped at the end.
pub type SecretKey = Box<Zeroizing<[u8; 32]>>;

/// The result of a handshake: one key per direction and the shared values.
pub struct Split {
    /// Encrypts what this side sends.
    pub send_key: SecretKey,
    /// Decrypts what the remote sends.
    pub receive_key: SecretKey,
    /// The same on both sides, and on no other connection.
    pub handshake_hash: [u8; 64],
    /// The remote's static key, proven.
    pub remote: PublicKey,
}

/// A handshake in progress.
pub struct Noise(Box<HandshakeState>);

impl Noise {
    /// Begins a handshake without a pre-shared key; draws 32 bytes, the seed of the ephemeral key.
    pub fn new(role: Role, key_pair: &KeyPair, rng: &mut Rng) -> Self {
        Self::with_ephemeral(role, key_pair, None, &Zeroizing::new(rng.array()))
    }

    /// Begins a handshake with a pre-shared key; draws as [`new`](Self::new).
    pub fn with_psk(role: Role, key_pair: &KeyPair, psk: &[u8; 32], rng: &mut Rng) -> Self {
        Self::with_ephemeral(role, key_pair, Some(psk), &Zeroizing::new(rng.array()))
    }

    /// Begins a handshake with this seed of the ephemeral key.
    pub(crate) fn with_ephemeral(
        role: Role,
        key_pair: &KeyPair,
        psk: Option<&[u8; 32]>,
        ephemeral: &Zeroizing<[u8; 32]>,
    ) -> Self {
        let seeds = Seeds { ephemeral: ephemeral.clone() };
        let params = params(HandshakePattern::XX, psk.is_some());
        let builder = Builder::with_resolver(params, Box::new(seeds));
        let builder = builder.local_private_key(key_pair.seed());
        let builder = builder.and_then(|builder| match psk {
            Some(psk) => builder.psk(0, psk),
            None => Ok(builder),
        });
        let state = builder.and_then(|builder| match role {
            Role::Initiator => builder.build_initiator(),
            Role::Responder => builder.build_responder(),
        });
        // XX needs the local key alone, it was given once, and the resolver has every primitive.
        Self(Box::new(state.expect("a complete XX handshake")))
    }

    /// The next message of this side. Call it first as the initiator, and after each
    /// [`receive`](Self::receive) that did not finish the handshake.
    pub fn send(&mut self) -> Result<Vec<u8>, BadHandshake> {
        self.send_with(&[])
    }

    /// The next message of this side with a payload.
    pub(crate) fn send_with(&mut self, payload: &[u8]) -> Result<Vec<u8>, BadHandshake> {
        let mut message = [0; MESSAGE_SIZE_MAX];
        let length = self.0.write_message(payload, &mut message).map_err(|_| BadHandshake)?;
        message.get(..length).map(<[u8]>::to_vec).ok_or(BadHandshake)
    }

    /// Takes the remote's next message. After an error the handshake is void.
    pub fn receive(&mut self, message: &[u8]) -> Result<(), BadHandshake> {
        // An early payload is not encrypted yet, so it can be as long as the message.
        let mut payload = [0; MESSAGE_SIZE_MAX];
        self.0.read_message(message, &mut payload).map(|_| ()).map_err(|_| BadHandshake)
    }

    /// Whether the handshake is complete.
    pub fn is_finished(&self) -> bool {
        self.0.is_handshake_finished()
    }

    /// The keys of a complete handshake; otherwise the handshake itself.
    pub fn split(mut self) -> Result<Split, Self> {
        if !self.is_finished() {
            return Err(self);
        }
        let remote = self.0.get_remote_static().and_then(|key| key.try_into().ok());
        let Some(remote) = remote.map(PublicKey) else { return Err(self) };
        let Ok(handshake_hash) = self.0.get_handshake_hash().try_into() else { return Err(self) };
        let (initiator, responder) = self.0.dangerously_get_raw_split();
        let [initiator, responder] = [initiator, responder].map(|key| Box::new(key.into()));
        let (send_key, receive_key) =
            if self.0.is_initiator() { (initiator, responder) } else { (responder, initiator) };
        Ok(Split { send_key, receive_key, handshake_hash, remote })
    }
}

impl Drop for Noise {
    fn drop(&mut self) {
        // snow does not wipe its chaining key, from which the keys of the connection follow.
        *self.0 = blank();
        // Otherwise a compiler may omit the write.
        black_box(&self.0);
    }
}

impl fmt::Debug for Noise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noise(..)")
    }
}

impl fmt::Debug for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Split").field("remote", &self.remote).finish_non_exhaustive()
    }
}

/// A state without secrets.
fn blank() -> HandshakeState {
    let seeds = Seeds { ephemeral: Zeroizing::new([0; 32]) };
    let builder = Builder::with_resolver(params(HandshakePattern::NN, false), Box::new(seeds));
    // NN needs no key, and the resolver has every primitive.
    builder.build_initiator().expect("a complete NN handshake")
}

fn params(pattern: HandshakePattern, has_psk: bool) -> NoiseParams {
    let (name, list) =
        if has_psk { (PROTOCOL_PSK, vec![HandshakeModifier::Psk(0)]) } else { (PROTOCOL, vec![]) };
    // The parser of snow knows no Ed25519; the choice of the curve only reaches our resolver.
    NoiseParams::new(
        name.to_owned(),
        BaseChoice::Noise,
        HandshakeChoice { pattern, modifiers: HandshakeModifierList { list } },
        DHChoice::Curve25519,
        CipherChoice::ChaChaPoly,
        HashChoice::Blake2b,
    )
}

/// Gives snow its primitives, and the only randomness that an XX handshake needs.
struct Seeds {
    ephemeral: Zeroizing<[u8; 32]>,
}

impl CryptoResolver for Seeds {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(OneSeed { seed: self.ephemeral.clone(), is_used: false }))
    }

    fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
        Some(Box::new(Ed25519 { pair: None, public: PublicKey([0; 32]) }))
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        DefaultResolver.resolve_hash(choice)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice).map(|cipher| Box::new(Wiped(cipher)) as _)
    }
}

/// Gives its 32 bytes once; a second draw would be a second ephemeral key, which XX has not.
struct OneSeed {
    seed: Zeroizing<[u8; 32]>,
    is_used: bool,
}

impl Random for OneSeed {
    fn try_fill_bytes(&mut self, into: &mut [u8]) -> Result<(), Error> {
        if self.is_used || into.len() != self.seed.len() {
            return Err(Error::Rng);
        }
        self.is_used = true;
        into.copy_from_slice(self.seed.as_slice());
        self.seed.zeroize();
        Ok(())
    }
}

/// A cipher whose key is wiped at the end, which snow's is not.
struct Wiped(Box<dyn Cipher>);

impl Drop for Wiped {
    fn drop(&mut self) {
        self.0.set(&[0; 32]);
    }
}

impl Cipher for Wiped {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn set(&mut self, key: &[u8; 32]) {
        self.0.set(key);
    }

    fn encrypt(&self, nonce: u64, authtext: &[u8], plaintext: &[u8], out: &mut [u8]) -> usize {
        self.0.encrypt(nonce, authtext, plaintext, out)
    }

    fn decrypt(
        &self,
        nonce: u64,
        authtext: &[u8],
        ciphertext: &[u8],
        out: &mut [u8],
    ) -> Result<usize, Error> {
        self.0.decrypt(nonce, authtext, ciphertext, out)
    }
}

/// The key exchange of noise-curve-ed `index.js`: an Ed25519 key pair once set, and its point.
struct Ed25519 {
    pair: Option<KeyPair>,
    public: PublicKey,
}

impl Dh for Ed25519 {
    fn name(&self) -> &'static str {
        "Ed25519"
    }

    fn pub_len(&self) -> usize {
        32
    }

    fn priv_len(&self) -> usize {
        32
    }

    fn set(&mut self, seed: &[u8]) {
        if let Ok(seed) = seed.try_into() {
            let pair = KeyPair::from_seed(seed);
            self.public = pair.public_key();
            self.pair = Some(pair);
        }
    }

    fn generate(&mut self, random: &mut dyn Random) -> Result<(), Error> {
        let mut seed = Zeroizing::new([0; 32]);
        random.try_fill_bytes(seed.as_mut_slice())?;
        self.set(seed.as_slice());
        Ok(())
    }

    fn pubkey(&self) -> &[u8] {
        &self.public.0
    }

    fn privkey(&self) -> &[u8] {
        self.pair.as_ref().map_or(&[], |pair| pair.seed())
    }

    fn dh(&self, remote: &[u8], out: &mut [u8]) -> Result<(), Error> {
        let pair = self.pair.as_ref().ok_or(Error::Dh)?;
        let encoded = remote.get(..32).and_then(|key| CompressedEdwardsY::from_slice(key).ok());
        let encoded = encoded.ok_or(Error::Dh)?;
        let point = encoded.decompress().ok_or(Error::Dh)?;
        // As libsodium's crypto_scalarmult_ed25519: one encoding per point, and none of small
        // order, whose product would be the same for every scalar. Unlike it: no check for the
        // main subgroup, because a clamped scalar is a multiple of 8 and clears the rest.
        if point.compress() != encoded || point.is_small_order() {
            return Err(Error::Dh);
        }
        let mut shared = point.mul_clamped(*Zeroizing::new(pair.scalar())).compress();
        let filled = out.get_mut(..32).map(|out| out.copy_from_slice(shared.as_bytes()));
        shared.zeroize();
        filled.ok_or(Error::Dh)
    }
}

#[cfg(test)]
mod tests;
