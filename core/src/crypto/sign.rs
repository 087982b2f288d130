//! stand-in
/// A key pair.
#[derive(Clone, Debug)]
pub struct KeyPair([u8; 32]);
impl KeyPair {
    /// From a seed.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(seed)
    }
    /// The public half.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(self.0)
    }
}
/// A public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct PublicKey(pub [u8; 32]);
/// A signature.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Signature(pub [u8; 64]);
