//! ChaCha20-Poly1305 (RFC 8439) for one message under a key of its own.
//!
//! Rule: the nonce is 0, so no key seals two messages.

use alloc::vec::Vec;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit, Nonce};

/// Seals the one message of a key: 16 bytes longer.
pub(crate) fn seal(key: &[u8; 32], plaintext: &[u8]) -> Vec<u8> {
    let cipher = ChaCha20Poly1305::new(Key::from_slice(key));
    // It fails only above 256 GiB, and what is sealed fits a frame.
    cipher.encrypt(&Nonce::default(), plaintext).expect("a message that fits a frame")
}

/// Opens the message of a key; `None` if it was not sealed with it.
pub(crate) fn open(key: &[u8; 32], sealed: &[u8]) -> Option<Vec<u8>> {
    ChaCha20Poly1305::new(Key::from_slice(key)).decrypt(&Nonce::default(), sealed).ok()
}

#[cfg(test)]
mod tests;
