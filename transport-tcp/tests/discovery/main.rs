//! Peers that find each other by a DHT of their own, on loopback alone.

mod hostile;
mod liar;
mod mesh;
mod network;
mod router;
