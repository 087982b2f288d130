//! The group: the set of feeds that belong together, and the secret that its members share.
//!
//! Rule: every public identifier of a group is a domain-separated hash of its key, so neither a
//! topic nor a channel's id reveals the key.

use core::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::crypto::hash::{Hash, keyed, namespace};

/// A group of feeds, made from the 32-byte key that its members share.
#[derive(Clone)]
pub struct Group {
    key: Zeroizing<[u8; 32]>,
    topic: [u8; 32],
    discovery_key: [u8; 32],
    feed_namespace: [u8; 32],
}

impl Group {
    /// The group of a secret key. Everyone who knows the key can read and join.
    ///
    /// The key must be 32 random bytes: a topic can be tested against a guess offline.
    pub fn keyed(key: [u8; 32]) -> Self {
        let topic = keyed(&key, &[b"multifeed/1 topic"]);
        Self::with_topic(Zeroizing::new(key), topic)
    }

    /// The open group of a name. Everyone who knows or guesses the name can read and join.
    ///
    /// Its topic is SHA-256 of the name, as in the workshop's `swarm.join(sha256('foobar-123'))`;
    /// its key is a hash of another domain.
    pub fn open(name: &str) -> Self {
        let key = keyed(&namespace("multifeed", 0), &[b"open group", name.as_bytes()]);
        Self::with_topic(Zeroizing::new(key), Sha256::digest(name.as_bytes()).into())
    }

    /// The group of a recorded key and topic.
    pub(crate) fn of_parts(key: [u8; 32], topic: [u8; 32]) -> Self {
        Self::with_topic(Zeroizing::new(key), topic)
    }

    fn with_topic(key: Zeroizing<[u8; 32]>, topic: [u8; 32]) -> Self {
        let discovery_key = keyed(&key, &[b"multifeed/1 channel"]);
        let feed_namespace = keyed(&key, &[b"multifeed/1 feeds"]);
        Self { key, topic, discovery_key, feed_namespace }
    }

    /// The secret itself, which an invite contains.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The topic under which the group's members find each other on a network.
    pub fn topic(&self) -> &[u8; 32] {
        &self.topic
    }

    /// The id of the group's channel on a connection.
    pub fn discovery_key(&self) -> &[u8; 32] {
        &self.discovery_key
    }

    /// The pre-shared key of handshakes between members.
    pub fn handshake_key(&self) -> Hash {
        keyed(&self.key, &[b"multifeed/1 handshake"])
    }

    /// The namespace in the manifest of each feed of the group.
    pub fn feed_namespace(&self) -> &[u8; 32] {
        &self.feed_namespace
    }
}

impl fmt::Debug for Group {
    /// Shows only the topic: the key is a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Group(topic ")?;
        crate::hex::write(f, &self.topic[..4])?;
        f.write_str(")")
    }
}
